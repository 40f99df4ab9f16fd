"""Every column of the contacts mart, computed contact by contact from a shop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from . import rules
from .entities import Address, Customer, Order, Shop
from .seeds import WINDOWS, Seeds

Value = str | int | bool | date | Decimal | None
Row = dict[str, Value]

GENDERS = {1: "Male", 2: "Female", 3: "Not Specified"}

WINDOW_MEASURES = ("products", "categories", "purchases", "amount", "average_amount", "rfm", "discount_codes")
COLUMNS = (
    *("store_key", "email", "customer_id", "first_name", "last_name", "birth_date", "gender"),
    *("phone", "city", "region", "country", "customer_group", "website", "store"),
    *("account_created_date", "is_subscribed"),
    *("first_purchase_date", "last_purchase_date", "days_since_first_purchase", "days_since_last_purchase"),
    *("last_purchase_amount", "last_purchase_brands", "last_purchase_categories", "last_purchase_discount_codes"),
    *(f"{measure}_{window}" for window in WINDOWS for measure in WINDOW_MEASURES),
    *("purchases_total", "amount_total", "recency_score", "frequency_score", "monetary_score"),
    *("rfm", "rfm_group", "rfm_segment"),
)


@dataclass(frozen=True)
class Settings:
    """The dbt vars that decide meanings; None takes what the shop's default store view says."""

    as_of: date
    time_zone: str | None = None
    reporting_currency: str | None = None
    start_date: date | None = None
    brand_attribute: str = "manufacturer"
    rfm_period_days: int | None = None
    list_separator: str = ", "
    list_max_length: int = 2000
    gender_labels: Mapping[int, str] = field(default_factory=lambda: GENDERS)


@dataclass(frozen=True)
class Purchase:
    """An order that counts, with its date in the one zone and its amount in the reporting currency."""

    order: Order
    date: date
    amount: Decimal


@dataclass(frozen=True)
class Person:
    """One contact before anything is counted."""

    email: str
    accounts: Sequence[Customer]
    orders: Sequence[Order]
    purchases: Sequence[Purchase]


@dataclass(frozen=True)
class Scores:
    """Scores of one buyer among the buyers of a period."""

    recency: int
    frequency: int
    monetary: int

    @property
    def digits(self) -> str:
        """For example `545`."""
        return f"{self.recency}{self.frequency}{self.monetary}"


def in_window(window: str, days: int) -> bool:
    """Whether a purchase of so many days ago is in the window."""
    first, last = WINDOWS[window]
    return first <= days <= last


