"""Exports in the lake, here one that is no folder: which count, which stay, what is said of those that are left out."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loaders.errors import PipelineError, SettingsError
from loaders.lake import LATEST, Lake, export, fetch, lake, new_name
from loaders.lake_build import stores_blamed
from loaders.magento.tables import TABLES
from loaders.paths import Warehouse
from tests import smallest_shop

SHOP = "https://one.example"
OLDEST = timedelta(hours=48)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setenv("LAKE_PATH", f"memory://{tmp_path.name}")
    house = Warehouse(tmp_path / "warehouse.duckdb")
    house.make_folders()
    smallest_shop.create(house.path, "main", "other")
    return house


def changed(lake: Lake, folder: str, **about: Any) -> None:
    """Have other things be said of what counts."""
    text = json.dumps({**lake.latest(folder), **about}).encode()
    lake.files.pipe_file(f"{lake.root}/{folder}/{LATEST}", text)


def test_the_newest_export_counts_and_what_may_be_read_stays(house: Warehouse) -> None:
    old = new_name(timedelta(days=9))
    target = lake()
    target.files.pipe_file(f"{target.root}/raw/main/{old}/orders.parquet", b"")
    made = []
    for _ in range(3):
        export(house, "main", SHOP)
        made.append(target.latest("raw/main")["name"])
    good, bad = target.stores(OLDEST)
    assert ({store: about["name"] for store, about in good.items()}, bad) == ({"main": made[2]}, {})
    found = target.files.ls(f"{target.root}/raw/main", detail=True)
    assert {one["name"].rsplit("/", 1)[1] for one in found if one["type"] == "directory"} == set(made)
    names = {one.rsplit("/", 1)[1] for one in target.files.ls(f"{target.root}/raw/main/{made[2]}", detail=False)}
    assert names == {f"{table}.parquet" for table in TABLES}
    assert not list(house.work.glob("export*"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"bytes": {"orders": 1}}, "its export is not whole (orders); run make export"),
        ({"form": "former"}, "it was exported by another version of the project; run make load export"),
        ({"name": "20260101T000000000000"}, "its last export is of 20260101; see why its loads fail"),
        (None, "it was never exported to the end; run make export"),
    ],
)
def test_a_store_that_cannot_be_built_is_named_and_no_other(
    house: Warehouse, spoil: dict[str, Any] | None, said: str
) -> None:
    export(house, "main", SHOP)
    export(house, "other", SHOP)
    if spoil is None:
        lake().files.pipe_file(f"{lake().root}/raw/other/{LATEST}", b"{")
    else:
        changed(lake(), "raw/other", **spoil)
    good, bad = lake().stores(OLDEST)
    assert list(good) == ["main"]
    assert bad["other"].startswith(said)


def test_two_shops_do_not_share_a_key(house: Warehouse) -> None:
    export(house, "main", SHOP)
    with pytest.raises(PipelineError, match=f"the store main of the lake is the shop {SHOP}, not https://two.example"):
        export(house, "main", "https://two.example")
    export(house, "main", f"{SHOP}:8443/")
    target = lake()
    target.files.makedirs(f"{target.root}/builds", exist_ok=True)
    target.count("builds", newest := new_name(), {"stores": {"main": SHOP}})
    with pytest.raises(PipelineError, match="give each shop a SOURCES__MAGENTO__STORE_KEY of its own"):
        fetch(house, "main", "https://two.example")
    with pytest.raises(PipelineError, match="has no store other"):
        fetch(house, "other", SHOP)
    with pytest.raises(PipelineError, match="made by other models, macros or seeds"):
        fetch(house, "main", SHOP)
    with pytest.raises(PipelineError, match=r"a newer one than .* counts in .*/builds by now"):
        target.count("builds", new_name(timedelta(hours=1)), {"stores": {}})
    assert target.latest("builds") == {"name": newest, "stores": {"main": SHOP}}


def test_a_store_that_was_not_loaded_is_not_exported(house: Warehouse) -> None:
    with pytest.raises(PipelineError, match="has nothing of a store third"):
        export(house, "third", SHOP)
    assert lake().stores(OLDEST) == ({}, {})


@pytest.mark.parametrize("key", ["..", "a/b", "a b", "a]b", "{a,b}", ""])
def test_a_key_that_is_no_name_is_refused(house: Warehouse, key: str) -> None:
    with pytest.raises(SettingsError, match="SOURCES__MAGENTO__STORE_KEY is"):
        export(house, key, SHOP)


@pytest.mark.parametrize("path", [" ", "/lake/{a}", "s3://key:secret@bucket/lake", "/it's"])
def test_a_path_that_cannot_be_is_refused(house: Warehouse, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("LAKE_PATH", path)
    with pytest.raises(SettingsError, match=r"^LAKE_PATH") as raised:
        lake()
    assert "secret" not in str(raised.value)


def test_the_stores_that_stop_a_build_are_found_in_what_failed() -> None:
    rates = "Runtime Error\n  no exchange rate from BRL for 1 purchases [store_key a-b]; EUR [store_key c].\n  at org.x"
    results: list[dict[str, Any]] = [
        {"status": "error", "message": rates},
        {"status": "pass", "message": "[store_key d]"},
        {"status": "skipped", "message": None},
    ]
    assert list(stores_blamed(results)) == ["a-b", "c"]
    assert stores_blamed(results)["c"].strip().startswith("no exchange rate from BRL")
