"""What happens to an order: invoice, shipment, credit memo, cancellation, hold, comment.

Each act changes the order's document in place, as Magento changes its rows, and returns the
document it makes; an order read back from the file is handled like a new one (`relink` it first).
As recorded from a live Magento, lines of invoices and credit memos are gross, and a memo's
discount is negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from demo.magento.catalog import Store, money
from demo.magento.clock import stamp
from demo.magento.lines import carries_money, convert, gross_incl_tax, half_up, is_bundle_parent
from demo.magento.orders import Ids

Doc = dict[str, Any]


def invoice(ids: Ids, order: Doc, store: Store, moment: int, only: Iterable[int] | None = None) -> Doc:
    """Invoice and thereby pay an order, whole or only these top-level items; return the invoice.

    An order waiting to be invoiced moves to processing, or to complete when nothing is to ship.
    """
    at = stamp(moment)
    invoice_id = ids.take("invoice")
    items = order["items"]
    if only is None:
        chosen = items
    else:
        wanted = set(only)
        chosen = [i for i in items if i.get("parent_item_id", i["item_id"]) in wanted]
    two = _two_currencies(order)
    lines: list[Doc] = []
    totals = ([0, 0, 0, 0], [0, 0, 0, 0])
    cost = total_qty = 0
    line_id = ids.take("invoice_item", len(chosen))
    for item in items:
        if carries_money(item):
            item["weee_tax_applied"] = "[]"
    for item in chosen:
        quantity = item["qty_ordered"]
        total_qty += quantity
        item["qty_invoiced"] = quantity
        item["base_discount_tax_compensation_invoiced"] = 0
        item["discount_tax_compensation_invoiced"] = 0
        item["updated_at"] = at
        line = _line(item, line_id, invoice_id, quantity)
        line_id += 1
        if "base_cost" in item:
            line["base_cost"] = item["base_cost"]
            cost += round(item["base_cost"] * 100) * quantity
        if carries_money(item):
            _invoice_amounts(item, line, "base_", totals[0])
            if two:
                _invoice_amounts(item, line, "", totals[1])
            else:
                item["row_invoiced"] = line["row_total"] = line["base_row_total"]
                item["tax_invoiced"] = line["tax_amount"] = item["tax_amount"]
                item["discount_invoiced"] = line["discount_amount"] = item["discount_amount"]
                line["row_total_incl_tax"] = line["base_row_total_incl_tax"]
                line["discount_tax_compensation_amount"] = 0
        lines.append(line)

    doc = _document(ids, order, store, "invoice", invoice_id, at)
    doc["can_void_flag"] = 0
    doc["total_qty"] = total_qty
    doc["base_shipping_discount_tax_compensation_amnt"] = 0
    doc["shipping_discount_tax_compensation_amount"] = 0
    payment = order["payment"]
    first = "base_total_invoiced" not in order
    total_shipping = order["extension_attributes"]["shipping_assignments"][0]["shipping"]["total"]
    for prefix, total in (("base_", totals[0]), ("", totals[1 if two else 0])):
        subtotal, with_tax, discount, tax = total
        shipping = round(order[f"{prefix}shipping_amount"] * 100) if first else 0
        grand = subtotal - discount + tax + shipping
        _write_totals(doc, prefix, subtotal, with_tax, discount, tax, shipping, grand)
        _add(order, f"{prefix}discount_invoiced", -discount)
        order[f"{prefix}discount_tax_compensation_invoiced"] = 0
        sent = _add(order, f"{prefix}shipping_invoiced", shipping)
        _add(order, f"{prefix}subtotal_invoiced", subtotal)
        _add(order, f"{prefix}tax_invoiced", tax)
        _add(order, f"{prefix}total_invoiced", grand)
        paid = _add(order, f"{prefix}total_paid", grand)
        due = round((order[f"{prefix}grand_total"] - paid) * 100)
        order[f"{prefix}total_due"] = money(max(0, due))
        payment[f"{prefix}amount_paid"] = paid
        payment[f"{prefix}shipping_captured"] = sent
        total_shipping[f"{prefix}shipping_invoiced"] = sent
    _add(order, "base_total_invoiced_cost", cost)
    doc["items"] = lines
    doc["comments"] = []
    order["updated_at"] = at
    _settle(order)
    return doc


def _invoice_amounts(item: Doc, line: Doc, prefix: str, total: list[int]) -> None:
    """Invoice a whole line in one currency, adding to gross, gross with tax, discount and tax."""
    gross = round(item[f"{prefix}price"] * 100) * item["qty_ordered"]
    with_tax = gross_incl_tax(gross, item["tax_percent"])
    discount, tax = item[f"{prefix}discount_amount"], item[f"{prefix}tax_amount"]
    row = money(gross)
    item[f"{prefix}row_invoiced"] = row
    item[f"{prefix}tax_invoiced"] = tax
    item[f"{prefix}discount_invoiced"] = discount
    line[f"{prefix}discount_amount"] = discount
    line[f"{prefix}discount_tax_compensation_amount"] = 0
    line[f"{prefix}row_total"] = row
    line[f"{prefix}row_total_incl_tax"] = money(with_tax)
    line[f"{prefix}tax_amount"] = tax
    total[0] += gross
    total[1] += with_tax
    total[2] += round(discount * 100)
    total[3] += round(tax * 100)


def ship(ids: Ids, order: Doc, store: Store, moment: int, track: bool = True) -> Doc | None:
    """Ship what can be shipped; return the shipment, or None when there is nothing to ship.

    A tracking number is added a second later, which does not touch the order's `updated_at`.
    """
    at = stamp(moment)
    shipment_id = ids.next.get("shipment", 0) + 1
    lines: list[Doc] = []
    total_qty = 0
    sent: set[int] = set()
    for item in order["items"]:
        if "parent_item_id" in item:
            if item["parent_item_id"] in sent and item["parent_item"]["product_type"] == "bundle":
                item["qty_shipped"] = item["qty_ordered"]
                item["updated_at"] = at
            continue
        left = item["qty_ordered"] - item["qty_canceled"] - item["qty_refunded"]
        quantity = left - item["qty_shipped"]
        if item["is_virtual"] or quantity <= 0:
            continue
        item["qty_shipped"] = left
        item["updated_at"] = at
        sent.add(item["item_id"])
        total_qty += quantity
        line: Doc = {
            "entity_id": 0,
            "name": item["name"],
            "parent_id": shipment_id,
            "price": item["price"],
            "product_id": item["product_id"],
            "sku": item["sku"],
            "order_item_id": item["item_id"],
            "qty": quantity,
        }
        if "weight" in item:
            line["weight"] = item["weight"]
        lines.append(line)
    if not lines:
        return None
    ids.take("shipment")
    for line_id, line in enumerate(lines, ids.take("shipment_item", len(lines))):
        line["entity_id"] = line_id
    order_id = order["entity_id"]
    doc: Doc = {
        "billing_address_id": order["billing_address_id"],
        "created_at": at,
        "entity_id": shipment_id,
        "increment_id": ids.increment("shipment", store),
        "order_id": order_id,
        "packages": [],
        "shipping_address_id": order["billing_address_id"] - 1,
        "store_id": order["store_id"],
        "total_qty": total_qty,
        "updated_at": at,
        "items": lines,
        "tracks": [],
        "comments": [],
        "extension_attributes": {"source_code": "default"},
    }
    if "customer_id" in order:
        doc["customer_id"] = order["customer_id"]
    if track:
        weighed = shipment_id % 50 == 0
        later = stamp(moment + 1)
        doc["tracks"] = [
            {
                "order_id": order_id,
                "created_at": later,
                "entity_id": ids.take("track"),
                "parent_id": shipment_id,
                "updated_at": later,
                "weight": 1 if weighed else None,
                "qty": 1 if weighed else None,
                "description": "Frágil" if weighed else None,
                "track_number": f"AR{order_id:09d}",
                "title": "USPS" if store.website_id == 2 else "Correo Argentino",
                "carrier_code": "custom",
            }
        ]
    order["updated_at"] = at
    _settle(order)
    return doc


def refund(
    ids: Ids,
    order: Doc,
    store: Store,
    moment: int,
    quantities: dict[int, int],
    *,
    shipping: int = 0,
    plus: int | None = None,
    minus: int | None = None,
    comment: str = "",
) -> Doc:
    """Refund quantities of top-level items (offline); return the credit memo.

    `shipping`, `plus` (adjustment refund) and `minus` (adjustment fee) are cents of base currency;
    without `plus` and `minus` the memo has no adjustments, as one made for everything at once.
    The order is closed when nothing is left to be refunded.
    """
    at = stamp(moment)
    memo_id = ids.take("creditmemo")
    two = _two_currencies(order)
    lines: list[Doc] = []
    totals = ([0, 0, 0, 0], [0, 0, 0, 0])
    for item in order["items"]:
        quantity = quantities.get(item.get("parent_item_id", item["item_id"]), 0)
        if not quantity:
            continue
        if "parent_item_id" in item:
            quantity = quantity * item["qty_ordered"] // item["parent_item"]["qty_ordered"]
        before = item["qty_refunded"]
        item["qty_refunded"] = before + quantity
        item["updated_at"] = at
        line = _line(item, ids.take("creditmemo_item"), memo_id, quantity)
        line["base_cost"] = item.get("base_cost")
        if not is_bundle_parent(item):
            item["base_discount_tax_compensation_refunded"] = 0
            item["discount_tax_compensation_refunded"] = 0
        if carries_money(item):
            line["weee_tax_applied"] = "[]"
            line["weee_tax_applied_row_amount"] = 0
            for prefix, total in zip(("base_", ""), totals, strict=True):
                _refund_amounts(item, line, prefix, total, before, quantity)
        elif not is_bundle_parent(item):
            for name in ("discount_refunded", "tax_refunded"):
                item[f"base_{name}"] = item[name] = 0
        lines.append(line)

    doc = _document(ids, order, store, "creditmemo", memo_id, at)
    payment = order["payment"]
    total_shipping = order["extension_attributes"]["shipping_assignments"][0]["shipping"]["total"]
    for prefix, total in zip(("base_", ""), totals, strict=True):
        subtotal, with_tax, discount, tax = total
        sent, added, taken = (
            convert(cents, order["base_to_order_rate"]) if two and not prefix else cents
            for cents in (shipping, plus or 0, minus or 0)
        )
        grand = subtotal - discount + tax + sent + added - taken
        _write_totals(doc, prefix, subtotal, with_tax, discount, tax, sent, grand)
        doc[f"{prefix}adjustment"] = money(added - taken)
        if plus is not None or minus is not None:
            doc[f"{prefix}adjustment_negative"] = money(taken)
            doc[f"{prefix}adjustment_positive"] = money(added)
        _add(order, f"{prefix}adjustment_negative", taken)
        _add(order, f"{prefix}adjustment_positive", added)
        _add(order, f"{prefix}discount_refunded", -discount)
        order[f"{prefix}discount_tax_compensation_refunded"] = 0
        order[f"{prefix}shipping_tax_refunded"] = 0
        total_shipping[f"{prefix}shipping_tax_refunded"] = 0
        sent_back = _add(order, f"{prefix}shipping_refunded", sent)
        _add(order, f"{prefix}subtotal_refunded", subtotal)
        _add(order, f"{prefix}tax_refunded", tax)
        _add(order, f"{prefix}total_offline_refunded", grand)
        payment[f"{prefix}amount_refunded"] = _add(order, f"{prefix}total_refunded", grand)
        payment[f"{prefix}shipping_refunded"] = sent_back
        total_shipping[f"{prefix}shipping_refunded"] = sent_back
    doc["items"] = lines
    doc["comments"] = []
    if comment:
        doc["comments"] = [
            {
                "comment": comment,
                "created_at": at,
                "entity_id": ids.take("creditmemo_comment"),
                "is_customer_notified": 0,
                "is_visible_on_front": 0,
                "parent_id": memo_id,
            }
        ]
    order["customer_note_notify"] = 0
    refunded = order["base_total_refunded"] + order["base_adjustment_negative"]
    if round((order["base_total_paid"] - refunded) * 100) <= 0:
        order["state"] = order["status"] = "closed"
    order["updated_at"] = at
    text = f"We refunded ${doc['base_grand_total']:,.2f} offline."
    remark(ids, order, moment, text, entity="creditmemo", visible=0)
    return doc


def _refund_amounts(item: Doc, line: Doc, prefix: str, total: list[int], before: int, quantity: int) -> None:
    """Refund pieces of a line in one currency, adding to gross, gross with tax, discount, tax."""
    gross = round(item[f"{prefix}price"] * 100) * quantity
    with_tax = gross_incl_tax(gross, item["tax_percent"])
    discount = _part(item, f"{prefix}discount_amount", before, quantity)
    tax = _part(item, f"{prefix}tax_amount", before, quantity)
    _add(item, f"{prefix}amount_refunded", gross)
    _add(item, f"{prefix}discount_refunded", discount)
    _add(item, f"{prefix}tax_refunded", tax)
    line[f"{prefix}discount_amount"] = money(discount)
    line[f"{prefix}discount_tax_compensation_amount"] = 0
    line[f"{prefix}row_total"] = money(gross)
    line[f"{prefix}row_total_incl_tax"] = money(with_tax)
    line[f"{prefix}tax_amount"] = money(tax)
    line[f"{prefix}weee_tax_row_disposition"] = 0
    for i, cents in enumerate((gross, with_tax, discount, tax)):
        total[i] += cents


def _part(item: Doc, key: str, before: int, quantity: int) -> int:
    """Return the cents of a line's discount or tax that `quantity` more pieces take with them."""
    total, ordered = round(item[key] * 100), item["qty_ordered"]
    return half_up(total * (before + quantity), ordered) - half_up(total * before, ordered)


