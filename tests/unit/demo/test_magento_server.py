"""The demo store's server, beyond the recorded calls that tests/contract asks again."""

from __future__ import annotations

import base64
import http.client
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pyotp
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests_oauthlib import OAuth1

from demo.magento import database, entities, fields, generate, pace, render, sql
from demo.magento.auth import INTEGRATION, Authenticator
from demo.magento.criteria import Criteria, Filter, Sort, parse_query, read_criteria
from demo.magento.errors import MagentoError
from demo.magento.settings import Settings, SettingsError
from demo.magento.store import Store
from demo.serving import serving

PASSWORD = Settings().password

# --------------------------------------------------------------------------------------------------------------------
# Reading searchCriteria and fields


def test_query_nests_like_php() -> None:
    query = parse_query("a[b][0][c]=1&a[b][1][c]=x+y%26z&d=&e=1&e=2&f[]=p&f[]=q&g=all&g[h]=1&i[j=5&&k")

    assert query == {
        "a": {"b": {"0": {"c": "1"}, "1": {"c": "x y&z"}}},
        "d": "",
        "e": "2",
        "f": {"0": "p", "1": "q"},
        "g": {"h": "1"},
        "i_j": "5",
        "k": "",
    }


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("searchCriteria[filterGroups][0][filter][0][field]=x", "Filter"),
        ("searchCriteria[filterGroups][0][filters][0][operator]=x", "Operator"),
        ("searchCriteria[sortOrders][0][dir]=ASC", "Dir"),
        ("searchCriteria[limit]=1", "Limit"),
    ],
)
def test_unknown_criteria_key_is_named(query: str, message: str) -> None:
    with pytest.raises(MagentoError) as error:
        read_criteria(parse_query(query))

    assert error.value.body["parameters"] == {"fieldName": message}


def test_page_limit_applies_to_what_is_asked_and_default_size_to_what_is_not() -> None:
    assert read_criteria({"searchCriteria": ""}, page_limit=300, default_page_size=20).page_size == 20
    assert read_criteria({"searchCriteria": {"pageSize": "300"}}, page_limit=300).page_size == 300
    with pytest.raises(MagentoError) as error:
        read_criteria({"searchCriteria": {"pageSize": "301"}}, page_limit=300)
    assert error.value.body["parameters"] == {"max": 300}


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("a,c[d]", {"a": 1, "b": 2, "c": {"d": 3, "e": 4}}, {"a": 1, "c": {"d": 3}}),
        ("a[x]", {"a": [{"x": 1, "y": 2}, {"y": 3}]}, {"a": [{"x": 1}, []]}),
        ("a[x]", {"a": []}, {"a": None}),
        ("a", {"a": []}, {"a": []}),
        ("a[x]", {"a": 5}, {"a": 5}),
        ("c,a", {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}),
        ("z", {"a": 1}, []),
        ("a[b[c]]", {"a": {"b": [{"c": 1, "d": 2}]}}, {"a": {"b": [{"c": 1}]}}),
    ],
)
def test_fields_filter_like_php(text: str, value: Any, expected: Any) -> None:
    tree = fields.parse_fields(text)
    assert tree is not None

    assert fields.apply_fields(value, tree) == expected


@pytest.mark.parametrize("text", ["items[entity_id", "a]", "a b", "a.b", "a;b", ""])
def test_malformed_fields_are_none(text: str) -> None:
    assert fields.parse_fields(text) is None


def test_sub_fields_of_a_list_of_texts_break_the_answer() -> None:
    tree = fields.parse_fields("street[x]")
    assert tree is not None

    with pytest.raises(MagentoError, match="Internal Error"):
        fields.apply_fields({"street": ["Calle 1"]}, tree)


# --------------------------------------------------------------------------------------------------------------------
# Conditions


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("abc", 0), ("12abc", 12), ("12.5", 12.5), (" 7", 7), ("-3", -3), (None, None)],
)
def test_number_is_what_mysql_sees(text: str | None, expected: object) -> None:
    assert sql.number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-10 01:02:03", "2026-11-10 01:02:03"),
        ("2026-11-10T01:02:03Z", "2026-11-10 01:02:03"),
        ("2026-11-10T01:02:03+01:00", "2026-11-10 01:02:03"),
        ("2026-11-10 01:02", "2026-11-10 01:02:00"),
        ("2026-11-10", "2026-11-10 00:00:00"),
        ("2026-11-1", "2026-11-01 00:00:00"),
        ("2026-13-10", "0000-00-00 00:00:00"),
        ("not-a-date", "0000-00-00 00:00:00"),
        ("", "0000-00-00 00:00:00"),
    ],
)
def test_moment_is_what_mysql_sees(text: str, expected: str) -> None:
    assert sql.moment(text) == expected


