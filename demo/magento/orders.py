"""Sales documents with Magento's arithmetic: place an order, then invoice, ship, refund, cancel.

An order is its REST document. Each later act changes the document in place, as Magento changes
its rows, and returns the document it makes; so a day-old order read back from the file is handled
like a new one. Amounts are computed in whole cents, and in two currencies where the order's
differs from the base currency.

As recorded from a live Magento: a line's `row_total` and `base_row_total` are net of its discount
(a dynamic bundle's parent alone stays gross, the discount is on its children); line discounts are
positive, the order's and the memo's negative; credit-memo and invoice lines are gross.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from demo.magento.catalog import GLOBAL_CURRENCY, Product, Store, money
from demo.magento.clock import stamp

Doc = dict[str, Any]

METHOD_TITLES = {
    "mercadopago_adbpayment_cc": "Tarjeta de crédito - Mercado Pago",
    "mercadopago_adbpayment_checkout_pro": "Mercado Pago Checkout Pro",
    "mercadopago_adbpayment_payment_methods_off": "Efectivo (Rapipago, Pago Fácil)",
    "mercadopago_basic": "Mercado Pago",
    "mercadopago_custom": "Tarjeta con Mercado Pago",
    "decidir": "Tarjeta de crédito (Payway)",
    "cashondelivery": "Contra reembolso",
    "banktransfer": "Transferencia bancaria",
    "checkmo": "Cheque / Giro",
    "free": "No Payment Information Required",
    "gocuotas": "Cuotas sin tarjeta",
    "m2epropayment": "Marketplace",
}
"""Every payment method code of the store; the last two are in nobody's list of known methods."""


@dataclass(slots=True)
class Ids:
    """The store's auto-increment values; `advance` goes on where `create` stopped."""

    next: dict[str, int] = field(default_factory=dict)

    def take(self, kind: str) -> int:
        """Return the next id of a kind of row, from 1."""
        number = self.next.get(kind, 0) + 1
        self.next[kind] = number
        return number

    def increment(self, kind: str, store: Store) -> str:
        """Return the next increment id of a kind of document in a store view."""
        return store.increment_id(self.take(f"{kind}/{store.id}"))


@dataclass(frozen=True, slots=True)
class Discount:
    """A cart rule at work, with or without a coupon."""

    percent: int = 0
    amount: int = 0
    """Cents off the cart, instead of a percentage."""
    coupon: str = ""
    description: str = ""
    rules: str = "1"
    free_shipping: bool = False


NO_DISCOUNT = Discount(rules="")


@dataclass(slots=True)
class Basket:
    """What an order is made of, before Magento adds it up."""

    store: Store
    lines: list[tuple[Product, int, int]]
    """Product, quantity, and for a configurable the position of the variant."""
    method: str
    discount: Discount = NO_DISCOUNT
    shipping: int = 0
    """Cents in base currency."""
    price_level: int = 1000
    """Prices of the day, per mille of the catalog's."""
    pesos_per_dollar: float = 1400.0
    display: tuple[str, float] | None = None
    """Order currency and rate where the buyer pays in another currency than the base's."""
    payment_info: tuple[tuple[str, str | None], ...] = ()


