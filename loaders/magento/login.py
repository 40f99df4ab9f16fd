"""Logging in to Magento: an admin user (with or without a second factor) or an integration.

A login is what requests calls an `auth`: it signs each try of each request, so that a retry carries a fresh token or a
fresh OAuth signature.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests_oauthlib import OAuth1

from loaders.magento.address import redirected
from loaders.magento.answers import json_of, strange, text_of
from loaders.magento.errors import LoginError, PageError, StoreDownError, filled_message
from loaders.magento.one_time_codes import OneTimeCodes
from loaders.magento.refusals import refusal, refused_integration, refused_token
from loaders.magento.settings import MagentoSettings
from loaders.paths import warehouse
from loaders.settings import fits_a_header
from loaders.text import keep_secret

LOGIN_ATTEMPTS = 3
"""Tries of a login whose password may be wrong: a try that got no answer may count towards the six that lock."""
ADMIN_TOKEN, ONE_TIME_CODE = "V1/integration/admin/token", "V1/tfa/provider/google/authenticate"

# These log credentials, signatures and whole headers at DEBUG.
for _logger in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_logger).setLevel(logging.WARNING)

Post = Callable[[str, Callable[[], Mapping[str, str]]], Response]
"""Posts to a path below `/rest` without a login what each of LOGIN_ATTEMPTS has to say. Raises PageError."""


class Login(AuthBase):
    """A way to sign requests."""

    kind = ""
    """How it is called, for people."""

    def prepare(self) -> None:
        """Have at hand what signing needs; may ask the store."""

    def forget(self, request: PreparedRequest) -> None:
        """Let go of what signed a request that the store has refused."""

    def explain(self, text: str) -> str:
        """One line on why the store does not take the login, given Magento's `text`."""
        raise NotImplementedError


class BearerLogin(Login):
    """An integration's access token sent as it is; stores from 2.4.4 on refuse it unless told otherwise."""

    kind = "integration token"

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def explain(self, text: str) -> str:
        """Magento's text never says that it is the form it refuses (recorded)."""
        return refused_token()


class OAuthLogin(Login):
    """An integration's four credentials, OAuth 1.0a with HMAC-SHA256; every try of a request has its own nonce."""

    kind = "integration, OAuth 1.0a"

    def __init__(self, settings: MagentoSettings) -> None:
        self._oauth = OAuth1(
            settings.consumer_key,
            client_secret=settings.consumer_secret,
            resource_owner_key=settings.access_token,
            resource_owner_secret=settings.access_token_secret,
            signature_method="HMAC-SHA256",
        )

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add an OAuth header, signed over this request alone."""
        signed: PreparedRequest = self._oauth(request)
        return signed

    def explain(self, text: str) -> str:
        """Tell which of the four it does not take."""
        return refused_integration(text)


class AdminLogin(Login):
    """An admin user's token, fetched before the first request and anew when the store takes it no more.

    A refusal is final for the run: the next try, of whichever thread, would count towards the lock-out.
    """

    def __init__(self, settings: MagentoSettings, post: Post) -> None:
        self._settings = settings
        self._post = post
        self._codes: OneTimeCodes | None = None
        if settings.totp_secret:
            self._codes = OneTimeCodes(settings.totp_secret, warehouse().work / "last_one_time_code")
        self._lock = threading.Lock()
        self._token = ""
        self._refusal: LoginError | None = None

    @property
    def kind(self) -> str:  # type: ignore[override]
        """With or without a second factor."""
        return "admin user with one-time codes" if self._codes else "admin user"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the token of the moment."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def prepare(self) -> None:
        """Fetch a token when there is none."""
        with self._lock:
            if self._refusal is not None:
                raise LoginError(str(self._refusal))
            if self._token:
                return
            try:
                self._token = self._fetch()
            except LoginError as error:
                self._refusal = error
                raise

    def forget(self, request: PreparedRequest) -> None:
        """Drop a token that has ended, unless another thread has replaced it already."""
        with self._lock:
            if request.headers.get("Authorization") == f"Bearer {self._token}":
                self._token = ""

    def explain(self, text: str) -> str:
        """A token that was given and is not taken."""
        return (
            "the store gives the user a token and then refuses it (401); check that the user is active and has a "
            "role, and that nothing in front of the shop removes the Authorization header"
        )

    def _fetch(self) -> str:
        """Log in. Only what a busy or broken server answers is tried again, each time with a new one-time code."""
        path = ONE_TIME_CODE if self._codes is not None else ADMIN_TOKEN
        try:
            response = self._post(path, self._credentials)
        except PageError as error:
            raise StoreDownError(str(error)) from None
        status, body = response.status_code, json_of(response)
        if self._codes is not None and status == 404 and "route" in filled_message(body):
            self._codes = None  # two-factor login is not installed there, or was switched off since
            return self._fetch()
        if isinstance(body, str) and status == 200:
            keep_secret(body)
            if body and fits_a_header(body):
                return body
        if 300 <= status < 400:
            raise StoreDownError(redirected("the login", response))
        if status < 300 and body is None:
            raise StoreDownError(strange("the login", status, text_of(response)))
        if status < 300:
            raise StoreDownError(f"the login answered {status} without a token; have the shop looked at")
        text = refusal(status, body, has_totp=self._codes is not None)
        raise (StoreDownError if status == 429 or status >= 500 else LoginError)(text)

    def _credentials(self) -> dict[str, str]:
        given = {"username": self._settings.username, "password": self._settings.password}
        return {**given, "otp": self._codes.next()} if self._codes is not None else given


def make_login(settings: MagentoSettings, post: Post) -> Login:
    """Choose the login that the settings allow: integration first, then the admin user."""
    if settings.consumer_key and settings.access_token_secret:
        return OAuthLogin(settings)
    if settings.access_token:
        return BearerLogin(str(settings.access_token))
    return AdminLogin(settings, post)