def order(key: int, **more: Any) -> dict[str, Any]:
    """Return a small order document."""
    return {"entity_id": key, "status": "pending", "grand_total": key / 4, "items": [], **more}


def write_store(path: Path, orders: list[tuple[int, str, str, dict[str, Any]]]) -> Path:
    """Make a store file that holds these orders (id, created, updated, document) and one store view."""
    connection = database.create_schema(path)
    database.insert(connection, "orders", ((*row[:3], orjson.dumps(row[3]).decode()) for row in orders))
    database.insert(connection, "websites", [(1, '{"id":1,"code":"base","name":"Base","default_group_id":1}')])
    database.insert(
        connection,
        "store_groups",
        [
            (
                1,
                '{"id":1,"website_id":1,"root_category_id":2,"default_store_id":1,"name":"Main","code":"main"}',
            )
        ],
    )
    database.insert(
        connection,
        "store_views",
        [(1, '{"id":1,"code":"default","name":"Default","website_id":1,"store_group_id":1,"is_active":1}')],
    )
    database.set_meta(connection, now="2026-11-23 05:30:00")
    database.finish(connection)
    connection.close()
    return path


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Four orders for one condition at a time."""
    path = tmp_path_factory.mktemp("few") / "store.sqlite"
    rows = [
        (1, "2026-01-01 00:00:00", "2026-01-05 00:00:00", order(1, coupon_code="HOT", applied_rule_ids="1,5")),
        (2, "2026-01-02 00:00:00", "2026-01-02 00:00:00", order(2, status="Complete", increment_id="000000012")),
        (3, "2026-01-03 00:00:00", "2026-01-03 12:00:00", order(3, applied_rule_ids="15", increment_id="12")),
        (5, "2026-01-04 00:00:00", "2026-01-04 00:00:00", order(5, coupon_code="100%", customer_email="Ana@x.com")),
    ]
    store = Store(write_store(path, rows))
    yield store
    store.close()


@pytest.mark.parametrize(
    ("field", "condition", "value", "expected"),
    [
        ("entity_id", "eq", "3", [3]),
        ("entity_id", "neq", "3", [1, 2, 5]),
        ("entity_id", "gt", "2", [3, 5]),
        ("entity_id", "gt", "2.5", [3, 5]),
        ("entity_id", "gteq", "2", [2, 3, 5]),
        ("entity_id", "moreq", "3", [3, 5]),
        ("entity_id", "from", "3", [3, 5]),
        ("entity_id", "lt", "3", [1, 2]),
        ("entity_id", "lteq", "3", [1, 2, 3]),
        ("entity_id", "to", "3", [1, 2, 3]),
        ("entity_id", "in", "1,5,9", [1, 5]),
        ("entity_id", "nin", "1,5", [2, 3]),
        ("entity_id", "like", "%", [1, 2, 3, 5]),
        ("entity_id", "null", "x", []),
        ("entity_id", "notnull", "x", [1, 2, 3, 5]),
        ("entity_id", "bogus", "2", [2]),
        ("entity_id", "eq", None, []),
        ("entity_id", "gt", "99999999999999999999999", []),
        ("status", "eq", "complete", [2]),
        ("status", "in", "complete,closed", [2]),
        ("status", "nin", "pending", [2]),
        ("status", "like", "COMP%", [2]),
        ("status", "nlike", "pend%", [2]),
        ("coupon_code", "null", None, [2, 3]),
        ("coupon_code", "notnull", None, [1, 5]),
        ("coupon_code", "neq", "HOT", [5]),
        ("coupon_code", "like", "100\\%", [5]),
        ("customer_email", "eq", "ANA@X.COM", [5]),
        ("applied_rule_ids", "finset", "5", [1]),
        ("applied_rule_ids", "nfinset", "5", [3]),
        ("increment_id", "eq", "12", [3]),
        ("grand_total", "gt", "0.5", [3, 5]),
        ("grand_total", "eq", "0.50", [2]),
        ("grand_total", "lt", "abc", []),
        ("updated_at", "gteq", "2026-01-03", [1, 3, 5]),
        ("updated_at", "gt", "2026-01-03T12:00:00Z", [1, 5]),
        ("updated_at", "gteq", "not-a-date", [1, 2, 3, 5]),
        ("updated_at", "lteq", "not-a-date", []),
        ("created_at", "to", "2026-01-02 00:00:00", [1, 2]),
    ],
)
def test_condition_selects(few: Store, field: str, condition: str, value: str | None, expected: list[int]) -> None:
    page = few.page(entities.ORDERS, Criteria(((Filter(field, value, condition),),)))

    assert page.ids == expected
    assert page.total == len(expected)


def test_groups_are_and_and_filters_inside_are_or(few: Store) -> None:
    groups = (
        (Filter("entity_id", "1", "eq"), Filter("status", "complete", "eq"), Filter("entity_id", "5", "eq")),
        (Filter("updated_at", "2026-01-04", "gteq"),),
    )

    assert few.page(entities.ORDERS, Criteria(groups)).ids == [1, 5]


_NAMES = """searchCriteria searchCriteria[pageSize] searchCriteria[currentPage] searchCriteria[page_size]
    searchCriteria[filterGroups] searchCriteria[filterGroups][0][filters] searchCriteria[filterGroups][0][filters][0]
    searchCriteria[filterGroups][0][filters][0][field] searchCriteria[filterGroups][0][filters][0][value]
    searchCriteria[filterGroups][0][filters][0][conditionType] searchCriteria[filterGroups][0][filters][1][field]
    searchCriteria[filterGroups][0][filters][1][value] searchCriteria[filterGroups][][filters][][field]
    searchCriteria[sortOrders][0][field] searchCriteria[sortOrders][0][direction] searchCriteria[sortOrders]
    searchCriteria[filterGroups][0][filters][0][value][] searchCriteria[ searchCriteria] fields""".split()  # noqa: SIM905
_VALUES = """entity_id status updated_at grand_total items eq in nin like finset from null notnull bogus ASC asc
    sideways 1 0 -1 3.7 1e999 99999999999999999999 abc a,b 2026-01-03 not-a-date %25 %00 %ff %27 %5C _ nan""".split()  # noqa: SIM905


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from([*_VALUES, ""])), max_size=8))
def test_any_query_has_an_answer(few: Store, pairs: list[tuple[str, str]]) -> None:
    """Whatever is asked, the outcome is a page or one of Magento's errors, never a crash."""
    query = parse_query("&".join(["searchCriteria=", *(f"{name}={value}" for name, value in pairs)]))
    try:
        page = few.page(entities.ORDERS, read_criteria(query))
    except MagentoError as error:
        status = error.status
    else:
        status = 200
        assert 0 <= len(page.ids) <= page.total <= 4
    assert status in (200, 400, 500)


