"""The push against a server that fails in every way the demo can."""

from __future__ import annotations

import datetime as dt
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from urllib3.connection import HTTPConnection

from benchmarks.push.harness import Desk, people
from benchmarks.push.published import AS_OF, Given
from demo.icommkt.settings import CHOICES
from loaders.paths import Warehouse, locked
from tests.e2e.mixes import payloads, published_versions, run_mix
from tests.search import SEARCH

TOO_LARGE = CHOICES["too_large"] if SEARCH > 1 else ["413", "500"]
MIXES, CONTACTS = 2 * SEARCH, 400 * SEARCH


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, Path], dict[int, Any]]:
    paths = published_versions(tmp_path_factory.mktemp("versions"), CONTACTS, 20)
    return paths, {version: payloads(path) for version, path in paths.items()}


@pytest.mark.parametrize("seed", range(101, 101 + MIXES))
def test_after_any_mix_of_faults_a_clean_push_leaves_exactly_the_mart(
    desk: Desk, versions: tuple[dict[int, Path], dict[int, Any]], seed: int
) -> None:
    assert run_mix(desk, seed, *versions) == []


FAULTS = ("500", "502_html", "503_maintenance_html", "status_429", "cut_body", "drop_connection", "timeout")


@pytest.mark.parametrize(("kind", "processed"), [*((kind, False) for kind in FAULTS), ("drop_connection", True)])
def test_each_fault_is_retried_and_what_was_done_but_not_answered_changes_nothing(
    desk: Desk, kind: str, processed: bool
) -> None:
    desk.publish(people(30))
    desk.fault(kind=kind, processed=processed, count=2, retry_after=0)
    result = desk.run("push", batch_size="10", senders="1", read_timeout="0.3")
    assert result.returncode == 0, result.stderr
    assert desk.fired() == 2
    assert "(2 retries, 0 splits)" in result.stdout
    assert desk.held() == desk.expected()


def test_retry_after_is_waited_for_by_all_senders(desk: Desk) -> None:
    desk.publish(people(40))
    desk.fault(kind="status_429", retry_after=2, count=1)
    started = time.monotonic()
    assert desk.run("push", batch_size="10", senders="4").returncode == 0
    assert time.monotonic() - started >= 2


def test_a_wait_longer_than_patience_ends_the_run_at_once(desk: Desk) -> None:
    desk.publish(people(10))
    desk.fault(kind="status_429", retry_after=3600)
    started = time.monotonic()
    result = desk.run("push")
    assert result.returncode == 5
    assert "asks to wait 3600 s" in result.stderr
    assert time.monotonic() - started < 10


def test_an_outage_ends_the_run_after_the_patience_and_the_next_run_goes_on(desk: Desk) -> None:
    desk.publish(people(60))
    desk.fault(kind="503_maintenance_html", after=3)
    result = desk.run("push", batch_size="10", senders="2", patience="0.3")
    assert result.returncode == 5
    assert "gave no good answer" in result.stderr
    assert desk.query("select status, acknowledged from push.runs") == [("failed", 30)]
    assert desk.query("select count(*) from push.rejections") == [(0,)]
    desk.no_faults()
    desk.forget_requests()
    assert desk.run("push").returncode == 0
    assert len(desk.sent()) == 30
    assert desk.held() == desk.expected()


def test_one_contact_that_fails_its_batch_is_found_and_left_out(desk: Desk) -> None:
    desk.publish(people(64))
    desk.server_setting(poison="p42@")
    result = desk.run("push", batch_size="64", max_attempts="2")
    assert result.returncode == 0, result.stderr
    assert "63 acknowledged, 1 refused" in result.stdout
    held = desk.held()
    assert held == {email: given for email, given in desk.expected().items() if email != "p42@example.com"}
    assert desk.query("select email, permanent, tries from push.rejections") == [("p42@example.com", False, 1)]
    assert desk.query("select count(*) from push.batch_limits") == [(0,)], "one bad contact says nothing about sizes"


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        *(({"max_contacts": 30, "too_large": how}, 25) for how in TOO_LARGE),
        ({"max_bytes": 2_000, "too_large": "error_inside"}, 13),
    ],
)
def test_a_batch_that_is_too_large_is_halved_and_the_size_remembered(
    desk: Desk, limits: dict[str, Any], most: int
) -> None:
    desk.publish(people(200))
    desk.server_setting(**limits)
    first = desk.run("push", batch_size="100", senders="1", max_attempts="2")
    assert first.returncode == 0, first.stderr
    assert f"batches reduced to {most} contacts" in first.stdout
    assert desk.held() == desk.expected()
    desk.publish([*people(200, **{f"p{number}": {"nombre": "new"} for number in range(200)})])
    desk.forget_requests()
    assert desk.run("push", batch_size="100", senders="1").returncode == 0
    assert {request["contacts"] for request in desk.requests()} <= {most, 200 % most}


ARRANGED = [(how, emails) for how in CHOICES["responses"] for emails in (True, False)]


@pytest.mark.parametrize(("how", "emails"), ARRANGED if SEARCH > 1 else [("in_order", False), ("shorter", True)])
def test_however_answers_are_arranged_none_is_taken_for_anothers(desk: Desk, how: str, emails: bool) -> None:
    """One of nine is refused. An answer by position alone would blame, or acknowledge, the wrong contact."""
    desk.server_setting(responses=how, responses_email=emails, status_code_as="text")
    contacts = people(9)
    contacts[4] = Given("no address", {"nombre": "x"})
    desk.publish(contacts)
    result = desk.run("push", batch_size="9")
    assert "8 acknowledged, 1 refused" in result.stdout
    assert desk.query("select email from push.rejections") == [("no address",)]
    acknowledged = {email for (email,) in desk.query("select email from push.acknowledgements")}
    assert acknowledged == set(desk.held()) == set(desk.expected()) - {"no address"}


