"""What of the demo no load, build or push would notice: that it adds up, is the same every time, and fails as told."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.magento import database, generate, special
from demo.serving import ServerStartError, serving


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    tables = (*database.ENTITY_TABLES, "customer_groups", "attribute_options", "special_cases", "meta")
    with sqlite3.connect(path) as connection:
        return {table: connection.execute(f"select * from {table} order by 1, 2").fetchall() for table in tables}


def documents(path: Path, table: str) -> dict[int, dict[str, Any]]:
    rows = database.connect(path, read_only=True).execute(f"select entity_id, doc from {table}")
    return {entity_id: json.loads(text, parse_float=Decimal) for entity_id, text in rows}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has seen two days and one of silent changes."""
    path = tmp_path_factory.mktemp("store") / "store.sqlite"
    generate.create(path, customers=300, orders=1200)
    generate.advance(path, days=2)
    generate.advance(path, silent=True)
    return path


def test_equal_seeds_give_equal_stores_whatever_the_process_and_its_zone(tmp_path: Path) -> None:
    for name, seed, environment in (
        ("a", 7, {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}),
        ("b", 7, {"PYTHONHASHSEED": "2"}),
        ("c", 8, {}),
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
    for name, steps in (("a", [2]), ("b", [1, 1])):
        generate.create(tmp_path / name, customers=60, orders=260)
        for days in steps:
            generate.advance(tmp_path / name, days=days)
    assert dump(tmp_path / "a") == dump(tmp_path / "b")


def kept(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The lines that are counted, as DESIGN words it (not as the generator does)."""
    children = defaultdict(list)
    for item in items:
        children[item.get("parent_item_id")].append(item)
    for top in children[None]:
        parts = children[top["item_id"]]
        is_priced = top["product_type"] == "bundle" and sum(one["base_price"] * one["qty_ordered"] for one in parts) > 0
        yield from parts if is_priced else [top]


def test_orders_are_the_sum_of_their_lines(store: Path) -> None:
    kinds = set()
    for order in documents(store, "orders").values():
        lines = list(kept(order["items"]))
        top = [item for item in order["items"] if "parent_item_id" not in item]
        parts = ("base_subtotal", "base_discount_amount", "base_shipping_amount", "base_tax_amount")
        assert order["base_grand_total"] == sum(order[part] for part in parts), order["entity_id"]
        assert order["base_subtotal"] == sum(item["base_price"] * item["qty_ordered"] for item in top)
        net = sum(item["base_row_total"] for item in lines)
        assert net == order["base_subtotal"] + order["base_discount_amount"]
        assert order["base_tax_amount"] == sum(item["base_tax_amount"] for item in lines)
        kinds |= {item["product_type"] for item in top}
    assert kinds == {"simple", "virtual", "configurable", "bundle"}


def test_credit_memos_add_up_to_what_is_refunded(store: Path) -> None:
    refunded: dict[int, Decimal] = defaultdict(Decimal)
    for memo in documents(store, "creditmemos").values():
        refunded[memo["order_id"]] += memo["base_grand_total"]
    orders = documents(store, "orders")
    assert {key: order["base_total_refunded"] for key, order in orders.items() if "base_total_refunded" in order} == (
        refunded
    )
    assert len(refunded) > 10


def test_orders_stand_at_the_edges_of_windows(store: Path) -> None:
    """Without them the nights that the oracle recomputes would say nothing of a window's first second."""
    orders = documents(store, "orders")
    cases = database.connect(store, read_only=True).execute("select * from special_cases")
    found = {name: orders[key]["created_at"] for name, table, key in cases if table == "orders" and key in orders}
    for days in special.WINDOWS:
        first = date(2026, 11, 23) - timedelta(days=days)  # it begins at 3 o'clock UTC in the store's zone
        assert found[f"exactly {days} days ago"] == f"{first} 03:00:00"
        assert found[f"{days + 1} days ago by a second"] == f"{first} 02:59:59"


def test_a_file_that_is_no_demo_store_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not a demo store"):
        generate.create(tmp_path / "notes.txt", customers=5, orders=0)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_faults_fire_as_told(tmp_path: Path) -> None:
    """After so many requests, so often, on what fits, by a seed, before or after the work; then they are gone."""
    with serving("demo.icommkt", database=tmp_path / "icommkt.sqlite", options=["--api-key", "key"]) as url:

        def status(method: str = "SaveContact", email: str = "a@example.com") -> int:
            body = {"ProfileKey": "demo-profile-key", "Contact": {"Email": email, "CustomFields": []}, "Filters": {}}
            headers = {"Authorization": "key"}
            try:
                return requests.post(
                    f"{url}/Contacts/{method}.Json/", json=body, headers=headers, timeout=5
                ).status_code
            except requests.RequestException:
                return 0

        def statuses(times: int, **rule: object) -> list[int]:
            requests.delete(f"{url}/demo/faults", timeout=5)
            requests.post(f"{url}/demo/faults", json=rule, timeout=5).raise_for_status()
            return [status() for _ in range(times)]

        assert statuses(4, kind="500", after=2, count=1) == [200, 200, 500, 200]
        assert statuses(2, kind="500", match={"path_regex": "ListFull"}) == [200, 200]
        assert status("ListFull") == 500
        drawn = [statuses(24, kind="500", probability=0.5, seed=seed) for seed in (1, 1, 2)]
        assert drawn[0] == drawn[1] != drawn[2]
        for processed in (False, True):
            statuses(0, kind="drop_connection", processed=processed)
            assert status(email=f"{processed}@example.com") == 0
        held = {one["Email"] for one in requests.get(f"{url}/demo/contacts", timeout=5).json()}
        assert ("true@example.com" in held, "false@example.com" in held) == (True, False)
        assert requests.post(f"{url}/demo/faults", json={"kind": "flood"}, timeout=5).status_code == 400


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match="no_such"), serving("demo.no_such", database=tmp_path / "x"):
        pass
