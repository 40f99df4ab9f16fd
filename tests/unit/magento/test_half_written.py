"""What a run that was killed while it wrote leaves behind is found, read again, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from loaders.magento.store import RawStore
from loaders.magento.tables import ORDERS

DONE, NEWER, KILLED = "1764000000.5", "1764000900.5", "1764000500.5"


@pytest.fixture
def raw(tmp_path: Path) -> RawStore:
    store = RawStore(tmp_path / "warehouse.duckdb", "main")
    store.prepare()
    store.complete()
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create table raw._dlt_loads as select unnest(?::varchar[]) as load_id", [[DONE, NEWER]])
        for order, order_load, line_load in (
            (1, DONE, DONE),
            (2, KILLED, KILLED),  # written whole, as far as anybody knows
            (3, DONE, KILLED),  # its lines only
            (4, KILLED, DONE),  # without its lines
            (5, NEWER, KILLED),  # a line that is gone from an order read since
        ):
            connection.execute(
                "insert into raw.orders (store_key, entity_id, _row_hash, _dlt_load_id) values ('main', ?, 'hash', ?)",
                [order, order_load],
            )
            connection.execute(
                "insert into raw.order_items (store_key, item_id, order_id, _dlt_load_id) values ('main', ?, ?, ?)",
                [order * 10, order, line_load],
            )
    return store


def test_what_a_killed_run_wrote_is_read_again(raw: RawStore) -> None:
    raw.doubt_half_written()
    assert raw.half_written(ORDERS) == [2, 3, 4]


def test_a_row_that_only_its_lines_were_written_of_counts_as_changed(raw: RawStore, tmp_path: Path) -> None:
    raw.doubt_half_written()
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        doubted = connection.execute("select entity_id from raw.orders where _row_hash = '' order by 1").fetchall()
    assert doubted == [(3,)]
