"""The dlt side: one resource for each part of a table, its children written with it, all by upsert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dlt
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.extract import DltResource

from loaders.magento.errors import LoginError, MagentoError, StoreDownError
from loaders.magento.parse import Batch
from loaders.magento.reader import Part
from loaders.magento.tables import Column, Table, all_columns, children_of

DATASET = "raw"
UPSERT = {"disposition": "merge", "strategy": "upsert"}
QUARANTINE = "quarantine"
MEMORY_LIMIT = "200MB"


def _hints(column: Column, *, is_key: bool) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "bigint": {"data_type": "bigint"},
        "text": {"data_type": "text"},
        "json": {"data_type": "text"},
        "bool": {"data_type": "bool"},
        "money": {"data_type": "decimal", "precision": 20, "scale": 4},
        "rate": {"data_type": "decimal", "precision": 20, "scale": 8},
        "timestamp": {"data_type": "timestamp", "timezone": False, "precision": 6},
    }
    return {"name": column.name, **kinds[column.type], "nullable": not is_key, "description": column.description}


def table_hints(table: Table) -> dict[str, Any]:
    """Hints that dlt needs to upsert `table`: name, key, columns, write disposition."""
    keys = ("store_key", *table.primary_key)
    return {
        "table_name": table.name,
        "primary_key": keys,
        "write_disposition": UPSERT,
        "columns": {c.name: _hints(c, is_key=c.name in keys) for c in all_columns(table)},
    }


def part_resource(part: Part, name: str, read: Callable[[Part], Iterator[Batch]]) -> DltResource:
    """Make the resource that reads one part.

    A table that cannot be read does not stop the others: its error is kept in the part. A refused
    login or a store that is down, which no other table would survive, is raised.
    """
    # All hints travel with the data: dlt would add those of the resource itself to each of its tables.
    hints = {t.name: dlt.mark.make_hints(**table_hints(t)) for t in (part.table, *children_of(part.table))}
    hints[QUARANTINE] = dlt.mark.make_hints(table_name=QUARANTINE, write_disposition="append")

    def rows() -> Iterator[Any]:
        hinted: set[str] = set()
        try:
            for batch in read(part):
                tables = {**batch.tables, **({QUARANTINE: batch.quarantine} if batch.quarantine is not None else {})}
                for table, rows_of_table in tables.items():
                    if not rows_of_table.num_rows:
                        continue
                    part.has_news = True
                    if table in hinted:  # dlt works them out anew each time
                        yield dlt.mark.with_table_name(rows_of_table, table)
                    else:
                        hinted.add(table)
                        yield dlt.mark.with_hints(rows_of_table, hints[table], create_table_variant=True)
        except (LoginError, StoreDownError):
            raise
        except MagentoError as error:
            part.error = error

    return dlt.resource(rows, name=name)


def pipeline(path: Path, pipelines_dir: Path) -> dlt.Pipeline:
    """Open the dlt pipeline into the warehouse at `path`, its state kept in `pipelines_dir`."""
    credentials = DuckDbCredentials(str(path))
    # Without a limit DuckDB takes most of the machine; what does not fit goes to a file beside the warehouse.
    # One thread, here and for dlt's jobs: what each takes to compress rows at the file's closing is outside the limit.
    credentials.global_config = {"memory_limit": MEMORY_LIMIT, "threads": 1, "preserve_insertion_order": False}
    return dlt.pipeline(
        "magento",
        destination=dlt.destinations.duckdb(credentials),
        dataset_name=DATASET,
        pipelines_dir=str(pipelines_dir),
    )


def make_source(parts: Sequence[Part], read: Callable[[Part], Iterator[Batch]]) -> Any:
    """Make the dlt source that has `parts` read one after the other."""

    @dlt.source(name="magento", max_table_nesting=0)
    def magento() -> Iterator[DltResource]:
        names: Counter[str] = Counter()
        for part in parts:
            table = part.table.name
            names[table] += 1  # two parts of one table are two resources
            name = table if names[table] == 1 else f"{table}_{names[table]}"
            yield part_resource(part, name, read)

    return magento()
