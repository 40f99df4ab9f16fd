"""Clocks that are wrong: nothing is remembered as of a moment that is still to come, and nothing is lost by one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from benchmarks.load.desk import differences, house, quick, served
from demo.environment import DEMO_KEY
from demo.magento.generate import create
from demo.serving import serving
from tests.e2e.conftest import FIRST_DAY, Pipeline
from tests.e2e.shop import Shop, raw

MONTH = timedelta(days=30)
MARKS = (("load_cursors", "loaded_from"), ("load_rereads", "reread_at"))


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick():
        yield


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def marks(path: Path) -> list[datetime]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return [
            at for name, column in MARKS for (at,) in connection.execute(f"select {column} from raw.{name}").fetchall()
        ]


def set_clock(url: str, ahead: timedelta | None) -> None:
    """Have the store's `Date` be ahead of our clock, not of its own; None: it is right again."""
    shown = datetime.fromisoformat(requests.get(f"{url}/demo/settings", timeout=30).json()["now"])
    seconds = (now() + ahead - shown).total_seconds() if ahead else 0.0
    requests.post(f"{url}/demo/settings", json={"clock_ahead": seconds}, timeout=30).raise_for_status()


def test_a_store_whose_clock_is_a_month_ahead_for_one_night_loses_nothing(tmp_path: Path) -> None:
    """Whole nights; ICOMMKT ends with what one that has seen the last night alone would hold."""
    create(tmp_path / "magento.sqlite", customers=30, orders=80)
    with (
        serving("demo.magento", database=tmp_path / "magento.sqlite") as shop,
        serving("demo.icommkt", database=tmp_path / "nights.sqlite", options=["--api-key", DEMO_KEY]) as held,
        serving("demo.icommkt", database=tmp_path / "fresh.sqlite", options=["--api-key", DEMO_KEY]) as fresh,
    ):
        nights = Pipeline(tmp_path / "nights", shop, held)
        for number in range(2):
            if number:
                requests.post(f"{shop}/demo/advance", json={"days": 1, "silent": True}, timeout=120).raise_for_status()
            day = f"{{as_of_date: {FIRST_DAY + timedelta(days=number)}}}"
            set_clock(shop, MONTH if number == 0 else None)
            # Silent changes of older orders, too, are looked for each night.
            done = nights.run("loaders.daily", "--vars", day, SOURCES__MAGENTO__REREAD_ORDER_DAYS="4000")
            assert done.returncode == 0, done.stdout
            if number == 0:
                assert done.stdout.count("the store's clock says ") == 1
                assert max(marks(nights.warehouse)) <= now()
        done = Pipeline(tmp_path / "fresh", shop, fresh).run("loaders.daily", "--vars", day)
        assert done.returncode == 0, done.stdout
        expected = contacts(fresh)
        assert len(expected) > 30
        assert {email: fields for email, fields in contacts(held).items() if email in expected} == expected


def contacts(url: str) -> dict[str, Any]:
    held = requests.get(f"{url}/demo/contacts", timeout=60).json()
    return {one["Email"]: one["CustomFields"] for one in held}


def test_a_cursor_in_the_future_is_put_right_and_what_it_missed_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a version before this one left it: it had taken the clock of a store that was ahead."""
    create(tmp_path / "store.sqlite", customers=60, orders=300)
    folder, shop = tmp_path / "warehouse", Shop(tmp_path / "store.sqlite")
    with served(tmp_path / "store.sqlite") as desk:
        desk.load(folder)
        with duckdb.connect(str(house(folder).path)) as connection:
            for name, column in MARKS:
                connection.execute(f"update raw.{name} set {column} = ?", [now() + MONTH])
        # It changed while nobody looked, and long before the newest row that the warehouse has.
        shop.edit("orders", 30, lambda doc: doc.update(coupon_code="TARDE", updated_at="2026-11-01 00:00:00"))
        shop.sql("update orders set updated_at = '2026-11-01 00:00:00' where entity_id = 30")
        capsys.readouterr()
        assert desk.load(folder).errors == []
        said = capsys.readouterr().out
        assert raw(folder, "coupon_code", "orders", "entity_id = 30") == ("TARDE",)
        assert said.count("orders: the last load is dated ") == 1
        assert max(marks(house(folder).path)) <= now()
        desk.advance(1)
        desk.load(folder)
        assert "which is still to come" not in capsys.readouterr().out
        shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
        desk.load(tmp_path / "fresh")
        assert differences(folder, tmp_path / "fresh") == {}
