"""`python -m benchmarks.scale`: builds of several stores from the lake, on DuckDB and on Spark, with all data tests.

Each store is the same one under a key of its own. Processor and memory are those of the whole command, Spark's Java
process among them, looked at five times a second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.generated_shop import AS_OF, create
from loaders.lake import FORM, Lake, export, new_name
from loaders.magento.tables import TABLES
from loaders.paths import PROJECT_ROOT, Warehouse
from loaders.warehouse import quoted

SHOP = "https://shop.example"
TICKS = os.sysconf("SC_CLK_TCK")


def multiply(lake: Lake, stores: int) -> None:
    """Have the lake hold so many stores, each as the store 0 is."""
    first = lake.latest("raw/0")
    for number in range(1, stores):
        folder = Path(lake.root) / "raw" / str(number) / (name := new_name())
        folder.mkdir(parents=True)
        with duckdb.connect() as db:
            for table in TABLES:
                source = quoted(f"{lake.root}/raw/0/{first['name']}/{table}.parquet")
                db.execute(
                    f"copy (select * replace ('{number}' as store_key) from {source})"
                    f" to {quoted(folder / f'{table}.parquet')} (format parquet, compression zstd)"
                )
        sizes = {path.stem: path.stat().st_size for path in folder.iterdir()}
        lake.count(f"raw/{number}", name, {"bytes": sizes, "form": FORM, "shop": SHOP, "start_date": ""})


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run a command that must succeed; seconds, processor seconds, and the most MB of all its processes together."""
    started, most, spent = time.monotonic(), 0, {0: 0}
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, env=environment, cwd=PROJECT_ROOT, start_new_session=True, stdout=said) as process,
    ):
        while process.poll() is None:
            memory = 0
            for path in Path("/proc").glob("[0-9]*/stat"):
                try:
                    # proc(5): behind the name stand the session, 4th, and ticks, 12th and 13th.
                    fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
                    if int(fields[3]) == process.pid:
                        spent[int(path.parent.name)] = int(fields[11]) + int(fields[12])
                        pages = path.with_name("smaps_rollup").read_text(encoding="utf-8")
                        memory += int(pages.partition("\nPss:")[2].split()[0])
                except (OSError, IndexError):  # it has ended meanwhile
                    continue
            most = max(most, memory)
            time.sleep(0.2)
        if process.returncode:
            said.seek(0)
            raise SystemExit(said.read()[-4000:])
    return time.monotonic() - started, sum(spent.values()) / TICKS, most / 1e3


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--stores", type=int, nargs="*", default=[1, 4, 16], help="how many are built at once")
    parser.add_argument("--contacts", type=int, default=50_000, help="of each store; orders are five times as many")
    parser.add_argument("--engines", nargs="*", default=["lake", "spark"], help="targets of profiles.yml")
    given = parser.parse_args()
    print(f"{given.contacts:,} contacts a store\n{'stores':>6}  {'target':8}{'s':>8}{'CPU s':>8}{'MB':>8}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        house = Warehouse(Path(folder) / "warehouse.duckdb")
        house.make_folders()
        create(house.path, given.contacts)
        with duckdb.connect(str(house.path)) as db:
            for table in TABLES:
                db.execute(f"update raw.{table} set store_key = '0'")
        environment = {**os.environ, "WAREHOUSE_PATH": str(house.path), "LAKE_PATH": f"{folder}/lake"}
        os.environ |= environment
        export(house, "0", SHOP)
        for stores in given.stores:
            multiply(Lake(environment["LAKE_PATH"]), stores)
            for engine in given.engines:
                command = [sys.executable, "-m", "loaders.build", "--target", engine]
                command += ["--vars", f"{{as_of_date: {AS_OF}}}", "--exclude-resource-type", "unit_test"]
                seconds, processor, memory = measured(command, environment)
                print(f"{stores:6}  {engine:8}{seconds:8.1f}{processor:8.1f}{memory:8.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
