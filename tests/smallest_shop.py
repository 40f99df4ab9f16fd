"""Raw tables of a shop that has a default store view and nothing else, and a copy of the project that builds it."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from loaders.magento.schema import create_statement
from loaders.magento.tables import TABLES
from tests.dbt_project import copy_of_project


def create(path: Path, *stores: str) -> None:
    """Make a warehouse at `path` that holds such a shop, or one of each of these store keys."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw")
        for table in TABLES.values():
            connection.execute(create_statement(table))
        for store in stores or ("main",):
            connection.execute(
                "insert into raw.store_views (store_key, id, timezone, base_currency_code, is_default) "
                "values (?, 1, 'America/Argentina/Buenos_Aires', 'ARS', true)",
                [store],
            )


class ProjectCopy:
    """A copy of the project that may be edited, with a warehouse of that shop and one account, ana@example.com."""

    def __init__(self, folder: Path) -> None:
        self.project = copy_of_project(folder / "project", "loaders", ".dlt/config.toml", "README.md")
        self.warehouse = folder / "warehouse.duckdb"
        self.environment = {"ICOMMKT__API_KEY": "x", "ICOMMKT__PROFILE_KEY": "y"}
        create(self.warehouse)
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("insert into raw.customers (store_key, id, email) values ('main', 1, 'ana@example.com')")

    def seed(self, name: str, text: str) -> None:
        """Replace a seed."""
        (self.project / f"seeds/{name}.csv").write_text(text, encoding="utf-8")

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the copy as make does, with its output captured."""
        environment = {
            **os.environ,
            "WAREHOUSE_PATH": str(self.warehouse),
            **self.environment,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def build(self, *arguments: str, variables: str = "{as_of_date: 2026-11-23}") -> subprocess.CompletedProcess[str]:
        """Build the copy, without its unit tests."""
        return self.run("loaders.build", "--vars", variables, "--exclude-resource-type", "unit_test", *arguments)
