"""Keys are nowhere but in the settings; e-mails of customers are masked wherever people read."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from benchmarks.push.harness import API_KEY, PROFILE_KEY, Desk, people
from benchmarks.push.published import Given

KEYS = (API_KEY, PROFILE_KEY)


def contacts() -> list[Given]:
    """Most are taken, one is refused with its e-mail in ICOMMKT's words, two are no addresses."""
    return [
        *people(80),
        Given("odd@example.com", {"unknown": "x"}),
        Given("not.an.address@", {"nombre": "x"}),
        Given("no address", {"nombre": "x"}),
    ]


def assert_clean(text: str, *, emails: bool = True) -> None:
    for key in KEYS:
        assert key not in text
    if emails:
        for one in contacts():
            assert one.email not in text


def test_nothing_that_a_push_prints_logs_or_keeps_names_a_key_or_a_customer(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.server_setting(known_fields=["nombre", "ICOMMKT_Purchases_30_Days"], unknown_fields="reject")
    desk.publish(contacts())
    desk.fault(kind="500", probability=0.3, seed=1)
    texts = []
    for arguments in (["push", "--dry-run"], ["push"], ["verify"], ["verify", "--repair"], ["push", "--force"]):
        result = desk.run(*arguments)
        texts.append(result.stdout + result.stderr)
    desk.publish(people(3), is_tested=False)
    texts.append(desk.run("push").stderr)
    desk.publish(people(80))
    bad: list[dict[str, Any]] = [
        {"api_key": f"{API_KEY}-wrong"},
        {"profile_key": f"{PROFILE_KEY}-wrong"},
        {"patience": "0.1"},
    ]
    for settings in bad:
        desk.no_faults()
        if "patience" in settings:
            desk.fault(kind="drop_connection")
            desk.publish(people(80, p1={"nombre": "new"}))
        result = desk.run("push", **settings)
        assert result.returncode != 0
        texts.append(result.stdout + result.stderr)
    assert "***@" in "".join(texts), "the texts do speak of contacts"
    for text in [*texts, *(record.getMessage() for record in caplog.records)]:
        assert_clean(text)

    files = [path for path in desk.folder.rglob("*") if path.is_file() and path != desk.server_database]
    assert desk.state in files
    for path in files:
        assert not [key for key in KEYS if key.encode() in path.read_bytes()], path
    tables = desk.query("select table_name from duckdb_tables() where schema_name = 'push'")
    assert {"answers", "runs"} <= {table for (table,) in tables}
    for (table,) in tables:
        assert_clean(repr(desk.query(f"select * from push.{table}")), emails=False)
    messages = repr(desk.query("select reason from push.rejections union all select message from push.runs"))
    assert "***@" in messages
    assert_clean(messages)