def test_connections_are_kept_and_the_rate_holds_for_all_senders_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    connect = HTTPConnection.connect

    def counting(connection: HTTPConnection) -> None:
        opened.append(connection)
        connect(connection)

    monkeypatch.setattr(HTTPConnection, "connect", counting)
    desk.publish(people(60))
    started = time.monotonic()
    assert desk.run("push", batch_size="2", senders="3", requests_per_second="30").returncode == 0
    assert time.monotonic() - started >= 29 / 30
    assert len(opened) <= 3
    assert len(desk.requests()) == 30


def test_refusals_are_tried_again_spaced_and_not_for_ever(desk: Desk) -> None:
    desk.server_setting(known_fields=["ICOMMKT_Purchases_30_Days", "nombre"], unknown_fields="reject")
    odd = Given("odd@example.com", {"unknown": "x"})
    tried = []
    for day in (0, 1, 2, 3, 6, 7, 40):
        date = AS_OF + dt.timedelta(days=day)
        desk.publish([*people(20), odd], as_of_date=date)
        desk.forget_requests()
        assert desk.run("push", as_of_date=date, max_tries="4").returncode == 0
        if desk.sent():
            tried.append(day)
    assert tried == [0, 1, 3, 7]
    assert desk.query("select permanent, tries, first_at < last_at, reason from push.rejections") == [
        (True, 4, True, "Unknown field unknown: Unknown field unknown: o***@example.com")
    ]


@pytest.mark.parametrize(("how", "newcomers", "code"), [("refused", 3, 0), ("failed", 30, 6)])
def test_a_quiet_day_with_only_refused_newcomers_ends_as_usual(desk: Desk, how: str, newcomers: int, code: int) -> None:
    """A profile that accepted contacts is not wrong because new ones are refused; not on the next nights either."""
    desk.publish(people(40))
    assert desk.run("push").returncode == 0
    if how == "refused":
        desk.server_setting(known_fields=list(people(1)[0].fields), unknown_fields="reject")
    else:
        desk.server_setting(poison="new")
    odd = [Given(f"new{number}@example.com", {"unknown": "x"}) for number in range(newcomers)]
    desk.publish([*people(40), *odd])
    result = desk.run("push", max_attempts="1")
    assert (result.returncode, f"0 acknowledged, {newcomers} refused" in result.stdout) == (code, True), result.stderr
    assert desk.query("select count(*), max(tries) from push.rejections") == [(newcomers, 1)]
    desk.forget_requests()
    assert desk.run("push", max_attempts="1").returncode == (0 if how == "refused" else code)
    assert desk.run("push", api_key="mistyped").returncode == 4


def test_a_profile_that_takes_none_of_those_it_took_before_is_wrong(desk: Desk) -> None:
    desk.publish(people(40))
    assert desk.run("push").returncode == 0
    desk.server_setting(known_fields=["other"], unknown_fields="reject")
    odd = [Given(f"a{number}@example.com", {"nombre": "x"}) for number in range(30)]
    desk.publish([*odd, *people(40, p1={"nombre": "new"}, p2={"nombre": "new"})])
    result = desk.run("push", max_attempts="1")
    assert (result.returncode, "check the API key, the profile key" in result.stderr) == (4, True)
    assert desk.query("select count(*) from push.rejections") == [(0,)], "and no contact is blamed"


def test_too_many_refusals_are_an_exit_code_of_their_own(desk: Desk) -> None:
    bad = [Given(f"bad {number}", {"nombre": "x"}) for number in range(3)]
    desk.publish([*people(57), *bad])
    assert desk.run("push", max_rejected_share="0.05").returncode == 0
    desk.state.unlink()
    result = desk.run("push", max_rejected_share="0.04")
    assert (result.returncode, "refused 3 of 60 contacts" in result.stderr) == (6, True)


def test_two_pushes_at_once_do_not_mix(desk: Desk) -> None:
    desk.publish(people(2))
    with locked(Warehouse(desk.folder / "warehouse.duckdb"), "push"):
        second = desk.start("push")
        _, err = second.communicate()
    assert (second.returncode, "is in use by `push`" in err, desk.requests()) == (9, True, [])


def test_an_interrupted_push_keeps_what_was_answered(desk: Desk) -> None:
    desk.publish(people(200))
    desk.fault(kind="latency", seconds=0.4)
    process = desk.start("push", batch_size="10", senders="2")
    while len(desk.requests()) < 3:
        time.sleep(0.05)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "interrupted" in err
    ((status, acknowledged),) = desk.query("select status, acknowledged from push.runs")
    assert status == "interrupted"
    with sqlite3.connect(desk.server_database) as connection:
        arrived = {row[0] for row in connection.execute("select email from contacts")}
    known = {email for (email,) in desk.query("select email from push.acknowledgements")}
    assert len(known) == acknowledged
    assert known == arrived, "every answer that came was written down"


def test_a_second_signal_does_not_wait_for_answers(desk: Desk) -> None:
    desk.publish(people(40))
    assert desk.run("push", batch_size="10").returncode == 0
    desk.publish(people(40, **{f"p{number}": {"nombre": "new"} for number in range(40)}))
    desk.forget_requests()
    desk.fault(kind="latency", seconds=6)
    process = desk.start("push", batch_size="10", senders="2", read_timeout="60")
    while desk.fired() < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first signal lets the answers under way come"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=3)
    assert (process.returncode, err) == (130, "error: ended at once; run the same command again to continue\n")
    desk.no_faults()
    assert desk.run("push", batch_size="10").returncode == 0
    assert desk.held() == desk.expected()
