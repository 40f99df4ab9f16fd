"""`make doctor` against the demo store and the demo ICOMMKT: the whole table, for two roles and for what goes wrong.

The tables are held in `doctor/*.txt`; `UPDATE_GOLDEN=1` writes them anew.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.in_process import in_process
from benchmarks.push.published import Given, write
from demo.environment import DEMO_KEY, DEMO_PROFILE, demo_environment
from demo.magento.auth import INTEGRATION
from demo.magento.generate import create
from demo.serving import serving
from loaders.checks import MISSING, NOT_CHECKED, OK, WARN, Check
from loaders.doctor import examine, main, print_examination

GOLDEN = Path(__file__).parent / "doctor"
STORE_CLOCK = datetime(2026, 11, 23, 5, 30, 0, tzinfo=UTC)


class Place:
    """The demo servers and the settings that point at them."""

    def __init__(self, folder: Path, magento_url: str, icommkt_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.magento_url = magento_url
        self.environment = demo_environment(folder, magento_url, icommkt_url)
        self._urls = ((magento_url, "http://127.0.0.1:10001"), (icommkt_url, "http://127.0.0.1:10002"))
        self._folder = folder
        for name in [name for name in os.environ if name.startswith(("SOURCES__", "ICOMMKT__"))]:
            monkeypatch.delenv(name)
        for name, value in self.environment.items():
            if name.startswith(("SOURCES__", "ICOMMKT__", "WAREHOUSE_PATH")):
                monkeypatch.setenv(name, value)
        self._monkeypatch = monkeypatch

    def set(self, **settings: str) -> None:
        """Set settings by their environment names; empty ones are not set at all."""
        for name, value in settings.items():
            if value:
                self._monkeypatch.setenv(name, value)
            else:
                self._monkeypatch.delenv(name, raising=False)

    def shop(self, **settings: Any) -> None:
        requests.post(f"{self.magento_url}/demo/settings", json=settings, timeout=10).raise_for_status()

    def checks(self, variables: str | None = None, now: datetime = STORE_CLOCK) -> dict[str, Check]:
        return {check.what: check for check in examine(variables, lambda: now)}

    def table(self) -> str:
        checks = [replace(check, text=self._anywhere(check.text)) for check in examine(None, lambda: STORE_CLOCK)]
        with redirect_stdout(io.StringIO()) as out:
            print_examination(checks)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"

    def _anywhere(self, text: str) -> str:
        """Return text without what differs from run to run, replaced before it is wrapped."""
        for url, stand_in in self._urls:
            text = text.replace(url, stand_in)
        text = re.sub(r"\b[0-5] s apart", "0 s apart", text)  # as long as the answer took
        return text.replace(str(self._folder), "FOLDER")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("doctor")
    create(folder / "magento.sqlite", customers=100, orders=400)
    options = ["--api-key", DEMO_KEY, "--profile-key", DEMO_PROFILE]
    with (
        serving("demo.magento", database=folder / "magento.sqlite") as magento_url,
        serving("demo.icommkt", database=folder / "icommkt.sqlite", options=options) as icommkt_url,
    ):
        yield magento_url, icommkt_url


@pytest.fixture
def place(servers: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    requests.post(f"{servers[0]}/demo/reset", timeout=10).raise_for_status()
    for url in servers:
        for what in ("requests", "faults"):
            requests.delete(f"{url}/demo/{what}", timeout=10).raise_for_status()
    return Place(tmp_path, *servers, monkeypatch)


def same_as_golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("role", "user"), [("article", "icomm"), ("orders_only", "ordersonly")])
def test_table_of_each_role(place: Place, role: str, user: str) -> None:
    place.set(SOURCES__MAGENTO__USERNAME=user)
    same_as_golden(f"role_{role}", place.table())


def test_table_without_any_setting(place: Place) -> None:
    for name in ("BASE_URL", "USERNAME", "PASSWORD"):
        place.set(**{f"SOURCES__MAGENTO__{name}": ""})
    place.set(ICOMMKT__API_KEY="", ICOMMKT__PROFILE_KEY="")
    same_as_golden("no_settings", place.table())


def test_it_reads_only_and_logs_in_once(place: Place) -> None:
    place.checks()
    log = requests.get(f"{place.magento_url}/demo/requests", timeout=10).json()["requests"]
    posts = [one["path"] for one in log if one["method"] != "GET"]
    assert sorted(set(posts)) == ["/graphql", "/rest/V1/integration/admin/token"]
    assert posts.count("/rest/V1/integration/admin/token") == 1
    assert len(log) < 25
    icommkt = requests.get(f"{place.environment['ICOMMKT__API_URL']}/demo/requests", timeout=10).json()
    assert {one["path"] for one in icommkt} == {"/Contacts/ListFull.Json/"}


def test_a_login_by_an_integration(place: Place) -> None:
    place.set(**{f"SOURCES__MAGENTO__{name.upper()}": value for name, value in INTEGRATION.items()})
    login = place.checks()["login"]
    assert (login.state, login.text[:18]) == (OK, "integration, OAuth")


@pytest.mark.parametrize(
    ("shop", "text"),
    [
        ({"tfa": "google"}, "two-factor login is on"),
        ({"tfa": "no_provider"}, "no provider is configured in the store"),
    ],
)
def test_a_refused_login_leaves_the_rest(place: Place, shop: dict[str, Any], text: str) -> None:
    place.shop(**shop)
    checks = place.checks()
    assert checks["login"].state == MISSING
    assert text in checks["login"].text
    assert checks["permissions of the role"].state == NOT_CHECKED
    for what in ("time zone", "currency", "brands", "ICOMMKT profile_key", "warehouse"):
        assert checks[what].state in (OK, WARN), checks[what]
    log = requests.get(f"{place.magento_url}/demo/requests", timeout=10).json()["requests"]
    assert sum("token" in one["path"] for one in log) == 1


def test_clocks(place: Place) -> None:
    assert place.checks()["clocks"].text == "0 s apart"
    behind = datetime(2026, 11, 23, 3, 0, 0, tzinfo=UTC)
    clocks = place.checks(now=behind)["clocks"]
    assert clocks.state == WARN
    assert "2:30:00 behind the store" in clocks.text
    place.set(SOURCES__MAGENTO__TOTP_SECRET="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    clocks = place.checks(now=behind)["clocks"]
    assert clocks.state == MISSING
    assert "one-time codes fail" in clocks.text


NO_GRAPHQL = {"kind": "500", "match": {"path_regex": "/graphql"}}
NO_VIEW = "no orders of store views 77: check SOURCES__MAGENTO__STORE"
NO_ORDER = "none of 400 is of 2027-01-01 or later"


@pytest.mark.parametrize(
    ("given", "what", "state", "text"),
    [
        ({"shop": {"total_count": "missing"}}, "orders to load", OK, ""),
        ({"fault": NO_GRAPHQL}, "time zone and currency", MISSING, "Have POST /graphql let through"),
        ({"SOURCES__MAGENTO__START_DATE": "2026-06-01"}, "orders to load", OK, " of 400 since 2026-06-01"),
        ({"SOURCES__MAGENTO__START_DATE": "2027-01-01"}, "orders to load", MISSING, NO_ORDER),
        ({"SOURCES__MAGENTO__STORE_IDS": "77"}, "orders to load", MISSING, NO_VIEW),
        ({"VARS": "{brand_attribute: marca}"}, "brands", WARN, "no labels of attribute marca"),
        ({"VARS": "{store_timezone: Not/AZone}"}, "time zone", MISSING, ""),
        ({"VARS": "{store_timezone: America/Bogota}"}, "time zone", OK, "America/Bogota by the var store_timezone"),
        ({"ICOMMKT__API_KEY": "wrong"}, "ICOMMKT profile_key", MISSING, "ICOMMKT refuses the key"),
        ({"ICOMMKT__PROFILE_KEY": "wrong"}, "ICOMMKT profile_key", MISSING, "refuses to list the profile"),
        ({"ICOMMKT__PROFILE_KEY": ""}, "ICOMMKT profile_key", MISSING, "ICOMMKT__PROFILE_KEY is not set"),
        ({"ICOMMKT__API_URL": "http://icommkt.example"}, "ICOMMKT settings", MISSING, "must begin with https://"),
    ],
)
def test_each_finding_is_told_and_costs_no_other(
    place: Place, given: dict[str, Any], what: str, state: str, text: str
) -> None:
    place.shop(**given.get("shop", {}))
    if "fault" in given:
        requests.post(f"{place.magento_url}/demo/faults", json=given["fault"], timeout=10).raise_for_status()
    place.set(**{name: value for name, value in given.items() if "__" in name}, ICOMMKT__PATIENCE="0.5")
    checks = place.checks(given.get("VARS"))
    assert (checks[what].state, text in checks[what].text) == (state, True), checks[what]
    assert checks["read orders"].state in (OK, WARN)
    assert not [check for check in checks.values() if "KeyError" in check.text]


def test_the_audience_that_is_sent(place: Place) -> None:
    """Of an audience of subscribers the store must tell who is one."""
    path = Path(place.environment["WAREHOUSE_PATH"]).with_name("published.duckdb")
    place.set(ICOMMKT__AUDIENCE="")
    assert place.checks()["who is sent"].state == MISSING
    write(path, [Given("a@example.com", customer_id=1, is_subscribed=True), Given("b@example.com")])
    text = place.checks()["who is sent"].text
    assert text.startswith("ICOMMKT__AUDIENCE is not set, and has no default")
    assert ("own integration does: 2 contacts" in text, "newsletter: 1 contacts" in text) == (True, True)
    for audience, known, state in (("all", None, OK), ("subscribers", None, MISSING), ("subscribers", False, OK)):
        place.set(ICOMMKT__AUDIENCE=audience)
        write(path, [Given("a@example.com", customer_id=1, is_subscribed=known)])
        check = place.checks()["who is sent"]
        assert check.state == state
        assert ("none of its 1 accounts" in check.text) is (state == MISSING)


def test_nobody_answers_in_time(place: Place) -> None:
    place.set(
        SOURCES__MAGENTO__BASE_URL="http://127.0.0.1:9", ICOMMKT__API_URL="http://127.0.0.1:9", ICOMMKT__PATIENCE="0.5"
    )
    started = time.monotonic()
    checks = place.checks()
    assert time.monotonic() - started < 15
    assert "no answer from http://127.0.0.1:9" in checks["Magento address"].text
    assert checks["everything else of Magento"].state == NOT_CHECKED
    assert "no good answer" in checks["ICOMMKT profile_key"].text
    done = in_process(main, environment=dict(os.environ))
    assert done.returncode == 1
    assert re.search("not ready: Magento address, .*ICOMMKT profile_key", done.stdout), done.stdout
