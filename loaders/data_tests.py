"""What dbt's data tests of a run found, with the rows that may be shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loaders.paths import Warehouse
from loaders.text import fit
from loaders.warehouse import open_warehouse

MOST_ROWS = 10


@dataclass(frozen=True)
class DataTest:
    """What a data test of a build found; `rows` are some of those it found, where they show nobody."""

    test: str
    seed: str | None
    status: str
    failures: int
    rows: tuple[dict[str, Any], ...] = ()


def nodes_of(target: Path) -> dict[str, dict[str, Any]]:
    """The nodes of dbt's manifest by their ids."""
    found: dict[str, dict[str, Any]] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    return found


def what_tests_found(house: Warehouse, made: Warehouse, results: list[dict[str, Any]]) -> tuple[DataTest, ...]:
    """What a run's data tests found, some rows of those that cannot show a customer among it.

    These are the tests of seeds without addresses, and those with `show_rows` in their meta, which read no mart.
    """
    nodes = nodes_of(house.dbt_target) if results else {}
    tests = [one for one in results if nodes.get(one["unique_id"], {}).get("resource_type") == "test"]
    shown = {
        one["unique_id"]: one["compiled_code"]
        for one in tests
        if one["status"] in ("warn", "fail") and _shows_rows(nodes[one["unique_id"]])
    }
    rows = _rows(house, made, shown) if shown else {}
    return tuple(
        DataTest(node["name"], _seed_of(node), one["status"], one["failures"] or 0, rows.get(one["unique_id"], ()))
        for one in tests
        for node in (nodes[one["unique_id"]],)
    )


def rows_found(tests: Sequence[DataTest]) -> list[str]:
    """Lines that show the rows of a run's tests."""
    lines: list[str] = []
    for one in sorted(tests, key=lambda one: one.status == "fail"):  # last, where they are read
        where = f"seeds/{one.seed}.csv, {one.test}" if one.seed else one.test
        for row in one.rows:
            pairs = (f"{name} {value}" for name, value in row.items() if value is not None)
            lines.append(fit(f"{where}: {', '.join(pairs)}"))
        if one.rows and (more := one.failures - len(one.rows)) > 0:
            lines.append(f"{where}: and {more:,} more")
    return lines


def _rows(house: Warehouse, made: Warehouse, queries: dict[str, str]) -> dict[str, tuple[dict[str, Any], ...]]:
    found = {}
    with open_warehouse(made.path, read_only=True) as connection:
        if made != house:
            connection.execute(f"attach '{house.path}' as night (read_only)")
        for key, sql in queries.items():
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or []]
            found[key] = tuple(dict(zip(names, map(_shown, row), strict=True)) for row in cursor.fetchmany(MOST_ROWS))
    return found


def _shown(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else fit(value)


def _shows_rows(node: dict[str, Any]) -> bool:
    read = node["depends_on"]["nodes"]
    are_plain = bool(read) and all(one.startswith("seed.") and not one.endswith(".excluded_emails") for one in read)
    return are_plain or bool(node["config"]["meta"].get("show_rows"))


def _seed_of(node: dict[str, Any]) -> str | None:
    kind, _, name = (node.get("attached_node") or "").rpartition(".")
    return name if kind.startswith("seed.") else None
