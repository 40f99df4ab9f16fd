"""Every way to log in and every recorded refusal, against the demo store over HTTP."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from demo.magento.auth import INTEGRATION
from loaders.magento.client import MagentoClient
from loaders.magento.errors import LoginError, MagentoError, PermissionMissingError
from loaders.magento.one_time_codes import OneTimeCodes
from loaders.magento.schema import Filter
from tests.unit.magento.conftest import PASSWORD, SECRET, Shop, client

TOKEN = "/V1/integration/admin/token"
GOOGLE = "/V1/tfa/provider/google/authenticate"


def read_orders(asking: MagentoClient) -> bytes:
    filters = [Filter("updated_at", "gteq", "2001-02-03 04:05:06")]  # blanks and brackets, which OAuth signs too
    return asking.search("orders", filters, page_size=1, sort="entity_id", fields="items[entity_id],total_count").body


# -- admin user


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_admin_logs_in_once_for_all_threads(shop: Shop, token_format: str) -> None:
    shop.set(token_format=token_format)
    asking = client(shop.url)
    with ThreadPoolExecutor(4) as pool:
        bodies = list(pool.map(lambda _: read_orders(asking), range(12)))
    assert all(body.startswith(b'{"items":[{"entity_id":') for body in bodies)
    assert shop.asked(TOKEN) == [200]


def test_token_that_ends_in_mid_run_is_renewed_once_for_all(shop: Shop) -> None:
    asking = client(shop.url, workers=4)
    read_orders(asking)
    shop.fault(kind="expire_tokens", count=1, match={"path_regex": "/V1/orders"})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: read_orders(asking), range(12)))
    assert shop.asked(TOKEN) == [200, 200]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("503_maintenance_html", "in maintenance"),
        ("502_html", "answered the login with 502"),
        ("status_429", "answered the login with 429"),
        ("drop_connection", "no answer from"),
    ],
)
def test_a_broken_store_is_asked_for_a_login_again_but_not_until_it_locks_the_user(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    monkeypatch.setattr("loaders.magento.client.time.sleep", lambda _: None)
    shop.fault(kind=kind, count=2, retry_after=0, match={"path_regex": TOKEN})
    read_orders(client(shop.url))
    assert len(shop.asked(TOKEN)) == 3
    shop.fault(kind=kind, retry_after=0, match={"path_regex": TOKEN})
    with pytest.raises(MagentoError, match=text) as caught:
        read_orders(client(shop.url))
    assert not isinstance(caught.value, LoginError)
    assert len(shop.asked(TOKEN)) == 6


def test_missing_permission_costs_no_login_and_is_named(shop: Shop) -> None:
    asking = client(shop.url, username="ordersonly", password=PASSWORD)
    read_orders(asking)
    with pytest.raises(PermissionMissingError, match="`Customers` in System > User Roles") as caught:
        asking.search("customers/search", [], page_size=1, sort="entity_id")
    assert caught.value.resource == "Magento_Customer::customer"
    assert shop.asked(TOKEN) == [200]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"username": "icomm", "password": "wrong"}, "wrong SOURCES__MAGENTO__USERNAME or SOURCES__MAGENTO__PASSWORD"),
        ({"username": "inactive", "password": PASSWORD}, "an inactive user"),
        ({"username": "norole", "password": PASSWORD}, "has no role"),
        ({"username": "icomm", "password": " "}, r'could not read the login \(""password" is required'),
        ({"username": "", "password": PASSWORD}, r"could not read the login"),
    ],
)
def test_refused_login_is_asked_once(shop: Shop, given: dict[str, str], text: str) -> None:
    asking = client(shop.url, **given)
    for _ in range(4):  # other tables, other workers
        with pytest.raises(LoginError, match=text):
            read_orders(asking)
    assert len(shop.asked(TOKEN)) == 1


def test_locked_user_is_answered_like_a_wrong_password(shop: Shop) -> None:
    shop.set(lockout_failures=2)
    for _ in range(2):
        with pytest.raises(LoginError):
            read_orders(client(shop.url, username="icomm", password="wrong"))
    with pytest.raises(LoginError, match="locked for 30 minutes after six failures"):
        read_orders(client(shop.url))


# -- two-factor


def test_one_time_code(shop: Shop) -> None:
    shop.set(tfa="google")
    spaced = " ".join(SECRET[i : i + 4] for i in range(0, 32, 4)).lower()  # as the screen shows it
    read_orders(client(shop.url, totp_secret=spaced))
    assert shop.asked(GOOGLE) == [200]


def test_two_factor_without_secret_names_three_ways_out(shop: Shop) -> None:
    shop.set(tfa="google")
    with pytest.raises(LoginError) as caught:
        read_orders(client(shop.url))
    for way in ("SOURCES__MAGENTO__TOTP_SECRET", "OAuth credentials", "switched off"):
        assert way in str(caught.value)
    assert shop.asked(TOKEN) == [400]


def test_wrong_secret_and_wrong_password_with_two_factor(shop: Shop, tmp_path: Path) -> None:
    shop.set(tfa="google")
    with pytest.raises(LoginError, match="did not accept the one-time code"):
        read_orders(client(shop.url, totp_secret="A" * 32))
    (tmp_path / "warehouse.work" / "last_one_time_code").unlink()  # or the next would wait for its half-minute
    with pytest.raises(LoginError, match="wrong SOURCES__MAGENTO__USERNAME"):
        read_orders(client(shop.url, username="icomm", password="wrong", totp_secret=SECRET))
    assert shop.asked(GOOGLE) == [401, 401]
    with pytest.raises(LoginError, match="not a base32 secret"):
        read_orders(client(shop.url, totp_secret="not a secret 01!"))


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_code_is_never_made_twice(tmp_path: Path) -> None:
    clock = Clock(1_000_005.0)
    memory = tmp_path / "work" / "code"

    def codes() -> OneTimeCodes:
        return OneTimeCodes(SECRET, memory, clock=clock, sleep=clock.sleep)

    one, other = codes(), codes()  # as two processes
    seen = [one.next(), other.next(), one.next(), codes().next()]
    assert len(set(seen)) == 4
    assert clock.now == 1_000_080.0  # three half-minutes later, at their beginning
    assert memory.read_text().isdigit()
    assert len(memory.read_text()) == 5  # a count of half-minutes, neither secret nor code


def test_each_try_has_its_own_code(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.set(tfa="google")
    made: list[str] = []

    class Codes(OneTimeCodes):
        def next(self) -> str:
            made.append(super().next())
            return made[-1]

    clock = Clock(time.time() - 29)  # the store takes a code half a minute longer, and as early
    monkeypatch.setattr("loaders.magento.client.time.sleep", lambda _: None)
    shop.fault(kind="502_html", processed=True, count=1, match={"path_regex": GOOGLE})  # the code is used up
    monkeypatch.setattr(
        "loaders.magento.login.OneTimeCodes", lambda secret, _: Codes(secret, clock=clock, sleep=clock.sleep)
    )
    read_orders(client(shop.url, totp_secret=SECRET))
    assert len(made) == len(set(made)) == 2


@pytest.mark.parametrize(
    ("mode", "text"),
    [("user_not_configured", "has not set up Google Authenticator"), ("no_provider", "no provider is configured")],
)
def test_two_factor_that_is_not_set_up(shop: Shop, mode: str, text: str) -> None:
    shop.set(tfa=mode)
    for secret in ("", SECRET):
        with pytest.raises(LoginError, match=text):
            read_orders(client(shop.url, totp_secret=secret))


# -- integrations


def test_oauth(shop: Shop) -> None:
    asking = client(shop.url, **INTEGRATION)
    for _ in range(3):
        read_orders(asking)
    asking.search("products", [Filter("name", "like", "%Ñandú & co+%")], page_size=1, sort="entity_id")
    assert (shop.asked(TOKEN), set(shop.asked("/V1/"))) == ([], {200})


def test_oauth_retry_is_signed_anew(shop: Shop) -> None:
    shop.fault(kind="500", processed=True, count=2, match={"path_regex": "/V1/orders"})  # its nonce is used up
    read_orders(client(shop.url, **INTEGRATION))
    assert shop.asked("/V1/orders") == [500, 500, 200]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"consumer_secret": "x" * 32}, "the signature is wrong: SOURCES__MAGENTO__CONSUMER_SECRET"),
        ({"access_token_secret": "x" * 32}, "or SOURCES__MAGENTO__ACCESS_TOKEN_SECRET"),
        ({"consumer_key": "x" * 32}, "SOURCES__MAGENTO__CONSUMER_KEY is not known"),
        ({"consumer_key": "short"}, "SOURCES__MAGENTO__CONSUMER_KEY is not known"),
        ({"access_token": "x" * 32}, "SOURCES__MAGENTO__ACCESS_TOKEN is not known"),
        ({"access_token": "short"}, "SOURCES__MAGENTO__ACCESS_TOKEN is not known"),
    ],
)
def test_oauth_refused(shop: Shop, changed: dict[str, str], text: str) -> None:
    with pytest.raises(LoginError, match=text):
        read_orders(client(shop.url, **{**INTEGRATION, **changed}))


def test_bearer_refused_and_allowed(shop: Shop) -> None:
    token = INTEGRATION["access_token"]
    with pytest.raises(LoginError, match=r"from 2\.4\.4 on.*CONSUMER_KEY.*Consumer Settings"):
        read_orders(client(shop.url, access_token=token))
    shop.set(integration_bearer=True)
    asking = client(shop.url, access_token=token)
    assert read_orders(asking)
    with pytest.raises(PermissionMissingError, match="Stores > Settings > All Stores"):
        asking.get("store/websites")


def test_an_error_carries_no_credentials(shop: Shop) -> None:
    shop.fault(kind="drop_connection", match={"path_regex": "/V1/orders"})
    with pytest.raises(MagentoError) as caught:
        read_orders(client(shop.url))
    cause = caught.value.__context__
    assert isinstance(cause, requests.ConnectionError)
    assert (cause.request, cause.response) == (None, None)
