"""What was acknowledged is not forgotten before something is acknowledged under the new key, profile or fields."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import duckdb
import pytest

from benchmarks.push.harness import OTHER_PROFILE_KEY, PROFILE, PROFILE_KEY, Desk, people
from benchmarks.push.published import AS_OF, Given
from tests.e2e.conftest import pushed

NEW_KEY = "a-new-api-key"
ACKNOWLEDGED = "select * exclude (run_id) from push.acknowledgements where profile = ? order by email"


@pytest.fixture
def desk(empty_desk: Desk) -> Desk:
    """A desk whose profile has been pushed 20 buyers."""
    return pushed(empty_desk, people(20))


def prospects() -> list[Given]:
    return [replace(one, purchases={}, fields=dict.fromkeys(one.fields, "")) for one in people(20)]


@pytest.mark.parametrize("slip", [{"api_key": "mistyped"}, {"profile_key": "mistyped"}])
def test_a_night_with_a_mistyped_key_leaves_everything_as_it_was(desk: Desk, slip: dict[str, Any]) -> None:
    before, known = desk.held(), desk.query(ACKNOWLEDGED, [PROFILE])
    good = people(19, p3={"nombre": "new"})
    desk.publish(good)
    assert desk.run("push", **slip).returncode == 4
    assert desk.query(ACKNOWLEDGED, [PROFILE]) == known

    desk.publish(prospects())
    desk.forget_requests()
    bad = desk.run("push")
    assert (bad.returncode, "20 of 20 buyers would become prospects" in bad.stderr) == (3, True)
    assert (desk.requests(), desk.held()) == ([], before)

    desk.publish(good)
    assert desk.run("push", on_missing="remove").returncode == 0
    assert desk.sent() == ["p3@example.com"]
    assert desk.held() == desk.expected(), "who left is removed"


def test_a_new_key_is_sent_the_rest_by_the_next_run_and_the_guards_see_all_along(desk: Desk) -> None:
    desk.server_setting(api_key=NEW_KEY)
    desk.fault(kind="503_maintenance_html", after=2)
    half = desk.run("push", api_key=NEW_KEY, batch_size="5", senders="1", patience="0.3")
    assert half.returncode == 5
    desk.no_faults()
    assert len(desk.query(ACKNOWLEDGED, [PROFILE])) == 20
    desk.publish(prospects())
    bad = desk.run("push", api_key=NEW_KEY)
    assert (bad.returncode, "20 of 20 buyers" in bad.stderr) == (3, True)
    desk.publish(people(20))
    desk.forget_requests()
    rest = desk.run("push", api_key=NEW_KEY)
    assert (rest.returncode, len(desk.sent())) == (0, 10)
    assert "under which 10 contacts were acknowledged, so they are sent again" in rest.stdout
    desk.forget_requests()
    assert desk.run("push", api_key=NEW_KEY).returncode == 0
    assert desk.requests() == []


def test_what_another_key_refused_is_tried_under_the_new_one(desk: Desk) -> None:
    bad = Given("no address", people(1)[0].fields)
    desk.publish([*people(20), bad])
    assert "1 refused" in desk.run("push").stdout
    desk.server_setting(api_key=NEW_KEY)
    desk.forget_requests()
    assert desk.run("push", api_key=NEW_KEY).returncode == 0
    assert "no address" in desk.sent()


def test_a_new_profile_is_sent_all_and_the_old_one_is_told_of(desk: Desk) -> None:
    shown = desk.run("push", "--dry-run", profile_key=OTHER_PROFILE_KEY)
    assert "nothing was ever acknowledged by this profile, so all 20 contacts are sent" in shown.stdout
    done = desk.run("push", profile_key=OTHER_PROFILE_KEY)
    assert "20 contacts stay in it as they are" in done.stdout
    assert desk.held(OTHER_PROFILE_KEY) == desk.held(PROFILE_KEY) == desk.expected()
    desk.forget_requests()
    assert desk.run("push").returncode == 0
    assert desk.requests() == [], "what the old one acknowledged is still known"


def test_new_fields_whose_run_dies_are_sent_by_the_next(desk: Desk) -> None:
    """Also fields outside of the hash, which else wait for their days."""
    desk.publish([replace(one, untriggered={"ICOMMKT_Days_Since_Last_Purchase": "3"}) for one in people(20)])
    desk.fault(kind="503_maintenance_html", after=2)
    assert desk.run("push", batch_size="5", senders="1", patience="0.3").returncode == 5
    desk.no_faults()
    assert desk.run("push").returncode == 0
    assert desk.held() == desk.expected()


FORMER = """
create table push.acknowledged_log as
select row_number() over () as sequence, * exclude (acknowledged_at, payload_hash, content_hash), acknowledged_at,
    payload_hash, content_hash, 1 as content_id, 0 as content_index, cast('x' as blob) as contents,
    cast(null as bit) as filled, cast(null as date) as last_purchase_date
