"""ICOMMKT's HTTP API: one request with its retries at a time, and what a failure means for what comes next."""

from __future__ import annotations

import base64
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests
import tenacity
from requests.auth import AuthBase

from loaders import http
from loaders.icommkt import answers
from loaders.icommkt.errors import DownError, RefusedError, SuspectError, UnavailableError, WholeRefusalError
from loaders.icommkt.json_stream import items_of
from loaders.icommkt.limiter import Limiter
from loaders.icommkt.settings import IcommktSettings
from loaders.text import fit

T = TypeVar("T")
log = logging.getLogger(__name__)

SAVE_ONE, SAVE_MANY, REMOVE, LIST = (
    f"/Contacts/{name}.Json/" for name in ("SaveContact", "SaveMultiContact", "RemoveContact", "ListFull")
)
MOST_BYTES = 16_000_000
"""An answer says some hundred bytes of each contact of a batch."""
LISTING_TIMES = 60
"""The list of all contacts may take so many times as long as another answer as a whole: an hour by default."""
HALVINGS = 8
"""So many times as many pages in place of answers are borne once there was an answer: a firewall may object to one
contact, which is found by halving its batch."""
LATER = "what it acknowledged is kept, run again later to send the rest"
TOLD_AFTER = 3.0
"""Seconds without a good answer after which the wait is told; what is over sooner is no news."""
OUTAGE_STATUSES = {408, 425, 429, 502, 503, 504}


class KeyAuth(AuthBase):
    """The `Authorization` header. Being an auth object, it keeps requests from putting one from ~/.netrc instead."""

    def __init__(self, settings: IcommktSettings) -> None:
        if settings.auth_form == "basic":
            self.value = "Basic " + base64.b64encode(f"{settings.api_key}:".encode()).decode()
        elif settings.auth_form == "raw_colon":
            self.value = f"{settings.api_key}:0"
        else:
            self.value = settings.api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = self.value
        return request


