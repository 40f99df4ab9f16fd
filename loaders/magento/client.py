"""Asking Magento: searches over REST, and GraphQL for what the article's role may not read over REST."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from requests import PreparedRequest, RequestException, Response, Session, exceptions

from loaders.http import AnswerTooLargeError, BoundedAdapter
from loaders.magento.address import Address, find, follow_no_redirects, redirected, unreachable
from loaders.magento.answers import LARGEST_ANSWER, body_of, is_cut_off, json_of, read_json, said, strange, text_of
from loaders.magento.errors import (
    LoginError,
    MagentoError,
    PageError,
    PermissionMissingError,
    StoreDownError,
    filled_message,
)
from loaders.magento.login import LOGIN_ATTEMPTS, Login, OAuthLogin, make_login
from loaders.magento.politeness import LONGEST_PAUSE, Politeness
from loaders.magento.schema import Filter, search_params
from loaders.magento.settings import MagentoSettings, name

HASTY_ATTEMPTS = 2
ANY_ADMIN = "modules"
"""What any login may read, so that a 401 there is the login's and a 401 elsewhere the role's."""


class EndlessAnswerError(RequestException):
    """An answer began and did not end in its time. Magento makes an answer whole before it sends it."""


@dataclass(frozen=True)
class Answer:
    """A successful answer: its bytes, and the store's clock (naive UTC) when it was made."""

    body: bytes
    server_time: datetime


