"""A load: which rows of which tables to read, in which order, and what is remembered afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from loaders.dates import utc_now
from loaders.magento import former
from loaders.magento.client import MagentoClient
from loaders.magento.deletions import Deletions
from loaders.magento.errors import LoginError, MagentoError, StoreDownError
from loaders.magento.landing import Landing, Part
from loaders.magento.pages import Job, Reading
from loaders.magento.progress import Progress
from loaders.magento.quarantine import Quarantine
from loaders.magento.reader import MAX_LISTED, TIME, Newest, Reader, without
from loaders.magento.result import LoadResult, TableResult
from loaders.magento.schema import Filter, Table
from loaders.magento.second_look import second_look
from loaders.magento.settings import MagentoSettings, name
from loaders.magento.storage import RawStore
from loaders.magento.tables import TABLES
from loaders.magento.whole import Whole
from loaders.paths import Warehouse

ALL = tuple(TABLES.values())
CLOCK_DIFFERENCE = timedelta(minutes=10)
"""Two clocks further apart than this are told."""
EVERYTHING: list[list[int | None]] = [[0, None]]
Span = tuple[datetime, datetime]


class Load:
    """One run of the loader over a store."""

    def __init__(self, settings: MagentoSettings, house: Warehouse, attribute_codes: tuple[str, ...]) -> None:
        house.make_folders()
        self._settings = settings
        self._house = house
        self._codes = attribute_codes
        self._client = MagentoClient(settings)
        self._raw = RawStore(house.path, settings.store_key)
        self._quarantine = Quarantine(self._raw)
        self._reader = Reader(self._client, settings)
        self._reading = Reading(self._reader, Progress(), settings.store_key, settings.workers, self._raw.known)
        self._started = utc_now()
        self._result = LoadResult()
        self._restarted: set[str] = set()
        self._store_is_ahead = False
        self._clocks_told = False

    def run(self, tables: Sequence[Table] = ALL) -> LoadResult:
        """Load `tables`: small ones in full, the others since their cursor, or from the start the first time.

        Raises PipelineError when the store cannot be used at all; what fails for one table is in the result.
        """
        with self._working() as landing:
            newest = self._newest(tables)
            self._make_ready(landing)
            wholes = [self._whole(table) for table in tables if not table.cursor]
            windows = [self._window(landing, TABLES[one], found) for one, found in newest.items()]
            looks = [look for one, found in newest.items() for look in self._looks(landing, TABLES[one], found)]
            self._land(landing, [*wholes, *windows, *looks])
            # What a stopped run had begun is as of then; what has changed since comes now.
            stopped = [part.job.table for part in windows if part.is_resumed and part.job.is_done]
            self._land(landing, [self._window(landing, table, newest[table.name]) for table in stopped])
            self._finish(tables)
            deletions = Deletions(self._raw, self._quarantine, self._reading, self._settings, self._result)
            for again in deletions.find(wholes, newest):
                self._land(landing, again)
            deletions.mark()
            self._summarise(tables)
        return self._result

    def backfill(self, tables: Sequence[Table], span: Span) -> LoadResult:
        """Read again the rows of `tables` created in a span of time, in resumable packages; no cursor moves.

        Small tables, which have no creation times worth the name, are read in full.
        Raises PipelineError when the store cannot be used at all.
        """
        slot = f"backfill {span[0]:%Y-%m-%d} {span[1]:%Y-%m-%d}"
        created = [
            Filter("created_at", "gteq", span[0].strftime(TIME)),
            Filter("created_at", "lt", span[1].strftime(TIME)),
        ]
        with self._working() as landing:
            newest = self._newest(tables)
            self._make_ready(landing)
            parts: list[Part | Whole] = [self._whole(table) for table in tables if not table.cursor]
            for table, found in ((TABLES[one], found) for one, found in newest.items()):
                left = self._left(table, landing.kept(table.name).get(slot))
                parts.append(Part(self._job(table, found, left, created), table.name, slot))
            self._land(landing, parts)
            self._finish(tables)
            self._summarise(tables)
        return self._result

    def restart(self, tables: Sequence[Table]) -> None:
        """Have the next `run` read `tables` from the start; a backfill that was stopped goes on where it was."""
        self._restarted |= {table.name for table in tables}

    @contextmanager
    def _working(self) -> Iterator[Landing]:
        """Open the warehouse, and let go of it however the work ends."""
        with self._raw.held():
            if former.set_aside(self._raw):
                print(
                    "  the raw tables have a new form: the store is read again once, in pieces; nothing is built or "
                    "sent before that has ended",
                    flush=True,
                )
            self._quarantine.make()
            landing = Landing(self._house, self._reading, self._settings.chunk_ids)
            self._reader.websites = self._websites()
            yield landing

    def _make_ready(self, landing: Landing) -> None:
        """The store answers: have all raw tables there, and no build over them before the first load has ended."""
        if not any(landing.kept(table.name).get("cursor") for table in ALL):
            self._raw.begin_first_load()
        self._raw.make_tables()

    def _land(self, landing: Landing, parts: Sequence[Part | Whole]) -> None:
        """Read and commit parts, and note what became of them."""
        if not parts:
            return
        landing.land(parts)
        for part in parts:
            job = part.job if isinstance(part, Part) else part
            result = self._result.tables.setdefault(job.table.name, TableResult())
            if job.note:
                result.tell(job.note)
            result.refused |= job.refused.keys()
            if job.error is not None:
                self._result.problems.setdefault(job.table.name, job.error)

    def _newest(self, tables: Sequence[Table]) -> dict[str, Newest]:
        """Newest row, count and clock of each table that has a cursor, as many asked at once as pages are."""

        def ask(table: Table) -> Newest | MagentoError:
            try:
                return self._reader.newest(table, self._skipped(table))
            except (LoginError, StoreDownError):
                raise
            except MagentoError as error:
                return error

        asked = [table for table in tables if table.cursor]
        answers = {table.name: ask(table) for table in asked[:1]}  # alone: it finds the store and logs in
        with ThreadPoolExecutor(self._settings.workers) as pool:
            answers |= zip((table.name for table in asked[1:]), pool.map(ask, asked[1:]), strict=True)
        self._result.problems |= {one: found for one, found in answers.items() if isinstance(found, MagentoError)}
        newest = {one: found for one, found in answers.items() if isinstance(found, Newest)}
        for found in newest.values():
            self._compare_clocks(found.server_time)
        return newest

    def _skipped(self, table: Table) -> list[int]:
        """Rows that the store could not send last time: left out of the pages, and asked for one by one."""
        refused = self._quarantine.refused(table)
        return refused if len(refused) <= MAX_LISTED else []

    def _whole(self, table: Table) -> Whole:
        return Whole(self._reading, table, self._codes, self._raw.names)

    def _job(self, table: Table, newest: Newest, left: list[list[int | None]], conditions: Sequence[Filter]) -> Job:
        """Make the job of reading rows of this warehouse that fit some conditions."""
        # Rows with higher ids than the store has now were deleted, and are looked for too.
        highest = max(newest.id, self._raw.highest_id(table))
        filters = [*self._reader.store_filters(table), *without(table, self._skipped(table)), *conditions]
        is_new = not self._raw.has_rows(table)
        until = min(newest.server_time, utc_now())
        return Job(self._reading, table, left, highest=highest, filters=filters, is_new=is_new, until=until)

    def _left(self, table: Table, stopped: dict[str, Any] | None) -> list[list[int | None]]:
        """Where a stopped job goes on; everything without one."""
        left: list[list[int | None]] = stopped["left"] if stopped else EVERYTHING
        if stopped and left != EVERYTHING:
            print(f"  {table.name}: going on after id {min(after or 0 for after, _ in left):,}", flush=True)
        return left

    def _window(self, landing: Landing, table: Table, newest: Newest) -> Part:
        """What is left of the last run's job, or what has changed since it began, or the first time everything."""
        kept = landing.kept(table.name)
        cursor, stopped = self._moment(table, kept.get("cursor")), kept.get("job")
        if table.name in self._restarted:
            cursor, stopped = None, stopped if stopped and not stopped["since"] else None
            self._restarted.remove(table.name)
        about = stopped
        if about is None:
            since = None
            if cursor is not None:
                overlap = timedelta(minutes=self._settings.overlap_minutes)
                since = (min(cursor, newest.server_time) - overlap).strftime(TIME)
            about = {"started": min(newest.server_time, utc_now()).isoformat(), "since": since}
        changed = [Filter(table.cursor, "gteq", about["since"])] if about["since"] else []
        job = self._job(table, newest, self._left(table, stopped), changed)
        forgets = () if about["since"] else ("cursor",)

        def then() -> dict[str, Any]:
            """The next window begins when this one did, or at the latest change if the store's clock is ahead."""
            reached = datetime.fromisoformat(about["started"])
            if self._store_is_ahead:
                seen = (job.latest, self._raw.latest_change(table, reached))
                reached = max((one for one in seen if one is not None), default=reached)
            # A first load is a first look at every row: the second is counted from there.
            return {"cursor": reached.isoformat()} | ({} if about["since"] else {"first": about["started"]})

        return Part(job, table.name, "job", about, then, forgets, is_resumed=stopped is not None)

    def _looks(self, landing: Landing, table: Table, newest: Newest) -> Iterator[Part]:
        """What could not be sent last time, one by one, and the rows whose turn of the second look it is."""
        if skipped := self._skipped(table):
            self._result.tables.setdefault(table.name, TableResult()).asked |= set(skipped)
            yield Part(Job.of_ids(self._reading, table, skipped, one_by_one=True), f"{table.name}_again")
        kept, window = landing.kept(f"{table.name}_look"), landing.kept(table.name)
        at = kept.get("at", window.get("first"))
        if at is None or not self._raw.has_rows(table):
            return
        now = newest.server_time
        looked_at = datetime.fromisoformat(at)
        look = second_look(self._raw, table, self._settings, looked_at, kept.get("upto", 0), now)
        if look is not None:
            job = self._job(table, newest, [[look.after, look.upto]], look.filters)
            state = {"at": min(now, utc_now()).isoformat(), "upto": look.next_after}
            yield Part(job, f"{table.name}_look", then=lambda: state)

    def _websites(self) -> tuple[int, ...]:
        """Websites of the store views to load, whose accounts are taken; none for the accounts of all websites."""
        views = self._settings.stores
        known = self._raw.websites_of_views()
        if set(views) - known.keys():
            known |= self._reader.websites_of_views()
        found = {view: known.get(view) or self._reader.website_of_accounts(view) for view in views}
        if unknown := [str(view) for view, website in found.items() if website is None]:
            print(
                f"  nothing tells to which website store view {', '.join(unknown)} of {name('store_ids')} belongs: "
                "the accounts of all websites are loaded",
                flush=True,
            )
            return ()
        return tuple(sorted({website for website in found.values() if website is not None}))

    def _compare_clocks(self, theirs: datetime) -> None:
        ours = utc_now()
        if abs(theirs - ours) > CLOCK_DIFFERENCE and not self._clocks_told:
            self._clocks_told = True
            print(
                f"  the store's clock says {theirs:%Y-%m-%d %H:%M} UTC and this machine's {ours:%Y-%m-%d %H:%M}: "
                "the earlier one is used; correct the wrong one",
                flush=True,
            )
        self._store_is_ahead |= theirs - ours > CLOCK_DIFFERENCE

    def _moment(self, table: Table, kept: str | None) -> datetime | None:
        """When the last window began; None when that is still to come, as after a clock that was ahead.

        What changed until then was not seen, and nothing tells since when: the table is read from the start.
        """
        moment = datetime.fromisoformat(kept) if kept else None
        if moment is not None and moment > utc_now() + CLOCK_DIFFERENCE:
            print(
                f"  {table.name}: the last load is dated {moment:%Y-%m-%d %H:%M} UTC, which is still to come; "
                "changes may have been missed: reading it from the start",
                flush=True,
            )
            return None
        return moment

    def _finish(self, tables: Sequence[Table]) -> None:
        """Raw is whole, as far as it could be read: let go of the tables of the former form."""
        failed = self._result.problems
        former.take_over(self._raw, [table for table in tables if table.name not in failed])
        self._quarantine.show()
        self._raw.end_first_load()
        self._raw.note_loads([table for table in tables if table.name not in failed], utc_now())

    def _summarise(self, tables: Sequence[Table]) -> None:
        for table in tables:
            result = self._result.tables.setdefault(table.name, TableResult())
            self._quarantine.settle(table, result.asked, self._started)
            result.read = self._reading.progress.rows(table.name)
            result.changed = self._raw.changed(table, self._started)
            if refused := sorted(result.refused):
                ids = ", ".join(map(str, refused[:5])) + (" and more" if len(refused) > 5 else "")
                result.tell(
                    f"the store could not send {len(refused)} row(s) (id {ids}); they are tried again next time"
                )
        problems = self._result.problems
        self._result.problems = {one: problems[one] for one in TABLES if one in problems}
        self._result.quarantined = self._quarantine.count()
        self._result.requests = self._client.requests
