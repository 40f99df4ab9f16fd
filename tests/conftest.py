"""Which tests may run beside each other, and in what order; see tests/README.md."""

from __future__ import annotations

from pathlib import Path

import pytest

# Dear ones first, or the end of a run waits for one of them alone.
DEAR_FIRST = ("e2e", "property")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, for the servers that they share; of all files, those of the two nights."""
    here = Path(__file__).parent

    def folder(item: pytest.Item) -> str:
        return item.path.relative_to(here).parts[0]

    for item in items:
        shared = "nights" if "pipeline" in getattr(item, "fixturenames", ()) else str(item.path.relative_to(here))
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(shared))
    items.sort(key=lambda item: ("pipeline" not in getattr(item, "fixturenames", ()), folder(item) not in DEAR_FIRST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to have this order again."""
    seed = terminalreporter.config.getoption("randomly_seed", None)
    terminalreporter.write_line(f"in the order of --randomly-seed={seed}")
