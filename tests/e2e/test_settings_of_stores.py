"""What a store of a build of many says of itself goes before what all are told, and stops no other store."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from loaders.lake import export
from loaders.paths import Warehouse
from tests.smallest_shop import ProjectCopy

STORES = ("main", "es", "mx")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectCopy:
    """A project with three stores in its lake; each has an order of half past eleven at night, UTC."""
    monkeypatch.setenv("LAKE_PATH", str(tmp_path / "lake"))
    copy = ProjectCopy(tmp_path)
    with duckdb.connect(str(copy.warehouse)) as db:
        for store in STORES[1:]:
            db.execute(
                f"insert into raw.store_views select * replace ('{store}' as store_key) from raw.store_views limit 1"
            )
        for store in STORES:
            db.execute(
                """insert into raw.orders
                   (store_key, entity_id, created_at, state, store_id, customer_email, base_grand_total)
                   values (?, 1, '2026-11-22 23:30:00', 'complete', 1, 'ana@example.com', 10)""",
                [store],
            )
    for store in STORES:
        export(Warehouse(copy.warehouse), store, f"https://{store}.example")
    return copy


def test_a_stores_own_zone_goes_before_the_var_and_one_that_is_none_leaves_it_out(
    copy: ProjectCopy, tmp_path: Path
) -> None:
    copy.seed(
        "stores", "store_key,store_timezone,reporting_currency,start_date\nes,Europe/Madrid,,\nmx,Europe/Madird,,\n"
    )
    variables = "{as_of_date: 2026-11-23, store_timezone: America/Bogota}"
    done = copy.build("--target", "lake", variables=variables)
    assert done.returncode == 0, done.stdout
    assert "left out: mx: seeds/stores.csv has 'Europe/Madird', which is no known zone" in done.stdout
    (orders,) = (tmp_path / "lake").glob("builds/*/marts.db/fct_orders/*.parquet")
    dates = dict(duckdb.sql(f"select store_key, order_date from '{orders}'").fetchall())
    assert dates == {"main": date(2026, 11, 22), "es": date(2026, 11, 23)}


def test_a_build_that_cannot_count_says_so_and_leaves_nothing(copy: ProjectCopy, tmp_path: Path) -> None:
    done = copy.build("--target", "lake", "--select", "stg_magento__orders")
    said = "error: a lake's stores are built and tested whole, without --exclude-resource-type unit_test --select stg"
    assert (done.returncode, done.stdout.startswith(said)) == (1, True)
    copy.seed("icommkt_profiles", "website_id,profile_setting\n1,AR\n")
    done = copy.build("--target", "lake")
    assert "error: seeds/icommkt_profiles.csv goes by website, and every store has a website 1" in done.stdout
    assert not list((tmp_path / "lake").glob("builds/*"))
    assert not (tmp_path / "warehouse.work" / "lake").exists()
