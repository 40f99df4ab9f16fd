"""Place an order: add up a basket as Magento does, and write it out as its REST API sends it.

A simple or virtual product is one line. A configurable is two: the parent has the money and the variant's sku, the
child (the variant) has neither. A bundle is a parent and its selections: at a fixed price the parent has the money, at
a dynamic one the children have it, and the parent repeats their sum.

Amounts are computed in whole cents of the base currency (`base_...`); `finished` adds those in the order's currency. As
recorded from a live Magento, a line's `row_total` is net of its discount, line discounts are positive and the order's
is negative. `documents` has what happens to an order afterwards.
"""

from dataclasses import dataclass, field
from typing import Any

from demo.magento.catalog import GLOBAL_CURRENCY, Product, Store, money, number
from demo.magento.clock import stamp

Doc = dict[str, Any]

METHODS = (
    "mercadopago_adbpayment_cc", "mercadopago_adbpayment_checkout_pro", "mercadopago_adbpayment_payment_methods_off",
    "mercadopago_basic", "mercadopago_custom", "decidir", "cashondelivery", "banktransfer", "checkmo", "free",
    "gocuotas", "m2epropayment",
)  # fmt: skip
"""Every payment method code of the store; the last two are in nobody's list of known methods."""

_NOTHING_YET = dict.fromkeys(("qty_canceled", "qty_invoiced", "qty_refunded", "qty_shipped", "base_amount_refunded"), 0)
_NOT_MONEY = ("base_currency_code", "base_to_global_rate", "base_to_order_rate")


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
    amount: int = 0  # cents off the cart, instead of a percentage
    coupon: str = ""
    description: str = ""
    rules: str = "1"
    free_shipping: bool = False


NO_DISCOUNT = Discount(rules="")


@dataclass(slots=True)
class Basket:
    """What an order is made of, before Magento adds it up."""

    store: Store
    lines: list[tuple[Product, int, int]]  # product, quantity, and for a configurable the position of the variant
    method: str
    discount: Discount = NO_DISCOUNT
    shipping: int = 0  # cents in base currency
    price_level: int = 1000  # prices of the day, per mille of the catalog's
    pesos_per_dollar: float = 1400.0
    display: tuple[str, float] | None = None  # order currency and rate, where it is not the base's


@dataclass(slots=True)
class _Entry:
    """A line that carries money, before it is written out: cents of base currency; `sold` has price and sku."""

    product: Product
    sold: Product
    quantity: int
    price: int
    discount: int = 0


def half_up(numerator: int, denominator: int) -> int:
    """Divide whole numbers, rounding halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def carries_money(item: Doc) -> bool:
    """Tell whether an order line's amounts count: Magento's `isDummy`, turned round.

    Those of a dynamic bundle's parent do not, nor those of a child whose parent has the price.
    """
    return "base_discount_tax_compensation_amount" in item


def finished(doc: Doc) -> Doc:
    """Write the amounts in the order's currency next to those in base currency; return the order or memo."""
    rate = doc["base_to_order_rate"]
    for part in (doc, *doc["items"]):
        for name in [name for name in part if name.startswith("base_") and name not in _NOT_MONEY]:
            value = part[name]
            part[name[5:]] = value if rate == 1 else money(round(value * rate * 100))
    return doc


def place(ids: Ids, order_id: int, basket: Basket, buyer: Doc, address: Doc, moment: int, email: str) -> Doc:
    """Return a new order, in state new and status pending.

    `buyer` is an account's document, or a guest's (without `id`); `address` is one of theirs.
    """
    store, discount, at = basket.store, basket.discount, stamp(moment)
    items, counted = _items(ids, order_id, basket, at)
    paying = [item for item in items if carries_money(item)]
    top = [item for item in items if "parent_item_id" not in item]
    subtotal = sum(round(item["base_price"] * 100) * item["qty_ordered"] for item in paying)
    off = sum(round(item["base_discount_amount"] * 100) for item in paying)
    tax = sum(round(item["base_tax_amount"] * 100) for item in paying)
    is_virtual = all(item["is_virtual"] for item in top)
    shipping = 0 if is_virtual or discount.free_shipping else basket.shipping
    total = money(subtotal - off + shipping + tax)
    order: Doc = {
        "base_currency_code": store.currency,
        "base_discount_amount": money(-off),
        "base_grand_total": total,
        "base_shipping_amount": money(shipping),
        "base_subtotal": money(subtotal),
        "base_tax_amount": money(tax),
        "base_total_due": total,
        "base_to_global_rate": number(basket.pesos_per_dollar) if store.currency != GLOBAL_CURRENCY else 1,
        "base_to_order_rate": basket.display[1] if basket.display else 1,
        "created_at": at,
        "customer_email": email,
        **{f"customer_{name}": buyer[name] for name in ("firstname", "lastname", "group_id")},
        "customer_is_guest": 0 if "id" in buyer else 1,
        "entity_id": order_id,
        "global_currency_code": GLOBAL_CURRENCY,
        "increment_id": ids.increment("order", store),
        "is_virtual": int(is_virtual),
        "order_currency_code": basket.display[0] if basket.display else store.currency,
        "remote_ip": "127.0.0.1",
        "state": "new",
        "status": "pending",
        "store_currency_code": store.currency,
        "store_id": store.id,
        "store_name": store.store_name,
        "total_item_count": counted,
        "total_qty_ordered": sum(item["qty_ordered"] for item in top),
        "updated_at": at,
    }
    if discount.rules:
        order["applied_rule_ids"] = discount.rules
    if discount.coupon:
        order |= {"coupon_code": discount.coupon, "discount_description": discount.description}
    if "id" in buyer:
        _copy_account(order, buyer)
    order["items"] = items
    order["billing_address"] = _billing(address, order_id, email)
    order["payment"] = {"account_status": None, "cc_last4": None, "entity_id": order_id, "method": basket.method}
    order["extension_attributes"] = {"shipping_assignments": [{"shipping": {"method": "flatrate_flatrate"}}]}
    return order