class Calculation:
    """One build: a shop, its settings and seeds."""

    def __init__(self, shop: Shop, settings: Settings, seeds: Seeds) -> None:
        self.shop = shop
        self.settings = settings
        self.seeds = seeds
        default = shop.default_store_view()
        zone = settings.time_zone or (default.time_zone if default else None)
        if not zone:
            raise ValueError("no time zone: the shop names no default store view and none is set")
        self.zone = ZoneInfo(zone)
        self.currency = settings.reporting_currency or (default.base_currency if default else None) or ""
        self.persons = self._persons()

    # --- who and what -----------------------------------------------------------------------------------------

    def _persons(self) -> dict[str, Person]:
        accounts: dict[str, list[Customer]] = defaultdict(list)
        orders: dict[str, list[Order]] = defaultdict(list)
        for account in self.shop.customers.values():
            email = rules.email_key(account.email)
            if email and not account.deleted:
                accounts[email].append(account)
        for order in self.shop.orders.values():
            email = rules.order_email(order, self.shop.customers)
            if email and not order.deleted and self.is_since_start(order):
                orders[email].append(order)
        purchases = {purchase.order.entity_id: purchase for purchase in self._purchases()}
        return {
            email: Person(
                email=email,
                accounts=accounts.get(email, []),
                orders=orders.get(email, []),
                purchases=sorted(
                    (purchases[o.entity_id] for o in orders.get(email, []) if o.entity_id in purchases),
                    key=lambda purchase: (purchase.order.created_at, purchase.order.entity_id),
                    reverse=True,
                ),
            )
            for email in sorted(accounts.keys() | orders.keys())
            if not self.seeds.excludes(email)
        }

    def _purchases(self) -> list[Purchase]:
        found: list[Purchase] = []
        for order in self.shop.orders.values():
            day = rules.local_date(order.created_at, self.zone)
            amount = rules.base_amount(order)
            currency = rules.base_currency(order, self.shop)
            if not self.counts(order) or amount is None or currency is None:
                continue
            rate = rules.conversion_rate(order, currency, self.currency, self.seeds.rates(self.currency, day))
            if rate is None:
                raise ValueError(f"no rate from {currency} into {self.currency}")
            found.append(Purchase(order, day, rules.rounded(rules.EXACT.multiply(amount, rate), 4)))
        return found

    def counts(self, order: Order) -> bool:
        """Whether the order is a purchase by payment, start date and as-of date, its amount aside."""
        return (
            rules.is_purchase(order, self.seeds.payment_methods.get(order.payment_method or ""))
            and rules.local_date(order.created_at, self.zone) <= self.settings.as_of
            and self.is_since_start(order)
        )

    def is_since_start(self, order: Order) -> bool:
        """Whether the order is not older than the start date: one that is makes no purchase and nobody a contact."""
        start = self.settings.start_date
        return start is None or rules.local_date(order.created_at, self.zone) >= start

    def days_ago(self, purchase: Purchase) -> int:
        """Days from the purchase to the as-of date."""
        return (self.settings.as_of - purchase.date).days

    # --- scores -----------------------------------------------------------------------------------------------

    def scores(self, includes: Callable[[int], bool]) -> dict[str, Scores]:
        """Scores of everybody who bought in a period, over that period's purchases alone."""
        bought: dict[str, list[Purchase]] = {}
        for email, person in self.persons.items():
            inside = [purchase for purchase in person.purchases if includes(self.days_ago(purchase))]
            if inside:
                bought[email] = inside
        numbers = {email: len(inside) for email, inside in bought.items()}
        dates = {email: max(purchase.date for purchase in inside) for email, inside in bought.items()}
        amounts = {email: total(inside) for email, inside in bought.items()}
        recency, frequency, monetary = rules.quintiles(dates), rules.frequencies(numbers), rules.quintiles(amounts)
        fixed = self.seeds.thresholds
        if "recency" in fixed.cutoffs:
            recency = {
                email: fixed.score("recency", (self.settings.as_of - last).days) for email, last in dates.items()
            }
        if "frequency" in fixed.cutoffs:
            frequency = {email: fixed.score("frequency", number) for email, number in numbers.items()}
        if "monetary" in fixed.cutoffs:
            monetary = {email: fixed.score("monetary", amount) for email, amount in amounts.items()}
        return {email: Scores(recency[email], frequency[email], monetary[email]) for email in bought}

    # --- the rows ---------------------------------------------------------------------------------------------

    def rows(self) -> dict[str, Row]:
        """One row per contact by e-mail, with exactly `COLUMNS` in their order."""
        period = self.settings.rfm_period_days
        overall = self.scores(lambda days: period is None or days <= period)
        windows = {window: self.scores(lambda days, w=window: in_window(w, days)) for window in WINDOWS}  # type: ignore[misc]
        rows: dict[str, Row] = {}
        for email, person in self.persons.items():
            row: Row = {"store_key": self.shop.store_key, "email": email}
            row |= self._master_data(person) | self._first_and_last(person)
            for window in WINDOWS:
                row |= self._window(person, window, windows[window].get(email))
            row["purchases_total"] = len(person.purchases)
            row["amount_total"] = total(person.purchases)
            row |= self._overall_scores(person, overall.get(email))
            rows[email] = {column: row[column] for column in COLUMNS}
            if len(row) != len(COLUMNS):
                raise AssertionError(f"columns that the mart does not have: {row.keys() - set(COLUMNS)}")
        return rows

    def _master_data(self, person: Person) -> Row:
        account = rules.chosen_account(person.accounts)
        latest = rules.latest_order(person.orders)
        source = account or latest
        if source is None:
            raise AssertionError(f"contact without account and order: {person.email}")
        where: Address | None = rules.account_address(account) if account else None
        if where is None and latest is not None:
            where = latest.billing
        where = where or Address()
        website, store = self._place(source.store_id)
        gender = source.gender
        group = source.group_id
        created = account.created_at if account else None
        born = rules.birth_date(source.dob)
        return {
            "customer_id": account.id if account else None,
            "first_name": rules.clean(source.firstname),
            "last_name": rules.clean(source.lastname),
            "birth_date": born if born and born <= self.settings.as_of else None,
            "gender": rules.clean(self.settings.gender_labels.get(gender)) if gender is not None else None,
            "phone": rules.clean(where.telephone),
            "city": rules.clean(where.city),
            "region": rules.clean(where.region),
            "country": rules.clean(where.country_id),
            "customer_group": rules.clean(self.shop.groups.get(group)) if group is not None else None,
            "website": website,
            "store": store,
            "account_created_date": rules.local_date(created, self.zone) if created else None,
            "is_subscribed": account.is_subscribed if account else None,
        }

    def _place(self, store_id: int | None) -> tuple[str | None, str | None]:
        """Names of website and store view, from the newest order of that view and the shop's own list."""
        if store_id is None:
            return None, None
        if not hasattr(self, "_names"):
            self._names: dict[int, str] = {}
            for order in sorted(self.shop.orders.values(), key=lambda order: order.entity_id):
                if order.store_id is not None and not order.deleted and rules.clean(order.store_name):
                    self._names[order.store_id] = order.store_name or ""
        lines = [rules.clean(line) for line in self._names.get(store_id, "").split("\n")] + [None] * 3
        view = self.shop.store_views.get(store_id)
        website = lines[0] or (rules.clean(view.website_code) if view else None)
        return website, (rules.clean(view.name) if view else None) or lines[2]

    def _first_and_last(self, person: Person) -> Row:
        last = person.purchases[0] if person.purchases else None
        first_date = min((purchase.date for purchase in person.purchases), default=None)
        last_date = last.date if last else None
        as_of = self.settings.as_of
        brands = rules.order_brands(last.order, self.shop, self.settings.brand_attribute) if last else []
        return {
            "first_purchase_date": first_date,
            "last_purchase_date": last_date,
            "days_since_first_purchase": (as_of - first_date).days if first_date else None,
            "days_since_last_purchase": (as_of - last_date).days if last_date else None,
            "last_purchase_amount": last.amount if last else Decimal(0),
            "last_purchase_brands": self._list("last_purchase_brands", brands),
            "last_purchase_categories": self._list(
                "last_purchase_categories", rules.order_categories(last.order, self.shop) if last else []
            ),
            "last_purchase_discount_codes": self._list(
                "last_purchase_discount_codes", rules.coupon_codes(last.order) if last else []
            ),
        }

    def _window(self, person: Person, window: str, scores: Scores | None) -> Row:
        inside = [purchase for purchase in person.purchases if in_window(window, self.days_ago(purchase))]
        orders = [purchase.order for purchase in inside]
        amount = total(inside)
        lists: dict[str, list[str]] = {
            "products": [name for order in orders for name in rules.order_products(order)],
            "categories": [name for order in orders for name in rules.order_categories(order, self.shop)],
            "discount_codes": [code for order in orders for code in rules.coupon_codes(order)],
        }
        columns = {f"{measure}_{window}": values for measure, values in lists.items()}
        found: Row = {column: self._list(column, values) for column, values in columns.items()}
        return found | {
            f"purchases_{window}": len(inside),
            f"amount_{window}": amount,
            f"average_amount_{window}": rules.average(amount, len(inside)),
            f"rfm_{window}": scores.digits if scores else None,
        }

    def _overall_scores(self, person: Person, scores: Scores | None) -> Row:
        if scores:
            group = rules.frequency_group(scores.frequency)
            segment = self.seeds.segment(group, scores.recency, scores.monetary)
        elif person.purchases:  # all of them before the scored period
            group, segment = "BEGINNERS", "BEGINNERS_LOSE_IT"
        else:
            group = segment = "PROSPECTS"
        return {
            "recency_score": scores.recency if scores else None,
            "frequency_score": scores.frequency if scores else None,
            "monetary_score": scores.monetary if scores else None,
            "rfm": scores.digits if scores else None,
            "rfm_group": group,
            "rfm_segment": segment,
        }

    def _list(self, column: str, values: Iterable[str]) -> str | None:
        max_length = self.seeds.max_length(column) or self.settings.list_max_length
        return rules.joined(values, max_length, self.settings.list_separator)


def total(purchases: Iterable[Purchase]) -> Decimal:
    """Sum of the amounts, exact."""
    return sum((purchase.amount for purchase in purchases), Decimal(0))
