"""Asking Magento: searches over REST, and GraphQL for what the article's role may not read over REST."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client.client import RESTClient
from requests import PreparedRequest, RequestException, Response, exceptions

from loaders.http import AnswerTooLargeError, BoundedAdapter
from loaders.magento.address import Address, find, follow_no_redirects, redirected, unreachable
from loaders.magento.answers import LARGEST_ANSWER, body_of, is_cut_off, json_of, read_json, said, strange, text_of
from loaders.magento.auth import ANY_ADMIN_PATH, EndlessAnswerError, Login, LoginAdapter, make_login
from loaders.magento.errors import (
    BadAnswerError,
    LoginError,
    MagentoError,
    PermissionMissingError,
    StoreDownError,
    filled_message,
)
from loaders.magento.politeness import Politeness
from loaders.magento.settings import MagentoSettings, name

HASTY_ATTEMPTS = 2
_BROKEN = (exceptions.ConnectionError, exceptions.ChunkedEncodingError)


class PageError(BadAnswerError):
    """One request that came to nothing after all retries. `reason` says how; the store may well be up."""

    def __init__(self, text: str, reason: str, status: int = 0) -> None:
        super().__init__(text)
        self.reason = reason
        self.status = status


@dataclass(frozen=True)
class Filter:
    """One condition of a search; several are joined by AND."""

    field: str
    condition: str
    value: str | int

    def __str__(self) -> str:
        return f"{self.field} {self.condition} {self.value}"


@dataclass(frozen=True)
class Answer:
    """A successful answer: its bytes, and the store's clock (naive UTC) when it was made."""

    body: bytes
    server_time: datetime


def search_params(
    filters: Iterable[Filter], *, page_size: int, sort: str, descending: bool = False, fields: str = "", page: int = 1
) -> dict[str, str]:
    """Query of a page, usually the first: `searchCriteria` in the spelling of Adobe's documentation.

    The direction is always said: without one Magento sorts descending (recorded).
    """
    params: dict[str, str] = {}
    for number, condition in enumerate(filters):
        prefix = f"searchCriteria[filter_groups][{number}][filters][0]"
        params[f"{prefix}[field]"] = condition.field
        params[f"{prefix}[value]"] = str(condition.value)
        params[f"{prefix}[condition_type]"] = condition.condition
    params["searchCriteria[sortOrders][0][field]"] = sort
    params["searchCriteria[sortOrders][0][direction]"] = "DESC" if descending else "ASC"
    params["searchCriteria[pageSize]"] = str(page_size)
    params["searchCriteria[currentPage]"] = str(page)
    if fields:
        params["fields"] = fields
    return params


