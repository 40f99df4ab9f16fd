"""The demo store adds up as a live Magento does, is the same every time, and moves on by days.

What a load or a build would notice is not tested here: tests/contract compares keys and types, tests/e2e/test_oracle.py
sees to it that every column says something.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo.magento import catalog, database, generate, special
from demo.magento.people import INVALID_EMAILS, SPECIAL_ACCOUNTS

CUSTOMERS, ORDERS = 700, 2500
ALL = (*database.ENTITY_TABLES, "customer_groups", "attribute_options", "special_cases", "meta")
ZERO = Decimal(0)

Docs = dict[int, dict[str, Any]]


class Shop:
    """A store read whole."""

    def __init__(self, path: Path) -> None:
        self.connection = database.connect(path, read_only=True)
        self.docs: dict[str, Docs] = {
            table: {
                entity_id: json.loads(text, parse_float=Decimal)
                for entity_id, text in self.connection.execute(f"select entity_id, doc from {table}")
            }
            for table in database.ENTITY_TABLES
        }
        self.orders = self.docs["orders"]
        self.cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for name, table, entity_id in self.connection.execute("select * from special_cases order by rowid"):
            if table == "orders" and entity_id in self.orders:
                self.cases[name].append(self.orders[entity_id])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "store.sqlite"
    generate.create(path, customers=CUSTOMERS, orders=ORDERS)
    return path


@pytest.fixture(scope="module")
def day_one(path: Path) -> Shop:
    return Shop(path)


@pytest.fixture(scope="module")
def later(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The same store three days on, the last of them with silent changes."""
    copy = tmp_path_factory.mktemp("later") / "store.sqlite"
    copy.write_bytes(path.read_bytes())
    generate.advance(copy, days=2)
    generate.advance(copy, days=1, silent=True)
    return Shop(copy)


@pytest.fixture(scope="module", params=["day_one", "later"])
def shop(request: pytest.FixtureRequest) -> Shop:
    found: Shop = request.getfixturevalue(request.param)
    return found


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(path) as connection:
        return {table: connection.execute(f"select * from {table} order by 1, 2").fetchall() for table in ALL}