@pytest.mark.parametrize("field", ["items", "extension_attributes", "payment", "id", "x') or 1=1 --"])
def test_field_that_is_no_column_is_an_internal_error(few: Store, field: str) -> None:
    with pytest.raises(MagentoError, match="Internal Error"):
        few.page(entities.ORDERS, Criteria(((Filter(field, "1", "eq"),),)))


# --------------------------------------------------------------------------------------------------------------------
# Pages and totals against a plain re-telling


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[tuple[int, str, str, str]]]]:
    """1,700 orders over 6,000 ids, with gaps longer than a block and a few updated lately."""
    rng = random.Random(7)
    keys = [key for key in range(1, 6000) if not 1500 < key < 3000 and rng.random() < 0.4]
    rows = []
    for key in keys:
        created = f"2026-{1 + key // 600:02d}-{1 + key % 28:02d} 00:00:00"
        updated = "2026-11-20 10:00:00" if rng.random() < 0.02 else created
        rows.append((key, created, updated, rng.choice(["pending", "complete", "closed"])))
    path = tmp_path_factory.mktemp("many") / "store.sqlite"
    store = Store(write_store(path, [(*row[:3], order(row[0], status=row[3])) for row in rows]))
    yield store, rows
    store.close()


def random_criteria(rng: random.Random) -> Criteria:
    groups: list[tuple[Filter, ...]] = []
    if rng.random() < 0.7:
        groups.append((Filter("entity_id", str(rng.randrange(-5, 6200)), rng.choice(["gt", "gteq"])),))
    if rng.random() < 0.5:
        groups.append((Filter("entity_id", str(rng.randrange(-5, 6200)), rng.choice(["lt", "lteq"])),))
    if rng.random() < 0.5:
        groups.append((Filter("updated_at", rng.choice(["2026-11-01", "2026-05-01", "2020-01-01"]), "gteq"),))
    if rng.random() < 0.3:
        groups.append((Filter("created_at", "2026-04-01", "gteq"),))
    if rng.random() < 0.3:
        groups.append((Filter("status", "pending,closed", "in"),))
    sorts = rng.choice(
        [
            (),
            (Sort("entity_id", "ASC"),),
            (Sort("entity_id", "DESC"),),
            (Sort("updated_at", "ASC"), Sort("entity_id", "ASC")),
            (Sort("updated_at", "DESC"), Sort("entity_id", "DESC")),
            (Sort("status", "ASC"), Sort("entity_id", "DESC")),
        ]
    )
    return Criteria(tuple(groups), sorts, bool(sorts), rng.choice([None, 0, 1, 7, 100, 1000]), rng.choice([0, 1, 2, 9]))


