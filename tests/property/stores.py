"""Random small stores as rows of the raw tables, nasty on purpose, for one situation.

A store is one mapping from raw table to rows, without the columns that only say whose rows they are (`store_key`,
`_row_hash`, `_changed_at`) and without what is empty. Most choices have a plain value that is taken mostly, so that
stores are not made of oddities alone, in which nothing counts any more.

What is generated is what the loader can leave in raw. Whole rows that it would quarantine (no id, no `created_at` on
an order) are not there; values that it would quarantine are empty.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .situations import Situation

Row = dict[str, Any]
Store = dict[str, list[Row]]
T = TypeVar("T")

GONE = datetime(2026, 11, 1, 3, 0)
HUGE = 9_007_199_254_740_993  # an id that a binary float would change

ZONES = (
    "UTC",
    "America/Argentina/Buenos_Aires",
    "Europe/Madrid",
    "America/New_York",
    "America/Santiago",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
)
CURRENCIES = ("ARS", "USD", "EUR")

# Days before the as-of date: the first are near the edges of windows, then just anything, then tomorrow.
DAYS = (0, 1, 29, 30, 31, 59, 60, 61, 89, 90, 91, 179, 180, 181, 359, 360, 361, 362, 400, 1100, 9000, -1, -2, -400)
# Local days on which the clock changes in one of the zones, and their neighbours.
CHANGING_DAYS = tuple(
    date.fromisoformat(day)
    for day in ("2026-03-29", "2025-10-26", "2026-03-08", "2025-11-02", "2026-04-05", "2025-09-07", "2026-10-04")
)
CLOCKS = tuple(
    time.fromisoformat(text)
    for text in (
        "12:00:00",
        "00:00:00",
        "23:59:59",
        "00:00:01",
        "00:30:00",
        "01:30:00",
        "02:30:00",
        "21:00:00",
        "22:15:00",
    )
)

EMAILS = (
    "ana@example.com",
    "bob@example.com",
    "cid+tag@example.com",
    "dee@example.co",
    "eve.x@sub.example.com",
    "fay@example.com",
    "gus@example.com",
    "mask-1@mail.mercadolibre.com",
    "mask-2@sub.marketplace.amazon.com",
    "!#$%&'*+/=?^_`{|}~-.o@xn--d.example.com",
    "a" * 64 + "@" + "b" * 177 + ".example.com",
)
# What people and modules make of an address. The last ones make another address of it, or none.
SPELLINGS = (
    "{}",
    " {} ",
    "\u00a0{}\u2003",
    "\t{}\r\n",
    "\u200b{}",
    "{}\x1f",
    "\U0001f600{}",
    "{},",
    "{} x",
    "@{}",
    "<{}>",
    "mailto:{}",
    "{0},{0}",
    "{}\0",
    "\0{}",
    "{}\x7f",
)
NOT_ADDRESSES = (
    None,
    "",
    "   ",
    "nobody",
    "a@b",
    "a@b.",
    "a@.b",
    "@b.co",
    "a@b.c.",
    "\u212aim@example.com",  # the Kelvin sign, whose lower case is a plain k
    "\u0130pek@example.com",
    "ñandu@example.com",
    "ana@exämple.com",
    "one@two@example.com",
    "a b@example.com",
    "a..b@example.com",
    ".ana@example.com",
    "ana.@example.com",
    "ana@example..com",
    "ana@-example.com",
    "ana@example-.com",
    "ana@exam_ple.com",
    "ana@10.0.0.1",
    'q"\\<x>@example.com',
    "a" * 65 + "@example.com",
    "a" * 64 + "@" + "b" * 178 + ".example.com",
)

WORDS = (
    "Remera",
    None,
    "",
    " ",
    "remera",
    " Remera ",
    "Remera, azul",
    "Remera;|azul",
    "\u00a0Gorra\u3000",
    "Ñandú",
    "👩‍👩‍👧 gorra",
    "cafe\u0301",
    'O\'Hara "8\\8"',
    "Dos\nlíneas",
    "Dos\r\nlíneas\tmás\u2028\u2029",
    "Re\0me\x07ra\x9f",
    "\0",
    "\x1b \0Remera\x85 ",
    "<b>&amp;</b>",
    "NULL",
    "0",
    "X" * 255,
)
BIRTH_DATES = (
    None,
    "1953-09-18",
    "1953-09-18 00:00:00",
    " 1953-09-18 23:59:59 ",
    "0000-00-00",
    "0000-00-00 00:00:00",
    "1999-02-30",
    "2024-02-29",
    "2023-02-29",
    "0001-01-01",
    "0999-12-31",
    "1899-12-31",
    "1900-01-01",
    "2026-11-23",
    "2026-11-24",
    "9999-12-31",
    "1953-9-18",
    "18/09/1953",
    "1953-09-18T00:00:00",
    "1953-09-18 00:00",
    "١٩٥٣-٠٩-١٨",
    "",
)
TEXT_BRANDS = ("Topper", "Dolce, Gabbana", ' ["3M"]\n\0', "361", "\0")
CODES = (None, "HOT", "hot", " HOT ", "HOT,TWO", ",", "", " , TWO ,, HOT ", "TWO", "Ñ,Ñ", "a b", "💥", "HO\0T,\0")
CODE_LISTS = (None, (), ("HOT",), ("TWO", "HOT"), ("A,B", " A "), ("", " "), ('"', "\\"), ("T\0WO", "\x1f"))
STATES = (
    "complete",
    "processing",
    "closed",
    "new",
    "pending_payment",
    "payment_review",
    "holded",
    "canceled",
    "sugapay",
    None,
)
METHODS = (
    "mercadopago_adbpayment_cc",
    "checkmo",
    "mercadopago_basic",
    "decidir",
    "free",
    "sugapay",
    "nobody_knows",
    "Checkmo",
    "",
    None,
)
TOTALS = (
    "100",
    "10",
    "0",
    "0.01",
    "0.005",
    "33.3333",
    "0.0001",
    "19.99",
    "1234567.8901",
    None,
    "99.995",
    "99999999.9999",
)
CENTS = tuple(map(Decimal, ("0", "0.01", "0.02", "0.03", "0.0201", "0.04")))
RATES = ("0.5", "1.08123456", "0.00000001", "1234.5", "1")
STORE_NAMES = (
    None,
    "Web\nGroup\nView",
    "Web",
    "Otra\r\nGroup\r\nVista ",
    "\nGroup\nView",
    "Web\n\n",
    " \n ",
    "",
    "Web\nGroup\nView\nMore",
)


@cache
def _sampled(values: tuple[Any, ...], types: tuple[type, ...]) -> st.SearchStrategy[Any]:
    """Making a strategy takes longer than drawing from it. `types`, because 0 and False are the same key."""
    return st.sampled_from(values)


def some(drawn: Row) -> Row:
    """The row without what is empty: a missing value and a missing key are the same in raw."""
    return {name: value for name, value in drawn.items() if value is not None}


class Drawing:
    """Draws one store; each method draws one kind of row."""

    def __init__(self, draw: DrawFn, situation: Situation) -> None:
        self.draw = draw
        self.situation = situation
        self.tables: Store = {}
        zone = self.one_of(ZONES)
        self.zone = ZoneInfo(situation.for_oracle.get("time_zone") or zone)
        currency = self.one_of(CURRENCIES)
        self.currency = situation.for_oracle.get("reporting_currency") or currency
        self.people = self.one_of((11, 8, 4, 2, 1))
        self.add("store_views", id=1, is_default=True, timezone=zone, base_currency_code=currency, **self.view())

    # --- choosing ---------------------------------------------------------------------------------------------

    def one_of(self, values: Sequence[T]) -> T:
        found: T = self.draw(_sampled(tuple(values), tuple(map(type, values))))
        return found

    def now_and_then(self, values: Sequence[T], number: int = 4) -> T:
        """The first value mostly, any of them one time in `number`."""
        return self.one_of(values) if self.happens(number) else values[0]

    def happens(self, one_time_in: int) -> bool:
        return self.one_of((*[False] * (one_time_in - 1), True))

    def up_to(self, last: int) -> int:
        return self.one_of(range(last + 1))

    def add(self, table: str, **row: Any) -> None:
        """Add a row, deleted now and then."""
        full = some(row)
        if self.happens(10):
            full["_deleted_at"] = GONE
        self.tables.setdefault(table, []).append(full)

    def add_child(self, table: str, **row: Any) -> None:
        """Add an element of a list in another row, as a row of its own; write_raw puts it there."""
        self.tables.setdefault(table, []).append(some(row))

    def email(self) -> str | None:
        if self.happens(10):
            return self.one_of(NOT_ADDRESSES)
        address = EMAILS[self.up_to(self.people - 1)] if not self.happens(8) else self.one_of(EMAILS)
        if self.happens(5):
            address = "".join(letter.upper() if self.happens(2) else letter for letter in address[:3]) + address[3:]
        return self.now_and_then(SPELLINGS, 6).format(address)

    def moment(self) -> datetime:
        """A UTC moment whose local day is near an edge of a window or of the clock."""
        if self.happens(8):
            day = self.one_of(CHANGING_DAYS) + timedelta(days=self.one_of((0, 1, -1)))
        else:
            day = self.situation.as_of - timedelta(days=self.one_of(DAYS))
        clock = self.one_of(CLOCKS).replace(fold=self.one_of((0, 1)))
        return datetime.combine(day, clock, self.zone).astimezone(UTC).replace(tzinfo=None)

    def money(self) -> Decimal | None:
        text = self.one_of(TOTALS)
        return None if text is None else Decimal(text)

    def part_of(self, total: Decimal | None, first: str) -> Decimal | None:
        """None, nothing, all, half, nearly all or more than all of an amount."""
        whole = total or Decimal(0)
        parts = {
            "none": None,
            "all": whole,
            "zero": Decimal(0),
            "half": (whole / 2).quantize(Decimal("0.0001")),
            "nearly": max(whole - Decimal("0.0001"), Decimal(0)),
            "over": whole + 1,
        }
        return parts[self.now_and_then((first, *(name for name in parts if name != first)), 3)]

    # --- the shop itself --------------------------------------------------------------------------------------

    def view(self) -> Row:
        return {
            "store_code": "code",
            "store_name": self.now_and_then(("Español", *WORDS)),
            "website_id": self.now_and_then((1, 2, None)),
            "website_code": self.now_and_then(("base", None, " ", " otra ")),
        }

    def shop(self) -> None:
        # The default view is there, as the build insists; it would have been loaded again.
        self.tables["store_views"][0].pop("_deleted_at", None)
        for id_ in range(2, 2 + self.up_to(2)):
            self.add(
                "store_views",
                id=id_,
                is_default=self.one_of((False, None)),
                timezone=self.one_of(ZONES),
                base_currency_code=self.one_of((*CURRENCIES, None, " ")),
                **self.view(),
            )
        for id_ in range(self.up_to(3)):
            self.add("customer_groups", id=id_, code=self.now_and_then(("General", *WORDS), 2))
        for id_ in range(1, 1 + self.now_and_then((6, 3, 1, 0), 3)):
            self.add(
                "categories",
                id=id_,
                level=self.now_and_then((2, 3, 0, 1, None), 3),
                name=self.one_of((f"Categoría {id_}", *WORDS)),
                is_active=self.now_and_then((True, False, None)),
            )
        for code in ("manufacturer", "marca"):
            has = 0 if self.happens(4) else self.now_and_then((15, *range(16)), 3)  # none: a text
            for bit, value in enumerate(("4", "5", "6", "7")):
                if has >> bit & 1:
                    label = self.one_of((f"Marca {value}", *WORDS))
                    self.add("attribute_options", attribute_code=code, value=value, label=label)
        for id_ in (*range(1, 1 + self.now_and_then((4, 5, 2, 1, 0), 3)), *((HUGE,) if self.happens(8) else ())):
            self.product(id_)

    def product(self, id_: int) -> None:
        brand = self.one_of(("5", "6", "5,6", " 7 , 5 ", "4", ("6", "5"), (7, 4), 5, "99", "", (), None, *TEXT_BRANDS))
        codes = self.now_and_then((("manufacturer", "marca"), ("manufacturer",), ("marca",), ()))
        attributes: list[Row] = [{"attribute_code": "color", "value": "9"}]
        for code in codes if brand is not None else ():
            attributes.append({"attribute_code": code, "value": brand})
        text = self.now_and_then((json.dumps(attributes), None, "[]", "null"), 6)
        self.add("products", id=id_, sku=f"sku-{id_}", custom_attributes=text)
        in_categories = {self.up_to(7) for _ in range(3)} - {0}
        for category_id in sorted(in_categories, reverse=self.one_of((False, True))):
            self.add_child("product_category_links", product_id=id_, category_id=category_id, position=-category_id)

    # --- people -----------------------------------------------------------------------------------------------

    def customer(self, id_: int) -> None:
        address_ids = [id_ * 10 + position for position in range(self.up_to(2))]
        named = (*address_ids, None, 999)
        self.add(
            "customers",
            id=id_,
            email=self.email(),
            firstname=self.now_and_then(("Ana", *WORDS)),
            lastname=self.now_and_then(("Paz", *WORDS)),
            dob=self.now_and_then(BIRTH_DATES),
            gender=self.now_and_then((None, 1, 2, 3, 5, 9, 0, -1)),
            group_id=self.now_and_then((0, 1, 2, 9, None), 2),
            store_id=self.now_and_then((1, 2, 3, 0, 9, None), 3),
            website_id=self.one_of((1, 2, None)),
            created_at=self.moment() if not self.happens(5) else None,
            updated_at=self.one_of((datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 1), None)),
            is_subscribed=self.one_of((None, False, True)),
            default_billing=self.one_of(named),
            default_shipping=self.one_of(named),
            custom_attributes=self.now_and_then((None, '[{"attribute_code": "dni", "value": "20-1"}]', "[]")),
        )
        for address_id in address_ids:
            self.add_child(
                "customer_addresses",
                id=address_id,
                customer_id=id_,
                default_billing=self.one_of((None, False, True)),
                default_shipping=self.one_of((None, False, True)),
                **self.place("city", "region", "country_id", "telephone"),
            )

    def place(self, city: str, region: str, country: str, telephone: str) -> Row:
        if not self.happens(3):
            return {city: f"Ciudad {len(self.tables.get('orders', ()))}", country: "AR"}
        return {
            city: self.one_of(WORDS),
            region: self.one_of(WORDS),
            country: self.one_of(("AR", " ar ", "", None)),
            telephone: self.one_of(("+54 11 4321-0000", "", " ", None)),
        }

    # --- orders -----------------------------------------------------------------------------------------------

    def order(self, id_: int, item_ids: list[int], customers: int) -> None:
        tables = self.tables
        earlier = tuple(order["created_at"] for order in tables.get("orders", ()))
        created_at = self.one_of(earlier) if earlier and self.happens(4) else self.moment()
        state, method = self.now_and_then(STATES, 3), self.now_and_then(METHODS, 2)
        store_id = self.now_and_then((1, 2, 3, 0, 8, None), 3)
        total = self.money()
        refunded = self.part_of(total, "none")
        if all_came_back := self.happens(6):  # with a cent left of some lines
            state = self.now_and_then(("closed", "complete"))
            refunded = max((total or Decimal(0)) - self.one_of(CENTS), Decimal(0))
        self.add(
            "orders",
            entity_id=id_,
            created_at=created_at,
            customer_email=self.email(),
            customer_id=self.one_of((None, *range(1, customers + 1), 77)),
            state=state,
            payment_method=method,
            base_grand_total=total,
            base_total_paid=self.part_of(total, "all"),
            base_total_refunded=refunded,
            base_total_canceled=self.part_of(total, "none") if self.happens(4) else None,
            base_subtotal=self.now_and_then((total, *map(Decimal, ("10", "20", "8.25", "0")), None)),
            base_discount_amount=self.now_and_then((None, Decimal("-10"), Decimal("-44.8"))),
            base_shipping_amount=self.now_and_then((None, Decimal(4), Decimal(0))),
            **self.currencies(state, store_id),
            coupon_code=self.now_and_then(CODES, 2),
            coupon_codes=None if (codes := self.now_and_then(CODE_LISTS)) is None else json.dumps(codes),
            store_id=store_id,
            store_name=self.now_and_then(STORE_NAMES, 3),
            customer_firstname=self.now_and_then(("Guest", *WORDS)),
            customer_lastname=self.now_and_then(("Order", *WORDS)),
            customer_dob=self.now_and_then(BIRTH_DATES),
            customer_gender=self.now_and_then((None, 1, 2, 3, 5, 9)),
            customer_group_id=self.now_and_then((0, 1, 2, 9, None)),
            **self.place("billing_city", "billing_region", "billing_country_id", "billing_telephone"),
        )
        for _ in range(self.up_to(3)):
            self.lines(id_, item_ids, all_came_back)
        if self.happens(6):
            self.add(
                "creditmemos", entity_id=id_, order_id=self.one_of((id_, 5)), state=2, base_grand_total=self.money()
            )
            self.add_child("creditmemo_items", entity_id=id_, parent_id=id_, order_item_id=1, qty=Decimal(1))

    def currencies(self, state: str | None, store_id: int | None) -> Row:
        """Currencies and rate of an order, such that every purchase whose currency is known can be converted."""
        base = self.now_and_then((self.currency, *CURRENCIES, None, " "), 3)
        of_views = {
            view["id"]: (view.get("base_currency_code") or "").strip()
            for view in self.tables["store_views"]
            if "_deleted_at" not in view
        }
        known = (base or "").strip() or of_views.get(store_id)
        rate = self.one_of(RATES)
        row: Row = {
            "base_currency_code": base,
            "global_currency_code": self.currency,
            "base_to_global_rate": Decimal(rate),
        }
        if (
            not known
            or known == self.currency
            or state == "canceled"
            or (known, self.currency) in self.situation.convertible
        ):
            odd = self.one_of((None, "0", "-1", rate))
            row["global_currency_code"] = self.one_of((None, *CURRENCIES))
            row["base_to_global_rate"] = None if odd is None else Decimal(odd)
        return row

    def lines(self, order_id: int, item_ids: list[int], all_came_back: bool) -> None:
        """A simple line, or a parent with its children; ids in any order."""
        type_ = self.now_and_then(("simple", "configurable", "bundle", "virtual", "grouped", "module", None), 2)
        is_family = type_ in ("configurable", "bundle") or self.happens(12)
        ids = [item_ids.pop(0) for _ in range(1 + (self.up_to(3) if is_family else 0))]
        if self.happens(5):
            ids.reverse()
        parent, *children = ids
        product_id = 88 if is_family and self.happens(2) else None  # without brands and categories of its own
        grandparent = 555_555 if self.happens(15) else None
        self.line(order_id, parent, type_, grandparent, came_back=all_came_back, product_id=product_id)
        price = Decimal(0) if self.happens(2) else None  # of a bundle's parts: then the bundle has a price of its own
        for child in children:
            type_ = self.now_and_then(("simple", "virtual", None))
            self.line(order_id, child, type_, parent, came_back=all_came_back, price=price)

    def line(
        self,
        order_id: int,
        item_id: int,
        type_: str | None,
        parent: int | None,
        *,
        came_back: bool = False,
        price: Decimal | None = None,
        product_id: int | None = None,
    ) -> None:
        ordered = self.now_and_then((Decimal(1), Decimal(2), Decimal("0.5"), Decimal(0), None, Decimal("1.0001")), 3)
        self.add_child(
            "order_items",
            item_id=item_id,
            order_id=order_id,
            parent_item_id=parent,
            product_id=product_id or self.one_of((1, 2, 3, 4, None, 88, HUGE)),
            product_type=type_,
            sku=f"sku-{item_id}",
            name=self.now_and_then((f"Producto {item_id % 7}", *WORDS), 2),
            qty_ordered=ordered,
            qty_invoiced=self.part_of(ordered, "all"),
            qty_refunded=self.part_of(ordered, "all" if came_back else "none"),
            qty_canceled=self.part_of(ordered, "none") if self.happens(4) else None,
            base_price=self.now_and_then((Decimal(10), Decimal(0), None, Decimal("0.0001")), 2)
            if price is None
            else price,
            base_row_total=self.now_and_then((Decimal(10), Decimal("4.13"), Decimal(0), None), 2),
            base_discount_amount=self.now_and_then((None, Decimal(10), Decimal("12.1"))),
        )


@st.composite
def stores(draw: DrawFn, situation: Situation) -> Store:
    """Stores whose dates, zone and currencies are worth a build in `situation`."""
    drawing = Drawing(draw, situation)
    drawing.shop()
    customers = drawing.up_to(4)
    for id_ in range(1, customers + 1):
        drawing.customer(id_)
    item_ids = list(range(1, 500))
    if drawing.happens(6):
        item_ids = [HUGE - id_ for id_ in item_ids]
    orders = drawing.up_to(40 if drawing.happens(6) else 16)
    ids = range(1, orders + 1) if not drawing.happens(6) else range(HUGE + orders, HUGE, -1)
    for id_ in ids:
        drawing.order(id_, item_ids, customers)
    return drawing.tables
