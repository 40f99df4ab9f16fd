"""The oracle's rules against results worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.oracle import rules
from tests.oracle.entities import Address, Category, Customer, Line, Order, Product, Shop, StoreView

D = Decimal
at = datetime.fromisoformat
NOON = at("2026-11-01 12:00:00")
BUENOS_AIRES = ZoneInfo("America/Argentina/Buenos_Aires")


@dataclass(frozen=True)
class Rule:
    states: frozenset[str] = frozenset()
    require_paid: bool = False


def order(**given: object) -> Order:
    return Order(**({"entity_id": 1, "created_at": NOON, "base_grand_total": D(100)} | given))  # type: ignore[arg-type]


def bundle(*child_prices: str, parent_price: str = "50", quantity: str = "1") -> list[Line]:
    parent = Line(10, product_type="bundle", name="Pack", base_price=D(parent_price))
    return [
        parent,
        *(
            Line(11 + i, name=f"Part {i}", parent_item_id=10, base_price=D(price), qty_ordered=D(quantity))
            for i, price in enumerate(child_prices)
        ),
    ]


def names(lines: list[Line]) -> list[str | None]:
    return [line.name for line in rules.kept_lines(lines)]


class TestEmail:
    @pytest.mark.parametrize(
        ("raw", "key"),
        [
            ("Ana.Perez@Example.COM", "ana.perez@example.com"),
            ("  ana@example.com\t\r\n", "ana@example.com"),
            ("\u00a0\u2003ana@example.com\u3000\u2028", "ana@example.com"),
            ("ana@sub.example.com", "ana@sub.example.com"),
            ("a@b.c", "a@b.c"),
            ("a" * 64 + "@" + "b" * 187 + ".c", "a" * 64 + "@" + "b" * 187 + ".c"),  # 254 characters
            ("!#$%&'*+-/=?^_`{|}~.9@x-1.c1", "!#$%&'*+-/=?^_`{|}~.9@x-1.c1"),
        ],
    )
    def test_usable(self, raw: str, key: str) -> None:
        assert rules.email_key(raw) == key

    @pytest.mark.parametrize(
        "raw",
        [
            None,
            "",
            "   ",
            "ana",
            "@example.com",
            "ana@example",
            "ana@example.",
            "ana@@example.com",
            "ana@exa@mple.com",
            "ana perez@example.com",
            "ana,perez@example.com",
            "ana;perez@example.com",
            "ana@exam ple.com",
            "ana@example.com\nx",
            "İNFO@example.com",  # a dotted capital I must not become an i
            "\u212aarl@example.com",  # nor the Kelvin sign a k
            "ñandu@example.com",
            "ana\u00a0@example.com",
            "\u200bana@example.com",  # zero width space is no white space to Unicode
            "a" * 64 + "@" + "b" * 188 + ".c",  # 255 characters
            "a" * 65 + "@example.com",
            "ana\0@example.com",
            "<ana@example.com>",
            "mailto:ana@example.com",
            "ana..paz@example.com",
            ".ana@example.com",
            "ana.@example.com",
            "ana@example..com",
            "ana@-example.com",
            "ana@example-.com",
            "ana@exam_ple.com",
            "ana@10.0.0.1",
            "ana@example.com,eva@example.com",
        ],
    )
    def test_unusable(self, raw: str | None) -> None:
        assert rules.email_key(raw) is None

    def test_capital_i_becomes_a_plain_i(self) -> None:
        assert rules.email_key("INFO@EXAMPLE.COM") == "info@example.com"


class TestTexts:
    def test_clean_trims_unicode_white_space_and_keeps_the_rest(self) -> None:
        assert rules.clean("\u2003 Río  Bravo\u00a0\n") == "Río  Bravo"
        assert rules.clean(" \u3000 ") is None
        assert rules.clean(None) is None

    def test_clean_makes_one_line_without_control_characters(self) -> None:
        assert rules.clean("\0 Río\r\nBra\x9fvo\n\tdel\u2028Norte\x07") == "Río Bravo  del Norte"
        assert rules.clean("\0\n") is None

    def test_items_are_trimmed_distinct_and_stand_where_they_first_did(self) -> None:
        assert rules.joined(["b", " a ", "b", "", None, "A", "a"], None) == "b, a, A"

    def test_a_list_is_cut_at_whole_items(self) -> None:
        assert rules.joined(["abc", "de", "f"], 7) == "abc, de"
        assert rules.joined(["abc", "de", "f"], 6) == "abc"
        assert rules.joined(["abc", "de", "f"], 10) == "abc, de, f"

    def test_an_item_that_does_not_fit_ends_the_list(self) -> None:
        assert rules.joined(["abc", "defgh", "f"], 7) == "abc"
        assert rules.joined(["too long", "f"], 5) is None

    def test_length_is_in_characters(self) -> None:
        assert rules.joined(["ñandú 🌳", "é"], 10) == "ñandú 🌳, é"

    def test_nothing(self) -> None:
        assert rules.joined([], 10) is None

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            ("1953-09-18", date(1953, 9, 18)),
            ("1953-09-18 00:00:00", date(1953, 9, 18)),
            ("2000-02-29", date(2000, 2, 29)),
            ("1953-02-30", None),
            ("1899-12-31", None),
            ("1900-01-01", date(1900, 1, 1)),
            ("0000-00-00", None),
            ("18/09/1953", None),
            ("1953-9-18", None),
            ("", None),
            (None, None),
        ],
    )
    def test_birth_date(self, raw: str | None, expected: date | None) -> None:
        assert rules.birth_date(raw) == expected

    def test_coupon_codes_keep_case_and_order(self) -> None:
        assert rules.coupon_codes(order(coupon_code=" hot, HOT ,,hot", coupon_codes=("HOT", "x,y"))) == [
            "hot",
            "HOT",
            "x",
            "y",
        ]
        assert rules.coupon_codes(order()) == []


class TestDatesAndMoney:
    def test_a_date_is_taken_in_the_zone(self) -> None:
        assert rules.local_date(at("2026-11-23 02:59:59"), BUENOS_AIRES) == date(2026, 11, 22)
        assert rules.local_date(at("2026-11-23 03:00:00"), BUENOS_AIRES) == date(2026, 11, 23)

    def test_a_date_across_a_daylight_saving_change(self) -> None:
        amsterdam = ZoneInfo("Europe/Amsterdam")  # summer time ended on 2026-10-25 at 01:00 UTC
        assert rules.local_date(at("2026-10-24 22:30:00"), amsterdam) == date(2026, 10, 25)
        assert rules.local_date(at("2026-10-25 22:30:00"), amsterdam) == date(2026, 10, 25)
        assert rules.local_date(at("2026-10-25 23:00:00"), amsterdam) == date(2026, 10, 26)

    @pytest.mark.parametrize(
        ("amount", "number", "expected"),
        [
            ("10", 3, "3.33"),
            ("20", 3, "6.67"),
            ("0.01", 2, "0.01"),  # 0.005 goes up
            ("0.0149", 1, "0.01"),
            ("0.0150", 1, "0.02"),
            ("2.675", 1, "2.68"),  # a binary float says 2.67
            ("1.005", 1, "1.01"),
            ("100.30", 7, "14.33"),  # 14.3285…
            ("0", 0, "0.00"),
            ("0", 4, "0.00"),
            ("9999999999999999.9999", 1, "10000000000000000.00"),
        ],
    )
    def test_average_is_half_up(self, amount: str, number: int, expected: str) -> None:
        assert str(rules.average(D(amount), number)) == expected

    def test_rounding_is_half_up(self) -> None:
        assert rules.rounded(D("0.00005"), 4) == D("0.0001")
        assert rules.rounded(D("2.665"), 2) == D("2.67")
        assert rules.rounded(D("2.675"), 2) == D("2.68")

    @pytest.mark.parametrize(
        ("total", "paid", "refunded", "canceled", "left"),
        [
            ("100", "100", "0", "0", "100"),
            ("100", "100", "30", "0", "70"),
            ("100", "79.5", "30", "20.5", "49.5"),
            ("100", "100", "99.9999", "0", "0.0001"),
            ("100", "100", "100", "0", None),
            ("100", "60", "60", "40", None),
            ("100", "100", "120", "0", None),
            ("100", "100", "0", "100", "100"),
            ("100", "70", "0", "100", "70"),
            ("100", "130", "20", "40", "80"),
            ("0", "0", "0", "0", "0"),
        ],
    )
    def test_amount(self, total: str, paid: str, refunded: str, canceled: str, left: str | None) -> None:
        given = order(
            base_grand_total=D(total),
            base_total_paid=D(paid),
            base_total_refunded=D(refunded),
            base_total_canceled=D(canceled),
        )
        assert rules.base_amount(given) == (None if left is None else D(left))

    @pytest.mark.parametrize(
        ("state", "total", "refunded", "kept", "left"),
        [
            ("closed", "0", "0", "0", None),
            ("complete", "0", "0", "0", None),
            ("complete", "0", "0", "1", "0"),
            ("closed", "100", "99.98", "0", None),
            ("closed", "100", "99.9799", "0", "0.0201"),
            ("closed", "100", "99.98", "1", "0.02"),
            ("complete", "100", "99.98", "0", "0.02"),
        ],
    )
    def test_what_came_back_whole(self, state: str, total: str, refunded: str, kept: str, left: str | None) -> None:
        lines = (Line(1, qty_refunded=D(1)), Line(2, qty_ordered=D(2), qty_refunded=D(2) - D(kept)))
        given = order(
            state=state,
            base_grand_total=D(total),
            base_total_paid=D(total),
            base_total_refunded=D(refunded),
            lines=lines,
        )
        assert rules.base_amount(given) == (None if left is None else D(left))

    def test_an_order_without_a_currency_takes_its_store_views(self) -> None:
        shop = Shop(store_views={1: StoreView(1, base_currency="ARS"), 2: StoreView(2)})
        given = [("USD", 1), (" ", 1), (None, 1), (None, 2), (None, 3), (None, None)]
        found = [rules.base_currency(order(base_currency=own, store_id=view), shop) for own, view in given]
        assert found == ["USD", "ARS", "ARS", None, None, None]

    def test_rates(self) -> None:
        seed = {"USD": D("900")}

        def rate(**given: object) -> Decimal | None:
            given_order = order(**given)
            return rules.conversion_rate(given_order, given_order.base_currency or "", "ARS", seed)

        assert rate(base_currency="ARS", base_to_global_rate=D("0.5"), global_currency="ARS") == 1
        assert rate(base_currency="USD", base_to_global_rate=D("1200"), global_currency="ARS") == 1200
        assert rate(base_currency="USD", base_to_global_rate=D("1200"), global_currency="EUR") == 900
        assert rate(base_currency="USD", base_to_global_rate=D("0"), global_currency="ARS") == 900
        assert rate(base_currency="USD", base_to_global_rate=None, global_currency="ARS") == 900
        assert rate(base_currency="GBP", base_to_global_rate=None, global_currency="ARS") is None


class TestPurchase:
    @pytest.mark.parametrize(
        ("state", "paid", "counts"),
        [
            ("processing", "0", True),
            ("complete", "0", True),
            ("closed", "0", True),
            ("new", "0", False),
            ("pending_payment", "0", False),
            ("holded", "0", False),
            ("payment_review", "0", False),
            ("new", "0.01", True),
            ("holded", "100", True),
            ("canceled", "100", False),
        ],
    )
    def test_default_rule(self, state: str, paid: str, *, counts: bool) -> None:
        assert rules.is_purchase(order(state=state, base_total_paid=D(paid)), None) is counts

    @pytest.mark.parametrize(
        ("state", "paid", "counts"),
        [("complete", "0", False), ("new", "10", True), ("processing", "10", True), ("canceled", "10", False)],
    )
    def test_paid_amount_alone(self, state: str, paid: str, *, counts: bool) -> None:
        assert rules.is_purchase(order(state=state, base_total_paid=D(paid)), Rule(require_paid=True)) is counts

    def test_states_of_the_seed_replace_the_default_ones(self) -> None:
        rule = Rule(states=frozenset({"holded"}))
        assert rules.is_purchase(order(state="holded"), rule)
        assert not rules.is_purchase(order(state="complete"), rule)
        assert not rules.is_purchase(order(state="complete", base_total_paid=D(1)), rule)

    def test_a_row_without_states_is_the_default_rule(self) -> None:
        assert rules.is_purchase(order(state="complete"), Rule())
        assert rules.is_purchase(order(state="new", base_total_paid=D(1)), Rule())
        assert not rules.is_purchase(order(state="new"), Rule())

    def test_deleted_orders_never_count(self) -> None:
        assert not rules.is_purchase(order(deleted=True, base_total_paid=D(1)), None)


class TestLines:
    def test_a_configurable_is_its_parent_line(self) -> None:
        lines = [
            Line(1, product_type="configurable", name="Shirt", base_price=D(20)),
            Line(2, name="Shirt-Red", parent_item_id=1, base_price=D(20)),
            Line(3, name="Cap"),
        ]
        assert names(lines) == ["Shirt", "Cap"]

    def test_a_bundle_with_a_price_of_its_own_is_its_parent(self) -> None:
        assert names(bundle("0", "0")) == ["Pack"]

    def test_a_bundle_with_prices_on_its_children_is_its_children(self) -> None:
        assert names(bundle("0", "9.74")) == ["Part 0", "Part 1"]

    def test_a_coupon_of_100_percent_decides_nothing(self) -> None:
        # It makes row totals 0 and leaves prices alone; row totals are not even part of a line here.
        assert names(bundle("10", "20", parent_price="30")) == ["Part 0", "Part 1"]
        assert names(bundle("0", "0", parent_price="49.90")) == ["Pack"]

    def test_prices_of_children_that_were_not_ordered_do_not_count(self) -> None:
        assert names(bundle("10", quantity="0")) == ["Pack"]

    def test_a_bundle_without_children_is_itself(self) -> None:
        assert names(bundle()) == ["Pack"]

    def test_a_child_whose_parent_is_not_in_the_order_stands_for_itself(self) -> None:
        assert names([Line(5, name="Stray", parent_item_id=4)]) == ["Stray"]

    def test_lines_are_in_the_order_of_their_ids(self) -> None:
        assert names([Line(3, name="c"), Line(1, name="a"), Line(2, name="b")]) == ["a", "b", "c"]

    @pytest.mark.parametrize(
        ("ordered", "invoiced", "refunded", "canceled", "sold"),
        [
            ("2", "2", "0", "0", True),
            ("2", "2", "1", "0", True),
            ("2", "1", "1", "0.9999", True),
            ("2", "1", "1", "1", False),
            ("2", "2", "2", "0", False),
            ("2", "0", "0", "2", False),
            ("2", "2", "0", "2", True),
            ("2", "1.5", "1", "2", True),
            ("2", "2", "3", "0", False),
            ("0", "0", "0", "0", False),
            ("-1", "0", "0", "0", False),
        ],
    )
    def test_sold(self, ordered: str, invoiced: str, refunded: str, canceled: str, *, sold: bool) -> None:
        line = Line(
            1,
            qty_ordered=D(ordered),
            qty_invoiced=D(invoiced),
            qty_refunded=D(refunded),
            qty_canceled=D(canceled),
        )
        assert rules.is_sold(line) is sold

    def test_what_was_given_back_is_not_a_product(self) -> None:
        lines = (Line(1, name="Kept"), Line(2, name="Returned", qty_refunded=D(1)), Line(3, name=" Kept "))
        assert rules.order_products(order(lines=lines)) == ["Kept"]


class TestBrandsAndCategories:
    shop = Shop(
        products={
            1: Product(1, {"manufacturer": "20,10, 30"}, (7, 5)),
            2: Product(2, {}, ()),
            3: Product(3, {"manufacturer": "99"}, (1, 2)),
            4: Product(4, {"manufacturer": "10", "label": "20"}, (6,)),
        },
        categories={
            1: Category(1, "Root", 0),
            2: Category(2, "Default", 1),
            5: Category(5, " Hats ", 2),
            6: Category(6, "Hidden", 4),
            7: Category(7, "Sale", 3),
        },
        options={
            ("manufacturer", "10"): "  Acme ",
            ("manufacturer", "20"): "Zonda",
            ("manufacturer", "30"): " ",
            ("label", "20"): "Eco",
        },
    )

    def brands(self, *lines: Line, attribute: str = "manufacturer") -> list[str]:
        return rules.order_brands(order(lines=lines), self.shop, attribute)

    def categories(self, *lines: Line) -> list[str]:
        return rules.order_categories(order(lines=lines), self.shop)

    def test_several_brands_in_the_order_of_their_ids_in_the_value(self) -> None:
        assert self.brands(Line(1, product_id=1)) == ["Zonda", "Acme"]

    @pytest.mark.parametrize(
        ("text", "brands"), [(" Dolce,\nGabbana", ["Dolce, Gabbana"]), ("3M", ["3M"]), ("12, 13", []), ("", [])]
    )
    def test_a_text_is_a_brand_where_there_are_no_options(self, text: str, brands: list[str]) -> None:
        product = Product(1, {"marca": text})
        assert rules.brands_of(product, "marca", {("manufacturer", "12"): "Acme"}) == brands
        assert rules.brands_of(product, "marca", {("marca", "99"): "Acme"}) == []

    def test_an_id_without_a_label_is_no_brand(self) -> None:
        assert self.brands(Line(1, product_id=3)) == []

    def test_another_attribute(self) -> None:
        assert self.brands(Line(1, product_id=4), attribute="label") == ["Eco"]

    def test_a_product_never_seen_has_none(self) -> None:
        assert self.brands(Line(1, product_id=404)) == []
        assert self.categories(Line(1, product_id=404), Line(2, product_id=None)) == []

    def test_categories_by_id_from_level_2_on(self) -> None:
        assert self.categories(Line(1, product_id=1)) == ["Hats", "Sale"]
        assert self.categories(Line(1, product_id=3)) == []

    def test_lines_come_before_categories_and_lost_lines_not_at_all(self) -> None:
        lines = (
            Line(1, product_id=1, qty_canceled=D(1)),
            Line(2, product_id=4),
            Line(3, product_id=1),
        )
        assert self.categories(*lines) == ["Hidden", "Hats", "Sale"]
        assert self.brands(*lines) == ["Acme", "Zonda"]

    @pytest.mark.parametrize("parent", [2, 3, 404])
    def test_a_configurable_without_any_takes_its_variants(self, parent: int) -> None:
        lines = (Line(1, product_id=parent, product_type="configurable"), Line(2, product_id=4, parent_item_id=1))
        assert self.brands(*lines) == ["Acme"]
        assert self.categories(*lines) == ["Hidden"]

    @pytest.mark.parametrize("kind", ["configurable", "bundle"])
    def test_all_children_lend_in_the_order_of_their_lines(self, kind: str) -> None:
        lines = (
            Line(1, product_id=2, product_type=kind),
            Line(5, product_id=4, parent_item_id=1),
            Line(4, product_id=1, parent_item_id=1),
            Line(3, product_id=404, parent_item_id=1),
            Line(2, product_id=None, parent_item_id=1),
        )
        assert self.brands(*lines) == ["Zonda", "Acme"]
        assert self.categories(*lines) == ["Hats", "Sale", "Hidden"]

    def test_a_configurable_with_its_own_keeps_them(self) -> None:
        lines = (Line(1, product_id=1, product_type="configurable"), Line(2, product_id=4, parent_item_id=1))
        assert self.brands(*lines) == ["Zonda", "Acme"]
        assert self.categories(*lines) == ["Hats", "Sale"]

    def test_a_composite_of_a_module_takes_none(self) -> None:
        lines = (Line(1, product_id=2, product_type="giftbox"), Line(2, product_id=3, parent_item_id=1))
        assert self.brands(*lines) == []


class TestPersons:
    def test_orders_follow_their_account(self) -> None:
        customers = {
            1: Customer(1, email="New@example.com"),
            2: Customer(2, email="gone@example.com", deleted=True),
            3: Customer(3, email="not an address"),
        }

        def email(customer_id: int | None) -> str | None:
            return rules.order_email(order(customer_id=customer_id, email="Old@Example.com"), customers)

        assert email(1) == "new@example.com"
        assert [email(2), email(3), email(4), email(None)] == ["old@example.com"] * 4

    def test_the_most_recently_updated_account_speaks(self) -> None:
        early, late = at("2026-01-01"), at("2026-01-02")
        assert rules.chosen_account([Customer(2, updated_at=early), Customer(1, updated_at=late)]) == Customer(
            1, updated_at=late
        )
        tied = [Customer(1, updated_at=late), Customer(3, updated_at=late), Customer(2, updated_at=late)]
        assert rules.chosen_account(tied) == Customer(3, updated_at=late)
        assert rules.chosen_account([]) is None

    def test_the_latest_order(self) -> None:
        orders = [
            order(entity_id=5, created_at=at("2026-01-01")),
            order(entity_id=3, created_at=at("2026-01-02"), state="canceled"),
            order(entity_id=4, created_at=at("2026-01-02")),
        ]
        latest = rules.latest_order(orders)
        assert latest is not None
        assert latest.entity_id == 4

    def test_addresses(self) -> None:
        home, work, old = Address(3, city="Home"), Address(2, city="Work"), Address(1, city="Old")
        addresses = (home, work, old)
        assert rules.account_address(Customer(1, addresses=addresses, default_billing=2, default_shipping=3)) == work
        assert rules.account_address(Customer(1, addresses=addresses, default_billing=9, default_shipping=3)) == home
        assert rules.account_address(Customer(1, addresses=addresses)) == old
        assert rules.account_address(Customer(1)) is None


class TestScores:
    def test_quintiles_of_ten_buyers(self) -> None:
        values = {n: n for n in range(10)}
        assert list(rules.quintiles(values).values()) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]

    def test_equal_values_get_equal_scores(self) -> None:
        # 1 + floor(5 x 0/6), then 4 of 6 are worse than 20: 1 + floor(20/6) = 4, then 5 of 6: 1 + floor(25/6) = 5
        assert rules.quintiles({"a": 10, "b": 10, "c": 10, "d": 10, "e": 20, "f": 30}) == {
            **dict.fromkeys("abcd", 1),
            "e": 4,
            "f": 5,
        }

    def test_all_equal_is_the_lowest(self) -> None:
        assert rules.quintiles(dict.fromkeys("abc", D("5.00"))) == dict.fromkeys("abc", 1)

    def test_one_buyer_and_none(self) -> None:
        assert rules.quintiles({"a": date(2026, 1, 1)}) == {"a": 1}
        assert rules.quintiles({}) == {}
        assert rules.frequencies({}) == {}

    def test_amounts_equal_in_value_are_equal(self) -> None:
        assert rules.quintiles({"a": D("1.50"), "b": D("1.5000")}) == {"a": 1, "b": 1}

    def test_frequency(self) -> None:
        # m = 5 buyers with more than one: 2 2 3 4 9 -> 0, 0, 2, 3, 4 strictly fewer -> 2 + floor(4w/5)
        numbers = {"one": 1, "b": 2, "c": 2, "d": 3, "e": 4, "f": 9, "uno": 1}
        assert rules.frequencies(numbers) == {"one": 1, "uno": 1, "b": 2, "c": 2, "d": 3, "e": 4, "f": 5}

    def test_frequency_with_one_repeater_is_two(self) -> None:
        assert rules.frequencies({"a": 1, "b": 50}) == {"a": 1, "b": 2}

    def test_groups(self) -> None:
        assert [rules.frequency_group(f) for f in range(1, 6)] == [
            "BEGINNERS",
            "FREQUENT",
            "FREQUENT",
            "LOYAL",
            "LOYAL",
        ]