from held;
create table push.acknowledged as select * exclude (sequence, contents) from push.acknowledged_log where false;
create table push.rejections as from refused;
create table push.batch_limits (profile varchar, contacts bigint, configured bigint, learned_at timestamp);
create table push.contents (content_id bigint, contents blob);
create sequence push.run_number;
drop table push.contact_key;
drop table push.answers;
alter table push.runs drop new; alter table push.runs drop changed; alter table push.runs drop stale;
alter table push.runs drop unchanged; alter table push.runs drop waiting; alter table push.runs drop gone;
alter table push.runs drop outside; alter table push.runs drop batch_size; alter table push.runs drop learned_size;
alter table push.runs add column fields_hash varchar; alter table push.runs add column versions json;
"""


def as_of_before(desk: Desk) -> None:
    """Give a state file the form of the former version: other tables, and hashes of the payloads' texts."""
    with duckdb.connect(str(desk.published), read_only=True) as db:
        texts = dict(db.execute("select email, md5(custom_fields) from marts.icommkt_payloads").fetchall())
    with duckdb.connect(str(desk.state)) as db:
        db.execute("create temp table held as from push.acknowledgements")
        db.execute("create temp table refused as from push.rejections")
        for email, text in texts.items():
            db.execute(
                "update held set payload_hash = $text, content_hash = $text where email = $email",
                {"text": text, "email": email},
            )
        db.execute("drop view push.acknowledgements; drop view push.rejections; drop view push.batch_limits")
        db.execute(FORMER)
        db.execute("create view push.acknowledgements as from push.acknowledged_log")


def test_a_state_file_of_before_is_taken_over(desk: Desk) -> None:
    as_of_before(desk)
    desk.pushed.unlink()
    for arguments in (["push", "--dry-run"], ["push"]):
        done = desk.run(*arguments)
        assert done.returncode == 0, done.stderr
        assert "20 acknowledged; to send 0" in done.stdout
    assert desk.requests() == []
    desk.publish(prospects())
    assert "20 of 20 buyers" in desk.run("push").stderr
    desk.server_setting(api_key=NEW_KEY)
    desk.publish(people(20))
    assert desk.run("push", api_key=NEW_KEY).returncode == 0
    assert len(desk.sent()) == 20


FILLED: dict[str, str] = {
    "nombre": "Ana",
    "suscripto": "si",
    "ICOMMKT_Last_Purchase_Brands": "Topper",
    "ICOMMKT_Last_Purchase_Promo_Codes": "HOT10",
    "ICOMMKT_Items_30_Days": "Zapatilla",
    "ICOMMKT_Categories_30_Days": "Calzado",
    "ICOMMKT_Purchases_30_Days": "1",
    "ICOMMKT_Amount_30_Days": "10.50",
    "ICOMMKT_Discount_Codes_30_Days": "ABC",
    "ICOMMKT_Discount_Codes_60_Days": "ABC",
    "ICOMMKT_Discount_Codes_360_Plus_Days": "ABC",
    "ICOMMKT_Days_Since_Last_Purchase": "3",
    "ICOMMKT_Amount_Total": "10.50",
}


def buyers(
    emptied: int = 0, values: Mapping[str, str] = MappingProxyType({}), *, of: int = 40, last_purchase: dt.date = AS_OF
) -> list[Given]:
    """Buyers with every kind of field; the first so many have other `values`."""
    return [
        Given(
            f"b{number:02}@example.com",
            {**FILLED, **(values if number < emptied else {})},
            customer_id=number,
            purchases={30: int(not any("30_Days" in key for key in values)), 360: 1},
            last_purchase=last_purchase,
        )
        for number in range(of)
    ]


@pytest.fixture
def sold(empty_desk: Desk) -> Desk:
    return pushed(empty_desk, buyers())


WINDOW = {
    "ICOMMKT_Items_30_Days": "",
    "ICOMMKT_Categories_30_Days": "",
    "ICOMMKT_Purchases_30_Days": "0",
    "ICOMMKT_Amount_30_Days": "0",
}


@pytest.mark.parametrize(
    "blank",
    [
        {"ICOMMKT_Last_Purchase_Brands": ""},
        {"nombre": ""},
        {"ICOMMKT_Discount_Codes_360_Plus_Days": ""},
        {f"ICOMMKT_Discount_Codes_{window}_Days": "" for window in ("30", "60", "360_Plus")},
        {"ICOMMKT_Amount_Total": "0"},
        WINDOW,
    ],
    ids=lambda blank: next(iter(blank)),
)
def test_a_field_that_would_be_emptied_in_masse_stops_the_push(sold: Desk, blank: dict[str, str]) -> None:
    sold.publish(buyers(8, blank))
    assert "a guard would stop" not in sold.run("push", "--dry-run").stdout
    sold.publish(buyers(9, blank))
    done = sold.run("push")
    assert done.returncode == 3
    for words in (f"{next(iter(blank))} (9 of the 40 contacts that have it)", "ICOMMKT__MAX_EMPTIED_SHARE", "b***@"):
        assert words in done.stderr
    assert sold.requests() == []


