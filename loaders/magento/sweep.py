"""Finding what Magento does not say: rows that are gone, by counting ranges of ids.

One count tells whether a whole table agrees; only ranges that differ are halved, until a page of
ids shows which rows are gone. A handful of deletions among 100,000 rows costs some dozen requests.
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
    requests: int = 0
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
    ours = raw.count(table, filters, -1, highest_id)
    found.requests += 1
    allowed = max(FEW_ROWS, int(ours * max_share))

    def compare(after: int, upto: int, theirs: int, ours: int) -> None:
        if theirs == ours or found.refused:
            return
        if (
            max(theirs, 0) <= page_size
            and theirs >= 0
            and (upto - after <= page_size or theirs == 0 or ours <= page_size)
        ):
            on_server = set(reader.ids(table, after, upto, without)) if theirs else set()
            found.requests += 1 if theirs else 0
            here = set(raw.ids(table, filters, after, upto))
            found.gone += sorted(here - on_server)
            found.missing += sorted(on_server - here)
            if len(found.gone) > allowed:
                found.refused = f"more than {allowed} of {ours_in_all} rows would be marked deleted"
            return
        middle = (after + upto) // 2
        low_theirs = reader.total_count(table, after, middle, without)
        found.requests += 1
        low_ours = raw.count(table, filters, after, middle)
        compare(after, middle, low_theirs, low_ours)
        compare(middle, upto, theirs - low_theirs, ours - low_ours)

    ours_in_all = ours
    compare(-1, highest_id, theirs, ours)
    return found
