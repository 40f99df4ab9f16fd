"""One dbt build over many stores at once: each store is a `store_key` of its own.

Every key in raw and in the models starts with `store_key`, so a build of many stores is many builds that share vars
and seeds. That the stores have the same ids and the same addresses makes a join that forgets the key visible.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from loaders.magento.former import CHILDREN
from loaders.magento.schema import Column, Table, arrow_schema, create_statement
from loaders.magento.tables import TABLES
from loaders.paths import PROJECT_ROOT, Warehouse
from loaders.warehouse import rows_of
from tests import dbt_project
from tests.dbt_project import Dbt
from tests.oracle import raw_rows
from tests.oracle.compare import Difference, differences
from tests.oracle.contacts import COLUMNS
from tests.oracle.oracle import Oracle
from tests.oracle.payloads import triggering
from tests.oracle.seeds import Seeds, read

from .situations import Situation
from .stores import Row, Store

CHANGED = datetime(2026, 11, 1, 3, 0)

Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What one store came to: contacts and payloads by e-mail."""

    contacts: Rows
    payloads: Rows


@dataclass(frozen=True)
class Built:
    """A build: its warehouse, the answer for each store, its seeds, and the tests that failed."""

    warehouse: Path
    answers: list[Answer]
    seeds: Seeds
    failed_tests: list[str]
    failed_unit_tests: list[str]


def copy_of_project(folder: Path, situation: Situation) -> Path:
    """Have in `folder` what dbt reads, with the situation's seeds."""
    if not folder.exists():
        dbt_project.copy_of_project(folder)
    shutil.copytree(PROJECT_ROOT / "seeds", folder / "seeds", dirs_exist_ok=True)
    situation.write_seeds(folder / "seeds")
    return folder


@cache
def read_by_dbt(project: Path) -> Dbt:
    """dbt over a project; vars and rows of seeds, all that a situation changes, are of no interest before it runs."""
    return Dbt(project, {"as_of_date": "2026-01-01"})


def write_raw(connection: duckdb.DuckDBPyConnection, stores: Sequence[Store], schema: str = "raw") -> None:
    """Write the stores into raw tables, made new, the store at position n as store_key `n`."""
    connection.execute(f"create schema if not exists {schema}")
    for table in TABLES.values():
        connection.execute(f"drop table if exists {schema}.{table.name}")
        connection.execute(create_statement(table, schema))
        rows = [
            {"_changed_at": CHANGED, "_row_hash": "x", **row, "store_key": f"{position}"}
            for position, store in enumerate(stores)
            for row in with_lists(store, table)
        ]
        if rows:
            arrow = pa.Table.from_pylist(rows, schema=arrow_schema(table))  # noqa: F841 - DuckDB finds it by its name
            connection.execute(f"insert into {schema}.{table.name} by name select * from arrow")


def with_lists(store: Store, table: Table) -> list[Row]:
    """A table's rows, each with the lists that stores have as tables."""
    rows = [dict(row) for row in store.get(table.name, ())]
    for column in table.columns:
        if column.fields:
            child, parent = CHILDREN[table.name, column.name]
            found: dict[Any, list[Row]] = {}
            for row in store.get(child, ()):
                found.setdefault(row[parent], []).append(row)
            for row in rows:
                own = found.get(row[table.key], [])
                row[column.name] = json.dumps([_element(column, one) for one in own], default=str)
    return rows


def _element(column: Column, row: Row) -> Row:
    element: Row = {}
    for key in column.fields:
        *above, name = key.split(".")
        node = element.setdefault(above[0], {}) if above else element
        if row.get(name) is not None:
            node[name] = row[name]
    return element


