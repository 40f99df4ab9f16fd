"""A warehouse in which lists had raw tables of their own: the store is read once more, and nothing known is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from benchmarks.load.desk import differences, house, living, served
from loaders.build import check_whole
from loaders.magento.former import CHILDREN
from loaders.magento.tables import TABLES

FORGOTTEN = 999_999
"""A product that the store has deleted since: raw alone knows its category."""


def as_of_before(folder: Path) -> None:
    """Give a warehouse the former form, with a product that the store does not have any more."""
    with duckdb.connect(str(house(folder).path)) as db:
        db.execute(
            f"""insert into raw.products by name select * replace ({FORGOTTEN} as id) from raw.products
                where json_array_length(category_links) > 1 order by id limit 1"""
        )
        for (table, column), (child, parent) in CHILDREN.items():
            (fields,) = (one.fields for one in TABLES[table].columns if one.name == column)
            read = ", ".join(f"""line ->> '$.{name}' as "{name.rpartition(".")[2]}\"""" for name in fields)
            db.execute(
                f"""create table raw.{child} as select store_key, "{TABLES[table].key}" as {parent}, {read},
                        '1' as _dlt_load_id
                    from (select *, unnest(from_json({column}, '["JSON"]')) as line from raw.{table})"""
            )
        for table in TABLES:
            for column in (*(column for one, column in CHILDREN if one == table), "_unreadable", "_row_hash"):
                db.execute(f"alter table raw.{table} drop column {column}")
            db.execute(f"alter table raw.{table} add column _dlt_load_id varchar default '1'")
        db.execute("drop view raw.quarantine; create table raw.quarantine (reason varchar)")
        db.execute("create table raw.load_cursors as select now() as cursor")


def test_it_is_read_again_once_and_keeps_what_the_store_has_forgotten(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    with served(store) as desk:
        desk.load(fresh)
        shutil.copytree(fresh, kept)
        as_of_before(kept)
        desk.faults({"kind": "500", "match": {"path_regex": "/V1/orders"}})
        assert desk.load(kept).failed == ["orders"]
        assert "the raw tables have a new form" in capsys.readouterr().out
        check_whole(house(kept))
        assert len(living(kept, "orders")) == len(living(fresh, "orders")), "those that were known"
        desk.faults()
        assert desk.load(kept).errors == []
        assert "new form" not in capsys.readouterr().out
    assert differences(kept, fresh) == {}
    with duckdb.connect(str(house(kept).path), read_only=True) as db:
        ((is_deleted, links),) = db.execute(
            "select _deleted_at is not null, json_array_length(category_links) from raw.products where id = ?",
            [FORGOTTEN],
        ).fetchall()
        assert (is_deleted, links > 1) == (True, True)
        tables = {
            row[0] for row in db.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
        }
    assert not {name for name in tables if name.startswith("former_")} | tables & {"load_cursors", "order_items"}
