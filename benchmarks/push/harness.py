"""A warehouse folder, a demo ICOMMKT and the push's command line: what the push's tests and benchmarks work with."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import requests

from benchmarks.in_process import in_process
from benchmarks.push.published import AS_OF, Given, write
from demo.icommkt.settings import Settings
from demo.serving import serving
from loaders.icommkt.__main__ import main
from loaders.text import fingerprint

API_KEY = "demo-api-key-0123456789"
PROFILE_KEY = "demo-profile-key-abcdef"
OTHER_PROFILE_KEY = "demo-profile-key-uvwxyz"
PROFILE = fingerprint(PROFILE_KEY)
ROOT = Path(__file__).resolve().parents[2]

# Waits that suit tests; everything else is as shipped unless a test says so.
QUICK = {
    "ICOMMKT__BACKOFF": "0.01",
    "ICOMMKT__BACKOFF_MAX": "0.05",
    "ICOMMKT__REQUESTS_PER_SECOND": "0",
    "ICOMMKT__READ_TIMEOUT": "2",
    "ICOMMKT__PATIENCE": "20",
}


class Desk:
    """Everything a push needs, in one folder; `url` and `server_database` are the demo ICOMMKT's."""

    def __init__(self, folder: Path, url: str, server_database: Path) -> None:
        self.folder = folder
        self.url = url
        self.server_database = server_database
        self.published = folder / "published.duckdb"
        self.pushed = folder / "warehouse.pushed.duckdb"
        self.state = folder / "warehouse.state.duckdb"

    def publish(self, contacts: Sequence[Given], **options: Any) -> None:
        """Write the published file."""
        write(self.published, contacts, **options)

    def environment(self, warehouse: Path | None = None, **settings: str) -> dict[str, str]:
        """Return the environment of a push: quick, and with nothing of the outside."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ICOMMKT__")}
        return {
            **kept,
            **QUICK,
            "ICOMMKT__API_URL": self.url,
            "ICOMMKT__API_KEY": API_KEY,
            "ICOMMKT__PROFILE_KEY": PROFILE_KEY,
            "ICOMMKT__AUDIENCE": "all",
            "DLT_PROJECT_DIR": str(self.folder),  # no .env of a developer's
            "WAREHOUSE_PATH": str(warehouse or self.folder / "warehouse.duckdb"),
            **{f"ICOMMKT__{name.upper()}": value for name, value in settings.items()},
        }

    def start(self, *arguments: str, as_of_date: dt.date | None = AS_OF, **settings: Any) -> subprocess.Popen[str]:
        """Start `python -m loaders.icommkt` with these arguments; `settings` are those of `[icommkt]`."""
        return subprocess.Popen(
            [sys.executable, "-m", "loaders.icommkt", *arguments, *_date(as_of_date)],
            env=self.environment(**settings),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, as_of_date: dt.date | None = AS_OF, **settings: Any
    ) -> subprocess.CompletedProcess[str]:
        """Do what `start` does within this process, which spares starting one, and wait for the end."""
        return in_process(main, *arguments, *_date(as_of_date), environment=self.environment(**settings))

    # -- the demo ICOMMKT

    def reset(self) -> None:
        """Have the server hold nothing, fail never, and be set as it is by default."""
        self.no_faults()
        defaults = Settings(api_key=API_KEY, profile_keys=(PROFILE_KEY, OTHER_PROFILE_KEY)).describe()
        self.server_setting(**defaults)
        with contextlib.closing(sqlite3.connect(self.server_database, timeout=30)) as connection, connection:
            for table in ("contacts", "bounces", "unsubscribed", "requests"):
                connection.execute(f"delete from {table}")

    def fault(self, **rule: Any) -> None:
        """Have the server fail; see demo.faults."""
        requests.post(f"{self.url}/demo/faults", json=rule, timeout=5).raise_for_status()

    def no_faults(self) -> None:
        """Have the server fail no more."""
        requests.delete(f"{self.url}/demo/faults", timeout=5).raise_for_status()

    def fired(self) -> int:
        """Return how many faults there were."""
        rules = requests.get(f"{self.url}/demo/faults", timeout=5).json()["rules"]
        return sum(rule["fired"] for rule in rules)

    def server_setting(self, **values: Any) -> None:
        """Change what the server does; see demo.icommkt.settings."""
        requests.post(f"{self.url}/demo/settings", json=values, timeout=5).raise_for_status()

    def forget_requests(self) -> None:
        """Empty the server's journal."""
        requests.delete(f"{self.url}/demo/requests", timeout=5).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        """Return the server's journal with the bodies."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/demo/requests?payload=1", timeout=30).json()
        return found

    def sent(self) -> list[str]:
        """E-mails in the order in which the server was sent them, whatever it answered."""
        emails = []
        for request in self.requests():
            body = request["payload"]
            for contact in body.get("ContactList") or ([body["Contact"]] if "SaveContact" in request["path"] else []):
                emails.append(contact["Email"])
        return emails

    def held(self, profile_key: str = PROFILE_KEY) -> dict[str, dict[str, str]]:
        """Fields by e-mail, as the demo ICOMMKT holds them."""
        with sqlite3.connect(self.server_database) as connection:
            rows = connection.execute(
                "select email, fields from contacts where profile_key = ?", (profile_key,)
            ).fetchall()
        return {email: json.loads(fields) for email, fields in rows}

    # -- the state and the published file

    def query(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Ask the state file."""
        with duckdb.connect(str(self.state), read_only=True) as connection:
            return connection.execute(sql, parameters or []).fetchall()

    def expected(self) -> dict[str, dict[str, str]]:
        """Fields by e-mail, as they are published."""
        with duckdb.connect(str(self.published), read_only=True) as connection:
            rows = connection.execute("select email, custom_fields from marts.icommkt_payloads").fetchall()
        return {email: {one["Key"]: one["Value"] for one in json.loads(fields)} for email, fields in rows}


@contextlib.contextmanager
def icommkt(folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve a demo ICOMMKT that knows the keys used here; yields its URL and its database."""
    database = folder / "icommkt.sqlite"
    options = ["--api-key", API_KEY, "--profile-key", PROFILE_KEY, "--profile-key", OTHER_PROFILE_KEY]
    with serving("demo.icommkt", database=database, options=options) as url:
        yield url, database


def _date(as_of_date: dt.date | None) -> list[str]:
    return ["--as-of-date", as_of_date.isoformat()] if as_of_date else []


def people(count: int, **changes: Mapping[str, str]) -> list[Given]:
    """So many contacts `p<n>@example.com` with a purchase each; `changes` replace fields of one, by its name."""
    found = []
    for number in range(count):
        name = f"p{number}"
        fields = {
            "nombre": f'Nº {number} "ñ" 🎉',
            "ICOMMKT_Purchases_30_Days": str(number % 7),
            **changes.get(name, {}),
        }
        found.append(
            Given(
                f"{name}@example.com",
                fields,
                customer_id=1000 + number,
                is_subscribed=number % 2 == 0,
                purchases={30: 1, 60: 1, 90: 1, 180: 1, 360: 1},
            )
        )
    return found
