"""Ids with gaps and counts that are wrong: as many requests as rows ask for, and no row lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.load.desk import Desk, house, living, served
from loaders.magento.__main__ import span
from loaders.magento.load import Load
from loaders.magento.schema import Table
from loaders.magento.tables import CUSTOMERS, ORDERS
from tests.e2e.shop import Shop, raw

pytestmark = pytest.mark.usefixtures("quick_retries")

FAR_APART = (5, 3_000_000, 2_000_000_000)
TABLES = (ORDERS, CUSTOMERS)


def renumber(shop: Shop, ids: dict[int, int]) -> None:
    """Keep these orders alone, under new ids."""
    shop.sql(f"delete from orders where entity_id not in ({','.join(map(str, ids))})")
    for old, new in ids.items():
        doc = json.loads(shop.sql("select doc from orders where entity_id = ?", old)[0][0])
        doc["entity_id"] = new
        for line in doc["items"]:
            line["order_id"] = new
        shop.sql("update orders set entity_id = ?, doc = ? where entity_id = ?", new, json.dumps(doc), old)


def cost(desk: Desk, folder: Path, way: str) -> int:
    """Requests of a load, or of a backfill of everything or of some years."""
    desk.requests()
    run = Load(desk.settings, house(folder), ())
    if way == "some years":
        result = run.backfill(TABLES, span("2020-01-01", "2030-01-01"))
    else:
        if way == "everything":
            run.restart(TABLES)
        result = run.run(TABLES)
    assert result.errors == []
    return len(desk.requests())


def ids(folder: Path, table: Table = ORDERS) -> list[int]:
    return [row[1] for row in living(folder, table.name)]


def test_three_orders_far_apart_are_few_requests_in_each_kind_of_load(store: Path, tmp_path: Path) -> None:
    shop, folder = Shop(store), tmp_path / "warehouse"
    renumber(shop, dict(zip((120, 130, 140), FAR_APART, strict=True)))
    with served(store, page_size=100, chunk_ids=15_000) as desk:
        assert cost(desk, folder, "first load") < 60
        assert ids(folder) == list(FAR_APART)
        for way in ("everything", "some years"):
            assert cost(desk, folder, way) < 60
        # A night later: a silent change of one, another is gone.
        shop.edit("orders", FAR_APART[2], lambda doc: doc["billing_address"].update(city="Lejos"))
        shop.sql("delete from orders where entity_id = ?", FAR_APART[1])
        shop.sql("update meta set value = '2026-11-24 05:30:00' where key = 'now'")
        assert cost(desk.with_settings(reread_order_days=3650), folder, "night") < 60
        assert ids(folder) == [FAR_APART[0], FAR_APART[2]]
        assert raw(folder, "billing_city", "orders", f"entity_id = {FAR_APART[2]}") == ("Lejos",)


def test_pieces_workers_and_second_looks_follow_the_ids_there_are(store: Path, tmp_path: Path) -> None:
    """Half of the orders are a million ids beyond the others: no piece, share or night is of numbers without rows."""
    shop, folder = Shop(store), tmp_path / "warehouse"
    kept = [row[0] for row in shop.sql("select entity_id from orders where entity_id % 3 > 0 order by 1")]
    renumber(shop, {one: one if one < 75 else one * 1_000_000 for one in kept})
    with served(store, page_size=10, chunk_ids=20, reread_rows=0, reread_order_days=3650, workers=3) as desk:
        assert cost(desk, folder, "first load") < 60
        assert len(ids(folder)) == len(kept)
        read = []
        for day in range(24, 31):
            shop.sql("update meta set value = ? where key = 'now'", f"2026-11-{day} 05:30:00")
            result = Load(desk.settings, house(folder), ()).run((ORDERS,))
            read.append(result.tables["orders"].read)
        assert max(read) < len(kept) / 2, "a share of the orders each night"
        assert sum(read) >= len(kept)


@pytest.mark.parametrize("wrong", ["low", "high", "zero"])
def test_a_wrong_count_loses_no_row_and_ends(store: Path, tmp_path: Path, wrong: str) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    with served(store) as desk:
        desk.set(total_count=wrong)
        assert desk.load(kept, TABLES).errors == []
        desk.advance(2)
        desk.requests()
        assert desk.load(kept, TABLES).errors == []
        assert len(desk.requests()) < 400
        desk.set(total_count="right")
        desk.load(fresh, TABLES)
    lost = {name: set(living(fresh, name)) - set(living(kept, name)) for name in ("orders", "customers")}
    assert {name: len(rows) for name, rows in lost.items() if rows} == {}


def test_a_store_that_sends_fewer_rows_than_it_is_asked_for_loses_none(store: Path, tmp_path: Path) -> None:
    """Nobody tells why a page is short: only the count, or an empty page, says that it is the last."""
    folder = tmp_path / "warehouse"
    with served(store) as desk:
        desk.set(most_rows=7)
        assert desk.load(folder, TABLES).errors == []
        desk.advance(1)
        assert desk.load(folder, TABLES).errors == []
    for table in TABLES:
        assert len(ids(folder, table)) == Shop(store).sql(f"select count(*) from {table.name}")[0][0]
