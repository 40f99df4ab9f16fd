"""What happens to an order: payment, shipment, credit memo, cancellation, hold.

Each act changes the order's document in place, as Magento changes its rows, in base currency (`orders.finished` adds
the order's); an order read back from the file is handled like a new one (`relink` it first). As recorded from a live
Magento, lines of credit memos are gross, and a memo's discount is negative.
"""

from collections.abc import Iterable
from typing import Any

from demo.magento.catalog import STORES, money
from demo.magento.clock import stamp
from demo.magento.orders import Ids, carries_money, half_up

Doc = dict[str, Any]


def pay(order: Doc, moment: int, only: Iterable[int] | None = None) -> None:
    """Invoice and thereby pay an order, whole or only these top-level items.

    An order waiting for it moves to processing, or to complete when nothing is to ship.
    """
    at = stamp(moment)
    wanted = {item["item_id"] for item in order["items"]} if only is None else set(only)
    paid = 0 if "base_total_paid" in order else _cents(order, "base_shipping_amount")
    order.setdefault("base_shipping_invoiced", order["base_shipping_amount"])
    for item in order["items"]:
        if item.get("parent_item_id", item["item_id"]) not in wanted:
            continue
        item |= {"qty_invoiced": item["qty_ordered"], "updated_at": at}
        if carries_money(item):
            paid += _cents(item, "base_row_total") + _cents(item, "base_tax_amount")
    _add(order, "base_total_paid", paid)
    order["base_total_due"] = money(max(0, _cents(order, "base_grand_total") - _cents(order, "base_total_paid")))
    order["updated_at"] = at
    _settle(order)


def ship(order: Doc, moment: int) -> bool:
    """Ship what can be shipped; tell whether there was anything."""
    at = stamp(moment)
    sent: set[int] = set()
    for item in order["items"]:
        if "parent_item_id" in item:
            if item["parent_item_id"] in sent and item["parent_item"]["product_type"] == "bundle":
                item |= {"qty_shipped": item["qty_ordered"], "updated_at": at}
            continue
        left = item["qty_ordered"] - item["qty_canceled"] - item["qty_refunded"]
        if not item["is_virtual"] and left > item["qty_shipped"]:
            item |= {"qty_shipped": left, "updated_at": at}
            sent.add(item["item_id"])
    if sent:
        order["updated_at"] = at
        _settle(order)
    return bool(sent)


def refund(
    ids: Ids,
    order: Doc,
    moment: int,
    quantities: dict[int, int],
    *,
    shipping: int = 0,
    plus: int | None = None,
    minus: int | None = None,
) -> Doc:
    """Refund quantities of top-level items (offline); return the credit memo.

    `shipping`, `plus` (adjustment refund) and `minus` (adjustment fee) are cents of base currency; without `plus` and
    `minus` the memo has no adjustments, as one of everything. The order is closed when nothing is left to be refunded.
    """
    at = stamp(moment)
    memo_id = ids.take("creditmemo")
    lines: list[Doc] = []
    subtotal = discount = tax = 0
    for item in order["items"]:
        quantity = quantities.get(item.get("parent_item_id", item["item_id"]), 0)
        if not quantity:
            continue
        if "parent_item_id" in item:
            quantity = quantity * item["qty_ordered"] // item["parent_item"]["qty_ordered"]
        line: Doc = {name: item[name] for name in ("base_price", "name", "product_id", "sku")}
        line |= {"entity_id": ids.take("creditmemo_item"), "parent_id": memo_id, "qty": quantity}
        line["order_item_id"] = item["item_id"]
        if carries_money(item):
            gross = _cents(item, "base_price") * quantity
            off, taxed = _part(item, "base_discount_amount", quantity), _part(item, "base_tax_amount", quantity)
            _add(item, "base_amount_refunded", gross)
            line |= {
                "base_row_total": money(gross),
                "base_discount_amount": money(off),
                "base_tax_amount": money(taxed),
            }
            subtotal, discount, tax = subtotal + gross, discount + off, tax + taxed
        item["qty_refunded"] += quantity
        item["updated_at"] = at
        lines.append(line)
    added, taken = plus or 0, minus or 0
    total = subtotal - discount + tax + shipping + added - taken
    copied = ("base_currency_code", "base_to_global_rate", "base_to_order_rate", "global_currency_code")
    memo: Doc = {name: order[name] for name in (*copied, "order_currency_code", "store_currency_code", "store_id")}
    amounts = {"subtotal": subtotal, "discount_amount": -discount, "shipping_amount": shipping, "tax_amount": tax}
    amounts |= {"adjustment": added - taken, "grand_total": total}
    if plus is not None or minus is not None:
        amounts |= {"adjustment_negative": taken, "adjustment_positive": added}
    memo |= {f"base_{name}": money(cents) for name, cents in amounts.items()} | {
        "created_at": at,
        "entity_id": memo_id,
        "increment_id": ids.increment("creditmemo", STORES[order["store_id"]]),
        "items": lines,
        "order_id": order["entity_id"],
        "state": 2,
        "updated_at": at,
    }
    _add(order, "base_adjustment_negative", taken)
    _add(order, "base_shipping_refunded", shipping)
    _add(order, "base_total_refunded", total)
    refunded = _cents(order, "base_total_refunded") + _cents(order, "base_adjustment_negative")
    if _cents(order, "base_total_paid") <= refunded:
        order["state"] = order["status"] = "closed"
    order["updated_at"] = at
    return memo


