"""The seeds as an analyst leaves them: looked at before a build, as dbt's complaints name neither row nor remedy."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import yaml

from loaders.errors import PipelineError
from loaders.paths import PROJECT_ROOT


def _is_date(text: str) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) and date.fromisoformat(text))
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


def _fault(path: Path, types: dict[str, str]) -> str:
    """The first fault, "" when there is none."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return f", line {line}: not UTF-8; save the file as “CSV UTF-8”"
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
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
            return f"{column} is {value!r}; it must be {meant}, or empty"
    return _fault_of_pattern(row["value"]) if row.get("match") == "pattern" else ""


def _fault_of_pattern(pattern: str) -> str:
    try:
        duckdb.execute("select regexp_matches('', ?)", [pattern])
    except duckdb.Error as error:
        reason = str(error).split(":", 1)[-1].strip().splitlines()[0]
        return f"{pattern!r} is no regular expression ({reason}); for a whole domain use match domain"
    return ""
