"""`python -m benchmarks.build`: what a night's build costs, over a store written straight into raw tables.

dbt builds and tests everything, then the marts are published. Seconds are wall time. CPU seconds are those of all
threads. dbt works on one node at a time, so that each has its own. Other work on the machine adds to both and takes
from neither, so of several `--rounds` the least of each node counts.
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

from benchmarks.generated_shop import AS_OF, create
from loaders.build import dbt_environment, make_ready
from loaders.paths import PROJECT_ROOT, Warehouse
from loaders.publish import publish

ZONE = "America/Argentina/Buenos_Aires"
MODELS = ("staging and intermediate", "marts/core", "marts/windows", "other marts")

Cost = dict[str, float]


def measured(out: Path, arguments: list[str]) -> int:
    """Run dbt, one node at a time, and write what each node cost; its peak of memory is that of this process."""
    from dbt.cli.main import dbtRunner
    from dbt_common.events.base_types import EventMsg

    started: dict[str, tuple[float, float]] = {}
    nodes: dict[str, Cost] = {}

    def watch(event: EventMsg) -> None:
        if event.info.name not in ("NodeStart", "NodeFinished"):
            return
        node = event.data.node_info.unique_id
        if event.info.name == "NodeStart":
            started[node] = (time.monotonic(), time.process_time())
        elif node in started:
            wall, cpu = started[node]
            nodes[node] = {"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu}

    result = dbtRunner(callbacks=[watch]).invoke(["--quiet", *arguments, "--threads", "1"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    out.write_text(json.dumps({"nodes": nodes, "peak_bytes": peak}), encoding="utf-8")
    if result.exception:
        print(result.exception, file=sys.stderr)
    return 0 if result.success else 1


def build(house: Warehouse, day: dt.date, out: Path) -> dict[str, Any]:
    """Build, test and publish as of the day; return what it cost, in parts."""
    make_ready(house)
    variables = {"as_of_date": str(day), "store_timezone": ZONE, "start_date": ""}
    text = ", ".join(f"{name}: '{value}'" for name, value in variables.items())
    command = [sys.executable, "-m", "benchmarks.build", "--measured", str(out)]
    command += ["build", "--vars", f"{{{text}}}", "--exclude-resource-type", "unit_test"]
    subprocess.run(command, cwd=PROJECT_ROOT, env=dbt_environment(house), check=True)
    cost: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    wall, cpu = time.monotonic(), time.process_time()
    publish(house, day, ZONE, is_tested=True)
    cost["nodes"]["publish"] = {"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu}
    return cost


def part_of(node: str, folders: dict[str, str]) -> str:
    """The line of the table that a node is counted in."""
    kind, _, name = (f"{node}..").split(".")[:3]
    if kind in ("test", "publish"):
        return {"test": "tests"}.get(kind, kind)
    folder = folders.get(name, "")
    if not folder.startswith("marts"):
        return MODELS[0]
    return folder if folder in MODELS else MODELS[3]


def report(rounds: list[dict[str, Any]]) -> None:
    """Print wall and CPU seconds of the parts of a build, of the models and of the whole: the least of each node."""
    models = PROJECT_ROOT / "models"
    folders = {path.stem: path.parent.relative_to(models).as_posix() for path in models.rglob("*.sql")}
    found = {
        line: {"seconds": 0.0, "cpu": 0.0} for line in (*MODELS, "models together", "tests", "publish", "the whole")
    }
    for node in rounds[0]["nodes"]:
        part = part_of(node, folders)
        for line in (part, *(["models together"] if part in MODELS else []), "the whole"):
            for name in found[line]:
                found[line][name] += min(one["nodes"][node][name] for one in rounds)
    print(f"{'':26}{'s':>9}{'CPU s':>9}")
    for name, cost in found.items():
        print(f"{name:26}{cost['seconds']:9.1f}{cost['cpu']:9.1f}")
    dearest = sorted(rounds[0]["nodes"].items(), key=lambda item: -item[1]["cpu"])[:10]
    print("dearest: " + ", ".join(f"{node.split('.')[-1]} {cost['cpu']:.1f}" for node, cost in dearest))
    print(f"peak memory in GB: {max(one['peak_bytes'] for one in rounds) / 1e9:.2f}")


def main() -> int:
    """Run the benchmark and print its table."""
    if sys.argv[1:2] == ["--measured"]:
        return measured(Path(sys.argv[2]), sys.argv[3:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks.build", description=__doc__)
    parser.add_argument("--contacts", type=int, default=10_000, help="orders are five times, lines ten times as many")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is done, for less noise")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder when it is not given")
    given = parser.parse_args()
    os.environ["DO_NOT_TRACK"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        store = folder / "store.duckdb"
        print(f"{given.contacts:,} contacts, {5 * given.contacts:,} orders, {10 * given.contacts:,} lines", flush=True)
        if not store.exists():
            create(store, given.contacts)
        rounds = []
        for number in range(given.rounds):
            house = Warehouse(folder / f"round_{number}" / "warehouse.duckdb")
            house.make_folders()
            shutil.copyfile(store, house.path)
            rounds.append(build(house, AS_OF, folder / "cost.json"))
            sizes = {path.name: path.stat().st_size / 1e9 for path in (house.path, house.marts, house.published)}
            shutil.rmtree(house.path.parent)
        report(rounds)
        print(f"on disk in GB: store {store.stat().st_size / 1e9:.2f}", end="")
        print("".join(f", {name} {size:.2f}" for name, size in sizes.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