class MagentoClient:
    """Reads one store. Safe to use from several threads: each has its own session, all share the login."""

    def __init__(self, settings: MagentoSettings, runtime: RuntimeConfiguration | None = None) -> None:
        """`runtime` says how long to wait and how often to ask again; by default dlt's configuration does."""
        self.settings = settings
        self._local = threading.local()
        self._address: Address | None = None
        self._address_lock = threading.Lock()
        config = runtime or resolve_configuration(RuntimeConfiguration())
        self._runtime = config.copy()
        self._bounds: Any = {"deadline": config.request_timeout, "max_bytes": LARGEST_ANSWER}
        self._bounded = BoundedAdapter(**self._bounds)
        self._http = Client(raise_for_status=False, exceptions=(), retry_condition=_is_passing)
        self._http.update_from_config(config)
        self._hasty = Client(raise_for_status=False, exceptions=(), retry_condition=_is_passing)
        hasty = config.copy()
        hasty.request_max_attempts = min(HASTY_ATTEMPTS, config.request_max_attempts)
        self._hasty.update_from_config(hasty)
        self._adapter: LoginAdapter | None = None
        self.politeness = Politeness(settings.workers)
        self.requests = 0

    def get(self, path: str, params: dict[str, str] | None = None, *, hasty: bool = False) -> Answer:
        """GET `path` below `/rest/V1` with the login; `hasty` retries once only.

        Raises PermissionMissingError, LoginError, PageError for this request's own failure, or another MagentoError.
        """
        response = self._ask(path, params, hasty=hasty)
        try:
            return self._checked(path, response)
        except (PermissionMissingError, StoreDownError):
            # A token that ended between two answers looks like a missing permission, and a page in place of JSON may be
            # gone the next moment: only the second is believed.
            return self._checked(path, self._ask(path, params, hasty=hasty))

    def _ask(self, path: str, params: dict[str, str] | None, *, hasty: bool) -> Response:
        self.requests += 1
        try:
            return self._rest(hasty=hasty).request(f"V1/{path}", method="GET", params=params)
        except (AnswerTooLargeError, EndlessAnswerError) as error:
            what = f"is larger than {LARGEST_ANSWER // 1_000_000} MB"
            if isinstance(error, EndlessAnswerError):
                what = f"did not end within {self._runtime.request_timeout:g} s"
            raise StoreDownError(
                f"the answer of {path} {what}; have what stands before the shop looked at, or set {name('page_size')} "
                "lower"
            ) from None
        except RequestException as error:
            reason = type(error).__name__
            raise PageError(unreachable(self.settings.base_url, error), reason) from None

    def page(self, path: str) -> Response:
        """GET a page of the shop without a login; whatever it answers. Raises MagentoError when nothing does."""
        base_url = self.address().base_url
        self.requests += 1
        try:
            with closing(self._session(self._http)) as session:
                answer: Response = session.get(f"{base_url}/{path}")
        except RequestException as error:
            raise MagentoError(unreachable(base_url, error)) from None
        return answer

    def is_alive(self) -> bool:
        """Tell whether the store answers at all, by a question that costs it little and that any login may ask."""
        try:
            response = self._rest().request("V1/modules", method="GET", params={"fields": ""})
        except (RequestException, MagentoError):
            return False
        return response.status_code < 500 and response.status_code != 429 and json_of(response) is not None

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
        """First page of a search; keyset paging never asks for another one."""
        params = search_params(filters, page_size=page_size, sort=sort, descending=descending, fields=fields, page=page)
        return self.get(path, params, hasty=hasty)

    def graphql(self, query: str) -> dict[str, Any]:
        """Ask GraphQL without a login, as anyone may; return `data`.

        Raises MagentoError when the store does not answer or answers with errors.
        """
        response = self._send(self._anonymous(), "POST", "graphql", json={"query": query})
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

    def _checked(self, path: str, response: Response) -> Answer:
        status = response.status_code
        if status == 200:
            content = body_of(response)
            if not content.startswith((b"{", b"[")):
                read_json(path, content)
            return Answer(content, _server_time(response))
        body = json_of(response)
        text = filled_message(body)
        if self.login.is_refused(status, text):
            resource = body["parameters"].get("resources") if _has_resources(body) else None
            if resource and self._login_works():
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

    def _login_works(self) -> bool:
        """Ask what any administrator may ask: a 401 names a missing permission and an ended token alike."""
        return self._send(self._rest(), "GET", ANY_ADMIN_PATH, params={"fields": ""}).status_code == 200

    def _send(self, rest: RESTClient, method: Any, path: str, **options: Any) -> Response:
        self.requests += 1
        try:
            return rest.request(path, method=method, **options)
        except RequestException as error:
            raise MagentoError(unreachable(self.settings.base_url, error)) from None

    def _rest(self, *, hasty: bool = False) -> RESTClient:
        """Return this thread's client with the login."""
        kind = "hasty" if hasty else "rest"
        if not hasattr(self._local, kind):
            address = self.address()
            session = self._session(self._hasty if hasty else self._http)
            session.mount(address.base_url, self._login_adapter(address))
            setattr(self._local, kind, RESTClient(address.rest_url, session=session))
        return getattr(self._local, kind)  # type: ignore[no-any-return]

    def _anonymous(self) -> RESTClient:
        if not hasattr(self._local, "anonymous"):
            self._local.anonymous = RESTClient(self.address().base_url, session=self._session(self._http))
        return self._local.anonymous  # type: ignore[no-any-return]

    def _session(self, http: Client) -> Any:
        session = http._make_session()
        for scheme in ("https://", "http://"):
            session.mount(scheme, self._bounded)
        follow_no_redirects(session)
        session.hooks["response"].append(_without_odd_pause)
        # Clients that share PHP's session cookie queue behind each other (measured: 190 to 134 orders/s).
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["Accept"] = "application/json"
        return session

    def _login_adapter(self, address: Address) -> LoginAdapter:
        with self._address_lock:
            if self._adapter is None:
                login = make_login(self.settings, address.rest_url, self._runtime)
                self._adapter = PoliteAdapter(
                    login,
                    self.politeness,
                    rest_url=address.rest_url,
                    pool_maxsize=self.settings.workers + 2,
                    **self._bounds,
                )
            return self._adapter

    @property
    def login(self) -> Login:
        """The login that all threads share. Raises MagentoError when the store does not answer."""
        return self._login_adapter(self.address()).login

    def address(self) -> Address:
        """Find where the store answers, once. Raises StoreDownError saying what to set instead."""
        with self._address_lock:
            if self._address is None:
                with closing(self._session(self._http)) as session:

                    def ask(url: str) -> Response:
                        self.requests += 1
                        try:
                            answer: Response = session.get(url)
                        except RequestException as error:
                            raise MagentoError(unreachable(self.settings.base_url, error)) from None
                        return answer

                    try:
                        self._address = find(self.settings.base_url, ask)
                    except MagentoError as error:
                        raise StoreDownError(str(error)) from None
            return self._address


