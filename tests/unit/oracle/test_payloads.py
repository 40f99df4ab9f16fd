"""What is sent: formats, and what ICOMMKT holds after some days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.oracle.contacts import Value
from tests.oracle.payloads import held_after, text_of
from tests.oracle.seeds import Field, Seeds

D = Decimal


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ("date", date(2026, 11, 3), "03/11/2026"),
        ("date", date(987, 1, 2), "02/01/0987"),
        ("date", None, ""),
        ("money", D("1234.5000"), "1234.50"),
        ("money", D("0.005"), "0.01"),
        ("money", D("1234567890.125"), "1234567890.13"),
        ("count", 3, "3"),
        ("count", 0, "0"),
        ("days", 0, "0"),
        ("days", None, ""),
        ("boolean", True, "si"),
        ("boolean", False, "no"),
        ("boolean", None, ""),
        ("text", "545", "545"),
        ("text", None, ""),
        ("text", "ñandú con ñ", "ñandú con "),
    ],
)
def test_formats(type_: str, value: Value, text: str) -> None:
    assert text_of(value, Field("Key", "column", type_, 10)) == text


def test_what_is_held_after_a_push() -> None:
    seeds = Seeds(fields=(Field("A", "a", "text"), Field("B", "b", "text", triggers_send=False)))
    held = held_after({}, {"x": {"A": "1", "B": "1"}, "gone": {"A": "1", "B": "1"}, "y": {"A": "1", "B": "1"}}, seeds)
    after = held_after(held, {"x": {"A": "1", "B": "2"}, "y": {"A": "2", "B": "2"}, "new": {"A": "", "B": ""}}, seeds)
    assert after == {
        "x": {"A": "1", "B": "1"},  # nothing that triggers moved
        "gone": {"A": "1", "B": "1"},
        "y": {"A": "2", "B": "2"},
        "new": {"A": "", "B": ""},
    }
