"""Makes published files of any size without a store or a build: for the push's tests and benchmarks."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from loaders import fields
from loaders.dbt_vars import project_vars

WINDOWS = (30, 60, 90, 180, 360)
AS_OF = dt.date(2026, 9, 23)  # long enough ago for tests of the forty days after it
ZONE = "America/Argentina/Buenos_Aires"

SCHEMA = f"""
create schema marts;
create schema meta;
create table meta.build (
    build_id varchar, as_of_date date, store_timezone varchar, built_at timestamp, is_tested boolean
);
create table meta.row_counts (layer varchar, table_name varchar, row_count bigint);
create table marts.icommkt_payloads (
    store_key varchar, email varchar, custom_fields varchar, payload_hash varchar, has_purchase boolean
);
create table marts.icommkt_contacts (
    store_key varchar, email varchar, customer_id bigint, is_subscribed boolean, last_purchase_date date,
    {", ".join(f"purchases_{window}_days bigint" for window in WINDOWS)}, purchases_360_plus_days bigint
);
create table marts.icommkt_contact_websites (store_key varchar, email varchar, website_id bigint);
create schema seeds;
create table seeds.icommkt_profiles (website_id bigint, profile_setting varchar);
create table marts.icommkt_profile_fields (
    profile_field_key varchar, mart_column varchar, type varchar, max_length integer, enabled boolean,
    triggers_send boolean, first_day integer, last_day integer
);
insert into marts.icommkt_profile_fields values
    {", ".join(f"('{n}', 'purchases_{n}_days', 'count', null, false, true, 0, {n})" for n in WINDOWS)};
