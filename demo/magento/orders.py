"""Place an order: add up a basket as Magento does, and write it out as its REST API sends it.

Amounts are computed in whole cents, twice where the order's currency is not the base currency.
As recorded from a live Magento, a line's `row_total` is net of its discount, line discounts are
positive and the order's is negative. `documents` has what happens to an order afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from demo.magento.catalog import GLOBAL_CURRENCY, Product, Store, money, number
from demo.magento.clock import stamp
from demo.magento.lines import (
    Entry,
    Pricing,
    bundle_option,
    bundle_parent,
    configurable_option,
    convert,
    half_up,
    money_line,
    plain_child,
)

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

    def take(self, kind: str, count: int = 1) -> int:
        """Reserve the next ids of a kind of row and return the first, from 1."""
        last = self.next.get(kind, 0)
        self.next[kind] = last + count
        return last + 1

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
    """Return a new order, in state new and status pending.

    `buyer` is an account's document, or a guest's (without `id`); `address` is one of theirs.
    """
    store, discount = basket.store, basket.discount
    at = stamp(moment)
    pricing = Pricing(
        order_id,
        store.id,
        at,
        discount.rules,
        discount.percent,
        int(discount.free_shipping),
        *(store.tax or (0, "")),
        ids.next.get("tax", 0) + 1,
        basket.display[1] if basket.display else 0.0,
        ids.next.get("tax_item", 0) + 1,
    )
    items, counted = _items(ids, basket, pricing)
    if pricing.taxes:
        ids.take("tax_item", len(pricing.taxes))

    virtual = True
    quantity = weight = 0
    for item in items:
        if "parent_item_id" not in item:
            virtual = virtual and item["is_virtual"]
            quantity += item["qty_ordered"]
            weight += round(item["row_weight"] * 100)
    base = pricing.base
    shipping_cents = 0 if virtual or discount.free_shipping else basket.shipping
    base_shipping = shipping = money(shipping_cents)
    base_discount = discount_amount = money(-base.discount)
    base_subtotal = subtotal = money(base.subtotal)
    base_with_tax = with_tax = money(base.subtotal_incl_tax)
    base_tax = tax = money(base.tax)
    base_total = total = money(base.subtotal - base.discount + shipping_cents + base.tax)
    if basket.display:
        shown = pricing.shown
        shipping_cents = convert(shipping_cents, pricing.rate)
        shipping = money(shipping_cents)
        discount_amount = money(-shown.discount)
        subtotal = money(shown.subtotal)
        with_tax = money(shown.subtotal_incl_tax)
        tax = money(shown.tax)
        total = money(shown.subtotal - shown.discount + shipping_cents + shown.tax)
    billing_id = 2 * order_id
    dollars = store.currency != GLOBAL_CURRENCY

    order: Doc = {
        "base_currency_code": store.currency,
        "base_discount_amount": base_discount,
        "base_grand_total": base_total,
        "base_discount_tax_compensation_amount": 0,
        "base_shipping_amount": base_shipping,
        "base_shipping_discount_amount": 0,
        "base_shipping_discount_tax_compensation_amnt": 0,
        "base_shipping_incl_tax": base_shipping,
        "base_shipping_tax_amount": 0,
        "base_subtotal": base_subtotal,
        "base_subtotal_incl_tax": base_with_tax,
        "base_tax_amount": base_tax,
        "base_total_due": base_total,
        "base_to_global_rate": number(basket.pesos_per_dollar) if dollars else 1,
        "base_to_order_rate": pricing.rate or 1,
        "billing_address_id": billing_id,
        "created_at": at,
        "customer_email": email,
        "customer_firstname": buyer["firstname"],
        "customer_group_id": buyer["group_id"],
        "customer_is_guest": 0 if "id" in buyer else 1,
        "customer_lastname": buyer["lastname"],
        "customer_note_notify": 1,
        "discount_amount": discount_amount,
        "email_sent": 1,
        "entity_id": order_id,
        "global_currency_code": GLOBAL_CURRENCY,
        "grand_total": total,
        "discount_tax_compensation_amount": 0,
        "increment_id": ids.increment("order", store),
        "is_virtual": int(virtual),
        "order_currency_code": basket.display[0] if basket.display else store.currency,
        "protect_code": md5(b"%d" % order_id, usedforsecurity=False).hexdigest(),
        "quote_id": order_id + 17,
        "remote_ip": "127.0.0.1",
        "shipping_amount": shipping,
        "shipping_discount_amount": 0,
        "shipping_discount_tax_compensation_amount": 0,
        "shipping_incl_tax": shipping,
        "shipping_tax_amount": 0,
        "state": "new",
        "status": "pending",
        "store_currency_code": store.currency,
        "store_id": store.id,
        "store_name": store.store_name,
        "store_to_base_rate": 0,
        "store_to_order_rate": 0,
        "subtotal": subtotal,
        "subtotal_incl_tax": with_tax,
        "tax_amount": tax,
        "total_due": total,
        "total_item_count": counted,
        "total_qty_ordered": quantity,
        "updated_at": at,
        "weight": money(weight),
    }
    if discount.rules:
        order["applied_rule_ids"] = discount.rules
    if discount.coupon:
        order["coupon_code"] = discount.coupon
        order["discount_description"] = discount.description
    if "id" in buyer:
        _copy_account(order, buyer)
    order["items"] = items
    order["billing_address"] = _address(address, "billing", billing_id, order_id, email)
    title = METHOD_TITLES[basket.method]
    order["payment"] = {
        "account_status": None,
        "additional_information": [title, *(value for _, value in basket.payment_info)],
        "amount_ordered": total,
        "base_amount_ordered": base_total,
        "base_shipping_amount": base_shipping,
        "cc_last4": None,
        "entity_id": order_id,
        "method": basket.method,
        "parent_id": order_id,
        "shipping_amount": shipping,
    }
    order["status_histories"] = []
    sent: Doc = {
        "total": {
            "base_shipping_amount": base_shipping,
            "base_shipping_discount_amount": 0,
            "base_shipping_discount_tax_compensation_amnt": 0,
            "base_shipping_incl_tax": base_shipping,
            "base_shipping_tax_amount": 0,
            "shipping_amount": shipping,
            "shipping_discount_amount": 0,
            "shipping_discount_tax_compensation_amount": 0,
            "shipping_incl_tax": shipping,
            "shipping_tax_amount": 0,
        }
    }
    if not virtual:
        order["shipping_description"] = "Flat Rate - Fixed"
        sent["address"] = _address(address, "shipping", billing_id - 1, order_id, email)
        sent["method"] = "flatrate_flatrate"
    info = [{"key": "method_title", "value": title}]
    for key, value in basket.payment_info:
        info.append({"key": key, "value": "null" if value is None else value})
    order["extension_attributes"] = {
        "shipping_assignments": [{"shipping": sent}],
        "payment_additional_info": info,
        "applied_taxes": [],
        "item_applied_taxes": pricing.taxes,
        "converting_from_quote": False,
        "taxes": [],
        "additional_itemized_taxes": [],
    }
    if base.tax:
        _add_tax(order, ids.take("tax"), pricing)
    return order


def _items(ids: Ids, basket: Basket, pricing: Pricing) -> tuple[list[Doc], int]:
    """Return the lines, parents before their children, and how many of them carry money."""
    entries: list[list[Entry]] = []
    gross = rows = 0
    for product, quantity, variant in basket.lines:
        rows += 1 + (1 if product.type == "configurable" else len(product.children))
        if product.dynamic:
            group = [
                _entry(child, child, quantity * count, basket)
                for child, count in zip(product.children, product.quantities, strict=True)
            ]
        else:
            sold = product.children[variant] if product.type == "configurable" else product
            group = [_entry(product, sold, quantity, basket)]
        entries.append(group)
        for entry in group:
            gross += entry.price * entry.quantity
    discount = basket.discount
    off = half_up(gross * discount.percent, 100) if discount.percent else discount.amount
    if off:
        _share_discount([entry for group in entries for entry in group], gross, min(gross, off))

    items: list[Doc] = []
    item_id = ids.take("order_item", rows)
    for (product, quantity, variant), group in zip(basket.lines, entries, strict=True):
        parent_id = item_id
        children: list[Doc] = []
        if product.dynamic:
            for entry in group:
                item_id += 1
                children.append(money_line(item_id, entry, pricing, entry.product, parent_id))
            parent = bundle_parent(parent_id, product, quantity, children, pricing)
        elif product.type == "configurable":
            sold = product.children[variant]
            parent = money_line(parent_id, group[0], pricing, sold, 0)
            parent["product_option"] = configurable_option(sold)
            item_id += 1
            children.append(plain_child(item_id, sold, quantity, parent_id, pricing))
        else:
            parent = money_line(parent_id, group[0], pricing, product, 0)
            if product.children:
                parent["product_option"] = bundle_option(product)
            for child, count in zip(product.children, product.quantities, strict=True):
                item_id += 1
                children.append(plain_child(item_id, child, quantity * count, parent_id, pricing))
        items.append(parent)
        for line in children:
            line["parent_item"] = parent
            items.append(line)
        item_id += 1
    return items, sum(map(len, entries))


def _entry(product: Product, sold: Product, quantity: int, basket: Basket) -> Entry:
    """Return a line at the day's price in base currency; `sold` has the price."""
    original = sold.price * basket.price_level // 1000
    price = sold.special_price * basket.price_level // 1000 or original
    if basket.store.currency != GLOBAL_CURRENCY:
        rate = basket.pesos_per_dollar
        price, original = max(100, int(price / rate)), max(100, int(original / rate))
    return Entry(product, quantity, price, original)


