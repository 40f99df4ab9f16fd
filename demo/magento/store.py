"""Reading the demo store's SQLite file: pages and counts that stay quick at millions of rows.

Nothing is held in memory but counts. For each set of conditions asked for (without those on the key) the matching rows
are counted once per block of ids and per state of the file. From those counts follow `total_count` of any range of
ids, where a page begins however deep it is, and whether reading in id order or by the index on `updated_at` is cheaper.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import orjson

from demo.magento import database, derived, entities, sql

if TYPE_CHECKING:
    from pathlib import Path

    from demo.magento.criteria import Criteria
    from demo.magento.entities import Entity
    from demo.magento.sql import Clause, Selection

_BLOCK_BITS = 8
_BLOCK = 1 << _BLOCK_BITS
_REMEMBERED = 64
_NARROW_RANGE = 20_000
_FAT_ROW = 8
"""A row passed in the table costs about as much as so many entries of a narrow index."""


@dataclass(frozen=True)
class Page:
    """One page: the rows' documents as stored (or only how many there are) and how many rows match in all."""

    docs: list[str]
    ids: list[int]
    total: int


@dataclass(frozen=True)
class _Blocks:
    """Matching rows per block of ids: `numbers` of the blocks that have any, and `before` each (one longer)."""

    numbers: list[int]
    before: list[int]

    @property
    def total(self) -> int:
        return self.before[-1]