class MagentoClient:
    """Reads one store. Safe to use from several threads: each has its own session, all share the login."""

    def __init__(self, settings: MagentoSettings, runtime: RuntimeConfiguration | None = None) -> None:
        """`runtime` says how long to wait and how often to ask again; by default dlt's configuration does."""
        self.settings = settings
        longest_pause = min(LONGEST_PAUSE, runtime.request_max_retry_delay) if runtime else LONGEST_PAUSE
        self.politeness = Politeness(settings.workers, longest_pause=longest_pause)
        self.requests = 0
        self._runtime = runtime or resolve_configuration(RuntimeConfiguration())
        self._local = threading.local()
        self._lock = threading.RLock()
        self._address: Address | None = None
        self._login: Login | None = None
        self._adapter = BoundedAdapter(
            deadline=self._runtime.request_timeout, max_bytes=LARGEST_ANSWER, pool_maxsize=settings.workers + 2
        )

    def search(
        self,
        path: str,
        filters: Sequence[Filter],
        *,
        page_size: int,
        sort: str,
        descending: bool = False,
        fields: str = "",
        hasty: bool = False,
        page: int = 1,
    ) -> Answer:
        """A page of a search; keyset paging asks for the first alone."""
        params = search_params(filters, page_size=page_size, sort=sort, descending=descending, fields=fields, page=page)
        return self.get(path, params, hasty=hasty)

    def get(self, path: str, params: dict[str, str] | None = None, *, hasty: bool = False) -> Answer:
        """GET `path` below `/rest/V1` with the login; `hasty` retries once only.

        Raises PermissionMissingError, LoginError, PageError for this request's own failure, or another MagentoError.
        """
        response = self._ask(path, params, hasty=hasty)
        try:
            return self._checked(path, response)
        except StoreDownError:  # a page in place of JSON may be gone the next moment
            return self._checked(path, self._ask(path, params, hasty=hasty))

    def page(self, path: str) -> Response:
        """GET a page of the shop without a login; whatever it answers. Raises MagentoError when nothing does."""
        return self._send("GET", f"{self.address().base_url}/{path}", path)

    def is_alive(self) -> bool:
        """Tell whether the store answers at all, by a question that costs it little and that any login may ask."""
        try:
            response = self._ask(ANY_ADMIN, {"fields": ""})
        except MagentoError:
            return False
        return response.status_code < 500 and response.status_code != 429 and json_of(response) is not None

    def graphql(self, query: str) -> dict[str, Any]:
        """Ask GraphQL without a login, as anyone may; return `data`.

        Raises MagentoError when the store does not answer or answers with errors.
        """
        url = f"{self.address().base_url}/graphql"
        response = self._send("POST", url, "graphql", json=lambda: {"query": query})
        body = json_of(response)
        data = body.get("data") if isinstance(body, dict) else None
        if response.status_code == 200 and isinstance(data, dict):
            return data
        if body is None and response.ok:
            raise MagentoError(strange("GraphQL", response.status_code, text_of(response)))
        errors = body.get("errors") if isinstance(body, dict) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        text = filled_message(first) or (said(text_of(response)) if body is None else "without data")
        raise MagentoError(f"GraphQL answered {response.status_code} {text}; is /graphql blocked?")

    @property
    def login(self) -> Login:
        """The login that all threads share. Raises MagentoError when the store does not answer."""
        with self._lock:
            if self._login is None:
                self._login = make_login(self.settings, self.post)
            return self._login

    def post(self, path: str, body: Callable[[], Mapping[str, str]]) -> Response:
        """POST below `/rest` without a login, each try with a body of its own."""
        attempts = min(LOGIN_ATTEMPTS, self._runtime.request_max_attempts)
        return self._send("POST", f"{self.address().rest_url}/{path}", "the login", attempts=attempts, json=body)

    def address(self) -> Address:
        """Find where the store answers, once. Raises StoreDownError saying what to set instead."""
        with self._lock:
            if self._address is None:
                try:
                    self._address = find(self.settings.base_url, lambda url: self._send("GET", url, "the shop"))
                except MagentoError as error:
                    raise StoreDownError(str(error)) from None
            return self._address

    def _ask(self, path: str, params: dict[str, str] | None, *, hasty: bool = False) -> Response:
        """GET with the login, and once more after a 401.

        A missing permission and a token that has ended are answered alike (recorded), and a login costs a one-time
        code: what any login may read tells them apart first.
        """
        most = self._runtime.request_max_attempts
        attempts = min(HASTY_ATTEMPTS, most) if hasty else most

        def ask() -> Response:
            url = f"{self.address().rest_url}/V1/{path}"
            return self._send("GET", url, path, login=self.login, attempts=attempts, params=params)

        response = ask()
        if response.status_code == 401:
            if path == ANY_ADMIN:
                self.login.forget(response.request)
            elif (probe := self._ask(ANY_ADMIN, {"fields": ""})).status_code == 401:
                self._checked(ANY_ADMIN, probe)
            elif probe.status_code != 200:  # something else than Magento answers there: perhaps a new login helps
                self.login.forget(response.request)
            response = ask()
        return response

    def _send(
        self,
        method: str,
        url: str,
        what: str,
        *,
        login: Login | None = None,
        attempts: int = 0,
        params: dict[str, str] | None = None,
        json: Callable[[], Mapping[str, str]] | None = None,
    ) -> Response:
        """Send a request until it is answered for good; each try waits its turn and is signed anew.

        It is asked again after 429, 5xx, a connection that broke and JSON without its end. What took the whole
        time-out is not: it would cost as much each time.

        Raises PageError when it was not answered, StoreDownError for an answer of no end.
        """
        attempts = attempts or self._runtime.request_max_attempts
        attempt = 0
        while True:
            attempt += 1
            if login:
                login.prepare()
            try:
                response = self._try(method, url, what, auth=login or _unsigned, params=params, json=json and json())
                if attempt == attempts or not _is_passing(response):
                    return response
            except (AnswerTooLargeError, EndlessAnswerError) as error:
                problem = f"is larger than {LARGEST_ANSWER // 1_000_000} MB"
                if isinstance(error, EndlessAnswerError):
                    problem = f"did not end within {self._runtime.request_timeout:g} s"
                raise StoreDownError(
                    f"the answer of {what} {problem}; have what stands before the shop looked at, or set "
                    f"{name('page_size')} lower"
                ) from None
            except RequestException as error:
                error.request = error.response = None  # no credentials, whatever prints it
                is_broken = isinstance(error, exceptions.ConnectionError | exceptions.ChunkedEncodingError)
                if attempt == attempts or not is_broken or isinstance(error, exceptions.Timeout):
                    raise PageError(unreachable(self.settings.base_url, error), type(error).__name__) from None
            waits = self._runtime.request_backoff_factor * 2 ** (attempt - 1)
            time.sleep(min(waits, self._runtime.request_max_retry_delay))

    def _try(self, method: str, url: str, what: str, **options: Any) -> Response:
        """Send a request in its turn, read all of its answer, and tell how it was answered."""
        is_count = (options["params"] or {}).get("searchCriteria[pageSize]") == "1"
        status, pause = 0, None
        with self.politeness.turn():
            self.requests += 1
            started = time.monotonic()
            try:
                response = self._session().request(
                    method, url, timeout=self._runtime.request_timeout, stream=True, **options
                )
                try:
                    _ = response.content
                except exceptions.Timeout:
                    raise EndlessAnswerError from None
                status, pause = response.status_code, response.headers.get("Retry-After")
                return response
            finally:
                took = time.monotonic() - started
                self.politeness.answered(f"counts of {what}" if is_count else what, status, took, pause)

    def _session(self) -> Session:
        """Return this thread's session."""
        if not hasattr(self._local, "session"):
            session = self._local.session = Session()
            for scheme in ("https://", "http://"):
                session.mount(scheme, self._adapter)
            follow_no_redirects(session)
            # Clients that share PHP's session cookie queue behind each other (measured: 190 to 134 orders/s).
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.headers["Accept"] = "application/json"
        return self._local.session  # type: ignore[no-any-return]

    def _checked(self, path: str, response: Response) -> Answer:
        status = response.status_code
        if status == 200:
            content = body_of(response)
            if not content.startswith((b"{", b"[")):
                read_json(path, content)
            return Answer(content, _server_time(response))
        body = json_of(response)
        text = filled_message(body)
        # An OAuth credential of the wrong length is a 400.
        is_oauth = status == 400 and any(word in text.lower() for word in ("oauth", "token length"))
        if status == 401 or (is_oauth and isinstance(self.login, OAuthLogin)):
            parameters = body.get("parameters") if isinstance(body, dict) else None
            resource = parameters.get("resources") if isinstance(parameters, dict) else None
            if resource and path != ANY_ADMIN:
                raise PermissionMissingError(path, str(resource))
            raise LoginError(self.login.explain(text))
        if 300 <= status < 400:
            raise MagentoError(redirected(path, response))
        if body is None and status < 300:
            raise StoreDownError(strange(path, status, text_of(response)))
        if status == 403 or (body is None and status < 500 and status != 429):
            page = f", {said(text_of(response))}" if body is None else ""
            raise MagentoError(
                f"a firewall in front of the shop refuses {path} ({status}{page}); have this machine's address let in"
            )
        detail = f'"{text}"' if text else "no Magento error text"
        raise PageError(
            f"{path} answered {status}, {detail}, after all retries; run again later", f"{status}, {detail}", status
        )


def _unsigned(request: PreparedRequest) -> PreparedRequest:
    """Sign nothing: without an `auth` requests would send what a .netrc has for the host."""
    return request


def _is_passing(response: Response) -> bool:
    """Tell what may go better the next moment."""
    status = response.status_code
    return status == 429 or status >= 500 or (status == 200 and is_cut_off(response.content))


def _server_time(response: Response) -> datetime:
    """Return the store's clock, naive UTC; ours when the answer has no readable Date header."""
    try:
        moment = parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        moment = datetime.now(UTC)
    return moment.replace(tzinfo=None)