_CANCELED = {
    "subtotal": "subtotal",
    "shipping": "shipping_amount",
    "tax": "tax_amount",
    "discount": "discount_amount",
}


def cancel(order: Doc, moment: int) -> None:
    """Cancel what is not invoiced: the whole order, or the rest of a partly invoiced one."""
    at = stamp(moment)
    for item in order["items"]:
        item["updated_at"] = at
        item["discount_tax_compensation_canceled"] = 0
        item["tax_canceled"] = 0
        # Of a line without money of its own, not even the quantity is touched.
        if carries_money(item):
            item["qty_canceled"] = item["qty_ordered"] - item["qty_invoiced"]
            if not item["qty_invoiced"]:
                item["tax_canceled"] = item["tax_amount"]
    total_shipping = order["extension_attributes"]["shipping_assignments"][0]["shipping"]["total"]
    for prefix in ("base_", ""):
        for name, amount_key in _CANCELED.items():
            amount = abs(order[f"{prefix}{amount_key}"])
            invoiced = abs(order.get(f"{prefix}{name}_invoiced", 0))
            order[f"{prefix}{name}_canceled"] = money(round((amount - invoiced) * 100))
        total_shipping[f"{prefix}shipping_canceled"] = order[f"{prefix}shipping_canceled"]
        rest = order[f"{prefix}grand_total"] - order.get(f"{prefix}total_paid", 0)
        order[f"{prefix}total_canceled"] = money(round(rest * 100))
    order["updated_at"] = at
    if "base_total_paid" in order:
        _settle(order)
    else:
        order["state"] = order["status"] = "canceled"


