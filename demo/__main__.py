"""`python -m demo`: nights of the whole pipeline against a demo store and a demo ICOMMKT on loopback.

`up`, `down`, `day` and `run` keep the two to play with: any command with `DEMO=1` starts them.
"""

import argparse
import os
import shutil
import subprocess
import sys
from datetime import timedelta

import duckdb
import requests

from demo import playing
from demo.environment import PROJECT_ROOT, demo_environment
from demo.magento.generate import create
from loaders.errors import PipelineError, run_command


def main() -> int:
    """Do what the command line asks for; return the exit code of what was run."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--customers", type=int, default=3_000)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=2)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("up", help="start the store and ICOMMKT and leave them running")
    commands.add_parser("down", help="stop them")
    commands.add_parser("day", help="let the store live on for a day")
    commands.add_parser("run", help="run python with the rest of the line, with the demo's settings")
    commands.add_parser("serve")
    given, rest = parser.parse_known_args()
    if given.command == "run":
        return playing.run(rest)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if given.command is None:
        return nights(given.customers, given.orders, given.days)
    steps = {"up": playing.up, "down": playing.down, "day": playing.day, "serve": playing.serve}
    return steps[given.command]()


def nights(customers: int, orders: int, days: int) -> int:
    """Make a new store and run its first nights; ends with the first failing night's exit code."""
    if playing.servers():
        raise PipelineError(
            "the demo's servers are running, and would be left without their files; make demo-down first"
        )
    shutil.rmtree(playing.DATA, ignore_errors=True)
    playing.DATA.mkdir(parents=True)
    print(f"making a demo store with {customers:,} customers and {orders:,} orders", flush=True)
    create(playing.STORE, customers=customers, orders=orders)
    with playing.both() as (magento_url, icommkt_url):
        environment = demo_environment(playing.DATA, magento_url, icommkt_url)
        first = playing.today(magento_url)
        for number in range(days):
            day = first + timedelta(days=number)
            if number:
                requests.post(f"{magento_url}/demo/advance", json={"days": 1}, timeout=120).raise_for_status()
            print(f"\n=== night {number + 1}, {day:%d %B %Y}", flush=True)
            command = [sys.executable, "-m", "loaders.daily", "--vars", f"{{as_of_date: {day}}}"]
            code = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, check=False).returncode
            if code:
                return code
    print(_what_to_try())
    return 0


def _what_to_try() -> str:
    folder = playing.DATA.relative_to(PROJECT_ROOT) if playing.DATA.is_relative_to(PROJECT_ROOT) else playing.DATA
    with duckdb.connect(str(playing.DATA / "warehouse" / "published.duckdb"), read_only=True) as connection:
        buyer = connection.execute(
            "select email from marts.icommkt_contacts order by purchases_total desc, email limit 1"
        ).fetchone()
    return f"""
The demo's files are in {folder}/warehouse: published.duckdb has the marts (open it in DBeaver or Python),
report.html is the page about the last night. Now play; DEMO=1 works on the demo alone:

  make why DEMO=1 EMAIL={buyer[0] if buyer else "..."}
                                            one contact in words; make preview shows its fields
  make status DEMO=1                        the nights and pushes so far
  make build DEMO=1 TARGET=dev && make diff DEMO=1 TARGET=dev
                                            after an edit, such as a line gocuotas,GoCuotas,,true, at the end
                                            of seeds/payment_methods.csv: what it would change in ICOMMKT
  make demo-day && make daily DEMO=1        the shop lives on for a day, and its night is run
  make demo-down                            stop the store and ICOMMKT, which any other of these starts"""


if __name__ == "__main__":
    # No setting of a real store is read, and no file of its warehouse written.
    os.environ["DLT_PROJECT_DIR"] = str(playing.DATA)
    os.environ["WAREHOUSE_PATH"] = str(playing.DATA / "warehouse" / "warehouse.duckdb")
    run_command(main)
