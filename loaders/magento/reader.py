"""What is asked of a store's lists: pages, counts, ids. Only rows that belong to this warehouse at all are seen."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from loaders.magento import graphql
from loaders.magento.client import Answer, MagentoClient
from loaders.magento.errors import BadAnswerError, MagentoError, PageError, PermissionMissingError, StoreDownError
from loaders.magento.rows import read_items
from loaders.magento.schema import Filter, Table, fields_filter
from loaders.magento.settings import MagentoSettings
from loaders.magento.tables import CUSTOMERS, STORE_VIEWS

BEFORE_ALL_IDS = -1
MAX_LISTED = 200
"""Ids in one filter: a longer address is refused by web servers."""
MAX_REFUSED_IN_A_ROW = 20
"""Rows one after the other that the store cannot send: then it is not the rows that are broken."""
TIME = "%Y-%m-%d %H:%M:%S"  # UTC without a zone: Magento ignores offsets (recorded)
_PAGE_LIMIT = re.compile(r"[pP]ageSize is (\d+)")


@dataclass(frozen=True)
class Newest:
    """Highest id of a table in the store (0 when it has no row), how many rows it counts, and the store's clock."""

    id: int
    total: int
    server_time: datetime


class Reader:
    """Asks a store for rows of its tables."""

    def __init__(self, client: MagentoClient, settings: MagentoSettings) -> None:
        self._client = client
        self._settings = settings
        self.page_size = settings.page_size
        self.websites: tuple[int, ...] = ()
        """Websites whose accounts are read; empty for all."""

    def store_filters(self, table: Table) -> list[Filter]:
        """Filters that say which rows belong to this warehouse: store views or their websites, and the start date.

        Accounts belong to websites: one made in the admin, or by an import, is of no store view. One day earlier is
        asked for than the start date says: the date is in the store's zone, which the models apply exactly.
        """
        filters = []
        chosen = self.websites if table.store_filter == "website_id" else self._settings.stores
        if table.store_filter and chosen:
            filters.append(listed(table.store_filter, chosen))
        if table.start_filter and self._settings.start:
            start = datetime.combine(self._settings.start, time(), UTC) - timedelta(days=1)
            filters.append(Filter(table.start_filter, "gteq", start.strftime(TIME)))
        return filters

    def page(
        self, table: Table, filters: Sequence[Filter], size: int, *, hasty: bool = False
    ) -> tuple[list[Any], int, int]:
        """The first `size` items that pass the filters; with them the store's count, and the size it was asked for.

        Raises BadAnswerError when this page cannot be had.
        """
        while True:
            size = min(size, self.page_size)
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
                return *read_items(table, answer.body), size

    def graphql_rows(self, table: Table, attribute_codes: tuple[str, ...]) -> list[Any]:
        """All rows of a table that is asked for over GraphQL."""
        return graphql.read(self._client, table, attribute_codes)

    def newest(self, table: Table, skip: Sequence[int] = ()) -> Newest:
        """Ask for the newest row's id. A row that breaks the answer is passed over: the last range read is open."""
        answer, ids, total = self._nth(table, [*self.store_filters(table), *without(table, skip)], 1, descending=True)
        return Newest((ids[0] if ids else None) or 0, total, answer.server_time)

    def nth_id(self, table: Table, filters: Sequence[Filter], nth: int) -> int | None:
        """Id of the n-th of the rows that pass the filters; None when there are fewer.

        Only the store knows where its ids are: numbers may have any gaps.
        """
        _, ids, _ = self._nth(table, filters, nth)
        return ids[0] if ids else None

    def total_count(self, table: Table, after: int, upto: int, extra: Sequence[Filter] = ()) -> int:
        """How many rows the store has with ids above `after`, up to `upto`."""
        return self._ids(table, [*self.store_filters(table), *id_range(table, after, upto), *extra], 1)[2]

    def ids(self, table: Table, after: int, upto: int, extra: Sequence[Filter] = ()) -> list[int]:
        """Ids that the store has above `after`, up to `upto`."""
        found: list[int] = []
        while True:
            size = self.page_size
            filters = [*self.store_filters(table), *id_range(table, after, upto), *extra]
            _, asked, total = self._ids(table, filters, size)
            ids = [one for one in asked if one is not None]
            if len(ids) < len(asked):
                raise BadAnswerError(f"{table.rest_path} sent a row whose id cannot be read")
            found += ids
            if is_last(len(ids), size, total, max(ids, default=None), upto):
                return found
            after = next_after(table, after, max(ids, default=None))

    def check_alive(self, error: BadAnswerError) -> None:
        """Raise StoreDownError when it is not one request that came to nothing, but the store that is down."""
        if not self._client.is_alive():
            raise StoreDownError(str(error)) from None

    def websites_of_views(self) -> dict[int, int]:
        """Website of each store view that GraphQL lists: those of the default website, or none."""
        try:
            views = self.graphql_rows(STORE_VIEWS, ())
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
            website = json.loads(answer.body)["items"][0]["website_id"]
        except (PermissionMissingError, ValueError, LookupError, TypeError):
            return None
        return int(website) if str(website).isdecimal() else None

    def _nth(
        self, table: Table, filters: Sequence[Filter], nth: int, *, descending: bool = False
    ) -> tuple[Answer, list[int | None], int]:
        """Ask for the n-th row's id; a row that breaks the answer is passed over."""
        page = nth
        while True:
            try:
                return self._ids(table, filters, 1, page=page, descending=descending, hasty=page > nth)
            except PageError as error:
                self.check_alive(error)
                page += 1
                if page == nth + MAX_REFUSED_IN_A_ROW:
                    raise

    def _ids(
        self, table: Table, filters: Sequence[Filter], size: int, **options: Any
    ) -> tuple[Answer, list[int | None], int]:
        """Ask for nothing but keys (None where unreadable) and the count."""
        fields = fields_filter(table, table.columns[:1])
        answer = self._client.search(
            table.rest_path, filters, page_size=size, sort=table.filter_key, fields=fields, **options
        )
        items, total = read_items(table, answer.body)
        ids = [str(item.get(table.key)) if isinstance(item, dict) else "" for item in items]
        return answer, [int(one) if re.fullmatch(r"-?\d{1,18}", one) else None for one in ids], total


