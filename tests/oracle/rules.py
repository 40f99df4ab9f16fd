"""The meanings of the project's words, each as one pure function.

Nothing here reads a document, a seed or a clock, and nothing is shared with the loaders or the models: this is
a second telling of the same definitions, so that both can only agree when both are right.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from .entities import Address, Category, Customer, Line, Order, Product, Shop
from .seeds import PaymentMethod

# Unicode's White_Space property, written out: Python's own str.strip() also takes U+001C..U+001F.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
ATOM = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~")
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
LABEL = LETTERS | frozenset("0123456789-")
EMAIL_LENGTH, LOCAL_LENGTH = 254, 64
LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
BIRTH_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)( \d\d:\d\d:\d\d)?", re.ASCII)
PAID_STATES = frozenset({"processing", "complete", "closed"})

# More digits than any product of decimal(20,4) and decimal(20,8) has: only quantize() rounds.
EXACT = Context(prec=80, rounding=ROUND_HALF_UP)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", date, Decimal, int)


# --- texts -----------------------------------------------------------------------------------------------------


def clean(text: str | None) -> str | None:
    """One line without control characters, Unicode white space trimmed; nothing left is None."""
    one_line = re.sub("\r\n|[\t\n\v\f\r\x85\u2028\u2029]", " ", text or "")
    return "".join(one for one in one_line if unicodedata.category(one) != "Cc").strip(WHITE_SPACE) or None


def email_key(raw: str | None) -> str | None:
    """The address that identifies a contact, or None when it is not a usable address."""
    email = (raw or "").strip(WHITE_SPACE).translate(LOWER)
    local, _, domain = email.partition("@")
    words, labels = local.split("."), domain.split(".")
    is_valid = (
        len(email) <= EMAIL_LENGTH
        and len(local) <= LOCAL_LENGTH
        and all(word and ATOM.issuperset(word) for word in words)
        and len(labels) > 1
        and all(label and LABEL.issuperset(label) and "-" not in (label[0], label[-1]) for label in labels)
        and labels[-1][0] in LETTERS
    )
    return email if is_valid else None


def birth_date(raw: str | None) -> date | None:
    """A date from Magento's `dob`, with or without a time; anything else is None, and so are dates before 1900."""
    match = BIRTH_DATE.fullmatch((raw or "").strip(WHITE_SPACE))
    if not match or match[1] < "1900":
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def distinct(values: Iterable[str | None]) -> list[str]:
    """The trimmed values, empty ones left out, each at the place of its first occurrence."""
    return list(dict.fromkeys(text for text in map(clean, values) if text))


def joined(values: Iterable[str | None], max_length: int | None, separator: str = ", ") -> str | None:
    """Distinct values joined, cut at whole items so that the text has at most `max_length` characters."""
    text = ""
    for value in distinct(values):
        longer = f"{text}{separator}{value}" if text else value
        if max_length is not None and len(longer) > max_length:
            break
        text = longer
    return text or None


def coupon_codes(order: Order) -> list[str]:
    """The order's promo codes: `coupon_code`, then the list that Magento 2.4.8 adds, split at commas."""
    return distinct(part for text in (order.coupon_code or "", *order.coupon_codes) for part in text.split(","))


# --- dates and money -------------------------------------------------------------------------------------------


