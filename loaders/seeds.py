"""The seeds as an analyst leaves them: looked at before a build, as dbt's complaints name neither row nor remedy."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
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


_KINDS: dict[str, tuple[Callable[[str], object], str]] = {
    "boolean": (re.compile(r"true|false", re.IGNORECASE).fullmatch, "true or false"),
    "integer": (re.compile(r"-?\d+").fullmatch, "a whole number"),
    "bigint": (re.compile(r"-?\d+").fullmatch, "a whole number"),
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
        for complaint in _complaints(path, types.get(path.stem, {})):
            raise PipelineError(f"seeds/{path.name}{complaint}")


def _complaints(path: Path, types: dict[str, str]) -> Iterator[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        yield f", line {line}: not UTF-8; save the file as “CSV UTF-8”"
        return
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    if absent := [column for column in types if column not in header]:
        separator = next((one for one in ";\t" if one in "".join(header)), None)
        if separator:
            name = "semicolons" if separator == ";" else "tabs"
            yield f" is separated by {name}; save it separated by commas"
        else:
            yield f" has no column {', '.join(absent)}; its first line must be {','.join(types)}"
        return
    for row in reader:
        where = f", line {reader.line_num}: "
        if not row:
            continue
        if len(row) != len(header):
            yield f"{where}{len(row)} values for {len(header)} columns; a value with a comma needs double quotes"
            return
        for column, value in zip(header, row, strict=True):
            is_good, meant = _KINDS.get(types.get(column, "").split("(")[0], (None, ""))
            if value and is_good and not is_good(value):
                yield f"{where}{column} is {value!r}; it must be {meant}, or empty"
        if path.stem == "excluded_emails" and row[header.index("match")] == "pattern":
            yield from (f"{where}{one}" for one in _faults_of_pattern(row[header.index("value")]))


def _faults_of_pattern(pattern: str) -> Iterator[str]:
    try:
        duckdb.execute("select regexp_matches('', ?)", [pattern])
    except duckdb.Error as error:
        reason = str(error).split(":", 1)[-1].strip().splitlines()[0]
        yield f"{pattern!r} is no regular expression ({reason}); for a whole domain use match domain"
