"""What a monitor asks every hour: is there a build of last night, and did it reach ICOMMKT."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import duckdb
import pytest

from benchmarks.in_process import in_process
from benchmarks.push.harness import Desk, people
from demo.environment import PROJECT_ROOT
from loaders.dates import utc_now
from loaders.paths import Warehouse, locked
from loaders.status import main
from tests.e2e.conftest import pushed


@pytest.fixture
def desk(empty_desk: Desk) -> Desk:
    """A desk whose profile has been pushed 20 contacts."""
    return pushed(empty_desk, people(20))


def built(desk: Desk, hours_ago: float) -> None:
    with duckdb.connect(str(desk.published)) as db:
        db.execute("update meta.build set built_at = ?", [utc_now() - dt.timedelta(hours=hours_ago)])


def status(desk: Desk, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return in_process(main, *arguments, environment={**desk.environment(), **environment})


def status_elsewhere(desk: Desk) -> subprocess.CompletedProcess[str]:
    """The same by a process of its own, which cannot share an open file."""
    return subprocess.run(
        [sys.executable, "-m", "loaders.status"],
        env=desk.environment(),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def pushes(said: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """Status, sent, refused, waiting and the words of each push that is shown."""
    lines = said.stdout.partition("\npushes")[2].splitlines()
    return [line.split(maxsplit=9)[5:] for line in lines if line.startswith("  20")]


def test_after_a_good_night_all_is_well_until_the_build_is_too_old(desk: Desk) -> None:
    built(desk, hours_ago=25.9)
    said = status(desk)
    assert (said.returncode, said.stderr) == (0, "")
    assert "in use by    nobody" in said.stdout
    assert "UTC, 25.9 hours ago: as of 2026-09-23, tested" in said.stdout
    assert pushes(said) == [["succeeded", "20", "0", "0"]]

    built(desk, hours_ago=26.1)
    said = status(desk)
    assert said.returncode == 1
    assert said.stderr == "error: the newest green build is 26.1 hours old, more than 26\n"
    assert pushes(said) == [["succeeded", "20", "0", "0"]], "what there is to tell is told all the same"
    assert status(desk, MAX_AGE_HOURS="27").returncode == 0
    assert status(desk, "--max-age-hours", "27", MAX_AGE_HOURS="1").returncode == 0
    assert status(desk, MAX_AGE_HOURS="a day").returncode == 2


def test_a_push_that_did_not_succeed_is_an_error_until_one_does(desk: Desk) -> None:
    built(desk, 0)
    assert desk.run("push", api_key="mistyped").returncode == 4
    said = status(desk)
    assert said.returncode == 1
    assert "error: the last push to profile" in said.stderr
    assert "failed: ICOMMKT refuses the key" in said.stderr

    desk.publish(people(10))
    built(desk, 0)
    assert desk.run("push").returncode == 3
    said = status(desk)
    assert [row[0] for row in pushes(said)] == ["stopped", "failed", "succeeded"]
    nights = said.stdout.partition("\npushes")[0]
    assert "\n    nothing was sent: 10 of 20 acknowledged contacts" in nights, "said once, with the night"
    (line,) = said.stderr.splitlines()
    assert "was stopped by a guard: nothing was sent: 10 of 20 acknowledged contacts are in the mart no more" in line

    assert desk.run("push", "--force").returncode == 0
    assert status(desk).returncode == 0


def test_a_profile_that_is_sent_nothing_any_more_is_forgotten_with_the_next_build(desk: Desk) -> None:
    assert desk.run("push", profile_key="mistyped", api_key="mistyped").returncode == 4
    assert desk.run("push").returncode == 0
    built(desk, 0)
    assert status(desk).returncode == 1
    desk.publish(people(20), build_id="the next one")
    built(desk, 0)
    assert desk.run("push").returncode == 0
    assert status(desk).returncode == 0


def test_a_warehouse_without_a_night_says_what_to_run(empty_desk: Desk) -> None:
    said = status(empty_desk)
    assert said.returncode == 1
    assert said.stderr == (
        "error: nothing has been published yet; run make build; nothing has been pushed yet; run make push\n"
    )
    assert list(empty_desk.folder.iterdir()) == [], "it makes nothing"


def test_it_answers_while_a_night_runs(desk: Desk) -> None:
    built(desk, 0)
    house = Warehouse(desk.folder / "warehouse.duckdb")
    house.build_failed.write_text(" in fct_orders")
    with locked(house, "daily"), duckdb.connect(str(desk.state)):
        said = status_elsewhere(desk)
    assert (said.returncode, said.stderr) == (0, "")
    assert "in use by    `daily` (process " in said.stdout
    assert "a push may be running now" in said.stdout
    assert pushes(said) == [["succeeded", "20", "0", "0"]], "those before it"
    assert "UTC, failed in fct_orders" in said.stdout
    with duckdb.connect(str(desk.state)):
        said = status_elsewhere(desk)
    assert (said.returncode, "a push may be running now" in said.stdout) == (0, True), "somebody's own program"
    (house.work / "lock").write_text('{"what": "daily", "pid": 1, "since": "a night that was killed"}')
    assert "in use by    nobody" in status(desk).stdout
