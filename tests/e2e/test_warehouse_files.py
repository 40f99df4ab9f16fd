"""The files of a warehouse: each warehouse's own, the owner's alone, bounded, and never begun anew unasked."""

from __future__ import annotations

import datetime as dt
import shutil
import stat
from pathlib import Path

import duckdb
import pytest

from benchmarks.push.harness import OTHER_PROFILE_KEY, Desk, people
from benchmarks.push.published import AS_OF, write
from loaders.paths import Warehouse
from tests.e2e.conftest import on_a_full_disk


@pytest.mark.parametrize(("one", "other"), [("shop.ar", "shop.uy"), ("shop", "shop.ar"), ("shop.ar.duckdb", "shop.uy")])
def test_two_warehouses_of_one_folder_share_nothing(desk: Desk, tmp_path: Path, one: str, other: str) -> None:
    here, there = Warehouse(tmp_path / one), Warehouse(tmp_path / other)
    write(here.published, people(5))
    write(there.published, people(9)[5:])
    assert desk.run("push", warehouse=here.path).returncode == 0
    there.make_folders()  # as a first load leaves it, without a state
    duckdb.connect(str(there.path)).close()
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


def test_a_file_that_others_could_read_is_closed_to_them(desk: Desk) -> None:
    desk.publish(people(1))
    assert desk.run("push").returncode == 0
    desk.state.chmod(0o644)
    assert desk.run("push").returncode == 0
    assert stat.S_IMODE(desk.state.stat().st_mode) == 0o600


def test_a_disk_that_fills_up_in_the_state_forgets_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.publish(people(20))
    assert desk.run("push").returncode == 0
    known = desk.query("select email, payload_hash from push.acknowledgements order by all")
    script = "import sys; from loaders.icommkt.__main__ import main;"
    script += f"sys.argv = ['x', 'push', '--as-of-date', '{AS_OF}']; run_command(main)"
    desk.publish([*people(20), *people(3000)[20:]])
    on_a_full_disk(script, desk.state.stat().st_size, desk.environment())
    assert {*known} <= {*desk.query("select email, payload_hash from push.acknowledgements")}
    assert desk.run("push").returncode == 0
    assert desk.held() == desk.expected()


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