def place(ids: Ids, order_id: int, basket: Basket, buyer: Doc, address: Doc, moment: int, email: str) -> Doc:
    """Return a new order, in state new and status pending."""
    store = basket.store
    at = stamp(moment)
    rate = basket.display[1] if basket.display else 0.0
    discount = basket.discount
    tax_rate, tax_code = store.tax or (0, "")

    # Every line that carries money, with the gross amount that the discount is shared out over.
    counted: list[list[Any]] = []
    grouped: list[tuple[Product, int, int, list[list[Any]]]] = []
    for product, quantity, variant in basket.lines:
        if product.dynamic:
            entries = [
                [child, quantity * each, *_prices(child, basket), 0]
                for child, each in zip(product.children, product.quantities, strict=True)
            ]
        else:
            entries = [[product, quantity, *_prices(product, basket, variant), 0]]
        counted += entries
        grouped.append((product, quantity, variant, entries))
    gross = sum(entry[1] * entry[2] for entry in counted)
    wanted = _half_up(gross * discount.percent, 100) if discount.percent else discount.amount
    _share_discount(counted, gross, min(gross, wanted))

    items: list[Doc] = []
    taxes: list[Doc] = []
    common = (order_id, store.id, at, discount, tax_rate, tax_code, rate)
    for product, quantity, variant, entries in grouped:
        parent_id = ids.take("order_item")
        if product.dynamic:
            children = [_money_item(ids, ids.take("order_item"), entry, common, taxes, parent_id) for entry in entries]
            parent = _bundle_parent(parent_id, product, quantity, children, common)
            items.append(parent)
        else:
            sold = product.children[variant] if product.type == "configurable" else product
            parent = _money_item(ids, parent_id, entries[0], common, taxes, 0, sold)
            items.append(parent)
            children = [
                _plain_child(ids.take("order_item"), child, child_quantity, parent_id, common)
                for child, child_quantity in _dummies(product, quantity, variant)
            ]
            if product.type == "configurable":
                options = [{"option_id": "93", "option_value": sold.color}]
                parent["product_option"] = {"extension_attributes": {"configurable_item_options": options}}
            elif children:
                parent["product_option"] = _bundle_option(product)
        for child in children:
            child["parent_item"] = parent
        items += children

    virtual = all(item["is_virtual"] for item in items if "parent_item_id" not in item)
    shipping = 0 if virtual or discount.free_shipping else basket.shipping
    base = _order_totals(items, "base_", shipping)
    shown = _order_totals(items, "", _convert(shipping, rate)) if rate else base
    top = [item for item in items if "parent_item_id" not in item]
    guest = "id" not in buyer
    currency = basket.display[0] if basket.display else store.currency
    base_total, total = money(base[5]), money(shown[5])
    billing_id, shipping_id = 2 * order_id, 2 * order_id - 1
    billing = _address(address, "billing", billing_id, order_id, email)

    order: Doc = {
        "base_currency_code": store.currency,
        "base_discount_amount": money(-base[2]),
        "base_grand_total": base_total,
        "base_discount_tax_compensation_amount": 0,
        "base_shipping_amount": money(base[3]),
        "base_shipping_discount_amount": 0,
        "base_shipping_discount_tax_compensation_amnt": 0,
        "base_shipping_incl_tax": money(base[3]),
        "base_shipping_tax_amount": 0,
        "base_subtotal": money(base[0]),
        "base_subtotal_incl_tax": money(base[1]),
        "base_tax_amount": money(base[4]),
        "base_total_due": base_total,
        "base_to_global_rate": 1 if store.currency == GLOBAL_CURRENCY else round(basket.pesos_per_dollar, 4),
        "base_to_order_rate": rate or 1,
        "billing_address_id": billing_id,
        "created_at": at,
        "customer_email": email,
        "customer_firstname": buyer["firstname"],
        "customer_group_id": buyer["group_id"],
        "customer_is_guest": int(guest),
        "customer_lastname": buyer["lastname"],
        "customer_note_notify": 1,
        "discount_amount": money(-shown[2]),
        "email_sent": 1,
        "entity_id": order_id,
        "global_currency_code": GLOBAL_CURRENCY,
        "grand_total": total,
        "discount_tax_compensation_amount": 0,
        "increment_id": ids.increment("order", store),
        "is_virtual": int(virtual),
        "order_currency_code": currency,
        "protect_code": md5(b"%d" % order_id, usedforsecurity=False).hexdigest(),
        "quote_id": order_id + 17,
        "remote_ip": "127.0.0.1",
        "shipping_amount": money(shown[3]),
        "shipping_discount_amount": 0,
        "shipping_discount_tax_compensation_amount": 0,
        "shipping_incl_tax": money(shown[3]),
        "shipping_tax_amount": 0,
        "state": "new",
        "status": "pending",
        "store_currency_code": store.currency,
        "store_id": store.id,
        "store_name": store.store_name,
        "store_to_base_rate": 0,
        "store_to_order_rate": 0,
        "subtotal": money(shown[0]),
        "subtotal_incl_tax": money(shown[1]),
        "tax_amount": money(shown[4]),
        "total_due": total,
        "total_item_count": len(counted),
        "total_qty_ordered": sum(item["qty_ordered"] for item in top),
        "updated_at": at,
        "weight": money(sum(round(item.get("row_weight", 0) * 100) for item in top)),
    }
    if discount.rules:
        order["applied_rule_ids"] = discount.rules
    if discount.coupon:
        order["coupon_code"] = discount.coupon
        order["discount_description"] = discount.description
    if not guest:
        order["customer_id"] = buyer["id"]
        if "dob" in buyer:
            order["customer_dob"] = f"{buyer['dob']} 00:00:00"
        if "gender" in buyer:
            order["customer_gender"] = buyer["gender"]
        if "middlename" in buyer:
            order["customer_middlename"] = buyer["middlename"]
            order["customer_prefix"] = buyer["prefix"]
        if "taxvat" in buyer:
            order["customer_taxvat"] = buyer["taxvat"]
    order["items"] = items
    order["billing_address"] = billing
    order["payment"] = {
        "account_status": None,
        "additional_information": [
            METHOD_TITLES[basket.method],
            *(value for _, value in basket.payment_info),
        ],
        "amount_ordered": total,
        "base_amount_ordered": base_total,
        "base_shipping_amount": order["base_shipping_amount"],
        "cc_last4": None,
        "entity_id": order_id,
        "method": basket.method,
        "parent_id": order_id,
        "shipping_amount": order["shipping_amount"],
    }
    order["status_histories"] = []
    assignment: Doc = {"total": _shipping_total(order)}
    if not virtual:
        order["shipping_description"] = "Flat Rate - Fixed"
        assignment = {
            "address": _address(address, "shipping", shipping_id, order_id, email),
            "method": "flatrate_flatrate",
            **assignment,
        }
    applied = (
        [
            {
                "code": tax_code,
                "title": tax_code,
                "percent": tax_rate,
                "amount": order["tax_amount"],
                "base_amount": order["base_tax_amount"],
            }
        ]
        if base[4]
        else []
    )
    order["extension_attributes"] = {
        "shipping_assignments": [{"shipping": assignment}],
        "payment_additional_info": [
            {"key": "method_title", "value": METHOD_TITLES[basket.method]},
            *({"key": key, "value": "null" if value is None else value} for key, value in basket.payment_info),
        ],
        "applied_taxes": applied,
        "item_applied_taxes": taxes,
        "converting_from_quote": False,
        "taxes": [
            {
                "tax_id": ids.take("tax"),
                "order_id": order_id,
                **applied[0],
                "base_real_amount": order["base_tax_amount"],
                "priority": 0,
                "position": 0,
                "process": 0,
            }
        ]
        if applied
        else [],
        "additional_itemized_taxes": [],
    }
    return order


