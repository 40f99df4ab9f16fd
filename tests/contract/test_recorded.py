"""The demo store answers each recorded call as a live Magento 2.4.7 did: status, error body, container, keys and types.

`recorded.json` holds what was recorded of the calls that the loader and the doctor make, in the smallest form:

* `calls`: role, status, error body or shape of the answer. What belonged to the recorded store is a `{placeholder}`.
* `graphql`: queries, and the paths and types of their answers.
* `objects`: every path that an object of a kind has, with its JSON types; `type?` was only in rows of Magento's own
  fixture generator, which may be missing.
"""

from __future__ import annotations

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyotp
import pytest
import requests
from requests_oauthlib import OAuth1

from demo.magento import generate
from demo.magento.auth import INTEGRATION
from demo.magento.settings import Settings
from demo.serving import serving
from loaders.magento.tables import TABLES

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
PASSWORD, SECRET = Settings().password, Settings().tfa_secret
JSON_TYPE = "application/json; charset=utf-8"
TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}

# What the demo store sends and the recorded one never did, because nobody had edited an order there and it had no
# customer attributes of its own. All of it is in Magento's OpenAPI schema.
ALLOWED: dict[str, dict[str, str]] = {
    "orders": {"edit_increment": "number"}
    | dict.fromkeys(("original_increment_id", "relation_child_id", "relation_child_real_id"), "string")
    | dict.fromkeys(("relation_parent_id", "relation_parent_real_id"), "string"),
    "customers": {"custom_attributes": "array", "custom_attributes[]": "object"}
    | dict.fromkeys(("custom_attributes[].attribute_code", "custom_attributes[].value"), "string"),
}


class World:
    """A served store, logins to it, and the values of the placeholders."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tokens: dict[str, str] = {}

    def control(self, what: str, given: Any = None) -> None:
        requests.post(f"{self.url}/demo/{what}", json=given, timeout=60).raise_for_status()

    def log_in(self, user: str, password: str = PASSWORD) -> str:
        body = {"username": user, "password": password}
        return str(requests.post(f"{self.url}/rest/V1/integration/admin/token", json=body, timeout=10).json())

    def token(self, user: str) -> str:
        if user not in self.tokens:
            self.tokens[user] = self.log_in(user)
        return self.tokens[user]

    def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token('admin')}"}
        return requests.get(f"{self.url}/rest/V1/{path}", headers=headers, timeout=60).json()

    def headers(self, role: str | None) -> dict[str, str]:
        if role in (None, "integration OAuth1.0a"):
            return {}
        token = {"random string": "0123456789abcdefghijklmnopqrstuv"}.get(str(role))
        if role == "admin, expired":
            self.control("settings", {"token_life": 0})
            self.tokens.pop("admin", None)
            token = self.token("admin")
            self.tokens.clear()
            self.control("reset")
        elif role == "tampered JWT":
            token = self.token("admin")[:-5] + "AAAAA"
        elif str(role).startswith("integration"):
            token = INTEGRATION["access_token"]
        return {"Authorization": f"Bearer {token or self.token({'reader': 'icomm'}.get(str(role), str(role)))}"}

    def value(self, name: str, path: str) -> str:
        """Return what a placeholder stands for in this store, in a call of `path`."""
        resource = re.sub(r"^.*/V1/", "", path.partition("?")[0]).strip("/")
        if match := re.fullmatch(r"1\.\.(\d+)", name):
            return ",".join(map(str, range(1, int(match[1]) + 1)))
        if match := re.fullmatch(r"last(?:\+(\d+))?", name):
            size = int(re.search(r"pageSize\]=(\d+)", path)[1])  # type: ignore[index]
            total = self.get(f"{resource}?searchCriteria[pageSize]=1&fields=total_count")["total_count"]
            return str(-(-total // size) + int(match[1] or 0))
        newest = f"{resource}?searchCriteria[sortOrders][0][direction]=DESC&searchCriteria[sortOrders][0][field]"
        if match := re.fullmatch(r"largest-(\d+)", name):
            row = self.get(f"{newest}=entity_id&searchCriteria[pageSize]=1")["items"][0]
            return str(max(0, row.get("entity_id", row.get("id")) - int(match[1])))
        if name == "recently":
            rows = self.get(f"{newest}=updated_at&searchCriteria[pageSize]=20")["items"]
            return str(min(row["updated_at"] for row in rows))
        fixed = {"password": PASSWORD, "email_prefix": "correo", "other_view": "mayorista", "other_website_view": "usa"}
        return (fixed | {"second_currency": "USD", "otp": pyotp.TOTP(SECRET).now(), "token": self.token("admin")})[name]

    def fill(self, template: Any, path: str, known: dict[str, str], *, quoted: bool = False) -> Any:
        if isinstance(template, dict):
            return {name: self.fill(one, path, known, quoted=quoted) for name, one in template.items()}
        if isinstance(template, list):
            return [self.fill(one, path, known, quoted=quoted) for one in template]
        if not isinstance(template, str):
            return template

        def fill_in(match: re.Match[str]) -> str:
            known.setdefault(match[1], self.value(match[1], path))
            return quote(known[match[1]], safe=",") if quoted else known[match[1]]

        return re.sub(r"\{([\w.+-]+)\}", fill_in, template)

    def ask(self, call: dict[str, Any]) -> tuple[requests.Response, Any]:
        """Ask a recorded call again; return the answer, and the search criteria it should repeat."""
        self.control("reset")
        known: dict[str, str] = {}
        path = self.fill(call["path"], call["path"], known, quoted=True)
        body = self.fill(call.get("body"), call["path"], known)
        headers = {"Accept": "application/json"} | self.headers(call.get("role"))
        headers |= self.fill(call.get("headers", {}), call["path"], known)
        if failed := re.fullmatch(r"lockout_(?:attempt_(\d)_wrong|then_right_password)", call["name"]):
            for _ in range(int(failed[1] or 8) - 1):
                self.log_in("ordersonly", "Wrong12345!")
        self.control("settings", call.get("settings", {}))
        if "fault" in call:
            self.control("faults", {"kind": call["fault"], "count": 1})
        signature = None
        if call.get("role") == "integration OAuth1.0a":  # by a library that shares nothing with the server
            given = INTEGRATION | ({"consumer_secret": "wrong"} if call["name"].endswith("bad_signature") else {})
            signature = OAuth1(*given.values(), signature_method="HMAC-SHA256")
        prepared = requests.Request(
            call.get("method", "GET"),
            f"{self.url}{path}",
            headers=headers,
            json=body if isinstance(body, dict) else None,
            data=body.encode() if isinstance(body, str) else None,
            auth=signature,
        ).prepare()
        if "Content-Type" not in call.get("headers", {}):
            prepared.headers.pop("Content-Type", None)
        response = requests.Session().send(prepared, timeout=60)
        criteria = self.fill(call.get("answer", {}).get("search_criteria"), call["path"], known)
        for name in {"page_size", "current_page"}.intersection(criteria or ()):
            criteria[name] = int(criteria[name])
        return response, criteria


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store that has seen two days, and one of changes that move no `updated_at`."""
    path = tmp_path_factory.mktemp("contract") / "store.sqlite"
    generate.create(path, customers=500, orders=1500)
    generate.advance(path, days=2)
    generate.advance(path, silent=True)
    with serving("demo.magento", database=path) as url:
        yield World(url)


