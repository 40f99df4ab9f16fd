"""Raw tables of a shop that has a default store view and nothing else."""

from pathlib import Path

import duckdb

from loaders.magento.tables import TABLES, create_statement


def create(path: Path) -> None:
    """Make a warehouse at `path` that holds such a shop."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw")
        for table in TABLES.values():
            connection.execute(create_statement(table))
        connection.execute(
            "insert into raw.store_views (store_key, id, timezone, base_currency_code, is_default) "
            "values ('main', 1, 'America/Argentina/Buenos_Aires', 'ARS', true)"
        )