class Store:
    """The open file. Used from one thread; `advance` writes through its own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._add_indexes()
        self.connection = database.connect(path, read_only=True)
        # One pass over the documents makes each page; SQLite's own cache is small for that.
        self.connection.execute("pragma cache_size = -65536")
        self.connection.execute("pragma temp_store = memory")
        self._version = -1
        self._blocks: OrderedDict[tuple[str, str, tuple[object, ...]], _Blocks] = OrderedDict()
        self._derived: dict[str, Any] = {}
        self._codes: dict[str, frozenset[str]] = {}
        self._temporary_ready = False

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def now(self) -> str:
        """Return the store's clock: UTC, `YYYY-MM-DD HH:MM:SS`."""
        return database.now(self.connection)

    def page(self, entity: Entity, criteria: Criteria, *, with_docs: bool = True) -> Page:
        """List one page. Raises `MagentoError` for fields Magento does not know."""
        self._refresh()
        codes = self._codes.get(entity.name, frozenset())
        selection = sql.select(entity, criteria, codes)
        order = sql.order_by(entity, criteria, codes)
        column = "doc" if with_docs else "''"
        if not entity.is_table:
            return self._plain_page(entity, selection, order, criteria, column)
        if not selection.rest.is_indexed and selection.high - selection.low <= _NARROW_RANGE:
            return self._plain_page(entity, selection, order, criteria, column)
        blocks = self._count_blocks(entity, selection.rest)
        skipped = self._count_below(entity, selection.rest, blocks, selection.low)
        total = max(0, self._count_below(entity, selection.rest, blocks, selection.high + 1) - skipped)
        limit = total if criteria.limit is None else criteria.limit
        rows = max(0, min(limit, total - criteria.offset))
        if rows == 0:
            return Page([], [], total)
        if order[0][0] != "entity_id":
            return Page(*self._sorted_rows(entity, selection, order, rows, criteria.offset, column), total)
        descending = order[0][1]
        first = skipped + (total - criteria.offset - rows if descending else criteria.offset)
        docs, ids = self._keyed_rows(entity, selection, blocks, first, rows, column)
        if descending:
            docs.reverse()
            ids.reverse()
        return Page(docs, ids, total)

    def get(self, entity: Entity, key: int) -> str | None:
        """Return the document of one row."""
        row = self.connection.execute(f"select doc from {entity.source} where entity_id = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def find(self, entity: Entity, name: str, value: str) -> str | None:
        """Return the first document whose field equals `value`, letters' case aside."""
        row = self.connection.execute(
            f"select doc from {entity.source} where json_extract(doc, '$.{name}') = ? collate nocase limit 1", (value,)
        ).fetchone()
        return None if row is None else row[0]

    def documents(self, table: str) -> list[dict[str, Any]]:
        """Return all documents of one of the small tables, by key."""
        return [orjson.loads(doc) for (doc,) in self.connection.execute(f"select doc from {table} order by 1")]

    def options(self, attribute_code: str) -> list[tuple[str, str]]:
        """Return (value, label) of an attribute's options, as the admin sorted them."""
        return self.connection.execute(
            "select value, label from attribute_options where attribute_code = ? order by sort_order, value",
            (attribute_code,),
        ).fetchall()

    def attribute_codes_with_options(self) -> list[str]:
        """Return the codes of the product attributes that have options."""
        return [code for (code,) in self.connection.execute("select distinct attribute_code from attribute_options")]

    def product_counts(self) -> dict[int, int]:
        """Return how many products each category holds directly."""
        self._refresh()
        if "product_counts" not in self._derived:
            self._derived["product_counts"] = dict(
                self.connection.execute(
                    "select cast(json_extract(link.value, '$.category_id') as integer), count(*)"
                    " from products, json_each(doc, '$.extension_attributes.category_links') as link group by 1"
                )
            )
        counts: dict[int, int] = self._derived["product_counts"]
        return counts

    def _add_indexes(self) -> None:
        connection = database.connect(self.path)
        try:
            for table in database.ENTITY_TABLES:
                # Holds both columns that windows are asked by, so that counting never touches a document.
                connection.execute(f"create index if not exists {table}_window on {table} (created_at, updated_at)")
        finally:
            connection.close()

    def _refresh(self) -> None:
        version = self.connection.execute("pragma data_version").fetchone()[0]
        if version != self._version:
            self._version = version
            self._blocks.clear()
            self._derived.clear()
            self._temporary_ready = False
            self._codes = self._attribute_codes()

    def _attribute_codes(self) -> dict[str, frozenset[str]]:
        known = {"products": frozenset(entities.PRODUCT_ATTRIBUTES) | frozenset(self.attribute_codes_with_options())}
        for name in ("products", "customers", "categories"):
            # The newest rows are enough to know which codes a store uses, and quick at any size.
            found = self.connection.execute(
                "select distinct json_extract(one.value, '$.attribute_code') from"
                f" (select doc from {name} order by entity_id desc limit 500),"
                " json_each(doc, '$.custom_attributes') as one"
            )
            known[name] = known.get(name, frozenset()) | frozenset(code for (code,) in found)
        return known

    def _plain_page(
        self, entity: Entity, selection: Selection, order: list[tuple[str, bool]], criteria: Criteria, column: str
    ) -> Page:
        self.prepare_temporary(entity)
        where, values = _where(selection)
        total = self.connection.execute(f"select count(*) from {entity.source} {where}", values).fetchone()[0]
        rows = self.connection.execute(
            f"select {column}, entity_id from {entity.source} {where} {_order(order)} limit ? offset ?",
            [*values, -1 if criteria.limit is None else criteria.limit, criteria.offset],
        ).fetchall()
        return Page([row[0] for row in rows], [row[1] for row in rows], total)

    def _count_blocks(self, entity: Entity, rest: Clause) -> _Blocks:
        key = (entity.source, rest.sql, tuple(rest.values))
        found = self._blocks.get(key)
        if found is None:
            where = f"where {rest.sql}" if rest.sql else ""
            rows = self.connection.execute(
                f"select entity_id >> {_BLOCK_BITS}, count(*) from {entity.source} {where} group by 1 order by 1",
                rest.values,
            ).fetchall()
            found = _Blocks([row[0] for row in rows], [0, *accumulate(row[1] for row in rows)])
            self._blocks[key] = found
            if len(self._blocks) > _REMEMBERED:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(key)
        return found

    def _count_below(self, entity: Entity, rest: Clause, blocks: _Blocks, key: float) -> int:
        """Count the matching rows with an id below `key`."""
        if key == -math.inf or not blocks.numbers:
            return 0
        if key == math.inf:
            return blocks.total
        block = int(key) >> _BLOCK_BITS
        position = bisect_right(blocks.numbers, block) - 1
        if position < 0:
            return 0
        if blocks.numbers[position] < block:
            return blocks.before[position + 1]
        extra = f"and {rest.sql}" if rest.sql else ""
        inside = self.connection.execute(
            f"select count(*) from {entity.source} not indexed where entity_id >= ? and entity_id < ? {extra}",
            [block << _BLOCK_BITS, int(key), *rest.values],
        ).fetchone()[0]
        return int(blocks.before[position] + inside)

    def _keyed_rows(
        self, entity: Entity, selection: Selection, blocks: _Blocks, first: int, rows: int, column: str
    ) -> tuple[list[str], list[int]]:
        """Return `rows` rows in id order, beginning with the `first`-th of all that match `selection.rest`."""
        start = bisect_right(blocks.before, first) - 1
        end = bisect_right(blocks.before, first + rows - 1) - 1
        low, high = blocks.numbers[start] << _BLOCK_BITS, (blocks.numbers[end] << _BLOCK_BITS) + _BLOCK - 1
        extra = f"and {selection.rest.sql}" if selection.rest.sql else ""
        if selection.rest.sql and selection.rest.is_indexed and blocks.total < (high - low) * _FAT_ROW:
            # Few rows far apart: the index on the window finds them without passing those between.
            table, key = entity.source, "+entity_id"
        else:
            table, key = f"{entity.source} not indexed", "entity_id"
        found = self.connection.execute(
            f"select {column}, entity_id from {table} where {key} between ? and ? {extra}"
            f" order by {key} limit ? offset ?",
            [low, high, *selection.rest.values, rows, first - blocks.before[start]],
        ).fetchall()
        return [row[0] for row in found], [row[1] for row in found]

    def _sorted_rows(
        self, entity: Entity, selection: Selection, order: list[tuple[str, bool]], rows: int, offset: int, column: str
    ) -> tuple[list[str], list[int]]:
        where, values = _where(selection)
        # Sorting carries ids alone; the documents are fetched for the page only.
        ids = [
            row[0]
            for row in self.connection.execute(
                f"select entity_id from {entity.source} {where} {_order(order)} limit ? offset ?",
                [*values, rows, offset],
            )
        ]
        docs: list[str] = []
        for key in ids:
            row = self.connection.execute(
                f"select {column} from {entity.source} where entity_id = ?", (key,)
            ).fetchone()
            if row is not None:
                docs.append(row[0])
        return docs, ids

    def prepare_temporary(self, entity: Entity) -> None:
        """Make the lists that follow from others (coupons, cart rules, attributes) when one is asked for."""
        if "temp." not in entity.source or self._temporary_ready:
            return
        derived.build(self)
        self._temporary_ready = True


def _where(selection: Selection) -> tuple[str, list[object]]:
    parts: list[str] = []
    values: list[object] = []
    if selection.low > selection.high:
        return "where 0", []
    if selection.low != -math.inf:
        parts.append("entity_id >= ?")
        values.append(int(selection.low))
    if selection.high != math.inf:
        parts.append("entity_id <= ?")
        values.append(int(selection.high))
    if selection.rest.sql:
        parts.append(selection.rest.sql)
        values += selection.rest.values
    return ("where " + " and ".join(parts) if parts else ""), values


def _order(order: list[tuple[str, bool]]) -> str:
    return "order by " + ", ".join(f"{expression} {'desc' if down else 'asc'}" for expression, down in order)
