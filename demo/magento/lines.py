"""Lines of an order: the rows that Magento makes of a product put into the cart.

A simple or virtual product is one line. A configurable is two: the parent has the money and the
variant's sku, the child (the variant) has neither. A bundle is a parent and its selections: at a
fixed price the parent has the money, at a dynamic one the children have it, and the parent
repeats their sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from demo.magento.catalog import Product, money, number

Doc = dict[str, Any]


@dataclass(slots=True)
class Totals:
    """What the lines of an order add up to in one currency, in cents."""

    subtotal: int = 0
    subtotal_incl_tax: int = 0
    discount: int = 0
    tax: int = 0


@dataclass(slots=True)
class Pricing:
    """What all lines of one order share; the lines add themselves to the totals."""

    order_id: int
    store_id: int
    at: str
    rules: str
    percent: int
    free_shipping: int
    tax_percent: int
    tax_code: str
    tax_id: int
    rate: float
    """From base to order currency; 0: they are the same."""
    next_tax_item: int
    base: Totals = field(default_factory=Totals)
    shown: Totals = field(default_factory=Totals)
    """In order currency; not used when the currencies are the same."""
    taxes: list[Doc] = field(default_factory=list)
    """`item_applied_taxes` of the order."""


@dataclass(slots=True)
class Entry:
    """A line that carries money, before it is written out: cents of base currency."""

    product: Product
    quantity: int
    price: int
    original_price: int
    discount: int = 0


def half_up(numerator: int, denominator: int) -> int:
    """Divide whole numbers, rounding halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def convert(cents: int, rate: float) -> int:
    """Return an amount of base currency in order currency, in cents."""
    return int(cents * rate + 0.5)


def carries_money(item: Doc) -> bool:
    """Tell whether an order line's amounts count: Magento's `isDummy`, turned round.

    Those of a dynamic bundle's parent do not, nor those of a child whose parent has the price.
    """
    return "base_discount_tax_compensation_amount" in item


def is_bundle_parent(item: Doc) -> bool:
    """Tell whether an order line is the parent of a dynamic bundle."""
    return item["product_type"] == "bundle" and not carries_money(item)


def gross_incl_tax(gross: int, tax_percent: int) -> int:
    """Return an amount before discount with its tax, in cents."""
    return gross + half_up(gross * tax_percent, 100) if tax_percent else gross


def _amounts(price: int, quantity: int, discount: int, tax_percent: int, totals: Totals) -> tuple[int | float, ...]:
    """Return price, discount, price with tax, net row, net row with tax, and tax, as JSON has them.

    Adds them to the totals.
    """
    gross = price * quantity
    net = gross - discount
    totals.subtotal += gross
    totals.discount += discount
    shown = money(price)
    row = money(net)
    if not tax_percent:
        totals.subtotal_incl_tax += gross
        return shown, money(discount), shown, row, row, 0
    tax = half_up(net * tax_percent, 100)
    totals.subtotal_incl_tax += gross_incl_tax(gross, tax_percent)
    totals.tax += tax
    price_incl_tax = money(gross_incl_tax(price, tax_percent))
    return shown, money(discount), price_incl_tax, row, money(net + tax), money(tax)


def money_line(item_id: int, entry: Entry, pricing: Pricing, sold: Product, parent_id: int) -> Doc:
    """Return a line that carries money; `sold` is the variant of a configurable, else the product.

    `parent_id` is 0 for a line of its own.
    """
    product, quantity = entry.product, entry.quantity
    percent, rate = pricing.tax_percent, pricing.rate
    base = _amounts(entry.price, quantity, entry.discount, percent, pricing.base)
    shown = base
    original = money(entry.original_price)
    original_shown = original
    if rate:
        price = convert(entry.price, rate)
        discount = min(convert(entry.discount, rate), price * quantity)
        shown = _amounts(price, quantity, discount, percent, pricing.shown)
        original_shown = number(entry.original_price / 100 * rate)
    weight = sold.weight
    free = 0 if parent_id else pricing.free_shipping
    item: Doc = {
        "amount_refunded": 0,
        "base_amount_refunded": 0,
        "base_discount_amount": base[1],
        "base_discount_invoiced": 0,
        "base_discount_tax_compensation_amount": 0,
        "base_original_price": original,
        "base_price": base[0],
        "base_price_incl_tax": base[2],
        "base_row_invoiced": 0,
        "base_row_total": base[3],
        "base_row_total_incl_tax": base[4],
        "base_tax_amount": base[5],
        "base_tax_invoiced": 0,
        "created_at": pricing.at,
        "discount_amount": shown[1],
        "discount_invoiced": 0,
        "discount_percent": pricing.percent,
        "free_shipping": free,
        "discount_tax_compensation_amount": 0,
        "is_qty_decimal": 0,
        "is_virtual": 1 if product.type == "virtual" else 0,
        "item_id": item_id,
        "name": product.name,
        "no_discount": 0,
        "order_id": pricing.order_id,
        "original_price": original_shown,
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
        "row_weight": 0 if parent_id or free else money(weight * quantity),
        "sku": sold.sku,
        "store_id": pricing.store_id,
        "tax_amount": shown[5],
        "tax_invoiced": 0,
        "tax_percent": percent,
        "updated_at": pricing.at,
    }
    if parent_id:
        item["parent_item_id"] = parent_id
    elif pricing.rules:
        item["applied_rule_ids"] = pricing.rules
    if sold.cost:
        item["base_cost"] = money(sold.cost)
    if weight:
        item["weight"] = money(weight)
    taxed = base[5] != 0
    item["extension_attributes"] = {"itemized_taxes": [_itemized_tax(item_id, pricing, base, shown)] if taxed else []}
    return item


