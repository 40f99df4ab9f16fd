"""A night over what people, modules and analysts put into texts, compared with the oracle: all of it is data."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import requests

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


def test_odd_texts_and_vars_of_sql_and_jinja_are_data_all_the_way_though_credit_memos_cannot_be_read(
    small: Pipeline,
) -> None:
    """By make, into a path that dbt or SQL could take for their own words."""
    make_odd(small.folder / "magento.sqlite")
    fault = {"kind": "500", "match": {"path_regex": "/V1/creditmemos"}}
    requests.post(f"{small.magento_url}/demo/faults", json=fault, timeout=30).raise_for_status()
    house = Warehouse(small.folder / "data" / "shop {{ 1 }} & more.duckdb")
    settings = {
        "WAREHOUSE_PATH": str(house.path),
        "SOURCES__MAGENTO__START_DATE": str(START),
        "RUNTIME__REQUEST_MAX_ATTEMPTS": "1",
        "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01",
    }
    attributes = [{"code": "dni", "type": "text", "column": "dni"}]
    variables = {"list_separator": SEPARATOR, "gender_labels": GENDERS, "customer_attributes": attributes}
    day = {"as_of_date": str(FIRST_DAY)}
    done = small.make("daily", f"VARS={json.dumps(variables | day)}", **settings)
    assert done.returncode != 0
    assert "\nerror: creditmemos could not be read" in done.stdout
    assert "excluded_emails_match_somebody: match domain, value marketplace.amazon.com" in done.stdout

    oracle = Oracle(list_separator=SEPARATOR, gender_labels=GENDERS, start_date=START)
    oracle.observe(small.folder / "magento.sqlite")
    expected = oracle.build(FIRST_DAY)
    contacts = published(house.published, "icommkt_contacts")
    assert not (said := report(expected.contacts, contacts, expected.explain)), said
    held = requests.get(f"{small.icommkt_url}/demo/contacts", timeout=60).json()
    assert not (said := report(expected.payloads, {one["Email"]: one["CustomFields"] for one in held})), said
    sent = json.dumps([contacts, held], default=str, ensure_ascii=False)
    assert "HOT" in sent
    assert "Dolce, Gabbana 3" in sent
    assert any(SEPARATOR in (row["products_360_days"] or "") for row in contacts.values())
    assert {row["birth_date"] for row in contacts.values()} >= {None, date(1900, 1, 1)}

    with duckdb.connect(str(house.published), read_only=True) as connection:
        invalid = dict(connection.execute("select email, invalid_because from marts.invalid_emails").fetchall())
    assert {email: invalid.get(email) for email in NOT_ADDRESSES} == dict.fromkeys(NOT_ADDRESSES, "not an address")
    shown = small.make("push", f"VARS={json.dumps(variables | day)}", "DRY_RUN=1", **settings)
    assert (shown.returncode, "to send 0" in shown.stdout) == (0, True), shown.stdout
