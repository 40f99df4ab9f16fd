"""House rules of the dbt project that neither dbt, sqlfluff nor dbt-bouncer (`make lint`) knows."""

import itertools
import re

import yaml

from loaders.daily import SENT_WITHOUT
from loaders.magento.tables import TABLES
from loaders.paths import PROJECT_ROOT

SQL = {path.stem: path.read_text(encoding="utf-8") for path in sorted((PROJECT_ROOT / "models").rglob("*.sql"))}


def test_models_have_the_form_of_ctes() -> None:
    for name, text in SQL.items():
        text = re.sub(r"{{ config\(.*?\n\) }}", "", text, flags=re.DOTALL)
        text = re.sub(r"{[#%].*?[#%]}", "", text, flags=re.DOTALL).strip()
        assert text.startswith("with\n"), name
        assert re.search(r"\nselect \* from \w+$", text), name


def test_seeds_pin_their_types_and_describe_their_columns() -> None:
    described = {
        entry["name"]: entry
        for path in (PROJECT_ROOT / "seeds").glob("*.yml")
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["seeds"]
    }
    for path in (PROJECT_ROOT / "seeds").glob("*.csv"):
        header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        assert list(described[path.stem]["config"]["column_types"]) == header
        assert [column["name"] for column in described[path.stem]["columns"]] == header


def test_the_docs_say_why_each_test_stops_a_night_or_only_tells() -> None:
    text = (PROJECT_ROOT / "docs" / "building.md").read_text(encoding="utf-8")

    def told(part: str) -> set[str]:
        _, _, table = text.partition(f"| {part} | because |\n")
        return {
            name for row in table.split("\n\n")[0].splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])
        }

    generic = {path.stem for path in (PROJECT_ROOT / "macros" / "generic_tests").glob("*.sql")}
    singular = {path.stem: path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "tests/singular").glob("*.sql")}
    warning = {name for name, sql in singular.items() if "severity='warn'" in sql}
    assert told("stops") == generic | {"not_null", "accepted_values", "icommkt_contacts"} | (singular.keys() - warning)
    assert told("only tells") == warning | {"purchase_cohorts"}


def test_every_var_is_explained_and_used() -> None:
    lines = (PROJECT_ROOT / "dbt_project.yml").read_text(encoding="utf-8").splitlines()
    within = lines[lines.index("vars:") + 1 : lines.index("seeds:")]
    for before, line in itertools.pairwise(within):
        if re.match(r"  \w+:", line):
            assert "#" in line or before.lstrip().startswith("#") or re.match(r"  \w+:", before), line
    used = {
        name
        for folder in ("models", "macros", "tests/singular")
        for path in (PROJECT_ROOT / folder).rglob("*.sql")
        for name in re.findall(r"""\bvar\(["'](\w+)["']\)""", path.read_text(encoding="utf-8"))
    }
    assert used == set(yaml.safe_load("\n".join(lines))["vars"])


def test_daily_knows_what_the_sent_fields_are_made_of() -> None:
    """A night that could not read a table stops before the build only if something sent is made of it."""
    reached: set[str] = set()
    left = {name for name in SQL if name.startswith("icommkt_")}
    while left:
        reached |= left
        left = {ref for name in left for ref in re.findall(r"\bref\('(\w+)'\)", SQL[name]) if ref in SQL} - reached
    found = {table for name in reached for table in re.findall(r"\bsource\('magento', '(\w+)'\)", SQL[name])}
    assert {"orders", "customers", "products"} <= found
    assert TABLES.keys() - found == SENT_WITHOUT
