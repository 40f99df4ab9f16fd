"""A demo store being served, a warehouse and the loader: what the loader's tests and benchmarks work with."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import requests

from demo.environment import DEMO_PASSWORD, PROJECT_ROOT, demo_environment
from demo.serving import serving
from loaders.errors import PipelineError
from loaders.magento.landing import open_pipeline
from loaders.magento.load import ALL, Load
from loaders.magento.result import LoadResult
from loaders.magento.schema import Table
from loaders.magento.settings import MagentoSettings
from loaders.magento.tables import TABLES
from loaders.paths import Warehouse

# What differs between two loads of the same store.
BOOKKEEPING = ("_changed_at",)
QUICK = {
    "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01",
    "RUNTIME__REQUEST_MAX_RETRY_DELAY": "0.1",
    "RUNTIME__REQUEST_TIMEOUT": "5",
}


@dataclass(frozen=True)
class Desk:
    """A served store and the settings with which it is loaded."""

    url: str
    settings: MagentoSettings

    @classmethod
    def at(cls, url: str, **settings: Any) -> Desk:
        """Make the desk of the store at `url`; `settings` replace the loader's."""
        usual = {"page_size": 20, "chunk_ids": 300, "reread_rows": 2_000}
        return cls(url, MagentoSettings(base_url=url, username="icomm", password=DEMO_PASSWORD, **usual | settings))

    def with_settings(self, **settings: Any) -> Desk:
        """Return the same store with other settings."""
        return Desk(self.url, replace(self.settings, **settings))

    def load(self, folder: Path, tables: tuple[Table, ...] = ALL) -> LoadResult:
        """Load into the warehouse in `folder`, in this process."""
        return Load(self.settings, house(folder), ("manufacturer",)).run(tables)

    def post(self, what: str, given: Any) -> Any:
        """Call one of the store's control endpoints."""
        answer = requests.post(f"{self.url}/demo/{what}", json=given, timeout=300)
        answer.raise_for_status()
        return answer.json()

    def advance(self, days: int = 1, *, silent: bool = False) -> None:
        """Let days pass in the store."""
        self.post("advance", {"days": days, "silent": silent})

    def set(self, **settings: Any) -> None:
        """Switch something on the store."""
        self.post("settings", settings)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replace the store's faults."""
        requests.delete(f"{self.url}/demo/faults", timeout=30).raise_for_status()
        if rules:
            self.post("faults", list(rules))

    def requests(self) -> list[dict[str, Any]]:
        """Requests since the log was last emptied; empties it."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/demo/requests", timeout=30).json()["requests"]
        requests.delete(f"{self.url}/demo/requests", timeout=30).raise_for_status()
        return found

    def paths(self, part: str) -> list[str]:
        """Paths with `part` in them that were asked for since the log was last emptied."""
        found = requests.get(f"{self.url}/demo/requests", timeout=30).json()["requests"]
        return [one["path"] for one in found if part in one["path"]]

    def start(self, folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `python -m loaders.magento` with the desk's settings, in a process of its own."""
        given = {
            f"SOURCES__MAGENTO__{name.upper()}": str(value)
            for name, value in vars(self.settings).items()
            if value not in ("", None)
        }
        folder.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "loaders.magento", *arguments],
            env={**demo_environment(folder, self.url, ""), **given, **QUICK, **environment}
            | {"WAREHOUSE_PATH": str(house(folder).path)},
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run `python -m loaders.magento` to its end; return its exit code and what it said."""
        process = self.start(folder, *arguments, **environment)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said


@contextmanager
def kept(folder: Path) -> Iterator[dict[str, Any]]:
    """What dlt's state in the warehouse has of each table's load; changes of it are kept."""
    shutil.rmtree(house(folder).pipelines)
    pipe = open_pipeline(house(folder))
    pipe.sync_destination()
    with pipe.managed_state(extract_state=True) as state:
        resources: Any = state["sources"]["magento"]["resources"]
        yield {name: one["main"] for name, one in resources.items() if "main" in one}
    if pipe.has_pending_data:
        pipe.normalize()
        pipe.load()


def house(folder: Path) -> Warehouse:
    """Return the warehouse in `folder`."""
    return Warehouse(folder / "warehouse.duckdb")


@contextmanager
def served(store: Path, **settings: Any) -> Iterator[Desk]:
    """Serve the store at `store` for a while."""
    with serving("demo.magento", database=store) as url:
        yield Desk.at(url, **settings)


def rows(folder: Path, table: str, *, without: tuple[str, ...] = BOOKKEEPING) -> list[tuple[Any, ...]]:
    """Every row of a raw table, in the order of its key, without what differs between two loads."""
    with duckdb.connect(str(house(folder).path), read_only=True) as connection:
        keys = ", ".join(f'"{key}"' for key in TABLES[table].primary_key)
        return connection.execute(
            f"select * exclude ({', '.join(without)}) from raw.{table} order by {keys}"
        ).fetchall()


def living(folder: Path, table: str) -> list[tuple[Any, ...]]:
    """The rows of a raw table that are not deleted."""
    keys = ", ".join(f'"{key}"' for key in TABLES[table].primary_key)
    with duckdb.connect(str(house(folder).path), read_only=True) as connection:
        return connection.execute(
            f"""select * exclude ({", ".join(BOOKKEEPING)}) from raw.{table}
                where _deleted_at is null order by {keys}"""
        ).fetchall()


def differences(one: Path, other: Path) -> dict[str, int]:
    """Number of rows that differ between what the models see of two warehouses, for each table that differs."""
    found = {}
    for table in TABLES:
        a, b = living(one, table), living(other, table)
        if a != b:
            found[table] = len(set(a) ^ set(b)) or abs(len(a) - len(b))
    return found


def fault_mix(seed: int) -> list[dict[str, Any]]:
    """Two to four faults of random kinds, paths, odds and delays; the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311
    kinds = (
        "latency",
        "status_429",
        "500",
        "502_html",
        "503_maintenance_html",
        "cut_body",
        "drop_connection",
        "expire_tokens",
    )
    paths = ("", "/orders", "/customers", "/products", "/creditmemos", "/graphql", "/V1/", "/categories")
    return [
        {
            "kind": draw.choice(kinds),
            "match": {"path_regex": draw.choice(paths)},
            "probability": round(draw.uniform(0.02, 0.5), 3),
            "seed": seed * 10 + number,
            "after": draw.randrange(20),
            "count": draw.choice([None, 3, 10, 30]),
            "seconds": 0.05,
            "retry_after": draw.choice([0, None, "Mon, 23 Nov 2026 05:30:01 GMT"]),
        }
        for number in range(draw.randrange(2, 5))
    ]


def load_despite(desk: Desk, folder: Path, *rules: dict[str, Any]) -> str:
    """Load while the store misbehaves; return the error it ended with, "" when it got through."""
    desk.faults(*rules)
    try:
        result = desk.load(folder)
    except PipelineError as error:
        return str(error)
    finally:
        desk.faults()
    return "; ".join(result.errors)


@contextmanager
def quick() -> Iterator[None]:
    """Have requests of this process retried without long waits."""
    with patch.dict(os.environ, QUICK):
        yield
