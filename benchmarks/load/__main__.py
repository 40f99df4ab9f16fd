"""`python -m benchmarks.load`: how fast the loader is, beside a loop that only asks and parses, and beside plain dlt.

In one run, over the same served demo store and through the same number of workers:

* `bare`: keyset pages of orders with the loader's own `fields=`, parsed and thrown away: what HTTP and the store cost;
* `loader`: the orders table by `python -m loaders.magento backfill orders` into an empty warehouse;
* `dlt`: dlt's `rest_api` source with its default nesting into DuckDB, the same pages; at most --dlt-orders orders.

dlt gets, in its favour, what its documentation offers: files of at most ROTATE_ITEMS rows, two of them loaded at a time
instead of 20, which bounds its memory, and Parquet, which halves its processor time. `--dlt-format insert_values`
keeps the format that it chooses for DuckDB: statements of up to 16 million characters of literals where files are not
rotated, and several of them parsed at once are what takes its memory.

Each is a process of its own, and its time includes Python's start. `--pace 1` has the store answer as slowly as a live
Magento did (recorded: 75 orders/s to one client, 190 to two).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import requests

from benchmarks.load.desk import Desk, house
from demo.environment import DEMO_PASSWORD, PROJECT_ROOT, demo_environment
from demo.magento.generate import create
from demo.serving import serving
from loaders.magento.schema import Filter, fields_filter, search_params
from loaders.magento.tables import ORDERS

if TYPE_CHECKING:
    from dlt.common.destination import TLoaderFileFormat

ROTATE_ITEMS = {"parquet": 20_000, "insert_values": 1_000}
"""Rows after which dlt begins another file, for each file format."""


def bare(url: str, orders: int, page_size: int, workers: int) -> int:
    """Read all orders with ids up to `orders` and only parse them; return how many there were."""
    token = requests.post(
        f"{url}/rest/V1/integration/admin/token", json={"username": "icomm", "password": DEMO_PASSWORD}, timeout=60
    ).json()
    counts: list[int] = []

    def work(after: int, upto: int) -> None:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {token}"
        count = 0
        while True:
            filters = [Filter("entity_id", "gt", after), Filter("entity_id", "lteq", upto)]
            params = search_params(filters, page_size=page_size, sort="entity_id", fields=fields_filter(ORDERS))
            answer = orjson.loads(session.get(f"{url}/rest/V1/orders", params=params, timeout=120).content)
            items = answer["items"] or []
            count += len(items)
            if not items or len(items) >= answer["total_count"]:
                break
            after = items[-1]["entity_id"]
        counts.append(count)

    step = -(-orders // workers)
    threads = [threading.Thread(target=work, args=(step * n, min(step * (n + 1), orders))) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def nested(url: str, orders: int, page_size: int, folder: Path, file_format: TLoaderFileFormat) -> int:
    """Load the first `orders` orders as dlt's rest_api source nests them; return how many of them there are then."""
    os.environ["DATA_WRITER__FILE_MAX_ITEMS"] = str(ROTATE_ITEMS[file_format])
    os.environ["LOAD__WORKERS"] = "2"
    import dlt
    from dlt.sources.rest_api import rest_api_source

    token = requests.post(
        f"{url}/rest/V1/integration/admin/token", json={"username": "icomm", "password": DEMO_PASSWORD}, timeout=60
    ).json()
    config: Any = {
        "client": {
            "base_url": f"{url}/rest/V1/",
            "auth": {"type": "bearer", "token": token},
            "paginator": {
                "type": "page_number",
                "base_page": 1,
                "page_param": "searchCriteria[currentPage]",
                "total_path": None,
                "stop_after_empty_page": True,
                "maximum_page": max(1, orders // page_size) + 1,  # the first that is not asked for
            },
        },
        "resources": [
            {
                "name": "orders",
                "primary_key": "entity_id",
                "endpoint": {
                    "path": "orders",
                    "data_selector": "items",
                    "params": {
                        "searchCriteria[pageSize]": page_size,
                        "searchCriteria[sortOrders][0][field]": "entity_id",
                        "searchCriteria[sortOrders][0][direction]": "ASC",
                    },
                },
            }
        ],
    }
    pipe = dlt.pipeline(
        "nested",
        destination=dlt.destinations.duckdb(str(folder / "nested.duckdb")),
        dataset_name="raw",
        pipelines_dir=str(folder / "pipelines"),
    )
    pipe.run(rest_api_source(config), loader_file_format=file_format)
    with pipe.sql_client() as client, client.execute_query("select count(*) from orders") as rows:
        return int((rows.fetchone() or (0,))[0])


def measured(
    command: list[str], environment: dict[str, str], checkout: Path = PROJECT_ROOT
) -> tuple[float, float, float]:
    """Run a command; return its seconds, its processor seconds and its peak memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said, lines = [], process.stdout
    if lines is None:
        raise AssertionError
    for line in lines:
        said.append(line)
        if "left" in line:
            print(f"    {line.strip()}", flush=True)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - started
    text = "".join(said)
    if status:
        raise SystemExit(text)
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare(store: Path, orders: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the three ways over one store and print a line for each."""
    page_size, workers = options.page_size, options.workers
    found: dict[str, Any] = {"orders": orders, "pace": options.pace, "workers": workers, "page_size": page_size}
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as name,
        serving("demo.magento", database=store, options=["--pace", str(options.pace)], timeout=1800) as url,
    ):
        folder = Path(name)
        me = [sys.executable, "-m", "benchmarks.load", "--way"]
        where = ["--url", url, "--folder", str(folder), "--page-size", str(page_size), "--workers", str(workers)]
        desk = Desk.at(url, page_size=page_size, workers=workers)
        environment = demo_environment(folder, url, "") | {
            "WAREHOUSE_PATH": str(house(folder).path),
            "SOURCES__MAGENTO__PAGE_SIZE": str(desk.settings.page_size),
            "SOURCES__MAGENTO__WORKERS": str(workers),
        }
        ways: list[tuple[str, list[str], int]] = [
            ("bare", [*me, "bare", *where, "--orders", str(orders)], orders),
            ("loader", [sys.executable, "-m", "loaders.magento", "backfill", "orders"], orders),
        ]
        if options.only_loader:
            ways = ways[1:]
        dlt_orders = 0 if options.only_loader else min(orders, options.dlt_orders)
        if dlt_orders:
            plain = [*me, "dlt", *where, "--orders", str(dlt_orders), "--dlt-format", options.dlt_format]
            ways.append(("dlt", plain, dlt_orders))
        if options.former:
            ways.append(("former", [sys.executable, "-m", "loaders.magento", "backfill", "orders"], orders))
        for way, command, count in ways:
            if way == "former":
                environment["DLT_PROJECT_DIR"] = str(options.former)  # where its own settings are
            checkout = options.former if way == "former" else PROJECT_ROOT
            seconds, processor, memory = measured(command, environment, checkout)
            file_mb = sum(path.stat().st_size for path in folder.glob("*.duckdb")) / 1e6
            found[way] = {
                "orders": count,
                "seconds": round(seconds, 1),
                "per_second": round(count / seconds),
                "processor_seconds": round(processor, 1),
                "mb": round(memory),
                "file_mb": round(file_mb),
            }
            print(
                f"  {way:<7} {count:>9,} orders {seconds:>8.1f} s {count / seconds:>8,.0f} orders/s "
                f"{processor:>8.1f} s of processor {memory:>6,.0f} MB, {file_mb:,.0f} MB on disk",
                flush=True,
            )
            for left in folder.glob("*"):
                if left.name not in (".dlt", "dlt"):
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
    if options.only_loader:
        return found
    found["loader_to_bare"] = round(found["loader"]["seconds"] / found["bare"]["seconds"], 2)
    print(f"  loader / bare: {found['loader_to_bare']}")
    if "dlt" in found:
        found["loader_to_dlt"] = round(found["loader"]["per_second"] / found["dlt"]["per_second"], 1)
        print(f"  loader is {found['loader_to_dlt']} times as fast as dlt's nesting")
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.split("\n\n")[0])
    parser.add_argument("--orders", type=int, nargs="*", default=[10_000, 100_000], help="sizes; 1000000 takes an hour")
    parser.add_argument("--dlt-orders", type=int, default=100_000, help="most orders to load through dlt's nesting")
    parser.add_argument(
        "--dlt-format", choices=tuple(ROTATE_ITEMS), default="parquet", help="what dlt writes its files in"
    )
    parser.add_argument("--former", type=Path, help="a checkout of another commit, whose loader is measured as well")
    parser.add_argument("--only-loader", action="store_true", help="measure nothing beside it, for its memory")
    parser.add_argument("--store", type=Path, help="a demo store that exists already, of the first size")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where stores are made")
    parser.add_argument("--pace", type=float, default=0.0, help="1: as slow as a live Magento")
    parser.add_argument("--page-size", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--way", choices=("bare", "dlt"), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way == "bare":
        bare(options.url, options.orders[0], options.page_size, options.workers)
        return
    if options.way == "dlt":
        nested(options.url, options.orders[0], options.page_size, options.folder, options.dlt_format)
        return
    found = []
    for number, orders in enumerate(options.orders):
        print(f"{orders:,} orders, pages of {options.page_size}, {options.workers} workers, pace {options.pace:g}")
        store = options.store if options.store and number == 0 else options.folder / f"load-{orders}.sqlite"
        if not store.exists():
            create(store, customers=max(300, orders // 4), orders=orders)
        found.append(compare(store, orders, options))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
