"""The demo store's server beyond the recorded calls (tests/contract) and what the loader's own tests would notice."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.magento import generate, pace
from demo.magento.__main__ import main
from demo.magento.settings import Settings
from demo.serving import serving

FILTER = "searchCriteria[filter_groups][0][filters][0]"


class Shop:
    """A served store, asked as the administrator."""

    def __init__(self, url: str) -> None:
        self.url = url
        body = {"username": "admin", "password": Settings().password}
        token = requests.post(f"{url}/rest/V1/integration/admin/token", json=body, timeout=10).json()
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}/rest/V1/{path}", headers=self.headers, timeout=30)

    def ids(self, query: str) -> tuple[list[int], int]:
        answer = self.get(f"orders?{query}&fields=items[entity_id],total_count").json()
        return [row["entity_id"] for row in answer["items"] or []], answer["total_count"]

    def control(self, path: str, given: Any = None, method: str = "POST") -> Any:
        answer = requests.request(method, f"{self.url}/demo/{path}", json=given, timeout=30)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    path = tmp_path_factory.mktemp("shop") / "store.sqlite"
    generate.create(path, customers=60, orders=600)
    with serving("demo.magento", database=path) as url:
        yield Shop(url)


@pytest.fixture
def shop(running: Shop) -> Shop:
    running.control("reset")
    for what in ("requests", "faults"):
        running.control(what, method="DELETE")
    return running


@pytest.mark.parametrize("text", ["{day} {time}", "{day}%2B{time}", "{day}T{time}", "{day}T{time}Z", "{day}--{time}"])
def test_a_date_is_read_to_its_time_whatever_stands_between(shop: Shop, text: str) -> None:
    newest = "searchCriteria[sortOrders][0][field]=updated_at&searchCriteria[pageSize]=40"
    last = shop.get(f"orders?{newest}&fields=items[updated_at]").json()["items"][-1]["updated_at"]
    later = shop.get(f"orders?{newest}").json()["items"]
    expected = sum(row["updated_at"] > last for row in later)
    value = text.format(day=last[:10], time=last[11:])
    assert shop.ids(f"{FILTER}[field]=updated_at&{FILTER}[value]={value}&{FILTER}[condition_type]=gt")[1] == expected


@pytest.mark.parametrize(
    "path",
    ["products/types", "products/attributes/types", "coupons/search?searchCriteria=", "invoices?searchCriteria="],
)
def test_a_call_that_no_loader_makes_is_no_route(shop: Shop, path: str) -> None:
    answer = shop.get(path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Request does not match any route."})


def test_pages_and_totals_are_those_of_a_plain_list(shop: Shop) -> None:
    """Two hundred random questions, each answered from a list of all orders as well."""
    rows = shop.get("orders?searchCriteria=&fields=items[entity_id,updated_at,status]").json()["items"]
    stamps = sorted(row["updated_at"] for row in rows)
    tests: dict[str, Any] = {
        "gt": lambda a, b: a > b,
        "gteq": lambda a, b: a >= b,
        "lt": lambda a, b: a < b,
        "lteq": lambda a, b: a <= b,
        "in": lambda a, b: str(a) in b.split(","),
        "nin": lambda a, b: str(a) not in b.split(","),
    }
    for seed in range(200):
        draw = random.Random(seed)
        asked, found = [], rows
        for number in range(draw.randrange(4)):
            field = draw.choice(["entity_id", "entity_id", "updated_at", "status"])
            condition = draw.choice(["in", "nin"] if field == "status" else ["gt", "gteq", "lt", "lteq"])
            value = {"entity_id": draw.randrange(-5, 610), "updated_at": draw.choice(stamps)}.get(field, "closed,new")
            prefix = f"searchCriteria[filter_groups][{number}][filters][0]"
            asked.append(f"{prefix}[field]={field}&{prefix}[value]={value}&{prefix}[condition_type]={condition}")
            found = [row for row in found if tests[condition](row[field], value)]
        sorts = draw.choice([[], ["entity_id"], ["updated_at", "entity_id"]])
        for number, field in reversed([*enumerate(sorts)]):
            direction = draw.choice(["ASC", "DESC"])
            prefix = f"searchCriteria[sortOrders][{number}]"
            asked.insert(0, f"{prefix}[field]={field}&{prefix}[direction]={direction}")
            found = sorted(found, key=lambda row: row[field], reverse=direction == "DESC")
        size, page = draw.choice([1, 7, 100]), draw.choice([1, 2, 9])
        query = "&".join([*asked, f"searchCriteria[pageSize]={size}&searchCriteria[currentPage]={page}"])
        expected = [row["entity_id"] for row in found][(page - 1) * size : page * size]
        assert shop.ids(query) == (expected, len(found)), query


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ("items[entity_id,no_such],nothing", {"entity_id"}),
        ("items[billing_address[city],items[sku]]", {"billing_address", "items"}),
        ("items[entity_id", None),
        ("items]", None),
    ],
)
def test_fields_leave_what_they_name_and_nothing_when_malformed(shop: Shop, fields: str, keys: set[str] | None) -> None:
    answer = shop.get(f"orders?searchCriteria[pageSize]=1&fields={fields}").json()
    assert answer == [] if keys is None else set(answer["items"][0]) == keys


def test_graphql_shows_the_views_of_one_website(shop: Shop) -> None:
    def ask(query: str, **headers: str) -> Any:
        return requests.post(f"{shop.url}/graphql", json={"query": query}, headers=headers, timeout=10).json()

    query = "{ availableStores { store_code website_code } }"
    assert [one["store_code"] for one in ask(query)["data"]["availableStores"]] == ["mayorista", "default"]
    assert ask(query, Store="usa") == {"data": {"availableStores": [{"store_code": "usa", "website_code": "usa"}]}}
    for wrong in ("{storeConfig{nope}}", "{orders{id}}", "{storeConfig{id", "{storeConfig}", "nonsense", "§"):
        assert ask(wrong)["errors"][0]["message"]
    assert "errors" in ask(query, Store="nope")


def test_every_request_is_noted_with_the_status_its_client_saw(shop: Shop) -> None:
    rules = [{"kind": "status_429", "count": 1}, {"kind": "drop_connection", "count": 1}]
    shop.control("faults", rules)
    throttled = shop.get("modules")
    with pytest.raises(requests.ConnectionError):
        shop.get("modules")
    shop.get("modules")
    assert throttled.headers["Date"] == "Mon, 23 Nov 2026 05:30:00 GMT"
    assert shop.control("requests", method="GET")["requests"] == [
        {"method": "GET", "path": "/rest/V1/modules", "status": status} for status in (429, 0, 200)
    ]


def test_days_pass_under_a_running_server(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    generate.create(path, customers=50, orders=300)
    with serving("demo.magento", database=path) as url:
        shop = Shop(url)
        before = shop.get("orders?searchCriteria[pageSize]=1")
        assert shop.control("advance", {"days": 2}) == {"now": "2026-11-25 05:30:00"}
        after = shop.get("orders?searchCriteria[pageSize]=1")
        assert after.json()["total_count"] > before.json()["total_count"]
        moved = parsedate_to_datetime(after.headers["Date"]) - parsedate_to_datetime(before.headers["Date"])
        assert moved == timedelta(days=2)
        assert requests.post(f"{url}/demo/advance", json={"weeks": 1}, timeout=10).status_code == 400


@pytest.mark.parametrize("bad", [{"nonsense": 1}, {"tfa": "sms"}, {"page_limit": "300"}, [1], {"rewrites": 1.5}])
def test_settings_refuse_what_they_do_not_know(shop: Shop, bad: Any) -> None:
    answer = requests.post(f"{shop.url}/demo/settings", json=bad, timeout=10)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    found = shop.control("settings", method="GET")["settings"]
    assert found == json.loads(json.dumps(asdict(Settings())))


def test_a_store_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--database", str(tmp_path / "none.sqlite")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no demo store at" in line


@pytest.mark.parametrize(("clients", "together"), [(1, 75), (2, 190), (3, 178), (4, 166), (8, 166)])
def test_pace_adds_up_to_what_was_recorded(clients: int, together: float) -> None:
    seconds = pace.EMPTY_CALL + 100 * pace.seconds_per_order(clients)
    assert clients * 100 / seconds == pytest.approx(together)


def test_paced_pages_take_their_time(shop: Shop) -> None:
    """Five times a live Magento's speed: one client 375 orders/s, two together 950, less what the machine lacks."""
    shop.control("settings", {"pace": 5.0})

    def measure(clients: int) -> float:
        threads = [
            threading.Thread(target=lambda: [shop.ids("searchCriteria[pageSize]=100") for _ in range(3)])
            for _ in range(clients)
        ]
        began = time.perf_counter()
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        return clients * 300 / (time.perf_counter() - began)

    alone, together = measure(1), measure(2)
    assert alone < 380
    assert alone < together < 960