def kept(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The lines that are counted, as DESIGN words it (not as the generator does)."""
    by_parent = defaultdict(list)
    for item in items:
        by_parent[item.get("parent_item_id")].append(item)
    for top in by_parent[None]:
        children = by_parent[top["item_id"]]
        if top["product_type"] == "bundle" and sum(c["base_price"] * c["qty_ordered"] for c in children) > 0:
            yield from children
        else:
            yield top


# -- the same every time


def test_equal_seeds_give_equal_stores_whatever_the_process_and_its_zone(tmp_path: Path) -> None:
    for name, seed, environment in (
        ("a", "7", {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}),
        ("b", "7", {"PYTHONHASHSEED": "2"}),
        ("c", "8", {}),
    ):
        code = (
            "from demo.magento.generate import *; "
            f"create({str(tmp_path / name)!r}, customers=50, orders=230, seed={seed}); "
            f"advance({str(tmp_path / name)!r}, days=2, silent=True)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | environment)
    assert dump(tmp_path / "a") == dump(tmp_path / "b")
    assert dump(tmp_path / "a")["orders"] != dump(tmp_path / "c")["orders"]


def test_days_one_by_one_equal_days_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate.create(tmp_path / name, customers=60, orders=260)
    generate.advance(tmp_path / "a", days=2)
    generate.advance(tmp_path / "b")
    generate.advance(tmp_path / "b")
    assert dump(tmp_path / "a") == dump(tmp_path / "b")


def test_a_larger_store_has_the_same_special_orders(tmp_path: Path, day_one: Shop) -> None:
    generate.create(tmp_path / "small", customers=700, orders=0)
    small = Shop(tmp_path / "small")
    assert small.cases
    assert {name: [doc["entity_id"] for doc in docs] for name, docs in small.cases.items()} == {
        name: [doc["entity_id"] for doc in docs] for name, docs in day_one.cases.items()
    }


# -- it adds up


def test_sizes_ids_and_rows_are_those_of_the_documents(day_one: Shop) -> None:
    assert sorted(day_one.orders) == list(range(1, ORDERS + 1))
    assert len(day_one.docs["customers"]) == CUSTOMERS
    for table, docs in day_one.docs.items():
        for entity_id, created, updated in day_one.connection.execute(
            f"select entity_id, created_at, updated_at from {table}"
        ):
            doc = docs[entity_id]
            key = doc.get("entity_id", doc.get("id"))
            assert (key, doc["created_at"], doc["updated_at"]) == (entity_id, created, updated)


def test_orders_are_the_sum_of_their_lines(shop: Shop) -> None:
    kinds = set()
    for order in shop.orders.values():
        lines = list(kept(order["items"]))
        top = [item for item in order["items"] if "parent_item_id" not in item]
        parts = ("base_subtotal", "base_discount_amount", "base_shipping_amount", "base_tax_amount")
        assert order["base_grand_total"] == sum(order[part] for part in parts), order["entity_id"]
        assert order["base_total_due"] == max(order["base_grand_total"] - order.get("base_total_paid", 0), ZERO)
        assert order["base_subtotal"] == sum(item["base_price"] * item["qty_ordered"] for item in top)
        net = sum(item["base_row_total"] for item in lines)
        assert net == order["base_subtotal"] + order["base_discount_amount"]
        assert order["base_tax_amount"] == sum(item["base_tax_amount"] for item in lines)
        for item in lines:
            gross = item["base_price"] * item["qty_ordered"]
            assert item["base_row_total"] == gross - item["base_discount_amount"] >= 0
        if order["base_to_order_rate"] == 1:
            assert all(order[name[5:]] == value for name, value in order.items() if name[:9] == "base_tota")
        kinds |= {(item["product_type"], "parent_item_id" in item) for item in order["items"]}
    top_kinds = {(kind, False) for kind in ("simple", "virtual", "configurable", "bundle")}
    assert kinds == {*top_kinds, ("simple", True)}


def test_children_of_a_configurable_and_of_a_fixed_bundle_have_no_money(shop: Shop) -> None:
    for order in shop.orders.values():
        by_id = {item["item_id"]: item for item in order["items"]}
        for item in order["items"]:
            parent = by_id.get(item.get("parent_item_id"))
            assert item.get("parent_item") == parent
            if parent is None:
                continue
            if parent["product_type"] == "configurable":
                assert (item["base_price"], item["sku"]) == (0, parent["sku"])
                assert item["product_id"] != parent["product_id"]
            elif item["base_price"] == 0:
                assert item["base_row_total"] == 0
            else:
                assert parent["base_row_total"] == parent["base_price"] * parent["qty_ordered"]


def test_credit_memos_are_gross_and_add_up_to_what_is_refunded(shop: Shop) -> None:
    memos = defaultdict(list)
    for doc in shop.docs["creditmemos"].values():
        memos[doc["order_id"]].append(doc)
    assert set(memos) <= set(shop.orders)
    partial = 0
    for order in shop.orders.values():
        made = memos.get(order["entity_id"], [])
        assert sum(doc["base_grand_total"] for doc in made) == order.get("base_total_refunded", 0)
        assert order.get("base_total_refunded", ZERO) <= order.get("base_total_paid", ZERO)
        quantity: Counter[int] = Counter()
        for doc in made:
            lines = [line for line in doc["items"] if "base_row_total" in line]
            assert all(line["base_row_total"] == line["base_price"] * line["qty"] for line in lines)
            assert doc["base_subtotal"] == sum(line["base_row_total"] for line in lines)
            assert doc["base_discount_amount"] == -sum(line["base_discount_amount"] for line in lines)
            parts = ("subtotal", "discount_amount", "shipping_amount", "tax_amount", "adjustment")
            assert doc["base_grand_total"] == sum(doc[f"base_{part}"] for part in parts)
            quantity.update({line["order_item_id"]: line["qty"] for line in doc["items"]})
        for item in order["items"]:
            assert item["qty_refunded"] == quantity[item["item_id"]] <= item["qty_invoiced"]
            partial += 0 < item["qty_refunded"] < item["qty_ordered"]
    assert partial


def test_state_follows_from_what_happened(shop: Shop) -> None:
    for order in shop.orders.values():
        state, paid = order["state"], order.get("base_total_paid")
        assert order["status"] == {"new": "pending"}.get(state, state)
        if state == "closed":
            assert paid - order["base_total_refunded"] - order["base_adjustment_negative"] == 0
        if state in ("complete", "new", "canceled", "pending_payment", "payment_review"):
            assert (paid is None) == (state != "complete")
        if "base_total_canceled" in order:
            assert order["base_total_canceled"] == order["base_grand_total"] - (paid or 0)
        for item in kept(order["items"]):
            assert item["qty_invoiced"] + item["qty_canceled"] <= item["qty_ordered"]


def test_whole_amounts_have_no_decimal_point(shop: Shop) -> None:
    """As PHP writes them."""
    for (text,) in shop.connection.execute("select doc from orders"):
        assert ".0," not in text
        assert ".0}" not in text


# -- what is in it


def test_times_have_ties_edges_and_one_order_ahead(day_one: Shop) -> None:
    now = database.now(day_one.connection)
    created = [order["created_at"] for order in day_one.orders.values()]
    assert now == generate.FIRST_DAY
    assert [text for text in created if text > now] == ["2026-11-24 05:30:00"]
    assert all(doc["updated_at"] <= now for docs in day_one.docs.values() for doc in docs.values())
    assert min(created) < "2023-11-24"
    assert Counter(created).most_common(1)[0][1] > 1
    assert {text[11:] for text in created} >= {"02:59:59", "03:00:00"}


@pytest.mark.parametrize("days", special.WINDOWS)
def test_orders_at_the_edges_of_windows(day_one: Shop, days: int) -> None:
    inside = day_one.cases[f"exactly {days} days ago"][0]
    outside = day_one.cases[f"{days + 1} days ago by a second"][0]
    for order, age in ((inside, days), (outside, days + 1)):
        local = datetime.fromisoformat(order["created_at"]) - timedelta(hours=3)
        assert (datetime(2026, 11, 23) - local.replace(hour=0, minute=0, second=0)).days == age
    assert (inside["created_at"][11:], outside["created_at"][11:]) == ("03:00:00", "02:59:59")


def test_who_buys(day_one: Shop) -> None:
    accounts, orders = day_one.docs["customers"], day_one.orders.values()
    websites = defaultdict(list)
    for doc in accounts.values():
        websites[doc["email"].strip().lower()].append(doc["website_id"])
    websites.pop("-", None)
    assert all(len(found) == len(set(found)) for found in websites.values()), "Magento has no e-mail twice on one"
    assert sum(len(found) == 2 for found in websites.values()) > 3
    guests = [order for order in orders if order["customer_is_guest"]]
    assert 0.3 < len(guests) / len(orders) < 0.5
    assert all("customer_id" not in order and order["customer_group_id"] == 0 for order in guests)
    assert any(
        order["customer_email"] not in {doc["email"] for doc in accounts.values()}
        and order["customer_email"].strip().lower() in websites
        for order in guests
    )
    buyers = {order["customer_id"] for order in orders if "customer_id" in order}
    assert buyers < set(accounts)
    times = Counter(Counter(order["customer_email"].strip().lower() for order in orders).values())
    assert times[1] > sum(times.values()) / 2
    assert max(times) >= special.HEAVY_BUYER_ORDERS
    assert {order["customer_email"] for order in orders} >= set(INVALID_EMAILS)
    assert any(order["customer_email"].endswith("@mail.mercadolibre.com") for order in orders)
    assert {doc["store_id"] for doc in accounts.values()} == {0, 1, 2, 3}
    assert set(SPECIAL_ACCOUNTS) <= set(accounts)


def test_what_is_sold(day_one: Shop) -> None:
    products = day_one.docs["products"]
    options = {value for (value,) in day_one.connection.execute("select value from attribute_options")}
    used = {
        attribute["value"]
        for product in products.values()
        for attribute in product["custom_attributes"]
        if attribute["attribute_code"] == "manufacturer"
    }
    assert catalog.UNLABELLED_BRAND in used - options
    assert len(used & options) > 10
    sold = {item["product_id"] for order in day_one.orders.values() for item in order["items"]}
    assert sold - set(products) == set(range(catalog.NEVER_SEEN_FROM, catalog.NEVER_SEEN_FROM + 7))
    categories = day_one.docs["categories"].values()
    assert {category["level"] for category in categories} == {0, 1, 2, 3, 4}
    assert not all(category.get("is_active", True) for category in categories)
    assert {0, 1, 2} <= {len(one["extension_attributes"].get("category_links", [])) for one in products.values()}
    names = [product["name"] for product in products.values()]
    assert max(map(len, names)) > 240
    assert any(name != name.strip() for name in names)
    assert any("\n" in name for name in names)
    heavy = [item["name"].strip() for order in day_one.cases["heavy buyer"] for item in kept(order["items"])]
    assert len(", ".join(dict.fromkeys(heavy))) > 2000, "longer than a field may be"


def test_how_orders_end(day_one: Shop) -> None:
    orders = day_one.orders.values()
    states = Counter(order["state"] for order in orders)
    assert set(states) == {
        "new", "processing", "complete", "closed", "canceled", "holded", "payment_review", "pending_payment",
    }  # fmt: skip
    assert states["complete"] > ORDERS / 2
    is_paid = defaultdict(set)
    for order in orders:
        is_paid[order["payment"]["method"]].add("base_total_paid" in order)
    assert is_paid.pop("free") == {True}
    assert len(is_paid) == 11
    assert all(found == {True, False} for found in is_paid.values())
    codes = Counter(order.get("coupon_code") for order in orders)
    assert {"HOTSALE", "HotSale", "hotsale", "HotSale, ENVIOGRATIS", "REGALO100"} <= set(codes)
    assert any(order["base_discount_amount"] < 0 and "coupon_code" not in order for order in orders)
    currencies = {(order["store_id"], order["base_currency_code"], order["order_currency_code"]) for order in orders}
    assert currencies == {(1, "ARS", "ARS"), (2, "ARS", "ARS"), (2, "ARS", "USD"), (3, "USD", "USD")}
    (old,), (new,) = day_one.cases["edited: the original"], day_one.cases["edited: the replacement"]
    assert (old["state"], new["relation_parent_real_id"]) == ("canceled", old["increment_id"])
    for name in ("refunded whole", "refunded whole in two memos"):
        (order,) = day_one.cases[name]
        assert (order["state"], order["base_total_refunded"]) == ("closed", order["base_grand_total"])
    (to_zero,) = day_one.cases["refunded to zero by an amount"]
    assert to_zero["base_total_refunded"] == to_zero["base_total_paid"]
    assert not any(item["qty_refunded"] for item in to_zero["items"])


# -- days


def test_days_move_the_clock_and_about_one_row_in_a_hundred(day_one: Shop, later: Shop) -> None:
    assert database.now(later.connection) == "2026-11-26 05:30:00"
    for table, most in (("orders", 0.06), ("customers", 0.05), ("products", 0.05)):
        old, new = day_one.docs[table], later.docs[table]
        changed = {id_ for id_ in old.keys() | new.keys() if old.get(id_) != new.get(id_)}
        assert 0 < len(changed) < most * len(old) + 60, table
        assert set(old) - set(new), f"none deleted of {table}"
        assert set(new) - set(old) or table == "products"
    old, new = day_one.orders, later.orders
    stamped = {id_ for id_ in old.keys() & new.keys() if old[id_]["updated_at"] != new[id_]["updated_at"]}
    assert any("base_total_paid" in new[id_] and "base_total_paid" not in old[id_] for id_ in stamped)
    refunded = {id_ for id_ in stamped if "base_total_refunded" in new[id_] and "base_total_refunded" not in old[id_]}
    assert any(old[id_]["created_at"] < "2026-05-01" for id_ in refunded)
    memo = {doc["order_id"]: doc["updated_at"] for doc in later.docs["creditmemos"].values()}
    assert any(new[id_]["updated_at"] < memo[id_] for id_ in refunded), "a second before its memo"
    gone = set(day_one.docs["customers"]) - set(later.docs["customers"])
    lost = {id_ for id_, order in old.items() if order.get("customer_id") in gone} & set(new) - stamped
    assert lost
    assert not any("customer_id" in new[id_] or new[id_]["customer_is_guest"] for id_ in lost)


def test_silent_changes_are_made_only_when_asked(path: Path, day_one: Shop, tmp_path: Path) -> None:
    labels = "select * from attribute_options order by 1, 2"
    for is_silent in (False, True):
        copy = tmp_path / f"{is_silent}.sqlite"
        copy.write_bytes(path.read_bytes())
        generate.advance(copy, silent=is_silent)
        after = Shop(copy)
        for table in ("customers", "products"):
            old, new = day_one.docs[table], after.docs[table]
            same = [id_ for id_ in new if id_ in old and new[id_]["updated_at"] == old[id_]["updated_at"]]
            assert any(new[id_] != old[id_] for id_ in same) is is_silent
        before = day_one.connection.execute(labels).fetchall()
        assert (after.connection.execute(labels).fetchall() != before) is is_silent


def test_a_reader_keeps_its_view_while_a_day_passes(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "store.sqlite"
    copy.write_bytes(path.read_bytes())
    reader = database.connect(copy, read_only=True)
    reader.execute("begin")
    before = reader.execute("select count(*) from orders").fetchone()
    generate.advance(copy)
    assert reader.execute("select count(*) from orders").fetchone() == before
    reader.execute("commit")
    assert reader.execute("select count(*) from orders").fetchone() != before
    reader.close()


# -- the file


def test_create_replaces_a_store_and_nothing_else(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    generate.create(store, customers=50, orders=0)
    generate.advance(store)
    generate.create(store, customers=50, orders=0)
    assert database.now(database.connect(store, read_only=True)) == generate.FIRST_DAY
    (tmp_path / "notes.txt").write_text("mine")
    with sqlite3.connect(tmp_path / "other.sqlite") as foreign:
        foreign.execute("create table orders (id)")
    for other in ("notes.txt", "other.sqlite"):
        before = (tmp_path / other).read_bytes()
        with pytest.raises(FileExistsError, match="not a demo store"):
            generate.create(tmp_path / other, customers=50, orders=0)
        assert (tmp_path / other).read_bytes() == before


def test_advance_refuses_what_is_no_store_and_no_day(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no demo store at"):
        generate.advance(tmp_path / "none.sqlite")
    generate.create(tmp_path / "s.sqlite", customers=0, orders=0)
    with pytest.raises(ValueError, match="at least 1 day"):
        generate.advance(tmp_path / "s.sqlite", days=0)
