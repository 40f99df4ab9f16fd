"""List calls: what `searchCriteria` and `fields` ask, and the page of documents that answers.

Recorded: both spellings (`filter_groups`/`filterGroups`) are the same; filters in a group are joined by OR, groups by
AND; without a condition it is `eq`, without a direction descending; a page past the end is empty and keeps the total;
an unknown column is a 500 of the sales tables and a 400 of customers, products and categories, which ignore it when
sorting; dates are read as MySQL does; text is compared without case.
"""

from __future__ import annotations

import functools
import json
import re
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from demo.magento import database, errors
from demo.magento.errors import MagentoError

Criteria = dict[str, Any]
"""As the answer repeats it: `filter_groups`, and what was asked of `sort_orders`, `page_size`, `current_page`."""

Tree: TypeAlias = "dict[str, Tree | None]"
"""Wanted fields; None wants the whole value, a tree its sub-fields."""

_NAME = re.compile(r"search_?criteria\[(\w+)\](?:\[(\d+)\](?:\[filters\]\[(\d+)\])?\[(\w+)\])?", re.IGNORECASE)
_KNOWN = {("filter_groups", part) for part in ("field", "value", "condition_type")}
_KNOWN |= {("sort_orders", part) for part in ("field", "direction")}
_OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gteq": ">=", "from": ">=", "lt": "<", "lteq": "<=", "to": "<="}
# Any punctuation may stand between the parts of a date, and between it and the time; an offset is not applied.
_DATE = re.compile(r"\s*(\d{4})\D(\d{1,2})\D(\d{1,2})(?:[T\W_]+(\d{1,2})(?:\W(\d{1,2})(?:\W(\d{1,2}))?)?)?")
_REMEMBERED = 64


@dataclass(frozen=True)
class Resource:
    """One list call: its table, the permission it needs, and how fast the recorded Magento was.

    `key` is the name it filters the key by; `by_attributes` are the lists that know attributes and not columns.
    """

    table: str
    permission: str
    rows_per_second: float
    key: str = "entity_id"
    by_attributes: bool = False


def read_criteria(query: dict[str, str], page_limit: int = 0) -> Criteria:
    """Read the criteria of a list call. Raises `MagentoError`, with the answer Magento gives."""
    asked = [name for name in query if name.partition("[")[0] in ("searchCriteria", "search_criteria")]
    if not asked:
        raise errors.required("searchCriteria")
    groups: dict[str, dict[str, dict[str, str]]] = {}
    sorts: dict[str, dict[str, str]] = {}
    found: Criteria = {}
    for name in asked:
        if "[" not in name:
            continue
        match = _NAME.fullmatch(name)
        what, number, position, part = (_snake(one) for one in match.groups()) if match else ("", "", "", "")
        if what in ("page_size", "current_page"):
            found[what] = _number(query[name])
        elif (what, part) not in _KNOWN:
            given = {"fieldName": _camel(part or what or name)}
            raise MagentoError(400, '"%fieldName" is not supported. Correct the field name and try again.', given)
        elif what == "sort_orders":
            sorts.setdefault(number, {})[part] = query[name]
        else:
            groups.setdefault(number, {}).setdefault(position, {})[part] = query[name]
    if page_limit and found.get("page_size", 0) > page_limit:
        raise MagentoError(400, "Maximum SearchCriteria pageSize is %max", {"max": page_limit})
    filters = [
        {"filters": [{"field": "", "value": "", "condition_type": "eq"} | one for one in group.values()]}
        for group in groups.values()
    ]
    ordered = [
        {"field": one.get("field", ""), "direction": one.get("direction", "DESC").upper()} for one in sorts.values()
    ]
    return {"filter_groups": filters} | ({"sort_orders": ordered} if sorts else {}) | found


def _snake(name: str | None) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name or "")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _number(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,15}", text):
        message = f'The "{text}" value\'s type is invalid. The "int" type was expected. Verify and try again.'
        raise MagentoError(400, message)
    return int(text)


def moment(text: str) -> str:
    """Return the timestamp MySQL sees in a text; what is no date is the zero date, before everything."""
    match = _DATE.match(text)
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()) if match else (0,) * 6
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return "0000-00-00 00:00:00"
    return f"{year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}:{second:02d}"


