"""The files of a warehouse: each warehouse's own, the owner's alone, bounded, and never begun anew unasked."""

from __future__ import annotations

import datetime as dt
import os
import resource
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from benchmarks.push.harness import OTHER_PROFILE_KEY, Desk, people
from benchmarks.push.published import AS_OF, write
from demo.environment import PROJECT_ROOT
from loaders.paths import Warehouse
from tests.e2e.conftest import Night, Pipeline


@pytest.mark.parametrize(("one", "other"), [("shop.ar", "shop.uy"), ("shop", "shop.ar"), ("shop.ar.duckdb", "shop.uy")])
def test_two_warehouses_of_one_folder_share_nothing(desk: Desk, tmp_path: Path, one: str, other: str) -> None:
    here, there = Warehouse(tmp_path / one), Warehouse(tmp_path / other)
    write(here.published, people(5))
    write(there.published, people(9)[5:])
    assert desk.run("push", warehouse=here.path).returncode == 0
    assert desk.run("push", warehouse=there.path, profile_key=OTHER_PROFILE_KEY).returncode == 0
    assert len(desk.held()) == 5
    assert len(desk.held(OTHER_PROFILE_KEY)) == 4
    assert here.work != there.work
    assert here.state != there.state


def test_a_state_under_its_former_name_is_not_left_behind(desk: Desk, tmp_path: Path) -> None:
    """`shop.ar` had the files of `shop` until it was called by its whole name."""
    house = Warehouse(tmp_path / "shop.ar")
    write(house.published, people(5))
    duckdb.connect(str(house.path)).close()
    assert desk.run("push", warehouse=house.path).returncode == 0
    house.state.rename(tmp_path / "shop.state.duckdb")
    shutil.rmtree(house.work)
    stopped = desk.run("push", warehouse=house.path)
    assert stopped.returncode == 2
    assert "shop.ar.state.duckdb now, and there is shop.state.duckdb: rename it" in stopped.stderr
    (tmp_path / "shop.state.duckdb").rename(house.state)
    desk.forget_requests()
    assert desk.run("push", warehouse=house.path).returncode == 0
    assert desk.requests() == []


def test_two_names_that_would_share_files_are_refused(desk: Desk, tmp_path: Path) -> None:
    for name in ("shop.ar", "shop.ar.duckdb"):
        duckdb.connect(str(tmp_path / name)).close()
    for name in ("shop.ar", "shop.ar.duckdb"):
        assert "would share the files beside them" in desk.run("push", warehouse=tmp_path / name).stderr


def test_all_files_are_their_owners_alone(all_nights: dict[str, Night], pipeline: Pipeline) -> None:
    paths = [path for path in pipeline.warehouse.parent.rglob("*") if path.exists()]
    assert {"warehouse.state.duckdb", "published.duckdb", "report.html", "dbt.log"} <= {path.name for path in paths}
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_file_that_others_could_read_is_closed_to_them(desk: Desk) -> None:
    desk.publish(people(1))
    assert desk.run("push").returncode == 0
    desk.state.chmod(0o644)
    assert desk.run("push").returncode == 0
    assert stat.S_IMODE(desk.state.stat().st_mode) == 0o600


def test_a_load_leaves_no_rows_behind_and_no_folder_more_each_night(
    all_nights: dict[str, Night], pipeline: Pipeline
) -> None:
    work = Warehouse(pipeline.warehouse).work
    assert [path for path in work.rglob("*") if "parquet" in path.name] == []
    night_before = (pipeline.folder / "day-1-again" / "published.duckdb").stat().st_mtime
    packages = [float(path.name) for path in work.glob("dlt/*/load/loaded/*")]
    assert packages
    assert min(packages) > night_before


