"""What a push tells: each run, each contact without its address, fields that are sent no more."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from benchmarks.push.harness import Desk, people
from benchmarks.push.published import Given
from tests.e2e.conftest import pushed


@pytest.fixture
def desk(empty_desk: Desk) -> Desk:
    """A desk whose profile has been pushed 20 contacts."""
    return pushed(empty_desk, people(20))


def status(desk: Desk, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(desk.folder / "push_status.duckdb"), read_only=True) as db:
        return db.execute(sql).fetchall()


def test_every_run_leaves_a_row_that_says_how_it_ended_and_why(desk: Desk) -> None:
    assert desk.run("push", api_key="mistyped").returncode == 4
    desk.publish(people(10))
    assert desk.run("push").returncode == 3
    assert len(status(desk, "from push_runs")) == 3, "also one that a guard stopped"
    assert desk.run("push", "--force").returncode == 0
    rows = desk.query("select status, new, changed, unchanged, gone, message from push.runs order by run_id")
    assert [row[:5] for row in rows] == [
        ("succeeded", 20, 0, 0, 0),
        ("failed", 20, 0, 0, 0),
        ("stopped", 0, 0, 10, 10),
        ("succeeded", 0, 0, 10, 10),
    ]
    assert "refuses the key" in rows[1][5]
    assert "acknowledged contacts are in the mart no more" in rows[2][5]
    assert len(status(desk, "from push_runs")) == 4


def test_what_became_of_each_contact_is_told_without_its_address(desk: Desk) -> None:
    desk.publish([*people(19, p1={"nombre": "new"}), Given("no address", people(1)[0].fields)])
    assert desk.run("push").returncode == 0
    assert status(desk, "select outcome, contacts, reason is not null from push_outcomes order by 1") == [
        ("left", 1, False),
        ("refused", 1, True),
        ("sent", 1, False),
        ("unchanged", 18, False),
    ]
    assert desk.run("push").returncode == 0
    assert status(desk, "select outcome, contacts, reason is not null from push_outcomes where reason is not null") == [
        ("waiting", 1, True)
    ]
    text = repr(status(desk, "from push_status"))
    assert "@" not in text
    assert "no address" not in text
    (found,) = desk.query("select count(distinct sha256(concat(secret, '|main|p1@example.com'))) from push.contact_key")
    assert found == (1,)
    ((secret,),) = desk.query("select secret from push.contact_key")
    assert status(
        desk, f"select count(*) from push_status where contact_key = sha256('{secret}|main|p1@example.com')"
    ) == [(1,)]


def test_a_renamed_field_is_named_sent_to_all_and_emptied_once_when_asked(desk: Desk) -> None:
    renamed = [
        replace(one, fields={("name" if key == "nombre" else key): value for key, value in one.fields.items()})
        for one in people(20)
    ]
    desk.publish(renamed)
    shown = desk.run("push", "--dry-run").stdout
    assert "the fields have changed (1 added, 1 no more sent), so 20 contacts are sent again" in shown
    assert "make push BLANK=nombre empties it there, once" in shown
    assert "make push BLANK=nombre" in desk.run("diff", as_of_date=None).stdout
    assert desk.run("push").returncode == 0
    assert desk.held()["p1@example.com"]["nombre"], "what is sent no more stays"

    desk.forget_requests()
    done = desk.run("push", "--blank", "nombre")
    assert "nombre is sent empty, once, to all 20 acknowledged contacts" in done.stdout
    assert len(desk.sent()) == 20
    assert {fields["nombre"] for fields in desk.held().values()} == {""}
    desk.forget_requests()
    assert desk.run("push").returncode == 0
    assert desk.requests() == []
    assert desk.run("push", "--blank", "name").returncode == 3, "a field that is sent is not emptied"


def test_diff_and_preview_need_no_api_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.publish(people(20, p1={"nombre": "new"}))
    monkeypatch.setenv("EMAIL", "p1@example.com")
    said = desk.run("diff", as_of_date=None, api_key="").stdout
    assert "1 of 20 contacts that ICOMMKT has acknowledged would change" in said
    assert "not compared" not in said
    assert "p***@" in said
    assert "p1@" not in said
    assert "it would be sent (changed)" in desk.run("preview", as_of_date=None, api_key="").stdout
    assert desk.run("push", api_key="").returncode == 2