"""


@dataclass(frozen=True)
class Given:
    """A contact given by hand. `untriggered` are fields that stay out of the hash; `purchases` are counts by window."""

    email: str
    fields: Mapping[str, str] = field(default_factory=dict)
    untriggered: Mapping[str, str] = field(default_factory=dict)
    customer_id: int | None = None
    is_subscribed: bool | None = None
    purchases: Mapping[int, int] = field(default_factory=dict)
    last_purchase: dt.date | None = None
    has_purchase: bool | None = None
    websites: tuple[int, ...] = ()
    custom_fields: str | None = None


def write(
    path: Path,
    contacts: Sequence[Given],
    *,
    as_of_date: dt.date = AS_OF,
    is_tested: bool = True,
    orders: int = 1_000,
    customers: int = 500,
    profiles: Mapping[int, str] | None = None,
    build_id: str = "by-hand",
) -> None:
    """Write a published file of these contacts, replacing what was there by a rename, as a build does."""
    aside = _new(path)
    with duckdb.connect(str(aside)) as db:
        db.execute(SCHEMA)
        _meta(db, build_id, as_of_date, is_tested, orders, customers)
        payloads: list[tuple[object, ...]] = []
        people: list[tuple[object, ...]] = []
        sites: list[tuple[object, ...]] = []
        for one in contacts:
            everything = {**one.fields, **one.untriggered}
            custom_fields = json.dumps(
                [{"Key": key, "Value": value} for key, value in everything.items()], ensure_ascii=False
            )
            hashed = hashlib.md5(json.dumps(one.fields).encode(), usedforsecurity=False).hexdigest()
            bought = any(one.purchases.values()) if one.has_purchase is None else one.has_purchase
            payloads.append(("main", one.email, one.custom_fields or custom_fields, hashed, bought))
            counts = [one.purchases.get(window, 0) for window in WINDOWS]
            people.append(("main", one.email, one.customer_id, one.is_subscribed, one.last_purchase, *counts, 0))
            sites += [("main", one.email, website) for website in one.websites]
        _insert(db, "marts.icommkt_profile_fields", _fields(contacts))
        _insert(db, "marts.icommkt_payloads", payloads)
        _insert(db, "marts.icommkt_contacts", people)
        _insert(db, "marts.icommkt_contact_websites", sites)
        _insert(db, "seeds.icommkt_profiles", list((profiles or {}).items()))
    aside.replace(path)


def make(
    path: Path,
    contacts: int,
    *,
    changed_share: float = 0.0,
    as_of_date: dt.date = AS_OF,
    version: int = 1,
    fields: int = 75,
) -> None:
    """Make a published file of so many contacts with `fields` fields each, about 3 to 4 KB as JSON.

    With `changed_share`, that share of the contacts differs from those of another `version`, spread evenly. Names hold
    quotes, accents and emoji, as real ones do; each contact's fields carry its own number, so that a mix-up shows.
    """
    aside = _new(path)
    stride = round(1 / changed_share) if changed_share else 0
    differs = f"case when i % {stride} = 0 then {version} else 1 end" if stride else "1"
    parts = [
        '\'[{"Key":"nombre","Value":"José \\"Pepe\\" 🎉 Nº \' || i || \'"}\'',
        f"""',{{"Key":"ICOMMKT_Amount_Total","Value":"' || (i * 7 + {differs}) || '.50"}}'""",
    ]
    for number in range(3, fields + 1):
        value = "'Producto ' || i || ', Zapatilla ' || (i % 97)" if number % 5 == 0 else f"(i * {number}) % 1000"
        parts.append(f"""',{{"Key":"ICOMMKT_Field_{number}_Days","Value":"' || {value} || '"}}'""")
    # One call: a chain of || copies what it has so far again and again.
    body = f"concat({', '.join(parts)}, ']')"
    with duckdb.connect(str(aside), config={"memory_limit": "1GB"}) as db:
        db.execute("set enable_progress_bar = false")
        db.execute(SCHEMA)
        _meta(db, f"made-{version}", as_of_date, True, contacts * 3, contacts)
        db.execute(
            f"""
            insert into marts.icommkt_payloads
            select
                'main', 'contact' || i || '@example' || i % 50 || '.com', {body}, md5(i || '-' || {differs}), i % 3 > 0
            from range({contacts}) as numbers (i)"""
        )
        db.execute(
            f"""
            insert into marts.icommkt_contacts
            select 'main', 'contact' || i || '@example' || i % 50 || '.com', i, i % 2 = 0,
                if(i % 3 > 0, date '{as_of_date}', null),
                {", ".join("cast(i % 3 > 0 as bigint)" for _ in WINDOWS)}, 0
            from range({contacts}) as numbers (i)"""
        )
    aside.replace(path)


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        given = pa.table(
            [list(column) for column in zip(*rows, strict=True)], names=[f"c{i}" for i in range(len(rows[0]))]
        )
        db.register("given", given)
        db.execute(f"insert into {table} select * from given")
        db.unregister("given")


def _fields(contacts: Sequence[Given]) -> list[tuple[object, ...]]:
    """Return the seed's fields, windows written out, of those that the first contact has, and texts for others."""
    first = contacts[0] if contacts else Given("")
    keys = [(key, True) for key in first.fields] + [(key, False) for key in first.untriggered]
    windows = project_vars({})["purchase_windows"]
    known = {}
    for line in fields.columns():
        column = line["mart_column"]
        days = next((days for name, days in windows.items() if column.endswith(f"_{name}")), (None, None))
        known[line["profile_field_key"]] = (column, line["type"], *days)
    found = []
    for key, triggers in keys:
        column, kind, *span = known.get(key, (key.lower(), "text", None, None))
        found.append((key, column, kind, 255, True, triggers, *span))
    return found


def _new(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    return aside


def _meta(
    db: duckdb.DuckDBPyConnection, build_id: str, as_of: dt.date, tested: bool, orders: int, customers: int
) -> None:
    db.execute("insert into meta.build values (?, ?, ?, now()::timestamp, ?)", [build_id, as_of, ZONE, tested])
    db.execute("insert into meta.row_counts values ('raw', 'orders', ?), ('raw', 'customers', ?)", [orders, customers])
