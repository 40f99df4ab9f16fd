"""Finding what Magento does not say: rows that are gone, by counting ranges of ids.

One count tells whether a whole table agrees; only ranges that differ are halved, by the rows that the warehouse has in
them, until a page of ids shows which rows are gone. A handful of deletions among 100,000 rows costs some dozen
requests, wherever their ids are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from loaders.dates import utc_now
from loaders.magento.errors import MagentoError, StoreDownError
from loaders.magento.landing import Part
from loaders.magento.pages import Job, Reading
from loaders.magento.quarantine import Quarantine
from loaders.magento.reader import BEFORE_ALL_IDS, MAX_LISTED, Newest, Reader, listed, without
from loaders.magento.result import LoadResult, TableResult
from loaders.magento.schema import Table
from loaders.magento.settings import MagentoSettings, name
from loaders.magento.storage import LARGEST_ID, RawStore
from loaders.magento.tables import TABLES
from loaders.magento.whole import Whole

# A small catalog loses more than a hundredth of its rows by an ordinary clean-up.
FEW_ROWS = 10


@dataclass
class Sweep:
    """What counting found: ids gone from the store, and ids that the store has and the warehouse lacks."""

    gone: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    wrong_counts: int = 0
    refused: str = ""


def sweep(
    reader: Reader,
    raw: RawStore,
    table: Table,
    highest_id: int,
    *,
    unreadable: Sequence[int] = (),
    counted: int | None = None,
    max_share: float,
) -> Sweep:
    """Compare the store's ids with raw's, up to `highest_id` (what is newer is left to the next run).

    Rows that are `unreadable`, which the store has and raw cannot have, count on neither side, or each night would look
    for them. What the store `counted` when the run began is enough if raw has as many.

    When more than `max_share` of the rows (and more than a few) would be marked, nothing is: then the filters or the
    role are likelier to have changed than so many rows to have been deleted.

    Raises MagentoError when the store stops answering; the caller then marks nothing.
    """
    found = Sweep()
    if len(unreadable) > MAX_LISTED:
        found.refused = f"{len(unreadable)} rows are in raw.quarantine"
        return found
    left_out = without(table, unreadable)
    filters = [*reader.store_filters(table), *left_out]
    ours_in_all = raw.count(table, filters, BEFORE_ALL_IDS, highest_id)
    if counted == ours_in_all:
        return found
    allowed = max(FEW_ROWS, int(ours_in_all * max_share))

    def compare(after: int, upto: int, theirs: int, ours: int) -> None:
        if theirs == ours or found.refused:
            return
        if ours <= reader.page_size:
            on_server = set(reader.ids(table, after, upto, left_out))
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
        low_theirs = reader.total_count(table, after, middle, left_out)
        low_ours = raw.count(table, filters, after, middle)
        compare(after, middle, low_theirs, low_ours)
        compare(middle, upto, theirs - low_theirs, ours - low_ours)

    theirs = reader.total_count(table, BEFORE_ALL_IDS, highest_id, left_out)
    compare(BEFORE_ALL_IDS, highest_id, theirs, ours_in_all)
    return found


class Deletions:
    """What is gone from the store in one run, and what the warehouse turns out to lack."""

    def __init__(
        self,
        raw: RawStore,
        quarantine: Quarantine,
        reading: Reading,
        settings: MagentoSettings,
        result: LoadResult,
    ) -> None:
        self._raw = raw
        self._quarantine = quarantine
        self._reading = reading
        self._settings = settings
        self._result = result
        self._gone: list[tuple[Table, list[int]]] = []

    def find(self, wholes: Sequence[Whole], newest: Mapping[str, Newest]) -> Iterator[list[Part]]:
        """Find it; yields what is to be read meanwhile."""
        for whole in wholes:
            if whole.is_done:
                self._mark_unseen(whole)
        wanted: dict[str, set[int]] = defaultdict(set)
        tables = [TABLES[one] for one in newest if one not in self._result.problems]
        with ThreadPoolExecutor(self._settings.workers) as pool:  # as many counts at once as pages
            sweeps = list(pool.map(lambda table: self._sweep(table, newest[table.name]), tables))
        for table, found in zip(tables, sweeps, strict=True):
            if table.referred_by and self._reading.reader.websites:
                yield from self._read_referred(table, found)
            wanted[table.name] |= set(found.missing)
            if found.gone:
                self._gone.append((table, found.gone))
                self._of(table).deleted = len(found.gone)
                if table.referred_by and table.referred_by[0] in newest:
                    # Magento takes a deleted account off its orders without touching their `updated_at` (recorded).
                    wanted[table.referred_by[0]] |= set(self._raw.referring(table, found.gone))
        if again := [
            Part(Job.of_ids(self._reading, TABLES[one], sorted(ids)), f"{one}_again")
            for one, ids in wanted.items()
            if ids
        ]:
            yield again

    def mark(self) -> None:
        """Mark it, last, so that a run killed before finds it again, and reads what hangs on it."""
        for table, ids in self._gone:
            self._raw.mark_deleted(table, map(str, ids), utc_now())

    def _of(self, table: Table) -> TableResult:
        return self._result.tables.setdefault(table.name, TableResult())

    def _sweep(self, table: Table, newest: Newest) -> Sweep:
        """Count a table's ids here and there; nothing is found when that cannot be finished or believed."""
        unreadable = self._quarantine.unreadable(table)
        is_as_asked = set(unreadable) == self._of(table).asked
        try:
            found = sweep(
                self._reading.reader,
                self._raw,
                table,
                max(newest.id, self._raw.highest_id(table)),
                unreadable=unreadable,
                counted=newest.total if is_as_asked else None,
                max_share=self._settings.max_deleted_share,
            )
        except StoreDownError:
            raise
        except MagentoError as error:
            self._of(table).tell(f"deletions not looked for: {error}")
            return Sweep()
        if found.refused:
            self._of(table).tell(
                f"no deletion marked: {found.refused}; check STORE_IDS, START_DATE and the role's permissions, or "
                f"raise {name('max_deleted_share')}"
            )
            return Sweep()
        return found

    def _read_referred(self, table: Table, found: Sweep) -> Iterator[list[Part]]:
        """Read the accounts of loaded orders that are not of the chosen websites, and those that have left these.

        No window and no count shows what becomes of them, so that all are read each time. What does not come is gone.
        """
        besides = self._raw.referred(table, self._reading.reader.websites)
        ids = sorted({*besides, *found.gone})
        found.gone = []
        if not ids:
            return
        job = Job.of_ids(self._reading, table, ids)
        yield [Part(job, f"{table.name}_again")]
        if not job.is_done:
            return
        there = {*job.refused, *(key for (key,) in job.keys)}
        if not (lost := [one for one in ids if one not in there]):
            return
        gone = self._raw.ids(table, [listed(table.filter_key, lost)], BEFORE_ALL_IDS, LARGEST_ID)
        if len(gone) > max(FEW_ROWS, int(len(ids) * self._settings.max_deleted_share)):
            self._of(table).tell(
                f"no deletion marked: {len(gone)} of {len(ids)} accounts of other websites did not come"
            )
        else:
            found.gone = gone

    def _mark_unseen(self, whole: Whole) -> None:
        """Mark what a table that is read in full no longer has, unless that is more than anybody believes."""
        table, result = whole.table, self._of(whole.table)
        # All of it was asked for: a row of the quarantine that did not fail again is well or gone.
        result.asked |= set(self._quarantine.refused(table)) - whole.refused.keys()
        if not whole.is_believed:
            return

        known = self._raw.keys(table)
        gone = known - {"/".join(map(str, key)) for key in whole.keys}
        believed = len(known) if table.follows_settings else max(FEW_ROWS, len(known) // 2)
        if not whole.keys or any(None in key for key in whole.keys):
            # An empty list is a broken answer rather than a shop without categories, and a row whose id cannot be read
            # may be any of those that seem gone.
            believed = 0
        if len(gone) <= believed:
            self._raw.mark_deleted(table, gone, utc_now())
            result.deleted = len(gone)
        else:
            result.tell(
                f"no deletion marked: {len(gone)} of {len(known)} rows are not in the store's answer; check the role's "
                "permissions, and what the shop's own pages show of them"
            )
