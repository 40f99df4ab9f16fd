"""Logging in to Magento: an admin user (with or without a second factor) or an integration.

A login signs each request just before it is sent, so that a retry carries a fresh token or a fresh
OAuth signature; `LoginAdapter` does that below requests' retries and renews a token once when the
store answers 401 in mid-run.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import orjson
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.requests import Client
from requests import PreparedRequest, RequestException, Response, Timeout
from requests_oauthlib import OAuth1

from loaders.http import BoundedAdapter
from loaders.magento.address import follow_no_redirects, redirected, unreachable
from loaders.magento.answers import LARGEST_ANSWER, json_of, strange, text_of
from loaders.magento.errors import LoginError, StoreDownError, filled_message
from loaders.magento.one_time_codes import OneTimeCodes
from loaders.magento.settings import MagentoSettings, name
from loaders.paths import warehouse
from loaders.settings import fits_a_header
from loaders.text import keep_secret

OPAQUE_TOKEN_SECONDS = 4 * 3600  # admin tokens before 2.4.4 say nothing of their life; 4 h is Magento's default
LONGEST_LIFE = 366 * 24 * 3600.0
RENEW_BEFORE_SECONDS = 120
FIRST_LOGIN_ATTEMPTS = 3
"""Tries of a login whose password may be wrong: a try that got no answer may count towards the six that lock."""
LONGEST_WAIT = 60.0
ANY_ADMIN_PATH = "V1/modules"
"""What any login may read, so that a 401 there is the login's and a 401 elsewhere the role's."""

# These log credentials, signatures and whole headers at DEBUG.
for _logger in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_logger).setLevel(logging.WARNING)


class Login(ABC):
    """A way to sign requests. `kind` says which, for people."""

    kind = ""

    @abstractmethod
    def sign(self, request: PreparedRequest) -> None:
        """Add what proves who asks to `request`."""

    @abstractmethod
    def explain(self, text: str) -> str:
        """One line on why the store does not take the login, given Magento's `text`."""

    def is_refused(self, status: int, text: str) -> bool:
        """Tell whether an answer may be a refusal of the login rather than of the call."""
        return status == 401

    def renew(self, request: PreparedRequest, response: Response, is_accepted: Callable[[], bool]) -> bool:
        """Get a new proof after a 401 of `request`; True when it is worth asking again.

        `is_accepted` asks the store whether the proof of `request` is good for what anyone may read.
        """
        return False


class BearerLogin(Login):
    """An integration's access token sent as it is; stores from 2.4.4 on refuse it unless told otherwise."""

    kind = "integration token"

    def __init__(self, token: str) -> None:
        self._token = token

    def sign(self, request: PreparedRequest) -> None:
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"

    def explain(self, text: str) -> str:
        """Magento's text never says that it is the form it refuses (recorded)."""
        return (
            "the store refuses the integration's access token alone, as Magento does from 2.4.4 on; either set "
            f"{name('consumer_key')}, {name('consumer_secret')} and {name('access_token_secret')} too (System > "
            "Integrations shows all four), or allow it in Stores > Configuration > Services > OAuth > Consumer "
            "Settings; if it is allowed, the token is wrong or the integration not active"
        )


class OAuthLogin(Login):
    """An integration's four credentials, OAuth 1.0a with HMAC-SHA256; every request has its own nonce."""

    kind = "integration, OAuth 1.0a"

    def __init__(self, settings: MagentoSettings) -> None:
        self._oauth = OAuth1(
            settings.consumer_key,
            client_secret=settings.consumer_secret,
            resource_owner_key=settings.access_token,
            resource_owner_secret=settings.access_token_secret,
            signature_method="HMAC-SHA256",
        )

    def sign(self, request: PreparedRequest) -> None:
        """Add an OAuth header, signed over this request alone."""
        self._oauth(request)

    def is_refused(self, status: int, text: str) -> bool:
        """Tell it from the text too: a credential of the wrong length is a 400."""
        return status == 401 or (status == 400 and any(word in text.lower() for word in ("oauth", "token length")))

    def renew(self, request: PreparedRequest, response: Response, is_accepted: Callable[[], bool]) -> bool:
        """Ask again, with a new nonce, when the store has seen this one: a request that was sent twice on the way."""
        return "nonce" in filled_message(json_of(response))

    def explain(self, text: str) -> str:
        """Texts as Magento's Oauth.php and TokenProvider have them; the signature's is recorded."""
        lowered = text.lower()
        if "signature" in lowered:
            wrong = (
                f"the signature is wrong: {name('consumer_secret')} or {name('access_token_secret')} is not this "
                "integration's (or a proxy changes the address on its way)"
            )
        elif "consumer" in lowered:
            wrong = f"{name('consumer_key')} is not known to the store"
        elif "timestamp" in lowered:
            wrong = "this machine's clock is more than ten minutes off; set it by NTP"
        elif "token" in lowered:
            wrong = f"{name('access_token')} is not known to the store, or the integration was reauthorised"
        else:
            wrong = "it does not accept the four credentials; is the integration active?"
        return f"the store refused the integration: {wrong}; System > Integrations shows the four credentials"


