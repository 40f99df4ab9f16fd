"""Nights over what people, modules and analysts put into texts, compared with the oracle: all of it is data."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from demo.environment import DEMO_KEY
from demo.magento.generate import create
from demo.serving import serving
from loaders.paths import Warehouse
from tests.e2e.conftest import FIRST_DAY, Pipeline
from tests.e2e.test_oracle import published
from tests.oracle import Oracle
from tests.oracle.compare import report
from tests.smallest_shop import ProjectCopy

Doc = dict[str, Any]
SEPARATOR = "' || {{ 1 / 0 }} \" {# -- */ ;"
GENDERS = {1: "O'{{ env_var('HOME') }}", 2: '"; drop schema marts; --'}
NOT_ADDRESSES = ["a\0b@example.com", "<a@example.com>", "a@example.com, b@example.com", "a..b@example.com", "a@example"]


def documents(connection: sqlite3.Connection, table: str) -> Iterator[Doc]:
    """Each document of a table, kept as it is when the next one is asked for."""
    rows = connection.execute(f"select entity_id, doc from {table} order by entity_id").fetchall()
    for key, text in rows:
        doc = json.loads(text)
        yield doc
        connection.execute(f"update {table} set doc = ? where entity_id = ?", [json.dumps(doc), key])


def make_odd(store: Path) -> None:
    """Make the texts of a demo store odd: its brands become texts without options, some orders nobody's."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("delete from attribute_options")
        for number, doc in enumerate(documents(connection, "products")):
            brand = {"attribute_code": "manufacturer", "value": f" Dol\0ce,\r\nGabbana {number % 7}\x07"}
            others = [one for one in doc.get("custom_attributes", ()) if one["attribute_code"] != "manufacturer"]
            doc["custom_attributes"] = [*others, brand]
        for number, doc in enumerate(documents(connection, "customers")):
            doc |= {"firstname": "A\0na\nLuz", "dob": ("2026-11-24", "1899-12-31", "1900-01-01")[number % 3]}
        for number, doc in enumerate(documents(connection, "orders")):
            doc |= {"coupon_code": "HO\0T,\0", "customer_firstname": "\0"}
            if number < len(NOT_ADDRESSES):
                doc |= {"customer_email": NOT_ADDRESSES[number], "customer_id": None}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Pipeline]:
    create(tmp_path / "magento.sqlite", customers=30, orders=80)
    make_odd(tmp_path / "magento.sqlite")
    with (
        serving("demo.magento", database=tmp_path / "magento.sqlite") as magento_url,
        serving("demo.icommkt", database=tmp_path / "icommkt.sqlite", options=["--api-key", DEMO_KEY]) as icommkt_url,
    ):
        yield Pipeline(tmp_path, magento_url, icommkt_url)


def test_odd_texts_and_vars_of_sql_and_jinja_are_data_all_the_way(small: Pipeline) -> None:
    attributes = [{"code": "dni", "type": "text", "column": "dni"}]
    variables = {"list_separator": SEPARATOR, "gender_labels": GENDERS, "customer_attributes": attributes}
    day = {"as_of_date": str(FIRST_DAY)}
    done = small.run("loaders.daily", "--vars", json.dumps(variables | day))
    assert done.returncode == 0, done.stdout
    assert "excluded_emails_match_somebody: match domain, value marketplace.amazon.com" in done.stdout

    oracle = Oracle(list_separator=SEPARATOR, gender_labels=GENDERS)
    oracle.observe(small.folder / "magento.sqlite")
    expected = oracle.build(FIRST_DAY)
    contacts = published(Warehouse(small.warehouse).published, "icommkt_contacts")
    assert not (said := report(expected.contacts, contacts, expected.explain)), said
    held = requests.get(f"{small.icommkt_url}/demo/contacts", timeout=60).json()
    assert not (said := report(expected.payloads, {one["Email"]: one["CustomFields"] for one in held})), said
    sent = json.dumps([contacts, held], default=str, ensure_ascii=False)
    assert "HOT" in sent
    assert "Dolce, Gabbana 3" in sent
    assert any(SEPARATOR in (row["products_360_days"] or "") for row in contacts.values())
    assert {row["birth_date"] for row in contacts.values()} >= {None, date(1900, 1, 1)}

    with duckdb.connect(str(Warehouse(small.warehouse).published), read_only=True) as connection:
        invalid = dict(connection.execute("select email, invalid_because from marts.invalid_emails").fetchall())
    assert {email: invalid.get(email) for email in NOT_ADDRESSES} == dict.fromkeys(NOT_ADDRESSES, "not an address")


def test_a_start_date_means_the_same_as_a_setting_and_as_a_var(small: Pipeline, tmp_path: Path) -> None:
    """The setting keeps older orders from being loaded, the var from being looked at: both leave the same contacts."""
    found = {}
    for name, variables, settings in (
        ("setting", "", {"SOURCES__MAGENTO__START_DATE": "2026-06-01"}),
        ("var", ", start_date: 2026-06-01", {}),
    ):
        house = Warehouse(tmp_path / name / "warehouse.duckdb")
        given = f"{{as_of_date: {FIRST_DAY}{variables}}}"
        for module, *arguments in (
            ("loaders.magento", "load"),
            ("loaders.build", "--vars", given, "--exclude-resource-type", "unit_test"),
        ):
            done = small.run(module, *arguments, WAREHOUSE_PATH=str(house.path), **settings)
            assert done.returncode == 0, done.stdout
        found[name] = published(house.published, "icommkt_contacts")
    assert found["setting"] == found["var"]

    with duckdb.connect(str(house.path), read_only=True) as connection:
        guests_of_before = connection.execute(
            """select lower(customer_email) as email from raw.orders group by email
               having max(created_at) < '2026-05-30' and email not in (select lower(email) from raw.customers)"""
        ).fetchall()
    assert guests_of_before, "nobody whom it could matter to"
    assert not {email for (email,) in guests_of_before} & found["var"].keys()


@pytest.fixture
def shop(tmp_path: Path) -> ProjectCopy:
    return ProjectCopy(tmp_path)


def test_a_row_of_excluded_emails_that_matches_nobody_is_told_and_masked(shop: ProjectCopy) -> None:
    shop.seed(
        "excluded_emails",
        "match,value,reason\nexact,jane.doe@example.com,staff\ndomain,@Example.com,\ndomain,ample.com,typo\n",
    )
    done = shop.build()
    assert done.returncode == 0, done.stdout
    assert "excluded_emails_match_somebody: match exact, value j***@example.com, reason staff" in done.stdout
    assert "excluded_emails_match_somebody: match domain, value ample.com, reason typo" in done.stdout
    assert "@Example.com" not in done.stdout
    assert "jane" not in done.stdout


def test_a_payment_method_with_states_and_require_paid_is_refused_with_its_row(shop: ProjectCopy) -> None:
    shop.seed("payment_methods", "payment_method,gateway,states,require_paid,note\nodd,X,complete,true,\n")
    done = shop.build("--select", "payment_methods")
    assert done.returncode == 1
    assert "payment_methods_have_states_or_require_paid_not_both: payment_method odd, gateway X" in done.stdout
    assert "nothing was published" in done.stdout.splitlines()[-1]
