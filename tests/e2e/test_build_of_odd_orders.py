"""What a build makes of odd orders, what it tells of them, and what stops it: `make build` over small shops in raw."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.environment import PROJECT_ROOT, demo_environment
from tests.property.batch import write_raw
from tests.property.stores import Row

D = Decimal
NOBODY = "http://127.0.0.1:9"  # a build asks nobody


CATALOG: dict[str, list[Row]] = {
    "attribute_options": [
        {"attribute_code": "manufacturer", "value": value, "label": label}
        for value, label in (("1", "Acme"), ("2", "Zeta"))
    ],
    "categories": [{"id": id_, "level": 2, "name": name} for id_, name in ((3, "Packs"), (4, "Shoes"), (5, "Bags"))],
    "products": [
        {"id": 1, "custom_attributes": '[{"attribute_code": "manufacturer", "value": "1"}]', "_dlt_load_id": "2"},
        {"id": 2, "custom_attributes": '[{"attribute_code": "manufacturer", "value": "2"}]', "_dlt_load_id": "2"},
        {"id": 10, "_dlt_load_id": "2"},
        {"id": 11, "_dlt_load_id": "2"},
    ],
    "product_category_links": [
        {"product_id": product, "category_id": category, "_dlt_load_id": "2"}
        for product, category in ((1, 4), (2, 5), (11, 3))
    ],
}


def order(id_: int, **more: Any) -> Row:
    """A purchase of 100, in store view 1, by somebody of its own."""
    return {
        "entity_id": id_,
        "increment_id": f"{id_:09}",
        "created_at": datetime(2026, 11, 10, 15),
        "customer_email": f"buyer{id_}@example.com",
        "state": "complete",
        "payment_method": "decidir",
        "store_id": 1,
        "base_currency_code": "ARS",
        "base_subtotal": D(100),
        "base_grand_total": D(100),
        "base_total_paid": D(100),
        "_dlt_load_id": "2",
    } | more


def line(order_id: int, row_total: str, discount: str = "0", quantity: str = "1", **more: Any) -> Row:
    return {
        "order_id": order_id,
        "product_type": "simple",
        "qty_ordered": D(quantity),
        "base_price": D(100),
        "base_row_total": D(row_total),
        "base_discount_amount": D(discount),
        "_dlt_load_id": "2",
    } | more


def build(folder: Path, orders: list[Row], lines: list[Row]) -> subprocess.CompletedProcess[str]:
    """`make build` of a shop whose view 2 has no currency."""
    environment = demo_environment(folder, NOBODY, NOBODY)
    warehouse = Path(environment["WAREHOUSE_PATH"])
    warehouse.parent.mkdir(exist_ok=True)
    views = [
        {"id": 1, "is_default": True, "timezone": "UTC", "base_currency_code": "ARS"},
        {"id": 2, "timezone": "UTC", "base_currency_code": " "},
    ]
    numbered = [{"item_id": 1000 + position} | line for position, line in enumerate(lines)]
    with duckdb.connect(str(warehouse)) as connection:
        write_raw(connection, [CATALOG | {"store_views": views, "orders": orders, "order_items": numbered}])
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "loaders.build",
            "--vars",
            "{as_of_date: 2026-11-23}",
            "--exclude-resource-type",
            "unit_test",
        ],
        env=environment,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


# Orders of kinds of stores that there are, and by how much their lines do not add up.
ADDS_UP = [
    order(1, base_subtotal=D("8.25")),  # rows rounded one by one
    order(2, base_discount_amount=D("-104.8"), base_shipping_amount=D(4)),  # a discount on shipping with tax
    order(3, state="canceled", base_subtotal=D(1)),  # no purchase
]
DIFFERS = [
    ("21.0000", order(4, base_discount_amount=D(-121))),  # a coupon of 100 % on prices with tax
    ("-200.0000", order(5, base_subtotal=D(300))),  # row totals without their quantity
    ("-5.0000", order(6, base_subtotal=D(105))),  # a product tax of a fixed amount
    ("10.0000", order(7, base_discount_amount=D(-10))),  # row totals before discount
    *((f"-{n}.0000", order(10 + n, base_subtotal=D(n))) for n in range(1, 8)),  # no lines
]
LINES = [
    *(line(1, "4.13", quantity="0.25"), line(1, "4.13", quantity="0.25"), line(2, "0", "100"), line(3, "100")),
    *(line(4, "0", "121"), line(5, "100", quantity="3"), line(6, "100"), line(7, "100", "10")),
]
WITHOUT_CURRENCY = [
    order(21, base_currency_code=None, base_subtotal=D(0)),
    *(order(id_, base_currency_code=None, store_id=2) for id_ in (22, 23)),
    order(24, base_currency_code="", store_id=None),
]
ZERO: Row = {"base_subtotal": D(0), "base_grand_total": D(0), "base_total_paid": D(0), "payment_method": "free"}
BACK: Row = {"qty_refunded": D(1), "qty_invoiced": D(1)}
CAME_BACK = [
    order(31, base_total_canceled=D(100)),  # canceled, brought back and paid
    order(32, **ZERO),
    order(33, **ZERO),
    order(34, state="closed", base_total_refunded=D("99.99")),
]
LINES += [
    line(31, "100", name="Cap", qty_canceled=D(1), qty_invoiced=D(1)),
    *(line(32, "0", **BACK), line(33, "0"), line(33, "0", **BACK), line(34, "100", **BACK)),
]
# A bundle with a price of its own and a configurable: no brand of their own, the second with a category of its own.
COMPOSITE = [order(41), order(42)]
LINES += [
    line(41, "100", item_id=1, product_id=10, product_type="bundle"),
    line(41, "0", item_id=3, product_id=1, parent_item_id=1, base_price=D(0)),
    line(41, "0", item_id=2, product_id=2, parent_item_id=1, base_price=D(0)),
    line(42, "100", item_id=4, product_id=11, product_type="configurable"),
    line(42, "0", item_id=5, product_id=1, parent_item_id=4, base_price=D(0)),
]


def contacts(built: tuple[Path, list[str]], ids: list[int], *columns: str) -> list[tuple[Any, ...]]:
    """What was published of the buyers of these orders."""
    with duckdb.connect(str(built[0] / "warehouse" / "published.duckdb"), read_only=True) as published:
        rows = published.execute(f"select email, {', '.join(columns)} from marts.icommkt_contacts").fetchall()
    found = {email: values for email, *values in rows}
    return [tuple(found[f"buyer{id_}@example.com"]) for id_ in ids]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Folder and output of a build of a shop with all of these."""
    folder = tmp_path_factory.mktemp("shop")
    orders = [*ADDS_UP, *(one for _, one in DIFFERS), *WITHOUT_CURRENCY, *CAME_BACK, *COMPOSITE]
    done = build(folder, orders, LINES)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout.splitlines()