def hold(order: Doc, moment: int) -> None:
    """Put an order on hold; it remembers where it was."""
    order["hold_before_state"] = order["state"]
    order["hold_before_status"] = order["status"]
    order["state"] = order["status"] = "holded"
    order["updated_at"] = stamp(moment)


def remark(ids: Ids, order: Doc, moment: int, text: str, *, entity: str = "", visible: int = 1) -> None:
    """Add a line to the order's history, newest first; this alone moves no `updated_at`."""
    entry: Doc = {"comment": text, "created_at": stamp(moment), "entity_id": ids.take("history")}
    if entity:
        entry["entity_name"] = entity
    entry |= {
        "is_customer_notified": 0,
        "is_visible_on_front": visible,
        "parent_id": order["entity_id"],
        "status": order["status"],
    }
    order["status_histories"].insert(0, entry)


def relink(order: Doc) -> None:
    """Make `parent_item` of an order read from the file the parent itself again."""
    by_id = {item["item_id"]: item for item in order["items"]}
    for item in order["items"]:
        if "parent_item_id" in item:
            item["parent_item"] = by_id[item["parent_item_id"]]


def _document(ids: Ids, order: Doc, store: Store, kind: str, id_: int, at: str) -> Doc:
    """Return what invoices and credit memos have in common."""
    doc: Doc = {
        "base_currency_code": order["base_currency_code"],
        "base_to_global_rate": order["base_to_global_rate"],
        "base_to_order_rate": order["base_to_order_rate"],
        "billing_address_id": order["billing_address_id"],
        "created_at": at,
        "entity_id": id_,
        "global_currency_code": order["global_currency_code"],
        "increment_id": ids.increment(kind, store),
        "order_currency_code": order["order_currency_code"],
        "order_id": order["entity_id"],
        "state": 2,
        "store_currency_code": order["store_currency_code"],
        "store_id": order["store_id"],
        "store_to_base_rate": 0,
        "store_to_order_rate": 0,
        "updated_at": at,
    }
    if not order["is_virtual"]:
        doc["shipping_address_id"] = order["billing_address_id"] - 1
    if "discount_description" in order:
        doc["discount_description"] = order["discount_description"]
    return doc


