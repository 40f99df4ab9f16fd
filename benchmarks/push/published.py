"""Makes published files of any size without a store or a build: for the push's tests and benchmarks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from loaders import fields
from loaders.dbt_vars import project_vars

WINDOWS = (30, 60, 90, 180, 360)
COUNTS = [f"purchases_{window}_days" for window in WINDOWS]
AS_OF = dt.date(2026, 9, 23)  # long enough ago for tests of the forty days after it
ZONE = "America/Argentina/Buenos_Aires"

SCHEMA = f"""
create schema marts;
create schema meta;
create schema seeds;
create table meta.build (
    build_id varchar, as_of_date date, store_timezone varchar, built_at timestamp, is_tested boolean
);
create table meta.row_counts (layer varchar, table_name varchar, row_count bigint);
create table marts.icommkt_contact_websites (store_key varchar, email varchar, website_id bigint);
create table seeds.icommkt_profiles (website_id bigint, profile_setting varchar);
create table marts.icommkt_profile_fields (
    profile_field_key varchar, mart_column varchar, type varchar, max_length integer, enabled boolean,
    triggers_send boolean, first_day integer, last_day integer
);
insert into marts.icommkt_profile_fields values
    {", ".join(f"('{n}', 'purchases_{n}_days', 'count', null, false, true, 0, {n})" for n in WINDOWS)};
"""
CONTACTS = {
    "store_key": pa.string(),
    "email": pa.string(),
    "customer_id": pa.int64(),
    "is_subscribed": pa.bool_(),
    "last_purchase_date": pa.date32(),
    "purchases_total": pa.int64(),
    **dict.fromkeys(COUNTS, pa.int64()),
}


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


@dataclass(frozen=True)
class Field:
    """A field of the file: its key, its column and what icommkt_profile_fields says of it."""

    key: str
    column: str
    type: str = "text"
    triggers: bool = True
    days: tuple[int | None, int | None] = (None, None)


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
    sent = _fields(contacts)
    rows: list[dict[str, object]] = []
    for one in contacts:
        bought = any(one.purchases.values()) if one.has_purchase is None else one.has_purchase
        values = {**one.fields, **one.untriggered}
        rows.append(
            {
                "store_key": "main",
                "email": one.email,
                "customer_id": one.customer_id,
                "is_subscribed": one.is_subscribed,
                "last_purchase_date": one.last_purchase,
                "purchases_total": int(bought),
                **{f"purchases_{window}_days": one.purchases.get(window, 0) for window in WINDOWS},
                **{each.column: values.get(each.key) for each in sent},
            }
        )
    schema = pa.schema({**CONTACTS, **{each.column: pa.string() for each in sent}})
    with duckdb.connect(str(aside)) as db:
        db.execute(SCHEMA)
        _meta(db, build_id, as_of_date, is_tested, orders, customers)
        db.register("given", pa.Table.from_pylist(rows, schema=schema))
        db.execute("create table marts.icommkt_contacts as from given")
        db.unregister("given")
        sites = [["main", one.email, website] for one in contacts for website in one.websites]
        for table, lines in {
            "marts.icommkt_contact_websites": sites,
            "seeds.icommkt_profiles": [list(pair) for pair in (profiles or {}).items()],
        }.items():
            if lines:
                db.executemany(f"insert into {table} values ({', '.join('?' for _ in lines[0])})", lines)
        _payloads(db, sent)
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
    columns = ["'José \"Pepe\" 🎉 Nº ' || i as nombre", f"(i * 7 + {differs}) || '.50' as amount_total"]
    sent = [Field("nombre", "nombre"), Field("ICOMMKT_Amount_Total", "amount_total", "money")]
    for number in range(3, fields + 1):
        value = "'Producto ' || i || ', Zapatilla ' || (i % 97)" if number % 5 == 0 else f"(i * {number}) % 1000"
        columns.append(f"{value} as field_{number}_days")
        sent.append(Field(f"ICOMMKT_Field_{number}_Days", f"field_{number}_days"))
    with duckdb.connect(str(aside), config={"memory_limit": "1GB"}) as db:
        db.execute("set enable_progress_bar = false")
        db.execute(SCHEMA)
        _meta(db, f"made-{version}", as_of_date, True, contacts * 3, contacts)
        db.execute(
            f"""
            create table marts.icommkt_contacts as
            select
                'main' as store_key, 'contact' || i || '@example' || i % 50 || '.com' as email, i as customer_id,
                i % 2 = 0 as is_subscribed, if(i % 3 > 0, date '{as_of_date}', null) as last_purchase_date,
                cast(i % 3 > 0 as bigint) as purchases_total,
                {", ".join(f"cast(i % 3 > 0 as bigint) as {name}" for name in COUNTS)},
                {", ".join(columns)}
            from range({contacts}) as numbers (i)"""
        )
        _payloads(db, sent)
    aside.replace(path)


def _payloads(db: duckdb.DuckDBPyConnection, sent: Sequence[Field]) -> None:
    """Add the fields, the view of the payloads and their hashes, as a build does."""
    for each in sent:
        db.execute(
            "insert into marts.icommkt_profile_fields values (?, ?, ?, 255, true, ?, ?, ?)",
            [each.key, each.column, each.type, each.triggers, *each.days],
        )
    db.execute(
        f"""
        create view marts.icommkt_payloads as
        with contacts as (select * from marts.icommkt_contacts)
        select
            store_key, email, {_json(sent)} as custom_fields,
            md5({_json([one for one in sent if one.triggers])}) as payload_hash, md5({_json(sent)}) as content_hash
        from contacts"""
    )
    db.execute(
        "create table marts.icommkt_payload_hashes as"
        " select store_key, email, payload_hash, content_hash from marts.icommkt_payloads"
    )


def _json(sent: Sequence[Field]) -> str:
    """Return SQL of the JSON of these fields; a contact may be given fewer than others."""
    pairs = ", ".join(f"{{'Key': {_quoted(one.key)}, 'Value': cast(\"{one.column}\" as varchar)}}" for one in sent)
    listed = f"list_filter([{pairs}], lambda given_pair: given_pair.Value is not null)"
    listed = listed if sent else "cast([] as varchar[])"
    return f"cast(to_json({listed}) as varchar)"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _fields(contacts: Sequence[Given]) -> list[Field]:
    """Return the fields of the contacts in the first one's order, with the seed's columns, types and windows."""
    triggers = {key: True for one in contacts for key in one.fields}
    triggers |= {key: False for one in contacts for key in one.untriggered}
    windows = project_vars({})["purchase_windows"]
    known = {line["profile_field_key"]: line for line in fields.columns()}
    found = []
    for key, does in triggers.items():
        line = known.get(key, {"mart_column": key.lower(), "type": "text"})
        column = line["mart_column"]
        days = next((days for name, days in windows.items() if column.endswith(f"_{name}")), (None, None))
        # A value given by hand stands beside the contact's own column, not in place of it.
        found.append(Field(key, f"sent_{column}" if column in CONTACTS else column, line["type"], does, tuple(days)))
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
