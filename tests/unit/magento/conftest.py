"""A demo store for the tests of the client, a server in front of it, and clients that wait for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration

from demo.magento.generate import create
from demo.magento.settings import Settings as DemoSettings
from demo.serving import serving
from loaders.magento.client import MagentoClient
from loaders.magento.settings import MagentoSettings
from tests.front import Front, front_of

PASSWORD = DemoSettings().password
SECRET = DemoSettings().tfa_secret


class Shop:
    """The demo store and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, **settings: Any) -> None:
        requests.post(f"{self.url}/demo/settings", json=settings, timeout=10).raise_for_status()

    def fault(self, **rule: Any) -> None:
        requests.post(f"{self.url}/demo/faults", json=rule, timeout=10).raise_for_status()

    def asked(self, path: str = "") -> list[int]:
        """Statuses of the requests whose path contains `path`."""
        log = requests.get(f"{self.url}/demo/requests", timeout=10).json()["requests"]
        return [one["status"] for one in log if path in one["path"]]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("shop") / "magento.sqlite"
    create(path, customers=30, orders=120)
    with serving("demo.magento", database=path) as url:
        yield url


@pytest.fixture
def shop(running: str) -> Shop:
    for what in ("requests", "faults"):
        requests.delete(f"{running}/demo/{what}", timeout=10).raise_for_status()
    requests.post(f"{running}/demo/reset", timeout=10).raise_for_status()
    return Shop(running)


@pytest.fixture
def front(shop: Shop) -> Iterator[Front]:
    with front_of(shop.url) as started:
        yield started


@pytest.fixture(autouse=True)
def _warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_PATH", str(tmp_path / "warehouse.duckdb"))


def runtime() -> RuntimeConfiguration:
    config = RuntimeConfiguration()
    config.request_timeout, config.request_max_attempts, config.request_backoff_factor = 10.0, 3, 0.01
    return config


def client(base_url: str, **given: Any) -> MagentoClient:
    """A client of the store at this address: as its usual user, if no other login is given."""
    if not set(given) & {"access_token", "username"}:
        given = {"username": "icomm", "password": PASSWORD, **given}
    return MagentoClient(MagentoSettings(**{"base_url": base_url, **given}), runtime())
