"""What is written down of a night: nothing private, nothing for ever, and nothing where there is no warehouse yet."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from loaders import nights
from loaders.dates import utc_now
from loaders.icommkt.state import State
from loaders.paths import Warehouse, locked
from loaders.text import keep_secret


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    house = Warehouse(tmp_path / "data" / "shop.duckdb")
    house.make_folders()
    return house


def test_a_log_says_what_the_terminal_did_without_addresses_keys_and_bars(
    house: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_secret("the-key-of-the-shop")

    def load() -> None:
        with nights.step(house, "load"):
            print("  orders    5 of ana@example.com, the-key-of-the-shop")
            print("\r\x1b[2K  orders ━━━━ 5/20 rows\r\x1b[2Kthe shop is busy\x1b[0m")
            raise ValueError("ana@example.com is odd")

    with pytest.raises(ValueError, match="ana@"):
        load()
    assert "ana@example.com, the-key" in capsys.readouterr().out
    (log,) = house.logs.glob("night-*.log")
    first, *lines = log.read_text().splitlines()
    assert first.endswith(log.stem.removeprefix("night-"))
    assert lines == [
        "  orders    5 of a***@example.com, <key>",
        "the shop is busy",
        "error: ValueError: a***@example.com is odd",
    ]
    (one,) = nights.last(house)
    assert (one.status, one.why, one.steps[0].step) == ("failed", "ValueError: a***@example.com is odd", "load")


def test_a_night_that_was_interrupted_is_no_failure(house: Warehouse) -> None:
    with pytest.raises(KeyboardInterrupt), nights.step(house, "load"):
        raise KeyboardInterrupt
    assert [one.status for one in nights.last(house)] == ["interrupted"]


def test_a_night_before_the_first_push_is_kept_in_the_state_that_a_build_made(house: Warehouse) -> None:
    duckdb.connect(str(house.state)).close()
    with nights.step(house, "build"):
        pass
    with duckdb.connect(str(house.state)) as db:
        assert db.execute("select command from push.night_steps").fetchall() == [("build",)]


def test_what_is_old_goes_and_the_last_good_push_stays(house: Warehouse) -> None:
    with duckdb.connect() as db:
        state = State(db, house.state, read_only=False)
        for status in ("succeeded", "succeeded", "failed"):
            state.end_run(state.begin_run(profile="p", command="push"), status=status)
        db.execute("update state.push.runs set started_at = ?", [utc_now() - timedelta(days=500)])
    with nights.step(house, "load"):
        pass
    (log,) = house.logs.glob("night-*.log")
    for path in (log, log.with_suffix(".json")):
        path.rename(path.with_name(path.name.replace(str(utc_now().year), "2020")))
    with nights.step(house, "build"):
        pass
    assert {json.loads(path.read_text())["command"] for path in house.logs.glob("night-*.json")} == {"build"}
    assert len(list(house.logs.glob("night-*.log"))) == 1
    with duckdb.connect(str(house.state)) as db:
        assert db.execute("select run_id from push.runs order by 1").fetchall() == [(2,), (3,)], (
            "numbers never come again"
        )
        assert db.execute("select command from push.night_steps order by 1").fetchall() == [("build",), ("load",)]
        db.execute(
            "update push.night_steps set started_at = ? where command = 'load'", [utc_now() - timedelta(days=401)]
        )
    with locked(house, "load"):
        nights.tidy(house)
    with duckdb.connect(str(house.state)) as db:
        assert db.execute("select command from push.night_steps").fetchall() == [("build",)]
