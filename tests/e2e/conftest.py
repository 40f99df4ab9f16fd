"""What the tests of commands share: two nights of the demo, run once, and a desk with a demo ICOMMKT."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from benchmarks.in_process import in_process
from benchmarks.load.desk import quick
from benchmarks.push.harness import Desk, icommkt
from benchmarks.push.published import Given
from demo.environment import DEMO_KEY, PROJECT_ROOT, demo_environment
from demo.magento.generate import create
from demo.serving import serving
from loaders.magento.tables import TABLES

FIRST_DAY = date(2026, 11, 23)
RUN = f"RUN={sys.executable}"
# Any of these would have an untested build, or one of nobody, published as tested, were dbt to see them.
OPTIONS_OF_DBT = {
    "DBT_EMPTY": "1",
    "DBT_TARGET": "elsewhere",
    "DBT_INDIRECT_SELECTION": "empty",
    "DBT_EXCLUDE": "icommkt_contacts",
    "DBT_STORE_FAILURES": "1",
}


@dataclass(frozen=True)
class Night:
    """What is kept of a night: copies of the store and of the published file, and what everyone said."""

    store: Path
    as_of_date: date
    published: Path
    held: list[dict[str, Any]]
    output: str
    magento_requests: list[dict[str, Any]]
    icommkt_requests: list[dict[str, Any]]
    rows: dict[str, int]
    """Rows of each raw table."""


@dataclass(frozen=True)
class Pipeline:
    """The commands and files of one demo run."""

    folder: Path
    magento_url: str
    icommkt_url: str

    @property
    def environment(self) -> dict[str, str]:
        return demo_environment(self.folder, self.magento_url, self.icommkt_url)

    @property
    def warehouse(self) -> Path:
        return Path(self.environment["WAREHOUSE_PATH"])

    def run(self, module: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command as make does, with its output captured."""
        return self._run([sys.executable, "-m", module, *arguments], settings)

    def here(self, main: Callable[[], int], *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command that starts no other within this process."""
        done = in_process(main, *arguments, environment={**self.environment, **settings})
        done.stdout += done.stderr
        return done

    def make(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run make, with this Python in place of the one that it would install for."""
        return self._run(["make", "--no-print-directory", "-o", ".venv/.installed", RUN, *arguments], settings)

    def _run(self, command: list[str], settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env={**self.environment, **settings},
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def copy_of_files(self, folder: Path, *names: str) -> dict[str, str]:
        """Copy files of the warehouse's folder; return the setting with which commands use the copies."""
        for name in names:
            shutil.copyfile(self.warehouse.with_name(name), folder / name)
        return {"WAREHOUSE_PATH": str(folder / "warehouse.duckdb")}

    def night(self, name: str, day: date, **settings: str) -> Night:
        """Run `daily` as of `day` and keep what came of it; fails the test when it fails."""
        for url in (self.magento_url, self.icommkt_url):
            requests.delete(f"{url}/demo/requests", timeout=30).raise_for_status()
        done = self.run("loaders.daily", "--vars", f"{{as_of_date: {day}}}", **settings)
        assert done.returncode == 0, done.stdout
        keep = self.folder / name
        keep.mkdir()
        published = keep / "published.duckdb"
        shutil.copyfile(self.warehouse.with_name("published.duckdb"), published)
        return Night(
            store=copy_of_store(self.folder / "magento.sqlite", keep / "magento.sqlite"),
            as_of_date=day,
            published=published,
            held=requests.get(f"{self.icommkt_url}/demo/contacts", timeout=60).json(),
            output=done.stdout,
            magento_requests=requests.get(f"{self.magento_url}/demo/requests", timeout=30).json()["requests"],
            icommkt_requests=requests.get(f"{self.icommkt_url}/demo/requests", timeout=30).json(),
            rows=self.rows(),
        )

    def rows(self) -> dict[str, int]:
        """Rows of each raw table."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return {table: connection.execute(f"select count(*) from raw.{table}").fetchall()[0][0] for table in TABLES}


def copy_of_store(source: Path, target: Path) -> Path:
    """Copy a demo store that a server has open, with what is still in its write-ahead log."""
    with sqlite3.connect(source) as opened, sqlite3.connect(target) as copied:
        opened.backup(copied)
    return target


@contextmanager
def demo_pipeline(folder: Path, **size: Any) -> Iterator[Pipeline]:
    """Demo servers, running, with an empty warehouse."""
    create(folder / "magento.sqlite", **size)
    with (
        serving("demo.magento", database=folder / "magento.sqlite") as magento_url,
        serving("demo.icommkt", database=folder / "icommkt.sqlite", options=["--api-key", DEMO_KEY]) as icommkt_url,
    ):
        yield Pipeline(folder, magento_url, icommkt_url)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Pipeline]:
    """Demo servers of one's own, with a small store."""
    with demo_pipeline(tmp_path, customers=30, orders=80) as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The demo's own store, and what its two nights leave."""
    with demo_pipeline(tmp_path_factory.mktemp("nights")) as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def all_nights(pipeline: Pipeline) -> dict[str, Night]:
    """Day 1, and day 2 after the store has moved, with options of dbt around it."""
    first = pipeline.night("day-1", FIRST_DAY)
    requests.post(f"{pipeline.magento_url}/demo/advance", json={"days": 1}, timeout=120).raise_for_status()
    second = pipeline.night("day-2", FIRST_DAY + timedelta(days=1), **OPTIONS_OF_DBT)
    return {"first": first, "second": second}


@pytest.fixture(scope="session")
def nights(all_nights: dict[str, Night]) -> list[Night]:
    """The same, in their order."""
    return list(all_nights.values())


def small_store(folder: Path) -> Path:
    """Make a demo store of 60 accounts and 300 orders."""
    create(folder / "store.sqlite", customers=60, orders=300)
    return folder / "store.sqlite"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A small store's file."""
    return small_store(tmp_path)


@pytest.fixture(scope="module")
def quick_retries() -> Iterator[None]:
    """Requests of this process are tried again without long waits."""
    with quick():
        yield


@pytest.fixture(scope="session")
def icommkt_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A demo ICOMMKT's address and its database."""
    with icommkt(tmp_path_factory.mktemp("icommkt")) as running:
        yield running


@pytest.fixture
def empty_desk(icommkt_server: tuple[str, Path], tmp_path: Path) -> Desk:
    """A folder to push from, where nothing is published, and an ICOMMKT that holds nothing."""
    desk = Desk(tmp_path, *icommkt_server)
    desk.reset()
    return desk


@pytest.fixture
def desk(empty_desk: Desk) -> Desk:
    """What most tests of the push begin with."""
    return empty_desk


def pushed(desk: Desk, contacts: Sequence[Given]) -> Desk:
    """Publish and push these contacts, and forget the requests."""
    desk.publish(contacts)
    assert desk.run("push").returncode == 0
    desk.forget_requests()
    return desk


def on_a_full_disk(script: str, most: int, environment: dict[str, str]) -> str:
    """Run Python with no file larger than `most` bytes, which is what a full disk is to a program; its one line."""
    done = subprocess.run(
        [sys.executable, "-c", f"from loaders.errors import run_command; {script}"],
        env={**os.environ, **environment},
        cwd=PROJECT_ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode != 0, line[:7]) == (True, "error: "), line
    return line
