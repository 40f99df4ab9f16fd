"""The property tests themselves: what they generate is what they say, and a mistake is found and shown in few rows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from .batch import build, copy_of_project, shown, wrong
from .mutations import MUTATIONS
from .search import generated, shrunk
from .situations import SITUATIONS
from .stores import Row

SITUATION = SITUATIONS[0]


def test_one_seed_is_always_the_same_stores() -> None:
    stores = generated(SITUATION, 40, 1)
    assert generated(SITUATION, 40, 1) == stores
    assert len({shown(store) for store in stores}) == 40
    assert generated(SITUATION, 40, 2)[-1] not in stores


def test_stores_have_what_can_go_wrong() -> None:
    stores = generated(SITUATION, 100, 1)
    orders = [order for store in stores for order in store.get("orders", ())]
    lines = [line for store in stores for line in store.get("order_items", ())]
    assert {order.get("state") for order in orders} >= {"complete", "canceled", "pending_payment", None}
    assert any(order.get("base_total_refunded") == order.get("base_grand_total") for order in orders)
    assert any("_deleted_at" in order for order in orders)
    assert any(order.get("customer_email") is None for order in orders)
    assert {order.get("base_currency_code") for order in orders} == {"ARS", "USD", "EUR", " ", None}
    assert any(_is(order, "base_total_canceled", "base_total_paid") for order in orders)
    assert any(_is(line, "qty_canceled", "qty_invoiced") for line in lines)
    bundles = {line["item_id"] for line in lines if line.get("product_type") == "bundle"}
    assert any(line.get("base_price") == 0 and line.get("parent_item_id") in bundles for line in lines)
    assert any(
        order.get("state") == "closed" and order["base_grand_total"] - order["base_total_refunded"] == Decimal("0.01")
        for order in orders
        if "base_grand_total" in order and "base_total_refunded" in order
    )
    assert {line.get("product_type") for line in lines} >= {"simple", "bundle", "configurable", None}
    assert {line["_dlt_load_id"] for line in lines} == {"1", "2"}
    assert any(
        len({order["created_at"] for order in store["orders"]}) < len(store["orders"])
        for store in stores
        if "orders" in store
    )


def _is(row: Row, canceled: str, paid: str) -> bool:
    """Canceled, brought back and paid."""
    return bool(row.get(canceled)) and row.get(canceled) == row.get(paid)


def test_a_mistake_is_found_and_shown_in_few_rows(tmp_path: Path) -> None:
    project = copy_of_project(tmp_path / "project", SITUATION)
    MUTATIONS[0].apply(project)
    stores = generated(SITUATION, 30, 1)
    built = build(project, SITUATION, stores)
    failing = {
        position: found
        for position, store in enumerate(stores)
        if (found := wrong(SITUATION, built.seeds, position, store, built.answers[position]))
    }
    first = max(failing, key=lambda position: sum(map(len, stores[position].values())))
    said = shrunk(SITUATION, built, stores[first], failing[first])
    assert said.startswith("what is left of one of them")
    assert said.count("\n  ") == 2, said  # the store view and an order
    assert "expected 1, got 0" in said
