"""Reading one table's rows: which filters, which id ranges, page by page, by a few workers."""

from __future__ import annotations

import json
import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

import duckdb
import orjson
import pyarrow as pa

from loaders.magento import graphql
from loaders.magento.client import Answer, Filter, MagentoClient, PageError
from loaders.magento.errors import BadAnswerError, MagentoError, PermissionMissingError, StoreDownError
from loaders.magento.parse import Batch, PageInfo, PageParser, refused_rows
from loaders.magento.progress import Progress
from loaders.magento.settings import MagentoSettings
from loaders.magento.tables import CUSTOMERS, STORE_VIEWS, Table, arrow_schema, fields_filter
from loaders.text import fit

BATCH_ROWS = 2_000
MAX_REFUSED_IN_A_ROW = 20
"""Rows one after the other that the store cannot send: then it is not the rows that are broken."""
PATIENT_REFUSALS = 3
"""Rows one after the other that get every retry; those after them get one."""
BEFORE_ALL_IDS = -1
MAX_SKIPPED = 200
"""Ids in one `nin` filter: a longer address is refused by web servers."""
TIME = "%Y-%m-%d %H:%M:%S"  # UTC without a zone: Magento ignores offsets (recorded)


@dataclass
class Part:
    """One piece of a table to read: ids above `after`, up to `upto` (None: open), changed since `since`.

    `highest_id` and `server_time` are the store's when the table's load began. With `ids`, just these
    rows are read. `created` limits the part to rows created from the first to before the second moment.
    `skip` are ids that the store could not send last time, left out here and asked for one by one
    elsewhere; `refused` become those that it could not send this time. A part that `is_again` reads
    what was read before and moves no cursor; one that `has_news` gave something to write. `keys` are
    filled for small tables, which are read in full: what is not among them is gone. `emptied` are
    their rows without a name that others of their kind have; `note` says what was done about them,
    and a table that is not `is_believed` stays as it was, its cursor too.
    """

    table: Table
    after: int = 0
    upto: int | None = None
    since: datetime | None = None
    highest_id: int = 0
    server_time: datetime | None = None
    ids: tuple[int, ...] = ()
    created: tuple[datetime, datetime] | None = None
    skip: tuple[int, ...] = ()
    is_again: bool = False
    refused: list[int] = field(default_factory=list)
    keys: list[tuple[str, ...]] = field(default_factory=list)
    emptied: list[tuple[str, ...]] = field(default_factory=list)
    note: str = ""
    is_believed: bool = True
    has_news: bool = False
    is_complete: bool = False
    error: MagentoError | None = None


