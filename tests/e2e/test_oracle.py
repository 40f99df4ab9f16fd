"""Two nights of the demo store, whole: what was published and what ICOMMKT holds, against the oracle.

The oracle reads the demo store's own documents, never what the pipeline loaded or built.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.warehouse import rows_of
from tests.e2e.conftest import Night
from tests.oracle import Oracle
from tests.oracle.compare import differences, report
from tests.oracle.contacts import COLUMNS
from tests.oracle.oracle import Build
from tests.oracle.payloads import held_after

STORE_KEY = "main"


class Expected:
    """What the oracle says of each night, and of what ICOMMKT holds after it."""

    def __init__(self, nights: list[Night]) -> None:
        oracle = Oracle()
        held: dict[str, Any] = {}
        self.builds: list[Build] = []
        self.held: list[dict[str, Any]] = []
        for night in nights:
            oracle.observe(night.store)
            build = oracle.build(night.as_of_date)
            held = held_after(held, build.payloads, oracle.seeds)
            self.builds.append(build)
            self.held.append(held)


@pytest.fixture(scope="module")
def expected(nights: list[Night]) -> Expected:
    return Expected(nights)


both_nights = pytest.mark.parametrize("night", [0, 1], ids=["day 1", "day 2"])


@both_nights
def test_contacts(nights: list[Night], expected: Expected, night: int) -> None:
    build = expected.builds[night]
    contacts = published(nights[night].published, "icommkt_contacts")
    assert tuple(next(iter(contacts.values()))) == COLUMNS
    said = report(build.contacts, contacts, build.explain)
    assert not said, said


@both_nights
def test_what_icommkt_holds(nights: list[Night], expected: Expected, night: int) -> None:
    held = {contact["Email"]: contact["CustomFields"] for contact in nights[night].held}
    assert len(held) == len(nights[night].held), "one e-mail is held twice"
    build = expected.builds[night]
    said = report(expected.held[night], held, build.explain)
    assert not said, said


def test_the_store_moved_between_the_nights(expected: Expected) -> None:
    """Otherwise the second night would prove nothing."""
    first, second = (build.contacts for build in expected.builds)
    assert second.keys() - first.keys(), "nobody is new"
    assert first.keys() - second.keys(), "nobody is gone or has changed the e-mail"
    moved = {
        column
        for email in first.keys() & second.keys()
        for column in COLUMNS
        if first[email][column] != second[email][column]
    }
    assert {"last_name", "last_purchase_brands", "products_30_days", "purchases_total", "rfm_30_days"} <= moved
    fewer = [
        email
        for email in first.keys() & second.keys()
        if second[email]["amount_total"] < first[email]["amount_total"]  # type: ignore[operator]
    ]
    assert fewer, "no late refund"
    shop = expected.builds[1].calculation.shop
    assert any(order.deleted for order in shop.orders.values())
    assert any(customer.deleted for customer in shop.customers.values())


def test_what_was_deleted_still_counts(nights: list[Night], expected: Expected) -> None:
    """Products, and their brands and categories, stay known after they are gone; otherwise nothing would show it."""
    forgetful = Oracle()
    forgetful.observe(nights[1].store)
    found = forgetful.contacts(nights[1].as_of_date)
    said = {difference.column for difference in differences(expected.builds[1].contacts, found)}
    assert {"last_purchase_brands", "last_purchase_categories"} <= said


def test_every_column_says_something(expected: Expected) -> None:
    """A column that is the same for everybody would be compared in vain."""
    contacts = expected.builds[0].contacts.values()
    same = [column for column in COLUMNS[1:] if len({row[column] for row in contacts}) < 3]
    assert not same


def published(path: Path, table: str) -> dict[str, dict[str, Any]]:
    """Rows of a published mart by e-mail."""
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = rows_of(connection, f"select * from marts.{table}")
    assert {row["store_key"] for row in rows} <= {STORE_KEY}
    by_email = {row["email"]: row for row in rows}
    assert len(by_email) == len(rows), f"{table} has two rows of one e-mail"
    return by_email