def _line(item: Doc, line_id: int, document_id: int, quantity: int) -> Doc:
    """Return what a line of an invoice or credit memo takes over from the order's."""
    line: Doc = {
        "base_price": item["base_price"],
        "entity_id": line_id,
        "name": item["name"],
        "parent_id": document_id,
        "price": item["price"],
        "product_id": item["product_id"],
        "sku": item["sku"],
        "order_item_id": item["item_id"],
        "qty": quantity,
    }
    if "base_price_incl_tax" in item:
        line["base_price_incl_tax"] = item["base_price_incl_tax"]
        line["price_incl_tax"] = item["price_incl_tax"]
    return line


def _write_totals(
    doc: Doc,
    prefix: str,
    subtotal: int,
    with_tax: int,
    discount: int,
    tax: int,
    shipping: int,
    grand: int,
) -> None:
    """Write the totals of an invoice or credit memo in one currency."""
    doc[f"{prefix}discount_amount"] = money(-discount)
    doc[f"{prefix}discount_tax_compensation_amount"] = 0
    doc[f"{prefix}grand_total"] = money(grand)
    doc[f"{prefix}shipping_amount"] = doc[f"{prefix}shipping_incl_tax"] = money(shipping)
    doc[f"{prefix}shipping_tax_amount"] = 0
    doc[f"{prefix}subtotal"] = money(subtotal)
    doc[f"{prefix}subtotal_incl_tax"] = money(with_tax)
    doc[f"{prefix}tax_amount"] = money(tax)


def _add(doc: Doc, key: str, cents: int) -> int | float:
    """Add to an amount of a document; return the new one."""
    before = doc.get(key)
    amount = money(round(before * 100) + cents) if before else money(cents)
    doc[key] = amount
    return amount


def _two_currencies(order: Doc) -> bool:
    return bool(order["base_currency_code"] != order["order_currency_code"])


def _settle(order: Doc) -> None:
    """Move a paid or shipped order to processing, or to complete when nothing is left to do."""
    if order["state"] in ("closed", "canceled", "holded"):
        return
    state = "complete"
    for item in order["items"]:
        ordered = item["qty_ordered"]
        if carries_money(item) and item["qty_invoiced"] + item["qty_canceled"] < ordered:
            state = "processing"
            break
        if "parent_item_id" in item or item["is_virtual"]:
            continue
        if item["qty_shipped"] + item["qty_canceled"] + item["qty_refunded"] < ordered:
            state = "processing"
            break
    order["state"] = order["status"] = state
