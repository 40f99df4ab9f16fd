"""Publishing copies the marts' file, writes its views out, and leaves the file before it alone until all is done."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from loaders.build import make_ready
from loaders.data_tests import DataTest, rows_found
from loaders.errors import PipelineError
from loaders.paths import Warehouse
from loaders.publish import About, publish
from loaders.warehouse import STORAGE_VERSION

DAY = dt.date(2026, 11, 23)


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    """A warehouse with one mart, and a view of it."""
    house = Warehouse(tmp_path / "warehouse.duckdb")
    house.make_folders()
    with duckdb.connect(str(house.path)) as db:
        db.execute("create schema raw; create schema seeds")
        db.execute(
            "create table raw.orders as select 1 as id, null::timestamp as _deleted_at union all select 2, now()"
        )
        for seed in ("icommkt_fields", "icommkt_profiles", "excluded_emails", "stores"):
            db.execute(f"create table seeds.{seed} as select 'x' as word")
        db.execute(f"attach '{house.marts}' as mart_file (storage_version '{STORAGE_VERSION}')")
        db.execute("create schema mart_file.marts")
        db.execute("create table mart_file.marts.icommkt_contacts as select 'ana@example.com' as email")
        db.execute(
            """create view mart_file.marts.icommkt_payloads as
               select email, repeat(word, 3) as custom_fields
               from (select *, 'x' as word from mart_file.marts.icommkt_contacts)"""
        )
        db.execute("comment on table mart_file.marts.icommkt_contacts is 'who'")
        db.execute("comment on view mart_file.marts.icommkt_payloads is 'what is sent'")
        db.execute("comment on column mart_file.marts.icommkt_payloads.custom_fields is 'it''s JSON'")
    return house


def test_readers_get_tables_and_views_with_their_descriptions(house: Warehouse) -> None:
    published = publish(house, DAY, "UTC", is_tested=True)
    assert published.row_counts == {"icommkt_contacts": 1, "icommkt_payloads": 1}
    assert publish(house, DAY, "UTC", is_tested=True).row_counts == published.row_counts, "the marts stay as they are"
    with duckdb.connect(str(house.published), read_only=True) as db:
        assert db.execute("from marts.icommkt_payloads").fetchall() == [("ana@example.com", "xxx")]
        tables = db.execute(
            "select schema_name || '.' || table_name, comment from duckdb_tables() union all"
            " select schema_name || '.' || view_name, comment from duckdb_views() where not internal order by 1"
        ).fetchall()
        assert tables == [
            ("marts.icommkt_contacts", "who"),
            ("marts.icommkt_payloads", "what is sent"),
            ("meta.build", None),
            ("meta.row_counts", None),
            ("meta.test_results", None),
            ("seeds.icommkt_fields", None),
            ("seeds.icommkt_profiles", None),
        ]
        columns = db.execute("select column_name, comment from duckdb_columns() where comment is not null").fetchall()
        assert columns == [("custom_fields", "it's JSON")]
        assert db.execute("select row_count from meta.row_counts where layer = 'raw'").fetchall() == [(1,)]
        assert db.execute("select as_of_date from meta.build").fetchall() == [(DAY,)]


def test_the_file_tells_what_tests_found_how_old_raw_tables_are_and_what_was_not_read(house: Warehouse) -> None:
    loaded_at = dt.datetime(2026, 11, 23, 4)
    with duckdb.connect(str(house.path)) as db:
        db.execute(
            "create table raw.load_times as select 'orders' as table_name, ?::timestamp as finished_at", [loaded_at]
        )
        db.execute("create table raw.quarantine as select 'orders' as table_name from range(3)")
    warned = DataTest("methods_are_known", "payment_methods", "warn", 12, ({"method": "Ñ", "orders": 2, "note": None},))
    publish(house, DAY, "UTC", is_tested=True, about=About("ARS", "es_AR", (warned,)))
    with duckdb.connect(str(house.published), read_only=True) as db:
        assert db.execute("select reporting_currency, store_locale from meta.build").fetchall() == [("ARS", "es_AR")]
        assert db.execute("from meta.row_counts where layer <> 'marts'").fetchall() == [
            ("raw", "orders", 1, loaded_at),
            ("quarantine", "orders", 3, None),
        ]
        assert db.execute(
            "select test, seed, status, failures, rows ->> '$[0].method' from meta.test_results"
        ).fetchall() == [("methods_are_known", "payment_methods", "warn", 12, "Ñ")]
    where = "seeds/payment_methods.csv, methods_are_known"
    assert rows_found([warned]) == [f"{where}: method Ñ, orders 2", f"{where}: and 11 more"]


def test_what_cannot_be_published_leaves_the_file_before_it(house: Warehouse) -> None:
    before = publish(house, DAY, "UTC", is_tested=True)
    with duckdb.connect(str(house.path)) as db:
        db.execute(f"attach '{house.marts}' as mart_file")
        db.execute("create view mart_file.marts.of_seeds as from warehouse.seeds.icommkt_fields")
    with pytest.raises(duckdb.Error):
        publish(house, DAY, "UTC", is_tested=True)
    with duckdb.connect(str(house.published), read_only=True) as db:
        assert db.execute("select build_id from meta.build").fetchall() == [(before.build_id,)]
    assert not list(house.published.parent.glob(".published*"))


def test_marts_that_a_former_version_kept_in_the_warehouse_go(house: Warehouse) -> None:
    with duckdb.connect(str(house.path)) as db:
        db.execute("create schema marts; create table marts.fct_purchases as select 1 as order_id")
    make_ready(house)
    with duckdb.connect(str(house.path), read_only=True) as db:
        found = db.execute("select distinct schema_name from duckdb_tables() order by 1").fetchall()
    assert found == [("raw",), ("seeds",)]


def test_a_build_says_what_is_in_its_way(house: Warehouse) -> None:
    script = f"import duckdb; db = duckdb.connect({str(house.marts)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(PipelineError, match=r"warehouse\.marts\.duckdb is open in another program"):
            make_ready(house)
        holder.communicate("\n")