class AdminLogin(Login):
    """An admin user's token, fetched on the first request and renewed before it ends.

    A refusal is final for the run: the next try, of whichever thread, would count towards the lock-out.
    """

    def __init__(
        self,
        settings: MagentoSettings,
        rest_url: str,
        *,
        runtime: RuntimeConfiguration | None = None,
        codes: OneTimeCodes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._rest_url = rest_url
        self._runtime = runtime or resolve_configuration(RuntimeConfiguration())
        self._codes = codes
        if self._codes is None and settings.totp_secret:
            self._codes = OneTimeCodes(settings.totp_secret, warehouse().work / "last_one_time_code")
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._was_accepted = False
        self._refusal: LoginError | None = None
        self.token_life = 0.0

    @property
    def kind(self) -> str:  # type: ignore[override]
        """With or without a second factor."""
        return "admin user with one-time codes" if self._codes else "admin user"

    def sign(self, request: PreparedRequest) -> None:
        """Add the token of the moment, fetching one when there is none or it is about to end."""
        request.headers["Authorization"] = f"Bearer {self._current()}"

    def renew(self, request: PreparedRequest, response: Response, is_accepted: Callable[[], bool]) -> bool:
        """Drop a token that has ended, unless another thread has replaced it already.

        A missing permission is answered alike (recorded), and a login costs a one-time code, so the
        store is asked which of both it is.
        """
        refused = str(request.headers.get("Authorization", "")).removeprefix("Bearer ")
        with self._lock:
            if refused != self._token:
                return True
        if is_accepted():
            return False
        with self._lock:
            if refused == self._token:
                self._token = ""
        return True

    def explain(self, text: str) -> str:
        """A token that was given and is not taken."""
        return (
            "the store gives the user a token and then refuses it (401); check that the user is active and has a "
            "role, and that nothing in front of the shop removes the Authorization header"
        )

    def _current(self) -> str:
        with self._lock:
            if self._refusal is not None:
                raise LoginError(str(self._refusal))
            if not self._token or self._clock() >= self._renew_at:
                started = self._clock()
                try:
                    self._token = self._fetch()
                except LoginError as error:
                    self._refusal = error
                    raise
                self.token_life = token_seconds(self._token)
                # A tenth of a short life; a token that is always about to end would be fetched for each request.
                self._renew_at = started + self.token_life - min(RENEW_BEFORE_SECONDS, self.token_life / 10)
                self._was_accepted = True
            return self._token

    def _fetch(self) -> str:
        """Log in. Only what a busy or broken server answers is tried again, each time with a new one-time code."""
        attempts = self._runtime.request_max_attempts
        if not self._was_accepted:
            attempts = min(FIRST_LOGIN_ATTEMPTS, attempts)
        for attempt in range(1, attempts + 1):
            error: RequestException | None = None
            response: Response | None = None
            try:
                response = self._ask()
            except RequestException as raised:
                error = raised
            if response is not None and response.status_code == 200:
                token = json_of(response)
                if isinstance(token, str):
                    keep_secret(token)
                    if token and fits_a_header(token):
                        return token
            # What took the whole time-out would take it again, and may count towards the tries that lock.
            is_passing = response is None and not isinstance(error, Timeout)
            is_passing |= response is not None and (response.status_code == 429 or response.status_code >= 500)
            if not is_passing or attempt == attempts:
                break
            time.sleep(_wait(attempt, response))
        if response is None and error is not None:
            raise StoreDownError(unreachable(self._settings.base_url, error)) from None
        assert response is not None  # noqa: S101 - there is an answer or an error
        status, body = response.status_code, json_of(response)
        if 300 <= status < 400:
            raise StoreDownError(redirected("the login", response))
        if status < 300 and body is None:
            raise StoreDownError(strange("the login", status, text_of(response)))
        if status < 300:
            raise StoreDownError(f"the login answered {status} without a token; have the shop looked at")
        text = refusal(status, body, has_totp=self._codes is not None)
        raise (StoreDownError if is_passing else LoginError)(text)

    def _ask(self) -> Response:
        credentials = {"username": self._settings.username, "password": self._settings.password}
        path = "V1/integration/admin/token"
        if self._codes is not None:
            path = "V1/tfa/provider/google/authenticate"
            credentials["otp"] = self._codes.next()
        client = Client(
            request_timeout=self._runtime.request_timeout, raise_for_status=False, status_codes=(), exceptions=()
        )
        session = client.session
        bounded = BoundedAdapter(deadline=self._runtime.request_timeout, max_bytes=LARGEST_ANSWER)
        for scheme in ("https://", "http://"):
            session.mount(scheme, bounded)
        follow_no_redirects(session)
        response = session.post(f"{self._rest_url}/{path}", json=credentials, headers={"Accept": "application/json"})
        if self._codes is not None and response.status_code == 404 and "route" in filled_message(json_of(response)):
            self._codes = None  # two-factor login is not installed there, or was switched off since
            return self._ask()
        return response


class EndlessAnswerError(RequestException):
    """An answer began and did not end in its time. Magento makes an answer whole before it sends it."""


class LoginAdapter(BoundedAdapter):
    """Signs each try of each request, and asks once more with a renewed login after a 401."""

    def __init__(self, login: Login, rest_url: str = "", **options: Any) -> None:
        self.login = login
        self._any_admin_url = f"{rest_url}/{ANY_ADMIN_PATH}?fields="
        super().__init__(**options)

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send a signed copy of `request`, so that a retry is signed anew."""
        signed = request.copy()
        self.login.sign(signed)

        def is_accepted() -> bool:
            if f"/{ANY_ADMIN_PATH}" in str(request.url):
                return False  # that was the question
            question = signed.copy()
            question.url = self._any_admin_url
            return self._send(question, *args, **options).status_code == 200

        try:
            response = self._send(signed, *args, **options)
            if response.status_code == 401 and self.login.renew(signed, response, is_accepted):
                signed = request.copy()
                self.login.sign(signed)
                response = self._send(signed, *args, **options)
        except RequestException as error:
            error.request = request  # without the credentials, whatever prints it
            raise
        response.request = request
        return response

    def _send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        response = super().send(request, *args, **options)
        try:
            _ = response.content
        except Timeout:
            raise EndlessAnswerError(f"{request.url} began an answer and did not end it") from None
        return response


def make_login(settings: MagentoSettings, rest_url: str, runtime: RuntimeConfiguration | None = None) -> Login:
    """Choose the login that the settings allow: integration first, then the admin user."""
    if settings.consumer_key and settings.access_token_secret:
        return OAuthLogin(settings)
    if settings.access_token:
        return BearerLogin(str(settings.access_token))
    return AdminLogin(settings, rest_url, runtime=runtime)


def token_seconds(token: str) -> float:
    """Life of an admin token in seconds: `exp` less `iat` of a JWT (2.4.4 and later), else 4 hours.

    The difference is used because the store's clock and ours may differ.
    """
    try:
        payload = token.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        life = float(claims["exp"] - claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError):
        return OPAQUE_TOKEN_SECONDS
    return life if 1 <= life <= LONGEST_LIFE else OPAQUE_TOKEN_SECONDS


def refusal(status: int, body: object, *, has_totp: bool) -> str:
    """Explain a refused login. Texts and codes as recorded from a live 2.4.7."""
    text = filled_message(body)
    lowered = text.lower()
    if status == 401 and "invalid code" in lowered:
        return (
            f"the store did not accept the one-time code; check that {name('totp_secret')} is this user's, and set "
            "this machine's clock by NTP"
        )
    if status == 401 and "more permissions" in lowered:
        return (
            f"the user of {name('username')} has no role; give it one in System > All Users > the user > User Role "
            "(the article's role: System > User Roles)"
        )
    if status == 401:
        return (
            f"the store refused the login: wrong {name('username')} or {name('password')}, an inactive user, or one "
            "locked for 30 minutes after six failures (all answer alike); check in the admin before trying again"
        )
    if status == 400 and ("2fa" in lowered or "two-factor" in lowered or "provider" in lowered):
        return f'two-factor login is on ("{text}"); {_two_factor(lowered, has_totp=has_totp)}'
    if status == 400:
        return f'the store could not read the login ("{text}"); check {name("username")} and {name("password")}'
    if status == 403:
        return "a firewall in front of the shop refuses the login (403); have this machine's address let in"
    if status == 404:
        return (
            f"no Magento REST API answers at {name('base_url')} (404); it must be the shop's address, not the admin's"
        )
    if status == 503:
        return "the shop is in maintenance (503); run again when it is open"
    return f"the store answered the login with {status}{f': {text}' if text else ''}; try again when the shop works"


def _two_factor(lowered: str, *, has_totp: bool) -> str:
    """What to do about two-factor login: three ways out, after what stands in the way of the first."""
    other_ways = (
        "or use an integration's four OAuth credentials (System > Integrations), or have two-factor login switched "
        "off for the API"
    )
    if "ask an administrator" in lowered or "not allowed" in lowered:
        first = (
            "no provider is configured in the store: have Google Authenticator chosen in Stores > Configuration > "
            f"Security > 2FA and set {name('totp_secret')},"
        )
    elif has_totp or "configure" in lowered:
        first = (
            "the user has not set up Google Authenticator: log in to the admin once as this user (Magento sends it an "
            f"e-mail), keep the secret it shows and set {name('totp_secret')} to it,"
        )
    else:
        first = f"either set {name('totp_secret')} to the user's Google Authenticator secret,"
    return f"{first} {other_ways}"


def _wait(attempt: int, response: Response | None) -> float:
    """Seconds before the next try."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(asked) if asked.isdecimal() else float(2**attempt), LONGEST_WAIT)