def expected_page(rows: list[tuple[int, str, str, str]], criteria: Criteria) -> tuple[list[int], int]:
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "gt": lambda a, b: a > b,
        "gteq": lambda a, b: a >= b,
        "lt": lambda a, b: a < b,
        "lteq": lambda a, b: a <= b,
        "in": lambda a, b: a in b.split(","),
    }
    position = {"entity_id": 0, "created_at": 1, "updated_at": 2, "status": 3}
    found = rows
    for group in criteria.groups:
        one = group[0]
        wanted: Any = int(one.value or 0) if one.field == "entity_id" else one.value
        found = [row for row in found if tests[one.condition](row[position[str(one.field)]], wanted)]
    for sort in reversed(criteria.sorts):
        found = sorted(found, key=lambda row: row[position[str(sort.field)]], reverse=sort.descending)
    size = criteria.page_size or len(found) or 1
    start = (max(1, criteria.current_page or 1) - 1) * (criteria.page_size or 0)
    return [row[0] for row in found[start : start + size]], len(found)


def test_any_page_is_what_a_plain_list_gives(many: tuple[Store, list[tuple[int, str, str, str]]]) -> None:
    store, rows = many
    rng = random.Random(11)

    for _ in range(500):
        criteria = random_criteria(rng)
        page = store.page(entities.ORDERS, criteria)
        assert (page.ids, page.total) == expected_page(rows, criteria), criteria
        assert [orjson.loads(doc)["entity_id"] for doc in page.docs] == page.ids


def test_counts_follow_the_file(tmp_path: Path) -> None:
    path = write_store(
        tmp_path / "store.sqlite", [(key, "2026-01-01", "2026-01-01", order(key)) for key in (1, 2, 300)]
    )
    store = Store(path)
    everything = Criteria(page_size=1)
    assert store.page(entities.ORDERS, everything).total == 3

    writer = sqlite3.connect(path)
    writer.execute("delete from orders where entity_id = 2")
    writer.commit()

    assert store.page(entities.ORDERS, everything).total == 2
    assert store.page(entities.ORDERS, Criteria(((Filter("entity_id", "1", "gt"),),))).ids == [300]


def test_key_ranges_never_scan_documents(many: tuple[Store, list[tuple[int, str, str, str]]]) -> None:
    """A page and its total read a bounded number of rows, however many there are before or after."""
    store, _ = many
    criteria = Criteria(((Filter("entity_id", "100", "gt"),),), (Sort("entity_id", "ASC"),), True, 10, 1)
    store.page(entities.ORDERS, criteria)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store.connection.set_progress_handler(count, 10)
    store.page(entities.ORDERS, criteria)
    store.connection.set_progress_handler(None, 0)

    assert steps * 10 < 6000


# --------------------------------------------------------------------------------------------------------------------
# Over HTTP


class Shop:
    """A served store and a few ways to ask it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        answer = requests.request(method, f"{self.url}/demo/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def log_in(self, user: str = "icomm", password: str = PASSWORD) -> requests.Response:
        body = {"username": user, "password": password}
        return requests.post(f"{self.url}/rest/V1/integration/admin/token", json=body, timeout=10)

    def bearer(self, user: str = "icomm") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.log_in(user).json()}"}

    def get(self, path: str, headers: dict[str, str] | None = None, **more: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", headers=headers, timeout=10, **more)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    path = tmp_path_factory.mktemp("served") / "store.sqlite"
    generate.create(path, customers=100, orders=300)
    with serving("demo.magento", database=path) as url:
        yield Shop(url)


@pytest.fixture
def shop(served: Shop) -> Shop:
    served.control("reset")
    served.control("faults", method="DELETE")
    served.control("requests", method="DELETE")
    return served


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stop the clock that tokens go by; the list's only element sets it."""
    now = [1_795_000_000.0]
    monkeypatch.setattr("demo.magento.auth.time.time", lambda: now[0])
    return now


