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

Doc = dict[str, Any]
SEPARATOR = "' || {{ 1 / 0 }} \" {# -- */ ;"
GENDERS = {1: "O'{{ env_var('HOME') }}", 2: '"; drop schema marts; --'}
START = date(2026, 6, 1)
"""Older orders are not loaded: with them somebody would be a contact who bought nothing since."""
NOT_ADDRESSES = ["a\0b@example.com", "<a@example.com>", "a@example.com, b@example.com", "a..b@example.com", "a@example"]


def documents(connection: sqlite3.Connection, table: str) -> Iterator[Doc]:
    """Each document of a table, kept as it is when the next one is asked for."""
    rows = connection.execute(f"select entity_id, doc from {table} order by entity_id desc").fetchall()
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
    done = small.run("loaders.daily", "--vars", json.dumps(variables | day), SOURCES__MAGENTO__START_DATE=str(START))
    assert done.returncode == 0, done.stdout
    assert "excluded_emails_match_somebody: match domain, value marketplace.amazon.com" in done.stdout

    oracle = Oracle(list_separator=SEPARATOR, gender_labels=GENDERS, start_date=START)
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
