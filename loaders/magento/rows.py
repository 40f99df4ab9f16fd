"""From a page's JSON to an Arrow table: a column at once where all its values fit, value by value where one does not.

A value that cannot be read is left empty and named in the row's own `_unreadable`, which goes when the row is read
again and fits. An item without a value that its row needs becomes a line of the quarantine.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from loaders.magento.answers import read_json
from loaders.magento.errors import MagentoError
from loaders.magento.schema import TYPES, Column, Table, arrow_schema
from loaders.text import fit

LARGEST_BIGINT = 2**63 - 1
SCALES = {"money": 4, "rate": 8}
MISSING = "missing, and the row needs it"
LONGEST_REASON, LONGEST_KEY = 80, 60
_MISFITS = (pa.ArrowException, ValueError, TypeError, ArithmeticError, LookupError)
_PLAIN: dict[str, set[Any]] = {
    "bigint": {int, type(None)},
    "money": {int, float, type(None)},
    "rate": {int, float, type(None)},
}
_BOOLS = {"0": False, "false": False, "1": True, "true": True}
_NUMBERED = re.compile(rb'\{\s*"\d+"\s*:')


@dataclass(frozen=True)
class Lost:
    """An item that is no row of raw: its key, None where it cannot be read, the column that it lacks, and why."""

    row_id: str | None
    column: str
    reason: str
    item_hash: str


@dataclass(frozen=True)
class Rows:
    """The rows of a page, the keys of all its items (None where unreadable), and what could not be taken."""

    table: pa.Table
    keys: list[tuple[Any, ...]]
    lost: list[Lost]


def read_items(table: Table, body: bytes) -> tuple[list[Any], int]:
    """Return an answer's items and the store's count, 0 when it says none.

    Raises StoreDownError or BadAnswerError when it is not JSON, MagentoError when it has no list of items.
    """
    answer = read_json(table.rest_path, body)
    # An empty page is `[]`, or `null` with `fields=` (recorded).
    items = php_list(answer.get("items", 0)) if isinstance(answer, dict) else None
    if items is None and not (isinstance(answer, dict) and answer.get("items", 0) is None):
        raise MagentoError(f"{table.rest_path} answered JSON without a list of items; run again later")
    if items and _NUMBERED.search(body):
        for item in items:
            _put_lists_right(table, item)
    return items or [], count_of(answer.get("total_count"))


def count_of(total: object) -> int:
    """Return the store's count; 0 when it is no number."""
    return int(str(total)) if re.fullmatch(r"\d{1,18}", str(total)) else 0


def php_list(value: Any) -> list[Any] | None:
    """Return a list, None for what is none. PHP writes a list with a gap in it as an object: `{"0": …, "2": …}`."""
    if isinstance(value, dict) and all(map(str.isdecimal, value)):
        return list(value.values())
    return value if isinstance(value, list) else None


def _put_lists_right(table: Table, item: Any) -> None:
    for column in table.columns:
        *above, last = column.json_path.split(".")
        node = reduce(lambda node, name: node.get(name) if isinstance(node, dict) else None, above, item)
        if column.type == "list" and isinstance(node, dict) and last in node:
            node[last] = _listed(node[last])


def _listed(value: Any) -> Any:
    if (elements := php_list(value)) is not None:
        return [_listed(one) for one in elements]
    return {name: _listed(one) for name, one in value.items()} if isinstance(value, dict) else value


def to_rows(table: Table, items: list[Any], store_key: str, read_at: datetime) -> Rows:
    """Convert a page's items. Of two with one key the later stands."""
    count = len(items)
    unreadable: dict[int, dict[str, str]] = defaultdict(dict)
    arrays = {column.name: _column(column, items, unreadable) for column in table.columns}
    keys = list(zip(*(arrays[name].to_pylist() for name in table.primary_key), strict=True))
    needed = [column.name for column in table.columns if column.required]
    is_whole = reduce(pc.and_, (arrays[name].is_valid() for name in needed)).to_pylist()
    lost = []
    for n in (n for n in range(count) if not is_whole[n]):
        missing = next(name for name in needed if not arrays[name][n].is_valid)
        lost.append(Lost(_shown(keys[n]), missing, unreadable[n].get(missing, MISSING), _hash(items[n])))
    arrays |= {
        "store_key": pa.repeat(pa.scalar(store_key), count),
        "_unreadable": pa.array(
            [orjson.dumps(unreadable[n]).decode() if n in unreadable else None for n in range(count)], pa.string()
        ),
        "_row_hash": pa.array([_hash(item) for item in items], pa.string()),
        "_changed_at": pa.repeat(pa.scalar(read_at, pa.timestamp("us")), count),
        "_deleted_at": pa.nulls(count, pa.timestamp("us")),
    }
    schema = arrow_schema(table)
    rows = pa.Table.from_arrays([arrays[name] for name in schema.names], schema=schema)
    taken = {key: n for n, key in enumerate(keys) if is_whole[n]}
    if len(taken) < count:
        rows = rows.take(pa.array(sorted(taken.values()), pa.int64()))
    return Rows(rows, keys, lost)


