"""What the doctor checked, as rows of one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from loaders.errors import PipelineError
from loaders.text import fit

OK, WARN, MISSING, NOT_CHECKED = "ok", "warn", "missing", "not checked"
WIDTH = 118
LONGEST = 2_000
_WHAT, _STATE = 30, 11
_STYLES = {OK: "green", WARN: "yellow", MISSING: "bold red", NOT_CHECKED: "dim"}


@dataclass(frozen=True)
class Check:
    """One row: what was looked at, its state, and what was found or what to do."""

    what: str
    state: str
    text: str


def guarded(what: str, checks: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """Yield what checks find; what goes wrong in them is a row, and no reason to stop."""
    try:
        yield from checks()
    except PipelineError as error:
        yield Check(what, MISSING, str(error))
    except Exception as error:  # what nobody foresaw must not hide the other rows
        yield Check(what, MISSING, f"{type(error).__name__}: {error}; report it")


def print_checks(checks: Sequence[Check]) -> None:
    """Print checks as one table of fixed width, so that it reads the same in a terminal, a log and a test."""
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False)
    table.add_column("what", width=_WHAT)
    table.add_column("", width=_STATE, no_wrap=True)
    table.add_column("found, or what to do", ratio=1)
    for check in checks:
        table.add_row(check.what, f"[{_STYLES[check.state]}]{check.state}[/]", _plain(fit(check.text, LONGEST)))
    Console(width=WIDTH, highlight=False).print(table)


def _plain(text: str) -> str:
    """Return text in which rich sees no markup."""
    return text.replace("[", r"\[")