@dataclass
class Counts:
    """What went over the wire: requests that were started, those of them that were retries, bytes of bodies sent."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0


class Client:
    """Calls ICOMMKT from several threads, each with its own kept connection.

    `stop` ends waits. Raises RefusedError when the key is refused and UnavailableError when patience is at its end.
    """

    def __init__(self, settings: IcommktSettings, stop: threading.Event) -> None:
        self.settings = settings
        self.counts = Counts()
        self.limiter = Limiter(settings.requests_per_second, stop)
        self._auth = KeyAuth(settings)
        self._base = settings.api_url.rstrip("/")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._last_good = time.monotonic()
        self._any_good = False
        self._is_told = False
        self._not_json = 0

    def save_many(self, profile_key: str, emails: list[str], contacts: list[bytes]) -> list[answers.Fate]:
        """Send contacts (`contacts` are their JSON texts) and return the fate of each. Raises RequestError."""
        return self._retried(SAVE_MANY, _batch(profile_key, contacts), lambda answer: answers.of_batch(answer, emails))

    def raw_batch(self, profile_key: str, contacts: list[bytes]) -> Any:
        """Send contacts and return the answer as it came. Raises RequestError."""
        return self._retried(SAVE_MANY, _batch(profile_key, contacts), lambda answer: answer)

    def save_one(self, profile_key: str, email: str, contact: bytes) -> answers.Fate:
        """Send one contact by SaveContact, the call that everybody's code uses. Raises RequestError."""
        body = b'{"ProfileKey":' + json.dumps(profile_key).encode() + b',"Contact":' + contact + b"}"
        return self._retried(SAVE_ONE, body, lambda answer: answers.of_one(answer, email))

    def remove(self, profile_key: str, email: str) -> bool:
        """Remove a contact from the profile; true when it is gone, or was. Raises RequestError."""
        body = json.dumps({"ProfileKey": profile_key, "Contact": {"Email": email}}).encode()
        return self._retried(REMOVE, body, answers.of_removal)

    def list_one(self, profile_key: str, email: str) -> dict[str, Any] | None:
        """Return what the profile holds of one contact, or None. Raises RequestError."""
        body = json.dumps({"ProfileKey": profile_key, "Filters": {"Email": email}}).encode()

        def read(answer: Any) -> dict[str, Any] | None:
            listed = answers.envelope(answer, "ListContactsFullJson")
            if not isinstance(listed, list):
                code = answers.code_of(answers.part_of(listed, "StatusCode"))
                raise answers.AnswerError("the list is not a list", code)
            wanted = email.strip().lower()
            for contact in listed:
                if isinstance(contact, dict) and str(contact.get("Email", "")).strip().lower() == wanted:
                    return contact
            return None

        return self._retried(LIST, body, read)

    def list_all(self, profile_key: str) -> Iterator[dict[str, Any]]:
        """Yield every contact of the profile, one in memory at a time.

        The answer is one document of any length; it is not retried once it has begun. Raises RequestError.
        """
        body = json.dumps({"ProfileKey": profile_key, "Filters": {}}).encode()
        response = self._retrying()(lambda: self._post(LIST, body, stream=True))
        try:
            yield from items_of(response.iter_content(chunk_size=1 << 16), "ListContactsFullJsonResult")
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise SuspectError(f"the list of contacts ended early: {fit(error)}") from None
        finally:
            response.close()

    # -- one request

    def _retried(self, path: str, body: bytes, read: Callable[[Any], T]) -> T:
        def attempt() -> T:
            response = self._post(path, body)
            try:
                answer = answers.decoded(response)
            except ValueError:
                raise self._no_json(f"HTTP {response.status_code} with {answers.what(response.content)}") from None
            except RecursionError:
                raise self._no_json(f"HTTP {response.status_code} with JSON that is nested too deep") from None
            try:
                result = read(answer)
            except answers.AnswerError as error:
                raise WholeRefusalError(error.reason, error.code) from None
            self._good()
            return result

        return self._retrying()(attempt)

    def _post(self, path: str, body: bytes, *, stream: bool = False) -> requests.Response:
        self.limiter.wait()
        with self._lock:
            self.counts.requests += 1
            self.counts.bytes += len(body)
        try:
            # The list of all contacts is of any size; no contact of it is (json_stream), and it must end some time.
            session = self._session(stream)
            response = session.post(
                self._base + path,
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"},
                auth=self._auth,
                timeout=(self.settings.connect_timeout, self.settings.read_timeout),
                allow_redirects=False,
                stream=stream,
                verify=session.verify,
            )
        except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
            if "CERTIFICATE_VERIFY_FAILED" in repr(error):
                raise RefusedError(
                    f"the certificate of {self._base} cannot be trusted; nothing is sent to it"
                ) from None
            raise DownError(f"no trusted connection: {_short(error)}") from None
        except requests.exceptions.ConnectTimeout:
            raise DownError("no connection in time") from None
        except requests.exceptions.Timeout:
            raise SuspectError("no answer in time") from None
        except http.AnswerTooLargeError:
            raise self._no_json(f"an answer of more than {MOST_BYTES:,} bytes") from None
        except requests.exceptions.ConnectionError as error:
            if "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error):
                raise DownError("no connection") from None
            raise SuspectError("the connection was dropped") from None
        except requests.exceptions.RequestException as error:
            raise SuspectError(f"the answer was cut off: {_short(error)}") from None
        self._check_status(response)
        return response

    def _check_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        code = f"HTTP {status}"
        if status == 401:
            raise RefusedError(
                f"ICOMMKT refuses the key (HTTP 401): check ICOMMKT__API_KEY and ICOMMKT__AUTH_FORM"
                f" (now {self.settings.auth_form})"
            )
        if 300 <= status < 400:
            target = fit(str(response.headers.get("Location", "nowhere")).partition("?")[0], 100)
            raise RefusedError(f"ICOMMKT answers with a redirect to {target}; set ICOMMKT__API_URL")
        if status in OUTAGE_STATUSES:
            raise DownError(code, code, http.retry_after(response.headers.get("Retry-After")))
        if status >= 500:
            raise SuspectError(code, code)
        raise WholeRefusalError(code, code)

    def _no_json(self, what: str) -> SuspectError:
        """Return the error for what is no answer of ICOMMKT's. Raises UnavailableError when no contact causes it."""
        error = SuspectError(what)
        with self._lock:
            self._not_json += 1
            most = self.settings.max_attempts * (HALVINGS if self._any_good else 1)
            if self._not_json >= most:
                raise UnavailableError(f"ICOMMKT does not answer as documented ({error}); {LATER}")
        return error

    def _session(self, stream: bool) -> requests.Session:
        name = "listing" if stream else "session"
        session: requests.Session | None = getattr(self._local, name, None)
        if session is None:
            session = requests.Session()
            seconds = self.settings.connect_timeout + self.settings.read_timeout
            adapter = http.BoundedAdapter(
                deadline=seconds * (LISTING_TIMES if stream else 1), max_bytes=sys.maxsize if stream else MOST_BYTES
            )
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            # Proxy and certificates of the environment, looked up once instead of for each request. Checking the
            # certificate cannot be turned off there.
            around = session.merge_environment_settings(self._base, {}, None, True, None)
            session.proxies, session.verify, session.trust_env = around["proxies"], around["verify"], False
            setattr(self._local, name, session)
        return session

    # -- retries

    def _retrying(self) -> tenacity.Retrying:
        jittered = tenacity.wait_random_exponential(
            multiplier=max(self.settings.backoff, 0.001), max=self.settings.backoff_max
        )

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, DownError) and error.retry_after is not None:
                # Everybody waits as asked; this sender at least as long as it would have by itself.
                self.limiter.pause(error.retry_after)
                return max(0.0, jittered(state) - error.retry_after)
            return jittered(state)

        def stop(state: tenacity.RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            self._check_patience(error)
            return isinstance(error, SuspectError) and state.attempt_number >= self.settings.max_attempts

        def count(state: tenacity.RetryCallState) -> None:
            with self._lock:
                self.counts.retries += 1
            self._tell_wait(state.outcome.exception() if state.outcome else None, state.upcoming_sleep)

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((DownError, SuspectError)),
            wait=wait,
            stop=stop,
            before_sleep=count,
            sleep=self.limiter.sleep,
            reraise=True,
        )

    def _tell_wait(self, error: BaseException | None, pause: float) -> None:
        """Say once in each outage that there is no good answer, and until when it is waited for."""
        silence = time.monotonic() - self._last_good
        with self._lock:
            if self._is_told or silence + pause < TOLD_AFTER:
                return
            self._is_told = True
        until = datetime.now(UTC) + timedelta(seconds=self.settings.patience - silence)
        log.info("no good answer from ICOMMKT (%s): trying again until %s UTC", error, f"{until:%H:%M:%S}")

    def _good(self) -> None:
        self._last_good = time.monotonic()
        self._is_told = False
        self._any_good = True
        self._not_json = 0

    def _check_patience(self, error: BaseException | None) -> None:
        silence = time.monotonic() - self._last_good
        asked = error.retry_after if isinstance(error, DownError) and error.retry_after is not None else 0.0
        if silence + asked > self.settings.patience:
            asks = f", and asks to wait {asked:g} s" if asked else ""
            raise UnavailableError(f"ICOMMKT gave no good answer for {silence:.0f} s (last: {error}{asks}); {LATER}")


def _batch(profile_key: str, contacts: list[bytes]) -> bytes:
    return b'{"ProfileKey":' + json.dumps(profile_key).encode() + b',"ContactList":[' + b",".join(contacts) + b"]}"


def _short(error: BaseException) -> str:
    return type(error).__name__