def role_of(authenticator: Authenticator, token: str) -> str | None:
    identity = authenticator.identify(f"Bearer {token}", method="GET", url="", query="", settings=Settings())
    return identity.role


ONE = "/rest/V1/orders?searchCriteria[pageSize]=1"


def test_token_is_valid_as_long_as_the_setting_says(shop: Shop) -> None:
    shop.control("settings", {"token_life": 900})
    token = shop.log_in().json()

    claims = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 900
    assert abs(claims["iat"] - time.time()) < 60
    assert shop.get(ONE, {"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_token_ends(monkeypatch: pytest.MonkeyPatch, token_format: str) -> None:
    now = stopped_clock(monkeypatch)
    switched = Settings(token_life=60, token_format=token_format)
    authenticator = Authenticator()
    token = authenticator.admin_token("icomm", PASSWORD, switched)

    now[0] += 59
    assert role_of(authenticator, token) == "reader"
    now[0] += 1
    assert role_of(authenticator, token) is None


def test_opaque_token_works_and_says_nothing(shop: Shop) -> None:
    shop.control("settings", {"token_format": "opaque"})
    token = shop.log_in().json()

    assert len(token) == 32
    assert shop.get(ONE, {"Authorization": f"Bearer {token}"}).status_code == 200


def test_lockout_ends_and_one_more_failure_locks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = stopped_clock(monkeypatch)
    stock = Settings()
    authenticator = Authenticator()

    def log_in(password: str) -> bool:
        try:
            authenticator.admin_token("icomm", password, stock)
        except MagentoError as error:
            if error.status != 401:
                raise
            return False
        return True

    for _ in range(5):
        assert not log_in("wrong")
    assert log_in(PASSWORD)  # five are forgiven, and forgotten
    for _ in range(6):
        assert not log_in("wrong")
    assert not log_in(PASSWORD)
    now[0] += 1801
    assert not log_in("wrong")
    assert not log_in(PASSWORD)
    now[0] += 1799
    assert not log_in(PASSWORD)
    now[0] += 2
    assert log_in(PASSWORD)
    assert not log_in("wrong")
    assert log_in(PASSWORD)


def test_lockout_is_per_user(shop: Shop) -> None:
    for _ in range(6):
        shop.log_in("admin", "wrong")

    assert shop.log_in("admin").status_code == 401
    assert shop.log_in("icomm").status_code == 200


def test_one_time_code_works_once(shop: Shop) -> None:
    described = shop.control("settings", {"tfa": "google"})["settings"]
    body = {"username": "icomm", "password": PASSWORD, "otp": pyotp.TOTP(described["tfa_secret"]).now()}
    url = f"{shop.url}/rest/V1/tfa/provider/google/authenticate"

    first, second = (requests.post(url, json=body, timeout=10) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 401)
    assert second.json() == {"message": "Invalid code."}
    assert shop.get(ONE, {"Authorization": f"Bearer {first.json()}"}).status_code == 200
    assert "Magento_TwoFactorAuth" in shop.get("/rest/V1/modules", {"Authorization": f"Bearer {first.json()}"}).json()


def test_two_factor_routes_do_not_exist_when_it_is_off(shop: Shop) -> None:
    answer = requests.post(f"{shop.url}/rest/V1/tfa/provider/google/authenticate", json={}, timeout=10)

    assert answer.status_code == 404


def signed(**changes: str) -> OAuth1:
    values = {**INTEGRATION, **changes}
    return OAuth1(
        values["consumer_key"],
        values["consumer_secret"],
        values["access_token"],
        values["access_token_secret"],
        signature_method="HMAC-SHA256",
    )


def test_integration_credentials_are_as_long_as_magentos() -> None:
    assert {len(value) for value in INTEGRATION.values()} == {32}


@pytest.mark.parametrize(
    "query",
    [
        "searchCriteria[pageSize]=1",
        "searchCriteria%5BpageSize%5D=1&fields=items%5Bentity_id%5D",
        "searchCriteria[filterGroups][0][filters][0][field]=updated_at&searchCriteria[filterGroups][0][filters][0][value]"
        "=2026-01-01%2000:00:00&searchCriteria[filterGroups][0][filters][0][conditionType]=gteq"
        "&searchCriteria[pageSize]=1",
    ],
)
def test_signed_request_is_accepted(shop: Shop, query: str) -> None:
    assert shop.get(f"/rest/V1/orders?{query}", auth=signed()).status_code == 200


def test_nonce_works_once(shop: Shop) -> None:
    request = requests.Request("GET", f"{shop.url}{ONE}", auth=signed()).prepare()

    answers = [requests.Session().send(request, timeout=10) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 401]
    assert "nonce" in answers[1].json()["message"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"consumer_secret": "x" * 32}, "The signature is invalid. Verify and try again."),
        ({"access_token_secret": "x" * 32}, "The signature is invalid. Verify and try again."),
        ({"consumer_key": "x" * 32}, "A consumer having the specified key does not exist"),
        ({"access_token": "x" * 32}, "Specified token does not exist"),
    ],
)
def test_wrong_credential_is_refused(shop: Shop, changes: dict[str, str], message: str) -> None:
    answer = shop.get(ONE, auth=signed(**changes))

    assert answer.status_code == 401
    assert answer.json()["message"] == message


