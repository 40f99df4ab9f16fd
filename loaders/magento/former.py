"""From the raw tables' former form, in which lists had tables of their own: what only raw knows is taken over.

The store is read again; what it no longer has (deleted products name what was bought) is in the former tables alone.
They stay beside the new ones until those are whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from loaders.magento.schema import Column, Table
from loaders.magento.storage import FIRST_LOAD, RawStore
from loaders.magento.tables import TABLES

PREFIX = "former_"
CHILDREN = {
    ("orders", "items"): ("order_items", "order_id"),
    ("creditmemos", "items"): ("creditmemo_items", "parent_id"),
    ("customers", "addresses"): ("customer_addresses", "customer_id"),
    ("products", "category_links"): ("product_category_links", "product_id"),
}
"""The former table of each list, and its column of the row that the list is in."""
_OWN = ("load_cursors", "load_checkpoints", "load_backfills", "load_rereads", "quarantine")


def set_aside(raw: RawStore) -> bool:
    """Rename raw tables of the former form, and drop what else it had; tell whether there were any."""
    there = raw.tables()
    has_new_column = "schema_name = 'raw' and column_name = '_unreadable'"
    new = {row[0] for row in raw.run(f"select table_name from duckdb_columns() where {has_new_column}")}
    aside = [one for one in (*TABLES, *(child for child, _ in CHILDREN.values())) if one in there and one not in new]
    if not aside:
        return False
    statements = [f"alter table raw.{one} rename to {PREFIX}{one}" for one in aside]
    statements += [f"drop table raw.{one}" for one in there if one in _OWN or one.startswith("_dlt_")]
    statements.append("drop schema if exists raw_staging cascade")
    statements.append(f"create table if not exists raw.{FIRST_LOAD} (begun_at timestamp)")
    raw.change(statements)
    return True


def take_over(raw: RawStore, tables: Iterable[Table]) -> None:
    """Take over the shop's former rows that the store did not send, and let go of the former tables.

    Of `tables` such rows are gone from the store; of others, which could not be read, nobody knows.
    """
    there, read = raw.tables(), {table.name for table in tables}
    for table in TABLES.values():
        former = f"{PREFIX}{table.name}"
        if former not in there:
            continue
        gone = "coalesce(_deleted_at, current_timestamp::timestamp)" if table.name in read else "_deleted_at"
        own = {"_unreadable": "null", "_row_hash": "''", "_deleted_at": gone}
        values = {column.name: f'"{column.name}"' for column in table.columns} | {"_changed_at": "_changed_at"} | own
        values |= {column.name: _list(table, column) for column in table.columns if column.fields}
        lists = [f"{PREFIX}{CHILDREN[table.name, column.name][0]}" for column in table.columns if column.fields]
        names = ", ".join(f'"{one}"' for one in values)
        keys = " and ".join(f'row."{key}" = former."{key}"' for key in table.primary_key)
        raw.change(
            [
                f"""insert into raw.{table.name} (store_key, {names})
                    select store_key, {", ".join(values.values())} from raw.{former} as former
                    where store_key = $store and not exists (
                        select 1 from raw.{table.name} as row where row.store_key = $store and {keys})""",
                *(f"delete from raw.{one} where store_key = $store" for one in (*lists, former) if one in there),
            ]
        )
        for one in (*lists, former):
            if one in there and not raw.run(f"select 1 from raw.{one} limit 1"):
                raw.run(f"drop table raw.{one}")


def _list(table: Table, column: Column) -> str:
    """The SQL of a list as the store would have sent it, from its former table."""
    child, parent = CHILDREN[table.name, column.name]
    nested: dict[str, list[str]] = {}
    for key in column.fields:
        outer, _, inner = key.partition(".")
        nested.setdefault(outer, []).extend([inner] if inner else [])
    parts = [
        f"{outer}: {{{', '.join(f'{one}: line.{one}' for one in inner)}}}" if inner else f"{outer}: line.{outer}"
        for outer, inner in nested.items()
    ]
    return f"""(select to_json(list({{{", ".join(parts)}}} order by line.{column.fields[0]}))::varchar
        from raw.{PREFIX}{child} as line
        where line.store_key = former.store_key and line.{parent} = former."{table.key}"
          and line._dlt_load_id = former._dlt_load_id)"""
