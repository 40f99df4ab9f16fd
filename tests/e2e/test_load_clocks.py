"""Clocks that are wrong: nothing is remembered as of a moment that is still to come, and nothing is lost by one."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from benchmarks.load.desk import differences, house, served
from demo.environment import DEMO_KEY
from demo.magento.generate import create
from demo.serving import serving
from tests.e2e.conftest import FIRST_DAY, Pipeline
from tests.e2e.shop import Shop, raw

pytestmark = pytest.mark.usefixtures("quick_retries")

MONTH = timedelta(days=30)
MARKS = (("load_cursors", "loaded_from"), ("load_rereads", "reread_at"))


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
    """Whole nights of two pipelines over one store: one sees the wrong clock, the other never does."""
    create(tmp_path / "magento.sqlite", customers=30, orders=80)
    with (
        serving("demo.magento", database=tmp_path / "magento.sqlite") as shop,
        serving("demo.icommkt", database=tmp_path / "one.sqlite", options=["--api-key", DEMO_KEY]) as one,
        serving("demo.icommkt", database=tmp_path / "other.sqlite", options=["--api-key", DEMO_KEY]) as other,
    ):
        disturbed, undisturbed = Pipeline(tmp_path / "one", shop, one), Pipeline(tmp_path / "other", shop, other)
        for number, ahead in enumerate((MONTH, None)):
            if number:
                requests.post(f"{shop}/demo/advance", json={"days": 1, "silent": True}, timeout=120).raise_for_status()
            day = f"{{as_of_date: {FIRST_DAY + timedelta(days=number)}}}"
            assert undisturbed.run("loaders.daily", "--vars", day).returncode == 0
            set_clock(shop, ahead)
            done = disturbed.run("loaders.daily", "--vars", day)
            set_clock(shop, None)
            assert done.returncode == 0, done.stdout
            if ahead:
                assert done.stdout.count("the store's clock says ") == 1
                assert max(marks(disturbed.warehouse)) <= now()
        expected = contacts(other)
        assert len(expected) > 30
        assert contacts(one) == expected


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
