"""Reading `searchCriteria` out of a URL the way PHP and Magento's input processor do.

Recorded rules: both spellings (`filter_groups`/`filterGroups`, `search_criteria`/`searchCriteria`) are the same; a key
that does not exist is a 400 that names it; a scalar searchCriteria is an empty one; a filter without condition is `eq`;
of a repeated key the last counts; the answer repeats what it understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from demo.magento import errors

Query = dict[str, Any]

_LARGEST = 2**31 - 1  # what a page or an id can be in MySQL; beyond it there is nothing
_NUMERIC = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Filter:
    """One condition. `value` is None when the URL gave none."""

    field: str | None
    value: str | None
    condition: str


@dataclass(frozen=True)
class Sort:
    """One sort order; without direction Magento sorts descending."""

    field: str | None
    direction: str | None

    @property
    def descending(self) -> bool:
        """Whether the order goes down."""
        return self.direction != "ASC"


@dataclass(frozen=True)
class Criteria:
    """What to list: groups are joined by AND, the filters inside one by OR. Sizes and pages are as asked, unchecked."""

    groups: tuple[tuple[Filter, ...], ...] = ()
    sorts: tuple[Sort, ...] = ()
    has_sorts: bool = False
    page_size: int | None = None
    current_page: int | None = None

    @property
    def limit(self) -> int | None:
        """Rows of a page: None is everything; a negative size is 1, as Magento's SQL builder makes it."""
        if not self.page_size:
            return None
        return max(1, self.page_size)

    @property
    def offset(self) -> int:
        """Rows before the page; pages below 1 are page 1."""
        return (max(1, self.current_page or 1) - 1) * (self.limit or 0)

    def echo(self) -> dict[str, Any]:
        """Return the `search_criteria` of the answer."""
        result: dict[str, Any] = {
            "filter_groups": [
                {
                    "filters": [
                        {"field": one.field, "value": one.value, "condition_type": one.condition} for one in group
                    ]
                }
                for group in self.groups
            ]
        }
        if self.has_sorts:
            result["sort_orders"] = [{"field": one.field, "direction": one.direction} for one in self.sorts]
        if self.page_size is not None:
            result["page_size"] = self.page_size
        if self.current_page is not None:
            result["current_page"] = self.current_page
        return result


def parse_query(query: str) -> Query:
    """Decode a query string as PHP does: `a[b][]=c` nests, the last of equal names wins."""
    result: Query = {}
    for part in query.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        _put(result, unquote_plus(name).lstrip(" "), unquote_plus(value))
    return result


def _put(result: Query, name: str, value: str) -> None:
    base, bracket, rest = name.partition("[")
    if not base:
        return
    base = base.replace(".", "_").replace(" ", "_")
    if not bracket or "]" not in rest:
        result[base if not bracket else f"{base}_{rest}"] = value
        return
    keys = [base]
    while bracket and "]" in rest:
        key, _, rest = rest.partition("]")
        keys.append(key)
        if not rest.startswith("["):
            break
        rest = rest[1:]
    node = result
    for key in keys[:-1]:
        key = key or str(len(node))
        child = node.get(key)
        if not isinstance(child, dict):
            child = node[key] = {}
        node = child
    node[keys[-1] or str(len(node))] = value


def upper_camel(name: str) -> str:
    """Return `page_size` and `pageSize` as `PageSize`, as Magento names its setters."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def to_int(value: object, *, field_name: str | None = None) -> int:
    """Cast as PHP does once `is_numeric` has agreed. Raises `MagentoError`."""
    text = value if isinstance(value, str) else ""
    if not _NUMERIC.fullmatch(text):
        raise errors.not_an_integer(value, field=field_name)
    number = float(text)
    return int(max(-_LARGEST, min(_LARGEST, number)))


def read_criteria(query: Query, *, page_limit: int | None = None, default_page_size: int | None = None) -> Criteria:
    """Build the criteria of a list call. `page_limit` and `default_page_size` apply where limits are switched on.

    Raises `MagentoError`, with the answer Magento gives.
    """
    given = query.get("searchCriteria", query.get("search_criteria"))
    if given is None:
        raise errors.required("searchCriteria")
    groups: tuple[tuple[Filter, ...], ...] = ()
    sorts: tuple[Sort, ...] = ()
    has_sorts = False
    page_size: int | None = None
    current_page: int | None = None
    for name, value in _items(given):
        key = upper_camel(name)
        if key == "FilterGroups":
            groups = tuple(_read_group(one) for _, one in _items(value))
        elif key == "SortOrders":
            sorts = tuple(_read_sort(one) for _, one in _items(value))
            has_sorts = True
        elif key == "PageSize":
            page_size = to_int(value, field_name=name)
        elif key == "CurrentPage":
            current_page = to_int(value, field_name=name)
        else:
            raise errors.unsupported_field(key)
    if page_limit is not None:
        if page_size is None:
            page_size = default_page_size
        elif page_size > page_limit:
            raise errors.page_too_large(page_limit)
    return Criteria(groups, sorts, has_sorts, page_size, current_page)


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _read_group(given: Any) -> tuple[Filter, ...]:
    filters: tuple[Filter, ...] = ()
    for name, value in _items(given):
        if upper_camel(name) != "Filters":
            raise errors.unsupported_field(upper_camel(name))
        filters = tuple(_read_filter(one) for _, one in _items(value))
    return filters


def _read_filter(given: Any) -> Filter:
    found: dict[str, str | None] = {"Field": None, "Value": None, "ConditionType": None}
    for name, value in _items(given):
        key = upper_camel(name)
        if key not in found:
            raise errors.unsupported_field(key)
        found[key] = ",".join(str(one) for one in value.values()) if isinstance(value, dict) else value
    return Filter(found["Field"], found["Value"], found["ConditionType"] or "eq")


def _read_sort(given: Any) -> Sort:
    sort_field: str | None = None
    direction: str | None = None
    for name, value in _items(given):
        key = upper_camel(name)
        if key == "Field":
            sort_field = str(value)
        elif key == "Direction":
            direction = str(value).upper()
            if direction not in ("ASC", "DESC"):
                raise errors.bad_sort_direction()
        else:
            raise errors.unsupported_field(key)
    return Sort(sort_field, direction)
