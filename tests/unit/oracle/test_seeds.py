"""The seeds as they stand, and what the oracle makes of rows in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.oracle.contacts import COLUMNS
from tests.oracle.seeds import SEEDS, PaymentMethod, Seeds, Thresholds, read

D = Decimal


def test_the_projects_seeds() -> None:
    seeds = read()
    assert not seeds.payment_methods["free"].require_paid
    assert seeds.payment_methods["banktransfer"].require_paid
    assert {field.column for field in seeds.fields} <= set(COLUMNS)
    assert set(seeds.segments) == {
        (group, r, m) for group in ("BEGINNERS", "FREQUENT", "LOYAL") for r in range(1, 6) for m in range(1, 6)
    }
    assert len(set(seeds.segments.values()) | {"PROSPECTS"}) == 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the seeds that a test may change."""
    for seed in SEEDS.glob("*.csv"):
        (tmp_path / seed.name).write_bytes(seed.read_bytes())
    return tmp_path


def test_rows_are_read_by_header(folder: Path) -> None:
    (folder / "payment_methods.csv").write_text(
        "note,payment_method,require_paid,gateway,states\nx,odd,false,G,holded|processing\ny,cash,true,G,\n"
    )
    (folder / "exchange_rates.csv").write_text(
        "from_currency,to_currency,valid_from,rate\nUSD,ARS,,900\nUSD,ARS,2026-03-01,1000.5\nUSD,EUR,,0.9\n"
    )
    (folder / "rfm_thresholds.csv").write_text("measure,score,cutoff\nrecency,5,30\nmonetary,2,100.50\n")
    seeds = read(folder)
    assert seeds.payment_methods == {
        "odd": PaymentMethod(frozenset({"holded", "processing"})),
        "cash": PaymentMethod(require_paid=True),
    }
    assert seeds.rates("ARS", date(2026, 2, 28)) == {"USD": D(900)}
    assert seeds.rates("ARS", date(2026, 3, 1)) == {"USD": D("1000.5")}
    assert seeds.thresholds == Thresholds({"recency": {5: D(30)}, "monetary": {2: D("100.50")}})


def test_exclusions() -> None:
    seeds = replace(
        Seeds(),
        excluded=(
            ("exact", "Boss@example.com"),
            ("domain", "mask.example.com"),
            ("domain", "@at.example"),
            ("domain", "*.Star.example"),
            ("pattern", "^test[0-9]+@"),
        ),
    )
    assert [
        seeds.excludes(email)
        for email in (
            "boss@example.com",
            "aboss@example.com",
            "x@mask.example.com",
            "x@sub.mask.example.com",
            "x@unmask.example.com",
            "x@at.example",
            "x@a.star.example",
            "test12@example.com",
            "mytest12@example.com",
        )
    ] == [True, False, True, True, False, True, True, True, False]


def test_thresholds() -> None:
    fixed = Thresholds(
        {"recency": {5: D(30), 4: D(60), 3: D(90), 2: D(180)}, "monetary": {2: D(10), 3: D(20), 4: D(30), 5: D(40)}}
    )
    assert [fixed.score("recency", days) for days in (0, 30, 31, 60, 180, 181)] == [5, 5, 4, 4, 2, 1]
    assert [fixed.score("monetary", D(text)) for text in ("9.9999", "10", "39.99", "40", "900")] == [1, 2, 4, 5, 5]
