"""The fingerprint of the rules changes with whatever could change a row, and with nothing else."""

from pathlib import Path

import pytest

from loaders.rules import fingerprint


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("models/a.sql", "models/a.yml", "macros/deep/b.sql", "seeds/c.csv", "dbt_project.yml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one")
    return tmp_path


@pytest.mark.parametrize("name", ["models/a.sql", "macros/deep/b.sql", "seeds/c.csv", "dbt_project.yml"])
def test_an_edited_rule_is_another_rule(project: Path, name: str) -> None:
    before = fingerprint({}, project)
    (project / name).write_text("two")
    assert fingerprint({}, project) != before


def test_a_moved_line_is_another_rule(project: Path) -> None:
    """Two files whose contents, joined, stay the same are still other files."""
    (project / "models/b.sql").write_text("12")
    (project / "models/c.sql").write_text("3")
    before = fingerprint({}, project)
    (project / "models/b.sql").write_text("1")
    (project / "models/c.sql").write_text("23")
    assert fingerprint({}, project) != before


def test_descriptions_and_the_date_are_no_rules(project: Path) -> None:
    before = fingerprint({"as_of_date": "2026-11-23", "start_date": ""}, project)
    (project / "models/a.yml").write_text("two")
    assert fingerprint({"start_date": "", "as_of_date": "2026-11-24"}, project) == before


def test_a_var_is_a_rule(project: Path) -> None:
    assert fingerprint({"start_date": ""}, project) != fingerprint({"start_date": "2026-01-01"}, project)
