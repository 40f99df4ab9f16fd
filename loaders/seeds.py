"""The seeds as an analyst leaves them: looked at before a build, as dbt's complaints name neither row nor remedy."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import yaml

from loaders.dates import parse_date
from loaders.errors import PipelineError
from loaders.paths import PROJECT_ROOT
from loaders.text import fit


def _is_date(text: str) -> bool:
    try:
        return bool(parse_date(text))
    except ValueError:
        return False


_Kind = tuple[Callable[[str], object], str]
_WHOLE: _Kind = (re.compile(r"-?\d+").fullmatch, "a whole number")
_KINDS: dict[str, _Kind] = {
    "boolean": (re.compile(r"true|false", re.IGNORECASE).fullmatch, "true or false"),
    "integer": _WHOLE,
    "bigint": _WHOLE,
    "decimal": (re.compile(r"-?\d+(\.\d+)?").fullmatch, "a number such as 1234.50"),
    "date": (_is_date, "a day written as 2026-11-24"),
}


def check_seeds(project: Path = PROJECT_ROOT) -> None:
    """See that every seed can be read as it is meant: UTF-8, commas, its columns, values of the columns' types.

    The columns and their types are those of `seeds/_seeds.yml`. What the values mean, dbt's tests check.

    Raises PipelineError for the first thing found, with the file, the line and what to do.
    """
    described = yaml.safe_load((project / "seeds/_seeds.yml").read_text(encoding="utf-8"))["seeds"]
    types = {seed["name"]: seed["config"]["column_types"] for seed in described}
    for path in sorted((project / "seeds").glob("*.csv")):
        if fault := _fault(path, types.get(path.stem, {})):
            raise PipelineError(f"seeds/{path.name}{fault}")


def profile_settings() -> list[str]:
    """Return the settings that hold the profiles' keys: those of the seed `icommkt_profiles`, else `profile_key`.

    Raises PipelineError when a seed cannot be read.
    """
    check_seeds()
    with (PROJECT_ROOT / "seeds" / "icommkt_profiles.csv").open(encoding="utf-8-sig", newline="") as file:
        return sorted({row["profile_setting"].strip().lower() for row in csv.DictReader(file)}) or ["profile_key"]


def store_settings(store_key: str) -> dict[str, Any]:
    """What the seed `stores` says of a store, by the names of the vars that it goes before."""
    rows = [row for row in rows_of_seed("stores") if row["store_key"] == store_key]
    return {name: value for row in rows for name, value in row.items() if value and name != "store_key"}


def rows_of_seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed that `check_seeds` has seen."""
    with (PROJECT_ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _fault(path: Path, types: dict[str, str]) -> str:
    """The first fault, "" when there is none."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return f", line {line}: not UTF-8; save the file as “CSV UTF-8”"
    except OSError as error:  # a folder, or a file that belongs to somebody else
        return f" cannot be read: {error.strerror}"
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        return _fault_of_rows(reader, types)
    except csv.Error as error:  # such as a cell of more characters than any is meant to have
        return f", line {reader.line_num + 1}: {error}"


def _fault_of_rows(reader: Any, types: dict[str, str]) -> str:
    header: list[str] = next(reader, [])
    if absent := [column for column in types if column not in header]:
        for separator, name in ((";", "semicolons"), ("\t", "tabs")):
            if separator in "".join(header):
                return f" is separated by {name}; save it separated by commas"
        return f" has no column {', '.join(absent)}; its first line must be {','.join(types)}"
    for row in filter(None, reader):
        if len(row) != len(header):
            fault = f"{len(row)} values for {len(header)} columns; a value with a comma needs double quotes"
        else:
            fault = _fault_of_row(dict(zip(header, row, strict=True)), types)
        if fault:
            return f", line {reader.line_num}: {fault}"
    return ""


def _fault_of_row(row: dict[str, str], types: dict[str, str]) -> str:
    for column, value in row.items():
        is_good, meant = _KINDS.get(types.get(column, "").split("(")[0], (None, ""))
        if value and is_good and not is_good(value):
            return f"{column} is {fit(value, 60)!r}; it must be {meant}, or empty"
    return _fault_of_pattern(row["value"]) if row.get("match") == "pattern" else ""


def _fault_of_pattern(pattern: str) -> str:
    try:
        duckdb.execute("select regexp_matches('', ?)", [pattern])
    except duckdb.Error as error:
        reason = str(error).split(":", 1)[-1].strip().splitlines()[0]
        return f"{pattern[:60]!r} is no regular expression ({reason}); for a whole domain use match domain"
    return ""