def invoice(ids: Ids, order: Doc, store: Store, moment: int, only: Iterable[int] | None = None) -> Doc:
    """Invoice and thereby pay an order, whole or only these top-level items; return the invoice.

    An order waiting to be invoiced moves to processing, or to complete when nothing is to ship.
    """
    at = stamp(moment)
    invoice_id = ids.take("invoice")
    chosen = None if only is None else set(only)
    two = _two_currencies(order)
    lines: list[Doc] = []
    totals = [[0, 0, 0, 0], [0, 0, 0, 0]]
    cost = 0
    for item in order["items"]:
        if carries_money(item):
            item["weee_tax_applied"] = "[]"
        if chosen is not None and item.get("parent_item_id", item["item_id"]) not in chosen:
            continue
        quantity = item["qty_ordered"]
        item["qty_invoiced"] = quantity
        item["base_discount_tax_compensation_invoiced"] = 0
        item["discount_tax_compensation_invoiced"] = 0
        item["updated_at"] = at
        line: Doc = {}
        if "base_cost" in item:
            line["base_cost"] = item["base_cost"]
            cost += round(item["base_cost"] * 100) * quantity
        if carries_money(item):
            for prefix, total in zip(("base_", ""), totals, strict=True):
                if not prefix and not two:
                    continue
                gross = round(item[f"{prefix}price"] * 100) * quantity
                item[f"{prefix}row_invoiced"] = money(gross)
                item[f"{prefix}tax_invoiced"] = item[f"{prefix}tax_amount"]
                item[f"{prefix}discount_invoiced"] = item[f"{prefix}discount_amount"]
                total[0] += gross
                total[1] += _gross_incl_tax(gross, item)
                total[2] += round(item[f"{prefix}discount_amount"] * 100)
                total[3] += round(item[f"{prefix}tax_amount"] * 100)
            if not two:
                item["row_invoiced"] = item["base_row_invoiced"]
                item["tax_invoiced"] = item["base_tax_invoiced"]
                item["discount_invoiced"] = item["base_discount_invoiced"]
            line |= {
                "base_discount_amount": item["base_discount_amount"],
                "base_discount_tax_compensation_amount": 0,
                "base_row_total": item["base_row_invoiced"],
                "base_row_total_incl_tax": _row_incl_tax(item, "base_", quantity),
                "base_tax_amount": item["base_tax_amount"],
                "discount_amount": item["discount_amount"],
                "discount_tax_compensation_amount": 0,
                "row_total": item["row_invoiced"],
                "row_total_incl_tax": _row_incl_tax(item, "", quantity),
                "tax_amount": item["tax_amount"],
            }
        _copy_line(line, item, ids.take("invoice_item"), invoice_id, quantity)
        lines.append(line)

    first = "base_total_invoiced" not in order
    doc: Doc = {
        "base_currency_code": order["base_currency_code"],
        "base_to_global_rate": order["base_to_global_rate"],
        "base_to_order_rate": order["base_to_order_rate"],
        "billing_address_id": order["billing_address_id"],
        "can_void_flag": 0,
        "created_at": at,
        "entity_id": invoice_id,
        "global_currency_code": order["global_currency_code"],
        "increment_id": ids.increment("invoice", store),
        "order_currency_code": order["order_currency_code"],
        "order_id": order["entity_id"],
        "state": 2,
        "store_currency_code": order["store_currency_code"],
        "store_id": order["store_id"],
        "store_to_base_rate": 0,
        "store_to_order_rate": 0,
        "total_qty": sum(line["qty"] for line in lines),
        "updated_at": at,
    }
    if not order["is_virtual"]:
        doc["shipping_address_id"] = order["billing_address_id"] - 1
    if "discount_description" in order:
        doc["discount_description"] = order["discount_description"]
    payment = order["payment"]
    for prefix, total in zip(("base_", ""), totals if two else totals[:1] * 2, strict=True):
        subtotal, with_tax, discount, tax = total
        shipping = round(order[f"{prefix}shipping_amount"] * 100) if first else 0
        grand = subtotal - discount + tax + shipping
        doc |= {
            f"{prefix}discount_amount": money(-discount),
            f"{prefix}discount_tax_compensation_amount": 0,
            f"{prefix}grand_total": money(grand),
            f"{prefix}shipping_amount": money(shipping),
            f"{prefix}shipping_incl_tax": money(shipping),
            f"{prefix}shipping_tax_amount": 0,
            f"{prefix}subtotal": money(subtotal),
            f"{prefix}subtotal_incl_tax": money(with_tax),
            f"{prefix}tax_amount": money(tax),
        }
        _add(order, f"{prefix}discount_invoiced", -discount)
        order[f"{prefix}discount_tax_compensation_invoiced"] = 0
        _add(order, f"{prefix}shipping_invoiced", shipping)
        _add(order, f"{prefix}subtotal_invoiced", subtotal)
        _add(order, f"{prefix}tax_invoiced", tax)
        _add(order, f"{prefix}total_invoiced", grand)
        _add(order, f"{prefix}total_paid", grand)
        due = round((order[f"{prefix}grand_total"] - order[f"{prefix}total_paid"]) * 100)
        order[f"{prefix}total_due"] = money(max(0, due))
        payment[f"{prefix}amount_paid"] = order[f"{prefix}total_paid"]
        payment[f"{prefix}shipping_captured"] = order[f"{prefix}shipping_invoiced"]
    doc["base_shipping_discount_tax_compensation_amnt"] = 0
    doc["shipping_discount_tax_compensation_amount"] = 0
    _add(order, "base_total_invoiced_cost", cost)
    doc["items"] = lines
    doc["comments"] = []
    _copy_shipping_total(order)
    order["updated_at"] = at
    _settle(order)
    return doc