class Reader:
    """Reads parts of tables and yields their changed rows as Arrow batches."""

    def __init__(
        self,
        client: MagentoClient,
        settings: MagentoSettings,
        changed_at: datetime,
        attribute_codes: tuple[str, ...],
        progress: Progress,
    ) -> None:
        self._client = client
        self._settings = settings
        self._changed_at = changed_at
        self._attribute_codes = attribute_codes
        self._progress = progress
        self.page_size = settings.page_size
        self.websites: tuple[int, ...] = ()
        """Websites whose accounts are read; empty for all."""

    def store_filters(self, table: Table) -> list[Filter]:
        """Filters that say which rows belong to this warehouse at all: store views, and the start date for orders.

        Accounts belong to websites: one made in the admin, or by an import, is of no store view.
        One day earlier is asked for than the start date says: the date is in the store's zone, which
        the models apply exactly.
        """
        filters = []
        chosen = self.websites if table.store_filter == "website_id" else self._settings.stores
        if table.store_filter and chosen:
            filters.append(Filter(table.store_filter, "in", ",".join(map(str, chosen))))
        if table.name == "orders" and self._settings.start:
            start = datetime.combine(self._settings.start, time(), UTC) - timedelta(days=1)
            filters.append(Filter("created_at", "gteq", start.strftime(TIME)))
        return filters

    def websites_of_views(self) -> dict[int, int]:
        """Website of each store view that GraphQL lists: those of the default website, or none."""
        try:
            views = json.loads(graphql.read(self._client, STORE_VIEWS, ()))["items"]
        except MagentoError:
            return {}
        ids = [(str(view.get("id")), str(view.get("website_id"))) for view in views if isinstance(view, dict)]
        return {int(view): int(website) for view, website in ids if view.isdecimal() and website.isdecimal()}

    def website_of_accounts(self, view: int) -> int | None:
        """Website of the newest account that was made in a store view; None when there is none."""
        made_in = [Filter("store_id", "eq", view)]
        try:
            answer = self._client.search(
                CUSTOMERS.rest_path, made_in, page_size=1, sort="entity_id", descending=True, fields="items[website_id]"
            )
            website = orjson.loads(answer.body)["items"][0]["website_id"]
        except (PermissionMissingError, ValueError, LookupError, TypeError):
            return None
        return int(website) if str(website).isdecimal() else None

    def highest_id(self, table: Table, skip: Sequence[int] = ()) -> tuple[int, datetime]:
        """Highest id of the table on the server (0 when it has no row), and the server's clock.

        A newest row that breaks the answer is passed over: the last range that is read is open.
        """
        answer, info = self._nth_id(table, _without(table, skip), 1, descending=True)
        return info.last_key or 0, answer.server_time

    def nth_id(self, part: Part, after: int, rows: int) -> tuple[int | None, int]:
        """Id of the last of the next `rows` rows of a part, and how many there are by the store's count.

        None when there are fewer. Only the store knows where its ids are: numbers may have any gaps.
        """
        filters = [*_range(part.table, after, part.upto), *_conditions(part)]
        _, info = self._nth_id(part.table, filters, rows)
        is_ahead = info.last_key is not None and info.last_key > after
        return info.last_key if is_ahead else None, info.total_count

    def _nth_id(
        self, table: Table, filters: list[Filter], nth: int, *, descending: bool = False
    ) -> tuple[Answer, PageInfo]:
        """Ask for the n-th row's id; a row that breaks the answer is passed over."""
        page = nth
        while True:
            try:
                answer, (info, _) = self._ids_answer(
                    table, filters, page_size=1, descending=descending, page=page, hasty=page > nth
                )
            except PageError as error:
                self.check_alive(error)
                page += 1
                if page == nth + MAX_REFUSED_IN_A_ROW:
                    raise
            else:
                return answer, info

    def total_count(self, table: Table, after: int, upto: int, extra: Sequence[Filter] = ()) -> int:
        """How many rows the server has with ids above `after`, up to `upto`."""
        _, (info, _) = self._ids_answer(table, [*_range(table, after, upto), *extra], page_size=1)
        return info.total_count

    def ids(self, table: Table, after: int, upto: int, extra: Sequence[Filter] = ()) -> list[int]:
        """Ids that the server has above `after`, up to `upto`."""
        found: list[int] = []
        while True:
            size = self.page_size
            _, (info, keys) = self._ids_answer(table, [*_range(table, after, upto), *extra], page_size=size)
            if any(None in key for key in keys):
                raise BadAnswerError(f"{table.rest_path} sent a row whose id cannot be read")
            found += [int(key[0]) for key in keys]
            if _is_last(info, size, upto):
                return found
            after = self._next(table, after, info)

    def check_alive(self, error: BadAnswerError) -> None:
        """Raise StoreDownError when it is not one request that came to nothing, but the store that is down."""
        if not self._client.is_alive():
            raise StoreDownError(str(error)) from None

    def _ids_answer(
        self,
        table: Table,
        filters: list[Filter],
        *,
        page_size: int,
        descending: bool = False,
        page: int = 1,
        hasty: bool = False,
    ) -> tuple[Answer, tuple[PageInfo, list[tuple[str, ...]]]]:
        """Ask for nothing but keys and the count."""
        key = next(c for c in table.columns if c.name == table.primary_key[0])
        only_key = Table(f"{table.name}_ids", "", (key.name,), (key,), rest_path=table.rest_path)
        answer = self._client.search(
            table.rest_path,
            [*self.store_filters(table), *filters],
            page_size=page_size,
            sort=table.filter_key,
            descending=descending,
            fields=fields_filter(only_key),
            page=page,
            hasty=hasty,
        )
        with closing(PageParser(only_key, "", self._changed_at)) as parser:
            info = parser.add(answer.body)
            return answer, (info, parser.keys())

    def read(self, part: Part, known: duckdb.DuckDBPyConnection | None) -> Iterator[Batch]:
        """Read a part and yield its changed rows; sets the part's `is_complete` and, for small tables, `keys`.

        `known` is an open connection to the warehouse, None when the raw table does not exist yet.

        Raises PermissionMissingError, BadAnswerError and the other MagentoErrors of the client.
        """
        if graphql.is_graphql(part.table):
            yield from self._read_graphql(part, known)
        elif part.ids:
            yield from self._read_ids(part, known)
        elif not part.table.cursor:
            yield from self._read_small(part, known)
        else:
            yield from self._read_window(part, known)
        part.is_complete = True

    def _read_window(self, part: Part, known: duckdb.DuckDBPyConnection | None) -> Iterator[Batch]:
        """Read a part of a table that has a cursor: the first page here, what is left by the workers."""
        filters = [*self.store_filters(part.table), *_conditions(part)]
        with closing(self._parser(part.table, known)) as parser:
            try:
                info, is_last = self._add_page(part.table, filters, part.after, part.upto, parser)
            except BadAnswerError as error:
                self.check_alive(error)
                yield from self._read_ranges(part, filters, [(part.after, part.upto)], known, hasty=True)
                return
            self._progress.advance(part.table.name, info.row_count, total=info.total_count)
            yield from parser.batches()
        # Beyond the newest row there is nothing to send, whatever the store counts.
        is_beyond = 0 < part.highest_id <= part.after
        if info.total_count and not info.row_count and not is_beyond:
            text = f"the store counts {info.total_count:,} rows and sends none of them"
            if part.upto is not None and not part.is_again:
                raise BadAnswerError(f"{text}; run again later")
            part.is_believed, part.note = False, f"{text}; they are asked for again next time"
        if not is_last:
            after = self._next(part.table, part.after, info)
            yield from self._read_ranges(part, filters, self._ranges(part, after, info.total_count), known)

    def _read_small(self, part: Part, known: duckdb.DuckDBPyConnection | None) -> Iterator[Batch]:
        """Read a small table in full and collect the keys it has, those of rows that could not be sent too."""
        found: list[Batch] = []

        def put(batch: Batch) -> bool:
            found.append(batch)
            return True

        with closing(self._parser(part.table, known)) as parser:
            self._keyset(part, [], BEFORE_ALL_IDS, None, parser, put)
        part.keys += [(str(key),) for key in part.refused]
        yield from self._with_lasting(part, found, known)

    def _read_ids(self, part: Part, known: duckdb.DuckDBPyConnection | None) -> Iterator[Batch]:
        """Read single rows, of whichever store view, and collect the keys of those that there are.

        Those that the store cannot send are found by halving the list.
        """
        table = part.table
        some = min(self.page_size, MAX_SKIPPED)
        left = [part.ids[start : start + some] for start in range(0, len(part.ids), some)]
        with closing(self._parser(table, known)) as parser:
            while left:
                ids = left.pop(0)
                wanted = Filter(table.filter_key, "in", ",".join(map(str, ids)))
                try:
                    info, is_last = self._add_page(table, [wanted], BEFORE_ALL_IDS, ids[-1], parser, hasty=True)
                except BadAnswerError as error:
                    self.check_alive(error)
                    if len(ids) > 1:
                        left[:0] = [ids[: len(ids) // 2], ids[len(ids) // 2 :]]
                    else:
                        yield self._refuse(part, ids[0], error)
                    continue
                if not is_last:  # the store sends fewer rows at once than it is asked for
                    after = self._next(table, ids[0] - 1, info)
                    left.insert(0, tuple(one for one in ids if one > after))
                self._progress.advance(table.name, info.row_count)
                part.keys += parser.keys()
                yield from parser.batches()

    def _read_graphql(self, part: Part, known: duckdb.DuckDBPyConnection | None) -> Iterator[Batch]:
        with closing(self._parser(part.table, known)) as parser:
            info = parser.add(graphql.read(self._client, part.table, self._attribute_codes))
            self._progress.advance(part.table.name, info.row_count, total=info.total_count)
            part.keys, part.emptied = parser.keys(), parser.emptied()
            yield from self._with_lasting(part, list(parser.batches()), known)

    def _with_lasting(self, part: Part, batches: list[Batch], known: duckdb.DuckDBPyConnection | None) -> list[Batch]:
        """Keep what was known of rows whose names came back empty; believe nothing when it is most of the table's."""
        table, width = part.table, len(part.table.primary_key)
        if known is None or not part.emptied:
            return batches
        columns = ", ".join(f'"{name}"' for name in (*table.primary_key, *table.lasting))
        rows = known.cursor().execute(
            f"select {columns} from raw.{table.name} where store_key = ?", [self._settings.store_key]
        )
        before = {tuple(map(str, row[:width])): row[width:] for row in rows.fetchall()}
        seen = {key: dict(zip(table.lasting, before[key], strict=True)) for key in part.keys if key in before}
        kept = {key: seen[key[:-1]][key[-1]] for key in part.emptied if fit(seen.get(key[:-1], {}).get(key[-1]) or "")}
        if not kept:
            return batches
        count, names = len({key[:-1] for key in kept}), " or ".join(table.lasting)
        if 2 * count > len(seen):
            part.is_believed = False
            part.note = (
                f"not believed: {count} of {len(seen)} rows came without the {names} they had; all stays as it was"
            )
            return []
        part.note = f"{count} row(s) came without the {names} they had, and keep it"
        return [replace(batch, tables={**batch.tables, table.name: _filled(table, batch, kept)}) for batch in batches]

    def _ranges(self, part: Part, after: int, total: int) -> list[tuple[int, int | None]]:
        """Divide what is left after the first page among the workers, the last range open or ending with the part.

        `total` is the store's count: a wrong one makes the shares unequal and nothing else.
        """
        workers = self._settings.workers
        bounds = [after]
        if total > 2 * self.page_size:
            for _ in range(workers - 1):
                try:
                    bound, _ = self.nth_id(part, bounds[-1], total // workers)
                except BadAnswerError:
                    break
                if bound is None:
                    break
                bounds.append(bound)
        return list(zip(bounds, [*bounds[1:], part.upto], strict=True))

    def _read_ranges(
        self,
        part: Part,
        filters: list[Filter],
        ranges: list[tuple[int, int | None]],
        known: duckdb.DuckDBPyConnection | None,
        *,
        hasty: bool = False,
    ) -> Iterator[Batch]:
        """Read disjoint ranges at the same time, each by keyset; the queue keeps memory flat."""
        batches: queue.Queue[Batch | BaseException | None] = queue.Queue(maxsize=2)
        stop = threading.Event()

        def put(item: Batch | BaseException | None) -> bool:
            while not stop.is_set():
                try:
                    batches.put(item, timeout=0.2)
                except queue.Full:
                    continue
                return True
            return False

        def work(after: int, upto: int | None) -> None:
            try:
                with closing(self._parser(part.table, known)) as parser:
                    self._keyset(part, filters, after, upto, parser, put, hasty=hasty)
                put(None)
            except BaseException as error:  # handed to the reading thread, whatever it is
                put(error)

        with ThreadPoolExecutor(len(ranges), thread_name_prefix=part.table.name) as pool:
            for low, high in ranges:
                pool.submit(work, low, high)
            try:
                open_ranges = len(ranges)
                while open_ranges:
                    item = batches.get()
                    if item is None:
                        open_ranges -= 1
                    elif isinstance(item, BaseException):
                        raise item
                    else:
                        yield item
            finally:
                stop.set()

    def _keyset(
        self,
        part: Part,
        filters: list[Filter],
        after: int,
        upto: int | None,
        parser: PageParser,
        put: Callable[[Batch], bool],
        *,
        hasty: bool = False,
    ) -> None:
        """Read a range page by page, each starting after the last id of the page before.

        A page that fails again and again is read around: windows of ids, halved while they fail until
        a single row is left, which is noted, and doubled while they succeed.
        """
        table = part.table
        window = 0  # 0: whole pages
        refused_in_a_row = 0

        def flush() -> bool:
            if not table.cursor:
                part.keys += parser.keys()
                part.emptied += parser.emptied()
            return all(put(batch) for batch in parser.batches())

        while True:
            high = upto
            if window:
                high = after + window if upto is None else min(after + window, upto)
            is_single = high is not None and high - after == 1
            # A single row gets every retry before it is given up; a page that is known to be trouble does not, nor do
            # rows that follow several such: then it is likelier the whole table.
            is_last_try = is_single and refused_in_a_row < PATIENT_REFUSALS
            try:
                info, is_last = self._add_page(table, filters, after, high, parser, hasty=hasty and not is_last_try)
            except BadAnswerError as error:
                self.check_alive(error)
                hasty = True
                if high is None or high - after > 1:
                    is_wide = high is None or high - after > self.page_size
                    window = self.page_size if not window and is_wide else (high or after) - after
                    window = window if not high or window < high - after else max(1, window // 2)
                    continue
                refused_in_a_row += 1
                if refused_in_a_row > MAX_REFUSED_IN_A_ROW:
                    raise
                if not put(self._refuse(part, high, error)):
                    return
                after = high
                if upto is not None and after >= upto:
                    flush()
                    return
                continue
            self._progress.advance(table.name, info.row_count)
            if info.row_count:
                refused_in_a_row = 0
            is_end = is_last and high == upto
            if (is_end or parser.pending_rows >= BATCH_ROWS) and not flush():
                return
            if is_end:
                return
            if not is_last:
                after = self._next(table, after, info)
            elif high is not None:
                after = high
                window *= 2
                if window > max(16 * self.page_size, part.highest_id):
                    window = 0  # as wide as the whole table

    def _refuse(self, part: Part, key: int, error: BadAnswerError) -> Batch:
        """Note a row that the store cannot send."""
        part.refused.append(key)
        reason = error.reason if isinstance(error, PageError) else "an answer that cannot be read"
        reason = f"the store cannot send this row: {reason[:200]}"
        return Batch({}, refused_rows(self._settings.store_key, part.table.name, [(key, reason)], self._changed_at))

    def _add_page(
        self,
        table: Table,
        filters: list[Filter],
        after: int,
        upto: int | None,
        parser: PageParser,
        *,
        hasty: bool = False,
    ) -> tuple[PageInfo, bool]:
        """Read a page of a range into the parser, and tell whether it is the last.

        Raises BadAnswerError when that cannot be done.
        """
        body, size = self._page(table, [*filters, *_range(table, after, upto)], hasty=hasty)
        info = parser.add(body)
        return info, _is_last(info, size, upto)

    def _next(self, table: Table, after: int, info: PageInfo) -> int:
        """Where the next page starts; a store that sends the same ids again would be asked for ever."""
        if info.last_key is None:
            raise BadAnswerError(
                f"{table.rest_path} sent a page after id {after} in which no id can be read; report it"
            )
        if info.last_key <= after:
            raise BadAnswerError(
                f"{table.rest_path} ignores the id filter: it sent id {info.last_key} again; report it"
            )
        return info.last_key

    def _page(self, table: Table, filters: list[Filter], *, hasty: bool = False) -> tuple[bytes, int]:
        """Ask for a page; return it and how many rows were asked for."""
        while True:
            size = self.page_size
            try:
                answer = self._client.search(
                    table.rest_path,
                    filters,
                    page_size=size,
                    sort=table.filter_key,
                    fields=fields_filter(table),
                    hasty=hasty,
                )
            except PageError as error:
                limit = _PAGE_LIMIT.search(error.reason)
                if error.status != 400 or not limit or not 0 < int(limit[1]) < size:
                    raise
                self.page_size = min(self.page_size, int(limit[1]))
            else:
                return answer.body, size

    def _parser(self, table: Table, known: duckdb.DuckDBPyConnection | None) -> PageParser:
        return PageParser(table, self._settings.store_key, self._changed_at, known)


def _filled(table: Table, batch: Batch, kept: dict[tuple[str, ...], str]) -> pa.Table:
    """Return the table's rows of a batch with what they are to keep."""
    rows = batch.tables[table.name].to_pylist()
    for row in rows:
        key = tuple(str(row[name]) for name in table.primary_key)
        row |= {name: kept[*key, name] for name in table.lasting if (*key, name) in kept}
    return pa.Table.from_pylist(rows, schema=arrow_schema(table))


_PAGE_LIMIT = re.compile(r"[pP]ageSize is (\d+)")


def _without(table: Table, ids: Sequence[int]) -> list[Filter]:
    """Filter that leaves some rows out."""
    return [Filter(table.filter_key, "nin", ",".join(map(str, ids)))] if ids else []


def _conditions(part: Part) -> list[Filter]:
    """Filters of a part besides its store's and its range's."""
    filters = _without(part.table, part.skip)
    if part.since is not None and part.table.cursor:
        filters.append(Filter(part.table.cursor, "gteq", part.since.strftime(TIME)))
    if part.created is not None:
        filters.append(Filter("created_at", "gteq", part.created[0].strftime(TIME)))
        filters.append(Filter("created_at", "lt", part.created[1].strftime(TIME)))
    return filters


def _range(table: Table, after: int, upto: int | None) -> list[Filter]:
    """Filters of an id range. Id 0 exists (customer groups), so what begins before all ids has no lower bound."""
    filters = [Filter(table.filter_key, "gt", after)] if after > BEFORE_ALL_IDS else []
    if upto is not None:
        filters.append(Filter(table.filter_key, "lteq", upto))
    return filters


def _is_last(info: PageInfo, size: int, upto: int | None) -> bool:
    """Tell the last page of a range: it reaches the range's end, or is shorter than the `size` that was asked for.

    The store's count is believed only when it says that there is more: a page can be short for another reason.
    """
    if not info.row_count or (upto is not None and info.last_key is not None and info.last_key >= upto):
        return True
    return info.row_count < size and info.row_count >= info.total_count