def build(project: Path, situation: Situation, stores: Sequence[Store], *, with_unit_tests: bool = False) -> Built:
    """Build the stores from nothing, and run the data tests over them.

    Raises AssertionError when something cannot be built at all; failed tests are told in the answer.
    """
    warehouse = project / "warehouse.duckdb"
    marts = Warehouse(warehouse).marts
    for path in (warehouse, marts):
        path.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        write_raw(connection, stores)
    run = partial(read_by_dbt(project).run, warehouse, situation.dbt_vars)
    results = run("build", "--exclude-resource-type", "test", "unit_test")
    broken = [f"{result.node.name}: {result.message}" for result in results if result.status in ("error", "fail")]
    if broken:
        raise AssertionError(f"the build of {situation.name!r} failed (in {project}):\n" + "\n".join(broken))
    tests = run("test", *([] if with_unit_tests else ["--exclude-resource-type", "unit_test"]))
    failed = [test for test in tests if test.status not in ("pass", "warn")]
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(f"attach '{marts}' as mart_file (read_only)")
        answers = answers_in(connection, len(stores))
    return Built(
        warehouse=warehouse,
        answers=answers,
        seeds=read(project / "seeds"),
        failed_tests=[f"{test.node.name}: {test.message}" for test in failed if test.node.resource_type == "test"],
        failed_unit_tests=[test.node.name for test in failed if test.node.resource_type == "unit_test"],
    )


def answers_in(connection: duckdb.DuckDBPyConnection, number: int) -> list[Answer]:
    """The answers for the stores 0 to `number` - 1."""
    answers = [Answer({}, {}) for _ in range(number)]
    for table in ("icommkt_contacts", "icommkt_payloads"):
        for row in rows_of(connection, f"select * from mart_file.marts.{table}"):
            answer = answers[int(row["store_key"])]
            rows = answer.contacts if table == "icommkt_contacts" else answer.payloads
            assert row["email"] not in rows, f"{table} has two rows of {row['email']} in one store"
            rows[row["email"]] = row
    return answers


def expected(situation: Situation, seeds: Seeds, position: int, store: Store) -> Answer:
    """What the oracle says of one store."""
    shop = raw_rows.shop_of(f"{position}", store)
    found = Oracle(shop, seeds, **situation.for_oracle).build(situation.as_of)
    columns = {field.column: field.key for field in seeds.fields if field.enabled}
    keys = [columns[column] for column in COLUMNS if column in columns]
    return Answer(
        found.contacts,
        {
            email: {
                "store_key": f"{position}",
                "email": email,
                "keys": keys,
                "hash": sorted(triggering(fields, seeds).items()),
                **fields,
            }
            for email, fields in found.payloads.items()
        },
    )


def read_payload(row: Mapping[str, Any], seeds: Seeds) -> dict[str, Any]:
    """A row of icommkt_payloads as `expected` has it: each field by its key.

    The hash says nothing by itself: it stands for the triggering fields when it is the MD5 of their keys and values.
    """
    sent = json.loads(row["custom_fields"])
    fields = {field["Key"]: field["Value"] for field in sent}
    triggers = {field.key for field in seeds.fields if field.triggers_send}
    hashed = [field for field in sent if field["Key"] in triggers]
    keys = "|".join(field["Key"] for field in hashed)
    text = json.dumps([keys, *(field["Value"] for field in hashed)], ensure_ascii=False, separators=(",", ":"))
    is_right = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() == row["payload_hash"]
    return {
        "store_key": row["store_key"],
        "email": row["email"],
        "keys": [field["Key"] for field in sent],
        "hash": sorted((field["Key"], field["Value"]) for field in hashed) if is_right else row["payload_hash"],
        **fields,
    }


def wrong(situation: Situation, seeds: Seeds, position: int, store: Store, got: Answer) -> list[Difference]:
    """Every column in which a store's contacts or payloads are not what the oracle says."""
    should = expected(situation, seeds, position, store)
    payloads = {email: read_payload(row, seeds) for email, row in got.payloads.items()}
    ordered = [email for email, row in got.contacts.items() if tuple(row) != COLUMNS]
    assert not ordered, f"the mart's columns are not those of the oracle: {ordered[:1]}"
    return [*differences(should.contacts, got.contacts), *differences(should.payloads, payloads)]


def shown(store: Store) -> str:
    """A store's rows, one a line, as Python would write them, dates and amounts plain."""
    lines = []
    for table, rows in store.items():
        for row in rows:
            values = ", ".join(f"{name}={_plain(value)}" for name, value in row.items())
            lines.append(f"  {table}: {values}")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return str(value) if isinstance(value, Decimal | datetime) else repr(value)
