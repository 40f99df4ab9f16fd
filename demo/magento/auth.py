"""Who is asking: admin and customer tokens, lock-out, two-factor, and the OAuth 1.0a signature of an integration.

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
from dataclasses import dataclass
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
INTEGRATION_ROLE = "reader"
_CONSUMER_ID = 1
_CREDENTIAL_LENGTH = 32
_TIME_DEVIATION = 600
_ADMIN, _CUSTOMER = 2, 3


@dataclass(frozen=True)
class User:
    """An administrator of the demo store. `role` None is a user without any role."""

    id: int
    role: str | None
    is_active: bool = True


USERS: dict[str, User] = {
    "admin": User(1, "administrators"),
    "icomm": User(2, "reader"),
    "ordersonly": User(3, "ordersonly"),
    "briefreader": User(4, "briefreader"),
    "leafreader": User(5, "leafreader"),
    "none": User(6, "none"),
    "inactive": User(7, "reader", is_active=False),
    "norole": User(8, None),
}
_BY_ID = {user.id: user for user in USERS.values()}


@dataclass(frozen=True)
class Identity:
    """Whom a request is from. `has_session` says whether its answers open a PHP session even when refused."""

    role: str | None
    has_session: bool


GUEST = Identity(None, has_session=True)


@dataclass
class _Failures:
    count: int = 0
    until: float = 0.0


class Authenticator:
    """Issues and checks tokens. Times are this machine's, in seconds; the store's own clock has no part in it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._opaque: dict[str, tuple[int, int, float]] = {}
        self._failures: dict[tuple[int, str], _Failures] = {}
        self._used_codes: dict[int, int] = {}
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

    def admin_token(self, username: Any, password: Any, settings: Settings) -> str:
        """Log an administrator in. Raises `MagentoError`."""
        user = self._check_password(username, password, settings)
        if settings.tfa == "google":
            raise MagentoError(
                400,
                "Please use the 2fa provider-specific endpoints to obtain a token.",
                {"active_providers": ["google"]},
                cookies="Pf",
            )
        if settings.tfa == "user_not_configured":
            raise MagentoError(
                400,
                "You are required to configure personal Two-Factor Authorization in order to login. "
                "Please check your email.",
                {"providers": ["google"], "active_providers": []},
                cookies="Pf",
            )
        if settings.tfa == "no_provider":
            raise MagentoError(
                400, "Please ask an administrator with sufficient access to configure 2FA first", cookies="Pf"
            )
        return self._issue(user.id, _ADMIN, settings)

    def google_token(self, username: Any, password: Any, otp: Any, settings: Settings) -> str:
        """Log an administrator in with a one-time code. Raises `MagentoError`."""
        missing = [
            name for name, value in (("username", username), ("password", password), ("otp", otp)) if value is None
        ]
        if missing:
            raise errors.required(*missing)
        user = self._check_password(username, password, settings)
        if settings.tfa == "no_provider":
            raise MagentoError(400, "Provider is not allowed.", cookies="Pf")
        if settings.tfa == "user_not_configured":
            raise MagentoError(400, "Provider is not configured.", cookies="Pf")
        step = self._matching_step(str(otp), settings.tfa_secret)
        if step is None or step <= self._used_codes.get(user.id, -1):
            raise MagentoError(401, "Invalid code.", cookies="Pf")
        self._used_codes[user.id] = step
        return self._issue(user.id, _ADMIN, settings)

    def customer_token(self, username: Any, password: Any, customer_id: int | None, settings: Settings) -> str:
        """Log a customer in; `customer_id` is the account of that e-mail, if there is one. Raises `MagentoError`."""
        name, given = _credentials(username, password)
        self._refuse_locked(_CUSTOMER, name, settings)
        if customer_id is None or not _equal(given, settings.customer_password):
            self._count_failure(_CUSTOMER, name, settings)
            raise errors.sign_in_failed()
        self._failures.pop((_CUSTOMER, name), None)
        return self._issue(customer_id, _CUSTOMER, settings)

    def identify(self, authorization: str | None, *, method: str, url: str, query: str, settings: Settings) -> Identity:
        """Tell who a request is from. `url` is scheme, host and path. Raises `MagentoError` for a bad OAuth request."""
        if authorization is None:
            return GUEST
        if "oauth " in authorization.lower():
            self._check_oauth(authorization, method=method, url=url, query=query)
            return Identity(INTEGRATION_ROLE, has_session=True)
        pieces = authorization.split(" ")
        if len(pieces) != 2 or pieces[0].lower() != "bearer":
            return GUEST
        token = pieces[1]
        if _equal(token, INTEGRATION["access_token"]):
            return Identity(INTEGRATION_ROLE, has_session=False) if settings.integration_bearer else GUEST
        found = self._read_token(token)
        if found is None:
            return GUEST
        user_id, user_type = found
        if user_type == _CUSTOMER:
            return Identity(None, has_session=False)
        return Identity(_BY_ID[user_id].role, has_session=False)

    def _check_password(self, username: Any, password: Any, settings: Settings) -> User:
        name, given = _credentials(username, password)
        self._refuse_locked(_ADMIN, name, settings)
        user = USERS.get(name)
        if user is None or not _equal(given, settings.password):
            self._count_failure(_ADMIN, name, settings)
            raise errors.sign_in_failed()
        if not user.is_active:
            raise errors.sign_in_failed(cookies="P")
        if user.role is None:
            raise MagentoError(401, "More permissions are needed to access this.", cookies="P")
        self._failures.pop((_ADMIN, name), None)
        return user

    def _refuse_locked(self, user_type: int, name: str, settings: Settings) -> None:
        failures = self._failures.get((user_type, name))
        if failures and failures.count >= settings.lockout_failures and time.time() < failures.until:
            raise errors.sign_in_failed(cookies="")

    def _count_failure(self, user_type: int, name: str, settings: Settings) -> None:
        failures = self._failures.setdefault((user_type, name), _Failures())
        failures.count += 1
        failures.until = time.time() + settings.lockout_seconds

    @staticmethod
    def _matching_step(otp: str, secret: str) -> int | None:
        totp = pyotp.TOTP(secret)
        now = time.time()
        # Magento accepts a code for 29 more seconds (twofactorauth/google/leeway), and as early as that.
        for moment in (now, now - 29, now + 29):
            if hmac.compare_digest(totp.at(int(moment)).encode(), otp.encode()):
                return int(moment) // totp.interval
        return None

    def _issue(self, user_id: int, user_type: int, settings: Settings) -> str:
        # A second login within the second of a revocation must not get the revoked token again.
        issued = max(int(time.time()), self._revoked_until + 1)
        if settings.token_format == "opaque":  # noqa: S105
            token = secrets.token_hex(16)
            self._opaque[token] = (user_id, user_type, time.time() + settings.token_life)
            return token
        claims = {"uid": user_id, "utypid": user_type, "iat": issued, "exp": issued + int(settings.token_life)}
        signed = f"{_encode({'kid': '1', 'alg': 'HS256'})}.{_encode(claims)}"
        return f"{signed}.{self._sign(signed)}"

    def _read_token(self, token: str) -> tuple[int, int] | None:
        if token in self._opaque:
            user_id, user_type, expires = self._opaque[token]
            return (user_id, user_type) if time.time() < expires else None
        signed, _, signature = token.rpartition(".")
        if not signed or not _equal(signature, self._sign(signed)):
            return None
        try:
            claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
        except (ValueError, IndexError):
            return None
        if time.time() >= claims["exp"] or claims["iat"] <= self._revoked_until:
            return None
        return claims["uid"], claims["utypid"]

    def _sign(self, text: str) -> str:
        return _base64url(hmac.new(self._key, text.encode(), hashlib.sha256).digest())

    def _check_oauth(self, authorization: str, *, method: str, url: str, query: str) -> None:
        given = _oauth_parameters(authorization)
        if given.get("oauth_version", "1.0") != "1.0":
            raise MagentoError(400, 'The "%1" Oauth version isn\'t supported.', [given["oauth_version"]], cookies="P")
        names = ("consumer_key", "signature", "signature_method", "nonce", "timestamp", "token")
        missing = [f"oauth_{name}" for name in names if f"oauth_{name}" not in given]
        if missing:
            raise errors.required(*missing)
        if len(given["oauth_token"]) != _CREDENTIAL_LENGTH:
            raise MagentoError(400, "The token length is invalid. Check the length and try again.", cookies="P")
        if given["oauth_signature_method"] != "HMAC-SHA256":
            raise MagentoError(
                400, "Signature method %1 is not supported", [given["oauth_signature_method"]], cookies="P"
            )
        if len(given["oauth_consumer_key"]) != _CREDENTIAL_LENGTH:
            raise _oauth_problem("Consumer key is not the correct length")
        if given["oauth_consumer_key"] != INTEGRATION["consumer_key"]:
            raise _oauth_problem("A consumer having the specified key does not exist")
        self._check_nonce(given["oauth_nonce"], given["oauth_timestamp"])
        if given["oauth_token"] != INTEGRATION["access_token"]:
            raise _oauth_problem("Specified token does not exist")
        expected = oauth_signature(
            method,
            url,
            _query_parameters(query) | {k: v for k, v in given.items() if k != "oauth_signature"},
            INTEGRATION["consumer_secret"],
            INTEGRATION["access_token_secret"],
        )
        if not _equal(given["oauth_signature"], expected):
            raise _oauth_problem("The signature is invalid. Verify and try again.")

    def _check_nonce(self, nonce: str, timestamp: str) -> None:
        moment = int(timestamp) if timestamp.isdigit() else 0
        if not 0 < moment <= time.time() + _TIME_DEVIATION:
            raise _oauth_problem("The timestamp value in the oauth_timestamp parameter is incorrect.")
        if nonce in self._nonces:
            raise MagentoError(
                401, "The nonce is already being used by the consumer with ID %1.", [_CONSUMER_ID], cookies="P"
            )
        self._nonces.add(nonce)


