"""Clocks that are wrong: nothing is remembered as of a moment that is still to come, and nothing is lost by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.load.desk import differences, kept, served
from loaders.magento.tables import CUSTOMERS, ORDERS
from tests.e2e.shop import Shop, raw

pytestmark = pytest.mark.usefixtures("quick_retries")

SOME = (CUSTOMERS, ORDERS)
MONTH = timedelta(days=30)
MARKS = ("cursor", "at")
"""Of the last window, and of the last second look."""


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def marks(folder: Path) -> list[datetime]:
    with kept(folder) as state:
        return [datetime.fromisoformat(one[mark]) for one in state.values() for mark in MARKS if mark in one]


def test_a_store_whose_clock_is_a_month_ahead_for_one_night_loses_nothing(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, fresh = tmp_path / "warehouse", tmp_path / "fresh"
    with served(store) as desk:
        shown = datetime.fromisoformat(desk.post("settings", {})["now"])
        desk.set(clock_ahead=(now() + MONTH - shown).total_seconds())
        assert desk.load(folder, SOME).errors == []
        assert capsys.readouterr().out.count("the store's clock says ") == 1
        assert max(marks(folder)) <= now()
        desk.set(clock_ahead=0.0)
        desk.advance(2)
        assert desk.load(folder, SOME).errors == []
        desk.load(fresh, SOME)
        desk.requests()
        again = desk.load(folder, SOME)
        assert len(desk.requests()) <= 25, "the same night once more reads nothing again"
    assert sum(table.changed for table in again.tables.values()) == 0
    assert differences(folder, fresh) == {}


def test_a_cursor_in_the_future_is_put_right_and_what_it_missed_is_read(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it is left by a night in which both clocks were ahead."""
    folder, fresh, shop = tmp_path / "warehouse", tmp_path / "fresh", Shop(store)
    with served(store) as desk:
        desk.load(folder, SOME)
        assert {str(at)[:16] for at in marks(folder)} == {desk.post("settings", {})["now"][:16]}, "the store's clock"
        with kept(folder) as state:
            for one in state.values():
                one |= {mark: (now() + MONTH).isoformat() for mark in MARKS if mark in one}
        # It changed while nobody looked, and long before the newest row that the warehouse has.
        shop.edit("orders", 30, lambda doc: doc.update(coupon_code="TARDE", updated_at="2026-11-01 00:00:00"))
        shop.sql("update orders set updated_at = '2026-11-01 00:00:00' where entity_id = 30")
        capsys.readouterr()
        assert desk.load(folder, SOME).errors == []
        assert raw(folder, "coupon_code", "orders", "entity_id = 30") == ("TARDE",)
        assert capsys.readouterr().out.count("orders: the last load is dated ") == 1
        assert max(marks(folder)) <= now()
        desk.advance(1)
        desk.load(folder, SOME)
        assert "which is still to come" not in capsys.readouterr().out
        desk.load(fresh, SOME)
    assert differences(folder, fresh) == {}
