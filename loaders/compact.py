"""`python -m loaders.compact`: give disk space back. DuckDB's files keep the room of what was deleted from them.

Each file is copied into a new one without it, which then takes its place. Whenever this is killed, the old file or the
new one is there, whole.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from loaders.errors import Parser, PipelineError, run_command
from loaders.nights import step
from loaders.paths import Warehouse, warehouse
from loaders.publish import sync
from loaders.warehouse import build_memory, open_warehouse, quoted, storage_version


def compact(house: Warehouse) -> int:
    """Write each of the warehouse's files anew; return the bytes that were gained.

    Raises PipelineError when another program has a file open, or the disk has no room for the copy.
    """
    gained = 0
    names = {house.path: house.path.name.split(".")[0], house.marts: "mart_file", house.state: "state"}
    files = {path: name for path, name in names.items() if path.exists()}
    for path in files:  # what commands that were killed have left
        _aside(path).unlink(missing_ok=True)
        shutil.rmtree(_spill(path), ignore_errors=True)
    if house.path in files:
        _forget_loads(house.path)
    for path in files:
        before = path.stat().st_size
        _write_anew(path, files)
        after = path.stat().st_size
        gained += before - after
        print(f"  {path.name:32} {before / 1e6:10,.1f} MB -> {after / 1e6:,.1f} MB", flush=True)
    return gained


def _forget_loads(path: Path) -> None:
    """Delete the lines of dlt's list of loads that no row names any more.

    A row of a load that is not in the list counts as half written.
    """
    with open_warehouse(path) as db:
        tables = db.execute(
            "select table_name from duckdb_columns() where schema_name = 'raw' and column_name = '_dlt_load_id'"
        ).fetchall()
        if tables:
            named = " union ".join(f'select _dlt_load_id from raw."{table}"' for (table,) in tables)
            last = "select max(load_id) from raw._dlt_loads"
            db.execute(f"delete from raw._dlt_loads where load_id not in ({named} union {last})")


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.compact")


def _spill(path: Path) -> Path:
    """Where DuckDB puts what does not fit into memory, for this file."""
    return path.with_name(f"{path.name}.tmp")


def _write_anew(path: Path, files: dict[Path, str]) -> None:
    with open_warehouse(path) as db:
        db.execute("checkpoint")
    if path.with_name(f"{path.name}.wal").exists():
        raise PipelineError(f"{path} is open in another program; close it there")
    aside, version = _aside(path), storage_version(path).rstrip("+")
    if shutil.disk_usage(path.parent).free < path.stat().st_size:
        raise PipelineError(f"there is no room beside {path} for a copy of it: free some, then run make compact again")
    try:
        with duckdb.connect() as db:
            db.execute(f"set memory_limit = {quoted(build_memory())}; set temp_directory = {quoted(_spill(path))}")
            # Lists of a warehouse that was made before they were declared ZSTD; without it they would take more room.
            db.execute("set zstd_min_string_length = 200")
            for other, name in files.items():  # views of one file read from another
                db.execute(f'attach {quoted(other)} as "{name}" (read_only)')
            db.execute(f"attach {quoted(aside)} as compacted (storage_version {quoted(version)})")
            db.execute(f'copy from database "{files[path]}" to compacted')
            db.execute("checkpoint compacted; detach compacted")
        sync(aside)
        aside.replace(path)
        sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def main() -> int:
    """Run the command line."""
    epilog = "for instance: make compact, once in a while, when no night runs"
    Parser(prog="python -m loaders.compact", description=__doc__, epilog=epilog).parse_args()
    house = warehouse()
    with step(house, "compact"):
        print(f"{compact(house) / 1e6:,.1f} MB given back")
    return 0


if __name__ == "__main__":
    run_command(main)