def test_lines_that_do_not_add_up_never_stop_a_night(built: tuple[Path, list[str]]) -> None:
    """Ten of the purchases are named, those that differ most first, and how many more there are."""
    worst = sorted(DIFFERS, key=lambda one: -abs(D(one[0])))
    assert [said for said in built[1] if "order_lines_add_up: " in said] == [
        *(
            f"  order_lines_add_up: store_key 0, order_number {one['increment_id']}, difference {difference}, "
            "base_currency ARS"
            for difference, one in worst[:10]
        ),
        f"  order_lines_add_up: and {len(worst) - 10} more",
    ]


def test_an_order_of_no_known_currency_is_left_out_and_told(built: tuple[Path, list[str]]) -> None:
    assert [said for said in built[1] if "orders_have_a_currency: " in said] == [
        "  orders_have_a_currency: store_key 0, store_id 2, orders_left_out 2, "
        "first_order_number 000000022, last_order_number 000000023",
        "  orders_have_a_currency: store_key 0, orders_left_out 1, "
        "first_order_number 000000024, last_order_number 000000024",
    ]
    assert contacts(built, [1, 21, 22, 23, 24], "amount_total") == [(100,), (100,), (0,), (0,), (0,)]


def test_what_was_paid_after_all_counts_and_what_came_back_whole_does_not(built: tuple[Path, list[str]]) -> None:
    assert contacts(built, [31, 32, 33, 34], "purchases_total", "amount_total", "products_30_days", "rfm_group") == [
        (1, D(100), "Cap", "BEGINNERS"),
        (0, D(0), None, "PROSPECTS"),
        (1, D(0), None, "BEGINNERS"),
        (0, D(0), None, "PROSPECTS"),
    ]


def test_a_composite_line_has_what_all_its_children_have(built: tuple[Path, list[str]]) -> None:
    assert contacts(built, [41, 42], "last_purchase_brands", "last_purchase_categories") == [
        ("Zeta, Acme", "Bags, Shoes"),
        ("Acme", "Packs"),
    ]


def test_a_currency_without_a_rate_stops_the_night_with_the_line_to_add(tmp_path: Path) -> None:
    orders = [order(1), *(order(id_, base_currency_code="EUR") for id_ in (2, 3)), order(4, base_currency_code="BRL")]
    done = build(tmp_path, orders, [line(id_, "100") for id_ in range(1, 5)])
    assert done.returncode == 1
    assert "the build failed in purchases_have_a_rate; nothing was published" in done.stderr
    assert (
        "no exchange rate from BRL to ARS for 1 purchases [store_key 0]; EUR to ARS for 2 purchases [store_key 0]. "
        "Add to seeds/exchange_rates.csv: BRL,ARS,,<rate> and EUR,ARS,,<rate>" in done.stdout + done.stderr
    )
    assert not (tmp_path / "warehouse" / "published.duckdb").exists()
