"""From searchCriteria to SQL on the demo store, with MySQL's ways of comparing.

* Text against a number column compares the number it starts with: `''` and `abc` are 0.
* Dates are read up to where they make sense: an offset is not applied, and what is no date is the zero date, so
  `gteq not-a-date` matches everything.
* Text compares without case. NULL (a key the document leaves out) matches nothing but `null`.
* A condition type that does not exist acts as `eq`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from demo.magento import errors

if TYPE_CHECKING:
    from collections.abc import Collection

    from demo.magento.criteria import Criteria, Filter
    from demo.magento.entities import Entity

_COMPARISONS = {"neq": "<>", "gt": ">", "gteq": ">=", "moreq": ">=", "from": ">=", "lt": "<", "lteq": "<=", "to": "<="}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)")
_DATE = re.compile(r"\s*(\d{4})\D(\d{1,2})\D(\d{1,2})(?:[T ]+(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?)?")
_LARGEST = 2**62
_CODE = re.compile(r"[A-Za-z0-9_]+")
_ADDRESS_FIELDS = {
    "billing_postcode": "postcode",
    "billing_city": "city",
    "billing_telephone": "telephone",
    "billing_region": "region.region",
    "billing_country_id": "country_id",
    "billing_company": "company",
}


@dataclass
class Clause:
    """A part of a WHERE and its values. `is_indexed` when it needs only `created_at` and `updated_at`."""

    sql: str = ""
    values: list[object] = field(default_factory=list)
    is_indexed: bool = True

    def and_also(self, sql: str, values: list[object], *, is_indexed: bool) -> None:
        """Add a condition."""
        self.sql = f"{self.sql} and {sql}" if self.sql else sql
        self.values = self.values + values
        self.is_indexed = self.is_indexed and is_indexed


@dataclass
class Selection:
    """What a list call selects: keys from `low` to `high`, of those what `rest` says."""

    low: float = -math.inf
    high: float = math.inf
    rest: Clause = field(default_factory=Clause)


def number(text: str | None) -> float | int | None:
    """Return the number MySQL sees in a text, 0 when there is none; None stays None."""
    if text is None:
        return None
    match = _NUMBER.match(text)
    if match is None:
        return 0
    value = float(match[1])
    return int(value) if value.is_integer() else value


def moment(text: str | None) -> str | None:
    """Return the timestamp MySQL sees in a text; what is no date is the zero date. None stays None."""
    if text is None:
        return None
    match = _DATE.match(text)
    if match is None:
        return "0000-00-00 00:00:00"
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return "0000-00-00 00:00:00"
    return f"{year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}:{second:02d}"


def select(entity: Entity, criteria: Criteria, codes: Collection[str]) -> Selection:
    """Translate the filters; `codes` are the known custom attributes. Raises `MagentoError` for an unknown field."""
    selection = Selection()
    for group in criteria.groups:
        if len(group) == 1 and _narrow(selection, entity, group[0]):
            continue
        parts = [_condition(entity, one, codes) for one in group]
        if parts:
            selection.rest.and_also(
                "(" + " or ".join(part.sql for part in parts) + ")",
                [value for part in parts for value in part.values],
                is_indexed=all(part.is_indexed for part in parts),
            )
    return selection


def order_by(entity: Entity, criteria: Criteria, codes: Collection[str]) -> list[tuple[str, bool]]:
    """Return what to sort by as (expression, descending), ending with the key. Raises `MagentoError`."""
    result: list[tuple[str, bool]] = []
    for sort in criteria.sorts:
        if sort.field is None:
            continue
        if not _CODE.fullmatch(sort.field):
            raise errors.MagentoError(400, 'Sort order field "%1" contains restricted symbols', [sort.field])
        if sort.field == entity.key:
            result.append(("entity_id", sort.descending))
            return result
        expression = _expression(entity, sort.field, codes)
        if expression is None:
            if entity.attributes:
                continue
            raise errors.internal_error()
        result.append((expression, sort.descending))
    # MySQL leaves ties open; by key is what it does on a table that is read in order.
    result.append(("entity_id", False))
    return result


def _narrow(selection: Selection, entity: Entity, one: Filter) -> bool:
    """Turn a condition on the key into a narrower range, if it can be one."""
    if one.field != entity.key:
        return False
    value = number(one.value)
    if one.condition in ("null", "notnull", "in", "nin", "neq", "like", "nlike", "finset", "nfinset"):
        return False
    if value is None:
        selection.low, selection.high = 1, 0
        return True
    value = max(-_LARGEST, min(_LARGEST, value))
    if one.condition == "gt":
        selection.low = max(selection.low, math.floor(value) + 1)
    elif one.condition in ("gteq", "moreq", "from"):
        selection.low = max(selection.low, math.ceil(value))
    elif one.condition == "lt":
        selection.high = min(selection.high, math.ceil(value) - 1)
    elif one.condition in ("lteq", "to"):
        selection.high = min(selection.high, math.floor(value))
    else:
        selection.low, selection.high = max(selection.low, math.ceil(value)), min(selection.high, math.floor(value))
    return True


def _condition(entity: Entity, one: Filter, codes: Collection[str]) -> Clause:
    if one.field is None:
        raise errors.internal_error()
    if one.field == entity.key:
        return _compare("entity_id", one, [number(part) for part in _values(one)], is_indexed=True)
    if one.field in ("created_at", "updated_at") and one.field in entity.fields:
        return _compare(one.field, one, [moment(part) for part in _values(one)], is_indexed=True)
    special = _special(entity, one)
    if special is not None:
        return special
    expression = _expression(entity, one.field, codes)
    if expression is None:
        raise errors.unknown_attribute(one.field) if entity.attributes else errors.internal_error()
    # Only the document knows whether the field is a number, so both ways of comparing are offered.
    as_text = _compare(f"{expression} collate nocase", one, list(_values(one)), is_indexed=False)
    if one.condition in ("null", "notnull", "like", "nlike", "finset", "nfinset"):
        return as_text
    as_number = _compare(expression, one, [number(part) for part in _values(one)], is_indexed=False)
    return Clause(
        f"(case typeof({expression}) when 'text' then {as_text.sql} else {as_number.sql} end)",
        as_text.values + as_number.values,
        is_indexed=False,
    )


def _values(one: Filter) -> list[str | None]:
    if one.condition in ("in", "nin"):
        return list((one.value or "").split(","))
    return [one.value]


def _compare(expression: str, one: Filter, values: list[object], *, is_indexed: bool) -> Clause:
    condition = one.condition
    if condition == "null":
        return Clause(f"{expression} is null", [], is_indexed)
    if condition == "notnull":
        return Clause(f"{expression} is not null", [], is_indexed)
    if condition in ("in", "nin"):
        word = "in" if condition == "in" else "not in"
        return Clause(f"{expression} {word} ({','.join('?' * len(values))})", values, is_indexed)
    if condition in ("like", "nlike"):
        word = "like" if condition == "like" else "not like"
        return Clause(f"{expression} {word} ? escape '\\'", [one.value], is_indexed)
    if condition in ("finset", "nfinset"):
        sign = ">" if condition == "finset" else "="
        return Clause(f"instr(',' || {expression} || ',', ',' || ? || ',') {sign} 0", [one.value], is_indexed)
    return Clause(f"{expression} {_COMPARISONS.get(condition, '=')} ?", values, is_indexed)


def _expression(entity: Entity, name: str, codes: Collection[str]) -> str | None:
    """Return the SQL of a field, None when Magento does not know it."""
    if name in ("created_at", "updated_at") and name in entity.fields:
        return name
    if name in entity.fields:
        return f"json_extract(doc, '$.{name}')"
    if entity.attributes and _CODE.fullmatch(name) and name in codes:
        return (
            "(select json_extract(one.value, '$.value') from json_each(doc, '$.custom_attributes') as one"
            f" where json_extract(one.value, '$.attribute_code') = '{name}')"
        )
    return None


def _special(entity: Entity, one: Filter) -> Clause | None:
    """Filters that Magento has beyond columns and attributes: products by category or website, customers by address."""
    if entity.name == "products" and one.field in ("category_id", "website_id"):
        path, value = (
            ("$.extension_attributes.category_links", "json_extract(one.value, '$.category_id')")
            if one.field == "category_id"
            else ("$.extension_attributes.website_ids", "one.value")
        )
        given = _values(one) if one.condition in ("in", "nin") else [one.value]
        word = "not exists" if one.condition in ("nin", "neq") else "exists"
        places = ",".join("?" * len(given))
        return Clause(
            f"{word} (select 1 from json_each(doc, '{path}') as one where cast({value} as integer) in ({places}))",
            [number(part) for part in given],
            is_indexed=False,
        )
    if entity.name == "customers" and one.field in _ADDRESS_FIELDS:
        expression = (
            f"(select json_extract(one.value, '$.{_ADDRESS_FIELDS[one.field]}')"
            " from json_each(doc, '$.addresses') as one where json_extract(one.value, '$.default_billing'))"
        )
        return _compare(f"{expression} collate nocase", one, list(_values(one)), is_indexed=False)
    return None