def test_old_signature_method_is_refused(shop: Shop) -> None:
    answer = shop.get(ONE, auth=OAuth1(*INTEGRATION.values(), signature_method="HMAC-SHA1"))

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("user", "orders", "websites"),
    [("admin", 200, 200), ("icomm", 200, 401), ("ordersonly", 200, 401), ("none", 401, 401)],
)
def test_every_administrator_may_list_modules(shop: Shop, user: str, orders: int, websites: int) -> None:
    headers = shop.bearer(user)

    assert shop.get("/rest/V1/modules", headers).status_code == 200
    assert shop.get(ONE, headers).status_code == orders
    assert shop.get("/rest/V1/store/websites", headers).status_code == websites


def test_faults_reach_the_client_and_the_log(shop: Shop) -> None:
    headers = shop.bearer()
    shop.control("faults", [{"kind": "status_429", "count": 1}, {"kind": "drop_connection", "count": 1}])

    throttled = shop.get(ONE, headers)
    with pytest.raises(requests.ConnectionError):
        shop.get(ONE, headers)
    assert shop.get(ONE, headers).status_code == 200

    assert throttled.status_code == 429
    assert throttled.headers["Date"] == "Mon, 23 Nov 2026 05:30:00 GMT"
    log = shop.control("requests", method="GET")
    assert [one["status"] for one in log["requests"]] == [200, 429, 0, 200]
    assert log["requests"][-1] == {"method": "GET", "path": quote(ONE, safe="/?="), "status": 200}


def test_cut_body_announces_more_than_it_sends(shop: Shop) -> None:
    headers = shop.bearer()
    shop.control("faults", {"kind": "cut_body"})

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        shop.get(ONE, headers)


def test_expired_tokens_are_replaced_by_a_login_in_the_same_second(shop: Shop) -> None:
    before = shop.bearer()
    shop.control("faults", {"kind": "expire_tokens", "count": 1})

    assert shop.get(ONE, before).status_code == 401
    after = shop.bearer()
    assert shop.get(ONE, after).status_code == 200
    assert shop.get(ONE, before).status_code == 401


@pytest.mark.parametrize(("answer", "status"), [("404", 404), ("500", 500), ("timeout", 504)])
def test_poisoned_order_breaks_its_page_only(shop: Shop, answer: str, status: int) -> None:
    headers = shop.bearer()
    shop.control("settings", {"poison_orders": [7], "poison_answer": answer, "poison_seconds": 0.1})
    page = (
        "/rest/V1/orders?searchCriteria[pageSize]=5&searchCriteria[currentPage]={}&fields=items[entity_id],total_count"
    )

    assert shop.get(page.format(1), headers).status_code == 200
    assert shop.get(page.format(2), headers).status_code == status
    assert shop.get("/rest/V1/orders/7", headers).status_code == status
    if answer == "404":
        assert "product that was requested" in shop.get(page.format(2), headers).json()["message"]


