"""Whole contacts of tiny shops against rows worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.oracle import Oracle
from tests.oracle.contacts import COLUMNS, WINDOWS, Row
from tests.oracle.entities import Address, Category, Customer, Line, Order, Product, Shop, StoreView
from tests.oracle.rules import MissingRateError
from tests.oracle.seeds import Field, PaymentMethod, Seeds

D = Decimal
at = datetime.fromisoformat
AS_OF = date(2026, 11, 23)
NOON = at("2026-11-23 15:00:00")  # 12:00 in the zone
ANA = "ana@example.com"
SEGMENTS = {
    (group, r, m): f"{group}_{r}{m}"
    for group in ("BEGINNERS", "FREQUENT", "LOYAL")
    for r in range(1, 6)
    for m in range(1, 6)
}
SEEDS = Seeds(
    payment_methods={"banktransfer": PaymentMethod(require_paid=True)},
    segments=SEGMENTS,
    fields=(Field("Items", "products_30_days", "list", 2000),),
    excluded=(("exact", "staff@example.com"),),
)
VIEW = StoreView(1, "Online", "base", "America/Argentina/Buenos_Aires", "ARS", is_default=True)


def order(entity_id: int, days_ago: int = 0, **given: Any) -> Order:
    values: dict[str, Any] = {
        "created_at": NOON - timedelta(days=days_ago),
        "email": ANA,
        "base_grand_total": D(100),
        "base_currency": "ARS",
        "lines": (Line(entity_id * 10, product_id=1, name=f"Product {entity_id}"),),
    }
    return Order(entity_id, **(values | given))


def shop(orders: Iterable[Order] = (), customers: Iterable[Customer] = (), **given: Any) -> Shop:
    values: dict[str, Any] = {"store_views": {1: VIEW}, "groups": {0: "NOT LOGGED IN", 1: " General "}}
    return Shop(
        orders={one.entity_id: one for one in orders},
        customers={one.id: one for one in customers},
        **(values | given),
    )


def rows(of: Shop, seeds: Seeds = SEEDS, as_of: date = AS_OF, **settings: Any) -> dict[str, Row]:
    return Oracle(of, seeds).contacts(as_of, **settings)


def row(*orders: Order, **settings: Any) -> Row:
    return rows(shop(orders), **settings)[ANA]


def windows(found: Row, measure: str) -> list[Any]:
    return [found[f"{measure}_{window}_days"] for window in WINDOWS]


def test_columns() -> None:
    found = row(order(1))
    assert tuple(found) == COLUMNS
    assert len(COLUMNS) == 16 + 8 + 6 * 7 + 8


class TestWindows:
    @pytest.mark.parametrize(
        ("days", "inside"),
        [
            (0, [1, 1, 1, 1, 1, 0]),
            (30, [1, 1, 1, 1, 1, 0]),
            (31, [0, 1, 1, 1, 1, 0]),
            (60, [0, 1, 1, 1, 1, 0]),
            (61, [0, 0, 1, 1, 1, 0]),
            (90, [0, 0, 1, 1, 1, 0]),
            (91, [0, 0, 0, 1, 1, 0]),
            (180, [0, 0, 0, 1, 1, 0]),
            (181, [0, 0, 0, 0, 1, 0]),
            (360, [0, 0, 0, 0, 1, 0]),
            (361, [0, 0, 0, 0, 0, 1]),
            (3000, [0, 0, 0, 0, 0, 1]),
        ],
    )
    def test_edges(self, days: int, inside: list[int]) -> None:
        found = row(order(1, days, coupon_code="HOT"))
        assert windows(found, "purchases") == inside
        assert windows(found, "amount") == [D(100) * one for one in inside]
        assert windows(found, "products") == ["Product 1" if one else None for one in inside]
        assert windows(found, "discount_codes") == ["HOT" if one else None for one in inside]
        assert windows(found, "rfm") == ["111" if one else None for one in inside]
        assert found["days_since_last_purchase"] == days

    def test_cumulative_and_averages(self) -> None:
        found = row(
            order(1, 400, base_grand_total=D(10)),
            order(2, 100, base_grand_total=D(20)),
            order(3, 50, base_grand_total=D(25)),
            order(4, 10, base_grand_total=D("0.01")),
        )
        assert windows(found, "purchases") == [1, 2, 2, 3, 3, 1]
        assert windows(found, "amount") == [D("0.01"), D("25.01"), D("25.01"), D("45.01"), D("45.01"), D(10)]
        assert windows(found, "average_amount") == [
            D("0.01"),
            D("12.51"),  # 12.505
            D("12.51"),
            D("15.00"),  # 15.0033
            D("15.00"),
            D(10),
        ]
        assert (found["purchases_total"], found["amount_total"]) == (4, D("55.01"))
        assert found["products_180_days"] == "Product 4, Product 3, Product 2"

    def test_a_purchase_after_the_as_of_date_does_not_exist(self) -> None:
        found = row(order(1, -1), order(2, 5))
        assert (found["purchases_total"], found["last_purchase_date"]) == (1, date(2026, 11, 18))
        assert row(order(1, -1))["rfm_group"] == "PROSPECTS"

    def test_midnight_is_the_zones(self) -> None:
        before = order(1, created_at=at("2026-10-24 02:59:59"))  # 23:59:59 of the 23rd
        after = order(2, created_at=at("2026-10-24 03:00:00"))
        assert windows(row(before), "purchases") == [0, 1, 1, 1, 1, 0]
        assert windows(row(after), "purchases") == [1, 1, 1, 1, 1, 0]
        assert windows(row(before, time_zone="UTC"), "purchases") == [1, 1, 1, 1, 1, 0]

    def test_start_date(self) -> None:
        found = row(order(1, 10), order(2, 9), start_date=date(2026, 11, 14))
        assert (found["purchases_total"], found["first_purchase_date"]) == (1, date(2026, 11, 14))

    def test_a_guest_of_before_the_start_date_is_no_contact_and_an_account_is(self) -> None:
        of = shop([order(1, 10, email="old@example.com"), order(2, 10, customer_id=7)], [Customer(7, ANA)])
        assert rows(of).keys() == {"old@example.com", ANA}
        found = rows(of, start_date=date(2026, 11, 14))
        assert found.keys() == {ANA}
        assert found[ANA]["purchases_total"] == 0


class TestPurchases:
    def test_first_and_last(self) -> None:
        found = row(order(1, 40), order(2, 12, base_grand_total=D("12.3456")), order(3, 20))
        assert found["first_purchase_date"] == date(2026, 10, 14)
        assert found["days_since_first_purchase"] == 40
        assert found["last_purchase_date"] == date(2026, 11, 11)
        assert found["last_purchase_amount"] == D("12.3456")

    def test_a_tie_goes_to_the_highest_id(self) -> None:
        codes = [order(1, coupon_code="ONE"), order(3, coupon_code="THREE"), order(2, coupon_code="TWO")]
        assert row(*codes)["last_purchase_promo_codes"] == "THREE"
        assert row(*codes)["discount_codes_30_days"] == "THREE, TWO, ONE"

    def test_a_later_time_goes_before_a_higher_id(self) -> None:
        late = order(1, created_at=NOON + timedelta(seconds=1), coupon_code="LATE")
        assert row(late, order(2, coupon_code="EARLY"))["last_purchase_promo_codes"] == "LATE"

    def test_refunds(self) -> None:
        part = order(1, base_total_refunded=D("30.5"))
        assert row(part)["amount_30_days"] == D("69.5")
        found = row(order(1, 5), order(2, state="closed", base_total_refunded=D(100)))
        assert (found["purchases_total"], found["days_since_last_purchase"]) == (1, 5)

    def test_a_free_order_is_a_purchase_of_nothing(self) -> None:
        found = row(order(1, base_grand_total=D(0)))
        assert (found["purchases_30_days"], found["amount_30_days"], found["rfm"]) == (1, D(0), "111")

    def test_unpaid_bank_transfers_do_not_count(self) -> None:
        found = row(order(1, payment_method="banktransfer"))
        assert (found["purchases_total"], found["rfm_segment"]) == (0, "PROSPECTS")
        assert row(order(1, payment_method="banktransfer", base_total_paid=D(1)))["purchases_total"] == 1

    def test_money_of_another_currency(self) -> None:
        dollars = order(1, base_currency="USD", base_grand_total=D("10.01"))
        rate = replace(dollars, global_currency="ARS", base_to_global_rate=D("1200.12345678"))
        assert row(rate)["amount_total"] == D("12013.2358")  # 12013.235802...
        with pytest.raises(MissingRateError, match="USD: 1"):
            row(dollars)
        seeds = replace(SEEDS, exchange_rates=(("USD", "ARS", None, D("1000")),))
        assert rows(shop([dollars]), seeds)[ANA]["amount_total"] == D("10010")

    def test_lists_of_products(self) -> None:
        found = row(
            order(1, 3, lines=(Line(1, name="Old"), Line(2, name="Both"))),
            order(2, 2, lines=(Line(4, name=" Both "), Line(3, name="New"), Line(5, name="Back", qty_refunded=D(1)))),
        )
        assert found["products_30_days"] == "New, Both, Old"

    def test_a_list_is_cut_to_the_seeds_length(self) -> None:
        seeds = replace(SEEDS, fields=(Field("Items", "products_30_days", "list", 16, enabled=False),))
        of = shop([order(1, 1), order(2, 0)])
        assert rows(of, seeds)[ANA]["products_30_days"] == "Product 2"
        assert rows(of, seeds)[ANA]["products_60_days"] == "Product 2, Product 1"

    def test_brands_and_categories_of_the_last_purchase(self) -> None:
        of = shop(
            [
                order(1, 1, lines=(Line(1, product_id=1),)),
                order(2, 0, lines=(Line(2, product_id=2), Line(3, product_id=1))),
            ],
            products={1: Product(1, {"manufacturer": "10"}, (4, 3)), 2: Product(2, {}, (4,))},
            categories={3: Category(3, "Hats", 2), 4: Category(4, "Sale", 2)},
            options={("manufacturer", "10"): "Acme"},
        )
        found = rows(of)[ANA]
        assert found["last_purchase_brands"] == "Acme"
        assert found["last_purchase_categories"] == "Sale, Hats"
        assert found["categories_30_days"] == "Sale, Hats"
        assert rows(of, brand_attribute="maker")[ANA]["last_purchase_brands"] is None


class TestScores:
    def five(self) -> Shop:
        """Five buyers; e has three purchases, d two; dates and amounts rise from a to e."""
        orders = [
            order(n, 60 - 10 * n, email=f"{name}@example.com", base_grand_total=D(n))
            for n, name in enumerate("abcde", start=1)
        ]
        more = [
            order(6, 500, email="e@example.com"),
            order(7, 500, email="e@example.com"),
            order(8, 500, email="d@example.com"),
        ]
        return shop([*orders, *more])

    def test_overall(self) -> None:
        found = rows(self.five())
        # Of the two repeaters one has strictly fewer: 2 + floor(4 x 1/2) = 4.
        assert [found[f"{name}@example.com"]["rfm"] for name in "abcde"] == ["111", "212", "313", "424", "545"]
        assert found["e@example.com"]["rfm_group"] == "LOYAL"
        assert found["d@example.com"]["rfm_group"] == "FREQUENT"
        assert found["d@example.com"]["rfm_segment"] == "FREQUENT_44"

    def test_a_window_scores_its_own_buyers_by_its_own_purchases(self) -> None:
        found = rows(self.five())
        # c, d, e bought in the last 30 days, once each: 1 + floor(5w/3)
        assert [found[f"{name}@example.com"]["rfm_30_days"] for name in "abcde"] == [None, None, "111", "212", "414"]
        # d and e before: the same date, 100 and 200, one and two purchases
        assert [found[f"{name}@example.com"]["rfm_360_plus_days"] for name in "de"] == ["111", "123"]

    def test_a_period(self) -> None:
        of = self.five()
        of.orders[9] = order(9, 91, email="old@example.com")
        found = rows(of, rfm_period_days=90)
        assert [found[f"{name}@example.com"]["rfm"] for name in "abcde"] == ["111", "212", "313", "414", "515"]
        old = found["old@example.com"]
        assert (old["rfm"], old["recency_score"], old["rfm_group"], old["rfm_segment"]) == (
            None,
            None,
            "BEGINNERS",
            "BEGINNERS_LOSE_IT",
        )
        assert rows(of, rfm_period_days=91)["old@example.com"]["rfm"] == "115"

    def test_recency_is_by_date_not_time(self) -> None:
        of = shop([order(1, email="a@b.co"), order(2, email="c@d.co", created_at=NOON + timedelta(hours=1))])
        assert [found["recency_score"] for found in rows(of).values()] == [1, 1]

    def test_excluded_contacts_score_nobody(self) -> None:
        of = shop([order(1), order(2, 5, email="STAFF@example.com")])
        assert list(rows(of)) == [ANA]
        assert rows(of)[ANA]["rfm"] == "111"

    def test_no_buyers_and_nobody(self) -> None:
        assert rows(shop()) == {}
        found = rows(shop(customers=[Customer(1, email=ANA)]))[ANA]
        assert (found["rfm_group"], found["rfm_segment"], found["rfm"]) == ("PROSPECTS", "PROSPECTS", None)
        assert (found["purchases_total"], found["amount_total"], found["average_amount_30_days"]) == (0, D(0), D(0))
        assert found["last_purchase_amount"] == D(0)
        assert found["days_since_first_purchase"] is None


class TestMasterData:
    billing = Address(city="Rosario", region="Santa Fe", country_id="AR", telephone=" 341 ")
    usa = "USA Website\nUSA Store\nUSA English"

    def test_guest(self) -> None:
        found = row(
            order(2, 5, firstname="Old"),
            order(
                1,
                state="canceled",
                firstname=" Ana ",
                lastname="\u00a0",
                dob="1980-02-01 00:00:00",
                gender=2,
                group_id=0,
                billing=self.billing,
                store_id=3,
                store_name=self.usa,
            ),
        )
        assert {column: found[column] for column in COLUMNS[2:16]} == {
            "customer_id": None,
            "first_name": "Ana",
            "last_name": None,
            "birth_date": date(1980, 2, 1),
            "gender": "Female",
            "phone": "341",
            "city": "Rosario",
            "region": "Santa Fe",
            "country": "AR",
            "customer_group": "NOT LOGGED IN",
            "website": "USA Website",
            "store": "USA English",
            "account_created_date": None,
            "is_subscribed": None,
        }
        assert found["purchases_total"] == 1

    def test_account(self) -> None:
        account = Customer(
            7,
            email=" ANA@example.com",
            created_at=at("2026-01-01 02:00:00"),
            updated_at=NOON,
            group_id=1,
            firstname="Ana",
            gender=9,
            store_id=1,
            default_shipping=5,
            is_subscribed=False,
            addresses=(Address(5, city="Salta"), Address(4, city="Jujuy")),
        )
        found = rows(shop([order(1, lastname="Ignored", dob="1980-02-01", billing=self.billing)], [account]))[ANA]
        assert {column: found[column] for column in COLUMNS[2:16]} == {
            "customer_id": 7,
            "first_name": "Ana",
            "last_name": None,
            "birth_date": None,
            "gender": None,
            "phone": None,
            "city": "Salta",
            "region": None,
            "country": None,
            "customer_group": "General",
            "website": "base",
            "store": "Online",
            "account_created_date": date(2025, 12, 31),
            "is_subscribed": False,
        }
        assert found["purchases_total"] == 1

    def test_account_without_addresses_takes_the_latest_order(self) -> None:
        account = Customer(7, email=ANA)
        found = rows(shop([order(1, 4), order(2, 3, billing=self.billing)], [account]))[ANA]
        assert (found["city"], found["phone"]) == ("Rosario", "341")

    def test_two_accounts_of_one_address(self) -> None:
        accounts = [
            Customer(1, email=ANA, firstname="First", updated_at=at("2026-05-02")),
            Customer(2, email=ANA.upper(), firstname="Second", updated_at=at("2026-05-01")),
        ]
        orders = [order(1, customer_id=1, email="x@y.zz"), order(2, customer_id=2, email="x@y.zz"), order(3)]
        found = rows(shop(orders, accounts))
        assert list(found) == [ANA]
        assert (found[ANA]["first_name"], found[ANA]["customer_id"], found[ANA]["purchases_total"]) == ("First", 1, 3)

    def test_a_deleted_account_leaves_its_orders_to_their_own_address(self) -> None:
        gone = Customer(1, email="gone@example.com", firstname="Gone", deleted=True)
        found = rows(shop([order(1, customer_id=1, firstname="Ana")], [gone]))
        assert list(found) == [ANA]
        assert (found[ANA]["first_name"], found[ANA]["customer_id"]) == ("Ana", None)

    def test_a_deleted_order_makes_no_contact(self) -> None:
        assert rows(shop([order(1, deleted=True)])) == {}

    def test_an_order_without_usable_address_belongs_to_nobody(self) -> None:
        assert rows(shop([order(1, email="nobody"), order(2, email=None)])) == {}

    def test_place_names_come_from_the_newest_order_of_the_view(self) -> None:
        orders = [
            order(1, store_id=1, store_name="New Name\nGroup\nOld View"),
            order(2, 9, email="b@example.com", store_id=1, store_name="Newest\nGroup\nView"),
            order(3, 9, email="c@example.com", store_id=1, store_name="Gone\nGone\nGone", deleted=True),
        ]
        found = rows(shop(orders))[ANA]
        assert (found["website"], found["store"]) == ("Newest", "Online")

    def test_a_birth_date_after_the_as_of_date_is_none(self) -> None:
        of = shop(customers=[Customer(1, ANA, dob="2026-11-23"), Customer(2, "b@example.com", dob="2026-11-24")])
        assert [found["birth_date"] for found in rows(of).values()] == [date(2026, 11, 23), None]


class TestExplanations:
    def test_explanation_names_the_orders(self) -> None:
        build = Oracle(shop([order(1), order(2, state="canceled")], [Customer(9, email=ANA)]), SEEDS).build(AS_OF)
        told = build.explain(ANA)
        assert "account 9" in told
        assert "order 1 of 2026-11-23" in told
        assert "not counted" in told
        assert build.explain("staff@example.com") == "excluded by the seed"
