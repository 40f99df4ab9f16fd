"""Who is sent what: audiences, profiles, contacts that leave, emptied windows, fields outside the hash, new keys."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import requests

from benchmarks.push.harness import OTHER_PROFILE_KEY, PROFILE_KEY, Desk, people
from benchmarks.push.published import AS_OF, Given


def push(desk: Desk, *arguments: str, as_of_date: dt.date = AS_OF, **settings: Any) -> str:
    result = desk.run("push", *arguments, as_of_date=as_of_date, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def removals(desk: Desk) -> list[str]:
    return [one["payload"]["Contact"]["Email"] for one in desk.requests() if "RemoveContact" in one["path"]]


def test_fields_outside_the_hash_travel_with_the_next_send_or_when_stale(desk: Desk) -> None:
    def day(number: int, name: str = "Ana") -> dt.date:
        date = AS_OF + dt.timedelta(days=number)
        days = {"ICOMMKT_Days_Since_Last_Purchase": str(10 + number)}
        still = Given("still@example.com", {"nombre": "Sol"})
        desk.publish([Given("a@example.com", {"nombre": name}, untriggered=days), still], as_of_date=date)
        desk.forget_requests()
        return date

    push(desk, as_of_date=day(0), max_stale_days="3")
    push(desk, as_of_date=day(1), max_stale_days="3")
    assert desk.sent() == []
    push(desk, as_of_date=day(2, "Eva"), max_stale_days="3")
    assert desk.sent() == ["a@example.com"]
    assert desk.held()["a@example.com"] == {"nombre": "Eva", "ICOMMKT_Days_Since_Last_Purchase": "12"}
    push(desk, as_of_date=day(4, "Eva"), max_stale_days="3")
    assert desk.sent() == []
    out = push(desk, as_of_date=day(5, "Eva"), max_stale_days="3")
    assert "to send 1 (0 new, 0 changed, 1 stale)" in out
    assert desk.sent() == ["a@example.com"], "three days old; what does not differ is not sent for its age"
    assert desk.held()["a@example.com"]["ICOMMKT_Days_Since_Last_Purchase"] == "15"


def test_audience_of_subscribers(desk: Desk) -> None:
    desk.publish([*people(6), Given("guest@example.com", {"nombre": "x"}, is_subscribed=None)])
    out = push(desk, audience="subscribers")
    assert sorted(desk.held()) == ["p0@example.com", "p2@example.com", "p4@example.com"]
    assert "4 contacts are not subscribers and stay as they are in ICOMMKT; of 1 of them, guests and accounts," in out


def test_who_is_sent_is_asked_for_with_the_number_of_each_choice_until_it_is_chosen(desk: Desk) -> None:
    desk.publish([*people(6), Given("guest@example.com", {"nombre": "x"}, is_subscribed=None)])
    asked = "ICOMMKT__AUDIENCE is not set, and has no default: set it to all (everybody with a valid e-mail, as"
    for command in (["push"], ["push", "--force"], ["verify", "--repair"]):
        done = desk.run(*command, audience="")
        (line,) = done.stderr.splitlines()
        assert (done.returncode, line.startswith(f"error: {asked}")) == (2, True)
        assert "integration does: 7 contacts) or to subscribers (accounts subscribed to the newsletter: 3 con" in line
    assert desk.requests() == []
    assert not desk.state.exists()
    for command in (["push", "--dry-run"], ["diff"]):
        done = desk.run(*command, as_of_date=AS_OF if command[0] == "push" else None, audience="")
        assert (done.returncode, f"note: {asked}" in done.stdout) == (0, True)


def test_a_subscription_that_nobody_knows_is_not_a_no(desk: Desk) -> None:
    desk.publish([replace(one, is_subscribed=None) for one in people(6)])
    for arguments in ([], ["--force"], ["--dry-run"]):
        result = desk.run("push", *arguments, audience="subscribers")
        assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
        for words in ("none of its 6 accounts", "ICOMMKT__AUDIENCE=all", "is_subscribed"):
            assert words in result.stderr
    assert desk.requests() == []
    assert desk.run("push").returncode == 0, "everybody needs no subscription"


def test_who_leaves_the_audience_is_neither_updated_nor_removed(desk: Desk) -> None:
    """Removing somebody who unsubscribed and adding them again could subscribe them again."""
    desk.publish(people(20))
    push(desk, audience="subscribers", on_missing="remove")
    left = [
        replace(one, is_subscribed=False, fields={"nombre": "new"}) if one.email == "p2@example.com" else one
        for one in people(20)
    ]
    desk.publish(left)
    desk.forget_requests()
    push(desk, audience="subscribers", on_missing="remove")
    assert desk.requests() == []


def test_nobody_is_subscribed_again(desk: Desk) -> None:
    desk.publish(people(3))
    push(desk)
    requests.post(f"{desk.url}/demo/unsubscribe", json={"email": "p1@example.com"}, timeout=5)
    desk.publish(people(3, p1={"nombre": "new"}))
    out = push(desk)
    assert "1 taken but not active" in out
    contacts = requests.get(f"{desk.url}/demo/contacts", timeout=5).json()
    assert [contact["Status"] for contact in contacts] == ["A", "U", "A"]
    known = {"Contacts/SaveContact.Json", "Contacts/SaveMultiContact.Json"}
    assert {request["path"].strip("/") for request in desk.requests()} <= known


def test_contacts_that_left_are_kept_and_told_of_or_removed_when_asked_and_sent_again_when_they_return(
    desk: Desk,
) -> None:
    desk.publish(people(20))
    push(desk)
    desk.publish(people(19))
    desk.forget_requests()
    left = "1 acknowledged contacts left the mart (0 whose customer has another e-mail now); they stay as they are"
    assert left in push(desk)
    assert desk.requests() == []
    assert "1 left the mart (1 removed)" in push(desk, on_missing="remove")
    assert removals(desk) == ["p19@example.com"]
    assert "p19@example.com" not in desk.held()
    desk.forget_requests()
    push(desk, on_missing="remove")
    assert desk.requests() == []
    desk.publish(people(20))
    push(desk, on_missing="remove")
    assert desk.sent() == ["p19@example.com"]


def test_a_changed_e_mail_is_seen_and_the_old_one_goes_only_after_the_new_one_is_there(desk: Desk) -> None:
    desk.publish(people(20))
    push(desk)
    renamed = people(20, p6={"nombre": "new"})
    renamed[5] = replace(renamed[5], email="new@shop.example")
    desk.publish(renamed)
    desk.forget_requests()
    desk.server_setting(poison="new@")
    out = push(desk, on_missing="remove", max_attempts="1")
    assert "1 acknowledged contacts left the mart (1 whose customer has another e-mail now)" in out
    assert removals(desk) == []
    desk.server_setting(poison="")
    desk.publish([replace(one, fields={**one.fields, "nombre": "n"}) for one in renamed])
    push(desk, on_missing="remove")
    assert removals(desk) == ["p5@example.com"]
    assert desk.held() == desk.expected()


def test_profiles_by_website_each_with_its_own_state(desk: Desk) -> None:
    contacts = [
        Given("ar@example.com", {"nombre": "a"}, websites=(1,)),
        Given("uy@example.com", {"nombre": "b"}, websites=(2,)),
        Given("both@example.com", {"nombre": "c"}, websites=(1, 2)),
        Given("none@example.com", {"nombre": "d"}),
        Given("third@example.com", {"nombre": "e"}, websites=(3,)),
    ]
    seed = {1: "profile_key", 2: "PROFILE_KEY_UY", 3: "profile_key_uy"}
    desk.publish(contacts, profiles=seed)
    out = push(desk, profile_key_uy=OTHER_PROFILE_KEY)
    assert sorted(desk.held(PROFILE_KEY)) == ["ar@example.com", "both@example.com"]
    assert sorted(desk.held(OTHER_PROFILE_KEY)) == ["both@example.com", "third@example.com", "uy@example.com"]
    assert "1 contacts belong to no website" in out
    assert desk.query("select count(distinct profile), count(*) from push.acknowledgements") == [(2, 5)]
    desk.forget_requests()
    push(desk, profile_key_uy=OTHER_PROFILE_KEY)
    assert desk.requests() == []
    contacts[0] = replace(contacts[0], fields={"nombre": "z"})
    desk.publish(contacts, profiles=seed)
    push(desk, profile_key_uy=OTHER_PROFILE_KEY)
    assert [(one["profile_key"], one["contacts"]) for one in desk.requests()] == [(PROFILE_KEY, 1)]
    for days, is_told in ((0, True), (7, True), (8, False)):  # of a profile that was taken out of the seed
        day = AS_OF + dt.timedelta(days=days)
        desk.publish(contacts, profiles={1: "profile_key"}, as_of_date=day)
        out = push(desk, as_of_date=day, max_drop_share="0.9")
        assert ("is sent nothing any more" in out and "3 contacts stay in it as they are" in out) is is_told, out
    assert len(desk.held(OTHER_PROFILE_KEY)) == 3


def test_a_profile_whose_key_is_missing_or_named_badly_stops_everything(desk: Desk) -> None:
    desk.publish([Given("a@example.com", {"nombre": "a"}, websites=(1,))], profiles={1: "profile_key_cl"})
    result = desk.run("push")
    assert (result.returncode, "ICOMMKT__PROFILE_KEY_CL is not set" in result.stderr) == (2, True)
    desk.publish([Given("a@example.com", {"nombre": "a"}, websites=(1,))], profiles={1: "api_key"})
    result = desk.run("push")
    assert (result.returncode, "profile_setting 'api_key'" in result.stderr) == (2, True)
    assert desk.requests() == []


def test_an_added_field_is_announced_and_sent_to_all_also_outside_the_hash(desk: Desk) -> None:
    def with_days(days: str) -> list[Given]:
        return [replace(one, untriggered={"dias": days}) for one in people(8)]

    desk.publish(people(8))
    push(desk)
    desk.publish(with_days("3"))
    for arguments in (["--dry-run"], []):
        assert "the fields have changed (1 added), so 8 contacts are sent again" in push(desk, *arguments)
    assert desk.held() == desk.expected()
    desk.forget_requests()
    desk.publish(with_days("4"))
    assert "the fields have changed" not in push(desk)
    assert desk.sent() == [], "outside the hash it waits its days"


def test_a_placeholder_for_empty_values(desk: Desk) -> None:
    desk.server_setting(empty_values="keep")
    desk.publish([Given("a@example.com", {"nombre": "Ana", "ciudad": "Salta"})])
    push(desk)
    desk.publish([Given("a@example.com", {"nombre": "Ana", "ciudad": ""})])
    push(desk)
    assert desk.held()["a@example.com"]["ciudad"] == "Salta", "such a profile ignores an empty value"
    push(desk, empty_value="-")
    assert desk.held()["a@example.com"] == {"nombre": "Ana", "ciudad": "-"}
    desk.forget_requests()
    push(desk, empty_value="-")
    assert desk.requests() == []
    assert desk.run("verify", empty_value="-").returncode == 0
