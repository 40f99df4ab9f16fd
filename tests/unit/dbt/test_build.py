"""One dbt build, unit tests included, of a shop that has a default store view and nothing else.

Every model, unit test and data test must stand a shop without orders, customers and products: a merchant's first
night may look like that.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.magento.tables import TABLES, create_statement

PROJECT = Path(__file__).resolve().parents[3]
DBT = Path(sys.executable).with_name("dbt")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("empty_shop")
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw")
        for table in TABLES.values():
            connection.execute(create_statement(table))
        connection.execute(
            "insert into raw.store_views (store_key, id, timezone, base_currency_code, is_default) "
            "values ('main', 1, 'America/Argentina/Buenos_Aires', 'ARS', true)"
        )
    environment = {
        **os.environ,
        "WAREHOUSE_PATH": str(warehouse),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [str(DBT), "--quiet", "--no-use-colors", "build", "--vars", "{as_of_date: 2026-11-23}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    found: list[dict[str, Any]] = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    return found


def test_everything_is_built_and_every_test_passes(results: list[dict[str, Any]]) -> None:
    not_green = {node["unique_id"]: node["status"] for node in results if node["status"] not in ("success", "pass")}
    assert not [name for name in not_green if not name.startswith("exposure.")]


def test_the_rules_have_unit_tests(results: list[dict[str, Any]]) -> None:
    """So that a model cannot lose its unit tests unseen."""
    tests = Counter(node["unique_id"].split(".")[2] for node in results if node["unique_id"].startswith("unit_test."))
    must_have = {
        "int_orders_assessed",
        "int_order_lines_kept",
        "int_emails_checked",
        "int_purchases_aggregated_to_contacts",
        "dim_contacts",
        "fct_purchases",
        "rfm_window_scores",
        "rfm_contacts",
        "icommkt_contacts",
        "icommkt_payloads",
    }
    assert must_have <= tests.keys()
