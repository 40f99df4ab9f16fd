"""Each fault is what a client of a failing server really meets, seen with requests over a real socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.serving import ServerStartError, serving

TARGET = "/Contacts/ListFull.Json/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = tmp_path_factory.mktemp("faults") / "icommkt.sqlite"
    with serving("demo.icommkt", database=database, options=["--api-key", "key", "--profile-key", "profile"]) as url:
        yield url


@pytest.fixture
def url(server: str) -> Iterator[str]:
    requests.delete(f"{server}/demo/faults", timeout=5)
    yield server
    requests.delete(f"{server}/demo/faults", timeout=5)


def add(url: str, **rule: object) -> None:
    response = requests.post(f"{url}/demo/faults", json=rule, timeout=5)
    assert response.status_code == 200, response.text


def call(url: str, *, timeout: float = 5, path: str = TARGET) -> requests.Response:
    return requests.post(
        url + path, json={"ProfileKey": "profile", "Filters": {}}, headers={"Authorization": "key"}, timeout=timeout
    )


def save(url: str, email: str) -> requests.Response:
    return requests.post(
        f"{url}/Contacts/SaveContact.Json/",
        json={"ProfileKey": "profile", "Contact": {"Email": email, "CustomFields": [{"Key": "k", "Value": "v"}]}},
        headers={"Authorization": "key"},
        timeout=5,
    )


def held(url: str) -> set[str]:
    return {contact["Email"] for contact in requests.get(f"{url}/demo/contacts", timeout=5).json()}


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "body_start"),
    [
        ("500", 500, "text/plain;charset=UTF-8", "<!doctype html>\n<html"),
        (
            "502_html",
            502,
            "text/html; charset=UTF-8",
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r",
        ),
        ("503_maintenance_html", 503, "text/html; charset=UTF-8", "<!doctype html>\n<html"),
    ],
)
def test_error_pages_are_those_of_a_live_magento(
    url: str, kind: str, status: int, content_type: str, body_start: str
) -> None:
    add(url, kind=kind)
    response = call(url)
    assert (response.status_code, response.headers["Content-Type"]) == (status, content_type)
    assert response.text.startswith(body_start)


def test_429_carries_retry_after_or_none(url: str) -> None:
    add(url, kind="status_429", retry_after=7, count=1)
    add(url, kind="status_429", retry_after=None, count=1)
    first, second, third = call(url), call(url), call(url)
    assert (first.status_code, first.headers["Retry-After"]) == (429, "7")
    assert second.status_code == 429
    assert "Retry-After" not in second.headers
    assert third.status_code == 200


def test_cut_body_reaches_the_client_as_an_incomplete_read_and_was_carried_out(url: str) -> None:
    add(url, kind="cut_body", match={"path_regex": "SaveContact"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        save(url, "cut@example.com")
    assert "cut@example.com" in held(url)


@pytest.mark.parametrize("processed", [True, False])
def test_drop_connection_before_or_after_the_work(url: str, processed: bool) -> None:
    email = f"drop-{processed}@example.com".lower()
    add(url, kind="drop_connection", processed=processed)
    with pytest.raises(requests.exceptions.ConnectionError):
        save(url, email)
    assert (email in held(url)) is processed


def test_an_answer_can_be_replaced_by_an_error_after_the_work(url: str) -> None:
    add(url, kind="502_html", processed=True)
    assert save(url, "lost@example.com").status_code == 502
    assert "lost@example.com" in held(url)


def test_timeout_says_nothing(url: str) -> None:
    add(url, kind="timeout", count=1)
    started = time.monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout):
        call(url, timeout=0.3)
    assert time.monotonic() - started < 3
    assert call(url).status_code == 200, "the server must outlive a client that gave up"


def test_latency_delays_and_combines_with_another_fault(url: str) -> None:
    add(url, kind="latency", seconds=0.3)
    started = time.monotonic()
    assert call(url).status_code == 200
    assert time.monotonic() - started >= 0.3
    add(url, kind="500")
    started = time.monotonic()
    assert call(url).status_code == 500
    assert time.monotonic() - started >= 0.3


def test_count_after_and_match_limit_a_rule(url: str) -> None:
    add(url, kind="500", match={"method": "POST", "path_regex": "ListFull"}, after=2, count=1)
    assert save(url, "other@example.com").status_code == 200
    assert [call(url).status_code for _ in range(4)] == [200, 200, 500, 200]
    (rule,) = requests.get(f"{url}/demo/faults", timeout=5).json()["rules"]
    assert (rule["seen"], rule["fired"]) == (4, 1)


def test_the_same_seed_hits_the_same_requests(url: str) -> None:
    def pattern(seed: int) -> list[int]:
        requests.delete(f"{url}/demo/faults", timeout=5)
        add(url, kind="500", probability=0.5, seed=seed)
        return [call(url).status_code for _ in range(24)]

    first = pattern(1)
    assert {200, 500} == set(first)
    assert pattern(1) == first
    assert pattern(2) != first


def test_control_endpoints_are_spared_and_delete_clears(url: str) -> None:
    add(url, kind="500")
    assert requests.get(f"{url}/demo/contacts", timeout=5).status_code == 200
    assert call(url).status_code == 500
    assert requests.delete(f"{url}/demo/faults", timeout=5).json() == {"rules": []}
    assert call(url).status_code == 200


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "flood"},
        {"kind": "500", "chance": 1},
        {"kind": "500", "match": {"url": "x"}},
        {"kind": "500", "probability": 2},
    ],
)
def test_a_rule_that_cannot_be_understood_is_refused(url: str, rule: dict[str, object]) -> None:
    response = requests.post(f"{url}/demo/faults", json=rule, timeout=5)
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerStartError, match="no_such_module"),
        serving("demo.no_such_module", database=tmp_path / "x"),
    ):
        pass