def listed(field: str, ids: Sequence[int]) -> Filter:
    """Filter that takes some ids."""
    return Filter(field, "in", ",".join(map(str, ids)))


def without(table: Table, ids: Sequence[int]) -> list[Filter]:
    """Filter that leaves some rows out."""
    return [Filter(table.filter_key, "nin", ",".join(map(str, ids)))] if ids else []


def id_range(table: Table, after: int, upto: int | None) -> list[Filter]:
    """Filters of an id range. Id 0 exists (customer groups), so what begins before all ids has no lower bound."""
    filters = [Filter(table.filter_key, "gt", after)] if after > BEFORE_ALL_IDS else []
    return filters if upto is None else [*filters, Filter(table.filter_key, "lteq", upto)]


def is_last(rows: int, size: int, total: int, last: int | None, upto: int | None) -> bool:
    """Tell the last page of a range: it reaches the range's end, or is shorter than the `size` that was asked for.

    The store's count is believed only when it says that there is more: a page can be short for another reason.
    """
    return not rows or (upto is not None and last is not None and last >= upto) or (rows < size and rows >= total)


def next_after(table: Table, after: int, last: int | None) -> int:
    """Where the next page starts; a store that sends the same ids again would be asked for ever.

    Raises MagentoError when that cannot be told.
    """
    if last is None:
        raise MagentoError(f"{table.rest_path} sent a page after id {after} in which no id can be read; report it")
    if last <= after:
        raise MagentoError(f"{table.rest_path} ignores the id filter: it sent id {last} again; report it")
    return last