def without_known(table: Table, rows: pa.Table, known: Mapping[tuple[Any, ...], str]) -> pa.Table:
    """Leave out rows that raw has already, by key and hash."""
    if not known or not rows.num_rows:
        return rows
    keys = zip(*(rows[name].to_pylist() for name in table.primary_key), strict=True)
    hashes = rows["_row_hash"].to_pylist()
    is_new = [known.get(key) != row_hash for key, row_hash in zip(keys, hashes, strict=True)]
    return rows if all(is_new) else rows.filter(pa.array(is_new))


def _shown(key: tuple[Any, ...]) -> str | None:
    return None if None in key else fit("/".join(map(str, key)), LONGEST_KEY)


def _hash(item: Any) -> str:
    """A row's content, as it was asked for: a declaration with another column gives another hash."""
    return hashlib.blake2b(orjson.dumps(item, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def _column(column: Column, items: list[Any], unreadable: dict[int, dict[str, str]]) -> pa.Array:
    values = items
    for name in column.json_path.split("."):
        values = [value.get(name) if type(value) is dict else None for value in values]
    if column.fields:
        return pa.array([_cut(column, n, value, unreadable) for n, value in enumerate(values)], pa.string())
    try:
        return _all_fitting(column, values)
    except _MISFITS:
        pass
    fitting: list[Any] = []
    for n, value in enumerate(values):
        try:
            fitting.append(None if value is None else _value(column, value))
        except _MISFITS:
            fitting.append(None)
            unreadable[n][column.name] = fit(f"not a {column.type}: {value}", LONGEST_REASON)
    return pa.array(fitting, TYPES[column.type][0])


def _all_fitting(column: Column, values: list[Any]) -> pa.Array:
    """Convert values that all fit; raises an error of Arrow or Python otherwise."""
    kind = TYPES[column.type][0]
    if column.type in _PLAIN and not set(map(type, values)) <= _PLAIN[column.type]:  # Arrow would make 1 of 1.5
        raise TypeError
    if column.type in SCALES:
        amounts = pa.array(values, pa.float64())
        scaled = pc.multiply(amounts, 10.0 ** SCALES[column.type])
        if (pc.max(pc.abs(pc.subtract(scaled, pc.round(scaled)))).as_py() or 0) > 0.001:
            raise ValueError("more places than the column has: each is rounded as it is written")
        return pc.cast(pc.round(amounts, SCALES[column.type]), kind)
    if column.type == "timestamp":
        return pc.cast(pa.array(values, pa.string()), kind)
    if column.type in ("json", "list"):
        return pa.array([None if value is None else orjson.dumps(value).decode() for value in values], kind)
    return pa.array(values, kind)


def _cut(column: Column, n: int, value: Any, unreadable: dict[int, dict[str, str]]) -> str | None:
    """JSON of a list of objects, of each the wanted fields: none without a readable key, of two with one the later."""
    elements = php_list(value)
    if elements is None:
        if value is not None:
            unreadable[n][column.name] = "not a list; the row was read without it"
        return None
    wanted = {field.partition(".")[0] for field in column.fields}
    kept: dict[int, dict[str, Any]] = {}
    for element in elements:
        key = element.get(column.fields[0]) if type(element) is dict else None
        if type(key) is not int:
            try:
                key = _to_int(key)
            except _MISFITS:
                unreadable[n][column.name] = f"an element without a readable {column.fields[0]}; read without it"
                continue
        kept[key] = element if element.keys() <= wanted else {name: element[name] for name in element if name in wanted}
    return orjson.dumps(list(kept.values())).decode()


def _value(column: Column, value: Any) -> Any:
    """Convert one value; raises one of _MISFITS when it does not fit."""
    if column.type == "text":
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    if column.type == "bigint":
        return _to_int(value)
    if column.type in SCALES:
        return _to_decimal(value, SCALES[column.type])
    if column.type == "bool":
        return _BOOLS[str(value).lower()]
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _to_int(value: Any) -> int:
    is_number = type(value) is int or (isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]+\s*", value))
    if not is_number or abs(number := int(value)) > LARGEST_BIGINT:
        raise ValueError
    return number


def _to_decimal(value: Any, scale: int) -> Decimal:
    if isinstance(value, bool | dict | list):
        raise TypeError
    number = Decimal(str(value).strip()).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if not number.is_finite() or abs(number) >= Decimal(10) ** (20 - scale):
        raise ValueError
    return number
