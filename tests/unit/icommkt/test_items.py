"""How the contacts to send are read from the published file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.push.published import Given, make, write
from loaders.icommkt.items import items
from loaders.icommkt.session import opened
from loaders.icommkt.settings import IcommktSettings
from loaders.paths import Warehouse


@pytest.mark.parametrize("stride", [1, 3, 4_000])
def test_every_contact_to_send_is_read_once_with_its_own_text(tmp_path: Path, stride: int) -> None:
    house = Warehouse(tmp_path / "warehouse.duckdb")
    make(house.published, 10_000, fields=3)
    with opened(house, IcommktSettings("key", profile_key="profile"), read_only=True) as session:
        (profile,) = session.profiles
        session.db.execute(f"update scratch.relation set outcome = 'unchanged' where contact_row % {stride} <> 0")
        found = list(items(session.db, session.published, profile.name, empty_value="-"))
    assert [item.customer_id for item in found] == list(range(0, 10_000, stride))
    for item in found:
        assert json.loads(item.content)[0] == {"Key": "nombre", "Value": f'José "Pepe" 🎉 Nº {item.customer_id}'}


def test_a_placeholder_stands_for_empty_values_alone(tmp_path: Path) -> None:
    house = Warehouse(tmp_path / "warehouse.duckdb")
    odd = '"Value":""},{"Key":"x"'
    write(house.published, [Given("a@example.com", {"one": "", "two": odd})])
    with opened(house, IcommktSettings("key", profile_key="profile", empty_value='"-'), read_only=True) as session:
        (item,) = items(session.db, session.published, session.profiles[0].name, empty_value='"-')
    assert json.loads(item.content) == [{"Key": "one", "Value": '"-'}, {"Key": "two", "Value": odd}]