def oauth_signature(method: str, url: str, parameters: dict[str, str], consumer_secret: str, token_secret: str) -> str:
    """Sign a request as RFC 5849 says, with SHA-256. Written here so that a client must agree with it, not share it."""
    pairs = sorted((_percent(name), _percent(value)) for name, value in parameters.items())
    query = "&".join(f"{name}={value}" for name, value in pairs)
    base = f"{method.upper()}&{_percent(url)}&{_percent(query)}"
    key = f"{_percent(consumer_secret)}&{_percent(token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def _oauth_problem(message: str) -> MagentoError:
    return MagentoError(401, message, cookies="P")


def _oauth_parameters(authorization: str) -> dict[str, str]:
    start = authorization.lower().index("oauth ") + len("oauth ")
    found = {}
    for part in authorization[start:].split(","):
        name, equals, value = part.strip().partition("=")
        if equals and "oauth_" in name:
            found[unquote(name)] = unquote(value.strip('"'))
    return found


def _query_parameters(query: str) -> dict[str, str]:
    # Magento leaves out what is not exactly name=value, and of equal names signs the last.
    found = {}
    for part in query.split("&"):
        pieces = part.split("=")
        if len(pieces) == 2 and "oauth_" not in pieces[0]:
            found[unquote_plus(pieces[0])] = unquote_plus(pieces[1])
    return found


def _credentials(username: Any, password: Any) -> tuple[str, str]:
    missing = [
        name
        for name, value in (("username", username), ("password", password))
        if value is None or not str(value).strip()
    ]
    if missing:
        raise errors.required(*missing)
    return str(username), str(password)


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _percent(text: str) -> str:
    return quote(text, safe="-._~")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _encode(part: dict[str, Any]) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())
