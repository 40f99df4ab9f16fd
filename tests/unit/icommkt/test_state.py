"""The state file: what is true of it at any moment, and after a crash at any statement."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.icommkt import fields
from loaders.icommkt.errors import BusyError
from loaders.icommkt.plan import Item
from loaders.icommkt.state import Acknowledged, Rejection, State

DAY = dt.date(2026, 11, 23)


def opened(path: Path, **options: Any) -> State:
    return State.attach(duckdb.connect(), path, **options)


def item(name: str, payload_hash: str = "h") -> Item:
    return Item(
        store_key="main",
        email=f"{name}@example.com",
        customer_id=1,
        payload_hash=payload_hash,
        has_purchase=True,
        filled_windows=5,
        tries=0,
        was_refused=False,
        content=f'[{{"Key":"nombre","Value":"{name} {payload_hash}"}}]'.encode(),
        is_list=True,
        content_hash="c",
    )


def acknowledge(state: State, *items: Item, run_id: int = 1, keep: bool = True) -> None:
    contents = fields.pack([one.content for one in items]) if keep else None
    state.record(run_id, "profile", "key", DAY, [Acknowledged(items, ["A"] * len(items), contents)], [], [])


def held(state: State) -> dict[str, str]:
    rows = state.db.execute("select email, payload_hash from state.push.acknowledgements").fetchall()
    assert len(rows) == len({row[0] for row in rows}), "one row for each contact"
    return {email.partition("@")[0]: payload_hash for email, payload_hash in rows}


def contents(state: State) -> dict[str, str]:
    rows = state.db.execute(
        "select email, content_id, content_index from state.push.acknowledgements where content_id is not null"
    ).fetchall()
    unpacked = state.contents([row[1] for row in rows])
    return {email.partition("@")[0]: unpacked[content_id][index]["nombre"] for email, content_id, index in rows}


@pytest.mark.parametrize("share", [0.0, 1e9])
def test_the_latest_acknowledgement_counts_folded_or_not(tmp_path: Path, share: float) -> None:
    state = opened(tmp_path / "s.duckdb")
    acknowledge(state, item("a"), item("b"))
    acknowledge(state, item("b", "h2"))
    state.fold(at_share=share)
    acknowledge(state, item("c"), item("a", "h3"), run_id=2)
    acknowledge(state, item("a", "h4"), run_id=2)
    state.fold(at_share=share)
    assert held(state) == {"a": "h4", "b": "h2", "c": "h"}
    assert contents(state) == {"a": "a h4", "b": "b h2", "c": "c h"}
    logged = state.db.execute("select count(*) from state.push.acknowledged_log").fetchone()
    assert logged == ((0,) if share == 0 else (3,))


def test_folding_drops_contents_that_nothing_refers_to(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    acknowledge(state, item("a"))
    state.fold(at_share=0)
    acknowledge(state, item("a", "h2"), run_id=2)
    state.fold(at_share=0)
    assert state.db.execute("select count(*) from state.push.contents").fetchone() == (1,)
    assert contents(state) == {"a": "a h2"}


def test_an_unfolded_log_outlives_the_process_and_is_continued(tmp_path: Path) -> None:
    first = opened(tmp_path / "s.duckdb")
    acknowledge(first, item("a"), item("b"))
    first.db.close()
    reader = opened(tmp_path / "s.duckdb", read_only=True)
    assert held(reader) == {"a": "h", "b": "h"}
    reader.db.close()
    second = opened(tmp_path / "s.duckdb")
    acknowledge(second, item("a", "h2"), run_id=2)
    assert held(second) == {"a": "h2", "b": "h"}
    assert contents(second) == {"a": "a h2", "b": "b h"}


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    broken = Rejection("main", "x@example.com", "h", False, "1", "r", 1, "not a date")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="converted"):
        state.record(1, "profile", "key", DAY, [Acknowledged([item("a")], ["A"], None)], [broken], [])
    assert held(state) == {}
    acknowledge(state, item("b"))
    assert held(state) == {"b": "h"}


def test_forgetting_a_contact_folded_or_not_and_in_its_profile_alone(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    acknowledge(state, item("a"), item("b"))
    state.fold(at_share=0)
    acknowledge(state, item("b", "h2"), item("c"))
    state.forget("profile", [("main", "a@example.com"), ("main", "b@example.com")])
    state.forget("other profile", [("main", "c@example.com")])
    assert held(state) == {"c": "h"}


def test_an_acknowledgement_ends_a_rejection(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    refused = [Rejection("main", f"{name}@example.com", "h", False, "9", "why", 1, DAY) for name in "ab"]
    state.record(1, "profile", "key", DAY, [], refused, [])
    state.record(1, "profile", "key", DAY, [Acknowledged([item("a")], ["A"], None)], [], [("main", "a@example.com")])
    assert state.db.execute("select email from state.push.rejections").fetchall() == [("b@example.com",)]


def test_a_learned_batch_size_holds_until_another_is_configured_or_it_is_old(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    assert state.batch_limit("p", 100, 30) == 100
    state.learn_batch_limit("p", 25, 100)
    assert state.batch_limit("p", 100, 30) == 25
    assert state.batch_limit("q", 100, 30) == 100
    assert state.batch_limit("p", 50, 30) == 50
    assert state.batch_limit("p", 100, 0) == 100


def test_a_run_that_never_ended_is_marked_by_the_next(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    state.begin_run(profile="p", planned=5)
    second = state.begin_run(profile="p", command="push", planned=6, fields='["a"]', raw_rows='{"orders": 3}')
    assert state.last_run("p") is None
    state.end_run(second, "succeeded", acknowledged=6)
    rows = state.db.execute("select status from state.push.runs order by run_id").fetchall()
    assert rows == [("crashed",), ("succeeded",)]
    last = state.last_run("p")
    assert last is not None
    assert (last["acknowledged"], last["fields"], last["raw_rows"]) == (6, ["a"], {"orders": 3})


def test_a_repair_is_not_the_last_push(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    for command, planned in (("push", 5), ("repair", 1)):
        state.end_run(state.begin_run(profile="p", command=command, planned=planned), "succeeded")
    last = state.last_run("p")
    assert last is not None
    assert last["planned"] == 5


def test_a_state_file_in_use_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    script = f"import duckdb; db = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(BusyError, match="in use"):
        opened(path)
    holder.communicate("\n")
