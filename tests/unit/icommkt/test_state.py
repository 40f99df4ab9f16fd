"""The state file: what is true of it at any moment, and after a crash at any statement."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.icommkt.errors import BusyError
from loaders.icommkt.state import Answer, State

DAY = dt.date(2026, 11, 23)


def opened(path: Path, *, read_only: bool = False) -> State:
    return State(duckdb.connect(), path, read_only=read_only)


def record(state: State, run_id: int, profile: str = "profile", **outcomes: str) -> None:
    """Write down what became of contacts by their names: `refused`, `removed`, or the hash that was accepted."""
    answers = [
        Answer("main", f"{name}@example.com", what if what in ("refused", "removed") else "accepted", what)
        for name, what in outcomes.items()
    ]
    state.record(run_id, profile, "key", DAY, answers)


def names(state: State, view: str, column: str = "payload_hash") -> dict[str, Any]:
    rows = state.db.execute(f"select email, {column} from state.push.{view} where profile = 'profile'").fetchall()
    assert len(rows) == len({row[0] for row in rows}), "one row for each contact"
    return {email.partition("@")[0]: value for email, value in rows}


def compact(state: State) -> None:
    state._written = 1_000
    state.compact()


@pytest.mark.parametrize("compacted", [False, True])
def test_the_latest_answer_counts_compacted_or_not(tmp_path: Path, compacted: bool) -> None:
    state = opened(tmp_path / "s.duckdb")
    record(state, 1, a="h", b="h", c="h", d="h")
    record(state, 1, profile="other", a="h9", b="h9")
    record(state, 2, b="h2", c="refused", d="removed", e="refused")
    record(state, 2, profile="other", a="removed")
    if compacted:
        compact(state)
    assert names(state, "acknowledgements") == {"a": "h", "b": "h2", "c": "h"}, "a refusal forgets nothing"
    assert set(names(state, "rejections")) == {"c", "e"}
    record(state, 3, c="h3", d="h4")
    if compacted:
        compact(state)
    assert names(state, "acknowledgements") == {"a": "h", "b": "h2", "c": "h3", "d": "h4"}
    assert set(names(state, "rejections")) == {"e"}, "an acknowledgement ends a rejection"
    rows = state.number("select count(*) from state.push.answers")
    assert rows == (6 if compacted else 13)


def test_answers_outlive_the_process_and_are_read_without_writing(tmp_path: Path) -> None:
    first = opened(tmp_path / "s.duckdb")
    record(first, 1, a="h", b="h")
    first.db.close()
    reader = opened(tmp_path / "s.duckdb", read_only=True)
    assert names(reader, "acknowledgements") == {"a": "h", "b": "h"}
    reader.db.close()
    second = opened(tmp_path / "s.duckdb")
    record(second, 2, a="h2")
    assert names(second, "acknowledgements") == {"a": "h2", "b": "h"}


def test_a_statement_that_fails_leaves_nothing(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    broken = Answer("main", "x@example.com", "refused", next_try="not a date")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="converted"):
        state.record(1, "profile", "key", DAY, [Answer("main", "a@example.com", "accepted", "h"), broken])
    assert names(state, "acknowledgements") == {}


def test_a_learned_batch_size_holds_until_another_is_configured_or_it_is_old(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    assert state.batch_limit("p", 100, 30) == 100
    run = state.begin_run(profile="p", batch_size=100)
    state.end_run(run, status="succeeded", learned_size=25)
    state.end_run(state.begin_run(profile="p", batch_size=100), status="succeeded")
    assert state.batch_limit("p", 100, 30) == 25
    assert state.batch_limit("q", 100, 30) == 100
    assert state.batch_limit("p", 50, 30) == 50
    assert state.batch_limit("p", 100, 0) == 100


def test_a_run_that_never_ended_is_marked_by_the_next(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    state.begin_run(profile="p", planned=5)
    second = state.begin_run(profile="p", command="push", planned=6, fields='["a"]', raw_rows='{"orders": 3}')
    assert state.last_run("p") is None
    state.end_run(second, status="succeeded", acknowledged=6)
    rows = state.db.execute("select status from state.push.runs order by run_id").fetchall()
    assert rows == [("crashed",), ("succeeded",)]
    last = state.last_run("p")
    assert last is not None
    assert (last["acknowledged"], last["fields"], last["raw_rows"]) == (6, ["a"], {"orders": 3})


def test_a_repair_is_not_the_last_push(tmp_path: Path) -> None:
    state = opened(tmp_path / "s.duckdb")
    for command, planned in (("push", 5), ("repair", 1)):
        state.end_run(state.begin_run(profile="p", command=command, planned=planned), status="succeeded")
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
