"""Answers to typed rows: what does not fit costs only itself and is named."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from loaders.magento.errors import BadAnswerError, MagentoError, StoreDownError
from loaders.magento.rows import Rows, count_of, read_items, to_rows, without_known
from loaders.magento.schema import Table, arrow_schema, fields_filter
from loaders.magento.tables import CUSTOMERS, ORDERS, PRODUCTS

RUN = datetime(2026, 11, 24, 3, 0)


def order(number: int, **values: Any) -> dict[str, Any]:
    return {
        "entity_id": number,
        "created_at": "2026-11-23 21:15:01",
        "updated_at": "2026-11-23 21:24:17",
        "base_grand_total": 184.92,
        "payment": {"method": "banktransfer"},
        "items": [{"item_id": number * 10, "qty_ordered": 2, "name": 'Mate "Río" 🧉'}],
        **values,
    }


def read(table: Table, *items: Any) -> Rows:
    found, total = read_items(table, json.dumps({"items": items, "total_count": 99}).encode())
    assert total == 99
    rows = to_rows(table, found, "main", RUN)
    assert rows.table.schema.equals(arrow_schema(table))
    return rows


def test_values_become_the_declared_types() -> None:
    extension = {"coupon_codes": ["A", 'É"1']}
    (row,) = read(
        ORDERS, order(1, base_grand_total=184.91999999999999, extension_attributes=extension)
    ).table.to_pylist()
    assert row["base_grand_total"] == Decimal("184.9200")
    assert row["created_at"] == datetime(2026, 11, 23, 21, 15, 1)
    assert (row["payment_method"], row["coupon_code"]) == ("banktransfer", None)
    assert (row["_changed_at"], row["_deleted_at"], row["_unreadable"], row["store_key"]) == (RUN, None, None, "main")
    assert json.loads(row["coupon_codes"]) == ["A", 'É"1']
    assert json.loads(row["items"]) == [{"item_id": 10, "qty_ordered": 2, "name": 'Mate "Río" 🧉'}]


@pytest.mark.parametrize(
    ("amount", "kept"),
    [
        (-0.00005, "-0.0001"),
        (1.00005, "1.0001"),
        (1e-7, "0.0000"),
        (12345678901.98765, "12345678901.9877"),
        ("184.92", "184.9200"),
        (7, "7.0000"),
    ],
)
def test_amounts_are_rounded_as_they_are_written(amount: Any, kept: str) -> None:
    (row,) = read(ORDERS, order(1, base_grand_total=amount)).table.to_pylist()
    assert row["base_grand_total"] == Decimal(kept)


@pytest.mark.parametrize(
    ("change", "column", "is_kept"),
    [
        ({"base_grand_total": "abc"}, "base_grand_total", True),
        ({"base_grand_total": True}, "base_grand_total", True),
        ({"base_grand_total": 1e17}, "base_grand_total", True),
        ({"customer_gender": 1.5}, "customer_gender", True),
        ({"customer_gender": 2**63}, "customer_gender", True),
        ({"updated_at": "0000-00-00 00:00:00"}, "updated_at", True),
        ({"created_at": "0000-00-00 00:00:00"}, "created_at", False),
        ({"entity_id": {"a": 1}}, "entity_id", False),
        ({"payment": [], "extension_attributes": []}, None, True),
        ({"items": None}, None, True),
        ({"items": "x"}, "items", True),
        ({"items": [{"item_id": "x"}]}, "items", True),
    ],
)
def test_an_odd_value_costs_only_itself(change: dict[str, Any], column: str | None, is_kept: bool) -> None:
    rows = read(ORDERS, order(1), order(2, **change), order(3))
    assert rows.table["entity_id"].to_pylist() == ([1, 2, 3] if is_kept else [1, 3])
    assert {lost.column for lost in rows.lost} == ({column} if not is_kept else set())
    named = [json.loads(text) for text in rows.table["_unreadable"].to_pylist() if text]
    assert [list(one) for one in named] == ([[column]] if column and is_kept else [])


def test_of_one_key_twice_the_later_stands() -> None:
    line = {"item_id": 7, "qty_ordered": 1}
    rows = read(
        ORDERS, order(1, status="pending"), order(1, status="complete", items=[line, line | {"qty_ordered": 2}])
    )
    assert rows.table["status"].to_pylist() == ["complete"]
    assert json.loads(rows.table["items"][0].as_py()) == [{"item_id": 7, "qty_ordered": 2}]


def test_lists_are_cut_and_subtrees_stay_whole() -> None:
    product = {
        "id": 5,
        "extension_attributes": {
            "website_ids": {"0": 1, "2": 2},
            "category_links": {"1": {"position": 0, "category_id": "33", "more": 1}, "4": {"category_id": "34"}},
            "stock": {"0": 1},
        },
        "custom_attributes": [{"attribute_code": "category_ids", "value": {"0": "33"}}],
    }
    row, empty = read(PRODUCTS, product, {"id": 6, "extension_attributes": []}).table.to_pylist()
    assert json.loads(row["category_links"]) == [{"position": 0, "category_id": "33"}, {"category_id": "34"}]
    assert json.loads(row["website_ids"]) == [1, 2]
    assert json.loads(row["custom_attributes"])[0]["value"] == ["33"]
    assert json.loads(row["extension_attributes"])["stock"] == {"0": 1}, "what modules add is as it was sent"
    assert (empty["category_links"], empty["extension_attributes"]) == (None, "[]")


def test_a_row_that_raw_has_is_left_out() -> None:
    rows = read(CUSTOMERS, {"id": 1, "email": "a@example.com"}, {"id": 2, "email": "b@example.com"}).table
    known = {(1,): rows["_row_hash"][0].as_py(), (2,): "another"}
    assert without_known(CUSTOMERS, rows, known)["id"].to_pylist() == [2]


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        (b"<html>", StoreDownError, "where JSON was due"),
        (b'{"items":[]}<p>ad', StoreDownError, 'with "ad" where JSON was due'),
        (b"<b>Notice</b>: x in y.php on line 1<br>{}", StoreDownError, "prints PHP errors into its answers"),
        (b'{"items":' + b"[" * 5000 + b"]" * 5000 + b"}", StoreDownError, "nested too deep"),
        (b'{"items":[{"entity_id"', BadAnswerError, "broken or cut off"),
        (b'{"message":"x"}', MagentoError, "without a list of items"),
        (b"[]", MagentoError, "without a list of items"),
    ],
)
def test_what_is_no_list_of_items_is_an_error(body: bytes, error: type[MagentoError], said: str) -> None:
    with pytest.raises(MagentoError, match=said) as caught:
        read_items(ORDERS, body)
    assert type(caught.value) is error


@pytest.mark.parametrize(("total", "count"), [(12, 12), ("12", 12), (None, 0), ("many", 0), (-1, 0), ([], 0)])
def test_a_count_that_is_no_number_is_none(total: Any, count: int) -> None:
    assert count_of(total) == count


def test_only_declared_fields_are_asked_for() -> None:
    asked = fields_filter(ORDERS)
    assert asked.startswith("items[entity_id,")
    assert "payment[method]" in asked
    assert "remote_ip" not in asked
    assert "extension_attributes[coupon_codes]" in asked
    assert "addresses[id,city,region[region,region_code]," in fields_filter(CUSTOMERS)
    assert asked.endswith("],total_count")


def hash_of(**values: Any) -> str:
    return str(read(ORDERS, order(1, **values)).table["_row_hash"][0])


def test_every_change_gives_another_hash() -> None:
    first, second = ({"item_id": n, "qty_ordered": n} for n in (1, 2))
    changes: list[dict[str, Any]] = [
        *({}, {"coupon_code": ""}, {"coupon_code": "0"}, {"customer_gender": 0}, {"base_grand_total": 184.93}),
        *({"base_grand_total": None}, {"payment": {"method": ""}}, {"payment": {}}, {"items": []}),
        *({"items": [first]}, {"items": [first, second]}, {"items": [second, first]}),
    ]
    assert len({hash_of(**change) for change in changes}) == len(changes)
    assert hash_of(coupon_code="a") == hash_of(coupon_code="a")
