"""`python -m loaders.fields`: write the columns of icommkt_contacts into its yml, from the seed and the windows.

The seed icommkt_fields has a line for each column, and one with `{window}` for a column of each of the var
purchase_windows; dbt wants each column by name, with its type and what it says.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

from loaders.dbt_vars import project_vars
from loaders.errors import Parser, PipelineError, run_command
from loaders.paths import PROJECT_ROOT

YML = "models/marts/icommkt/icommkt_contacts.yml"
MARK = "      # --- written by `make fields` from here on\n"
UNENDING = 100_000
"""A window of so many days has no end."""

_DATA_TYPES = {
    "text": "string",
    "list": "string",
    "date": "date",
    "days": "bigint",
    "count": "bigint",
    "money": "decimal(20,4)",
    "boolean": "boolean",
}


def columns(project: Path = PROJECT_ROOT) -> list[dict[str, str]]:
    """Return the seed's lines for the columns of icommkt_contacts in their order.

    The windows' columns stand where the first line with `{window}` does, window by window. A line that names a window
    itself takes the place of the general one.
    """
    with (project / "seeds/icommkt_fields.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    general = [line for line in lines if "{window}" in line["mart_column"]]
    spread = {
        line["mart_column"].replace("{window}", name): {
            **line,
            "profile_field_key": line["profile_field_key"].replace("{window}", name.title()),
            "mart_column": line["mart_column"].replace("{window}", name),
            "description": line["description"].replace("{window}", window_in_words(*days)),
        }
        for name, days in project_vars({}, project)["purchase_windows"].items()
        for line in general
    }
    named = {line["mart_column"]: line for line in lines if line not in general}
    found = []
    for line in lines:
        if line in general:
            found += [named.get(column, one) for column, one in spread.items()] if line is general[0] else []
        elif line["mart_column"] not in spread:
            found.append(line)
    return found


def window_in_words(first_day: int, last_day: int) -> str:
    """Say which days a window has."""
    if first_day == 0:
        return f"in the last {last_day} days"
    return f"more than {first_day - 1} days ago" if last_day >= UNENDING else f"{first_day} to {last_day} days ago"


def yml_text(project: Path = PROJECT_ROOT) -> str:
    """Return what the yml must be: its head as it is, then the columns."""
    head = (project / YML).read_text(encoding="utf-8").split(MARK)[0]
    found = columns(project)
    filled = [line["mart_column"] for line in found if line["type"] in ("count", "money")]
    lines = ["      - never_empty:", "          arguments:", "            columns:"]
    lines += [f"              - {name}" for name in [*filled, "rfm_group", "rfm_segment"]]
    lines += ["    columns:"]
    keys = [(key, f"{{{{ doc('{key}') }}}}", "string") for key in ("store_key", "email")]
    for name, says, data_type in [
        *keys,
        *((line["mart_column"], f"{line['description']}.", _DATA_TYPES[line["type"]]) for line in found),
    ]:
        column = ", ".join(
            [f"name: {name}", f"description: {json.dumps(says, ensure_ascii=False)}", f'data_type: "{data_type}"']
        )
        lines.append(f"      - {{ {column} }}")
    return head + MARK + "\n".join(lines) + "\n"


def check_fields(project: Path = PROJECT_ROOT) -> None:
    """Raise PipelineError when the yml is not what the seed and the windows say."""
    if (project / YML).read_text(encoding="utf-8") != yml_text(project):
        raise PipelineError(f"{YML} does not follow seeds/icommkt_fields.csv and purchase_windows: run make fields")


def main() -> int:
    """Run the command line."""
    Parser(prog="python -m loaders.fields", description=__doc__).parse_args()
    text = yml_text()
    (PROJECT_ROOT / YML).write_text(text, encoding="utf-8")
    print(f"{YML}: {text.count('data_type:')} columns. The fields that the ICOMMKT profile must have:")
    for line in columns():
        if line["enabled"].lower() == "true":
            print(f"  {line['profile_field_key']}")
    return 0


if __name__ == "__main__":
    run_command(main)
