"""The demo store adds up as a live Magento does, is the same every time, and moves on by days."""

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
from demo.magento.clock import busy_time, local_midnight, parse, stamp
from demo.magento.people import INVALID_EMAILS, SPECIAL_ACCOUNTS

CUSTOMERS, ORDERS = 700, 2500
SALES = ("orders", "invoices", "shipments", "creditmemos")
ALL = (*database.ENTITY_TABLES, "customer_groups", "attribute_options", "links", "special_cases", "meta")
ZERO = Decimal(0)

Docs = dict[int, dict[str, Any]]


def decimals(text: str) -> dict[str, Any]:
    doc: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return doc


class Shop:
    """A store read whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = database.connect(path, read_only=True)
        self.docs: dict[str, Docs] = {
            table: dict(self.connection.execute(f"select entity_id, doc from {table}"))
            for table in database.ENTITY_TABLES
        }
        for docs in self.docs.values():
            for entity_id, text in docs.items():
                docs[entity_id] = decimals(str(text))
        self.cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for name, table, entity_id in self.connection.execute("select * from special_cases order by rowid"):
            if table == "orders" and entity_id in self.docs["orders"]:
                self.cases[name].append(self.docs["orders"][entity_id])

    def of_order(self, table: str) -> dict[int, list[dict[str, Any]]]:
        found = defaultdict(list)
        for doc in self.docs[table].values():
            found[doc["order_id"]].append(doc)
        return found

    @property
    def orders(self) -> Docs:
        return self.docs["orders"]


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
    connection = sqlite3.connect(path)
    try:
        return {table: connection.execute(f"select * from {table} order by 1, 2").fetchall() for table in ALL}
    finally:
        connection.close()


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


# Determinism


def test_equal_seed_gives_equal_content(tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate.create(tmp_path / name, seed=7, customers=60, orders=260)
        generate.advance(tmp_path / name, days=2, silent=True)
    assert dump(tmp_path / "a") == dump(tmp_path / "b")
    generate.create(tmp_path / "c", seed=8, customers=60, orders=260)
    generate.advance(tmp_path / "c", days=2, silent=True)
    assert dump(tmp_path / "a")["orders"] != dump(tmp_path / "c")["orders"]


def test_content_depends_on_neither_hash_seed_nor_clock_zone(tmp_path: Path) -> None:
    for name, environment in (("a", {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}), ("b", {"PYTHONHASHSEED": "2"})):
        command = [sys.executable, "-m", "demo.magento.generate", str(tmp_path / name), "--customers", "50"]
        subprocess.run([*command, "--orders", "230"], check=True, env=os.environ | environment)
        subprocess.run([*command, "--advance", "1", "--silent"], check=True, env=os.environ | environment)
    assert dump(tmp_path / "a") == dump(tmp_path / "b")


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


# Arithmetic


def test_sizes_and_ids(day_one: Shop) -> None:
    assert len(day_one.orders) == ORDERS
    assert len(day_one.docs["customers"]) == CUSTOMERS
    assert sorted(day_one.orders) == list(range(1, ORDERS + 1))


def test_every_row_repeats_its_document(shop: Shop) -> None:
    for table in database.ENTITY_TABLES:
        key = "entity_id" if table in SALES else "id"
        for entity_id, created, updated, text in shop.connection.execute(f"select * from {table}"):
            doc = json.loads(text)
            assert (doc[key], doc["created_at"], doc["updated_at"]) == (entity_id, created, updated)


def test_grand_total_adds_up_in_both_currencies(shop: Shop) -> None:
    for order in shop.orders.values():
        for p in ("base_", ""):
            parts = (f"{p}subtotal", f"{p}discount_amount", f"{p}shipping_amount", f"{p}tax_amount")
            assert order[f"{p}grand_total"] == sum(order[part] for part in parts), order["entity_id"]
            assert order[f"{p}discount_amount"] <= 0 <= order[f"{p}grand_total"]
            due = order[f"{p}grand_total"] - order.get(f"{p}total_paid", 0)
            assert order[f"{p}total_due"] == max(due, ZERO)


def test_subtotal_is_price_times_quantity_of_the_top_lines(shop: Shop) -> None:
    for order in shop.orders.values():
        for p in ("base_", ""):
            top = [item for item in order["items"] if "parent_item_id" not in item]
            assert order[f"{p}subtotal"] == sum(item[f"{p}price"] * item["qty_ordered"] for item in top)


def test_kept_lines_are_net_and_add_up_to_subtotal_and_discount(shop: Shop) -> None:
    kinds: Counter[tuple[str, bool]] = Counter()
    for order in shop.orders.values():
        for p in ("base_", ""):
            lines = list(kept(order["items"]))
            net = sum(item[f"{p}row_total"] for item in lines)
            assert net == order[f"{p}subtotal"] + order[f"{p}discount_amount"], order["entity_id"]
            for item in lines:
                assert item[f"{p}discount_amount"] >= 0
                gross = item[f"{p}price"] * item["qty_ordered"]
                assert item[f"{p}row_total"] == gross - item[f"{p}discount_amount"] >= 0
                assert item[f"{p}row_total_incl_tax"] == item[f"{p}row_total"] + item[f"{p}tax_amount"]
            assert order[f"{p}tax_amount"] == sum(item[f"{p}tax_amount"] for item in lines)
        for item in order["items"]:
            kinds[item["product_type"], "parent_item_id" in item] += 1
    assert set(kinds) == {
        ("simple", False), ("simple", True), ("virtual", False), ("configurable", False), ("bundle", False),
    }  # fmt: skip


def test_children_of_a_configurable_and_of_a_fixed_bundle_have_no_money(shop: Shop) -> None:
    for order in shop.orders.values():
        by_id = {item["item_id"]: item for item in order["items"]}
        for item in order["items"]:
            if "parent_item_id" not in item:
                assert "parent_item" not in item
                continue
            parent = by_id[item["parent_item_id"]]
            assert item["parent_item"] == parent
            if parent["product_type"] == "configurable":
                assert (item["base_price"], item["sku"]) == (0, parent["sku"])
                assert item["product_id"] != parent["product_id"]
            elif item["base_price"] == 0:
                assert item["base_row_total"] == 0
            else:
                assert parent["base_discount_amount"] == 0
                assert parent["base_row_total"] == parent["base_price"] * parent["qty_ordered"]


def test_invoices_add_up_to_what_is_paid(shop: Shop) -> None:
    invoices = shop.of_order("invoices")
    for order in shop.orders.values():
        made = invoices.get(order["entity_id"], [])
        assert bool(made) == ("base_total_paid" in order)
        for p in ("base_", ""):
            assert sum(doc[f"{p}grand_total"] for doc in made) == order.get(f"{p}total_paid", 0)
            for doc in made:
                lines = [line for line in doc["items"] if f"{p}row_total" in line]
                assert doc[f"{p}subtotal"] == sum(line[f"{p}row_total"] for line in lines)
                assert -doc[f"{p}discount_amount"] == sum(line[f"{p}discount_amount"] for line in lines)


def test_credit_memos_are_gross_and_add_up_to_what_is_refunded(shop: Shop) -> None:
    memos = shop.of_order("creditmemos")
    partial = 0
    for order in shop.orders.values():
        made = memos.get(order["entity_id"], [])
        assert bool(made) == ("base_total_refunded" in order)
        quantity: Counter[int] = Counter()
        for p in ("base_", ""):
            assert sum(doc[f"{p}grand_total"] for doc in made) == order.get(f"{p}total_refunded", 0)
            assert order.get(f"{p}total_refunded", ZERO) <= order.get(f"{p}total_paid", ZERO)
        for doc in made:
            for p in ("base_", ""):
                lines = [line for line in doc["items"] if f"{p}row_total" in line]
                for line in lines:
                    assert line[f"{p}row_total"] == line[f"{p}price"] * line["qty"]
                assert doc[f"{p}subtotal"] == sum(line[f"{p}row_total"] for line in lines)
                assert doc[f"{p}discount_amount"] == -sum(line[f"{p}discount_amount"] for line in lines)
                parts = ("subtotal", "discount_amount", "shipping_amount", "tax_amount", "adjustment")
                assert doc[f"{p}grand_total"] == sum(doc[f"{p}{part}"] for part in parts)
            quantity.update({line["order_item_id"]: line["qty"] for line in doc["items"]})
        for item in order["items"]:
            assert item["qty_refunded"] == quantity[item["item_id"]] <= item["qty_invoiced"]
            partial += 0 < item["qty_refunded"] < item["qty_ordered"]
            if "base_discount_refunded" in item and item["qty_refunded"] == item["qty_ordered"]:
                assert item["base_discount_refunded"] == item["base_discount_amount"]
    assert partial


def test_state_follows_from_what_happened(shop: Shop) -> None:
    for order in shop.orders.values():
        state, paid = order["state"], order.get("base_total_paid")
        assert order["status"] == {"new": "pending"}.get(state, state)
        if state == "closed":
            left = paid - order["base_total_refunded"] - order["base_adjustment_negative"]
            assert left == 0
        if state == "complete":
            assert paid is not None
        if state in ("new", "canceled", "pending_payment", "payment_review"):
            assert paid is None
        if state == "canceled":
            assert order["base_total_canceled"] == order["base_grand_total"]
        elif "base_total_canceled" in order:
            assert order["base_total_canceled"] == order["base_grand_total"] - paid
        if state == "holded":
            assert order["hold_before_state"] in ("new", "processing")
        for item in kept(order["items"]):
            assert item["qty_invoiced"] + item["qty_canceled"] <= item["qty_ordered"]


def test_shipments_send_what_is_shipped(shop: Shop) -> None:
    shipments = shop.of_order("shipments")
    for order in shop.orders.values():
        sent: Counter[int] = Counter()
        for doc in shipments.get(order["entity_id"], []):
            sent.update({line["order_item_id"]: line["qty"] for line in doc["items"]})
        for item in order["items"]:
            if "parent_item_id" not in item:
                assert item["qty_shipped"] == sent[item["item_id"]]
                assert not (item["is_virtual"] and item["qty_shipped"])


def test_documents_belong_to_orders_that_exist(shop: Shop) -> None:
    for table in ("invoices", "shipments", "creditmemos"):
        assert {doc["order_id"] for doc in shop.docs[table].values()} <= set(shop.orders)


def test_nulls_are_left_out_as_live(shop: Shop) -> None:
    for order in shop.orders.values():
        assert None not in [order[key] for key in order]
        assert None not in [item[key] for item in order["items"] for key in item]
        assert set(order["extension_attributes"]["shipping_assignments"][0]) == {"shipping"}  # items: the server's
    for account in shop.docs["customers"].values():
        assert None not in [account[key] for key in account]


def test_whole_amounts_have_no_decimal_point(shop: Shop) -> None:
    for (text,) in shop.connection.execute("select doc from orders"):
        assert ".0," not in text
        assert ".0}" not in text


# What is in it


def test_times(day_one: Shop) -> None:
    now = database.now(day_one.connection)
    assert now == generate.FIRST_DAY
    future = [order for order in day_one.orders.values() if order["created_at"] > now]
    assert [order["created_at"] for order in future] == ["2026-11-24 05:30:00"]
    for table in database.ENTITY_TABLES:
        for doc in day_one.docs[table].values():
            assert doc["updated_at"] <= now
    created = [order["created_at"] for order in day_one.orders.values()]
    assert min(created) < "2023-11-24"
    assert Counter(created).most_common(1)[0][1] > 1  # ties
    assert {text[11:] for text in created} >= {"02:59:59", "03:00:00"}


@pytest.mark.parametrize("days", special.WINDOWS)
def test_orders_at_the_edges_of_windows(day_one: Shop, days: int) -> None:
    inside = day_one.cases[f"exactly {days} days ago"][0]
    outside = day_one.cases[f"{days + 1} days ago by a second"][0]
    today = datetime(2026, 11, 23)
    for order, age in ((inside, days), (outside, days + 1)):
        local = datetime.fromisoformat(order["created_at"]) - timedelta(hours=3)
        assert (today - local.replace(hour=0, minute=0, second=0)).days == age
    assert inside["created_at"].endswith("03:00:00")
    assert outside["created_at"].endswith("02:59:59")


def test_who_buys(day_one: Shop) -> None:
    accounts = day_one.docs["customers"]
    orders = day_one.orders.values()
    normal = {id_: doc["email"].strip().lower() for id_, doc in accounts.items()}
    websites = defaultdict(set)
    for id_, doc in accounts.items():
        websites[normal[id_]].add(doc["website_id"])
        if normal[id_] != "-":  # Magento has no e-mail twice on one website
            assert [doc["website_id"] for other, doc in accounts.items() if normal[other] == normal[id_]].count(
                doc["website_id"]
            ) == 1
    assert sum(len(found) == 2 for found in websites.values()) > 3
    guests = [order for order in orders if order["customer_is_guest"]]
    assert 0.3 < len(guests) / len(orders) < 0.5
    assert all("customer_id" not in order and order["customer_group_id"] == 0 for order in guests)
    assert any(
        order["customer_email"] not in {doc["email"] for doc in accounts.values()}
        and order["customer_email"].strip().lower() in normal.values()
        for order in guests
    )
    buyers = Counter(order.get("customer_id") for order in orders)
    assert set(accounts) - set(buyers)
    times = Counter(Counter(order["customer_email"].strip().lower() for order in orders).values())
    assert times[1] > sum(times.values()) / 2
    assert max(times) >= special.HEAVY_BUYER_ORDERS
    assert {order["customer_email"] for order in orders} >= set(INVALID_EMAILS)
    assert any(order["customer_email"].endswith("@mail.mercadolibre.com") for order in orders)
    assert {doc["store_id"] for doc in accounts.values()} == {0, 1, 2, 3}
    assert set(SPECIAL_ACCOUNTS) <= set(accounts)
    for order in orders:
        if "customer_id" in order:
            assert order["customer_id"] in accounts


def test_the_heavy_buyers_list_is_too_long(day_one: Shop) -> None:
    names = []
    for order in day_one.cases["heavy buyer"]:
        names += [item["name"].strip() for item in kept(order["items"])]
    assert len(", ".join(dict.fromkeys(names))) > 2000


def test_what_is_sold(day_one: Shop) -> None:
    products = day_one.docs["products"]
    options = {
        value for value, in day_one.connection.execute("select value from attribute_options")
    }  # fmt: skip
    used = {
        attribute["value"]
        for product in products.values()
        for attribute in product["custom_attributes"]
        if attribute["attribute_code"] == "manufacturer"
    }
    assert catalog.UNLABELLED_BRAND in used - options
    assert len(used & options) > 10
    assert {product["type_id"] for product in products.values()} == {"simple", "configurable", "virtual", "bundle"}
    sold = {item["product_id"] for order in day_one.orders.values() for item in order["items"]}
    assert {id_ for id_ in sold if id_ not in products} == set(
        range(catalog.NEVER_SEEN_FROM, catalog.NEVER_SEEN_FROM + 7)
    )
    levels = Counter(category["level"] for category in day_one.docs["categories"].values())
    assert set(levels) == {0, 1, 2, 3, 4}
    assert not all(category.get("is_active", True) for category in day_one.docs["categories"].values())
    placed = [len(product["extension_attributes"].get("category_links", [])) for product in products.values()]
    assert {0, 1, 2} <= set(placed)
    names = [product["name"] for product in products.values()]
    assert max(map(len, names)) > 240
    assert any(name != name.strip() for name in names)
    assert any("\n" in name for name in names)
    assert any("🧉" in name for name in names)


def test_free_orders_of_both_kinds_of_bundle(day_one: Shop) -> None:
    for kind, price in (("fixed bundle", False), ("dynamic bundle", True)):
        (order,) = day_one.cases[f"{kind}, free"]
        assert (order["base_grand_total"], order["payment"]["method"], order["state"]) == (0, "free", "complete")
        children = [item for item in order["items"] if "parent_item_id" in item]
        assert sum(child["base_row_total"] for child in children) == 0
        assert (sum(child["base_price"] * child["qty_ordered"] for child in children) > 0) is price


def test_coupons(day_one: Shop) -> None:
    codes = Counter(order.get("coupon_code") for order in day_one.orders.values())
    assert {"HOTSALE", "HotSale", "hotsale", "HotSale, ENVIOGRATIS", "REGALO100"} <= set(codes)
    assert codes[None] > sum(codes.values()) / 2
    without = [
        order for order in day_one.orders.values() if order["base_discount_amount"] < 0 and "coupon_code" not in order
    ]
    assert without


def test_every_payment_method_is_paid_and_never_paid(day_one: Shop) -> None:
    by_method = defaultdict(set)
    for order in day_one.orders.values():
        by_method[order["payment"]["method"]].add("base_total_paid" in order)
    assert by_method.pop("free") == {True}
    assert set(by_method) == {
        "mercadopago_adbpayment_cc", "mercadopago_adbpayment_checkout_pro",
        "mercadopago_adbpayment_payment_methods_off", "mercadopago_basic", "mercadopago_custom", "decidir",
        "cashondelivery", "banktransfer", "checkmo", "gocuotas", "m2epropayment",
    }  # fmt: skip
    assert all(found == {True, False} for found in by_method.values())
    (rejected,) = day_one.cases["mercadopago_basic, never paid"]
    info = {entry["key"]: entry["value"] for entry in rejected["extension_attributes"]["payment_additional_info"]}
    assert (rejected["state"], json.loads(info["paymentResponse"])["status"]) == ("new", "rejected")


def test_states(day_one: Shop) -> None:
    states = Counter(order["state"] for order in day_one.orders.values())
    assert set(states) == {
        "new", "processing", "complete", "closed", "canceled", "holded", "payment_review", "pending_payment",
    }  # fmt: skip
    assert states["complete"] > ORDERS / 2


def test_currencies(day_one: Shop) -> None:
    kinds = set()
    for order in day_one.orders.values():
        kinds.add((order["store_id"], order["base_currency_code"], order["order_currency_code"]))
        assert order["global_currency_code"] == "ARS"
        assert (order["base_to_global_rate"] == 1) == (order["base_currency_code"] == "ARS")
        assert order["base_to_global_rate"] > 0
        assert order["store_name"].count("\n") == 2
    assert kinds == {(1, "ARS", "ARS"), (2, "ARS", "ARS"), (2, "ARS", "USD"), (3, "USD", "USD")}


def test_edited_order_and_deleted_account(day_one: Shop) -> None:
    (old,), (new,) = day_one.cases["edited: the original"], day_one.cases["edited: the replacement"]
    assert (old["state"], new["relation_parent_real_id"]) == ("canceled", old["increment_id"])
    for order in day_one.cases["account deleted since"]:
        assert order["customer_is_guest"] == 0
        assert "customer_id" not in order


def test_refunds_of_every_kind(day_one: Shop) -> None:
    def order(name: str) -> dict[str, Any]:
        (found,) = day_one.cases[name]
        return found

    for name in ("refunded whole", "refunded whole in two memos"):
        assert order(name)["state"] == "closed"
        assert order(name)["base_total_refunded"] == order(name)["base_grand_total"]
    kept_fee = order("closed, a fee kept")
    assert kept_fee["state"] == "closed"
    assert kept_fee["base_grand_total"] - kept_fee["base_total_refunded"] == Decimal("99.99")
    to_zero = order("refunded to zero by an amount")
    assert to_zero["base_total_refunded"] == to_zero["base_total_paid"]
    assert not any(item["qty_refunded"] for item in to_zero["items"])
    canceled = order("a line canceled, another refunded")
    assert canceled["state"] == "processing"  # the line that is left was not sent
    assert [item["qty_refunded"] + item["qty_canceled"] >= item["qty_ordered"] for item in kept(canceled["items"])] == [
        True, False, True, True, True,
    ]  # fmt: skip
    assert len(order("300 lines")["items"]) == special.HUGE_ORDER_LINES + 20


# Days


def moved(before: Shop, after: Shop, table: str) -> set[int]:
    old, new = before.docs[table], after.docs[table]
    return {id_ for id_ in new if id_ in old and new[id_]["updated_at"] != old[id_]["updated_at"]}


def test_days_move_the_clock_and_about_one_row_in_a_hundred(day_one: Shop, later: Shop) -> None:
    assert database.now(later.connection) == "2026-11-26 05:30:00"
    for table, most in (("orders", 0.06), ("customers", 0.05), ("products", 0.05)):
        old, new = day_one.docs[table], later.docs[table]
        changed = {id_ for id_ in old.keys() | new.keys() if old.get(id_) != new.get(id_)}
        assert 0 < len(changed) < most * len(old) + 60, table
        assert set(old) - set(new), f"none deleted of {table}"
        assert set(new) - set(old) or table == "products"
        for id_ in moved(day_one, later, table):
            assert "2026-11-23 05:30:00" < new[id_]["updated_at"] <= "2026-11-26 05:30:00"
    for id_, order in later.orders.items():
        if id_ not in day_one.orders:
            assert id_ > max(day_one.orders)
            assert order["created_at"] > generate.FIRST_DAY


def test_late_payments_and_refunds_move_old_orders(day_one: Shop, later: Shop) -> None:
    orders = moved(day_one, later, "orders")
    old, new = day_one.orders, later.orders
    paid = [id_ for id_ in orders if "base_total_paid" in new[id_] and "base_total_paid" not in old[id_]]
    refunded = [id_ for id_ in orders if "base_total_refunded" in new[id_] and "base_total_refunded" not in old[id_]]
    assert paid
    assert any(old[id_]["created_at"] < "2026-05-01" for id_ in refunded)
    assert any(new[id_]["state"] == "closed" for id_ in refunded)
    memo = {doc["order_id"]: doc["updated_at"] for doc in later.docs["creditmemos"].values()}
    assert any(new[id_]["updated_at"] < memo[id_] for id_ in refunded)  # a second before its memo


def test_a_deleted_account_disappears_from_its_orders_unstamped(day_one: Shop, later: Shop) -> None:
    gone = set(day_one.docs["customers"]) - set(later.docs["customers"])
    assert gone
    stamped = moved(day_one, later, "orders")
    lost = [
        id_
        for id_, order in day_one.orders.items()
        if order.get("customer_id") in gone and id_ in later.orders and id_ not in stamped
    ]
    assert lost
    for id_ in lost:
        assert "customer_id" not in later.orders[id_]
        assert later.orders[id_]["customer_is_guest"] == 0


def test_an_accounts_new_email_moves_it_and_not_its_orders(day_one: Shop, later: Shop) -> None:
    old, new = day_one.docs["customers"], later.docs["customers"]
    changed = [id_ for id_ in new if id_ in old and new[id_]["email"] != old[id_]["email"]]
    assert changed
    assert set(changed) <= moved(day_one, later, "customers")
    for id_ in changed:
        assert [order for order in day_one.orders.values() if order.get("customer_id") == id_]


def test_silent_changes_are_made_only_when_asked(path: Path, day_one: Shop, tmp_path: Path) -> None:
    def silent(after: Shop, table: str) -> list[int]:
        old, new = day_one.docs[table], after.docs[table]
        same = [id_ for id_ in new if id_ in old and new[id_]["updated_at"] == old[id_]["updated_at"]]
        return [id_ for id_ in same if new[id_] != old[id_]]

    shops = []
    for flag in (False, True):
        copy = tmp_path / f"{flag}.sqlite"
        copy.write_bytes(path.read_bytes())
        generate.advance(copy, silent=flag)
        shops.append(Shop(copy))
    loud, quiet = shops
    assert silent(loud, "customers") == silent(loud, "products") == []
    assert silent(quiet, "products")
    old, new = day_one.docs["customers"], quiet.docs["customers"]
    assert any(
        new[id_]["extension_attributes"] != old[id_]["extension_attributes"] for id_ in silent(quiet, "customers")
    )
    assert any(new[id_]["addresses"] != old[id_]["addresses"] for id_ in silent(quiet, "customers"))
    labels = "select * from attribute_options order by 1, 2"
    assert loud.connection.execute(labels).fetchall() == day_one.connection.execute(labels).fetchall()
    assert quiet.connection.execute(labels).fetchall() != day_one.connection.execute(labels).fetchall()


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


# The file and the command line


def test_create_replaces_a_store_and_nothing_else(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    generate.create(store, customers=50, orders=0)
    generate.advance(store)
    generate.create(store, customers=50, orders=0)
    connection = database.connect(store, read_only=True)
    assert database.now(connection) == generate.FIRST_DAY
    connection.close()
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    with pytest.raises(FileExistsError, match="not a demo store"):
        generate.create(other, customers=50, orders=0)
    assert other.read_text() == "mine"
    other_database = tmp_path / "other.sqlite"
    with sqlite3.connect(other_database) as foreign:
        foreign.execute("create table orders (id)")
    with pytest.raises(FileExistsError, match="not a demo store"):
        generate.create(other_database)


def test_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main([str(tmp_path / "none.sqlite"), "--advance", "1"]) == 1
    assert capsys.readouterr().err.startswith("demo store: no demo store at ")
    assert generate.main([str(tmp_path / "s.sqlite"), "--orders", "0", "--customers", "0"]) == 0
    assert generate.main([str(tmp_path / "s.sqlite"), "--advance", "0"]) == 1
    assert "at least 1 day" in capsys.readouterr().err
    assert generate.main([str(tmp_path / "s.sqlite"), "--now", "yesterday"]) == 1


def test_clock_helpers() -> None:
    moment = parse("2026-11-23 05:30:00")
    assert stamp(moment) == "2026-11-23 05:30:00"
    assert stamp(local_midnight(moment)) == "2026-11-23 03:00:00"
    assert stamp(local_midnight(parse("2026-11-23 02:59:59"))) == "2026-11-22 03:00:00"
    day = local_midnight(moment)
    times = [busy_time(day + second) for second in range(0, 86_400, 61)]
    assert times == sorted(times)
    assert day <= times[0]
    assert times[-1] < day + 86_400
