"""What a build tells of odd orders, without stopping for them: `make build` over a small shop in raw."""

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
    } | more


def line(order_id: int, row_total: str, discount: str = "0", quantity: str = "1", **more: Any) -> Row:
    return {
        "order_id": order_id,
        "product_type": "simple",
        "qty_ordered": D(quantity),
        "base_price": D(100),
        "base_row_total": D(row_total),
        "base_discount_amount": D(discount),
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
        write_raw(connection, [{"store_views": views, "orders": orders, "order_items": numbered}])
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


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Folder and output of a build of a shop with all of these."""
    folder = tmp_path_factory.mktemp("shop")
    orders = [*ADDS_UP, *(one for _, one in DIFFERS), *WITHOUT_CURRENCY]
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
