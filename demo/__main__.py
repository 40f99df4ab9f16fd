"""`python -m demo`: two nights of the whole pipeline against a demo store and a demo ICOMMKT on loopback."""

import argparse
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import requests

from demo.environment import DEMO_KEY, PROJECT_ROOT, demo_environment
from demo.magento.generate import create
from demo.serving import serving

DATA = PROJECT_ROOT / "demo" / ".data"
FIRST_DAY = date(2026, 11, 23)


def main() -> int:
    """Run the demo; ends with the first failing night's exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--customers", type=int, default=3_000)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=2)
    arguments = parser.parse_args()

    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)
    store, contacts = DATA / "magento.sqlite", DATA / "icommkt.sqlite"
    print(f"making a demo store with {arguments.customers:,} customers and {arguments.orders:,} orders", flush=True)
    create(store, customers=arguments.customers, orders=arguments.orders)
    with (
        serving("demo.magento", database=store) as magento_url,
        serving("demo.icommkt", database=contacts, options=["--api-key", DEMO_KEY]) as icommkt_url,
    ):
        environment = demo_environment(DATA, magento_url, icommkt_url)
        for number in range(arguments.days):
            day = FIRST_DAY + timedelta(days=number)
            if number:
                requests.post(f"{magento_url}/demo/advance", json={"days": 1}, timeout=120).raise_for_status()
            print(f"\n=== night {number + 1}, {day:%d %B %Y}", flush=True)
            command = [sys.executable, "-m", "loaders.daily", "--vars", f"{{as_of_date: {day}}}"]
            code = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, check=False).returncode
            if code:
                return code
    _say_where(DATA)
    return 0


def _say_where(folder: Path) -> None:
    here = folder.relative_to(PROJECT_ROOT)
    show = (
        f"import duckdb; duckdb.connect('{here}/warehouse/published.duckdb', read_only=True)"
        ".sql('from marts.icommkt_contacts limit 5').show()"
    )
    print(
        f"\nThe demo's files are in {here}: warehouse/published.duckdb has the marts, icommkt.sqlite what the demo"
        f'\nICOMMKT holds. Look: .venv/bin/python -c "{show}"'
    )


if __name__ == "__main__":
    sys.exit(main())
