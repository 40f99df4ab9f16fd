"""Small stores whose contacts were worked out by hand. They are built beside the random ones, so that the models are
held to the values here, and the oracle to the models."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.oracle.seeds import WINDOWS

from .stores import Row, Store

AS_OF = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 15)  # 12:00 in the store's zone
ANA = "ana@example.com"

Wanted = dict[str, dict[str, Any]]
"""For each contact the columns that matter; all contacts are named."""


def store(*orders: Row, **tables: list[Row]) -> Store:
    """A store in Buenos Aires with these orders, each with its own `lines` or one of a product called as the order."""
    view = {"id": 1, "store_name": "Online", "website_code": "base", "timezone": "America/Argentina/Buenos_Aires"}
    lines = [{"order_id": order["entity_id"], **line} for order in orders for line in order["lines"]]
    return {
        "store_views": [{**view, "base_currency_code": "ARS", "is_default": True}],
        "orders": [{key: value for key, value in order.items() if key != "lines"} for order in orders],
        "order_items": [{"qty_ordered": Decimal(1), "base_price": Decimal(10), **line} for line in lines],
        **tables,
    }


def order(entity_id: int, days_ago: int = 0, total: str = "100", **given: Any) -> Row:
    return {
        "entity_id": entity_id,
        "created_at": NOON - timedelta(days=days_ago),
        "customer_email": ANA,
        "state": "complete",
        "base_currency_code": "ARS",
        "base_grand_total": Decimal(total),
        "lines": [{"item_id": entity_id * 10, "name": f"Product {entity_id}"}],
    } | {name: Decimal(value) if name.startswith("base_total_") else value for name, value in given.items()}


def windows(measure: str, *values: Any) -> dict[str, Any]:
    return dict(zip((f"{measure}_{window}" for window in WINDOWS), values, strict=True))


def ana(**columns: Any) -> Wanted:
    return {ANA: columns}


def buyers(*scores: str | None, days: str = "") -> Wanted:
    return {f"{name}@example.com": {f"rfm{days}": score} for name, score in zip("abcde", scores, strict=True)}


def of(name: str, *given: Row) -> list[Row]:
    return [{**one, "customer_email": f"{name}@example.com"} for one in given]


def family(id_: int, type_: str, part: str) -> list[Row]:
    """Lines of a parent of 50 and its two parts, which cost `part` each."""
    parts = [
        {"item_id": id_ + n, "parent_item_id": id_, "name": f"Part {n}", "base_price": Decimal(part)} for n in (1, 2)
    ]
    return [{"item_id": id_, "product_type": type_, "name": f"Whole {id_}", "base_price": Decimal(50)}, *parts]


# Five buyers, later and for more from a to e; d has bought once more, e twice, long ago.
FIVE = store(
    *(row for n, name in enumerate("abcde", start=1) for row in of(name, order(n, 60 - 10 * n, str(n)))),
    *of("d", order(6, 500)),
    *of("e", order(7, 500), order(8, 500)),
)
PERSON: Row = {"customer_firstname": " Ana ", "customer_lastname": "\u00a0", "customer_dob": "1980-02-01 00:00:00"}
PLACE: Row = {"billing_city": "Rosario", "billing_telephone": " 341 ", "billing_country_id": "AR"}
CATALOG: dict[str, list[Row]] = {
    "products": [
        {"id": 1, "custom_attributes": '[{"attribute_code": "manufacturer", "value": "20, 10,99"}]'},
        {"id": 2},
        {"id": 3, "custom_attributes": '[{"attribute_code": "manufacturer", "value": "10"}]'},
        {"id": 4, "custom_attributes": '[{"attribute_code": "manufacturer", "value": "30"}]'},
    ],
    "product_category_links": [
        {"product_id": product, "category_id": category} for product, category in ((1, 7), (1, 5), (1, 2), (3, 7))
    ],
    "categories": [
        {"id": 2, "name": "Default", "level": 1},
        {"id": 5, "name": " Hats ", "level": 2},
        {"id": 7, "name": "Sale", "level": 3, "is_active": False},
    ],
    "attribute_options": [
        {"attribute_code": "manufacturer", "value": value, "label": label}
        for value, label in (("10", "Acme "), ("20", "Zonda"), ("30", "Bolsa"))
    ],
}


EXAMPLES: dict[str, tuple[Store, Wanted]] = {
    "windows hold their last day, and what is older than 360 days has one of its own": (
        store(*(order(n, days, "0.01") for n, days in enumerate((-1, 0, 30, 31, 60, 61, 90, 91, 180, 181, 360, 361)))),
        ana(**windows("purchases", 2, 4, 6, 8, 10, 1), purchases_total=11, days_since_last_purchase=0),
    ),
    "averages are rounded half up, away from zero": (
        store(order(1, 400, "10"), order(2, 100, "20"), order(3, 50, "25"), order(4, 10, "0.01")),
        ana(
            **windows("amount", *map(Decimal, ("0.01", "25.01", "25.01", "45.01", "45.01", "10"))),
            **windows("average_amount", *map(Decimal, ("0.01", "12.51", "12.51", "15.00", "15.00", "10.00"))),
        ),
    ),
    "midnight is the store's": (
        store(
            order(1, created_at=datetime(2026, 10, 24, 2, 59, 59)),
            order(2, created_at=datetime(2026, 10, 24, 3)),
        ),
        ana(**windows("purchases", 1, 2, 2, 2, 2, 0), first_purchase_date=date(2026, 10, 23)),
    ),
    "a refund of everything is no purchase, a refund of a part is taken off, a free order is one of 0": (
        store(
            order(1, 3, base_total_refunded="30.5"),
            order(2, 2, state="closed", base_total_refunded="60", base_total_canceled="40"),
            order(3, 1, "0"),
            order(4, state="canceled", base_total_paid="100"),
        ),
        ana(purchases_total=2, amount_total=Decimal("69.5"), days_since_last_purchase=1),
    ),
    "what was canceled counts as far as it was unpaid; an order back but for a cent a line is none": (
        store(
            order(1, 3, base_total_paid="70", base_total_canceled="100"),
            order(2, 2, state="closed", lines=[{"item_id": 1, "name": "Back", "qty_refunded": Decimal(1)}])
            | {"base_total_refunded": Decimal("99.99")},
        ),
        ana(purchases_total=1, amount_total=Decimal(70), days_since_last_purchase=3),
    ),
    "an order counts by its state, its payment and its method's rule": (
        store(
            order(1, 4, state="new"),
            order(2, 3, state="new", base_total_paid="0.01"),
            order(3, 2, payment_method="banktransfer"),
            order(4, 1, payment_method="banktransfer", base_total_paid="1"),
            order(5, _deleted_at=NOON),
        ),
        ana(purchases_total=2, days_since_last_purchase=1),
    ),
    "money of another currency is converted by the rate of its order, to four decimals": (
        store(
            order(
                1,
                total="10.01",
                base_currency_code="USD",
                global_currency_code="ARS",
                base_to_global_rate=Decimal("1200.12345678"),
            )
        ),
        ana(amount_total=Decimal("12013.2358"), last_purchase_amount=Decimal("12013.2358")),
    ),
    "an order without a currency has its store view's": (
        store(order(1, base_currency_code=" ", store_id=1), order(2, base_currency_code=None, store_id=1)),
        ana(purchases_total=2, amount_total=Decimal(200)),
    ),
    "of purchases of one second the one with the highest id is the last": (
        store(order(1, coupon_code="ONE"), order(3, coupon_code=" THREE,x "), order(2, coupon_code="TWO")),
        ana(last_purchase_discount_codes="THREE, x", discount_codes_30_days="THREE, x, TWO, ONE"),
    ),
    "lists name each thing once, the latest first, and nothing that was given back": (
        store(
            order(1, 3, lines=[{"item_id": 1, "name": "Old"}, {"item_id": 2, "name": "Both"}]),
            order(
                2,
                2,
                lines=[
                    {"item_id": 5, "name": "Back", "qty_refunded": Decimal(1)},
                    {"item_id": 4, "name": " Both "},
                    {"item_id": 3, "name": "New"},
                ],
            ),
        ),
        ana(products_30_days="New, Both, Old"),
    ),
    "a bundle is its parts when they carry the price, else itself; a configurable is itself": (
        store(
            order(1, 1, lines=family(10, "bundle", "10")),
            order(2, 40, lines=family(20, "bundle", "0")),
            order(3, 70, lines=family(30, "configurable", "10")),
        ),
        ana(products_90_days="Part 1, Part 2, Whole 20, Whole 30"),
    ),
    "brands and categories are those of the last purchase, or of a product's parts": (
        store(
            order(
                1,
                lines=[
                    {"item_id": 1, "product_id": 2, "product_type": "configurable", "name": "Shirt"},
                    {"item_id": 2, "product_id": 3, "parent_item_id": 1, "name": "Shirt-Red"},
                    {"item_id": 3, "product_id": 4, "parent_item_id": 1, "name": "Shirt-Bag"},
                    {"item_id": 5, "product_id": 1, "name": "Cap"},
                    {"item_id": 4, "product_id": 404, "name": "Never seen"},
                ],
            ),
            **CATALOG,
        ),
        ana(
            last_purchase_brands="Acme, Bolsa, Zonda",
            last_purchase_categories="Sale, Hats",
            categories_30_days="Sale, Hats",
        ),
    ),
    "scores are fifths of the buyers, the same for the same value; one purchase is a frequency of 1": (
        FIVE,
        buyers("111", "212", "313", "424", "545"),
    ),
    "a window scores its own buyers by its own purchases": (
        FIVE,
        buyers(None, None, "111", "212", "414", days="_30_days"),
    ),
    "a guest is who the latest order says, whatever became of it": (
        store(
            order(2, 5, customer_firstname="Old"),
            order(1, state="canceled", customer_gender=2, customer_group_id=0, store_id=1, **PERSON, **PLACE),
            customer_groups=[{"id": 0, "code": " NOT LOGGED IN"}],
        ),
        ana(
            customer_id=None,
            first_name="Ana",
            last_name=None,
            birth_date=date(1980, 2, 1),
            gender="Female",
            phone="341",
            city="Rosario",
            region=None,
            country="AR",
            customer_group="NOT LOGGED IN",
            store="Online",
            is_subscribed=None,
            purchases_total=1,
        ),
    ),
    "an account comes before its orders, with its default billing address or else the shipping one": (
        store(
            order(1, customer_email="typed@example.com", customer_id=7, **PERSON, **PLACE),
            customers=[
                {"id": 7, "email": " ANA@Example.com", "firstname": "Anita", "updated_at": NOON, "default_shipping": 5}
                | {"created_at": datetime(2026, 1, 1, 2), "is_subscribed": False, "dob": "1953-02-30"},
                {"id": 8, "email": ANA, "firstname": "Older", "updated_at": NOON - timedelta(days=1)},
                {"id": 9, "email": "gone@example.com", "_deleted_at": NOON},
            ],
            customer_addresses=[
                {"id": 5, "customer_id": 7, "city": "Salta"},
                {"id": 4, "customer_id": 7, "city": "Jujuy"},
            ],
        ),
        ana(
            customer_id=7,
            first_name="Anita",
            last_name=None,
            birth_date=None,
            phone=None,
            city="Salta",
            account_created_date=date(2025, 12, 31),
            is_subscribed=False,
            purchases_total=1,
        ),
    ),
    "one address is one contact, however it is spelt; what is none is nobody": (
        store(
            order(1, customer_email="\u00a0Ana@EXAMPLE.com\u3000"),
            order(2, customer_email="ANA@example.com", customer_id=9),
            *(
                order(n, customer_email=bad)
                for n, bad in enumerate((None, "ana", "a na@x.co", "\u212aarl@x.co", "<a@x.co>", "a..b@x.co"), start=3)
            ),
        ),
        ana(purchases_total=2, rfm_group="FREQUENT", rfm="121"),
    ),
    "who never bought is a prospect with zeros, not with empty amounts": (
        store(order(1, state="canceled")),
        ana(
            rfm_group="PROSPECTS",
            rfm_segment="PROSPECTS",
            rfm=None,
            purchases_total=0,
            amount_total=Decimal(0),
            average_amount_30_days=Decimal(0),
            days_since_first_purchase=None,
        ),
    ),
}
