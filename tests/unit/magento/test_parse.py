"""Answers to typed tables: what fits goes the fast way, what does not is read leniently and noted."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from loaders.magento.errors import BadAnswerError, MagentoError, StoreDownError
from loaders.magento.parse import PageParser
from loaders.magento.tables import (
    CUSTOMERS,
    ORDERS,
    PRODUCTS,
    TABLES,
    Table,
    arrow_schema,
    create_statement,
    fields_filter,
)

RUN = datetime(2026, 11, 24, 3, 0)


def order(number: int, **values: Any) -> dict[str, Any]:
    return {
        "entity_id": number,
        "created_at": "2026-11-23 21:15:01",
        "updated_at": "2026-11-23 21:24:17",
        "base_grand_total": 184.92,
        "payment": {"method": "banktransfer"},
        "items": [{"item_id": number * 10, "order_id": number, "qty_ordered": 2, "name": 'Mate "Río" 🧉'}],
        **values,
    }


def read(
    table: Table, *answers: Any, known: duckdb.DuckDBPyConnection | None = None
) -> tuple[dict[str, list[Any]], list[Any]]:
    parser = PageParser(table, "main", RUN, known)
    for items in answers:
        parser.add(json.dumps({"items": items, "total_count": 99}).encode())
    rows: dict[str, list[Any]] = {}
    quarantine: list[Any] = []
    for batch in parser.batches():
        for name, found in batch.tables.items():
            assert found.schema.equals(arrow_schema(TABLES[name]))
            rows.setdefault(name, []).extend(found.to_pylist())
        quarantine += batch.quarantine.to_pylist() if batch.quarantine is not None else []
    parser.close()
    return rows, quarantine


def test_an_empty_object_of_php_is_not_odd() -> None:
    """`extension_attributes` comes as `[]` on every order without a coupon: the slow way would be taken always."""
    parser = PageParser(ORDERS, "main", RUN)
    body = json.dumps({"items": [order(1, extension_attributes=[], billing_address=[])]}, separators=(",", ":"))
    parser.add(body.encode())
    assert [len(parser._pending["fast"]), len(parser._pending["lenient"])] == [1, 0]
    parser.close()


def test_both_ways_make_the_same_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [
        order(1, base_grand_total=184.91999999999999, base_to_global_rate=0.123456785, base_tax_amount=-0.00005),
        order(2, items=[], extension_attributes={"coupon_codes": ["A", 'É"1']}, customer_gender=None),
        order(3, items=None, base_total_paid=1e-7, payment=None),
        order(4, base_subtotal=12345678901.98765, store_name="a\nb"),
    ]
    clean, _ = read(ORDERS, orders)
    monkeypatch.setattr(PageParser, "_clean", lambda self, answers: None)
    assert read(ORDERS, orders)[0] == clean
    assert len(clean["orders"]) == 4


def test_values_become_the_declared_types() -> None:
    rows, quarantine = read(ORDERS, [order(1, base_grand_total=184.91999999999999)])
    found = rows["orders"][0]
    assert found["base_grand_total"] == Decimal("184.9200")
    assert found["created_at"] == datetime(2026, 11, 23, 21, 15, 1)
    assert found["payment_method"] == "banktransfer"
    assert found["coupon_code"] is None
    assert (found["_changed_at"], found["_deleted_at"], found["store_key"]) == (RUN, None, "main")
    assert rows["order_items"][0]["name"] == 'Mate "Río" 🧉'
    assert rows["order_items"][0]["_row_hash"] == found["_row_hash"]
    assert quarantine == []


@pytest.mark.parametrize(
    ("change", "column", "is_kept"),
    [
        ({"base_grand_total": "abc"}, "base_grand_total", True),
        ({"base_grand_total": "184.92"}, None, True),
        ({"customer_gender": 1.5}, "customer_gender", True),
        ({"updated_at": "0000-00-00 00:00:00"}, "updated_at", True),
        ({"created_at": "0000-00-00 00:00:00"}, "created_at", False),
        ({"entity_id": {"a": 1}}, "entity_id", False),
        ({"payment": []}, None, True),
        ({"items": "x"}, "items", True),
        ({"items": [{"item_id": "x"}]}, "item_id", True),
    ],
)
def test_an_odd_value_costs_only_itself(change: dict[str, Any], column: str | None, is_kept: bool) -> None:
    rows, quarantine = read(ORDERS, [order(1), order(2, **change), order(3)])
    assert {row["entity_id"] for row in rows["orders"]} == ({1, 2, 3} if is_kept else {1, 3})
    assert {line["column_name"] for line in quarantine} == ({column} if column else set())


def test_one_key_twice_is_the_later_one() -> None:
    rows, _ = read(ORDERS, [order(1, status="pending")], [order(1, status="complete")])
    assert [row["status"] for row in rows["orders"]] == ["complete"]
    assert len(rows["order_items"]) == 1


def test_whole_subtrees_stay_json_and_can_be_read_into() -> None:
    product = {
        "id": 5,
        "extension_attributes": {
            "website_ids": [1, 2],
            "category_links": [{"position": 0, "category_id": "33"}, {"category_id": "34"}],
        },
        "custom_attributes": [
            {"attribute_code": "manufacturer", "value": "280"},
            {"attribute_code": "category_ids", "value": ["33"]},
        ],
    }
    rows, quarantine = read(PRODUCTS, [product, {"id": 6, "extension_attributes": []}])
    assert json.loads(rows["products"][0]["custom_attributes"])[1]["value"] == ["33"]
    assert json.loads(rows["products"][0]["website_ids"]) == [1, 2]
    links = {(row["product_id"], row["category_id"]) for row in rows["product_category_links"]}
    assert links == {(5, 33), (5, 34)}
    assert quarantine == []


def test_a_row_that_the_warehouse_has_is_left_out_until_its_load_is_incomplete() -> None:
    rows, _ = read(CUSTOMERS, [{"id": 1, "email": "a@example.com"}])
    known = duckdb.connect()
    known.execute("create schema raw")
    known.execute("create table raw._dlt_loads as select 'done' as load_id")
    known.execute(create_statement(CUSTOMERS))
    known.execute(
        "insert into raw.customers (store_key, id, _row_hash, _dlt_load_id) values ('main', 1, ?, 'done')",
        [rows["customers"][0]["_row_hash"]],
    )
    same = [{"id": 1, "email": "a@example.com"}]
    assert read(CUSTOMERS, same, known=known)[0]["customers"] == []
    assert len(read(CUSTOMERS, [{"id": 1, "email": "b@example.com"}], known=known)[0]["customers"]) == 1
    known.execute("update raw.customers set _deleted_at = now()")
    assert len(read(CUSTOMERS, same, known=known)[0]["customers"]) == 1, "it came back"
    known.execute("update raw.customers set _deleted_at = null, _dlt_load_id = 'killed'")
    assert len(read(CUSTOMERS, same, known=known)[0]["customers"]) == 1, "its children may be missing"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", StoreDownError),
        (b'{"items":[]}<p>', StoreDownError),
        (b'{"items":' + b"[" * 5000 + b"]" * 5000 + b"}", StoreDownError),
        (b'{"items":[{"entity_id"', BadAnswerError),
        (b'{"message":"x"}', MagentoError),
        (b"[]", MagentoError),
    ],
)
@pytest.mark.parametrize("table", [ORDERS, CUSTOMERS])
def test_what_is_no_list_of_items_is_an_error(body: bytes, error: type[MagentoError], table: Table) -> None:
    with pytest.raises(MagentoError) as caught:
        PageParser(table, "main", RUN).add(body)
    assert type(caught.value) is error


def test_only_declared_fields_are_asked_for() -> None:
    asked = fields_filter(ORDERS)
    assert asked.startswith("items[entity_id,")
    assert "payment[method]" in asked
    assert "remote_ip" not in asked
    assert "extension_attributes[coupon_codes]" in asked
    assert asked.endswith("],total_count")


def hash_of(**values: Any) -> str:
    rows, _ = read(ORDERS, [order(1, **values)])
    return str(rows["orders"][0]["_row_hash"])


def test_every_change_gives_another_hash() -> None:
    """DuckDB's hash of nested values: nothing, an empty text and zero differ, and so does the order of lines."""
    first, second = ({"item_id": n, "order_id": 1, "qty_ordered": n} for n in (1, 2))
    changes: list[dict[str, Any]] = [
        {},
        {"coupon_code": ""},
        {"coupon_code": "0"},
        {"coupon_code": "a"},
        {"customer_gender": 0},
        {"customer_gender": 1},
        {"customer_id": 1},
        {"base_grand_total": 184.93},
        {"base_grand_total": None},
        {"base_total_paid": 184.92},
        {"payment": {"method": ""}},
        {"payment": {}},
        {"billing_address": {"city": "banktransfer"}},
        {"extension_attributes": {"coupon_codes": ["a", "b"]}},
        {"extension_attributes": {"coupon_codes": ["b", "a"]}},
        {"extension_attributes": {"coupon_codes": ["ab"]}},
        {"items": []},
        {"items": [first]},
        {"items": [first, second]},
        {"items": [second, first]},
        {"items": [first, first | {"item_id": 3}]},
        {"items": [first | {"name": ""}]},
        {"items": [first | {"name": "0"}]},
    ]
    assert len({hash_of(**change) for change in changes}) == len(changes)
    assert hash_of(coupon_code="a") == hash_of(coupon_code="a")