def _itemized_tax(item_id: int, pricing: Pricing, base: tuple[int | float, ...], shown: tuple[int | float, ...]) -> Doc:
    """Return a line's tax; adds it to the order's list of them."""
    code, percent = pricing.tax_code, pricing.tax_percent
    amount, base_amount = shown[5], base[5]
    applied = {
        "code": code,
        "title": code,
        "percent": percent,
        "amount": amount,
        "base_amount": base_amount,
    }
    pricing.taxes.append({"type": "product", "item_id": item_id, "applied_taxes": [applied]})
    tax_item_id = pricing.next_tax_item
    pricing.next_tax_item += 1
    return {
        "tax_item_id": tax_item_id,
        "tax_id": pricing.tax_id,
        "item_id": item_id,
        "tax_code": code,
        "tax_percent": percent,
        "amount": amount,
        "base_amount": base_amount,
        "real_amount": amount,
        "real_base_amount": base_amount,
        "taxable_item_type": "product",
    }


def bundle_parent(item_id: int, product: Product, quantity: int, children: list[Doc], pricing: Pricing) -> Doc:
    """Return the parent line of a dynamic bundle: its children's gross, and no discount."""
    counts = product.quantities
    weight = sum(child.weight * n for child, n in zip(product.children, counts, strict=True))
    free = pricing.free_shipping
    item: Doc = {
        "amount_refunded": 0,
        "base_amount_refunded": 0,
        "base_discount_amount": 0,
        "base_discount_invoiced": 0,
        "base_row_invoiced": 0,
        "base_tax_invoiced": 0,
        "created_at": pricing.at,
        "discount_amount": 0,
        "discount_invoiced": 0,
        "discount_percent": 0,
        "free_shipping": free,
        "is_qty_decimal": 0,
        "is_virtual": 0,
        "item_id": item_id,
        "name": product.name,
        "no_discount": 0,
        "order_id": pricing.order_id,
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
        "store_id": pricing.store_id,
        "tax_invoiced": 0,
        "updated_at": pricing.at,
        "weight": money(weight),
        "extension_attributes": {"itemized_taxes": []},
        "product_option": bundle_option(product),
    }
    for prefix in ("base_", ""):
        price = with_tax = tax = 0
        original: float = 0
        for child, count in zip(children, counts, strict=True):
            price += round(child[f"{prefix}price"] * 100) * count
            with_tax += round(child[f"{prefix}price_incl_tax"] * 100) * count
            tax += round(child[f"{prefix}tax_amount"] * 100)
            original += child[f"{prefix}original_price"] * count
        item[f"{prefix}price"] = money(price)
        converted = pricing.rate and not prefix
        item[f"{prefix}original_price"] = number(original) if converted else money(price)
        item[f"{prefix}price_incl_tax"] = money(with_tax)
        item[f"{prefix}row_total"] = money(price * quantity)
        item[f"{prefix}row_total_incl_tax"] = money(price * quantity + tax)
        item[f"{prefix}tax_amount"] = money(tax)
    if pricing.rules:
        item["applied_rule_ids"] = pricing.rules
    return item


def plain_child(item_id: int, product: Product, quantity: int, parent_id: int, pricing: Pricing) -> Doc:
    """Return a child whose parent has the price: a variant, or a selection at a fixed price."""
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
        "created_at": pricing.at,
        "discount_amount": 0,
        "discount_invoiced": 0,
        "discount_percent": 0,
        "free_shipping": 0,
        "is_qty_decimal": 0,
        "is_virtual": 0,
        "item_id": item_id,
        "name": product.name,
        "no_discount": 0,
        "order_id": pricing.order_id,
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
        "store_id": pricing.store_id,
        "tax_amount": 0,
        "tax_invoiced": 0,
        "tax_percent": 0,
        "updated_at": pricing.at,
        "row_total_incl_tax": 0,
        "base_row_total_incl_tax": 0,
        "extension_attributes": {"itemized_taxes": []},
    }
    if product.weight:
        item["weight"] = money(product.weight)
    return item


def bundle_option(product: Product) -> Doc:
    """Return `product_option` of a bundle's parent line."""
    options = [
        {
            "option_id": product.first_option + i,
            "option_qty": count,
            "option_selections": [product.first_option + i],
        }
        for i, count in enumerate(product.quantities)
    ]
    return {"extension_attributes": {"bundle_options": options}}


def configurable_option(variant: Product) -> Doc:
    """Return `product_option` of a configurable's parent line."""
    options = [{"option_id": "93", "option_value": variant.color}]
    return {"extension_attributes": {"configurable_item_options": options}}
