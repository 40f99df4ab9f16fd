"""Each change that `updated_at` hides is seen in the time that docs/loading.md states; what breaks is noted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.load.desk import Desk, differences, house, living, served
from loaders.magento.load import Load
from loaders.magento.tables import ATTRIBUTE_OPTIONS, CATEGORIES, CUSTOMER_GROUPS, CUSTOMERS, ORDERS, TABLES
from tests.e2e.shop import Doc, Shop, raw
from tests.front import Asked, Spoilt, front_of

pytestmark = pytest.mark.usefixtures("quick_retries")


SMALL = (CATEGORIES, CUSTOMER_GROUPS, ATTRIBUTE_OPTIONS)


@pytest.fixture
def desk(store: Path) -> Iterator[Desk]:
    with served(store) as desk:
        yield desk


def test_each_change_without_a_new_updated_at_is_seen_the_next_night(desk: Desk, tmp_path: Path) -> None:
    """Every row of the table "How late each change is seen" that is seen the next night, one by one."""
    folder, shop = tmp_path / "warehouse", Shop(tmp_path / "store.sqlite")
    desk.load(folder)
    desk.advance(1)  # a night later by the store's clock
    young = shop.one("orders", "created_at > '2026-11-01' and json_extract(doc, '$.customer_id') is null")
    account = shop.one("customers", "entity_id > 20 and json_array_length(doc, '$.addresses') > 0")
    deleted = {
        "orders": shop.one("orders", "entity_id > 40"),
        "creditmemos": shop.one("creditmemos", "entity_id > 3"),
        "products": shop.one("products", "entity_id > 40"),
        "customers": shop.one("customers", f"entity_id > {account}"),
        "categories": 66,
        "customer_groups": 2,
    }
    for table, key in deleted.items():
        shop.sql(f"delete from {table} where entity_id = ?", key)
    orders_of_deleted = shop.sql(
        "select entity_id from orders where json_extract(doc, '$.customer_id') = ?", deleted["customers"]
    )
    for (key,) in orders_of_deleted:
        shop.edit("orders", key, lambda doc: doc.pop("customer_id"))
    shop.edit("orders", young, lambda doc: doc["billing_address"].update(city="Ciudad Corregida"))
    shop.edit("customers", account, lambda doc: doc["addresses"][0].update(city="Villa Mudanza"))
    shop.edit("customers", account, lambda doc: doc.update(group_id=4))
    was = raw(folder, "is_subscribed", "customers", f"id = {account}")[0]
    shop.edit("customers", account, lambda doc: doc["extension_attributes"].update(is_subscribed=not was))
    shop.edit("categories", 5, lambda doc: doc.update(name="Remeras de siempre"))
    shop.edit("categories", 6, lambda doc: doc.update(parent_id=3, path="1/2/3/6", level=3))
    shop.edit("customer_groups", 3, lambda doc: doc.update(code="Minorista"))
    shop.sql(
        "update attribute_options set label = 'Otra Marca' where attribute_code = 'manufacturer' and value = '215'"
    )
    links = [{"position": 0, "category_id": "7"}]
    shop.edit("products", 30, lambda doc: doc["extension_attributes"].update(category_links=links))
    shop.edit("products", 31, lambda doc: doc.update(name="Nombre de la vista", price=12.5, status=2))

    result = desk.load(folder)
    assert result.errors == []
    for table, key in deleted.items():
        name = TABLES[table].primary_key[0]
        assert raw(folder, "_deleted_at is not null", table, f"{name} = {key}") == (True,), table
        assert result.tables[table].deleted >= 1, table
    assert orders_of_deleted
    for (key,) in orders_of_deleted:
        assert raw(folder, "customer_id", "orders", f"entity_id = {key}") == (None,)
    assert raw(folder, "billing_city", "orders", f"entity_id = {young}") == ("Ciudad Corregida",)
    assert raw(folder, "group_id, is_subscribed", "customers", f"id = {account}") == (4, not was)
    assert raw(folder, "addresses::json ->> '$[0].city'", "customers", f"id = {account}") == ("Villa Mudanza",)
    assert raw(folder, "name", "categories", "id = 5") == ("Remeras de siempre",)
    assert raw(folder, "parent_id, path, level", "categories", "id = 6") == (3, "1/2/3/6", 3)
    assert raw(folder, "code", "customer_groups", "id = 3") == ("Minorista",)
    assert raw(folder, "label", "attribute_options", "value = '215'") == ("Otra Marca",)
    assert raw(folder, "category_links::json ->> '$[*].category_id'", "products", "id = 30") == (["7"],)
    assert raw(folder, "name, price, status", "products", "id = 31") == ("Nombre de la vista", 12.5, 2)

    fresh = tmp_path / "fresh"
    desk.load(fresh)
    assert differences(folder, fresh).keys() <= {"orders"}, "older orders than 30 days may wait"
    assert desk.load(fresh).changed == 0, "a store in which nothing has changed"


def test_a_row_that_breaks_a_small_table_costs_only_itself(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "warehouse"
    desk.set(poison_categories=[1, 30, 67], poison_customer_groups=[0], poison_answer="500")
    first = desk.load(folder, SMALL)
    assert first.errors == []
    assert first.quarantined == 4
    assert "could not send 3 row(s) (id 1, 30, 67)" in first.tables["categories"].note
    assert len(living(folder, "categories")) == 64
    assert {row[1] for row in living(folder, "customer_groups")} == {1, 2, 3, 4}

    desk.set(poison_categories=[], poison_customer_groups=[])
    assert desk.load(folder, SMALL).quarantined == 0
    assert len(living(folder, "categories")) == 67

    desk.set(poison_categories=[30])
    again = desk.load(folder, SMALL)
    assert again.quarantined == 1
    assert again.tables["categories"].deleted == 0, "a row that cannot be sent is there"
    Shop(tmp_path / "store.sqlite").sql("delete from categories where entity_id = 30")
    last = desk.load(folder, SMALL)
    assert (last.quarantined, last.tables["categories"].deleted) == (0, 1)


def test_a_small_table_that_is_suddenly_empty_is_not_believed(desk: Desk, tmp_path: Path) -> None:
    folder, shop = tmp_path / "warehouse", Shop(tmp_path / "store.sqlite")
    desk.load(folder, SMALL)
    shop.sql("delete from categories where entity_id > 30")
    shop.sql("delete from attribute_options")
    result = desk.load(folder, SMALL)
    assert result.errors == []
    for table in ("categories", "attribute_options"):
        assert result.tables[table].deleted == 0
        assert "no deletion marked" in result.tables[table].note
    assert len(living(folder, "categories")) == 67


def test_values_that_cannot_be_read_cost_only_themselves_and_heal(desk: Desk, tmp_path: Path) -> None:
    folder, shop = tmp_path / "warehouse", Shop(tmp_path / "store.sqlite")
    changes: dict[int, Callable[[Doc], object]] = {
        50: lambda doc: doc.update(base_grand_total="ciento veinte"),
        51: lambda doc: doc.update(base_grand_total=None),
        52: lambda doc: doc.pop("base_grand_total"),
        55: lambda doc: doc.update(created_at="0000-00-00 00:00:00"),
        56: lambda doc: doc.update(customer_gender=10**30),
        57: lambda doc: doc.update(customer_lastname="x" * 1_000_000),
    }
    docs = {key: shop.sql("select doc from orders where entity_id = ?", key)[0][0] for key in changes}
    for key, change in changes.items():
        shop.edit("orders", key, change)
    first = desk.load(folder, (CUSTOMERS, ORDERS))
    assert first.errors == []
    with duckdb.connect(str(house(folder).path), read_only=True) as connection:
        lines = connection.execute(
            "select row_id::int, column_name, reason from raw.quarantine order by 1, 2"
        ).fetchall()
    assert lines == [
        (50, "base_grand_total", "not a money: ciento veinte"),
        (55, "created_at", "not a timestamp: 0000-00-00 00:00:00"),
        (56, "customer_gender", "not a bigint: 1e+30"),
    ]
    assert first.quarantined == 3
    ids = {row[1] for row in living(folder, "orders")}
    assert {50, 51, 52, 56, 57} <= ids
    assert 55 not in ids
    assert len(ids) == len(living(folder, "orders"))
    assert raw(folder, "length(customer_lastname)", "orders", "entity_id = 57") == (1_000_000,)

    for key, doc in docs.items():
        shop.sql("update orders set doc = ?, updated_at = '2026-11-23 05:29:00' where entity_id = ?", doc, key)
    desk.load(folder, (CUSTOMERS, ORDERS))
    fresh = tmp_path / "fresh"
    assert desk.load(fresh, (CUSTOMERS, ORDERS)).quarantined == 0
    assert living(folder, "orders") == living(fresh, "orders")


def test_a_backfill_of_an_unchanged_store_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    """Pieces that are read while others are written know what the warehouse has, too."""
    desk, folder = desk.with_settings(chunk_ids=60), tmp_path / "warehouse"
    desk.load(folder, (CUSTOMERS, ORDERS))
    Shop(tmp_path / "store.sqlite").edit("orders", 200, lambda doc: doc.update(coupon_code="SILENCIO"))
    again = Load(desk.settings, house(folder), ())
    again.restart((CUSTOMERS, ORDERS))
    result = again.run((CUSTOMERS, ORDERS))
    assert result.tables["orders"].read >= 300
    assert {name: table.changed for name, table in result.tables.items()} == {
        "customers": 0,
        "orders": 1,
    }


def test_names_that_come_back_empty_are_kept_and_real_changes_are_seen(desk: Desk, tmp_path: Path) -> None:
    """A store that has forgotten labels of brands and names of categories: ICOMMKT would be sent blanks."""

    def load(edit: Callable[[str, list[Doc]], list[Doc]]) -> dict[str, str]:
        """Load what `edit` makes of the rows of the two small tables; their notes."""

        def spoilt(asked: Asked) -> Spoilt | None:
            body = json.loads(asked.body) if re.search("/graphql|/V1/categories", asked.path) else {}
            if body.get("items"):
                rows = edit("name", body["items"])
                body |= {"items": rows, "total_count": len(rows)}
            elif "customAttributeMetadata" in body.get("data", {}):
                options = body["data"]["customAttributeMetadata"]["items"][0]
                options["attribute_options"] = edit("label", options["attribute_options"])
            return Spoilt(json.dumps(body).encode()) if body else None

        front.spoil = spoilt
        result = Desk.at(front.url, page_size=100).load(folder, (CATEGORIES, ATTRIBUTE_OPTIONS))
        assert result.errors == []
        return {table: result.tables[table].note for table in ("categories", "attribute_options")}

    def names() -> dict[str, dict[Any, Any]]:
        with duckdb.connect(str(house(folder).path), read_only=True) as connection:
            return {
                table: dict(connection.execute(f"select {key}, {name} from raw.{table}").fetchall())
                for table, key, name in (("categories", "id", "name"), ("attribute_options", "value", "label"))
            }

    folder = tmp_path / "warehouse"
    with front_of(desk.url) as front:
        load(lambda name, rows: rows)
        first = names()
        notes = load(lambda name, rows: [{**row, name: None} for row in rows])
        assert names() == first
        assert "67 of 67 rows came without the name they had; all stays as it was" in notes["categories"]
        assert "24 of 24 rows came without the label they had" in notes["attribute_options"]

        brand, *others = list(first["attribute_options"])[:3]

        def some(name: str, rows: list[Doc]) -> list[Doc]:
            if name == "label":
                new = {brand: "Marca Nueva", **dict.fromkeys(others, " ")}
                return [{**row, "label": new.get(row["value"], row["label"])} for row in rows]
            rows[0]["name"], rows[1]["position"] = None, 77
            return [row for row in rows if row["id"] != 67]

        notes = load(some)
    assert "1 row(s) came without the name they had, and keep it" in notes["categories"]
    assert "2 row(s) came without the label they had, and keep it" in notes["attribute_options"]
    assert names() == {**first, "attribute_options": {**first["attribute_options"], brand: "Marca Nueva"}}
    assert raw(folder, "id", "categories", "_deleted_at is not null") == (67,)
    assert raw(folder, "position", "categories", "position = 77") == (77,)
