"""A load: which parts of which tables to read, in which order, and what is remembered afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import dlt
import duckdb
import pyarrow as pa
from dlt.common.configuration.utils import get_resolved_traces

from loaders.errors import PipelineError
from loaders.magento.ahead import Ahead
from loaders.magento.client import Filter, MagentoClient
from loaders.magento.errors import LoginError, MagentoError, PermissionMissingError, StoreDownError
from loaders.magento.parse import Batch
from loaders.magento.progress import Progress
from loaders.magento.reader import MAX_SKIPPED, TIME, Part, Reader
from loaders.magento.settings import MagentoSettings, name
from loaders.magento.source import make_source, pipeline
from loaders.magento.store import LARGEST_ID, Checkpoint, RawStore, Span
from loaders.magento.sweep import FEW_ROWS, Sweep, sweep
from loaders.magento.tables import ATTRIBUTE_OPTIONS, CUSTOMERS, ORDERS, PRODUCTS, TABLES, Table, children_of
from loaders.paths import Warehouse

PARENTS = tuple(table for table in TABLES.values() if table.parent is None)
REREAD = (CUSTOMERS, PRODUCTS, ORDERS)
"""Tables with changes that move no `updated_at`."""
HALF_A_DAY = timedelta(hours=12)
CLOCK_DIFFERENCE = timedelta(minutes=10)
"""Two clocks further apart than this are told."""


@dataclass
class TableResult:
    """What a load did with one table."""

    read: int = 0
    changed: int = 0
    deleted: int = 0
    note: str = ""

    def tell(self, text: str) -> None:
        """Add to the note."""
        self.note = f"{self.note}; {text}" if self.note else text


@dataclass
class LoadResult:
    """What a load did: per table, in how many requests, and what could not be read."""

    tables: dict[str, TableResult] = field(default_factory=dict)
    quarantined: int = 0
    """Values and rows that are in the quarantine now, of whichever run."""
    requests: int = 0
    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Tables that could not be read, in the order of `errors`."""
    missing: dict[str, PermissionMissingError] = field(default_factory=dict)
    """Tables that the role may not read; their errors are among `errors` too."""

    @property
    def changed(self) -> int:
        """Rows that are new or changed, of all tables."""
        return sum(table.changed for table in self.tables.values())


