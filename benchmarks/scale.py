"""`python -m benchmarks.scale`: builds of several stores on DuckDB and on Spark, whole commands with all data tests.

Each store is the same one under a key of its own: 50,000 contacts and 250,000 orders. Memory is that of the largest
process.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.generated_shop import AS_OF, create
from benchmarks.load.__main__ import measured
from loaders.lake import export
from loaders.magento.tables import TABLES
from loaders.paths import Warehouse
from loaders.warehouse import quoted, raise_storage_version


def multiply(store: Path, house: Warehouse, stores: int) -> None:
    """Make a warehouse whose raw tables hold a store so many times."""
    raise_storage_version(house.path)
    with duckdb.connect(str(house.path)) as db:
        db.execute(f"attach {quoted(store)} as one (read_only); create schema raw")
        for table in TABLES:
            db.execute(
                f"""create table raw.{table} as
                    select one.* replace (cast(number as varchar) as store_key)
                    from range({stores}) as numbers(number), one.raw.{table} as one"""
            )


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--stores", type=int, nargs="*", default=[1, 4], help="how many are built at once")
    parser.add_argument("--contacts", type=int, default=50_000, help="of each store; orders are five times as many")
    given = parser.parse_args()
    print(f"{'stores':>6}  {'engine':8}{'s':>8}{'CPU s':>8}{'MB':>8}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        create(Path(name) / "store.duckdb", given.contacts)
        for stores in given.stores:
            house = Warehouse(Path(name) / str(stores) / "warehouse.duckdb")
            house.make_folders()
            multiply(Path(name) / "store.duckdb", house, stores)
            os.environ["LAKE_PATH"] = str(house.path.with_name("lake"))
            export(house)
            environment = {**os.environ, "WAREHOUSE_PATH": str(house.path)}
            command = [sys.executable, "-m", "loaders.build", "--vars", f"{{as_of_date: {AS_OF}}}"]
            for engine, more in (("DuckDB", []), ("Spark", ["--target", "spark"])):
                arguments = [*command, *more, "--exclude-resource-type", "unit_test"]
                seconds, processor, memory = measured(arguments, environment)
                print(f"{stores:6}  {engine:8}{seconds:8.1f}{processor:8.1f}{memory:8.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
