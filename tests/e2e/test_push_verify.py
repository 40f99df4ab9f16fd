"""Reading a profile back, repairing it, and looking at one contact."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from benchmarks.push.harness import Desk, people
from benchmarks.push.published import Given
from tests.e2e.conftest import pushed

DRIFT = 7


@pytest.fixture
def desk(empty_desk: Desk) -> Desk:
    """A desk whose profile has been pushed 40 contacts."""
    return pushed(empty_desk, people(40))


def by_hand(desk: Desk, email: str, **fields: str) -> None:
    requests.post(f"{desk.url}/demo/contacts", json={"email": email, "fields": fields}, timeout=5).raise_for_status()


def gone_by_hand(desk: Desk, email: str) -> None:
    requests.delete(f"{desk.url}/demo/contacts?email={email}", timeout=5).raise_for_status()


def paths(desk: Desk) -> list[str]:
    return [request["path"].split("/")[2] for request in desk.requests()]


def test_drift_made_by_hand_is_found_and_only_that_is_repaired(desk: Desk) -> None:
    by_hand(desk, "p3@example.com", nombre="somebody else")
    by_hand(desk, "p4@example.com", another_field="is not ours to judge")
    by_hand(desk, "stranger@example.com", nombre="not ours")
    gone_by_hand(desk, "p7@example.com")
    found = desk.run("verify")
    assert found.returncode == DRIFT
    assert "39 contacts compared" not in found.stdout
    assert "40 contacts compared: 38 as in the mart, 0 waiting for the next push, 1 changed, 1 missing" in found.stdout
    assert "p***@example.com: nombre" in found.stdout
    assert "1 that never were ours" in found.stdout
    assert "2 contacts in ICOMMKT are not as they were sent" in found.stderr
    assert "p3@example.com" not in found.stdout + found.stderr

    desk.forget_requests()
    repaired = desk.run("verify", "--repair")
    assert repaired.returncode == 0, repaired.stderr
    assert sorted(desk.sent()) == ["p3@example.com", "p7@example.com"]
    expected = desk.expected()
    held = desk.held()
    assert held.pop("stranger@example.com") == {"nombre": "not ours"}
    assert held["p4@example.com"].pop("another_field")
    assert held == expected
    desk.forget_requests()
    good = desk.run("verify")
    assert good.returncode == 0
    assert "40 contacts compared: 40 as in the mart, 0 waiting for the next push, 0 changed, 0 missing" in good.stdout
    assert paths(desk) == ["ListFull.Json"]


def test_what_only_waits_for_the_next_push_is_no_drift(desk: Desk) -> None:
    desk.publish([*people(40, p1={"nombre": "new"}, p2={"nombre": "new"}), Given("new@example.com", {"nombre": "x"})])
    by_hand(desk, "p2@example.com", nombre="by hand")
    result = desk.run("verify")
    assert result.returncode == DRIFT
    assert "38 as in the mart, 1 waiting for the next push, 1 changed, 0 missing" in result.stdout
    by_hand(desk, "p3@example.com", nombre="by hand")
    desk.pushed.unlink()  # nothing tells any more what a payload was that has changed since
    assert "2 waiting for the next push, 1 changed, 0 missing" in desk.run("verify").stdout


def test_a_sample_asks_for_that_many_contacts_alone(desk: Desk) -> None:
    assert desk.run("verify", "--sample", "5").returncode == 0
    asked = desk.requests()
    assert len(asked) == 5
    assert all(request["payload"]["Filters"]["Email"] for request in asked)
    for number in range(40):
        gone_by_hand(desk, f"p{number}@example.com")
    result = desk.run("verify", "--sample", "5")
    assert (result.returncode, "5 missing" in result.stdout) == (DRIFT, True)


def test_unsubscribed_contacts_are_counted_and_are_no_drift(desk: Desk) -> None:
    requests.post(f"{desk.url}/demo/unsubscribe", json={"email": "p1@example.com"}, timeout=5)
    result = desk.run("verify")
    assert result.returncode == 0
    assert "not active in ICOMMKT, by its status letter: U: 1" in result.stdout


def test_a_list_that_ends_early_is_no_verdict(desk: Desk) -> None:
    desk.fault(kind="cut_body", match={"path_regex": "ListFull"})
    result = desk.run("verify")
    assert result.returncode == 5
    assert "could not be read" in result.stderr


def preview(desk: Desk, email: str, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Any:
    monkeypatch.setenv("EMAIL", email)
    return desk.run("preview", as_of_date=None, **settings)


def test_preview_shows_both_sides_field_by_field(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.publish(people(40, p1={"nombre": "Nueva"}))
    result = preview(desk, "P1@example.com", monkeypatch)
    assert result.returncode == 0, result.stderr
    assert "it would be sent (changed)" in result.stdout
    (changed,) = [line for line in result.stdout.splitlines() if line.startswith("  *")]
    assert (changed.split()[1], changed.split()[-1]) == ("nombre", "Nueva")
    assert "    ICOMMKT_Purchases_30_Days  1" in result.stdout
    assert desk.requests() == []


def test_preview_of_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [Given(email, {"nombre": "x"}) for email in ("new@example.com", "bad address")]
    desk.publish([*people(39), *others, Given("odd@example.com", {"unknown": "x"})])
    assert "nothing would be sent" in preview(desk, "p2@example.com", monkeypatch).stdout
    said = preview(desk, "new@example.com", monkeypatch).stdout
    assert "ICOMMKT has acknowledged nothing of it\n  it would be sent (new)\n" in said
    assert "no contact of the profile any more" in preview(desk, "p39@example.com", monkeypatch).stdout
    desk.server_setting(known_fields=["ICOMMKT_Purchases_30_Days", "nombre"], unknown_fields="reject")
    assert desk.run("push").returncode == 0
    assert "tried again when its payload changes" in preview(desk, "bad address", monkeypatch).stdout
    assert "nothing would be sent before its next try" in preview(desk, "odd@example.com", monkeypatch).stdout
    unknown = preview(desk, "nobody@example.com", monkeypatch)
    assert (unknown.returncode, "n***@example.com" in unknown.stderr) == (1, True)
    assert preview(desk, "", monkeypatch).returncode == 2


def test_probe_learns_what_is_not_published_and_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL", "me@example.com")
    result = desk.run("probe", as_of_date=None)
    assert result.returncode == 0, result.stderr
    assert "an empty value: blanks the field" in result.stdout
    assert "an unknown field: is created" in result.stdout
    assert "2 answers, 2 with an e-mail, status codes ['1', '901']" in result.stdout
    assert "me@example.com" not in desk.held()
    desk.server_setting(empty_values="keep", known_fields=["nombre"], unknown_fields="reject", responses_email=False)
    result = desk.run("probe", as_of_date=None)
    assert "an empty value: is IGNORED" in result.stdout
    assert "an unknown field: the contact is refused" in result.stdout
    assert "2 answers, 0 with an e-mail" in result.stdout
    monkeypatch.setenv("EMAIL", "p1@example.com")
    assert desk.run("probe", as_of_date=None).returncode == 1
