"""Which file is the warehouse, and which files lie beside it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loaders.errors import LockedError, PipelineError
from loaders.paths import NAMES_INSIDE, PROJECT_ROOT, Warehouse, holder, locked, warehouse


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("shop.duckdb", PROJECT_ROOT / "shop.duckdb"),
        ("/data/shop.duckdb", Path("/data/shop.duckdb")),
        ("", PROJECT_ROOT / "warehouse/warehouse.duckdb"),
    ],
)
def test_a_relative_path_starts_at_the_project(monkeypatch: pytest.MonkeyPatch, given: str, expected: Path) -> None:
    monkeypatch.setenv("WAREHOUSE_PATH", given)
    assert warehouse().path == expected


@pytest.mark.parametrize("stem", ["raw", "Marts", "state", "temp"])
def test_a_file_called_like_a_schema_is_refused(monkeypatch: pytest.MonkeyPatch, stem: str) -> None:
    """DuckDB would say "Ambiguous reference to catalog or schema" in the middle of the night."""
    monkeypatch.setenv("WAREHOUSE_PATH", f"warehouse/{stem}.duckdb")
    with pytest.raises(PipelineError, match=rf"{stem} is the name of something inside .* such as shop\.duckdb"):
        warehouse()


def test_every_schema_and_attached_file_is_known() -> None:
    dbt = "\n".join((PROJECT_ROOT / name).read_text(encoding="utf-8") for name in ("dbt_project.yml", "profiles.yml"))
    names = set(re.findall(r"^ *\+?(?:schema|database|alias): (\w+)$", dbt, flags=re.MULTILINE))
    assert {"staging", "marts", "state"} <= names
    assert names - {"history"} <= set(NAMES_INSIDE), "history is a schema of the state file alone"


def test_files_for_readers_are_named_after_another_warehouse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_PATH", "/data/shop.duckdb")
    house = warehouse()
    assert [path.name for path in (house.marts, house.state, house.published, house.report)] == [
        "shop.marts.duckdb",
        "shop.state.duckdb",
        "shop.published.duckdb",
        "shop.report.html",
    ]


@pytest.mark.parametrize("name", ["published.duckdb", "shop.state.duckdb", "warehouse.marts.duckdb"])
def test_a_warehouse_is_not_called_like_a_file_beside_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_PATH", str(tmp_path / name))
    with pytest.raises(PipelineError, match="files beside a warehouse"):
        warehouse()


def test_a_killed_command_holds_the_warehouse_only_while_what_it_started_runs(tmp_path: Path) -> None:
    house = Warehouse(tmp_path / "shop.duckdb")
    script = f"""
import subprocess, sys
from pathlib import Path
from loaders.paths import Warehouse, lock_to_pass_on, locked
house = Warehouse(Path({str(house.path)!r}))
with locked(house, "daily"):
    print(subprocess.Popen(["sleep", "60"], pass_fds=lock_to_pass_on(house)).pid, flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        started = int(killed.stdout.readline())
        killed.kill()
    name = rf"what `daily` \(process {killed.pid}, since .* UTC\) has left running when it was killed; wait"
    with pytest.raises(LockedError, match=name), locked(house, "load"):
        pass
    os.kill(started, signal.SIGKILL)
    while holder(house):
        time.sleep(0.02)
    with locked(house, "load"):
        pass