def ship(ids: Ids, order: Doc, store: Store, moment: int, track: bool = True) -> Doc | None:
    """Ship what can be shipped; return the shipment, or None when there is nothing to ship.

    A tracking number is added a second later, which does not touch the order's `updated_at`.
    """
    at = stamp(moment)
    shipment_id = ids.take("shipment")
    lines: list[Doc] = []
    sent: set[int] = set()
    for item in order["items"]:
        parent_id = item.get("parent_item_id")
        left = item["qty_ordered"] - item["qty_canceled"] - item["qty_refunded"]
        if parent_id is not None:
            if parent_id in sent and item["parent_item"]["product_type"] == "bundle":
                item["qty_shipped"] = item["qty_ordered"]
                item["updated_at"] = at
            continue
        if item["is_virtual"] or left <= item["qty_shipped"]:
            continue
        quantity = left - item["qty_shipped"]
        item["qty_shipped"] = left
        item["updated_at"] = at
        sent.add(item["item_id"])
        line: Doc = {
            "entity_id": ids.take("shipment_item"),
            "name": item["name"],
            "parent_id": shipment_id,
            "price": item["price"],
            "product_id": item["product_id"],
            "sku": item["sku"],
        }
        if "weight" in item:
            line["weight"] = item["weight"]
        line |= {"order_item_id": item["item_id"], "qty": quantity}
        lines.append(line)
    if not lines:
        return None
    doc: Doc = {
        "billing_address_id": order["billing_address_id"],
        "created_at": at,
        "entity_id": shipment_id,
        "increment_id": ids.increment("shipment", store),
        "order_id": order["entity_id"],
        "packages": [],
        "shipping_address_id": order["billing_address_id"] - 1,
        "store_id": order["store_id"],
        "total_qty": sum(line["qty"] for line in lines),
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
                "order_id": order["entity_id"],
                "created_at": later,
                "entity_id": ids.take("track"),
                "parent_id": shipment_id,
                "updated_at": later,
                "weight": 1 if weighed else None,
                "qty": 1 if weighed else None,
                "description": "Frágil" if weighed else None,
                "track_number": f"AR{order['entity_id']:09d}",
                "title": "Correo Argentino" if order["store_id"] != 3 else "USPS",
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
    rate = order["base_to_order_rate"]
    lines: list[Doc] = []
    totals = [[0, 0, 0, 0], [0, 0, 0, 0]]
    for item in order["items"]:
        top_id = item.get("parent_item_id", item["item_id"])
        if not quantities.get(top_id):
            continue
        quantity = quantities[top_id]
        if "parent_item" in item:
            quantity = quantity * item["qty_ordered"] // item["parent_item"]["qty_ordered"]
        before = item["qty_refunded"]
        item["qty_refunded"] = before + quantity
        item["updated_at"] = at
        line: Doc = {"base_cost": item.get("base_cost")}
        if not _is_bundle_parent(item):
            item["base_discount_tax_compensation_refunded"] = 0
            item["discount_tax_compensation_refunded"] = 0
        if carries_money(item):
            for prefix, total in zip(("base_", ""), totals, strict=True):
                gross = round(item[f"{prefix}price"] * 100) * quantity
                discount = _part(item, prefix, "discount", before, quantity)
                tax = _part(item, prefix, "tax", before, quantity)
                _add(item, f"{prefix}amount_refunded", gross)
                _add(item, f"{prefix}discount_refunded", discount)
                _add(item, f"{prefix}tax_refunded", tax)
                with_tax = _gross_incl_tax(gross, item)
                for i, cents in enumerate((gross, with_tax, discount, tax)):
                    total[i] += cents
                line |= {
                    f"{prefix}discount_amount": money(discount),
                    f"{prefix}discount_tax_compensation_amount": 0,
                    f"{prefix}row_total": money(gross),
                    f"{prefix}row_total_incl_tax": money(with_tax),
                    f"{prefix}tax_amount": money(tax),
                    f"{prefix}weee_tax_row_disposition": 0,
                }
            line |= {"weee_tax_applied": "[]", "weee_tax_applied_row_amount": 0}
        elif not _is_bundle_parent(item):
            for name in ("discount", "tax"):
                item[f"base_{name}_refunded"] = item[f"{name}_refunded"] = 0
        _copy_line(line, item, ids.take("creditmemo_item"), memo_id, quantity)
        lines.append(line)

    doc: Doc = {
        "base_currency_code": order["base_currency_code"],
        "base_to_global_rate": order["base_to_global_rate"],
        "base_to_order_rate": rate,
        "billing_address_id": order["billing_address_id"],
        "created_at": at,
        "entity_id": memo_id,
        "global_currency_code": order["global_currency_code"],
        "increment_id": ids.increment("creditmemo", store),
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
    payment = order["payment"]
    for prefix, total in zip(("base_", ""), totals, strict=True):
        subtotal, with_tax, discount, tax = total
        sent, added, taken = (
            cents if prefix or not two else _convert(cents, rate) for cents in (shipping, plus or 0, minus or 0)
        )
        grand = subtotal - discount + tax + sent + added - taken
        doc |= {
            f"{prefix}adjustment": money(added - taken),
            f"{prefix}discount_amount": money(-discount),
            f"{prefix}discount_tax_compensation_amount": 0,
            f"{prefix}grand_total": money(grand),
            f"{prefix}shipping_amount": money(sent),
            f"{prefix}shipping_incl_tax": money(sent),
            f"{prefix}shipping_tax_amount": 0,
            f"{prefix}subtotal": money(subtotal),
            f"{prefix}subtotal_incl_tax": money(with_tax),
            f"{prefix}tax_amount": money(tax),
        }
        if plus is not None or minus is not None:
            doc[f"{prefix}adjustment_negative"] = money(taken)
            doc[f"{prefix}adjustment_positive"] = money(added)
        _add(order, f"{prefix}adjustment_negative", taken)
        _add(order, f"{prefix}adjustment_positive", added)
        _add(order, f"{prefix}discount_refunded", -discount)
        order[f"{prefix}discount_tax_compensation_refunded"] = 0
        _add(order, f"{prefix}shipping_refunded", sent)
        order[f"{prefix}shipping_tax_refunded"] = 0
        _add(order, f"{prefix}subtotal_refunded", subtotal)
        _add(order, f"{prefix}tax_refunded", tax)
        _add(order, f"{prefix}total_offline_refunded", grand)
        _add(order, f"{prefix}total_refunded", grand)
        payment[f"{prefix}amount_refunded"] = order[f"{prefix}total_refunded"]
        payment[f"{prefix}shipping_refunded"] = order[f"{prefix}shipping_refunded"]
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
    _copy_shipping_total(order)
    refunded = order["base_total_refunded"] + order["base_adjustment_negative"]
    if round((order["base_total_paid"] - refunded) * 100) <= 0:
        order["state"] = order["status"] = "closed"
    order["updated_at"] = at
    text = f"We refunded ${doc['base_grand_total']:,.2f} offline."
    remark(ids, order, moment, text, entity="creditmemo", visible=0)
    return doc


def cancel(order: Doc, moment: int) -> None:
    """Cancel what is not invoiced: the whole order, or the rest of a partly invoiced one."""
    at = stamp(moment)
    for item in order["items"]:
        item["updated_at"] = at
        item["discount_tax_compensation_canceled"] = 0
        open_ = not item["qty_invoiced"]
        item["tax_canceled"] = item["tax_amount"] if open_ and carries_money(item) else 0
        # The quantity of a line without money of its own is not touched.
        if carries_money(item):
            item["qty_canceled"] = item["qty_ordered"] - item["qty_invoiced"]
    for prefix in ("base_", ""):
        for name in ("subtotal", "shipping", "tax", "discount"):
            amount = abs(order[f"{prefix}{name}" if name == "subtotal" else f"{prefix}{name}_amount"])
            invoiced = abs(order.get(f"{prefix}{name}_invoiced", 0))
            order[f"{prefix}{name}_canceled"] = money(round((amount - invoiced) * 100))
        rest = order[f"{prefix}grand_total"] - order.get(f"{prefix}total_paid", 0)
        order[f"{prefix}total_canceled"] = money(round(rest * 100))
    _copy_shipping_total(order)
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


def carries_money(item: Doc) -> bool:
    """Tell whether an order line's amounts count: Magento's `isDummy`, turned round.

    Not of a dynamic bundle's parent, nor of a child whose parent has the price.
    """
    return "base_discount_tax_compensation_amount" in item


def relink(order: Doc) -> None:
    """Make `parent_item` of an order read from the file the parent itself again."""
    by_id = {item["item_id"]: item for item in order["items"]}
    for item in order["items"]:
        if "parent_item_id" in item:
            item["parent_item"] = by_id[item["parent_item_id"]]


def _prices(product: Product, basket: Basket, variant: int = 0) -> tuple[int, int]:
    """Return price and original price of one piece, in cents of base currency."""
    if product.type == "configurable":
        product = product.children[variant]
    regular = product.price * basket.price_level // 1000
    price = product.special_price * basket.price_level // 1000 or regular
    if basket.store.currency == "USD":
        rate = basket.pesos_per_dollar
        return max(100, int(price / rate)), max(100, int(regular / rate))
    return price, regular


def _share_discount(entries: list[list[Any]], gross: int, discount: int) -> None:
    """Share a discount out over lines to the cent, so that it adds up exactly."""
    seen = given = 0
    for entry in entries:
        if not discount:
            break
        seen += entry[1] * entry[2]
        share = _half_up(seen * discount, gross) - given
        entry[4] = share
        given += share


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _convert(cents: int, rate: float) -> int:
    return int(cents * rate + 0.5)


def _money_item(
    ids: Ids,
    item_id: int,
    entry: list[Any],
    common: tuple[Any, ...],
    taxes: list[Doc],
    parent_id: int,
    sold: Product | None = None,
) -> Doc:
    """Return a line that carries money; adds its tax to `taxes`."""
    order_id, store_id, at, discount, tax_rate, tax_code, rate = common
    product: Product = entry[0]
    _, quantity, price, original, off = entry
    sold = sold or product
    base = _line(price, quantity, off, tax_rate)
    if rate:
        shown_price = _convert(price, rate)
        shown = _line(shown_price, quantity, min(_convert(off, rate), shown_price * quantity), tax_rate)
        original_price = round(original / 100 * rate, 4)
    else:
        shown, original_price = base, money(original)
    top = not parent_id
    weight = sold.weight
    item: Doc = {
        "amount_refunded": 0,
        "base_amount_refunded": 0,
        "base_discount_amount": base[1],
        "base_discount_invoiced": 0,
        "base_discount_tax_compensation_amount": 0,
        "base_original_price": money(original),
        "base_price": base[0],
        "base_price_incl_tax": base[2],
        "base_row_invoiced": 0,
        "base_row_total": base[3],
        "base_row_total_incl_tax": base[4],
        "base_tax_amount": base[5],
        "base_tax_invoiced": 0,
        "created_at": at,
        "discount_amount": shown[1],
        "discount_invoiced": 0,
        "discount_percent": discount.percent,
        "free_shipping": int(discount.free_shipping and top),
        "discount_tax_compensation_amount": 0,
        "is_qty_decimal": 0,
        "is_virtual": int(product.type == "virtual"),
        "item_id": item_id,
        "name": product.name,
        "no_discount": 0,
        "order_id": order_id,
        "original_price": original_price,
        "price": shown[0],
        "price_incl_tax": shown[2],
        "product_id": product.id,
        "product_type": product.type,
        "qty_canceled": 0,
        "qty_invoiced": 0,
        "qty_ordered": quantity,
        "qty_refunded": 0,
        "qty_shipped": 0,
        "quote_item_id": item_id + 3,
        "row_invoiced": 0,
        "row_total": shown[3],
        "row_total_incl_tax": shown[4],
        "row_weight": money(weight * quantity) if top and not discount.free_shipping else 0,
        "sku": sold.sku,
        "store_id": store_id,
        "tax_amount": shown[5],
        "tax_invoiced": 0,
        "tax_percent": tax_rate,
        "updated_at": at,
    }
    if top:
        if discount.rules:
            item["applied_rule_ids"] = discount.rules
    else:
        item["parent_item_id"] = parent_id
    if sold.cost:
        item["base_cost"] = money(sold.cost)
    if weight:
        item["weight"] = money(weight)
    if base[5]:
        item["extension_attributes"] = {
            "itemized_taxes": [
                {
                    "tax_item_id": ids.take("tax_item"),
                    "tax_id": ids.next.get("tax", 0) + 1,
                    "item_id": item_id,
                    "tax_code": tax_code,
                    "tax_percent": tax_rate,
                    "amount": shown[5],
                    "base_amount": base[5],
                    "real_amount": shown[5],
                    "real_base_amount": base[5],
                    "taxable_item_type": "product",
                }
            ]
        }
        taxes.append(
            {
                "type": "product",
                "item_id": item_id,
                "applied_taxes": [
                    {
                        "code": tax_code,
                        "title": tax_code,
                        "percent": tax_rate,
                        "amount": shown[5],
                        "base_amount": base[5],
                    }
                ],
            }
        )
    else:
        item["extension_attributes"] = {"itemized_taxes": []}
    return item


def _line(price: int, quantity: int, off: int, tax_rate: int) -> tuple[int | float, ...]:
    """Return price, discount, price with tax, net row, net row with tax and tax as JSON numbers."""
    net = price * quantity - off
    if not tax_rate:
        shown, row = money(price), money(net)
        return shown, money(off), shown, row, row, 0
    tax = _half_up(net * tax_rate, 100)
    with_tax = price + _half_up(price * tax_rate, 100)
    return money(price), money(off), money(with_tax), money(net), money(net + tax), money(tax)


def _bundle_parent(item_id: int, product: Product, quantity: int, children: list[Doc], common: tuple[Any, ...]) -> Doc:
    """Return the parent line of a dynamic bundle: its children's gross, and no discount."""
    order_id, store_id, at, discount, _, _, rate = common
    weight = sum(child.weight * each for child, each in zip(product.children, product.quantities, strict=True))
    free = discount.free_shipping
    item: Doc = {
        "amount_refunded": 0,
        "base_amount_refunded": 0,
        "base_discount_amount": 0,
        "base_discount_invoiced": 0,
        "base_row_invoiced": 0,
        "base_tax_invoiced": 0,
        "created_at": at,
        "discount_amount": 0,
        "discount_invoiced": 0,
        "discount_percent": 0,
        "free_shipping": int(free),
        "is_qty_decimal": 0,
        "is_virtual": 0,
        "item_id": item_id,
        "name": product.name,
        "no_discount": 0,
        "order_id": order_id,
        "product_id": product.id,
        "product_type": "bundle",
        "qty_canceled": 0,
        "qty_invoiced": 0,
        "qty_ordered": quantity,
        "qty_refunded": 0,
        "qty_shipped": 0,
        "quote_item_id": item_id + 3,
        "row_invoiced": 0,
        "row_weight": 0 if free else money(weight * quantity),
        "sku": "-".join((product.sku, *(child.sku for child in product.children))),
        "store_id": store_id,
        "tax_invoiced": 0,
        "updated_at": at,
        "weight": money(weight),
        "extension_attributes": {"itemized_taxes": []},
        "product_option": _bundle_option(product),
    }
    for prefix in ("base_", ""):
        each = price = tax = 0
        for child, count in zip(children, product.quantities, strict=True):
            price += round(child[f"{prefix}price"] * 100) * count
            each += round(child[f"{prefix}price_incl_tax"] * 100) * count
            tax += round(child[f"{prefix}tax_amount"] * 100)
        row = price * quantity
        item[f"{prefix}price"] = money(price)
        item[f"{prefix}original_price"] = (
            round(sum(c["original_price"] * n for c, n in zip(children, product.quantities, strict=True)), 4)
            if rate and not prefix
            else money(price)
        )
        item[f"{prefix}price_incl_tax"] = money(each)
        item[f"{prefix}row_total"] = money(row)
        item[f"{prefix}row_total_incl_tax"] = money(row + tax)
        item[f"{prefix}tax_amount"] = money(tax)
    if discount.rules:
        item["applied_rule_ids"] = discount.rules
    return item


def _plain_child(item_id: int, product: Product, quantity: int, parent_id: int, common: tuple[Any, ...]) -> Doc:
    """Return a child whose parent has the price: a variant, or a selection at a fixed price."""
    order_id, store_id, at, *_ = common
    item: Doc = {
        "amount_refunded": 0,
        "base_amount_refunded": 0,
        "base_discount_amount": 0,
        "base_discount_invoiced": 0,
        "base_price": 0,
        "base_row_invoiced": 0,
        "base_row_total": 0,
        "base_tax_amount": 0,
        "base_tax_invoiced": 0,
        "created_at": at,
        "discount_amount": 0,
        "discount_invoiced": 0,
        "discount_percent": 0,
        "free_shipping": 0,
        "is_qty_decimal": 0,
        "is_virtual": 0,
        "item_id": item_id,
        "name": product.name,
        "no_discount": 0,
        "order_id": order_id,
        "original_price": 0,
        "parent_item_id": parent_id,
        "price": 0,
        "product_id": product.id,
        "product_type": product.type,
        "qty_canceled": 0,
        "qty_invoiced": 0,
        "qty_ordered": quantity,
        "qty_refunded": 0,
        "qty_shipped": 0,
        "quote_item_id": item_id + 3,
        "row_invoiced": 0,
        "row_total": 0,
        "row_weight": 0,
        "sku": product.sku,
        "store_id": store_id,
        "tax_amount": 0,
        "tax_invoiced": 0,
        "tax_percent": 0,
        "updated_at": at,
        "row_total_incl_tax": 0,
        "base_row_total_incl_tax": 0,
        "extension_attributes": {"itemized_taxes": []},
    }
    if product.weight:
        item["weight"] = money(product.weight)
    return item


def _dummies(product: Product, quantity: int, variant: int) -> list[tuple[Product, int]]:
    """Return the children of a line that carries the money itself, with their quantities."""
    if product.type == "configurable":
        return [(product.children[variant], quantity)]
    return [(child, quantity * each) for child, each in zip(product.children, product.quantities, strict=True)]


def _bundle_option(product: Product) -> Doc:
    options = [
        {
            "option_id": product.first_option + i,
            "option_qty": each,
            "option_selections": [product.first_option + i],
        }
        for i, each in enumerate(product.quantities)
    ]
    return {"extension_attributes": {"bundle_options": options}}


def _order_totals(items: list[Doc], prefix: str, shipping: int) -> tuple[int, ...]:
    """Return subtotal, the same with tax, discount, shipping, tax and grand total in cents."""
    subtotal = with_tax = discount = tax = 0
    for item in items:
        if carries_money(item):
            gross = round(item[f"{prefix}price"] * 100) * item["qty_ordered"]
            subtotal += gross
            with_tax += _gross_incl_tax(gross, item)
            discount += round(item[f"{prefix}discount_amount"] * 100)
            tax += round(item[f"{prefix}tax_amount"] * 100)
    return subtotal, with_tax, discount, shipping, tax, subtotal - discount + shipping + tax


def _gross_incl_tax(gross: int, item: Doc) -> int:
    return gross + _half_up(gross * item["tax_percent"], 100)


def _row_incl_tax(item: Doc, prefix: str, quantity: int) -> int | float:
    return money(_gross_incl_tax(round(item[f"{prefix}price"] * 100) * quantity, item))


def _part(item: Doc, prefix: str, name: str, before: int, quantity: int) -> int:
    """Return the cents of a line's discount or tax that `quantity` more refunded pieces take."""
    total = round(item[f"{prefix}{name}_amount"] * 100)
    ordered = item["qty_ordered"]
    return _half_up(total * (before + quantity), ordered) - _half_up(total * before, ordered)


def _is_bundle_parent(item: Doc) -> bool:
    """Tell whether a line is the parent of a dynamic bundle."""
    return item["product_type"] == "bundle" and not carries_money(item)


def _two_currencies(order: Doc) -> bool:
    return bool(order["base_currency_code"] != order["order_currency_code"])


def _copy_line(line: Doc, item: Doc, line_id: int, document_id: int, quantity: int) -> None:
    """Fill in what a line of an invoice or memo takes over from the order's."""
    line["base_price"] = item["base_price"]
    line["entity_id"] = line_id
    line["name"] = item["name"]
    line["parent_id"] = document_id
    line["price"] = item["price"]
    line["product_id"] = item["product_id"]
    line["sku"] = item["sku"]
    line["order_item_id"] = item["item_id"]
    line["qty"] = quantity
    if "base_price_incl_tax" in item:
        line["base_price_incl_tax"] = item["base_price_incl_tax"]
        line["price_incl_tax"] = item["price_incl_tax"]


def _add(doc: Doc, key: str, cents: int) -> None:
    doc[key] = money(round(doc.get(key, 0) * 100) + cents)


def _settle(order: Doc) -> None:
    """Move a paid or shipped order to processing, or to complete when nothing is left to do."""
    if order["state"] in ("closed", "canceled", "holded"):
        return
    done = all(
        item["is_virtual"] or item["qty_shipped"] + item["qty_canceled"] + item["qty_refunded"] >= item["qty_ordered"]
        for item in order["items"]
        if "parent_item_id" not in item
    )
    paid = all(
        item["qty_invoiced"] + item["qty_canceled"] >= item["qty_ordered"]
        for item in order["items"]
        if carries_money(item)
    )
    order["state"] = order["status"] = "complete" if done and paid else "processing"


_SHIPPING_KEYS = (
    "base_shipping_amount",
    "base_shipping_canceled",
    "base_shipping_discount_amount",
    "base_shipping_discount_tax_compensation_amnt",
    "base_shipping_incl_tax",
    "base_shipping_invoiced",
    "base_shipping_refunded",
    "base_shipping_tax_amount",
    "base_shipping_tax_refunded",
    "shipping_amount",
    "shipping_canceled",
    "shipping_discount_amount",
    "shipping_discount_tax_compensation_amount",
    "shipping_incl_tax",
    "shipping_invoiced",
    "shipping_refunded",
    "shipping_tax_amount",
    "shipping_tax_refunded",
)


def _shipping_total(order: Doc) -> Doc:
    return {key: order[key] for key in _SHIPPING_KEYS if key in order}


def _copy_shipping_total(order: Doc) -> None:
    assignments = order["extension_attributes"]["shipping_assignments"]
    assignments[0]["shipping"]["total"] = _shipping_total(order)


def _address(address: Doc, kind: str, id_: int, order_id: int, email: str) -> Doc:
    doc: Doc = {
        "address_type": kind,
        "city": address["city"],
        "country_id": address["country_id"],
        "email": email,
        "entity_id": id_,
        "firstname": address["firstname"],
        "lastname": address["lastname"],
        "parent_id": order_id,
        "postcode": address["postcode"],
        "street": address["street"],
        "telephone": address["telephone"],
    }
    if "company" in address:
        doc["company"] = address["company"]
    region = address["region"]
    if region["region"] is not None:
        doc["region"] = region["region"]
        doc["region_code"] = region["region_code"]
        doc["region_id"] = region["region_id"]
    elif kind == "shipping":
        doc["region_id"] = 0
    return doc
