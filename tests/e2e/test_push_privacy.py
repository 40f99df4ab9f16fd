"""Keys are nowhere but in the settings; e-mails of customers are masked wherever people read."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.push.harness import API_KEY, PROFILE_KEY, Desk, people
from benchmarks.push.published import AS_OF, Given

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


def command_lines(process: int) -> list[str]:
    """The command lines of a process and of those it started."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        if process in (int(folder.name), parent):
            found.append(line)
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_the_list_of_processes_shows_no_key_and_no_e_mail(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.publish(people(80))
    desk.fault(kind="latency", seconds=0.5)
    seen = []
    monkeypatch.setenv("EMAIL", "p1@example.com")
    for command in ("push", "preview"):
        process: Any = desk.start(command, as_of_date=None if command == "preview" else AS_OF)
        while process.poll() is None:
            seen += command_lines(process.pid)
            time.sleep(0.05)
        out, err = process.communicate()
        assert process.returncode == 0, out + err
    assert any("loaders.icommkt push" in line for line in seen)
    assert any("loaders.icommkt preview" in line for line in seen)
    for line in seen:
        assert_clean(line)