def _part(item: Doc, key: str, quantity: int) -> int:
    """Return the cents of a line's discount or tax that `quantity` more pieces take with them."""
    total, ordered, before = _cents(item, key), item["qty_ordered"], item["qty_refunded"]
    return half_up(total * (before + quantity), ordered) - half_up(total * before, ordered)


def cancel(order: Doc, moment: int) -> None:
    """Cancel what is not invoiced: the whole order, or the rest of a partly invoiced one."""
    for item in order["items"]:
        item["updated_at"] = stamp(moment)
        # Of a line without money of its own, not even the quantity is touched.
        if carries_money(item):
            item["qty_canceled"] = item["qty_ordered"] - item["qty_invoiced"]
    paid = _cents(order, "base_total_paid") if "base_total_paid" in order else 0
    order["base_total_canceled"] = money(_cents(order, "base_grand_total") - paid)
    order["updated_at"] = stamp(moment)
    if "base_total_paid" in order:
        _settle(order)
    else:
        order["state"] = order["status"] = "canceled"


def hold(order: Doc, moment: int) -> None:
    """Put an order on hold; it remembers where it was."""
    order |= {"hold_before_state": order["state"], "hold_before_status": order["status"]}
    order["state"] = order["status"] = "holded"
    order["updated_at"] = stamp(moment)


def relink(order: Doc) -> Doc:
    """Make `parent_item` of an order read from the file the parent itself again; return the order."""
    by_id = {item["item_id"]: item for item in order["items"]}
    for item in order["items"]:
        if "parent_item_id" in item:
            item["parent_item"] = by_id[item["parent_item_id"]]
    return order


def _cents(doc: Doc, key: str) -> int:
    return int(round(doc[key] * 100))  # noqa: RUF046 - a document's values are of any type


def _add(doc: Doc, key: str, cents: int) -> None:
    doc[key] = money(round(doc.get(key, 0) * 100) + cents)


def _settle(order: Doc) -> None:
    """Move a paid or shipped order to processing, or to complete when nothing is left to do."""
    if order["state"] in ("closed", "canceled", "holded"):
        return

    def is_open(item: Doc) -> bool:
        is_billed = not carries_money(item) or item["qty_invoiced"] + item["qty_canceled"] >= item["qty_ordered"]
        if not is_billed or "parent_item_id" in item or item["is_virtual"]:
            return not is_billed
        return bool(item["qty_shipped"] + item["qty_canceled"] + item["qty_refunded"] < item["qty_ordered"])

    order["state"] = order["status"] = "processing" if any(map(is_open, order["items"])) else "complete"