def test_requests_that_share_a_session_wait_for_each_other(shop: Shop) -> None:
    headers = shop.bearer()
    shop.control("settings", {"pace": 0.2})

    def ask(cookies: list[str]) -> float:
        began = time.perf_counter()
        threads = [
            threading.Thread(target=shop.get, args=("/rest/V1/modules", headers | {"Cookie": f"PHPSESSID={cookie}"}))
            for cookie in cookies
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        return time.perf_counter() - began

    apart = ask(["a", "b", "c"])
    together = ask(["same", "same", "same"])

    assert together >= 3 * 0.3
    assert apart < together


def test_brackets_need_no_encoding(shop: Shop) -> None:
    connection = http.client.HTTPConnection(shop.url.removeprefix("http://"), timeout=10)
    connection.putrequest("GET", "//rest/default/V1/orders/?searchCriteria[pageSize]=1&fields=items[entity_id]")
    connection.putheader("Authorization", shop.bearer()["Authorization"])
    connection.endheaders()

    answer = connection.getresponse()

    assert answer.status == 200
    assert orjson.loads(answer.read()) == {"items": [{"entity_id": 1}]}
    connection.close()


def test_session_cookie_is_kept(shop: Shop) -> None:
    answer = shop.get(ONE, shop.bearer() | {"Cookie": "PHPSESSID=0123456789abcdefghijklmnop"})

    assert answer.headers["Set-Cookie"].startswith("PHPSESSID=0123456789abcdefghijklmnop; ")


def test_settings_refuse_what_they_do_not_know(shop: Shop) -> None:
    bad: list[Any] = [{"nonsense": 1}, {"tfa": "sms"}, {"page_limit": "300"}, {"token_life": -1}, [], {"rewrites": 1}]
    for one in bad:
        answer = requests.post(f"{shop.url}/demo/settings", json=one, timeout=10)
        assert answer.status_code == 400, one
        assert answer.json()["error"]
    assert shop.control("settings", method="GET")["settings"] == Settings().describe()


def test_settings_change_all_or_nothing() -> None:
    with pytest.raises(SettingsError, match="tfa"):
        Settings().changed({"pace": 1.0, "tfa": "sms"})


@pytest.mark.parametrize(
    ("changes", "works", "fails"),
    [
        ({"rewrites": False}, "/index.php/rest/V1/modules", "/rest/V1/modules"),
        ({"base_path": "tienda/"}, "/tienda/rest/V1/modules", "/rest/V1/modules"),
    ],
)
def test_shop_that_is_set_up_otherwise(shop: Shop, changes: dict[str, Any], works: str, fails: str) -> None:
    headers = shop.bearer()
    shop.control("settings", changes)

    assert shop.get(works, headers).status_code == 200
    refused = shop.get(fails, headers)
    assert refused.status_code == 404
    assert refused.headers["Content-Type"].startswith("text/html")


def test_admin_url_given_by_mistake_answers_with_its_login_page(shop: Shop) -> None:
    answer = requests.post(f"{shop.url}/admin_x1/rest/V1/integration/admin/token", json={}, timeout=10)

    assert answer.status_code == 200
    assert "Magento Admin" in answer.text


def test_gzip_only_when_asked(shop: Shop) -> None:
    headers = shop.bearer()

    plain = shop.get(ONE, headers | {"Accept-Encoding": "identity"})
    packed = shop.get(ONE, headers | {"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])
    assert packed.json() == plain.json()


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, render.JSON_TYPE),
        ("*/*", render.JSON_TYPE),
        ("application/xml;q=0.2, application/json", render.JSON_TYPE),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", render.XML_TYPE),
        ("text/html", None),
        ("text/csv, image/png", None),
    ],
)
def test_accept_header_chooses(accept: str | None, expected: str | None) -> None:
    assert render.chosen_type(accept) == expected


