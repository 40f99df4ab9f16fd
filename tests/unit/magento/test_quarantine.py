"""The quarantine lists what is wrong now: lines come, and go when they no longer hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from loaders.magento.quarantine import QUARANTINE_DAYS, Quarantine
from loaders.magento.storage import RawStore
from loaders.magento.tables import ORDERS

BEFORE = datetime(2026, 11, 23, 3, 0)
NOW = datetime(2026, 11, 24, 3, 0)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "warehouse.duckdb"
        self.raw = RawStore(self.path, "main")
        with self.raw.held():
            self.raw.make_tables()
            Quarantine(self.raw).make()

    def line(self, row: str | None, column: str | None, found_at: datetime = BEFORE) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(
                "insert into raw.quarantined values ('main', 'orders', ?, ?, ?, 'why', ?)",
                [row or "?", row, column, found_at],
            )

    def order(self, number: int, changed_at: datetime, deleted_at: datetime | None = None) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(
                "insert into raw.orders (store_key, entity_id, _changed_at, _deleted_at) values ('main', ?, ?, ?)",
                [number, changed_at, deleted_at],
            )

    def settle(self) -> list[tuple[str | None, str | None, datetime]]:
        with self.raw.held():
            Quarantine(self.raw).settle(ORDERS, [], NOW)
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(
                "select row_id, column_name, found_at from raw.quarantined order by all"
            ).fetchall()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_row_written_anew_loses_its_old_lines(desk: Desk) -> None:
    desk.order(1, NOW)
    desk.order(2, BEFORE)
    desk.line("1", "base_grand_total")
    desk.line("2", "base_grand_total")
    assert desk.settle() == [("2", "base_grand_total", BEFORE)], "nobody has looked at order 2 since"


def test_a_line_without_a_row_to_be_found_by_grows_old(desk: Desk) -> None:
    desk.line(None, "entity_id", NOW - timedelta(days=QUARANTINE_DAYS - 1))
    assert len(desk.settle()) == 1
    desk.line(None, "order_id", NOW - timedelta(days=QUARANTINE_DAYS + 1))
    assert len(desk.settle()) == 1
