"""The dbt source describes exactly the raw tables and columns that the loader declares."""

import re
from pathlib import Path
from typing import Any

import yaml

from loaders.magento.schema import all_columns
from loaders.magento.tables import TABLES

PROJECT = Path(__file__).resolve().parents[3]
SOURCES = PROJECT / "models" / "staging" / "magento" / "_magento__sources.yml"


def source_tables() -> dict[str, dict[str, Any]]:
    (source,) = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    assert source["schema"] == "raw"
    return {table["name"]: table for table in source["tables"]}


def test_every_raw_table_is_a_source_table_and_the_other_way_round() -> None:
    assert source_tables().keys() == TABLES.keys()


def test_each_column_is_there_in_the_same_order() -> None:
    documented = {name: [column["name"] for column in table["columns"]] for name, table in source_tables().items()}
    assert documented == {name: [column.name for column in all_columns(table)] for name, table in TABLES.items()}


def test_what_a_row_keeps_of_a_list_is_what_staging_reads_of_it() -> None:
    models = [path.read_text(encoding="utf-8") for path in SOURCES.parent.glob("*.sql")]
    for table in TABLES.values():
        for column in (one for one in table.columns if one.fields):
            (sql,) = [one for one in models if f"'{table.name}'" in one and f"list='{column.name}'" in one]
            assert re.findall(r"^ +'([\w.]+)': '", sql, re.MULTILINE) == list(column.fields), (table.name, column.name)
