"""The README's way to add a field end to end, walked in a copy of the project, and nothing else edited.

The shop has one account and no order.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import duckdb
import pytest

from demo.environment import PROJECT_ROOT
from tests.smallest_shop import ProjectCopy

MART = "models/marts/icommkt/icommkt_contacts.sql"
DESCRIPTION = "models/marts/icommkt/_icommkt__models.yml"
SEED = "seeds/icommkt_fields.csv"

COLUMN = "is_repeat_buyer"
KEY = "ICOMMKT_Repeat_Buyer"
WORDS = "Whether the contact has bought more than once."


def recipe() -> str:
    """The README's paragraph."""
    text = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^To add a field end to end: .*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert found, "the README does not say how to add a field"
    return " ".join(found.group(0).split())


def insert(path: Path, after: str, lines: str) -> None:
    """Put lines below the last place where a line is, as somebody with an editor would."""
    text = path.read_text(encoding="utf-8")
    before, line, rest = text.rpartition(after)
    assert line, f"{path.name} has no {after!r}"
    path.write_text(before + line + lines + rest, encoding="utf-8")


class Shop(ProjectCopy):
    """A copy of the project with a field more."""

    def edit(self) -> None:
        """What the README says, and no more."""
        insert(
            self.project / MART,
            "rfm.rfm_segment",
            f",\n        coalesce(buyers.purchases_total, 0) > 1 as {COLUMN}",
        )
        text = (self.project / DESCRIPTION).read_text(encoding="utf-8")
        end = text.index("\n  - name: icommkt_payloads")
        column = f"      - name: {COLUMN}\n        description: {WORDS}\n        data_type: boolean\n"
        (self.project / DESCRIPTION).write_text(text[:end] + column + text[end:], encoding="utf-8")
        header = (self.project / SEED).read_text(encoding="utf-8").splitlines()[0].split(",")
        line = io.StringIO()
        csv.DictWriter(line, header, lineterminator="\n").writerow(
            {
                "profile_field_key": KEY,
                "mart_column": COLUMN,
                "type": "boolean",
                "max_length": "",
                "enabled": "true",
                "triggers_send": "true",
                "origin": "ours",
                "description": WORDS,
                "example": "si",
            }
        )
        with (self.project / SEED).open("a", encoding="utf-8") as file:
            file.write(line.getvalue())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("add_a_field"))
    shop.edit()
    done = shop.build()
    assert done.returncode == 0, done.stdout
    return shop


def test_the_readme_names_the_files_and_commands() -> None:
    text = recipe()
    named = set(re.findall(r"`([^`]+)`", text))
    assert named == {MART, Path(DESCRIPTION).name, SEED, "make build", "make diff"}, text
    assert f"`{Path(DESCRIPTION).name}` beside it" in text


def test_the_field_is_published_and_sent(shop: Shop) -> None:
    with duckdb.connect(str(shop.warehouse.with_name("published.duckdb")), read_only=True) as connection:
        assert connection.execute(f"select email, {COLUMN} from marts.icommkt_contacts").fetchall() == [
            ("ana@example.com", False)
        ]
        payload = connection.execute("select custom_fields from marts.icommkt_payloads").fetchall()
    assert {"Key": KEY, "Value": "no"} in json.loads(payload[0][0])


def test_the_difference_is_shown_before_anything_is_sent(shop: Shop) -> None:
    assert "1 would be new" in shop.run("loaders.icommkt", "diff").stdout


def test_the_docs_are_one_file_that_has_it(shop: Shop) -> None:
    assert shop.run("loaders.docs").returncode == 0
    docs = (shop.project / "target" / "docs.html").read_text(encoding="utf-8")
    assert all(words in docs for words in (COLUMN, WORDS, "days_since_last_purchase"))
    assert 'src="http' not in docs, "it must open without a network"


def test_no_python_was_touched(shop: Shop) -> None:
    touched = {
        name
        for path in sorted(shop.project.rglob("*"))
        if path.is_file() and (source := PROJECT_ROOT / (name := str(path.relative_to(shop.project)))).is_file()
        if source.read_bytes() != path.read_bytes() and path.suffix != ".pyc"
    }
    assert {name for name in touched if not name.startswith("target")} == {MART, DESCRIPTION, SEED}