class PoliteAdapter(LoginAdapter):
    """Sends each try of each request when it is its turn, and tells how it was answered."""

    def __init__(self, login: Login, politeness: Politeness, rest_url: str, **options: Any) -> None:
        self._politeness = politeness
        super().__init__(login, rest_url, **options)

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send a request in its turn."""
        kind = str(request.url).partition("?")[0].rpartition("/V1/")[2]
        if "pageSize%5D=1&" in str(request.url):
            kind = f"counts of {kind}"
        with self._politeness.turn():
            started = time.monotonic()
            try:
                response = super().send(request, *args, **options)
            except RequestException:
                self._politeness.answered(kind, 0, time.monotonic() - started)
                raise
            took = time.monotonic() - started
        self._politeness.answered(kind, response.status_code, took, response.headers.get("Retry-After"))
        return response


def _without_odd_pause(response: Response, **_: Any) -> None:
    """Take away a Retry-After that dlt would stumble over: thousands of digits, a date beyond the calendar."""
    asked = response.headers.get("Retry-After", "")
    try:
        int(asked) if asked.strip().isdecimal() else parsedate_to_datetime(asked)
    except (TypeError, ValueError):
        response.headers.pop("Retry-After", None)


def _is_passing(response: Response | None, error: BaseException | None) -> bool:
    """Tell what may go better the next moment, besides 429 and 5xx: a connection that broke, JSON without its end.

    What took the whole time-out is not asked for again as it is: it would cost as much each time.
    """
    if response is None:
        return isinstance(error, _BROKEN) and not isinstance(error, exceptions.Timeout)
    return response.status_code == 200 and is_cut_off(response.content)


def _has_resources(body: object) -> bool:
    return isinstance(body, dict) and isinstance(body.get("parameters"), dict)


def _server_time(response: Response) -> datetime:
    """Return the store's clock, naive UTC; ours when the answer has no readable Date header."""
    try:
        moment = parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        moment = datetime.now(UTC)
    return moment.replace(tzinfo=None)
