"""Logging in to Magento: an admin user (with or without a second factor) or an integration.

A login signs each request just before it is sent, so that a retry carries a fresh token or a fresh
OAuth signature; `LoginAdapter` does that below requests' retries and renews a token once when the
store answers 401 in mid-run.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from abc import ABC, abstractmethod
from typing import Any

import pyotp
from dlt.sources.helpers.requests import Client
from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth1

from loaders.magento.errors import LoginError, MagentoError, filled_message
from loaders.magento.settings import MagentoSettings, name

OPAQUE_TOKEN_SECONDS = 4 * 3600  # admin tokens before 2.4.4 say nothing of their life; 4 h is Magento's default
RENEW_BEFORE_SECONDS = 120


class Login(ABC):
    """A way to sign requests."""

    @abstractmethod
    def sign(self, request: PreparedRequest) -> None:
        """Add what proves who asks to `request`."""

    def renew(self, request: PreparedRequest) -> bool:
        """Get a new proof after a 401 of `request`; True when it is worth asking again."""
        return False


class BearerLogin(Login):
    """An integration's access token sent as it is; stores from 2.4.4 on refuse it unless told otherwise."""

    def __init__(self, token: str) -> None:
        self._token = token

    def sign(self, request: PreparedRequest) -> None:
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"


class OAuthLogin(Login):
    """An integration's four credentials, OAuth 1.0a with HMAC-SHA256; every request has its own nonce."""

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


class AdminLogin(Login):
    """An admin user's token, fetched on the first request and renewed before it ends."""

    def __init__(self, settings: MagentoSettings, rest_url: str) -> None:
        self._settings = settings
        self._rest_url = rest_url
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._last_code = ""

    def sign(self, request: PreparedRequest) -> None:
        """Add the token of the moment, fetching one when there is none or it is about to end."""
        request.headers["Authorization"] = f"Bearer {self._current()}"

    def renew(self, request: PreparedRequest) -> bool:
        """Drop the refused token unless another thread has replaced it already."""
        refused = str(request.headers.get("Authorization", "")).removeprefix("Bearer ")
        with self._lock:
            if refused == self._token:
                self._token = ""
        return True

    def _current(self) -> str:
        with self._lock:
            if not self._token or time.monotonic() >= self._renew_at:
                self._token = self._fetch()
                self._renew_at = time.monotonic() + token_seconds(self._token) - RENEW_BEFORE_SECONDS
            return self._token

    def _fetch(self) -> str:
        credentials = {"username": self._settings.username, "password": self._settings.password}
        path = "/V1/integration/admin/token"
        if self._settings.totp_secret:
            path = "/V1/tfa/provider/google/authenticate"
            credentials["otp"] = self._one_time_code()
        # Only what a busy or broken server answers is tried again: a refused login counts towards a lock-out.
        client = Client(raise_for_status=False, request_max_attempts=4)
        try:
            response = client.post(f"{self._rest_url}{path}", json=credentials)
        except RequestException as error:
            raise MagentoError(unreachable(self._settings.base_url, error)) from None
        if response.status_code == 200:
            token = _json(response)
            if isinstance(token, str) and token:
                return token
        raise LoginError(refusal(response.status_code, _json(response), has_totp=bool(self._settings.totp_secret)))

    def _one_time_code(self) -> str:
        """Make a code that was not used before: Magento takes each one once."""
        try:
            totp = pyotp.TOTP(str(self._settings.totp_secret).replace(" ", ""))
            code = totp.now()
            while code == self._last_code:
                time.sleep(1)
                code = totp.now()
        except ValueError:  # not base32
            raise LoginError(f"{name('totp_secret')} is not a base32 secret as Google Authenticator shows it") from None
        self._last_code = code
        return code


class LoginAdapter(HTTPAdapter):
    """Signs each try of each request, and asks once more with a renewed login after a 401."""

    def __init__(self, login: Login, **options: Any) -> None:
        self._login = login
        super().__init__(**options)

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send a signed copy of `request`, so that a retry is signed anew."""
        signed = request.copy()
        self._login.sign(signed)
        response = super().send(signed, *args, **options)
        if response.status_code == 401 and self._login.renew(signed):
            _ = response.content  # read to the end, so that the connection can be used again
            signed = request.copy()
            self._login.sign(signed)
            response = super().send(signed, *args, **options)
        response.request = request  # without the credentials, whatever prints it
        return response


def make_login(settings: MagentoSettings, rest_url: str) -> Login:
    """Choose the login that the settings allow: integration first, then the admin user."""
    if settings.consumer_key and settings.access_token_secret:
        return OAuthLogin(settings)
    if settings.access_token:
        return BearerLogin(str(settings.access_token))
    return AdminLogin(settings, rest_url)


def token_seconds(token: str) -> float:
    """Life of an admin token in seconds: `exp` less `iat` of a JWT (2.4.4 and later), else 4 hours.

    The difference is used because the store's clock and ours may differ.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"] - claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError):
        return OPAQUE_TOKEN_SECONDS


def refusal(status: int, body: object, *, has_totp: bool) -> str:
    """Explain a refused login. Texts and codes as recorded from a live 2.4.7."""
    text = filled_message(body)
    if status == 401 and "Invalid code" in text:
        return f"the store did not accept the one-time code; check {name('totp_secret')} and the clock here"
    if status == 401:
        return (
            f"the store refused the login: wrong {name('username')} or {name('password')}, an inactive user, or one "
            "locked for 30 minutes after six failures (all answer alike); check in the admin before trying again"
        )
    if status == 400 and ("2fa" in text.lower() or "Two-Factor" in text or "two-factor" in text):
        return (
            f'two-factor login is on ("{text}"); either set {name("totp_secret")} to the user\'s Google Authenticator '
            "secret, or use an integration's four OAuth credentials, or have two-factor login switched off for the API"
        )
    if status == 400 and has_totp:
        return (
            f'the one-time login was refused: "{text}"; Google Authenticator must be set up for the user in the admin'
        )
    if status == 404:
        return (
            f"no Magento REST API answers at {name('base_url')} (404); it must be the shop's address, not the admin's"
        )
    return f"the store answered the login with {status}{f': {text}' if text else ''}; try again when the shop works"


def unreachable(base_url: str | None, error: Exception) -> str:
    """One line for a store that does not answer."""
    reason = type(error).__name__.removesuffix("Error")
    return f"no answer from {base_url} ({reason}); check {name('base_url')} and that the shop is up, then run again"


def _json(response: Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None