def _share_discount(entries: list[Entry], gross: int, discount: int) -> None:
    """Share a discount out over lines to the cent, so that it adds up exactly."""
    seen = given = 0
    for entry in entries:
        seen += entry.price * entry.quantity
        entry.discount = half_up(seen * discount, gross) - given
        given += entry.discount


def _copy_account(order: Doc, account: Doc) -> None:
    """Copy what an order keeps of the account that placed it."""
    order["customer_id"] = account["id"]
    if "dob" in account:
        order["customer_dob"] = f"{account['dob']} 00:00:00"
    if "gender" in account:
        order["customer_gender"] = account["gender"]
    if "middlename" in account:
        order["customer_middlename"] = account["middlename"]
        order["customer_prefix"] = account["prefix"]
    if "taxvat" in account:
        order["customer_taxvat"] = account["taxvat"]


def _add_tax(order: Doc, tax_id: int, pricing: Pricing) -> None:
    """Write the order's one tax into its extension attributes."""
    tax: Doc = {
        "code": pricing.tax_code,
        "title": pricing.tax_code,
        "percent": pricing.tax_percent,
        "amount": order["tax_amount"],
        "base_amount": order["base_tax_amount"],
    }
    order["extension_attributes"]["applied_taxes"] = [tax]
    order["extension_attributes"]["taxes"] = [
        {
            "tax_id": tax_id,
            "order_id": order["entity_id"],
            **tax,
            "base_real_amount": order["base_tax_amount"],
            "priority": 0,
            "position": 0,
            "process": 0,
        }
    ]


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
