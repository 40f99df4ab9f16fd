"""`python -m loaders.report`: last night on one page, for the marketer who will use the numbers."""

from __future__ import annotations

from loaders.errors import Parser, run_command
from loaders.paths import warehouse
from loaders.report.page import report


def main() -> int:
    """Run the command line."""
    epilog = "for instance: make report REPORT_LANGUAGE=pt, or REPORT_LANGUAGE=pt python -m loaders.report"
    Parser(prog="python -m loaders.report", description=__doc__, epilog=epilog).parse_args()
    print(f"report in {report(warehouse())}")
    return 0


if __name__ == "__main__":
    run_command(main)
