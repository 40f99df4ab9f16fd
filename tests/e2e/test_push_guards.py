"""Each guard trips at its limit and not before, sends nothing when it does, and can be overridden."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import requests

from benchmarks.push.harness import OTHER_PROFILE_KEY, Desk, people
from benchmarks.push.published import AS_OF, ZONE, Given
from tests.e2e.conftest import pushed

GUARD = 3


@pytest.fixture
def desk(empty_desk: Desk) -> Desk:
    """A desk whose profile has been pushed 20 buyers."""
    return pushed(empty_desk, people(20))


def stopped(desk: Desk, *needles: str, **settings: Any) -> None:
    """A push is stopped with one masked line that says why and how to override, sends nothing, and can be forced."""
    result = desk.run("push", **settings)
    assert result.returncode == GUARD, result.stdout + result.stderr
    (line,) = result.stderr.strip().splitlines()
    for needle in (*needles, "nothing was sent", "--force"):
        assert needle in line
    assert "p1@example.com" not in line
    assert desk.requests() == []
    forced = desk.run("push", "--force", **settings)
    assert forced.returncode == 0, forced.stderr
    assert "forced:" in forced.stdout


def passes(desk: Desk, **settings: Any) -> None:
    result = desk.run("push", **settings)
    assert result.returncode == 0, result.stderr


def changed(contacts: list[Given]) -> list[Given]:
    return [replace(one, fields={**one.fields, "nombre": "changed"}) for one in contacts]


def test_raw_rows_dropped_by_more_than_a_tenth(desk: Desk) -> None:
    desk.publish(changed(people(20)), orders=900, customers=450)
    passes(desk)
    desk.publish(people(20), orders=809, customers=404)
    desk.forget_requests()
    stopped(desk, "raw orders dropped", "raw customers dropped", "ICOMMKT__MAX_DROP_SHARE")


def test_a_drop_is_seen_for_a_new_profile_too_and_once_forced_is_what_the_next_run_is_compared_with(desk: Desk) -> None:
    profile = {"profile_key": OTHER_PROFILE_KEY}
    desk.publish(people(20), orders=100)
    stopped(desk, "raw orders dropped from 1,000 to 100", **profile)
    passes(desk, **profile)


def test_no_orders_at_all_even_on_the_first_run(desk: Desk) -> None:
    desk.state.unlink()
    desk.publish(people(20), orders=1)
    passes(desk)
    desk.state.unlink()
    desk.forget_requests()
    desk.publish(people(20), orders=0)
    stopped(desk, "no orders")


def test_contacts_gone_from_the_mart(desk: Desk) -> None:
    desk.publish(people(18))
    passes(desk)
    desk.publish(people(17))
    desk.forget_requests()
    stopped(desk, "3 of 20 acknowledged contacts are in the mart no more", "p***@example.com")


def test_removing_more_than_a_set_share(desk: Desk) -> None:
    desk.publish(people(19))
    passes(desk, on_missing="remove", max_removed_share="0.05")
    desk.publish(people(17))
    desk.forget_requests()
    stopped(
        desk, "2 of 19 contacts would be removed", on_missing="remove", max_removed_share="0.1", max_drop_share="0.5"
    )


def emptied(how: str, number: int) -> list[Given]:
    """20 buyers, of whom the first `number` bought nothing (any more), and 200 who never did: a share is of buyers."""
    never = [Given(f"new{number}@example.com", {"nombre": "x"}) for number in range(200)]
    return never + [
        replace(one, purchases={}, has_purchase=how == "windows") if index < number else one
        for index, one in enumerate(people(20))
    ]


@pytest.mark.parametrize("how", ["prospects", "windows"])
def test_buyers_who_would_become_prospects_or_have_empty_windows(desk: Desk, how: str) -> None:
    desk.publish(emptied(how, 4))
    passes(desk)
    desk.publish(emptied(how, 0))
    passes(desk)
    desk.publish(emptied(how, 5))
    desk.forget_requests()
    stopped(desk, "5 of 20 buyers", "ICOMMKT__MAX_EMPTIED_SHARE")


def test_a_build_of_another_day(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    tomorrow = AS_OF + dt.timedelta(days=1)
    desk.publish(changed(people(20)))
    result = desk.run("push", as_of_date=tomorrow)
    assert result.returncode == GUARD
    assert f"is of {AS_OF}, not of {tomorrow}" in result.stderr
    assert desk.requests() == []
    monkeypatch.setenv("VARS", f"{{as_of_date: {AS_OF}}}")
    assert desk.run("push", as_of_date=None).returncode == 0


def test_without_a_date_today_is_that_of_the_stores_zone(desk: Desk) -> None:
    desk.state.unlink()
    today = dt.datetime.now(ZoneInfo(ZONE)).date()
    for date, code in ((today, 0), (today - dt.timedelta(days=1), GUARD)):
        desk.publish(people(3), as_of_date=date)
        assert desk.run("push", as_of_date=None).returncode == code


def test_several_objections_are_one_line(desk: Desk) -> None:
    desk.publish(people(5), is_tested=False, orders=10)
    stopped(desk, "tests of build by-hand did not pass", "raw orders dropped", "15 of 20 acknowledged contacts")


def test_an_older_build_than_what_was_sent(desk: Desk) -> None:
    yesterday = AS_OF - dt.timedelta(days=1)
    desk.publish(changed(people(20)), as_of_date=yesterday)
    result = desk.run("push", as_of_date=yesterday)
    assert result.returncode == GUARD
    assert f"{AS_OF} has been sent already" in result.stderr
    assert desk.requests() == []


def test_a_dry_run_notes_what_would_stop_it_and_advises_nothing(desk: Desk) -> None:
    desk.publish(people(5))
    result = desk.run("push", "--dry-run")
    assert (result.returncode, result.stderr) == (0, "")
    assert "5 contacts in the mart, 20 acknowledged" in result.stdout
    assert "note: a guard would stop this push: 15 of 20 acknowledged contacts are in the mart no more" in result.stdout
    assert "FORCE" not in result.stdout
    assert desk.requests() == []


def test_a_repair_is_guarded_as_well(desk: Desk) -> None:
    with_drift = changed(people(20))
    desk.publish(with_drift)
    passes(desk)
    desk.publish(with_drift, is_tested=False)
    requests.post(f"{desk.url}/demo/contacts", json={"email": "p1@example.com", "fields": {"nombre": "?"}}, timeout=5)
    desk.forget_requests()
    result = desk.run("verify", "--repair")
    assert result.returncode == GUARD
    noted = desk.run("verify", "--repair", "--dry-run")
    assert (noted.returncode, "note: a guard would stop" in noted.stdout, "FORCE" in noted.stdout) == (0, True, False)
    assert all("ListFull" in request["path"] for request in desk.requests())


def test_a_run_of_a_day_still_to_come_blocks_nothing(desk: Desk) -> None:
    """A version before this one took a mistyped day; nobody should need FORCE, which opens all guards, to go on."""
    with duckdb.connect(str(desk.state)) as db:
        db.execute("update push.runs set as_of_date = date '2099-01-01'")
    desk.publish(changed(people(20)))
    assert desk.run("push").returncode == 0