def _items(ids: Ids, order_id: int, basket: Basket, at: str) -> tuple[list[Doc], int]:
    """Return the lines, parents before their children, and how many of them carry money."""
    groups: list[list[_Entry]] = []
    for product, quantity, variant in basket.lines:
        if product.dynamic:
            pairs = zip(product.children, product.quantities, strict=True)
            groups.append([_entry(child, child, quantity * count, basket) for child, count in pairs])
        else:
            sold = product.children[variant] if product.type == "configurable" else product
            groups.append([_entry(product, sold, quantity, basket)])
    _share_discount([entry for group in groups for entry in group], basket.discount)

    items: list[Doc] = []
    tax_percent = basket.store.tax

    def add(product: Product, sku: str, quantity: int, parent: Doc | None = None, **amounts: int) -> Doc:
        item: Doc = {
            **_NOTHING_YET,
            **{f"base_{name}": money(amounts.get(name, 0)) for name in ("price", "discount_amount", "row_total")},
            "base_tax_amount": money(amounts.get("tax_amount", 0)),
            "created_at": at,
            "is_virtual": int(product.type == "virtual"),
            "item_id": ids.take("order_item"),
            "name": product.name,
            "order_id": order_id,
            "product_id": product.id,
            "product_type": product.type,
            "qty_ordered": quantity,
            "sku": sku,
            "store_id": basket.store.id,
            "updated_at": at,
        }
        if parent is not None:
            item |= {"parent_item_id": parent["item_id"], "parent_item": parent}
        items.append(item)
        return item

    def add_money(entry: _Entry, parent: Doc | None = None) -> Doc:
        net = entry.price * entry.quantity - entry.discount
        tax = half_up(net * tax_percent, 100)
        amounts = {"price": entry.price, "discount_amount": entry.discount, "row_total": net, "tax_amount": tax}
        item = add(entry.product, entry.sold.sku, entry.quantity, parent, **amounts)
        item["base_discount_tax_compensation_amount"] = 0
        return item

    for (product, quantity, _), group in zip(basket.lines, groups, strict=True):
        if product.dynamic:
            sku = "-".join((product.sku, *(child.sku for child in product.children)))
            price = sum(entry.price * count for entry, count in zip(group, product.quantities, strict=True))
            parent = add(product, sku, quantity, price=price, row_total=price * quantity)
            children = [add_money(entry, parent) for entry in group]
            parent["base_tax_amount"] = money(sum(round(child["base_tax_amount"] * 100) for child in children))
            continue
        parent = add_money(group[0])
        if product.type == "configurable":
            add(group[0].sold, group[0].sold.sku, quantity, parent)
        else:
            for child, count in zip(product.children, product.quantities, strict=True):
                add(child, child.sku, quantity * count, parent)
    return items, sum(map(len, groups))


def _entry(product: Product, sold: Product, quantity: int, basket: Basket) -> _Entry:
    """Return a line at the day's price in base currency."""
    price = (sold.special_price or sold.price) * basket.price_level // 1000
    if basket.store.currency != GLOBAL_CURRENCY:
        price = max(100, int(price / basket.pesos_per_dollar))
    return _Entry(product, sold, quantity, price)


def _share_discount(entries: list[_Entry], discount: Discount) -> None:
    """Share a discount out over lines to the cent, so that it adds up exactly."""
    gross = sum(entry.price * entry.quantity for entry in entries)
    off = min(gross, half_up(gross * discount.percent, 100) if discount.percent else discount.amount)
    seen = given = 0
    for entry in entries if off else ():
        seen += entry.price * entry.quantity
        entry.discount = half_up(seen * off, gross) - given
        given += entry.discount


def _copy_account(order: Doc, account: Doc) -> None:
    """Copy what an order keeps of the account that placed it."""
    order["customer_id"] = account["id"]
    if "dob" in account:
        order["customer_dob"] = f"{account['dob']} 00:00:00"
    for name in ("gender", "middlename", "prefix", "taxvat"):
        if name in account:
            order[f"customer_{name}"] = account[name]


def _billing(address: Doc, order_id: int, email: str) -> Doc:
    names = ("city", "country_id", "firstname", "lastname", "postcode", "street", "telephone")
    doc: Doc = {"address_type": "billing", "email": email, "entity_id": 2 * order_id, "parent_id": order_id}
    doc |= {name: address[name] for name in names}
    return doc | address["region"] if address["region"]["region"] is not None else doc