class Store:
    """The open file. Used from one thread; `advance` writes through its own connection."""

    def __init__(self, path: Path) -> None:
        self.connection = database.connect(path, read_only=True)
        self._version = -1
        self._ids: dict[tuple[object, ...], array[int]] = {}

    def documents(self, table: str) -> list[dict[str, Any]]:
        """Return all documents of one of the small tables, by key."""
        return [orjson.loads(doc) for (doc,) in self.connection.execute(f"select doc from {table} order by 1")]

    def page(self, resource: Resource, criteria: Criteria) -> tuple[list[int], int]:
        """Return the ids of one page and how many rows match in all. Raises `MagentoError` for unknown fields."""
        sorts = _sorts(resource, criteria)
        by_key = sorts[0][0] == "entity_id"
        low, high = -(2**62), 2**62
        where: list[str] = []
        values: list[object] = []
        for group in criteria["filter_groups"]:
            filters = group["filters"]
            span = _span(resource, filters[0]) if by_key and len(filters) == 1 else None
            if span:
                low, high = max(low, span[0]), min(high, span[1])
                continue
            parts = [_condition(resource, one) for one in filters]
            where.append("(" + " or ".join(sql for sql, _ in parts) + ")")
            values += [value for _, given in parts for value in given]
        order = "" if by_key else ", ".join(f"{column} {direction}" for column, direction in sorts)
        ids = self._matching(resource.table, " and ".join(where), values, order)
        places = range(bisect_left(ids, low), bisect_right(ids, high)) if by_key else range(len(ids))
        if by_key and sorts[0][1] == "desc":
            places = places[::-1]
        size = criteria.get("page_size") or len(places)
        start = (max(1, criteria.get("current_page", 1)) - 1) * size
        return [ids[place] for place in places[start : start + size]], len(places)

    def docs(self, table: str, ids: list[int]) -> list[str]:
        """Return the documents with these ids, in their order."""
        query = f"select entity_id, doc from {table} where entity_id in (select value from json_each(?))"
        found = dict(self.connection.execute(query, (json.dumps(ids),)))
        return [found[key] for key in ids if key in found]

    def _matching(self, table: str, where: str, values: list[object], order: str) -> array[int]:
        """Return all ids that match, kept until the file changes: each further page is then a look-up."""
        version = self.connection.execute("pragma data_version").fetchone()[0]
        if version != self._version or len(self._ids) >= _REMEMBERED:
            self._version = version
            self._ids.clear()
        key = (table, where, *values, order)
        if key not in self._ids:
            query = f"select entity_id from {table} where {where or '1'}" + (f" order by {order}" if order else "")
            rows = [row[0] for row in self.connection.execute(query, values)]
            self._ids[key] = array("q", rows if order else sorted(rows))
        return self._ids[key]


def _column(resource: Resource, name: str) -> str | None:
    if name == resource.key:
        return "entity_id"
    columns = database.COLUMNS.get(resource.table)
    return name if columns and name in (*columns, "created_at", "updated_at") else None


def _sorts(resource: Resource, criteria: Criteria) -> list[tuple[str, str]]:
    found = []
    for sort in criteria.get("sort_orders", ()):
        if sort["direction"] not in ("ASC", "DESC"):
            message = "The sort order has to be specified as %1 for ascending order or %2 for descending order."
            raise MagentoError(400, message, ["ASC", "DESC"])
        column = _column(resource, sort["field"])
        if column:
            found.append((column, sort["direction"].lower()))
        elif not resource.by_attributes:
            raise errors.internal_error()
    return [*found, ("entity_id", "asc")]


def _span(resource: Resource, one: dict[str, str]) -> tuple[int, int] | None:
    """Return the range of keys that a condition leaves, None when it is not one on the key that leaves a range."""
    if one["field"] != resource.key or not re.fullmatch(r"-?\d{1,18}", one["value"]):
        return None
    value, condition, end = int(one["value"]), one["condition_type"], 2**62
    spans = {"gt": (value + 1, end), "gteq": (value, end), "from": (value, end), "eq": (value, value)}
    return (spans | {"lt": (-end, value - 1), "lteq": (-end, value), "to": (-end, value)}).get(condition)


def _condition(resource: Resource, one: dict[str, str]) -> tuple[str, list[object]]:
    name, value, condition = one["field"], one["value"], one["condition_type"]
    column = _column(resource, name)
    if column is None:
        if not resource.by_attributes:
            raise errors.internal_error()
        raise MagentoError(400, 'The "%1" attribute name is invalid. Reset the name and try again.', [name])
    given: list[object] = list(value.split(",")) if condition in ("in", "nin") else [value]
    if column in ("created_at", "updated_at"):
        given = [moment(str(each)) for each in given]
    if condition in ("in", "nin"):
        return f"{column} {'not ' * (condition == 'nin')}in ({','.join('?' * len(given))})", given
    if condition == "like":
        return rf"{column} like ? escape '\'", given
    if condition not in _OPERATORS:
        raise MagentoError(400, "The demo store does not imitate the condition %1", [condition])
    return f"{column} {_OPERATORS[condition]} ?", given


@functools.lru_cache(maxsize=64)
def parse_fields(text: str) -> Tree | None:
    """Parse a `fields=` filter; None when Magento would find it malformed, which empties the answer."""
    if re.search(r"[^A-Za-z0-9_\[\],]", text):
        return None
    stack: list[Tree] = [{}]
    last = ""
    for token in re.findall(r"[\[\]]|\w+", text):
        if token == "[":  # noqa: S105 - not a password
            inner: Tree = {}
            stack[-1][last] = inner
            stack.append(inner)
        elif token == "]":  # noqa: S105
            stack.pop()
        else:
            last = token
            stack[-1][last] = None
        if not stack:
            return None
    return stack[0] if len(stack) == 1 else None


def apply_fields(value: Any, tree: Tree) -> Any:
    """Filter a decoded value: of an empty list null is left, and of an object without any field PHP's empty array."""
    if isinstance(value, list):
        return [apply_fields(one, tree) for one in value] or None
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in tree.items():
        if name in value:
            one = value[name]
            kept[name] = one if inner is None or not isinstance(one, dict | list) else apply_fields(one, inner)
    return kept or []