def graphql(shop: Shop, query: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = {"query": query, **more}
    return requests.post(f"{shop.url}/graphql", json=body, headers=headers, timeout=10).json()


def test_graphql_shows_the_views_of_one_website(shop: Shop) -> None:
    query = "{ availableStores { store_code website_code } }"

    default = graphql(shop, query)["data"]["availableStores"]
    other = graphql(shop, query, {"Store": "usa"})["data"]["availableStores"]

    assert [one["store_code"] for one in default] == ["mayorista", "default"]
    assert other == [{"store_code": "usa", "website_code": "usa"}]
    assert "errors" in graphql(shop, query, {"Store": "nope"})


def test_graphql_understands_variables_aliases_and_fragments(shop: Shop) -> None:
    query = """
        # labels of any attributes
        query Labels($wanted: [AttributeInput!]! = [], $unused: Int) {
            labels: customAttributeMetadata(attributes: $wanted) { ...parts __typename }
            storeConfig { ... on StoreConfig { zone: timezone } }
        }
        fragment parts on CustomAttributeMetadata { items { attribute_code attribute_options { value label } } }
    """
    wanted = [{"attribute_code": "color", "entity_type": "catalog_product"}]

    data = graphql(shop, query, variables={"wanted": wanted})["data"]

    assert data["storeConfig"] == {"zone": "America/Argentina/Buenos_Aires"}
    assert data["labels"]["items"][0]["attribute_code"] == "color"
    assert {"value": "300", "label": "Rojo"} in data["labels"]["items"][0]["attribute_options"]
    assert data["labels"]["__typename"] == "CustomAttributeMetadata"


@pytest.mark.parametrize(
    "query", ["{storeConfig{nope}}", "{orders{id}}", "{storeConfig{id", "{storeConfig}", "nonsense", "§"]
)
def test_graphql_reports_errors_with_status_200(shop: Shop, query: str) -> None:
    answer = requests.post(f"{shop.url}/graphql", json={"query": query}, timeout=10)

    assert answer.status_code == 200
    assert answer.json()["errors"][0]["message"]


def test_graphql_attribute_that_is_not_there(shop: Shop) -> None:
    wanted = '[{attribute_code:"nope",entity_type:"catalog_product"}]'

    old = graphql(shop, f"{{customAttributeMetadata(attributes:{wanted}){{items{{attribute_code}}}}}}")
    new = graphql(shop, f"{{customAttributeMetadataV2(attributes:{wanted}){{items{{code}} errors{{type}}}}}}")

    assert old["data"]["customAttributeMetadata"]["items"] == [None]
    assert new["data"]["customAttributeMetadataV2"] == {"items": [], "errors": [{"type": "ATTRIBUTE_NOT_FOUND"}]}


def test_products_are_found_by_category_and_brand(shop: Shop) -> None:
    headers = shop.bearer()
    base = "/rest/V1/products?fields=items[id,custom_attributes,extension_attributes]&searchCriteria[pageSize]=0"

    def found(field: str, value: str) -> list[dict[str, Any]]:
        one = "&searchCriteria[filter_groups][0][filters][0]"
        return list(shop.get(f"{base}{one}[field]={field}{one}[value]={value}", headers).json()["items"])

    everything = shop.get(base, headers).json()["items"]
    branded = [
        row["id"]
        for row in everything
        if {"attribute_code": "manufacturer", "value": "210"} in row["custom_attributes"]
    ]
    category = next(row for row in everything if row["extension_attributes"].get("category_links"))
    category_id = category["extension_attributes"]["category_links"][0]["category_id"]
    assert branded
    assert [row["id"] for row in found("manufacturer", "210")] == branded
    assert category["id"] in [row["id"] for row in found("category_id", category_id)]
    assert all(
        category_id in [link["category_id"] for link in row["extension_attributes"]["category_links"]]
        for row in found("category_id", category_id)
    )


def test_days_pass_under_a_running_server(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    generate.create(path, customers=100, orders=300)
    with serving("demo.magento", database=path) as url:
        shop = Shop(url)
        headers = shop.bearer()
        before = shop.get(f"{ONE}&fields=total_count", headers)

        assert shop.control("advance", {"days": 2}) == {"now": "2026-11-25 05:30:00"}
        after = shop.get(f"{ONE}&fields=total_count", headers)

        assert after.json()["total_count"] > before.json()["total_count"]
        moved = parsedate_to_datetime(after.headers["Date"]) - parsedate_to_datetime(before.headers["Date"])
        assert moved.total_seconds() == 2 * 86400
        assert requests.post(f"{url}/demo/advance", json={"weeks": 1}, timeout=10).status_code == 400


def test_store_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from demo.magento.__main__ import main

    assert main(["--database", str(tmp_path / "none.sqlite")]) == 2
    assert main(["--database", str(tmp_path / "none.sqlite"), "--set", '{"nope": 1}']) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "no demo store at" in lines[0]
    assert "no setting 'nope'" in lines[1]


# --------------------------------------------------------------------------------------------------------------------
# Pace


@pytest.mark.parametrize(("clients", "together"), [(1, 75), (2, 190), (3, 178), (4, 166), (8, 166)])
def test_pace_adds_up_to_what_was_recorded(clients: int, together: float) -> None:
    seconds = pace.EMPTY_CALL + 100 * pace.seconds_per_order(clients)

    assert clients * 100 / seconds == pytest.approx(together)


def test_paced_pages_take_their_time(shop: Shop) -> None:
    """Five times a live Magento's speed: one client 375 orders/s, two together 950, less what the machine lacks."""
    headers = shop.bearer()
    shop.control("settings", {"pace": 5.0})
    page = "/rest/V1/orders?searchCriteria[pageSize]=100&fields=items[entity_id]"

    def measure(clients: int) -> float:
        threads = [threading.Thread(target=lambda: [shop.get(page, headers) for _ in range(3)]) for _ in range(clients)]
        began = time.perf_counter()
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        return clients * 300 / (time.perf_counter() - began)

    alone, together = measure(1), measure(2)

    assert alone < 380
    assert alone < together < 960
