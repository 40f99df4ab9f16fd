"""Who is asking: admin tokens, lock-out, two-factor, and the OAuth 1.0a signature of an integration.

Recorded: an admin token is a JWT (HS256) of 60 minutes; a wrong password, an unknown, inactive or locked user all get
the same 401; a token that is absent, bad or expired makes its bearer a guest, whom the permission check then refuses.
Not recorded and taken from Magento's source: the texts about nonces, timestamps and consumers, and that the counter of
failures is only cleared by success, so that one more failure after a lock-out locks again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, unquote_plus

import pyotp

from demo.magento import errors
from demo.magento.errors import MagentoError

if TYPE_CHECKING:
    from demo.magento.settings import Settings

INTEGRATION = {
    "consumer_key": "democonsumerkey00000000000000001",
    "consumer_secret": "democonsumersecret00000000000001",
    "access_token": "demoaccesstoken00000000000000001",
    "access_token_secret": "demotokensecret00000000000000001",
}
"""The demo's only integration; it has the article's role."""
_TIME_DEVIATION = 600


ROLE_OF = {"admin": "administrators", "icomm": "reader", "ordersonly": "ordersonly", "none": "none"}
INACTIVE, WITHOUT_ROLE = "inactive", "norole"
_NAMES = list(ROLE_OF)
_TFA: dict[str, tuple[str, dict[str, Any] | None]] = {
    "google": ("Please use the 2fa provider-specific endpoints to obtain a token.", {"active_providers": ["google"]}),
    "user_not_configured": (
        "You are required to configure personal Two-Factor Authorization in order to login. Please check your email.",
        {"providers": ["google"], "active_providers": []},
    ),
    "no_provider": ("Please ask an administrator with sufficient access to configure 2FA first", None),
}


class Authenticator:
    """Issues and checks tokens. Times are this machine's, in seconds; the store's own clock has no part in it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._opaque: dict[str, tuple[int, float]] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        self._used_codes: dict[str, int] = {}
        self._nonces: set[str] = set()
        self._revoked_until = 0

    def reset(self) -> None:
        """Forget failures, used codes and nonces; tokens stay valid."""
        self._failures.clear()
        self._used_codes.clear()
        self._nonces.clear()

    def expire_tokens(self) -> None:
        """Make every token issued so far invalid."""
        self._revoked_until = max(self._revoked_until + 1, int(time.time()))
        self._opaque.clear()

    def admin_token(self, given: dict[str, Any], settings: Settings) -> str:
        """Log an administrator in by username and password. Raises `MagentoError`."""
        name = self._check_password(given, settings)
        message, parameters = _TFA.get(settings.tfa, ("", None))
        if message:
            raise MagentoError(400, message, parameters)
        return self._issue(name, settings)

    def google_token(self, given: dict[str, Any], settings: Settings) -> str:
        """Log an administrator in with a one-time code as well. Raises `MagentoError`."""
        missing = [name for name in ("username", "password", "otp") if given.get(name) is None]
        if missing:
            raise errors.required(*missing)
        name = self._check_password(given, settings)
        if settings.tfa != "google":
            is_there = settings.tfa == "user_not_configured"
            raise MagentoError(400, "Provider is not configured." if is_there else "Provider is not allowed.")
        step = _matching_step(str(given["otp"]), settings.tfa_secret)
        if step is None or step <= self._used_codes.get(name, -1):
            raise MagentoError(401, "Invalid code.")
        self._used_codes[name] = step
        return self._issue(name, settings)

    def role_of(self, authorization: str | None, method: str, url: str, query: str, settings: Settings) -> str | None:
        """Tell the role of whom a request is from, None being a guest's. `url` is scheme, host and path.

        Raises `MagentoError` for a bad OAuth request.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() == "oauth":
            self._check_oauth(token, method, url, query)
            return "reader"
        if scheme.lower() != "bearer":
            return None
        if _equal(token, INTEGRATION["access_token"]):
            return "reader" if settings.integration_bearer else None
        user_id = self._read_token(token)
        return ROLE_OF[_NAMES[user_id - 1]] if user_id else None

    def _check_password(self, given: dict[str, Any], settings: Settings) -> str:
        missing = [name for name in ("username", "password") if not str(given.get(name) or "").strip()]
        if missing:
            raise errors.required(*missing)
        name, password = str(given["username"]), str(given["password"])
        failures, until = self._failures.get(name, (0, 0.0))
        if failures >= settings.lockout_failures and time.time() < until:
            raise errors.sign_in_failed()
        if name not in (*ROLE_OF, INACTIVE, WITHOUT_ROLE) or not _equal(password, settings.password):
            self._failures[name] = (failures + 1, time.time() + settings.lockout_seconds)
            raise errors.sign_in_failed()
        if name == INACTIVE:
            raise errors.sign_in_failed()
        if name == WITHOUT_ROLE:
            raise MagentoError(401, "More permissions are needed to access this.")
        self._failures.pop(name, None)
        return name

    def _issue(self, name: str, settings: Settings) -> str:
        user_id = _NAMES.index(name) + 1
        if settings.token_format == "opaque":  # noqa: S105
            token = secrets.token_hex(16)
            self._opaque[token] = (user_id, time.time() + settings.token_life)
            return token
        # A second login within the second of a revocation must not get the revoked token again.
        issued = max(int(time.time()), self._revoked_until + 1)
        claims = {"uid": user_id, "utypid": 2, "iat": issued, "exp": issued + int(settings.token_life)}
        signed = f"{_encode({'kid': '1', 'alg': 'HS256'})}.{_encode(claims)}"
        return f"{signed}.{self._sign(signed)}"

    def _read_token(self, token: str) -> int | None:
        if token in self._opaque:
            user_id, expires = self._opaque[token]
            return user_id if time.time() < expires else None
        signed, _, signature = token.rpartition(".")
        if not signed or not _equal(signature, self._sign(signed)):
            return None
        claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
        is_over = time.time() >= claims["exp"] or claims["iat"] <= self._revoked_until
        return None if is_over else claims["uid"]

    def _sign(self, text: str) -> str:
        return _base64url(hmac.new(self._key, text.encode(), hashlib.sha256).digest())

    def _check_oauth(self, parameters: str, method: str, url: str, query: str) -> None:
        pairs = (part.strip().partition("=") for part in parameters.split(","))
        given = {unquote(name): unquote(value.strip('"')) for name, _, value in pairs}
        names = ("consumer_key", "signature", "signature_method", "nonce", "timestamp", "token")
        missing = [f"oauth_{name}" for name in names if f"oauth_{name}" not in given]
        if missing:
            raise errors.required(*missing)
        key, method_name = given["oauth_consumer_key"], given["oauth_signature_method"]
        if len(given["oauth_token"]) != len(INTEGRATION["access_token"]):
            raise MagentoError(400, "The token length is invalid. Check the length and try again.")
        if method_name != "HMAC-SHA256":
            raise MagentoError(400, "Signature method %1 is not supported", [method_name])
        if len(key) != len(INTEGRATION["consumer_key"]):
            raise MagentoError(401, "Consumer key is not the correct length")
        if key != INTEGRATION["consumer_key"]:
            raise MagentoError(401, "A consumer having the specified key does not exist")
        self._check_nonce(given["oauth_nonce"], given["oauth_timestamp"])
        if given["oauth_token"] != INTEGRATION["access_token"]:
            raise MagentoError(401, "Specified token does not exist")
        signed = {name: value for name, value in given.items() if name not in ("oauth_signature", "realm")}
        asked = (part.partition("=") for part in query.split("&") if part)
        signed |= {unquote_plus(name): unquote_plus(value) for name, _, value in asked}
        if not _equal(given["oauth_signature"], _signature(method, url, signed)):
            raise MagentoError(401, "The signature is invalid. Verify and try again.")

    def _check_nonce(self, nonce: str, timestamp: str) -> None:
        if not timestamp.isdigit() or not 0 < int(timestamp) <= time.time() + _TIME_DEVIATION:
            raise MagentoError(401, "The timestamp value in the oauth_timestamp parameter is incorrect.")
        if nonce in self._nonces:
            raise MagentoError(401, "The nonce is already being used by the consumer with ID %1.", [1])
        self._nonces.add(nonce)


def _signature(method: str, url: str, parameters: dict[str, str]) -> str:
    # As RFC 5849 says, with SHA-256. Written here so that a client must agree with it, not share it.
    pairs = sorted((_percent(name), _percent(value)) for name, value in parameters.items())
    query = "&".join(f"{name}={value}" for name, value in pairs)
    base = f"{method.upper()}&{_percent(url)}&{_percent(query)}"
    key = f"{_percent(INTEGRATION['consumer_secret'])}&{_percent(INTEGRATION['access_token_secret'])}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def _matching_step(otp: str, secret: str) -> int | None:
    totp = pyotp.TOTP(secret)
    now = time.time()
    # Magento accepts a code for 29 more seconds (twofactorauth/google/leeway), and as early as that.
    for at in (now, now - 29, now + 29):
        if _equal(totp.at(int(at)), otp):
            return int(at) // totp.interval
    return None


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _percent(text: str) -> str:
    return quote(text, safe="-._~")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _encode(part: dict[str, Any]) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())