def local_date(utc: datetime, zone: ZoneInfo) -> date:
    """The date that a naive UTC timestamp has in a zone."""
    return utc.replace(tzinfo=UTC).astimezone(zone).date()


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Half up, away from zero."""
    return value.quantize(Decimal(1).scaleb(-decimals), context=EXACT)


def average(amount: Decimal, number: int) -> Decimal:
    """Amount per purchase with two decimals, half up; 0 when there is none."""
    return rounded(EXACT.divide(amount, Decimal(number)), 2) if number else Decimal("0.00")


def is_purchase(order: Order, rule: PaymentMethod | None) -> bool:
    """Whether the order counts by its state and payment; `rule` replaces the default one."""
    if order.deleted or order.state == "canceled":
        return False
    if rule and rule.require_paid:
        return order.base_total_paid > 0
    if rule and rule.states:
        return order.state in rule.states
    return order.state in PAID_STATES or order.base_total_paid > 0


def canceled_unpaid(canceled: Decimal, ordered: Decimal, paid: Decimal) -> Decimal:
    """What of a cancellation still counts: only what was not paid, or invoiced, after all."""
    return max(Decimal(0), min(canceled, ordered - paid))


def base_amount(order: Order) -> Decimal | None:
    """What is left of the order's total after refunds and cancellations; None when the order came back whole."""
    total = order.base_grand_total
    left = total - order.base_total_refunded - canceled_unpaid(order.base_total_canceled, total, order.base_total_paid)
    lines = kept_lines(order.lines)
    ordered = [line for line in lines if line.qty_ordered > 0]
    nothing_kept = bool(ordered) and not any(is_sold(line) for line in lines)
    if total <= 0:
        came_back = nothing_kept
    elif order.state == "closed" and nothing_kept:
        came_back = left <= Decimal("0.01") * len(lines)
    else:
        came_back = left <= 0
    return None if came_back else max(left, Decimal(0))


def base_currency(order: Order, shop: Shop) -> str | None:
    """The currency of the order's own amounts, else its store view's; None when nothing tells."""
    view = shop.store_views.get(order.store_id or 0)
    return clean(order.base_currency) or (clean(view.base_currency) if view else None)


def conversion_rate(
    order: Order, currency: str, reporting_currency: str, seed: Mapping[str, Decimal]
) -> Decimal | None:
    """The rate from the order's currency into the reporting currency; None when there is none."""
    if currency == reporting_currency:
        return Decimal(1)
    rate = order.base_to_global_rate
    if order.global_currency == reporting_currency and rate is not None and rate > 0:
        return rate
    return seed.get(currency)


# --- lines, brands, categories ---------------------------------------------------------------------------------


def children(lines: Sequence[Line], parent: Line) -> list[Line]:
    """The lines that belong to `parent`, by line id."""
    return sorted((line for line in lines if line.parent_item_id == parent.item_id), key=lambda line: line.item_id)


def kept_lines(lines: Sequence[Line]) -> list[Line]:
    """The lines that stand for something sold once each, by line id.

    A child of a configurable goes; of a bundle, the parent when its children carry the price, else the children.
    """
    by_id = {line.item_id: line for line in lines}
    dynamic = {
        line.item_id
        for line in lines
        if line.product_type == "bundle"
        and sum(child.base_price * child.qty_ordered for child in children(lines, line)) > 0
    }
    kept = []
    for line in sorted(lines, key=lambda line: line.item_id):
        parent = by_id.get(line.parent_item_id) if line.parent_item_id is not None else None
        is_replaced = line.item_id in dynamic
        is_inside = parent is not None and (
            parent.product_type == "configurable" or (parent.product_type == "bundle" and parent.item_id not in dynamic)
        )
        if not is_replaced and not is_inside:
            kept.append(line)
    return kept


def is_sold(line: Line) -> bool:
    """Whether something of the line was neither refunded nor canceled."""
    canceled = canceled_unpaid(line.qty_canceled, line.qty_ordered, line.qty_invoiced)
    return line.qty_ordered > line.qty_refunded + canceled


def brands_of(product: Product | None, attribute: str, options: Mapping[tuple[str, str], str | None]) -> list[str]:
    """Labels of the product's brand ids; an id without a label is no brand.

    An attribute without any option is a text, which is the brand unless it looks like ids.
    """
    value = (product.attributes.get(attribute) or "") if product else ""
    if not any(code == attribute for code, _ in options) and not set(value) <= set("0123456789, "):
        return distinct([value])
    ids = value.split(",")
    return distinct(options.get((attribute, value.strip(WHITE_SPACE))) for value in ids)


