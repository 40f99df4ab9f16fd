"""Finding what Magento does not say: rows that are gone, by counting ranges of ids.

One count tells whether a whole table agrees; only ranges that differ are halved, by the rows that
the warehouse has in them, until a page of ids shows which rows are gone. A handful of deletions among
100,000 rows costs some dozen requests, wherever their ids are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loaders.magento.client import Filter
from loaders.magento.reader import MAX_SKIPPED, Reader
from loaders.magento.store import RawStore
from loaders.magento.tables import Table

# A small catalog loses more than a hundredth of its rows by an ordinary clean-up.
FEW_ROWS = 10


@dataclass
class Sweep:
    """What counting found: ids gone from the store, and ids that the store has and the warehouse lacks."""

    gone: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    wrong_counts: int = 0
    refused: str = ""


def sweep(reader: Reader, raw: RawStore, table: Table, highest_id: int, *, page_size: int, max_share: float) -> Sweep:
    """Compare the store's ids with raw's, up to `highest_id` (what is newer is left to the next run).

    When more than `max_share` of the rows (and more than a few) would be marked, nothing is: then
    the filters or the role are likelier to have changed than so many rows to have been deleted.

    Raises MagentoError when the store stops answering; the caller then marks nothing.
    """
    found = Sweep()
    # Rows that the store has and raw cannot have count on neither side, or each night would look for them.
    unreadable = raw.unreadable(table)
    if len(unreadable) > MAX_SKIPPED:
        found.refused = f"{len(unreadable)} rows are in raw.quarantine"
        return found
    without = [Filter(table.filter_key, "nin", ",".join(map(str, unreadable)))] if unreadable else []
    filters = [*reader.store_filters(table), *without]
    page_size = min(page_size, reader.page_size)
    theirs = reader.total_count(table, -1, highest_id, without)
    ours_in_all = raw.count(table, filters, -1, highest_id)
    allowed = max(FEW_ROWS, int(ours_in_all * max_share))

    def compare(after: int, upto: int, theirs: int, ours: int) -> None:
        if theirs == ours or found.refused:
            return
        if ours <= page_size:
            on_server = set(reader.ids(table, after, upto, without))
            here = set(raw.ids(table, filters, after, upto))
            found.gone += sorted(here - on_server)
            found.missing += sorted(on_server - here)
            found.wrong_counts += len(on_server) != theirs
            if len(found.gone) > allowed:
                found.refused = f"more than {allowed} of {ours_in_all} rows would be marked deleted"
            elif found.wrong_counts > FEW_ROWS:  # then all rows of the table would be asked for
                found.refused = "the store sends more or fewer rows than it counts"
            return
        middle = raw.nth_id(table, after, (ours + 1) // 2, filters)
        low_theirs = reader.total_count(table, after, middle, without)
        low_ours = raw.count(table, filters, after, middle)
        compare(after, middle, low_theirs, low_ours)
        compare(middle, upto, theirs - low_theirs, ours - low_ours)

    compare(-1, highest_id, theirs, ours_in_all)
    return found
