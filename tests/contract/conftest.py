"""A served demo store, and what a recorded call needs from it to be asked again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyotp
import pytest
import requests
from requests_oauthlib import OAuth1

from demo.magento import generate
from demo.serving import serving

USERS = {"admin": "admin", "reader": "icomm"} | {name: name for name in ("ordersonly", "briefreader", "leafreader")}


@dataclass
class World:
    """A served store, logins to it, and the values of the contract's placeholders."""

    url: str
    tokens: dict[str, str] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)

    def switch(self, **settings: Any) -> None:
        """Set the store back to how it started, and then these settings."""
        self.described = requests.post(f"{self.url}/demo/reset", timeout=10).json()
        if settings:
            answer = requests.post(f"{self.url}/demo/settings", json=settings, timeout=10)
            assert answer.status_code == 200, answer.text

    def setting(self, name: str) -> Any:
        return self.described["settings"][name]

    def log_in(self, user: str, password: str | None = None) -> requests.Response:
        body = {"username": user, "password": password or self.setting("password")}
        return requests.post(f"{self.url}/rest/V1/integration/admin/token", json=body, timeout=10)

    def token(self, user: str) -> str:
        if user not in self.tokens:
            self.tokens[user] = self.log_in(user).json()
        return self.tokens[user]

    def ask(self, path: str, user: str = "admin") -> Any:
        """Get a REST path as a user; the decoded answer."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        return requests.get(f"{self.url}{path}", headers=headers, timeout=60).json()

    def rows(self, resource: str, criteria: str, fields: str = "") -> list[Any]:
        path = f"/rest/V1/{resource}?{criteria}" + (f"&fields={fields}" if fields else "")
        found = self.ask(path)["items"]
        assert found, f"the demo store has no {path}"
        return list(found)

    def authorization(self, call: dict[str, Any]) -> dict[str, str]:
        """Return the Authorization header of a recorded role; signed requests are signed later."""
        role, integration = call["role"], self.described["integration"]
        if role is None or role == "none" or role == "integration OAuth1.0a":
            return {}
        if role in USERS:
            return {"Authorization": f"Bearer {self.token(USERS[role])}"}
        if role == "admin, expired":
            self.switch(token_life=0)
            token = self.log_in("admin").json()
            self.switch()
        elif role == "tampered JWT":
            header, claims, signature = self.token("admin").split(".")
            token = ".".join((header, claims, signature[::-1]))
        elif role == "customer":
            body = {"username": self.value("customer_email", call), "password": self.setting("customer_password")}
            token = requests.post(f"{self.url}/rest/V1/integration/customer/token", json=body, timeout=10).json()
        elif role == "admin via 2FA":
            self.switch(tfa="google")
            body = {"username": "admin", "password": self.setting("password"), "otp": self.value("otp", call)}
            url = f"{self.url}/rest/V1/tfa/provider/google/authenticate"
            token = requests.post(url, json=body, timeout=10).json()
        elif role.startswith("integration"):
            token = integration["access_token"]
        else:
            assert role == "random string", role
            token = "0123456789abcdefghijklmnopqrstuv"
        return {"Authorization": f"Bearer {token}"}

    def signature(self, call: dict[str, Any]) -> OAuth1 | None:
        """Return how an OAuth call is signed, by a library that shares nothing with the server."""
        if call["role"] != "integration OAuth1.0a":
            return None
        integration = self.described["integration"]
        secret = "not the secret" if call["name"].endswith("bad_signature") else integration["consumer_secret"]
        return OAuth1(
            integration["consumer_key"],
            secret,
            integration["access_token"],
            integration["access_token_secret"],
            signature_method="HMAC-SHA256",
        )

    def value(self, name: str, call: dict[str, Any]) -> str:
        """Return what a placeholder stands for in this store."""
        if counted := re.fullmatch(r"1\.\.(\d+)", name):
            return ",".join(map(str, range(1, int(counted[1]) + 1)))
        if match := re.fullmatch(r"last(?:\+(\d+))?", name):
            resource = re.sub(r"^.*/V1/", "", call["path"].partition("?")[0])
            size = int(re.search(r"pageSize\]=(\d+)", call["path"])[1])  # type: ignore[index]
            total = self.ask(f"/rest/V1/{resource}?searchCriteria[pageSize]=1&fields=total_count")["total_count"]
            return str(-(-total // size) + int(match[1] or 0))
        if match := re.fullmatch(r"largest-(\d+)", name):
            resource = re.sub(r"^.*/V1/", "", call["path"].partition("?")[0])
            key = "rule_id" if "salesRules" in resource else "entity_id"
            newest = f"searchCriteria[sortOrders][0][field]={key}&searchCriteria[pageSize]=1"
            row = self.rows(resource, newest)[0]
            return str(max(0, row.get(key, row.get("id")) - int(match[1])))
        return str(getattr(self, f"_{name}")(call))

    def fill(self, template: Any, call: dict[str, Any], known: dict[str, str], *, quoted: bool) -> Any:
        """Fill in the placeholders of a path, a body or the expected criteria."""
        if isinstance(template, dict):
            return {name: self.fill(one, call, known, quoted=quoted) for name, one in template.items()}
        if isinstance(template, list):
            return [self.fill(one, call, known, quoted=quoted) for one in template]
        if not isinstance(template, str):
            return template

        def fill_in(match: re.Match[str]) -> str:
            name = match[1]
            if name not in known:
                known[name] = self.value(name, call)
            return quote(known[name], safe=",") if quoted else known[name]

        return re.sub(r"\{([\w.+-]+)\}", fill_in, template)

    def _password(self, _: Any) -> Any:
        return self.setting("password")

    def _customer_password(self, _: Any) -> Any:
        return self.setting("customer_password")

    def _otp(self, _: Any) -> Any:
        return pyotp.TOTP(self.setting("tfa_secret")).now()

    def _token(self, _: Any) -> Any:
        return self.token("admin")

    def _order_id(self, _: Any) -> Any:
        return self.rows("orders", "searchCriteria[pageSize]=1", "items[entity_id]")[0]["entity_id"]

    def _customer_id(self, _: Any) -> Any:
        return self.rows("customers/search", "searchCriteria[pageSize]=1", "items[id]")[0]["id"]

    def _customer_email(self, _: Any) -> Any:
        return self.rows("customers/search", "searchCriteria[pageSize]=1", "items[email]")[0]["email"]

    def _sku(self, _: Any) -> Any:
        skus = [row["sku"] for row in self.rows("products", "searchCriteria=", "items[sku]")]
        return next(sku for sku in skus if "/" in sku and " " in sku)

    def _email_prefix(self, _: Any) -> Any:
        rows = self.rows("orders", "searchCriteria[pageSize]=20", "items[customer_email]")
        return next(row["customer_email"][:4] for row in rows if row["customer_email"][:4].isalnum())

    def _second_currency(self, _: Any) -> Any:
        configs = self.ask("/rest/V1/store/storeConfigs")
        return next(one["base_currency_code"] for one in configs if one["website_id"] == 2)

    def _other_website_view(self, _: Any) -> Any:
        return next(one["code"] for one in self.ask("/rest/V1/store/storeViews") if one["website_id"] == 2)

    def _other_view(self, _: Any) -> Any:
        return next(one["code"] for one in self.ask("/rest/V1/store/storeViews") if one["id"] == 2)

    def _recently(self, call: dict[str, Any]) -> str:
        resource = re.sub(r"^.*/V1/", "", call["path"].partition("?")[0])
        newest = "searchCriteria[sortOrders][0][field]=updated_at&searchCriteria[pageSize]=20"
        return str(min(row["updated_at"] for row in self.rows(resource, newest, "items[updated_at]")))


def perform(world: World, call: dict[str, Any]) -> tuple[requests.Response, Any]:
    """Ask a recorded call again; return the answer, and the search criteria it should repeat."""
    world.switch()
    known: dict[str, str] = {}
    path = world.fill(call["path"], call, known, quoted=True)
    body = world.fill(call.get("body"), call, known, quoted="urlencoded" in str(call.get("headers")))
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"} | world.authorization(call)
    headers |= world.fill(call.get("headers", {}), call, known, quoted=False)
    if failed := re.fullmatch(r"lockout_(?:attempt_(\d)_wrong|then_right_password)", call["name"]):
        for _ in range(int(failed[1] or 8) - 1):
            world.log_in("ordersonly", "Wrong12345!")
    if call.get("settings"):
        requests.post(f"{world.url}/demo/settings", json=call["settings"], timeout=10)
    if call.get("fault"):
        requests.post(f"{world.url}/demo/faults", json={"kind": call["fault"]}, timeout=10)
    prepared = requests.Request(
        call["method"],
        f"{world.url}{path}",
        headers=headers,
        json=body if isinstance(body, dict) else None,
        data=body.encode() if isinstance(body, str) else None,
        auth=world.signature(call),
    ).prepare()
    if "Content-Type" not in call.get("headers", {}):
        prepared.headers.pop("Content-Type", None)
    try:
        # A session of its own: cookies must not reach the next call.
        response = requests.Session().send(prepared, timeout=60)
    finally:
        requests.delete(f"{world.url}/demo/faults", timeout=10)
    answer = call.get("answer")
    criteria = answer.get("search_criteria") if isinstance(answer, dict) else None
    criteria = world.fill(criteria, call, known, quoted=False)
    if criteria is not None:
        for name in ("page_size", "current_page"):
            if name in criteria:
                criteria[name] = int(criteria[name])
    return response, criteria


@pytest.fixture(scope="session")
def store_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contract") / "store.sqlite"
    generate.create(path, customers=500, orders=1500)
    return path


@pytest.fixture(scope="session")
def world(store_file: Path) -> Iterator[World]:
    with serving("demo.magento", database=store_file) as url:
        made = World(url)
        made.switch()
        yield made


@pytest.fixture(scope="session")
def older_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store that has seen two more days, and one of changes that move no `updated_at`."""
    path = tmp_path_factory.mktemp("older") / "store.sqlite"
    generate.create(path, customers=500, orders=1500)
    with serving("demo.magento", database=path) as url:
        made = World(url)
        for given in ({"days": 2}, {"days": 1, "silent": True}):
            answer = requests.post(f"{url}/demo/advance", json=given, timeout=60)
            assert answer.status_code == 200, answer.text
        made.switch()
        yield made
