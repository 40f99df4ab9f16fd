"""`python -m benchmarks.build`: what a build costs, and the next day's, beside one hand-written SQL.

In one run, over a store written straight into the raw tables:

* `floor`: one SQL over Parquet to the same payloads, checked to be the same byte for byte;
* `floor with facts`: two statements more, to the same fact tables, checked too;
* `full`: dbt builds and tests everything from nothing, then the marts are published;
* `next`: 1 % of the contacts are touched, the as-of date moves by a day, and dbt builds, tests and publishes again.

Seconds are wall time. CPU seconds are those of all threads. Other work on the machine adds to both and takes from
neither, so of several `--rounds` of all this, the least that each node, publishing and each floor took counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.build.floor import CUT, export_statements, facts, query
from benchmarks.build.store import AS_OF, create, next_day
from loaders.build import dbt_environment, make_ready
from loaders.dbt_vars import project_vars
from loaders.paths import PROJECT_ROOT, Warehouse
from loaders.publish import publish
from loaders.rules import fingerprint
from loaders.warehouse import STORAGE_VERSION

ZONE = "America/Argentina/Buenos_Aires"
PER_CONTACT = {"int_buyers_versioned", "int_purchases_aggregated_to_contacts"}
PER_ORDER = {"int_orders_assessed", "int_order_lines_kept", "fct_purchases", "fct_purchase_items"}


def in_a_process_of_its_own(*arguments: str, environment: dict[str, str] | None = None) -> None:
    """Run a module of this package; ends the benchmark when it fails."""
    command = [sys.executable, "-m", *arguments]
    subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=True)


def floor(warehouse: Path, folder: Path, out: Path) -> None:
    """Run the floor's SQL on the raw tables of a built warehouse, compare it with the marts, and write what it cost."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        db.execute("set TimeZone = 'UTC'; set threads = 2; set enable_progress_bar = false")
        db.execute(f"attach '{Warehouse(warehouse).marts}' as marts (read_only)")
        for statement in export_statements(folder):
            db.execute(statement)
        columns = [row[0] for row in db.execute("describe marts.marts.icommkt_contacts").fetchall()]
        keys = db.execute(
            """select profile_field_key, mart_column, coalesce(max_length, 1000000)
               from seeds.icommkt_fields where enabled"""
        ).fetchall()
        keys.sort(key=lambda key: columns.index(key[1]))
        db.execute(CUT)
        db.execute(f"attach '{folder}/floor.duckdb' as made (read_write, storage_version '{STORAGE_VERSION}')")
        db.execute("pragma force_compression = 'zstd'")
        wall, cpu = time.monotonic(), time.process_time()
        db.execute(f"create table made.payloads as {query(folder, str(AS_OF), columns, keys)}")
        db.execute("checkpoint made")
        cost = {"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu}
        cost["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        wall, cpu = time.monotonic(), time.process_time()
        db.execute("pragma force_compression = 'auto'")
        made = {}
        for table, statement in facts(folder).items():
            types = {row[0]: row[1] for row in db.execute(f"describe marts.marts.{table}").fetchall()}
            names = [row[0] for row in db.execute(f"describe {statement}").fetchall()]
            casts = ", ".join(f"cast({name} as {types[name]}) as {name}" for name in names)
            made[table] = ", ".join(names)
            db.execute(f"create table made.{table} as select {casts} from ({statement})")
        db.execute("checkpoint made")
        cost["facts_seconds"] = cost["seconds"] + time.monotonic() - wall
        cost["facts_cpu"] = cost["cpu"] + time.process_time() - cpu
        row = db.execute(
            """select count(*), count(*) filter (ours.payload_hash is distinct from theirs.payload_hash)
               from marts.marts.icommkt_payloads as ours full join made.payloads as theirs using (email)"""
        ).fetchone()
        for table, names in made.items():
            sums = [
                db.execute(f"select count(*), bit_xor(hash(hash({names}))) from {schema}.{table}").fetchone()
                for schema in ("made", "marts.marts")
            ]
            if sums[0] != sums[1]:
                raise SystemExit(f"the floor is no floor: {table} is not the marts' ({sums[0]}, {sums[1]})")
    if not row or not row[0] or row[1]:
        raise SystemExit(f"the floor is no floor: of {row} payloads (all, different) some differ from the marts'")
    out.write_text(json.dumps(cost), encoding="utf-8")


def build(house: Warehouse, day: dt.date, out: Path) -> dict[str, Any]:
    """Build, test and publish as of the day; return what it cost, in parts."""
    make_ready(house)
    variables = {"as_of_date": str(day), "store_timezone": ZONE, "start_date": ""}
    environment = {**dbt_environment(house), "BUILD_RULES": fingerprint(project_vars(variables))}
    text = ", ".join(f"{name}: '{value}'" for name, value in variables.items())
    arguments = ["build", "--vars", f"{{{text}}}", "--exclude-resource-type", "unit_test"]
    in_a_process_of_its_own("benchmarks.build.measured", str(out), *arguments, environment=environment)
    cost: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    wall, cpu = time.monotonic(), time.process_time()
    publish(house, day, ZONE, is_tested=True)
    cost["publish"] = {"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu}
    return cost


def least(costs: list[dict[str, Any]]) -> dict[str, Any]:
    """The least of each number of several rounds, however deep it stands; of a peak of memory the highest."""
    found: dict[str, Any] = {}
    for key, one in costs[0].items():
        values = [cost[key] for cost in costs]
        found[key] = least(values) if isinstance(one, dict) else max(values) if key == "peak_bytes" else min(values)
    return found


def parts(cost: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Wall and CPU seconds of the parts of a build, of its models together and of the whole."""
    models = ("aggregates per contact", "orders, lines, facts", "derived for all")
    found = dict.fromkeys((*models, "models together", "tests", "publish", "the whole"), (0.0, 0.0))

    def add(part: str, one: dict[str, float]) -> None:
        for name in (part, "the whole", *(["models together"] if part in models else [])):
            found[name] = (found[name][0] + one["seconds"], found[name][1] + one["cpu"])

    for node, one in cost["nodes"].items():
        kind, name = node.split(".")[0], node.split(".")[2]
        if kind == "test":
            add("tests", one)
        elif name in PER_CONTACT:
            add("aggregates per contact", one)
        elif name in PER_ORDER:
            add("orders, lines, facts", one)
        else:
            add("derived for all", one)
    add("publish", cost["publish"])
    return found


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.build", description=__doc__)
    parser.add_argument("--contacts", type=int, default=10_000, help="orders are five times, lines ten times as many")
    parser.add_argument("--touched", type=float, default=0.01, help="share of the contacts touched on the next day")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is done, for less noise")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder when it is not given")
    parser.add_argument("--floor", nargs=3, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.floor:
        floor(*given.floor)
        return 0
    os.environ["DO_NOT_TRACK"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        store = folder / "store.duckdb"
        print(f"{given.contacts:,} contacts, {5 * given.contacts:,} orders, {10 * given.contacts:,} lines", flush=True)
        if not store.exists():
            create(store, given.contacts)
        raw_bytes = store.stat().st_size
        full, after, floors = [], [], []
        for number in range(given.rounds):
            house = Warehouse(folder / f"round_{number}" / "warehouse.duckdb")
            house.make_folders()
            shutil.copyfile(store, house.path)
            full.append(build(house, AS_OF, folder / "full.json"))
            size = tuple(path.stat().st_size for path in (house.path, house.marts, house.published))
            arguments = ["--floor", str(house.path), str(house.path.parent), str(folder / "floor.json")]
            in_a_process_of_its_own("benchmarks.build", *arguments)
            floors.append(json.loads((folder / "floor.json").read_text(encoding="utf-8")))
            touched = next_day(house.path, given.contacts, given.touched)
            after.append(build(house, AS_OF + dt.timedelta(days=1), folder / "next.json"))
            shutil.rmtree(house.path.parent)
    report(least(full), least(after), least(floors), touched, raw_bytes, size)
    return 0


def report(
    full: dict[str, Any], after: dict[str, Any], bare: dict[str, float], touched: int, raw: int, size: tuple[int, ...]
) -> None:
    """Print the table of a run."""
    one, other = parts(full), parts(after)
    print(f"{'':26}{'full':>18}{'next day':>20}{'next / full':>14}")
    print(f"{'':26}{'s':>9}{'CPU s':>9}{'s':>11}{'CPU s':>9}{'CPU':>14}")
    for name, (wall, cpu) in one.items():
        share = f"{other[name][1] / cpu:.0%}" if cpu else ""
        print(f"{name:26}{wall:9.1f}{cpu:9.1f}{other[name][0]:11.1f}{other[name][1]:9.1f}{share:>14}")
    print(f"{'floor':26}{bare['seconds']:9.1f}{bare['cpu']:9.1f}")
    print(f"{'floor with facts':26}{bare['facts_seconds']:9.1f}{bare['facts_cpu']:9.1f}")
    models, whole = one["models together"], one["the whole"]
    print(
        f"full / floor: {whole[0] / bare['seconds']:.2f} in time, {whole[1] / bare['cpu']:.2f} in CPU;"
        f" models alone {models[0] / bare['seconds']:.2f} and {models[1] / bare['cpu']:.2f} (wanted: at most 1.5)"
    )
    print(
        f"models alone / floor with facts: {models[0] / bare['facts_seconds']:.2f} in time,"
        f" {models[1] / bare['facts_cpu']:.2f} in CPU"
    )
    peaks = ", ".join(
        f"{name} {cost['peak_bytes'] / 1e9:.2f}" for name, cost in [("full", full), ("next", after), ("floor", bare)]
    )
    print(f"{touched:,} contacts touched; peak memory in GB: {peaks}")
    sizes = ", ".join(
        f"{name} {of / 1e9:.2f}" for name, of in zip(("warehouse", "marts", "published"), size, strict=True)
    )
    print(f"on disk in GB: raw {raw / 1e9:.2f}, {sizes}")


if __name__ == "__main__":
    sys.exit(main())