def shape(value: Any, path: str = "", found: dict[str, set[str]] | None = None) -> dict[str, set[str]]:
    """Collect the JSON types of every path inside a value: `a.b` for members, `a[]` for elements."""
    found = defaultdict(set) if found is None else found
    if path:
        found[path].add("null" if value is None else TYPES[type(value)])
    if isinstance(value, dict):
        for name, one in value.items():
            shape(one, f"{path}.{name}".lstrip("."), found)
    elif isinstance(value, list):
        for one in value:
            shape(one, f"{path}[]", found)
    return found


def unknown(entity: str, rows: list[Any], *, is_trimmed: bool = False) -> list[str]:
    """Return what the rows have that was never recorded. Where `fields` leaves nothing, null and [] are all right."""
    contract = RECORDED["objects"][entity] | ALLOWED.get(entity, {})
    result = []
    for path, types in (found for row in rows for found in shape(row).items()):
        known = {name.rstrip("?") for name in contract.get(path, "").split("|")}
        if is_trimmed:
            known |= {"null"} if "array" in known else {"array"} if "object" in known else set()
        result += [f"{path} is {name}, recorded {contract.get(path, 'nowhere')}" for name in types - known]
    return sorted(set(result))


@pytest.mark.parametrize("call", RECORDED["calls"], ids=lambda call: call["name"])
def test_a_call_is_answered_as_recorded(world: World, call: dict[str, Any]) -> None:
    response, criteria = world.ask(call)
    assert (response.status_code, response.headers["Content-Type"]) == (
        call["status"],
        call.get("content_type", JSON_TYPE),
    )
    if "error" in call:
        body = {**response.json(), "message": re.sub("webapi-[0-9a-f]+", "webapi-{report}", response.json()["message"])}
        assert body == call["error"]
    answer = call.get("answer", {"is": "nothing"})
    if answer["is"] == "token":
        header, claims = (json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in response.json().split(".")[:2])
        assert (header, list(claims)) == ({"kid": "1", "alg": "HS256"}, ["uid", "utypid", "iat", "exp"])
    elif answer["is"] == "list":
        body = response.json()
        assert set(body) == set(answer["keys"])
        assert body.get("search_criteria") == criteria
        if "items" in answer:
            rows = body["items"]
            assert ("null" if rows is None else "rows" if rows else "empty") == answer["items"]
            assert [row for row in rows or () if set(answer.get("always", ())) - set(row)] == []
            assert unknown(call["entity"], rows or [], is_trimmed="fields=" in call["path"]) == []
    elif answer["is"] == "array":
        kinds = {TYPES[type(one)] for one in response.json()}
        assert kinds == {"nothing": set(), "strings": {"string"}, "objects": {"object"}}[answer["of"]]
    elif answer["is"] == "object":
        assert unknown(call["entity"], [response.json()]) == []


@pytest.mark.parametrize("one", RECORDED["graphql"], ids=lambda one: one["name"])
def test_graphql_is_answered_as_recorded(world: World, one: dict[str, Any]) -> None:
    response = requests.post(f"{world.url}/graphql", json={"query": one["query"]}, timeout=10)
    assert response.status_code == one["status"]
    assert {path: "|".join(sorted(types)) for path, types in shape(response.json()).items()} == one["paths"]


@pytest.mark.parametrize("table", [table for table in TABLES.values() if table.rest_path], ids=lambda table: table.name)
def test_every_object_has_the_recorded_keys_and_types_and_all_that_is_loaded(world: World, table: Any) -> None:
    world.control("reset")
    rows = world.get(f"{table.rest_path}?searchCriteria=")["items"]
    assert unknown(table.name, rows) == []
    found = shape(rows)
    loaded = [column.json_path for column in table.columns]
    loaded += [f"{column.json_path}[].{key}" for column in table.columns for key in column.fields]
    for path, types in RECORDED["objects"][table.name].items():
        sure = {name for name in types.split("|") if not name.endswith("?")}
        assert path not in loaded or sure <= found.get(f"[].{path}", set()), path
