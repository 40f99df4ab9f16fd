"""A load killed at a request, a file operation or a statement, by count: the next one ends like one never disturbed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.load.desk import QUICK, Desk, house, living, served
from demo.environment import PROJECT_ROOT, demo_environment
from demo.magento.generate import create
from loaders.magento.tables import TABLES
from tests.search import some_of

# Ends the process right before the n-th call of these; without an n it says how many there were.
SCRIPT = """
import builtins, os, shutil, sys
import requests
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from loaders.magento.__main__ import load
from loaders.magento.storage import RawStore
kill_at, calls = int(sys.argv[1]), 0
def counted(owner, name, is_counted=lambda *_, **__: True):
    real = getattr(owner, name)
    def call(*given, **named):
        global calls
        if is_counted(*given, **named):
            calls += 1
            if calls == kill_at:
                os._exit(9)
        return real(*given, **named)
    setattr(owner, name, call)
for name in ("rename", "replace", "mkdir", "unlink", "rmdir", "link"):
    counted(os, name)
counted(builtins, "open", lambda path, mode="r", *_, **__: mode[:1] in "wax")
counted(requests.Session, "send")
for name in ("execute_query", "execute_many", "execute_sql", "begin_transaction", "commit_transaction"):
    counted(DuckDbSqlClient, name)
counted(RawStore, "run")
counted(RawStore, "change")
errors = load().errors
print("calls", calls)
sys.exit(bool(errors))
"""


def start(desk: Desk, folder: Path, kill_at: int = 0) -> subprocess.CompletedProcess[str]:
    given = {f"SOURCES__MAGENTO__{name.upper()}": str(value) for name, value in vars(desk.settings).items() if value}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(kill_at)],
        env={**demo_environment(folder, desk.url, ""), **given, **QUICK, "WAREHOUSE_PATH": str(house(folder).path)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("night", ["first", "next"])
def test_a_load_killed_at_any_call_is_completed_by_the_next(tmp_path: Path, night: str) -> None:
    create(tmp_path / "store.sqlite", customers=12, orders=60)
    before = tmp_path / "before"
    before.mkdir()
    with served(tmp_path / "store.sqlite", page_size=100, chunk_ids=250, reread_order_days=3_000) as desk:
        if night == "next":
            assert desk.load(before).errors == []
            desk.advance(2, silent=True)
        good = shutil.copytree(before, tmp_path / "good")
        done = start(desk, good)
        assert done.returncode == 0, done.stderr
        calls = int(done.stdout.split()[-1])
        assert calls > 300
        for kill_at in some_of(calls, 3):
            folder = shutil.copytree(before, tmp_path / f"killed-{kill_at}")
            assert start(desk, folder, kill_at).returncode in (9, 0)
            assert desk.load(folder).errors == [], kill_at
            for table in TABLES:
                assert living(folder, table) == living(good, table), (kill_at, table)
            shutil.rmtree(folder)
