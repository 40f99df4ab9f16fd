"""What of the demo no load, build or push would notice: that it adds up, is the same every time, and fails as told."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.magento import database, generate, special
from demo.serving import ServerStartError, serving


def documents(path: Path, table: str) -> dict[int, dict[str, Any]]:
    rows = database.connect(path, read_only=True).execute(f"select entity_id, doc from {table}")
    return {entity_id: json.loads(text, parse_float=Decimal) for entity_id, text in rows}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has seen two days and one of silent changes."""
    path = tmp_path_factory.mktemp("store") / "store.sqlite"
    generate.create(path, customers=300, orders=1200)
    generate.advance(path, days=2)
    generate.advance(path, silent=True)
    return path


def test_orders_stand_at_the_edges_of_windows(store: Path) -> None:
    """Without them the nights that the oracle recomputes would say nothing of a window's first second."""
    orders = documents(store, "orders")
    cases = database.connect(store, read_only=True).execute("select * from special_cases")
    found = {name: orders[key]["created_at"] for name, table, key in cases if table == "orders" and key in orders}
    for days in special.WINDOWS:
        first = date(2026, 11, 23) - timedelta(days=days)  # it begins at 3 o'clock UTC in the store's zone
        assert found[f"exactly {days} days ago"] == f"{first} 03:00:00"
        assert found[f"{days + 1} days ago by a second"] == f"{first} 02:59:59"


def test_a_file_that_is_no_demo_store_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not a demo store"):
        generate.create(tmp_path / "notes.txt", customers=5, orders=0)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_faults_fire_as_told(tmp_path: Path) -> None:
    """After so many requests, so often, on what fits, by a seed, before or after the work; then they are gone."""
    with serving("demo.icommkt", database=tmp_path / "icommkt.sqlite", options=["--api-key", "key"]) as url:

        def status(method: str = "SaveContact", email: str = "a@example.com") -> int:
            body = {"ProfileKey": "demo-profile-key", "Contact": {"Email": email, "CustomFields": []}, "Filters": {}}
            headers = {"Authorization": "key"}
            try:
                return requests.post(
                    f"{url}/Contacts/{method}.Json/", json=body, headers=headers, timeout=5
                ).status_code
            except requests.RequestException:
                return 0

        def statuses(times: int, **rule: object) -> list[int]:
            requests.delete(f"{url}/demo/faults", timeout=5)
            requests.post(f"{url}/demo/faults", json=rule, timeout=5).raise_for_status()
            return [status() for _ in range(times)]

        assert statuses(4, kind="500", after=2, count=1) == [200, 200, 500, 200]
        assert statuses(2, kind="500", match={"path_regex": "ListFull"}) == [200, 200]
        assert status("ListFull") == 500
        drawn = [statuses(24, kind="500", probability=0.5, seed=seed) for seed in (1, 1, 2)]
        assert drawn[0] == drawn[1] != drawn[2]
        for processed in (False, True):
            statuses(0, kind="drop_connection", processed=processed)
            assert status(email=f"{processed}@example.com") == 0
        held = {one["Email"] for one in requests.get(f"{url}/demo/contacts", timeout=5).json()}
        assert ("true@example.com" in held, "false@example.com" in held) == (True, False)
        assert requests.post(f"{url}/demo/faults", json={"kind": "flood"}, timeout=5).status_code == 400


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match="no_such"), serving("demo.no_such", database=tmp_path / "x"):
        pass
