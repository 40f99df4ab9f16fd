"""Deletions are found by counting: cheaply, and not believed when they are too many."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, cast

from loaders.magento.deletions import sweep
from loaders.magento.reader import Reader
from loaders.magento.schema import Filter, Table
from loaders.magento.storage import RawStore
from loaders.magento.tables import ORDERS

PAGE = 100


class Ids:
    """A side of the comparison: a store or a warehouse that has nothing but ids."""

    page_size = PAGE

    def __init__(self, ids: Iterable[int]) -> None:
        self._ids = sorted(ids)
        self.asked = 0

    def _slice(self, after: int, upto: int, filters: Sequence[Filter]) -> list[int]:
        self.asked += 1
        return self._ids[bisect_right(self._ids, after) : bisect_right(self._ids, upto)]

    def store_filters(self, table: Table) -> list[Filter]:
        return []

    def total_count(self, table: Table, after: int, upto: int, extra: Sequence[Filter] = ()) -> int:
        return len(self._slice(after, upto, extra))


class Server(Ids):
    def ids(self, table: Table, after: int, upto: int, extra: Sequence[Filter] = ()) -> list[int]:
        return self._slice(after, upto, extra)


class Raw(Ids):
    def nth_id(self, table: Table, after: int, rows: int, filters: Sequence[Filter]) -> int:
        return self._slice(after, self._ids[-1], filters)[rows - 1]

    def count(self, table: Table, filters: Sequence[Filter], after: int, upto: int) -> int:
        return len(self._slice(after, upto, filters))

    def ids(self, table: Table, filters: Sequence[Filter], after: int, upto: int) -> list[int]:
        return self._slice(after, upto, filters)


def swept(server: Server, raw: Raw, highest: int, counted: int | None = None) -> Any:
    return sweep(
        *(cast(Reader, server), cast(RawStore, raw), ORDERS, highest),
        counted=counted,
        max_share=0.01,
    )


def test_three_deletions_among_a_hundred_thousand_cost_few_requests_and_none_costs_one() -> None:
    everything = set(range(1, 100_001))
    for gone in (set(), {777, 50_123, 99_500}, {1, 2, 3}, {33_333, 66_666, 100_000}):
        server = Server(everything - gone)
        found = swept(server, Raw(everything), 100_000)
        assert set(found.gone) == gone
        assert found.missing == []
        assert server.asked <= (40 if gone else 1), f"{server.asked} requests"


def test_a_store_that_counts_wrongly_has_not_all_of_its_rows_asked_for() -> None:
    class Miscounting(Server):
        def total_count(self, table: Table, after: int, upto: int, extra: Sequence[Filter] = ()) -> int:
            self.asked += 1
            return 0

    server = Miscounting(range(1, 100_001))
    found = swept(server, Raw(range(1, 100_001)), 100_000)
    assert "more or fewer rows than it counts" in found.refused
    assert server.asked < 60


def test_a_row_that_raw_lacks_is_found_also_when_another_is_gone() -> None:
    server = Server({*range(1, 1000), 5_000})
    found = swept(server, Raw(set(range(1, 1000)) - {17}), 6_000)
    assert (found.gone, found.missing) == ([], [17, 5_000])


def test_a_count_that_was_asked_for_already_is_not_asked_for_again() -> None:
    server = Server(range(1, 1001))
    assert swept(server, Raw(range(1, 1001)), 1000, counted=1000).gone == []
    assert server.asked == 0


def test_too_large_a_share_is_refused() -> None:
    found = swept(Server(range(1, 1001)), Raw(range(1, 2001)), 2000)
    assert "would be marked deleted" in found.refused
    few = swept(Server(range(1, 201)), Raw(range(1, 206)), 300)
    assert few.refused == "", "a small catalog loses more than a hundredth by an ordinary clean-up"
    assert few.gone == [201, 202, 203, 204, 205]
