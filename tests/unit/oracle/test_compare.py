"""The comparison sees every kind of difference, and stays readable."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.oracle.compare import AT_MOST, differences, report, same

D = Decimal
ROW = {"email": "a@b.co", "amount": D("1.50"), "n": 1, "day": date(2026, 1, 1), "known": None}


@pytest.mark.parametrize(
    ("expected", "got", "equal"),
    [
        (D("1.50"), D("1.5000"), True),
        (D("1.50"), D("1.51"), False),
        (D("1.50"), 1.5, False),
        (D(0), 0, True),
        (D(0), None, False),
        (D(1), True, False),
        (1, True, False),
        (1, "1", False),
        (0, None, False),
        (None, None, True),
        (None, "", False),
        ("a", "a ", False),
        (date(2026, 1, 1), "2026-01-01", False),
    ],
)
def test_same(expected: Any, got: Any, *, equal: bool) -> None:
    assert same(expected, got) is equal


def test_no_difference() -> None:
    assert report({"a@b.co": ROW}, {"a@b.co": dict(ROW)}) == ""


@pytest.mark.parametrize(
    ("got", "column"),
    [
        ({}, "(row)"),
        ({"a@b.co": ROW, "x@y.zz": ROW}, "(row)"),
        ({"a@b.co": ROW | {"n": 2}}, "n"),
        ({"a@b.co": ROW | {"extra": 2}}, "extra"),
        ({"a@b.co": {k: v for k, v in ROW.items() if k != "known"}}, "known"),
    ],
)
def test_each_kind_is_seen(got: dict[str, dict[str, Any]], column: str) -> None:
    assert [difference.column for difference in differences({"a@b.co": ROW}, got)] == [column]


def test_the_report_is_short_and_says_why() -> None:
    expected: dict[str, dict[str, Any]] = {f"{n:03d}@b.co": {"n": 1, "m": 1} for n in range(100)}
    got: dict[str, dict[str, Any]] = {email: {"n": 2, "m": 1} for email in expected}
    got["050@b.co"]["m"] = 3
    lines = report(expected, got, explain=lambda email: f"orders of {email}").splitlines()
    assert lines[0] == "101 differences in 100 contacts: n 100, m 1"
    assert len(lines) == 1 + AT_MOST
    assert "050@b.co m: expected 1, got 3  [orders of 050@b.co]" in "\n".join(lines)