class Load:
    """One run of the loader over a store."""

    def __init__(self, settings: MagentoSettings, house: Warehouse, attribute_codes: tuple[str, ...]) -> None:
        house.make_folders()
        self._settings = settings
        self._house = house
        self._unfinished = house.work / "load.unfinished"
        self._client = MagentoClient(settings)
        self._raw = RawStore(house.path, settings.store_key)
        self._started = _now()
        self._progress = Progress()
        self._reader = Reader(self._client, settings, self._started, attribute_codes, self._progress)
        self._result = LoadResult()
        self._failed: dict[str, MagentoError] = {}
        self._refused: dict[str, set[int]] = {}
        self._asked: dict[str, tuple[int, ...]] = {}
        self._ahead: tuple[Part, Ahead] | None = None
        self._clocks_told = False
        self._store_is_ahead = False

    def run(self, tables: Sequence[Table] = PARENTS) -> LoadResult:
        """Load `tables`: small ones in full, the others from their cursor, or from the start the first time.

        Raises PipelineError when the store cannot be used at all; what fails for one table is in the result.
        """
        with self._working() as pipe:
            self._reader.websites = self._websites()
            parts = first = [self._first_part(table) for table in tables]
            while parts:
                parts = self._run_parts(pipe, parts)
            self._raw.complete()
            self._read_half_written(pipe, tables)
            done = [part for part in first if part.table.name not in self._failed]
            self._look_again(pipe, done)
            self._find_deleted(pipe, done)
            self._summarise(tables)
        self._unfinished.unlink()
        return self._result

    def backfill(self, tables: Sequence[Table], span: Span) -> LoadResult:
        """Read again the rows of `tables` created in a span of time, in resumable pieces; no cursor moves.

        Small tables, which have no creation times worth the name, are read in full.
        Raises PipelineError when the store cannot be used at all.
        """
        with self._working() as pipe:
            self._reader.websites = self._websites()
            parts = [self._span_part(table, span) for table in tables]
            while parts:
                parts = self._run_parts(pipe, parts)
            self._raw.complete()
            self._read_half_written(pipe, tables)
            self._summarise(tables)
        self._unfinished.unlink()
        return self._result

    def restart(self, tables: Sequence[Table]) -> None:
        """Have the next `run` read `tables` from the start; a backfill that was stopped goes on where it was."""
        self._raw.prepare()
        for table in tables:
            if table.cursor and self._raw.checkpoint(table) is None:
                self._raw.forget(table)

    def _open_pipeline(self) -> dlt.Pipeline:
        """Open dlt's pipeline, without anything of a run that did not end: what that had read is read again.

        dlt would go on with it. Killed at the wrong moment it then copies a file twice, and its upsert writes rows
        twice; or it finds a package half made, and fails in each run to come (both seen). Its folder has nothing that
        matters here, so it is put away in one move.
        """
        pipelines = self._house.pipelines
        discarded = pipelines.with_name(f"{pipelines.name}.discarded")
        if self._unfinished.exists() and pipelines.exists():
            shutil.rmtree(discarded, ignore_errors=True)
            pipelines.rename(discarded)
        shutil.rmtree(discarded, ignore_errors=True)
        for done in pipelines.glob("*/load/loaded/*"):  # what dlt keeps of each load for ever
            shutil.rmtree(done)
        self._unfinished.touch()
        self._raw.doubt_half_written()
        return pipeline(self._house.path, pipelines)

    def _read_half_written(self, pipe: dlt.Pipeline, tables: Sequence[Table]) -> None:
        """Read the rows again that a killed run wrote in part, without their lines say, and no window has brought."""
        again = [
            Part(table, ids=tuple(ids), is_again=True)
            for table in tables
            if table.cursor and table.name not in self._failed and (ids := self._raw.half_written(table))
        ]
        if again:
            self._run_parts(pipe, again)

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
        ours = _now()
        if abs(theirs - ours) > CLOCK_DIFFERENCE and not self._clocks_told:
            self._clocks_told = True
            print(
                f"  the store's clock says {theirs:%Y-%m-%d %H:%M} UTC and this machine's {ours:%Y-%m-%d %H:%M}: "
                "the earlier one is used; correct the wrong one",
                flush=True,
            )
        self._store_is_ahead |= theirs - ours > CLOCK_DIFFERENCE

    def _put_right(self, table: Table) -> None:
        """Forget marks in the future, which a version before this one took from a store's clock that was ahead.

        What changed until then was not seen, and nothing tells since when: the table is read from the start.
        """
        moment = self._raw.forget_after(table, _now() + CLOCK_DIFFERENCE)
        if moment is not None:
            print(
                f"  {table.name}: the last load is dated {moment:%Y-%m-%d %H:%M} UTC, which is still to come; "
                "changes may have been missed: reading it from the start",
                flush=True,
            )

    def _first_part(self, table: Table) -> Part:
        if not table.cursor:
            return Part(table)
        skip = self._skipped(table)
        try:
            highest, server_time = self._reader.highest_id(table, skip)
            self._compare_clocks(server_time)
            # Rows with higher ids than the store has now were deleted; the sweep has to look there too.
            highest = max(highest, self._raw.highest_id(table))
            self._put_right(table)
            cursor = self._raw.cursor(table)
            if cursor is not None:
                since = min(cursor, server_time) - timedelta(minutes=self._settings.overlap_minutes)
                return Part(table, since=since, highest_id=highest, server_time=server_time, skip=skip)
            checkpoint = self._raw.checkpoint(table) or Checkpoint(server_time, 0)
            part = Part(table, checkpoint.upto_id, highest_id=highest, server_time=checkpoint.loaded_from, skip=skip)
            return self._begin(part)
        except (LoginError, StoreDownError):
            raise
        except MagentoError as error:
            return Part(table, error=error)

    def _skipped(self, table: Table) -> tuple[int, ...]:
        """Rows that the store could not send last time: left out of the pages, and asked for one by one later."""
        refused = self._raw.refused(table)
        return tuple(refused) if len(refused) <= MAX_SKIPPED else ()

    def _span_part(self, table: Table, span: Span) -> Part:
        """Make the first piece of a backfill of a span of time."""
        if not table.cursor:
            return Part(table)
        skip = self._skipped(table)
        try:
            highest, server_time = self._reader.highest_id(table, skip)
            after = self._raw.backfilled(table, span)
            return self._begin(Part(table, after, highest_id=highest, server_time=server_time, created=span, skip=skip))
        except (LoginError, StoreDownError):
            raise
        except MagentoError as error:
            return Part(table, error=error)

    def _begin(self, part: Part) -> Part:
        """Make the first piece of what is left of a table."""
        if part.after:
            print(f"  {part.table.name}: going on after id {part.after:,}", flush=True)
        return self._piece(part)

    def _piece(self, part: Part) -> Part:
        """Have a part end with its row number `chunk_ids`; the last is open, so that what came meanwhile is read."""
        part.upto, left = self._reader.nth_id(part, part.after, self._settings.chunk_ids)
        if part.upto is not None:
            self._progress.expect(part.table.name, left)
        return part

    def _next_part(self, done: Part) -> Part | None:
        """What is left of the table after `done`: None when it is complete, or failed."""
        if done.error or done.is_again or not done.is_complete or done.upto is None or done.server_time is None:
            return None
        part = replace(done, after=done.upto, upto=None, refused=[], keys=[], has_news=False, is_complete=False)
        try:
            return self._piece(part)
        except MagentoError as error:  # its turn comes when what was read before it is written
            return replace(part, error=error)

    def _run_parts(self, pipe: dlt.Pipeline, parts: Sequence[Part]) -> list[Part]:
        """Read and commit `parts`, then remember what is committed; return what follows them.

        While they are written, the first of those that follow is being read already.
        """
        for part in parts:
            if isinstance(part.error, LoginError | StoreDownError):
                raise part.error
        self._extract(pipe, [part for part in parts if part.error is None])
        following = [after for done in parts if (after := self._next_part(done)) is not None]
        if following and following[0].error is None:
            self._ahead = (following[0], Ahead(self._reader.read(following[0], self._raw.copy_of_known(following[0]))))
        if any(part.has_news for part in parts):
            self._guard(pipe.normalize)
            self._guard(lambda: pipe.load(workers=1, raise_on_failed_jobs=True))
            self._guard(self._raw.write_out)
        else:
            pipe.abort_packages()
        pa.default_memory_pool().release_unused()  # or it is held beside what DuckDB takes for the next piece
        for part in parts:
            if part.note:
                self._result.tables.setdefault(part.table.name, TableResult()).tell(part.note)
            self._refused.setdefault(part.table.name, set()).update(part.refused)
            if part.error is not None:
                self._failed[part.table.name] = part.error
            elif not part.is_believed:
                continue
            elif part.is_complete and part.table.cursor and part.server_time is not None and not part.is_again:
                if part.created is not None:
                    self._raw.save_backfilled(part.table, part.created, part.upto)
                elif part.upto is None:
                    reached = min(part.server_time, _now())
                    if self._store_is_ahead:  # then its changes may be dated by a clock that is far behind ours
                        reached = self._raw.latest_change(part.table, reached)
                    self._raw.finish(part.table, reached, _now())
                else:
                    self._raw.save_checkpoint(part.table, Checkpoint(min(part.server_time, _now()), part.upto))
        return following

    def _extract(self, pipe: dlt.Pipeline, parts: Sequence[Part]) -> None:
        def read(part: Part) -> Iterator[Batch]:
            if self._ahead is not None and self._ahead[0] is part:
                yield from self._ahead[1]
                self._ahead = None
            else:
                yield from self._reader.read(part, self._raw.known(part.table))

        self._guard(lambda: pipe.extract(make_source(parts, read)))

    @contextmanager
    def _working(self) -> Iterator[dlt.Pipeline]:
        """Prepare the warehouse, show progress, and leave nothing open or running, however the work ends.

        The file stays open all the time: each closing has DuckDB write its last rows, of which dlt's jobs and ours
        would make a dozen for each piece.
        """
        with self._raw.held():
            self._raw.prepare()
            pipe = self._open_pipeline()
            try:
                with self._progress:
                    yield pipe
            finally:
                if self._ahead is not None:
                    self._ahead[1].close()
                    self._ahead = None

    def _look_again(self, pipe: dlt.Pipeline, parts: Sequence[Part]) -> None:
        """Ask again for what could not be sent last time, and for the rows whose turn of the second look it is."""
        again: list[Part] = []
        looks: list[tuple[Part, int]] = []
        for part in parts:
            if part.skip:
                again.append(Part(part.table, ids=part.skip, is_again=True))
                self._asked[part.table.name] = part.skip
            if part.table in REREAD and part.since is not None and (look := self._second_look(part)):
                again.append(look[0])
                looks.append(look)
        if not again:
            return
        self._run_parts(pipe, again)
        for part, upto in looks:
            if part.is_complete and part.server_time is not None:
                self._raw.save_reread(part.table, min(part.server_time, _now()), upto)

    def _second_look(self, part: Part) -> tuple[Part, int] | None:
        """Make the part of a table that is read again this time, and tell where the next time goes on.

        What share of the rows it is follows from the time since the last look, so that all are seen
        within `reread_days` however often the loader runs.
        """
        days = self._settings.reread_order_days if part.table is ORDERS else self._settings.reread_days
        server_time = part.server_time
        if days <= 0 or self._settings.reread_days <= 0 or server_time is None:
            return None
        newest_only = server_time - timedelta(days=days) if part.table is ORDERS else None
        lowest, highest, count = self._raw.id_range(part.table, newest_only)
        if not count:
            return None
        looked_at, upto = self._raw.reread(part.table) or (server_time - timedelta(days=1), 0)
        elapsed = server_time - looked_at if looked_at <= server_time else timedelta(days=1)
        after = lowest - 1
        if count <= self._settings.reread_rows:
            if elapsed < HALF_A_DAY:
                return None
            last = highest
        else:
            # One night less than promised: a change just after its turn waits for the night after the last.
            share = elapsed / timedelta(days=max(1, self._settings.reread_days - 1))
            rows = -(-count * int(min(1.0, share) * 1_000_000) // 1_000_000)
            if rows < self._settings.page_size:
                return None
            after = upto if after < upto < highest else after
            created = [Filter("created_at", "gteq", newest_only.strftime(TIME))] if newest_only else []
            last = self._raw.nth_id(part.table, after, rows, created)
        look = Part(part.table, after, last, highest_id=last, server_time=server_time, skip=part.skip, is_again=True)
        if newest_only is not None:  # ids do not always follow the dates: an import can number old orders last
            look.created = (newest_only, server_time + timedelta(days=2))
        return look, last if last < highest else 0

    def _find_deleted(self, pipe: dlt.Pipeline, parts: Sequence[Part]) -> None:
        """Mark what is gone from the store, and read what the warehouse turns out to lack."""
        wanted: dict[str, set[int]] = {}
        gone: list[tuple[Table, list[int]]] = []
        for part in parts:
            result = self._result.tables.setdefault(part.table.name, TableResult())
            if not part.table.cursor:
                self._mark_unseen(part, result)
                continue
            found = self._sweep(part, result)
            if part.table is CUSTOMERS and self._reader.websites:
                self._read_accounts_besides(pipe, found, result)
            if found.gone:
                gone.append((part.table, found.gone))
                result.deleted = len(found.gone)
            if found.missing:
                wanted.setdefault(part.table.name, set()).update(found.missing)
            if found.gone and part.table is CUSTOMERS and ORDERS.name not in self._failed:
                # Magento takes a deleted account off its orders without touching their `updated_at` (recorded).
                wanted.setdefault(ORDERS.name, set()).update(self._raw.orders_of(found.gone))
        again = [Part(TABLES[name], ids=tuple(sorted(ids)), is_again=True) for name, ids in wanted.items() if ids]
        if again:
            self._run_parts(pipe, again)
        for table, ids in gone:  # last, so that a run killed before finds them again, and reads what hangs on them
            self._raw.mark_deleted(table, ids, self._started)

    def _read_accounts_besides(self, pipe: dlt.Pipeline, found: Sweep, result: TableResult) -> None:
        """Read the accounts of loaded orders that are not of the chosen websites, and those that have left these.

        No window and no count shows what becomes of them, so that all are read each time. What does not come is gone.
        """
        besides = self._raw.accounts_besides(self._reader.websites)
        ids = sorted({*besides, *found.gone})
        if not ids:
            return
        part = Part(CUSTOMERS, ids=tuple(ids), is_again=True)
        self._run_parts(pipe, [part])
        found.gone = []
        if not part.is_complete:
            return
        there = {*part.refused, *(int(key) for (key,) in part.keys if key)}
        gone = ",".join(str(one) for one in ids if one not in there)
        if gone:
            found.gone = self._raw.ids(CUSTOMERS, [Filter("id", "in", gone)], 0, LARGEST_ID)
        allowed = max(FEW_ROWS, int(len(ids) * self._settings.max_deleted_share))
        if len(found.gone) > allowed:
            result.note = f"no deletion marked: {len(found.gone)} of {len(ids)} accounts of other websites did not come"
            found.gone = []

    def _mark_unseen(self, part: Part, result: TableResult) -> None:
        """Mark what a table that is read in full no longer has, unless that is more than anybody believes."""
        # All of it was asked for: a row of the quarantine that did not fail again is well or gone.
        self._asked[part.table.name] = tuple(self._raw.refused(part.table))
        if not part.is_believed:
            return

        def believed(rows: int) -> int:
            if not part.keys or any(None in key for key in part.keys):
                # An empty list is a broken answer rather than a shop without categories, and a row whose id cannot be
                # read may be any of those that seem gone.
                return 0
            # Another attribute's options come when the setting changes, and the old ones go with it.
            return rows if part.table is ATTRIBUTE_OPTIONS else max(FEW_ROWS, rows // 2)

        gone, rows = self._raw.mark_unseen(part.table, part.keys, self._started, believed)
        if gone <= believed(rows):
            result.deleted = gone
        else:
            result.tell(
                f"no deletion marked: {gone} of {rows} rows are not in the store's answer; check the role's "
                "permissions, and what the shop's own pages show of them"
            )

    def _sweep(self, part: Part, result: TableResult) -> Sweep:
        """Count a table's ids here and there; nothing is found when that cannot be finished or believed."""
        try:
            found = sweep(
                self._reader,
                self._raw,
                part.table,
                part.highest_id,
                page_size=self._settings.page_size,
                max_share=self._settings.max_deleted_share,
            )
        except StoreDownError:
            raise
        except MagentoError as error:
            result.note = f"deletions not looked for: {error}"
            return Sweep()
        if found.refused:
            result.note = (
                f"no deletion marked: {found.refused}; check STORE_IDS, START_DATE and the role's permissions, "
                "or raise SOURCES__MAGENTO__MAX_DELETED_SHARE"
            )
            return Sweep()
        return found

    def _guard(self, step: Callable[[], object]) -> None:
        """Run a step of dlt; what it wraps in its own exceptions comes out as the error it was."""
        get_resolved_traces().clear()  # dlt writes the settings that were read, secrets too, into its trace file
        try:
            step()
        except PipelineError:
            raise
        except Exception as error:
            for trace in self._house.pipelines.glob("*/trace.pickle"):  # has the error's text as it came
                trace.unlink()
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, PipelineError | duckdb.Error | OSError):
                cause = cause.__cause__ or cause.__context__
            if isinstance(cause, duckdb.Error | OSError):  # no memory, no disk
                line = str(cause).splitlines()[0]
                raise PipelineError(f"{self._house.path} could not be written: {line}; then run again") from None
            if cause is not None:
                raise cause from None
            raise

    def _summarise(self, tables: Sequence[Table]) -> None:
        everything = [t for table in tables for t in (table, *children_of(table))]
        self._raw.settle_quarantine(everything, self._asked, self._started)
        changed = self._raw.changed_rows(everything, self._started)
        self._result.quarantined = self._raw.quarantined()
        for table in everything:
            result = self._result.tables.setdefault(table.name, TableResult())
            result.read = self._progress.rows(table.name)
            result.changed = changed[table.name]
            if refused := sorted(self._refused.get(table.name, ())):
                ids = ", ".join(map(str, refused[:5])) + (" and more" if len(refused) > 5 else "")
                result.tell(
                    f"the store could not send {len(refused)} row(s) (id {ids}); they are tried again next time"
                )
        self._result.errors = [f"{name}: {error}" for name, error in self._failed.items()]
        self._result.failed = list(self._failed)
        self._result.missing = {n: e for n, e in self._failed.items() if isinstance(e, PermissionMissingError)}
        self._result.requests = self._client.requests


def _now() -> datetime:
    """Return our clock: UTC, naive as in raw. Nothing is remembered as of a moment after it."""
    return datetime.now(UTC).replace(tzinfo=None)