def bought_before(desk: Desk, days: int) -> None:
    """Have the same buyers acknowledged with a last purchase so many days ago."""
    desk.state.unlink()
    desk.publish(buyers(last_purchase=AS_OF - dt.timedelta(days=days)))
    assert desk.run("push").returncode == 0
    desk.forget_requests()


@pytest.mark.parametrize("kind", ["disabled", "days pass", "bought since", "without a code", "zero days", "few"])
def test_what_a_day_explains_stops_nothing(sold: Desk, kind: str) -> None:
    day = AS_OF
    some = buyers(4, {"nombre": ""}, of=4)
    if kind == "disabled":
        some = [replace(one, fields={"suscripto": "si"}) for one in buyers()]
    elif kind == "days pass":
        bought_before(sold, 30)
        day += dt.timedelta(days=1)
        some = buyers(40, WINDOW)
    elif kind == "bought since":
        day += dt.timedelta(days=1)
        some = buyers(40, {"ICOMMKT_Last_Purchase_Promo_Codes": ""}, last_purchase=day)
    elif kind == "without a code":  # who bought again: the code has left the shorter window, the purchases have not
        day += dt.timedelta(days=1)
        some = buyers(40, {"ICOMMKT_Discount_Codes_30_Days": ""})
    elif kind == "zero days":
        some = buyers(40, {"ICOMMKT_Days_Since_Last_Purchase": "0"})
    elif kind == "few":
        sold.state.unlink()
        sold.publish(buyers(of=4))
        assert sold.run("push").returncode == 0
    sold.publish(some, as_of_date=day)
    done = sold.run("push", as_of_date=day)
    assert done.returncode == 0, done.stderr
    for one in some:
        assert sold.held()[one.email] == {**FILLED, **one.fields}


def test_days_that_pass_excuse_nobody_who_still_has_a_purchase_in_the_window(sold: Desk) -> None:
    bought_before(sold, 29)
    day = AS_OF + dt.timedelta(days=1)
    sold.publish(buyers(40, WINDOW), as_of_date=day)
    done = sold.run("push", as_of_date=day)
    assert (done.returncode, "40 of the 40 contacts" in done.stderr) == (3, True)


def test_fields_in_another_order_are_compared_by_name(sold: Desk) -> None:
    turned = [replace(one, fields=dict(reversed(list(one.fields.items())))) for one in buyers(40, {"nombre": ""})]
    sold.publish(turned)
    done = sold.run("push")
    assert (done.returncode, "nombre (40 of the 40 contacts" in done.stderr) == (3, True)


def test_the_guard_compares_with_a_push_that_ended_well(sold: Desk) -> None:
    """A night that got nowhere, though it was forced, is not what the next one is compared with."""
    sold.publish(buyers(40, {"nombre": ""}))
    assert sold.run("push", "--force", api_key="mistyped").returncode == 4
    sold.publish(buyers(40, {"nombre": ""}))
    assert sold.run("push").returncode == 3


def test_a_field_whose_change_is_not_sent_is_guarded_when_it_would_be(empty_desk: Desk) -> None:
    def day(number: int, value: str) -> int:
        date = AS_OF + dt.timedelta(days=number)
        given = [replace(one, untriggered={"apellido": value}) for one in people(30)]
        empty_desk.publish(given, as_of_date=date)
        return empty_desk.run("push", as_of_date=date).returncode

    assert day(0, "Paz") == 0
    assert [day(number, "") for number in (6, 7)] == [0, 3]


def test_a_damaged_file_of_the_last_push_counts_as_missing(sold: Desk) -> None:
    sold.pushed.unlink()  # the same file as the published one, under another name
    shutil.copyfile(sold.published, sold.pushed)
    with duckdb.connect(str(sold.pushed)) as db:
        db.execute("alter table marts.icommkt_payload_hashes drop content_hash")
    done = sold.run("push", "--dry-run")
    assert (done.returncode, "counts as missing" in done.stdout) == (0, True), done.stderr
    assert "of 40 acknowledged contacts the file that was pushed last tells the fields of 0" in done.stdout


def test_a_contact_goes_back_to_what_was_acknowledged_after_an_unclear_refusal(desk: Desk) -> None:
    before = desk.expected()
    desk.publish(people(20, p1={"nombre": "new"}, p2={"nombre": "new"}))
    desk.fault(kind="drop_connection", processed=True, count=1)
    assert "1 acknowledged, 1 refused" in desk.run("push", max_attempts="1", batch_size="1", senders="1").stdout
    desk.no_faults()
    desk.publish(people(20))
    assert desk.run("push").returncode == 0
    assert desk.held() == before
