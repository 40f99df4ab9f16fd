"""The dlt side: each job is a resource, and where it stands is in the resource's state, committed with its rows.

A package of rows is a checkpoint. Each run begins with an empty pipelines folder, restored from the warehouse: dlt 1.31
cannot safely go on with its own after a kill. The strategy is delete-insert, because an upsert does not remove a key
that is there twice, and a file that dlt copied twice would double a table.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.common.configuration.utils import get_resolved_traces
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.extract import DltResource

from loaders.dates import utc_now
from loaders.errors import PipelineError
from loaders.magento.pages import Job, Reading
from loaders.magento.quarantine import QUARANTINED
from loaders.magento.schema import TYPES, Table, all_columns
from loaders.magento.whole import Whole
from loaders.paths import Warehouse

SOURCE, DATASET = "magento", "raw"
MERGE: Any = {"disposition": "merge", "strategy": "delete-insert"}
MEMORY_LIMIT = "200MB"
_LINES = pa.schema(
    [
        *((name, pa.string()) for name in ("store_key", "table_name", "line", "row_id", "column_name", "reason")),
        ("found_at", pa.timestamp("us")),
    ]
)


@dataclass
class Part:
    """A job and what is kept of it in the state of resource `name`: several resources may write one table.

    What is left is kept under `slot` ("" for what is not resumed) with `about`; when all is read, `then` is kept.
    `forgets` names what does not hold any more once the job has begun.
    """

    job: Job
    name: str
    slot: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    then: Callable[[], dict[str, Any]] = dict
    forgets: tuple[str, ...] = ()
    is_resumed: bool = False


@dlt.defer
def _work(task: Callable[[], pa.Table | None]) -> pa.Table | None:
    return task()


def _rows(part: Part, store_key: str) -> Iterator[Any]:
    """Yield tasks for dlt's threads, None while all are busy; leave in the state what is left."""
    kept = dlt.current.resource_state().setdefault(store_key, {})
    while part.job.is_open:
        yield _work(task) if (task := part.job.next_task()) else None
    for name in (*part.forgets, part.slot):
        kept.pop(name, None)
    if part.job.is_done and part.job.is_believed:
        kept.update(part.then())
    elif part.slot and part.job.is_believed:  # of what is not believed nothing is kept: it is asked for again
        kept[part.slot] = {**part.about, "left": part.job.left}


def _small_table(whole: Whole) -> Iterator[Any]:
    yield _work(whole.read)


def _lines(parts: Sequence[Part | Whole], store_key: str) -> Iterator[Any]:
    """Yield what raw does not have, when all else has been asked for."""
    jobs = [part.job if isinstance(part, Part) else part for part in parts]
    while any(job.is_open for job in jobs):
        yield None
    lines: list[tuple[str, str, str | None, str | None, str]] = []
    for job in jobs:
        for lost in job.lost:
            lines.append((job.table.name, lost.row_id or lost.item_hash, lost.row_id, lost.column, lost.reason))
        lines += [(job.table.name, str(key), str(key), None, reason) for key, reason in job.refused.items()]
        job.lost = []
    if lines:
        now = utc_now()
        columns = zip(*((store_key, *line, now) for line in lines), strict=True)
        yield pa.Table.from_arrays(
            [pa.array(one, kind) for one, kind in zip(columns, _LINES.types, strict=True)], schema=_LINES
        )


def _hints(table: Table) -> dict[str, Any]:
    keys = ("store_key", *table.primary_key)
    columns: dict[str, Any] = {
        column.name: {"name": column.name, **TYPES[column.type][2], "nullable": column.name not in keys}
        for column in all_columns(table)
    }
    columns["_changed_at"]["dedup_sort"] = "desc"
    return {"table_name": table.name, "primary_key": keys, "columns": columns, "write_disposition": MERGE}


@dlt.source(name=SOURCE, max_table_nesting=0)
def _source(parts: Sequence[Part | Whole], store_key: str) -> Iterator[DltResource]:
    for part in parts:
        if isinstance(part, Part):
            yield dlt.resource(_rows, name=part.name, **_hints(part.job.table))(part, store_key)
        else:
            yield dlt.resource(_small_table, name=part.table.name, **_hints(part.table))(part)
    keys = ("store_key", "table_name", "line")
    yield dlt.resource(_lines, name=QUARANTINED, primary_key=keys, write_disposition=MERGE)(parts, store_key)


class Landing:
    """dlt's pipeline of one run."""

    def __init__(self, house: Warehouse, reading: Reading, rows_a_package: int) -> None:
        self._house = house
        self._reading = reading
        self._rows_a_package = rows_a_package
        shutil.rmtree(house.pipelines, ignore_errors=True)
        self._pipe = open_pipeline(house)
        self._step(self._pipe.sync_destination)

    def kept(self, name: str) -> dict[str, Any]:
        """What is committed in the state of a resource."""
        resources = self._pipe.state.get("sources", {}).get(SOURCE, {}).get("resources", {})
        kept: dict[str, Any] = resources.get(name, {}).get(self._reading.store_key, {})
        return kept

    def land(self, parts: Sequence[Part | Whole]) -> None:
        """Read all there is, committing it package by package.

        Raises what ended the reading, when what was read before it is committed.
        """
        left = list(parts)
        while left:
            for part in left:
                if isinstance(part, Part):
                    part.job.rows_left = self._rows_a_package
            source = _source(left, self._reading.store_key)
            self._step(lambda: self._pipe.extract(source, workers=self._reading.workers))  # noqa: B023 - run at once
            self._step(self._pipe.normalize)
            self._step(lambda: self._pipe.load(workers=1, raise_on_failed_jobs=True))
            pa.default_memory_pool().release_unused()  # or it is held beside what DuckDB takes for the next package
            if self._reading.ended_by is not None:
                raise self._reading.ended_by
            left = [part for part in left if isinstance(part, Part) and part.job.ranges and part.job.error is None]

    def _step(self, step: Callable[[], object]) -> None:
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


def open_pipeline(house: Warehouse) -> dlt.Pipeline:
    """Open dlt's pipeline into the warehouse."""
    credentials = DuckDbCredentials(str(house.path))
    # Without a limit DuckDB takes most of the machine; what does not fit goes to a file beside the warehouse.
    # One thread, here and for dlt's jobs: what each takes to compress rows at the file's closing is outside the limit.
    credentials.global_config = {
        "memory_limit": MEMORY_LIMIT,
        "threads": 1,
        "preserve_insertion_order": False,
    }
    return dlt.pipeline(
        SOURCE,
        destination=dlt.destinations.duckdb(credentials),
        dataset_name=DATASET,
        pipelines_dir=str(house.pipelines),
    )
