"""Exports in the lake, here one that is no folder: which count, which stay, what is said of torn ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.errors import SettingsError
from loaders.lake import Lake, export, lake
from loaders.magento.tables import TABLES
from loaders.paths import Warehouse
from loaders.spark import stores_blamed
from tests import smallest_shop


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setenv("LAKE_PATH", f"memory://{tmp_path.name}")
    house = Warehouse(tmp_path / "warehouse.duckdb")
    house.make_folders()
    smallest_shop.create(house.path)
    return house


def folders(lake: Lake, store: str) -> list[str]:
    return sorted(
        one["name"] for one in lake.files.ls(f"{lake.root}/raw/{store}", detail=True) if "." not in one["name"]
    )


def test_the_newest_export_counts_and_the_one_before_stays(house: Warehouse) -> None:
    made = []
    for _ in range(3):
        assert export(house) == ["main"]
        made.append(f"main/{lake().latest('raw/main')['name']}")
    assert lake().stores() == ([made[2]], [])
    assert [one.partition("raw/")[2] for one in folders(lake(), "main")] == made[1:]
    names = {one.rsplit("/", 1)[1] for one in lake().files.ls(f"{lake().root}/raw/{made[2]}", detail=False)}
    assert names == {f"{table}.parquet" for table in TABLES}


def test_an_export_that_is_cut_or_was_never_ended_is_named(house: Warehouse) -> None:
    export(house)
    files, root = lake().files, lake().root
    path = f"{root}/raw/main/{lake().latest('raw/main')['name']}/orders.parquet"
    files.pipe_file(path, files.cat_file(path)[:-1])
    files.pipe_file(f"{root}/raw/other/20261129/orders.parquet", b"")
    assert lake().stores() == ([], ["main: orders", "other: nothing was exported to the end"])


def test_each_store_of_a_warehouse_has_its_own_export_whatever_its_key(house: Warehouse) -> None:
    with duckdb.connect(str(house.path)) as db:
        db.execute("insert into raw.customers (store_key, id) values ('a/{b},c', 1)")
    assert export(house) == ["a/{b},c", "main"]
    assert [one.partition("/")[0] for one in lake().stores()[0]] == ["a%2F%7Bb%7D%2Cc", "main"]


def test_without_a_lake_the_setting_is_named(house: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PATH", " ")
    with pytest.raises(SettingsError, match="LAKE_PATH is not set"):
        export(house)


def test_the_stores_that_stop_a_build_are_found_in_what_failed() -> None:
    rates = "Runtime Error\n  no exchange rate from BRL for 1 purchases [store_key a b]; EUR [store_key c].\n  at org.x"
    results: list[dict[str, Any]] = [
        {"status": "error", "message": rates},
        {"status": "pass", "message": "[store_key d]"},
        {"status": "skipped", "message": None},
    ]
    assert list(stores_blamed(results)) == ["a b", "c"]
    assert stores_blamed(results)["c"].startswith("no exchange rate from BRL")