def test_a_killed_publish_leaves_nothing_for_ever(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path
) -> None:
    for name in ("warehouse.duckdb", "warehouse.marts.duckdb", "published.duckdb"):
        shutil.copyfile(pipeline.warehouse.with_name(name), tmp_path / name)
    (tmp_path / ".published.duckdb.killed").write_bytes(b"x")
    house = Warehouse(tmp_path / "warehouse.duckdb")
    script = (
        "import datetime, sys; from pathlib import Path; from loaders.errors import run_command;"
        "from loaders.paths import Warehouse; from loaders.publish import publish;"
        f"run_command(lambda: publish(Warehouse(Path({str(house.path)!r})), datetime.date(2026, 11, 23), 'UTC', "
        "is_tested=True) and 0)"
    )
    before = house.published.read_bytes()
    full = limited(script, house, 1_000_000)
    assert full.returncode == 1
    assert one_line(full).startswith("error: there is no room left to write")
    assert house.published.read_bytes() == before
    assert limited(script, house).returncode == 0
    assert house.published.read_bytes() != before
    assert list(tmp_path.glob(".published*")) == []


def limited(
    script: str, house: Warehouse, most: int = resource.RLIM_INFINITY, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with no file larger than `most` bytes, which is what a full disk is to a program."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "WAREHOUSE_PATH": str(house.path),
            "DLT_PROJECT_DIR": str(house.path.parent),
            **environment,
        },
        cwd=PROJECT_ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        capture_output=True,
        text=True,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = done.stderr.splitlines()
    return line


def test_a_disk_that_fills_up_in_the_state_forgets_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.publish(people(20))
    assert desk.run("push").returncode == 0
    known = desk.query("select email, payload_hash from push.acknowledgements order by all")
    script = "import sys; from loaders.errors import run_command; from loaders.icommkt.__main__ import main; "
    script += f"sys.argv = ['x', 'push', '--as-of-date', '{AS_OF}']; run_command(main)"
    desk.publish([*people(20), *people(3000)[20:]])
    house = Warehouse(tmp_path / "warehouse.duckdb")
    full = limited(script, house, desk.state.stat().st_size, **desk.environment())
    assert full.returncode != 0
    assert "Traceback" not in full.stderr
    assert one_line(full).startswith("error: ")
    assert {*known} <= {*desk.query("select email, payload_hash from push.acknowledgements")}
    assert desk.run("push").returncode == 0
    assert desk.held() == desk.expected()


def test_a_disk_that_fills_up_in_the_report_keeps_the_last_one(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path
) -> None:
    for name in ("warehouse.state.duckdb", "published.duckdb", "report.html"):
        shutil.copyfile(pipeline.warehouse.with_name(name), tmp_path / name)
    house = Warehouse(tmp_path / "warehouse.duckdb")
    before = house.report.read_bytes()
    script = "from loaders.errors import run_command; from loaders.report import main; run_command(main)"
    full = limited(script, house, 1_000)
    assert one_line(full).startswith("error: there is no room left to write")
    assert house.report.read_bytes() == before


def test_a_day_mistyped_and_forced_is_compared_with_once(desk: Desk) -> None:
    """The last run that ended well counts, not the latest day that some contact was ever sent of."""
    earlier = AS_OF - dt.timedelta(days=1)
    desk.publish(people(20))
    assert desk.run("push").returncode == 0
    desk.publish(people(20, p1={"nombre": "new"}), as_of_date=earlier)
    assert desk.run("push", as_of_date=earlier).returncode == 3
    assert desk.run("push", "--force", as_of_date=earlier).returncode == 0
    desk.publish(people(20, p1={"nombre": "newer"}), as_of_date=earlier)
    assert desk.run("push", as_of_date=earlier).returncode == 0
    assert desk.held() == desk.expected()


def test_a_build_of_the_future_is_not_sent_even_with_force(desk: Desk) -> None:
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=40)
    desk.publish(people(3), as_of_date=day)
    for arguments in ([], ["--force"]):
        done = desk.run("push", *arguments, as_of_date=None)
        assert done.returncode == 2
        assert f"the as-of date is {day}; it must be from 1990-01-01 to tomorrow" in done.stderr
    assert desk.requests() == []
