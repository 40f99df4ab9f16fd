"""The page about the last night, for the marketer who will use the numbers: `python -m loaders.report`."""

from loaders.report.form import report_language
from loaders.report.page import report

__all__ = ["report", "report_language"]
