"""A load: which parts of which tables to read, in which order, and what is remembered afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dlt
import duckdb

from loaders.errors import PipelineError
from loaders.magento.client import MagentoClient
from loaders.magento.errors import LoginError, MagentoError
from loaders.magento.progress import Progress
from loaders.magento.reader import Part, Reader
from loaders.magento.settings import MagentoSettings
from loaders.magento.source import make_source, pipeline
from loaders.magento.store import Checkpoint, RawStore
from loaders.magento.sweep import sweep
from loaders.magento.tables import TABLES, Table, children_of
from loaders.paths import Warehouse
from loaders.warehouse import open_warehouse

PARENTS = tuple(table for table in TABLES.values() if table.parent is None)


@dataclass
class TableResult:
    """What a load did with one table."""

    read: int = 0
    changed: int = 0
    deleted: int = 0
    note: str = ""


@dataclass
class LoadResult:
    """What a load did: per table, in how many requests, and what could not be read."""

    tables: dict[str, TableResult] = field(default_factory=dict)
    quarantined: int = 0
    requests: int = 0
    errors: list[str] = field(default_factory=list)


class Load:
    """One run of the loader over a store."""

    def __init__(self, settings: MagentoSettings, house: Warehouse, attribute_codes: tuple[str, ...]) -> None:
        house.make_folders()
        self._settings = settings
        self._house = house
        self._client = MagentoClient(settings)
        self._raw = RawStore(house.path, settings.store_key)
        self._started = datetime.now(UTC).replace(tzinfo=None)
        self._progress = Progress()
        self._reader = Reader(self._client, settings, self._started, attribute_codes, self._progress)
        self._result = LoadResult()
        self._failed: dict[str, MagentoError] = {}

    def run(self, tables: Sequence[Table] = PARENTS) -> LoadResult:
        """Load `tables`: small ones in full, the others from their cursor, or from the start the first time.

        Raises PipelineError when the store cannot be used at all; what fails for one table is in the result.
        """
        self._raw.prepare()
        pipe = pipeline(self._house.path, self._house.pipelines)
        self._finish_pending(pipe)
        with self._progress:
            first = [self._first_part(table) for table in tables]
            parts = first
            while parts:
                self._run_parts(pipe, parts)
                parts = [part for done in parts if (part := self._next_part(done)) is not None]
            self._raw.complete()
            for part in first:
                if part.table.name not in self._failed:
                    self._find_deleted(pipe, part)
        self._summarise(tables)
        return self._result

    def restart(self, tables: Sequence[Table]) -> None:
        """Have the next `run` read `tables` from the start; a backfill that was stopped goes on where it was."""
        self._raw.prepare()
        for table in tables:
            if table.cursor and self._raw.checkpoint(table) is None:
                self._raw.forget(table)

    def _finish_pending(self, pipe: dlt.Pipeline) -> None:
        """Write what a killed run had read and not yet written."""
        if pipe.has_pending_data:
            self._guard(pipe.normalize)
            self._guard(lambda: pipe.load(raise_on_failed_jobs=True))

    def _first_part(self, table: Table) -> Part:
        if not table.cursor:
            return Part(table)
        try:
            highest, server_time = self._reader.highest_id(table)
        except LoginError:
            raise
        except MagentoError as error:
            return Part(table, error=error)
        # Rows with higher ids than the store has now were deleted; the sweep has to look there too.
        highest = max(highest, self._raw.highest_id(table))
        cursor = self._raw.cursor(table)
        if cursor is not None:
            since = cursor - timedelta(minutes=self._settings.overlap_minutes)
            return Part(table, since=since, highest_id=highest, server_time=server_time)
        return self._chunk(table, self._raw.checkpoint(table) or Checkpoint(server_time, 0, highest))

    def _chunk(self, table: Table, checkpoint: Checkpoint) -> Part:
        """Make the next piece of a first load; the last one is open, so that what came meanwhile is read too."""
        upto = checkpoint.upto_id + self._settings.chunk_ids
        return Part(
            table,
            checkpoint.upto_id,
            None if upto >= checkpoint.highest_id else upto,
            highest_id=checkpoint.highest_id,
            server_time=checkpoint.loaded_from,
        )

    def _next_part(self, done: Part) -> Part | None:
        """What is left of the table after `done`: None when it is complete, or failed."""
        if done.error or not done.is_complete or done.upto is None or done.server_time is None:
            return None
        return self._chunk(done.table, Checkpoint(done.server_time, done.upto, done.highest_id))

    def _run_parts(self, pipe: dlt.Pipeline, parts: Sequence[Part]) -> None:
        """Read and commit `parts`, then remember what is committed."""
        self._extract(pipe, [part for part in parts if part.error is None])
        self._guard(pipe.normalize)
        self._guard(lambda: pipe.load(raise_on_failed_jobs=True))
        for part in parts:
            if part.error is not None:
                self._failed[part.table.name] = part.error
            elif part.is_complete and part.table.cursor and part.server_time is not None and not part.ids:
                if part.upto is None:
                    self._raw.finish(part.table, part.server_time, datetime.now(UTC).replace(tzinfo=None))
                else:
                    self._raw.save_checkpoint(part.table, Checkpoint(part.server_time, part.upto, part.highest_id))

    def _extract(self, pipe: dlt.Pipeline, parts: Sequence[Part]) -> None:
        existing = self._raw.tables()
        opened: list[duckdb.DuckDBPyConnection] = []

        def known(name: str) -> duckdb.DuckDBPyConnection | None:
            if name not in existing or "_dlt_loads" not in existing:
                return None
            if not opened:
                opened.append(open_warehouse(self._house.path, read_only=True))
            return opened[0]

        try:
            self._guard(lambda: pipe.extract(make_source(self._reader, parts, known)))
        finally:
            for connection in opened:  # dlt writes to the file next
                connection.close()

    def _find_deleted(self, pipe: dlt.Pipeline, part: Part) -> None:
        """Mark what is gone from the store, and read what the warehouse turns out to lack."""
        table = part.table
        result = self._result.tables.setdefault(table.name, TableResult())
        if not table.cursor:
            result.deleted = self._raw.mark_unseen(table, part.keys, self._started)
            return
        try:
            found = sweep(
                self._reader,
                self._raw,
                table,
                part.highest_id,
                page_size=self._settings.page_size,
                max_share=self._settings.max_deleted_share,
            )
        except MagentoError as error:
            result.note = f"deletions not looked for: {error}"
            return
        if found.refused:
            result.note = (
                f"no deletion marked: {found.refused}; check STORE_IDS, START_DATE and the role's permissions, "
                "or raise SOURCES__MAGENTO__MAX_DELETED_SHARE"
            )
            return
        if found.gone:
            self._raw.mark_deleted(table, found.gone, self._started)
            result.deleted = len(found.gone)
        if found.missing:
            self._run_parts(pipe, [Part(table, ids=tuple(found.missing))])

    def _guard(self, step: Callable[[], object]) -> None:
        """Run a step of dlt; what it wraps in its own exceptions comes out as the error it was."""
        try:
            step()
        except PipelineError:
            raise
        except Exception as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, PipelineError):
                cause = cause.__cause__ or cause.__context__
            if cause is not None:
                raise cause from None
            raise

    def _summarise(self, tables: Sequence[Table]) -> None:
        everything = [t for table in tables for t in (table, *children_of(table))]
        changed = self._raw.changed_rows(everything, self._started)
        for table in everything:
            result = self._result.tables.setdefault(table.name, TableResult())
            result.read = self._progress.rows(table.name)
            result.changed = changed[table.name]
        self._result.errors = [f"{name}: {error}" for name, error in self._failed.items()]
        self._result.requests = self._client.requests
        self._result.quarantined = self._raw.quarantined(self._started)
