"""Compares what was built with what the oracle says, and tells the first differences and what lies behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

AT_MOST = 20


@dataclass(frozen=True)
class Difference:
    """One value that is not what it should be."""

    email: str
    column: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"{self.email} {self.column}: expected {self.expected!r}, got {self.got!r}"


def differences(
    expected: Mapping[str, Mapping[str, Any]], got: Mapping[str, Mapping[str, Any]]
) -> Iterator[Difference]:
    """Every difference between two sets of rows by e-mail: rows, then columns and values."""
    for email in sorted(expected.keys() | got.keys()):
        if email not in got:
            yield Difference(email, "(row)", "a row", "no row")
        elif email not in expected:
            yield Difference(email, "(row)", "no row", "a row")
        else:
            yield from _of_row(email, expected[email], got[email])


def _of_row(email: str, expected: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[Difference]:
    for column in dict.fromkeys([*expected, *got]):
        if column not in got:
            yield Difference(email, column, expected[column], "(no such column)")
        elif column not in expected:
            yield Difference(email, column, "(no such column)", got[column])
        elif not same(expected[column], got[column]):
            yield Difference(email, column, expected[column], got[column])


def same(expected: Any, got: Any) -> bool:
    """Equal in value and kind: a count is never a text or a truth, money is never a binary float."""
    if isinstance(expected, Decimal):
        return isinstance(got, Decimal | int) and not isinstance(got, bool) and expected == got
    return type(expected) is type(got) and bool(expected == got)


def report(
    expected: Mapping[str, Mapping[str, Any]],
    got: Mapping[str, Mapping[str, Any]],
    explain: Callable[[str], str] = lambda email: "",
) -> str:
    """Empty when nothing differs; else the first differences, one a line, and how many there are per column."""
    found = list(differences(expected, got))
    if not found:
        return ""
    columns: dict[str, int] = {}
    shown: list[Difference] = []
    for difference in found:
        columns[difference.column] = columns.get(difference.column, 0) + 1
        # Two of each column tell more than twenty of one.
        if columns[difference.column] <= 2 and len(shown) < AT_MOST:
            shown.append(difference)
    shown += [difference for difference in found if difference not in shown][: AT_MOST - len(shown)]
    counts = ", ".join(f"{column} {number}" for column, number in sorted(columns.items(), key=lambda item: -item[1]))
    lines = [f"{len(found)} differences in {len({d.email for d in found})} contacts: {counts}"]
    for difference in shown:
        why = explain(difference.email)
        lines.append(f"- {difference}" + (f"  [{why}]" if why else ""))
    return "\n".join(lines)
