"""Small stores that went wrong once, each loaded and built: its contacts are what they should be."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from demo.magento import database
from demo.serving import serving
from tests.e2e.conftest import Pipeline

CASES = Path(__file__).resolve().parents[1] / "cases"
AS_OF_DATE = "2026-11-20"
VIEW = {"id": 1, "code": "default", "website_id": 1}
SHOP: dict[str, list[dict[str, Any]]] = {
    "websites": [{"id": 1, "code": "base", "name": "Main Website", "default_group_id": 1}],
    "store_groups": [
        {"id": 1, "website_id": 1, "root_category_id": 2, "default_store_id": 1, "name": "Main", "code": "m"}
    ],
    "store_views": [{**VIEW, "name": "Default Store View", "store_group_id": 1, "is_active": 1}],
    "store_configs": [
        {
            **VIEW,
            "locale": "en_US",
            "base_currency_code": "USD",
            "default_display_currency_code": "USD",
            "timezone": "America/Bogota",
            "weight_unit": "kgs",
        }
    ],
    "customer_groups": [{"id": 0, "code": "NOT LOGGED IN"}, {"id": 1, "code": "General"}],
    "categories": [
        {"id": id_, "parent_id": parent, "name": name, "is_active": True, "position": 1, "level": path.count("/")}
        | {"path": path, "created_at": "2026-01-01 10:00:00", "updated_at": "2026-01-01 10:00:00"}
        for id_, parent, name, path in (
            (1, 0, "Root", "1"),
            (2, 1, "Default", "1/2"),
            (3, 2, "Shoes", "1/2/3"),
            (4, 2, "Bags", "1/2/4"),
        )
    ],
}
"""What all cases share, as the demo store keeps it."""


def write_store(path: Path, case: dict[str, Any]) -> None:
    """Make the demo store's file of a case."""
    connection = database.create_schema(path)
    for table, docs in {**SHOP, **{name: case.get(name, []) for name in ("customers", "orders", "products")}}.items():
        keys = [("entity_id" if "entity_id" in doc else "id") for doc in docs]
        dates = ("created_at", "updated_at") if table in database.ENTITY_TABLES else ()
        rows = [
            (doc[key], *(doc[name] for name in dates), orjson.dumps(doc)) for key, doc in zip(keys, docs, strict=True)
        ]
        database.insert(connection, table, rows)
    database.insert(
        connection, "attribute_options", [("manufacturer", "10", "Acme", 1), ("manufacturer", "11", "Zeta", 2)]
    )
    database.set_meta(connection, now=f"{AS_OF_DATE} 20:00:00")
    database.finish(connection)
    connection.close()


NAMES = sorted(path.stem for path in CASES.glob("*.json"))


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def contacts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """Contacts by store and e-mail: each case is a store of its own in one warehouse."""
    folder = tmp_path_factory.mktemp("cases")
    for name in NAMES:
        write_store(folder / f"{name}.sqlite", case(name))
        settings = {f"SOURCES__MAGENTO__{one.upper()}": value for one, value in case(name).get("settings", {}).items()}
        with serving("demo.magento", database=folder / f"{name}.sqlite") as url:
            pipeline = Pipeline(folder, url, "")
            loaded = pipeline.run("loaders.magento", "load", SOURCES__MAGENTO__STORE_KEY=name, **settings)
        assert loaded.returncode == 0, loaded.stdout
    built = pipeline.run(
        "loaders.build", "--vars", f"{{as_of_date: {AS_OF_DATE}}}", "--exclude-resource-type", "unit_test"
    )
    assert built.returncode == 0, built.stdout
    with duckdb.connect(str(pipeline.warehouse.with_name("published.duckdb")), read_only=True) as db:
        found = db.execute("select * from marts.icommkt_contacts")
        names = [column[0] for column in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {(row["store_key"], row["email"]): row for row in rows}


@pytest.mark.parametrize("name", NAMES)
def test_a_small_store_that_went_wrong_once_comes_out_right(
    contacts: dict[tuple[str, str], dict[str, Any]], name: str
) -> None:
    for email, columns in case(name)["expect"].items():
        for column, value in columns.items():
            got = contacts[name, email][column]
            assert (Decimal(value) if isinstance(got, Decimal) else value) == got, f"{email} {column}"
