"""Nights on which the store has forgotten labels of brands and names of categories; ICOMMKT keeps what it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from demo.environment import DEMO_KEY
from demo.magento.generate import create
from demo.serving import serving
from tests.e2e.conftest import FIRST_DAY, Pipeline
from tests.front import Asked, Front, Spoilt, front_of

Rows = list[dict[str, Any]]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    create(tmp_path / "magento.sqlite", customers=30, orders=80)
    with serving("demo.magento", database=tmp_path / "magento.sqlite") as url, front_of(url) as front:
        yield front


@pytest.fixture
def pipeline(front: Front, tmp_path: Path) -> Iterator[Pipeline]:
    with serving("demo.icommkt", database=tmp_path / "icommkt.sqlite", options=["--api-key", DEMO_KEY]) as icommkt_url:
        yield Pipeline(tmp_path, front.url, icommkt_url)


def edited(edit: Callable[[str, Rows], Rows]) -> Callable[[Asked], Spoilt | None]:
    """Have `edit` give the rows of the small tables, by a part of the path that is asked for."""

    def spoilt(asked: Asked) -> Spoilt | None:
        body = json.loads(asked.body) if asked.path.endswith("/graphql") or "/V1/categories" in asked.path else {}
        if body.get("items"):
            rows = edit("categories", body["items"])
            body |= {"items": rows, "total_count": len(rows)}
        elif "customAttributeMetadata" in body.get("data", {}):
            options = body["data"]["customAttributeMetadata"]["items"][0]
            options["attribute_options"] = edit("options", options["attribute_options"])
        return Spoilt(json.dumps(body).encode()) if body else None

    return spoilt


def night(pipeline: Pipeline) -> tuple[str, dict[str, dict[str, str]]]:
    """Run the whole chain; return what it said and what ICOMMKT has afterwards, by e-mail."""
    done = pipeline.run("loaders.daily", "--vars", f"{{as_of_date: {FIRST_DAY}}}")
    assert done.returncode == 0, done.stdout
    contacts = requests.get(f"{pipeline.icommkt_url}/demo/contacts", timeout=60).json()
    return done.stdout, {one["Email"]: one["CustomFields"] for one in contacts}


def raw(pipeline: Pipeline, sql: str) -> list[tuple[Any, ...]]:
    with closing(duckdb.connect(str(pipeline.warehouse), read_only=True)) as connection:
        return connection.execute(sql).fetchall()


def test_names_that_come_back_empty_are_kept_and_real_changes_are_seen(front: Front, pipeline: Pipeline) -> None:
    _, first = night(pipeline)
    used = [contact["ICOMMKT_Last_Purchase_Brands"] for contact in first.values()]
    brand = next(one for one in used if one and ", " not in one)
    option = raw(pipeline, f"select value from raw.attribute_options where label = '{brand}'")[0][0]

    front.spoil = edited(lambda kind, rows: [{**row, "label" if kind == "options" else "name": None} for row in rows])
    said, second = night(pipeline)
    assert second == first
    assert "not believed: 67 of 67 rows came without the name they had; all stays as it was" in said
    assert "not believed: 24 of 24 rows came without the label they had" in said
    assert raw(pipeline, "select count(*) from raw.categories where name is null or _deleted_at is not null") == [(0,)]

    def some(kind: str, rows: Rows) -> Rows:
        if kind == "options":
            others = [row["value"] for row in rows if row["value"] != option][:2]
            return [
                {
                    **row,
                    "label": "Marca Nueva"
                    if row["value"] == option
                    else " "
                    if row["value"] in others
                    else row["label"],
                }
                for row in rows
            ]
        rows[0]["name"], rows[1]["position"] = None, 77
        return [row for row in rows if row["id"] != 67]

    front.spoil = edited(some)
    said, third = night(pipeline)
    assert {key: dict(one, ICOMMKT_Last_Purchase_Brands="") for key, one in third.items()} == {
        key: dict(one, ICOMMKT_Last_Purchase_Brands="") for key, one in first.items()
    }
    changed = {
        (first[key]["ICOMMKT_Last_Purchase_Brands"], one["ICOMMKT_Last_Purchase_Brands"])
        for key, one in third.items()
        if one != first[key]
    }
    assert (brand, "Marca Nueva") in changed
    assert all(before.replace(brand, "Marca Nueva") == after for before, after in changed)
    assert "2 row(s) came without the label they had, and keep it" in said
    assert "1 row(s) came without the name they had, and keep it" in said
    assert raw(pipeline, "select id from raw.categories where name is null or _deleted_at is not null") == [(67,)]
    assert raw(pipeline, "select position from raw.categories where position = 77") == [(77,)]
