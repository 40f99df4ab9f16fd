"""House rules of the dbt project, read from its files: what dbt itself does not insist on."""

import itertools
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from loaders.daily import SENT_WITHOUT
from loaders.magento.tables import TABLES

PROJECT = Path(__file__).resolve().parents[3]
MODELS = PROJECT / "models"
SINGULAR = PROJECT / "tests" / "singular"
DOCS = PROJECT / "docs" / "building.md"
SQL = {path.stem: path for path in sorted(MODELS.rglob("*.sql"))}
SEEDS = {path.stem: path for path in sorted((PROJECT / "seeds").glob("*.csv"))}

# Prefixes of the names in each folder; marts are named for what they are.
PREFIXES = {"staging": ("stg_magento__",), "intermediate": ("int_",), "core": ("dim_", "fct_", "invalid_", "excluded_")}


@cache
def described(kind: str) -> dict[str, dict[str, Any]]:
    """Every `models:` or `seeds:` entry by name."""
    found: dict[str, dict[str, Any]] = {}
    for path in [*MODELS.rglob("*.yml"), *(PROJECT / "seeds").glob("*.yml")]:
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")).get(kind, []):
            assert entry["name"] not in found, f"{entry['name']} is described twice"
            found[entry["name"]] = entry
    return found


def refs(name: str) -> set[str]:
    return set(re.findall(r"\bref\('(\w+)'\)", SQL[name].read_text(encoding="utf-8")))


def sources(name: str) -> set[str]:
    return set(re.findall(r"\bsource\('magento', '(\w+)'\)", SQL[name].read_text(encoding="utf-8")))


def names_of_tests(entry: dict[str, Any]) -> set[str]:
    return {next(iter(test)) if isinstance(test, dict) else test for test in entry.get("data_tests", [])}


def test_every_file_is_described_and_every_description_has_its_file() -> None:
    assert described("models").keys() == SQL.keys()
    assert described("seeds").keys() == SEEDS.keys()


@pytest.mark.parametrize("name", SQL)
def test_a_model_says_its_grain_and_tests_its_key(name: str) -> None:
    entry = described("models")[name]
    assert entry["description"].strip().startswith("One row per")
    assert "primary_key" in names_of_tests(entry)
    assert entry["columns"]
    assert all(len(column["description"].strip()) > 2 for column in entry["columns"])


# What a contact bought is counted over the facts that analysts see, not over a second copy of them.
OVER_FACTS = {"int_buyers_versioned", "int_purchases_aggregated_to_contacts"}


def test_the_docs_say_why_each_test_stops_a_night_or_only_tells() -> None:
    def told(part: str) -> set[str]:
        _, _, table = DOCS.read_text(encoding="utf-8").partition(f"| {part} | because |\n")
        return {
            name for row in table.split("\n\n")[0].splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])
        }

    generic = {path.stem for path in (PROJECT / "macros" / "generic_tests").glob("*.sql")}
    warning = {path.stem for path in SINGULAR.glob("*.sql") if "severity='warn'" in path.read_text(encoding="utf-8")}
    stopping = {path.stem for path in SINGULAR.glob("*.sql")} - warning
    assert told("stops") == generic | {"not_null", "accepted_values", "icommkt_contacts"} | stopping
    assert told("only tells") == warning | {"purchase_cohorts"}


@pytest.mark.parametrize("name", SQL)
def test_layers_read_what_lies_below_them(name: str) -> None:
    layer = SQL[name].relative_to(MODELS).parts[0]
    if layer == "staging":
        assert sources(name)
        assert not refs(name)
    else:
        assert not sources(name), "only staging reads raw"
        assert refs(name)
    if layer == "intermediate" and name not in OVER_FACTS:
        assert not {ref for ref in refs(name) if ref in SQL and SQL[ref].relative_to(MODELS).parts[0] == "marts"}


@pytest.mark.parametrize("name", SQL)
def test_names_say_the_layer(name: str) -> None:
    parts = SQL[name].relative_to(MODELS).parts
    for folder in parts[:-1]:
        if folder in PREFIXES:
            assert name.startswith(PREFIXES[folder])


@pytest.mark.parametrize("name", SQL)
def test_models_have_the_form_of_ctes(name: str) -> None:
    text = SQL[name].read_text(encoding="utf-8")
    text = re.sub(r"{{ config\(.*?\n\) }}", "", text, flags=re.DOTALL)
    text = re.sub(r"{[#%].*?[#%]}", "", text, flags=re.DOTALL).strip()
    assert text.startswith("with\n")
    assert re.search(r"\nselect \* from \w+$", text)
    assert not re.search(r"(?:from|join)\s+(?!{{)\w+\.\w+", text), "relations come from ref() and source()"


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_pin_their_types_and_describe_their_columns(name: str) -> None:
    header = SEEDS[name].read_text(encoding="utf-8").splitlines()[0].split(",")
    entry = described("seeds")[name]
    assert list(entry["config"]["column_types"]) == header
    assert [column["name"] for column in entry["columns"]] == header


def test_every_var_is_explained() -> None:
    lines = (PROJECT / "dbt_project.yml").read_text(encoding="utf-8").splitlines()
    within = lines[lines.index("vars:") + 1 : lines.index("seeds:")]
    for before, line in itertools.pairwise(within):
        if re.match(r"  \w+:", line):
            assert "#" in line or before.lstrip().startswith("#") or re.match(r"  \w+:", before), line
    declared = set(yaml.safe_load("\n".join(lines))["vars"])
    used = {
        name
        for folder in ("models", "macros", "tests/singular")
        for path in (PROJECT / folder).rglob("*.sql")
        for name in re.findall(r"""\bvar\(["'](\w+)["']\)""", path.read_text(encoding="utf-8"))
    }
    assert used == declared


def test_daily_knows_what_the_sent_fields_are_made_of() -> None:
    """A night that could not read a table stops before the build only if something sent is made of it."""
    reached: set[str] = set()
    found: set[str] = set()
    left = [name for name in SQL if name.startswith("icommkt_")]
    while left:
        name = left.pop()
        if name in SQL and name not in reached:
            reached.add(name)
            found |= sources(name)
            left += refs(name)
    parents = {TABLES[name].parent or name for name in found}
    assert {"orders", "customers", "products"} <= parents
    assert {table.name for table in TABLES.values() if table.parent is None} - parents == SENT_WITHOUT
