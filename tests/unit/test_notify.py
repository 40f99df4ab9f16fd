"""A webhook is told once when nights begin to fail, and once when they are well again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loaders import notify
from loaders.errors import SettingsError
from loaders.paths import Warehouse
from tests.webhook import listening


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Texts that a webhook was told."""
    with listening() as (address, texts):
        monkeypatch.setenv("NOTIFY_WEBHOOK", f"{address}/secret-path")
        yield texts


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    house = Warehouse(tmp_path / "warehouse.duckdb")
    house.make_folders()
    return house


def test_it_is_told_once_of_each_change(told: list[str], house: Warehouse) -> None:
    for failure in ("", "ana@example.com is down", "still down", "", "", "down again"):
        notify.tell(house, failure)
    assert [text.partition(":")[0] for text in told] == [
        "make daily failed",
        "make daily works again",
        "make daily failed",
    ]
    assert "ana@" not in told[0]
    assert "a***@example.com is down" in told[0]


def test_a_webhook_that_fails_stops_nothing_and_is_not_shown(
    house: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTIFY_WEBHOOK", "http://127.0.0.1:9/secret-path")
    notify.tell(house, "down")
    shown = capsys.readouterr().out
    assert shown == "note: NOTIFY_WEBHOOK could not be told: ConnectionError\n"


def test_an_address_that_is_none_is_said_before_the_night(monkeypatch: pytest.MonkeyPatch, house: Warehouse) -> None:
    monkeypatch.setenv("NOTIFY_WEBHOOK", "http://hooks.example.com/x")
    with pytest.raises(SettingsError, match="NOTIFY_WEBHOOK must begin with https"):
        notify.webhook()
    notify.tell(house, "down")
