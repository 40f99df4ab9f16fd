"""What the oracle knows of a shop: plain records, whoever filled them.

`documents.py` fills them from the demo store's documents, `raw_rows.py` from rows shaped like the raw tables.
Money and quantities are `Decimal`, timestamps naive UTC, texts as Magento sent them (untrimmed).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an account, or the billing address of an order (which has no id)."""

    id: int | None = None
    city: str | None = None
    region: str | None = None
    country_id: str | None = None
    telephone: str | None = None
    default_billing: bool = False
    default_shipping: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One order line as Magento sends it, parents and children alike."""

    item_id: int
    product_id: int | None = None
    product_type: str | None = "simple"
    name: str | None = None
    parent_item_id: int | None = None
    qty_ordered: Decimal = Decimal(1)
    qty_invoiced: Decimal = ZERO
    qty_refunded: Decimal = ZERO
    qty_canceled: Decimal = ZERO
    base_price: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `deleted`: it was seen once and is gone from the shop."""

    entity_id: int
    created_at: datetime
    email: str | None = None
    customer_id: int | None = None
    state: str | None = "complete"
    payment_method: str | None = None
    base_grand_total: Decimal = ZERO
    base_total_paid: Decimal = ZERO
    base_total_refunded: Decimal = ZERO
    base_total_canceled: Decimal = ZERO
    base_currency: str | None = None
    global_currency: str | None = None
    base_to_global_rate: Decimal | None = None
    coupon_code: str | None = None
    coupon_codes: tuple[str, ...] = ()
    store_id: int | None = None
    store_name: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    dob: str | None = None
    gender: int | None = None
    group_id: int | None = None
    billing: Address | None = None
    lines: tuple[Line, ...] = ()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """One account. `deleted`: it was seen once and is gone from the shop."""

    id: int
    email: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    group_id: int | None = None
    firstname: str | None = None
    lastname: str | None = None
    dob: str | None = None
    gender: int | None = None
    store_id: int | None = None
    default_billing: int | None = None
    default_shipping: int | None = None
    is_subscribed: bool | None = None
    addresses: tuple[Address, ...] = ()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """One product: its custom attributes (a list's values joined by commas) and direct categories."""

    id: int
    attributes: dict[str, str] = field(default_factory=dict)
    category_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """One category; level 2 is the first that customers see."""

    id: int
    name: str | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class StoreView:
    """One store view of the default website, which is what a shop tells a stranger."""

    id: int
    name: str | None = None
    website_code: str | None = None
    time_zone: str | None = None
    base_currency: str | None = None
    is_default: bool = False


@dataclass(slots=True)
class Shop:
    """Everything known of one shop; what it deleted is kept, orders and customers marked as deleted."""

    store_key: str = "main"
    orders: dict[int, Order] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)
    categories: dict[int, Category] = field(default_factory=dict)
    options: dict[tuple[str, str], str | None] = field(default_factory=dict)
    groups: dict[int, str | None] = field(default_factory=dict)
    store_views: dict[int, StoreView] = field(default_factory=dict)

    def default_store_view(self) -> StoreView | None:
        """The view that decides zone and currency unless they are given."""
        return next((view for view in self.store_views.values() if view.is_default), None)