def categories_of(product: Product | None, categories: Mapping[int, Category]) -> list[str]:
    """Names of the product's direct categories that customers see, by category id, inactive ones too."""
    found = (categories.get(id_) for id_ in sorted(product.category_ids)) if product else ()
    return distinct(category.name for category in found if category and (category.level or 0) >= 2)


def _of_line(line: Line, order: Order, of_product: Callable[[int | None], list[str]]) -> list[str]:
    """What the line's product has; for a composite without any, what all its children have, in line order."""
    found = of_product(line.product_id)
    if found or line.product_type not in ("configurable", "bundle"):
        return found
    return [value for child in children(order.lines, line) for value in of_product(child.product_id)]


def order_products(order: Order) -> list[str]:
    """Names of what the order bought, by line id."""
    return distinct(line.name for line in kept_lines(order.lines) if is_sold(line))


def order_brands(order: Order, shop: Shop, attribute: str) -> list[str]:
    """Brands of what the order bought, by line id."""
    return distinct(
        brand
        for line in kept_lines(order.lines)
        if is_sold(line)
        for brand in _of_line(line, order, lambda id_: brands_of(shop.products.get(id_ or 0), attribute, shop.options))
    )


def order_categories(order: Order, shop: Shop) -> list[str]:
    """Categories of what the order bought, by line id, then category id."""
    return distinct(
        name
        for line in kept_lines(order.lines)
        if is_sold(line)
        for name in _of_line(line, order, lambda id_: categories_of(shop.products.get(id_ or 0), shop.categories))
    )


# --- persons ---------------------------------------------------------------------------------------------------


def order_email(order: Order, customers: Mapping[int, Customer]) -> str | None:
    """The contact of an order: its account's current address, else the one typed at the checkout."""
    account = customers.get(order.customer_id) if order.customer_id is not None else None
    return (email_key(account.email) if account and not account.deleted else None) or email_key(order.email)


def chosen_account(accounts: Sequence[Customer]) -> Customer | None:
    """Of several accounts with one address the most recently updated, then the highest id."""
    return max(
        accounts, key=lambda account: (account.updated_at is not None, account.updated_at, account.id), default=None
    )


def latest_order(orders: Sequence[Order]) -> Order | None:
    """The latest order, whatever became of it; ties go to the highest id."""
    return max(orders, key=lambda order: (order.created_at, order.entity_id), default=None)


def account_address(account: Customer) -> Address | None:
    """The default billing address, else the default shipping one, else the one with the lowest id."""
    by_id = {address.id: address for address in account.addresses}
    if not by_id:
        return None
    in_order = sorted(account.addresses, key=lambda address: address.id or 0)
    return (
        by_id.get(account.default_billing if account.default_billing is not None else -1)
        or next((address for address in in_order if address.default_billing), None)
        or by_id.get(account.default_shipping if account.default_shipping is not None else -1)
        or next((address for address in in_order if address.default_shipping), None)
        or in_order[0]
    )


# --- scores ----------------------------------------------------------------------------------------------------


def quintiles(values: Mapping[K, V]) -> dict[K, int]:
    """1 to 5, higher values score higher: 1 + floor(5 x buyers strictly worse / buyers)."""
    return _scored(values, first=1, parts=5)


def frequencies(numbers: Mapping[K, int]) -> dict[K, int]:
    """1 for exactly one purchase; 2 to 5 are quartiles of the buyers with more."""
    several = {key: number for key, number in numbers.items() if number > 1}
    return {key: 1 for key in numbers if key not in several} | _scored(several, first=2, parts=4)


def _scored(values: Mapping[K, V], *, first: int, parts: int) -> dict[K, int]:
    in_order = sorted(values.values())
    return {key: first + parts * bisect_left(in_order, value) // len(in_order) for key, value in values.items()}


def frequency_group(frequency: int) -> str:
    """The group of a buyer, by its frequency score alone."""
    return {1: "BEGINNERS", 2: "FREQUENT", 3: "FREQUENT", 4: "LOYAL", 5: "LOYAL"}[frequency]
