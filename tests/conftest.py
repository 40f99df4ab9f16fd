"""Which tests may run beside each other, and in what order; see tests/README.md."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from loaders import text

HERE = Path(__file__).parent
# A process reads dlt's settings once, by whichever test asks first: the project's own, and nobody's secrets.
SETTINGS = tempfile.TemporaryDirectory()
shutil.copytree(HERE.parent / ".dlt", Path(SETTINGS.name) / ".dlt", ignore=lambda *_: ["secrets.toml"])
os.environ["DLT_PROJECT_DIR"] = SETTINGS.name
dlt.config.get("warehouse_path", str)

# Files whose tests take the nights of tests/e2e/conftest.py, which a process runs once.
NIGHTS = {
    path.relative_to(HERE.parent).as_posix()
    for path in (HERE / "e2e").glob("test_*.py")
    if re.search(r"\bnights: (dict|list)\[|\ball_nights: ", path.read_text(encoding="utf-8"))
}


@pytest.fixture(autouse=True)
def _secrets_of_one_test() -> Iterator[None]:
    """A secret that one test has is a word like any other in the next."""
    before = set(text._secrets)
    yield
    text._secrets.clear()
    text.keep_secret(*before)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """The tests of a file run in one process, for the servers that they share, and so do those of the nights."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "nights" if file in NIGHTS else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long first, or the end of a run waits for one of them alone."""

    def is_short(item: pytest.Item) -> tuple[bool, bool]:
        file = item.nodeid.split("::")[0]
        return file not in NIGHTS, not file.startswith(("tests/e2e/", "tests/property/"))

    items.sort(key=is_short)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to have this order again."""
    seed = terminalreporter.config.getoption("randomly_seed", None)
    terminalreporter.write_line(f"in the order of --randomly-seed={seed}")
