"""Which tests may run beside each other, and in what order; see tests/README.md."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def takes_the_nights(item: pytest.Item) -> bool:
    """Whether a test has the `pipeline` of tests/e2e/conftest.py, not one of its own file."""
    return "pipeline" in getattr(item, "fixturenames", ()) and not hasattr(getattr(item, "module", None), "pipeline")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep in one process what shares the two nights, and else the tests of a file, for the servers that they share."""
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            file = str(item.path.relative_to(HERE))
            item.add_marker(pytest.mark.xdist_group("nights" if takes_the_nights(item) else file))
    # What takes long first, or the end of a run waits for one of them alone.
    long = ("e2e", "property")
    items.sort(key=lambda item: (not takes_the_nights(item), item.path.relative_to(HERE).parts[0] not in long))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to have this order again."""
    seed = terminalreporter.config.getoption("randomly_seed", None)
    terminalreporter.write_line(f"in the order of --randomly-seed={seed}")
