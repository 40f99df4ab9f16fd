"""`python -m loaders.fields`: write the columns of icommkt_contacts into its yml, from the seed and the windows.

The seed icommkt_fields has a line for each column, and one with `{window}` for a column of each of the var
purchase_windows; dbt wants each column by name, with its type and what it says.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

from loaders.dbt_vars import project_vars
from loaders.errors import Parser, PipelineError, run_command
from loaders.paths import PROJECT_ROOT
from loaders.seeds import check_seeds

YML = "models/marts/icommkt/icommkt_contacts.yml"
MARK = "      # --- written by `make fields` from here on\n"
SEED = "seeds/icommkt_fields.csv"
RESERVED = ("all", "last_purchase", "rfm_period", "total")
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
    itself takes the place of the general one. Raises PipelineError for a line or a window that cannot be meant.
    """
    with (project / SEED).open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    windows = check_windows(project_vars({}, project)["purchase_windows"])
    for line in lines:
        _check_line(line)
    general = [line for line in lines if "{window}" in line["mart_column"]]
    spread = {
        line["mart_column"].replace("{window}", name): {
            **line,
            "profile_field_key": line["profile_field_key"].replace("{window}", name.title()),
            "mart_column": line["mart_column"].replace("{window}", name),
            "description": line["description"].replace("{window}", window_in_words(*days)),
        }
        for name, days in windows.items()
        for line in general
    }
    named = {line["mart_column"]: line for line in lines if line not in general}
    for column in named.keys() & spread.keys():
        if named[column]["type"] != spread[column]["type"]:
            raise PipelineError(
                f"{SEED}: {column} must have the type {spread[column]['type']} of the line it overrules"
            )
    found = []
    for line in lines:
        if line in general:
            found += [named.get(column, one) for column, one in spread.items()] if line is general[0] else []
        elif line["mart_column"] not in spread:
            found.append(line)
    return found


def _check_line(line: dict[str, str]) -> None:
    column, key = line["mart_column"], line["profile_field_key"]
    if ("{window}" in column) != ("{window}" in key):
        raise PipelineError(f"{SEED}: {key},{column} has {{window}} in one of the two; write it in both or in neither")
    if line["type"] not in _DATA_TYPES:
        raise PipelineError(
            f"{SEED}: the type of {column} is {line['type']!r}; it must be one of {', '.join(_DATA_TYPES)}"
        )


def check_windows(windows: Any) -> dict[str, list[int]]:
    """Return the windows; PipelineError names the first that cannot be one."""
    if not isinstance(windows, dict) or not windows:
        raise PipelineError("purchase_windows in dbt_project.yml must be lines such as 30_days: [0, 30]")
    for name, days in windows.items():
        is_name = isinstance(name, str) and re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", name) and not name.isdigit()
        are_days = isinstance(days, list) and len(days) == 2 and all(type(one) is int for one in days)
        if not is_name or name in RESERVED or not are_days or not 0 <= days[0] <= days[1]:
            raise PipelineError(
                f"purchase_windows in dbt_project.yml: {name}: {days} is no window; write 30_days: [0, 30], from and "
                f"to how many days ago, under a name of small letters, digits and _ (none of {', '.join(RESERVED)})"
            )
    found: dict[str, list[int]] = windows
    return found


def window_in_words(first_day: int, last_day: int) -> str:
    """Say which days a window has."""
    if first_day == 0:
        return f"in the last {last_day} days"
    return f"more than {first_day - 1} days ago" if last_day >= UNENDING else f"{first_day} to {last_day} days ago"


def yml_text(project: Path = PROJECT_ROOT) -> str:
    """Return what the yml must be: its head as it is, then the columns."""
    head, mark, _ = (project / YML).read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise PipelineError(f"{YML} has lost its line {MARK.strip()!r}, under which the columns are written")
    found = columns(project)
    filled = [line["mart_column"] for line in found if line["type"] in ("count", "money")]
    lines = [
        "      - never_empty:",
        "          name: never_empty_icommkt_contacts",
        "          arguments:",
        "            columns:",
    ]
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
    epilog = "for instance, after enabled was set to false in a line of the seed: make fields"
    Parser(prog="python -m loaders.fields", description=__doc__, epilog=epilog).parse_args()
    check_seeds()
    text = yml_text()
    (PROJECT_ROOT / YML).write_text(text, encoding="utf-8")
    print(f"{YML}: {text.count('data_type:')} columns. The fields that the ICOMMKT profile must have:")
    for line in columns():
        if line["enabled"].lower() == "true":
            print(f"  {line['profile_field_key']}")
    return 0


if __name__ == "__main__":
    run_command(main)
