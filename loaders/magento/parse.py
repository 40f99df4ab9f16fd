"""From the bytes of answers to typed Arrow tables.

The fast way: pyarrow reads an answer once, straight into the declared types. Whatever does not fit
(a text where a number was, an object where a list was) makes pyarrow refuse the answer; then its
rows are tried one by one, and those that still do not fit are read the lenient way, as texts that
DuckDB casts. A row whose key or another required value cannot be read goes to the quarantine whole;
any other value that cannot be read is left empty, and noted there with the reason. Tables with
columns that keep whole JSON subtrees are always read the lenient way: pyarrow has no such type.

What follows (hashing rows, leaving out what the warehouse has) is DuckDB's work on some thousand
rows at once, so that the cost of a statement is paid rarely. Rows without a flaw become columns in
Arrow alone (`columns.py`); a batch with a flaw in it goes through SQL that finds and names it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from loaders.magento.answers import read_json
from loaders.magento.columns import OddRowsError, TypedRows
from loaders.magento.errors import MagentoError
from loaders.magento.tables import DUCKDB_TYPES, Column, Table, children_of
from loaders.text import fit

QUARANTINE_SCHEMA = pa.schema(
    [
        ("store_key", pa.string()),
        ("table_name", pa.string()),
        ("row_id", pa.string()),
        ("column_name", pa.string()),
        ("reason", pa.string()),
        ("found_at", pa.timestamp("us")),
    ]
)


def refused_rows(store_key: str, table: str, rows: list[tuple[int, str]], found_at: datetime) -> pa.Table:
    """Quarantine lines of rows that the store cannot send: key and reason; no column, since it is all of them."""
    return pa.Table.from_pylist(
        [
            {
                "store_key": store_key,
                "table_name": table,
                "row_id": str(key),
                "column_name": None,
                "reason": reason,
                "found_at": found_at,
            }
            for key, reason in rows
        ],
        schema=QUARANTINE_SCHEMA,
    )


Way = Literal["fast", "lenient"]

# Wide enough for any amount that PHP computes (184.91999999999999); rounded to the column's scale later.
_WIDE_DECIMAL = pa.decimal128(38, 16)


@dataclass(frozen=True)
class PageInfo:
    """What paging needs to know of an answer: `last_key` is its highest key, None when it had no row.

    `total_count` is what the store says, 0 when it says nothing; it may be wrong.
    """

    total_count: int
    row_count: int
    last_key: int | None


@dataclass(frozen=True)
class Batch:
    """The changed rows of a few answers.

    `tables` holds one Arrow table for the table itself and one for each of its children, with the
    schema of `tables.arrow_schema`; `quarantine` has the schema above, None when all could be read.
    """

    tables: dict[str, pa.Table]
    quarantine: pa.Table | None


class PageParser:
    """Parses the answers of one table; one for each thread, since it has a DuckDB connection of its own.

    `add` reads an answer, `batches` turns all that were added since into tables.
    `known` is an open connection to the warehouse, from which unchanged rows are recognised by
    their hash and left out; None when the raw table does not exist yet.
    """

    def __init__(
        self, table: Table, store_key: str, changed_at: datetime, known: duckdb.DuckDBPyConnection | None = None
    ) -> None:
        self._table = table
        self._values = {"store_key": store_key, "changed_at": changed_at}
        self._connection = known.cursor() if known is not None else duckdb.connect()
        self._connection.execute("set TimeZone = 'UTC'")
        self._connection.execute("set threads = 1")  # a batch is small, and there is a parser for each worker
        self._typed = TypedRows(table, store_key, changed_at, self._to_json)
        self._has_known = known is not None
        self._pending: dict[Way, list[pa.Table]] = {"fast": [], "lenient": []}
        self.pending_rows = 0

    def add(self, body: bytes) -> PageInfo:
        """Read one answer.

        Raises StoreDownError or BadAnswerError when it is not JSON, MagentoError when it has no list of items.
        """
        if not _has_whole(self._table):
            try:
                return self._keep("fast", _read_fast(self._table, body))
            except pa.ArrowInvalid:
                pass  # something in it does not fit: find out what, row by row
        answer = read_json(self._table.rest_path, body)
        if _NUMBERED.search(body) and (listed := _with_lists(self._table, answer)) != answer:
            answer, body = listed, orjson.dumps(listed)
        # An empty page is `[]`, or `null` with `fields=` (recorded).
        if not isinstance(answer, dict) or not isinstance(answer.get("items", 0), list | None):
            raise MagentoError(f"{self._table.rest_path} answered JSON without a list of items; run again later")
        if _has_whole(self._table):
            return self._keep("lenient", self._read_lenient(body))
        return self._add_row_by_row(answer)

    def batches(self) -> Iterator[Batch]:
        """Turn the added answers into tables, leaving out rows that the warehouse has already."""
        for way, answers in self._pending.items():
            if not answers:
                continue
            together = pa.concat_tables(answers)
            tables = self._clean(together) if way == "fast" else None
            if tables is not None:
                self._pending[way] = []
                yield Batch(tables, None)
                continue
            self._connection.register("answers", together)
            for statement in _statements(self._table, way, has_known=self._has_known):
                self._execute(statement)
            self._connection.unregister("answers")
            tables = {self._table.name: self._arrow(_rows_sql(self._table))}
            for child in children_of(self._table):
                tables[child.name] = self._arrow(_child_rows_sql(child))
            bad = self._connection.execute(_bad_sql(self._table)).fetchone()
            quarantine = _fitting(self._arrow(_quarantine_sql(self._table))) if bad and bad[0] else None
            self._pending[way] = []
            yield Batch(tables, quarantine)
        self.pending_rows = 0

    def keys(self) -> list[tuple[str, ...]]:
        """Keys of all rows added since the last batch, as texts, None where unreadable; for small tables."""
        return self._texts(self._table.primary_key)

    def emptied(self) -> list[tuple[str, ...]]:
        """Keys of those of them in which a lasting column is empty, each with the column's name."""
        names, width = self._table.lasting, len(self._table.primary_key)
        rows = self._texts((*self._table.primary_key, *names))
        return [
            (*row[:width], name)
            for row in rows
            for name, value in zip(names, row[width:], strict=True)
            if not fit(value or "")
        ]

    def _texts(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for answers in self._pending.values():
            for answer in answers:
                rows = answer["items"].combine_chunks().flatten()
                found += zip(*[rows.field(name).cast(pa.string()).to_pylist() for name in names], strict=True)
        return found

    def close(self) -> None:
        """Close the parser's connection."""
        self._connection.close()

    def _keep(self, way: Way, answer: pa.Table) -> PageInfo:
        """Keep a parsed answer for the next batch."""
        rows = answer["items"].combine_chunks().flatten()
        keys = rows.field(self._table.primary_key[0]) if len(rows) else None
        if keys is not None and pa.types.is_string(keys.type):
            keys = pc.cast(pc.if_else(pc.match_substring_regex(keys, r"^-?\d{1,18}$"), keys, None), pa.int64())
        self._pending[way].append(answer)
        self.pending_rows += len(rows)
        total = answer["total_count"][0].as_py()
        return PageInfo(count_of(total), len(rows), pc.max(keys).as_py() if keys is not None else None)

    def _clean(self, answers: pa.Table) -> dict[str, pa.Table] | None:
        """Turn answers without a flaw into tables; None when there is one."""
        items = answers["items"].combine_chunks().flatten()
        if not len(items):
            return self._typed.tables(items, pa.array([], pa.string()))
        self._connection.register("incoming", pa.table({"item": items}))
        found = self._arrow(_incoming_sql(self._table, has_known=self._has_known))
        self._connection.unregister("incoming")
        if found.num_rows < len(items):
            items = items.take(found["position"].combine_chunks())
        try:
            return self._typed.tables(items, found["row_hash"].combine_chunks())
        except OddRowsError:
            return None

    def _to_json(self, values: pa.Array) -> pa.Array:
        """Write an array of lists as JSON texts."""
        self._connection.register("lists", pa.table({"list": values}))
        texts = self._arrow("select to_json(list)::varchar as text from lists")["text"].combine_chunks()
        self._connection.unregister("lists")
        return texts

    def _add_row_by_row(self, answer: dict[str, Any]) -> PageInfo:
        """Separate the rows that fit from those that do not, and keep each its way."""
        fitting, odd = [], []
        for item in answer.get("items") or []:
            try:
                _read_fast(self._table, orjson.dumps({"items": [item]}))
                fitting.append(item)
            except pa.ArrowInvalid:
                odd.append(item)
        infos = []
        if fitting:
            infos.append(self._keep("fast", _read_fast(self._table, orjson.dumps({"items": fitting}))))
        if odd:
            infos.append(self._keep("lenient", self._read_lenient(orjson.dumps({"items": odd}))))
        keys = [info.last_key for info in infos if info.last_key is not None]
        total = count_of(answer.get("total_count"))
        return PageInfo(total, sum(i.row_count for i in infos), max(keys) if keys else None)

    def _read_lenient(self, body: bytes) -> pa.Table:
        """Read an answer as texts."""
        shape = _quoted(_answer_shape(self._table))
        text = body.decode("utf-8", errors="replace")
        sql = f"with answer as (select from_json($1::json, {shape}) as a) select a.total_count, a.items from answer"
        return self._connection.execute(sql, [text]).to_arrow_table()

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(sql, {key: value for key, value in self._values.items() if f"${key}" in sql})

    def _arrow(self, sql: str) -> pa.Table:
        return self._execute(sql).to_arrow_table()


def count_of(total: object) -> int:
    """Return the store's count; 0 when it is no number."""
    return int(str(total)) if re.fullmatch(r"\d{1,18}", str(total)) else 0


# --- lists as PHP writes them ------------------------------------------------------------------

_NUMBERED = re.compile(rb'\{\s*"\d+"\s*:')


def php_list(value: Any) -> list[Any] | None:
    """Return a list, None for what is none. PHP writes a list with a gap in it as an object: `{"0": …, "2": …}`."""
    if isinstance(value, dict) and all(map(str.isdecimal, value)):
        return list(value.values())
    return value if isinstance(value, list) else None


@cache
def _list_paths(table: Table) -> frozenset[str]:
    """Where an item has lists: the children's, and JSON that no other column reaches into."""
    children = {child.items_path for child in children_of(table)}
    paths = children | {column.json_path for column in table.columns}
    whole = {column.json_path for column in table.columns if column.type == "json"}
    return frozenset(children | {path for path in whole if not any(one.startswith(f"{path}.") for one in paths)})


def _with_lists(table: Table, answer: Any) -> Any:
    """Return an answer in which each list that is read is one, however PHP wrote it."""

    def read(value: Any, path: str, is_below: bool) -> Any:
        is_below = is_below or path in _list_paths(table)
        if is_below and (listed := php_list(value)) is not None:
            value = listed
        if isinstance(value, list):
            return [read(one, path, is_below) for one in value]
        if isinstance(value, dict):
            return {name: read(below, f"{path}.{name}".lstrip("."), is_below) for name, below in value.items()}
        return value

    items = php_list(answer.get("items")) if isinstance(answer, dict) else None
    return answer if items is None else {**answer, "items": [read(item, "", False) for item in items]}


# --- what an answer looks like -----------------------------------------------------------------


@cache
def _whole_paths(table: Table) -> frozenset[str]:
    """Paths that land whole as JSON; a declared path below one of them is read out of it."""
    paths = {c.json_path for c in table.columns if c.type == "json" and not c.is_list}
    return frozenset(p for p in paths if not any(p.startswith(f"{other}.") for other in paths))


def _has_whole(table: Table) -> bool:
    return bool(_whole_paths(table))


def _structure(table: Table) -> dict[str, Any]:
    """Build the shape of one item for DuckDB's from_json: every leaf a text, whole subtrees as JSON."""
    shape: dict[str, Any] = {}
    for column in table.columns:
        path = column.json_path
        top = next((w for w in _whole_paths(table) if path == w or path.startswith(f"{w}.")), None)
        *parents, leaf = (top or path).split(".")
        node = shape
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = "JSON" if top or column.type == "json" else "VARCHAR"
    for child in children_of(table):
        if "." not in child.items_path:
            shape[child.items_path] = "JSON"
    return shape


def _answer_shape(table: Table) -> dict[str, Any]:
    return {"items": [_structure(table)], "total_count": "VARCHAR"}


def _arrow_type(column: Column) -> pa.DataType:
    if column.is_list:
        return pa.list_(pa.string())
    types = {"bigint": pa.int64(), "bool": pa.bool_(), "money": _WIDE_DECIMAL, "rate": _WIDE_DECIMAL}
    return types.get(column.type, pa.string())


def _arrow_struct(table: Table) -> pa.DataType:
    fields: dict[str, Any] = {}
    for column in table.columns:
        *parents, leaf = column.json_path.split(".")
        node = fields
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = _arrow_type(column)
    for child in children_of(table):
        fields[child.items_path] = pa.list_(_arrow_struct(child))

    def made(node: dict[str, Any]) -> pa.DataType:
        return pa.struct([(name, made(below) if isinstance(below, dict) else below) for name, below in node.items()])

    return made(fields)


@cache
def _parse_options(table: Table) -> pj.ParseOptions:
    schema = pa.schema([("items", pa.list_(_arrow_struct(table))), ("total_count", pa.int64())])
    return pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")


@cache
def _empty_objects(table: Table) -> tuple[tuple[bytes, bytes], ...]:
    """What to replace in an answer of `table`: PHP writes an object without a key as `[]` (recorded).

    A quote inside a text is escaped, so none of these can be part of one.
    """
    paths = [c.json_path for t in (table, *children_of(table)) for c in t.columns]
    names = sorted({name for path in paths for name in path.split(".")[:-1]})
    return tuple((f'"{name}":[]'.encode(), f'"{name}":null'.encode()) for name in names)


def _read_fast(table: Table, body: bytes) -> pa.Table:
    """Read an answer into the declared types; raises pa.ArrowInvalid when something does not fit."""
    for empty, null in _empty_objects(table):
        body = body.replace(empty, null)
    read = pj.ReadOptions(use_threads=False, block_size=len(body) + 1)
    answer = pj.read_json(io.BytesIO(body), read_options=read, parse_options=_parse_options(table))
    if answer.num_rows != 1 or answer["items"].null_count:
        raise pa.ArrowInvalid("no list of items")
    if answer["items"].combine_chunks().flatten().null_count:
        raise pa.ArrowInvalid("an item is null")
    return answer


# --- the SQL that both ways share --------------------------------------------------------------


def _reach(item: str, path: str) -> str:
    return item + "".join(f'."{part}"' for part in path.split("."))


def _read(table: Table, column: Column, item: str = "item") -> str:
    """Write the SQL of a column's value inside the parsed item."""
    path = column.json_path
    for top in _whole_paths(table):
        if path == top:
            return f"{_reach(item, top)}::varchar"
        if path.startswith(f"{top}."):
            function = "json_extract" if column.type == "json" else "json_extract_string"
            return f"{function}({_reach(item, top)}::json, '$.{path.removeprefix(f'{top}.')}')::varchar"
    return _reach(item, path)


def _typed(column: Column, value: str, way: Way) -> str:
    """Write the SQL that casts a value to the column's type, null when it cannot be."""
    if column.type == "text":
        return value
    if column.type == "json":
        return f"to_json({value})::varchar" if way == "fast" else value
    if way == "fast" and column.type in ("bigint", "bool"):
        return value
    if column.type == "bigint":  # DuckDB would round 12.5 to 13
        return f"case when regexp_full_match({value}, '-?[0-9]+') then try_cast({value} as bigint) end"
    return f"try_cast({value} as {DUCKDB_TYPES[column.type]})"


def _named(sql: str, column: Column) -> str:
    return f'{sql} as "{column.name}"'


def _quoted(value: object) -> str:
    return "'" + json.dumps(value).replace("'", "''") + "'"


def _flags(columns: tuple[Column, ...]) -> str:
    """Write whether a row's required values are unreadable, and whether any of its values is."""
    required = [f'typed."{c.name}" is null' for c in columns if c.required]
    bad = [f'(texts."{c.name}" is not null and typed."{c.name}" is null)' for c in columns if _can_be_bad(c)]
    return f"({' or '.join(required) or 'false'}) as _is_unreadable, ({' or '.join(bad) or 'false'}) as _has_bad"


def _can_be_bad(column: Column) -> bool:
    return column.type not in ("text", "json")


# DuckDB's own hash takes a fifteenth of the time that md5 of the value as text does. Another version of DuckDB may hash
# otherwise; each row that is read then counts as changed, once.
_HASH = "hash(item)::varchar as _row_hash"


@cache
def _statements(table: Table, way: Way, *, has_known: bool) -> tuple[str, ...]:
    """Spread the items into rows, cast their values, keep what is new, and do the same for the children."""
    values = [_named(_read(table, c), c) for c in table.columns]
    values += [f'{_child_list(table, child)} as "{child.name}"' for child in children_of(table)]
    types = [_named(_typed(c, f'texts."{c.name}"', way), c) for c in table.columns]
    rows = f"""
        create or replace temp table rows_text as
            with items as (
                select unnest(items) as item from answers
            ),
            numbered as (
                select item, row_number() over () as _position from items
            )
            select _position, {_HASH}, {", ".join(values)} from numbered
    """
    typed = f"""
        create or replace temp table rows_typed as
            with typed as (
                select texts._position, texts._row_hash, {", ".join(types)} from rows_text as texts
            )
            select typed.*, {_flags(table.columns)}
            from typed inner join rows_text as texts using (_position)
    """
    children = [_child_statement(table, child, way) for child in children_of(table)]
    return (rows, typed, _changed_sql(table, has_known=has_known), *children)


def _child_list(table: Table, child: Table) -> str:
    """Write the SQL of a child's list inside the parsed item."""
    for top in _whole_paths(table):
        if child.items_path.startswith(f"{top}."):
            return f"json_extract({_reach('item', top)}::json, '$.{child.items_path.removeprefix(f'{top}.')}')"
    return _reach("item", child.items_path)


def _changed_sql(table: Table, *, has_known: bool) -> str:
    """Keep the readable rows that are new, changed or back from deletion.

    A row of a load that was killed before its end is not known: its children may be missing.
    """
    keys = ", ".join(f'typed."{key}"' for key in table.primary_key)
    known = f"and {_unknown_sql(table, 'typed', 'rows_typed')}" if has_known else ""
    # Two rows of one key: the later one stands (dlt's upsert would keep both).
    return f"""
        create or replace temp table rows_changed as
            select typed.* exclude (_is_unreadable, _has_bad)
            from rows_typed as typed
            where not typed._is_unreadable {known}
            qualify row_number() over (partition by {keys} order by typed._position desc) = 1
    """


def _unknown_sql(table: Table, row: str, rows: str) -> str:
    """Write the condition that the warehouse does not have `row` of the relation `rows` as it is."""
    first = table.primary_key[0]
    same = " and ".join(f'known."{key}" = {row}."{key}"' for key in table.primary_key)
    return f"""not exists (
            select 1 from raw.{table.name} as known
            where known.store_key = $store_key and {same}
              and known."{first}" between (select min("{first}") from {rows}) and (select max("{first}") from {rows})
              and known._row_hash = {row}._row_hash and known._deleted_at is null
              and known._dlt_load_id in (select load_id from raw._dlt_loads)
        )"""


@cache
def _incoming_sql(table: Table, *, has_known: bool) -> str:
    """Hash the incoming items and list those that are new or changed, by position."""
    keys = ", ".join(
        f'{_reach("item", c.json_path)} as "{c.name}"' for c in table.columns if c.name in table.primary_key
    )
    where = f"where {_unknown_sql(table, 'rows', 'rows')}" if has_known else ""
    return f"""
        with rows as (
            select row_number() over () - 1 as position, {_HASH}, {keys} from incoming
        )
        select rows.position, rows._row_hash as row_hash from rows {where} order by rows.position
    """


def _child_statement(table: Table, child: Table, way: Way) -> str:
    """Take the children of the changed rows, each with its parent's hash and its parent's key."""
    texts, types = [], []
    for column in child.columns:
        from_parent = column.name == child.parent_key
        texts.append(_named("_parent_id" if from_parent else _read(child, column, "child"), column))
        value = f'texts."{column.name}"'
        types.append(_named(value if from_parent else _typed(column, value, way), column))
    children = f'unnest(texts."{child.name}")'
    if way == "lenient":
        shape = _structure(child)
        shape = {name: below for name, below in shape.items() if name != child.parent_key}
        children = f"""unnest(from_json(texts."{child.name}"::json, {_quoted([shape])}))"""
    return f"""
        create or replace temp table {child.name}_typed as
            with children as (
                select changed."{table.primary_key[0]}" as _parent_id, changed._position, changed._row_hash,
                       {children} as child
                from rows_changed as changed inner join rows_text as texts using (_position)
            ),
            texts as (
                select row_number() over () as _line, _position, _row_hash, {", ".join(texts)} from children
            ),
            typed as (
                select texts._line, texts._position, texts._row_hash, {", ".join(types)} from texts
            )
            select typed.*, {_flags(child.columns)},
                   struct_pack({", ".join(f'"{c.name}" := texts."{c.name}"' for c in child.columns)}) as _texts
            from typed inner join texts using (_line)
    """


_BOOKKEEPING = "_row_hash, $changed_at::timestamp as _changed_at, null::timestamp as _deleted_at"


def _declared(table: Table) -> str:
    return ", ".join(f'"{c.name}"' for c in table.columns)


@cache
def _rows_sql(table: Table) -> str:
    columns = f"$store_key::varchar as store_key, {_declared(table)}, {_BOOKKEEPING}"
    return f"select {columns} from rows_changed order by _position"


@cache
def _child_rows_sql(child: Table) -> str:
    keys = ", ".join(f'"{k}"' for k in child.primary_key)
    return f"""
        select $store_key::varchar as store_key, {_declared(child)}, {_BOOKKEEPING}
        from {child.name}_typed where not _is_unreadable
        qualify row_number() over (partition by {keys} order by _position desc, _line desc) = 1
        order by _position, _line
    """


@cache
def _bad_sql(table: Table) -> str:
    names = ["rows_typed", *(f"{child.name}_typed" for child in children_of(table))]
    bad = [f"exists (select 1 from {n} where _is_unreadable or _has_bad)" for n in names]
    return "select " + " or ".join([*bad, *(f"exists ({_not_a_list_sql(table, c)})" for c in children_of(table))])


def _reason(column: Column, value: str) -> str:
    return f"coalesce('not a {column.type}: ' || left({value}::varchar, 1000), 'missing, and the row needs it')"


def _fitting(lines: pa.Table) -> pa.Table:
    """Return lines of the quarantine with the store's texts cut, clean and masked."""
    columns = {name: lines[name] for name in QUARANTINE_SCHEMA.names}
    for name, limit in (("row_id", 60), ("reason", 80)):
        columns[name] = pa.array([text and fit(text, limit) for text in columns[name].to_pylist()], pa.string())
    return pa.table(columns).cast(QUARANTINE_SCHEMA)


def _not_a_list_sql(table: Table, child: Table) -> str:
    """Select the rows whose list of children is no list, which only the lenient way lets through."""
    return f"""
        select "{table.primary_key[0]}" as row_id from rows_text
        where typeof("{child.name}") in ('JSON', 'VARCHAR') and json_type("{child.name}"::json) not in ('ARRAY', 'NULL')
    """


@cache
def _quarantine_sql(table: Table) -> str:
    """List what could not be read: a line for each value, with its row's key where there is one."""
    head = "select $store_key::varchar as store_key"
    tail = "$changed_at::timestamp as found_at"
    parts = []
    sources = [(table, "rows_typed as typed inner join rows_text as texts using (_position)", "texts")]
    sources += [(child, f"{child.name}_typed as typed", "typed._texts") for child in children_of(table)]
    for source, relation, texts in sources:
        for column in source.columns:
            if not column.required and not _can_be_bad(column):
                continue
            value = f'{texts}."{column.name}"'
            missing = f'typed."{column.name}" is null' + ("" if column.required else f" and {value} is not null")
            parts.append(
                f"""
                {head}, '{source.name}' as table_name,
                {texts}."{source.primary_key[-1]}"::varchar as row_id, '{column.name}' as column_name,
                {_reason(column, value)} as reason,
                {tail}
                from {relation} where {missing}"""
            )
    for child in children_of(table):
        parts.append(
            f"""
            {head}, '{child.name}' as table_name, row_id::varchar, '{child.items_path}' as column_name,
            'not a list; the row was read without it', {tail}
            from ({_not_a_list_sql(table, child)})"""
        )
    return "\nunion all\n".join(parts)
