"""One dbt build, unit tests included, of a shop that has a default store view and nothing else.

Every model, unit test and data test must stand a shop without orders, customers and products: a merchant's first
night may look like that.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from loaders.build import dbt_environment
from loaders.paths import Warehouse
from tests.smallest_shop import create

DBT = Path(sys.executable).with_name("dbt")


# What an analyst may change besides the as-of date: each to something else than its default.
OTHER_VARS = {
    "as_of_date": "2026-11-23",
    "store_timezone": "Pacific/Auckland",
    "list_separator": " | ",
    "list_max_length": 50,
    "rfm_period_days": 200,
    "start_date": "2026-06-01",
    "reporting_currency": "USD",
    "brand_attribute": "brand",
    "gender_labels": {1: "M"},
}


def run_dbt(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run dbt on the shop in `folder` and give its results; fails when it fails."""
    house = Warehouse(folder / "warehouse.duckdb")
    command = [str(DBT), "--quiet", "--no-use-colors", *arguments]
    done = subprocess.run(command, env=dbt_environment(house), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    found: list[dict[str, Any]] = json.loads((house.dbt_target / "run_results.json").read_text())["results"]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty_shop")
    create(folder / "warehouse.duckdb")
    return folder


@pytest.fixture(scope="module")
def results(folder: Path) -> list[dict[str, Any]]:
    return run_dbt(folder, "build", "--vars", "{as_of_date: 2026-11-23}")


def test_everything_is_built_and_every_test_passes(results: list[dict[str, Any]]) -> None:
    not_green = {node["unique_id"]: node["status"] for node in results if node["status"] not in ("success", "pass")}
    assert not [name for name in not_green if not name.startswith("exposure.")]


def test_the_unit_tests_hold_whatever_the_vars_say(results: list[dict[str, Any]], folder: Path) -> None:
    """`make build` runs them: an analyst who changes a var, as the README says, must not be stopped by them."""
    unit_tests = [node["unique_id"] for node in results if node["unique_id"].startswith("unit_test.")]
    found = run_dbt(folder, "test", "--select", "test_type:unit", "--vars", json.dumps(OTHER_VARS))
    assert {node["unique_id"]: node["status"] for node in found} == dict.fromkeys(unit_tests, "pass")


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
