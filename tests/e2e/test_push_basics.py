"""The push as a process, against the demo ICOMMKT: what is sent, what is not, and what is written down."""

from __future__ import annotations

import datetime as dt

from benchmarks.push.harness import PROFILE, Desk, people
from benchmarks.push.published import AS_OF, Given


def test_first_push_sends_all_and_the_second_nothing(desk: Desk) -> None:
    desk.publish(people(250))
    first = desk.run("push")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "250 contacts, 250 to send, 250 acknowledged, 0 refused" in first.stdout
    assert desk.held() == desk.expected()
    assert [request["path"] for request in desk.requests()] == ["/Contacts/SaveMultiContact.Json/"] * 3

    desk.forget_requests()
    second = desk.run("push")
    assert second.returncode == 0
    assert desk.requests() == []
    assert "0 to send" in second.stdout


def test_only_what_changed_is_sent(desk: Desk) -> None:
    desk.publish(people(30))
    assert desk.run("push").returncode == 0
    desk.forget_requests()
    desk.publish([*people(30, p7={"nombre": ""}, p20={"nombre": "Otro"}), Given("new@example.com", {"nombre": "Neu"})])
    assert desk.run("push").returncode == 0
    assert sorted(desk.sent()) == ["new@example.com", "p20@example.com", "p7@example.com"]
    assert desk.held() == desk.expected()
    assert desk.held()["p7@example.com"]["nombre"] == ""


def test_dry_run_and_diff_show_and_send_and_write_nothing(desk: Desk) -> None:
    desk.publish(people(12))
    shown = desk.run("push", "--dry-run")
    assert shown.returncode == 0
    assert "to send 12 (12 new, 0 changed, 0 stale)" in shown.stdout
    assert "p***@example.com" in shown.stdout
    assert desk.run("diff", as_of_date=None).returncode == 0
    assert desk.requests() == []
    assert not desk.state.exists()


def test_what_was_acknowledged_and_the_run_are_written_down(desk: Desk) -> None:
    desk.publish(people(3), build_id="build-7")
    assert desk.run("push").returncode == 0
    rows = desk.query(
        "select store_key, profile, email, as_of_date, contact_status, customer_id"
        " from push.acknowledgements order by email"
    )
    assert rows == [("main", PROFILE, f"p{n}@example.com", AS_OF, "A", 1000 + n) for n in range(3)]
    ((run_id, status, build, planned, acknowledged, requests, ended),) = desk.query(
        "select run_id, status, build_id, planned, acknowledged, requests, ended_at > started_at from push.runs"
    )
    assert (run_id, status, build, planned, acknowledged, requests, ended) == (1, "succeeded", "build-7", 3, 3, 1, True)


def test_an_invalid_e_mail_is_refused_alone_and_not_asked_again_until_its_payload_changes(desk: Desk) -> None:
    bad = Given("no address", {"nombre": "x"})
    desk.publish([*people(20), bad])
    first = desk.run("push")
    assert "20 acknowledged, 1 refused" in first.stdout
    assert [row[:3] for row in desk.query("select email, permanent, tries from push.rejections")] == [
        ("no address", True, 1)
    ]
    desk.forget_requests()
    later = AS_OF + dt.timedelta(days=40)
    desk.publish([*people(20), bad], as_of_date=later)
    assert desk.run("push", as_of_date=later).returncode == 0
    assert desk.requests() == []
    desk.publish([*people(20), Given("no address", {"nombre": "y"})], as_of_date=later)
    desk.run("push", as_of_date=later)
    assert desk.sent() == ["no address"]


def test_no_published_file_is_one_line(desk: Desk) -> None:
    result = desk.run("push")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert "nothing has been published" in result.stderr
