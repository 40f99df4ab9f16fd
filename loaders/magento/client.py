"""Asking Magento: searches over REST, and GraphQL for what the article's role may not read over REST."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client.client import RESTClient
from requests import RequestException, Response

from loaders.magento.auth import LoginAdapter, make_login, unreachable
from loaders.magento.errors import BadAnswerError, MagentoError, PermissionMissingError, filled_message
from loaders.magento.settings import MagentoSettings, name

REST_PREFIXES = ("/rest", "/index.php/rest")  # the second where the web server does not rewrite


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
    filters: Iterable[Filter], *, page_size: int, sort: str, descending: bool = False, fields: str = ""
) -> dict[str, str]:
    """Query of a first page: `searchCriteria` in the spelling of Adobe's documentation.

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
    params["searchCriteria[currentPage]"] = "1"
    if fields:
        params["fields"] = fields
    return params


class MagentoClient:
    """Reads one store. Safe to use from several threads: each has its own session, all share the login."""

    def __init__(self, settings: MagentoSettings) -> None:
        self.settings = settings
        self._local = threading.local()
        self._prefix = ""
        self._prefix_lock = threading.Lock()
        self._http = Client(raise_for_status=False, retry_condition=_is_cut_off)
        self._http.update_from_config(resolve_configuration(RuntimeConfiguration()))
        self._adapter: LoginAdapter | None = None
        self.requests = 0

    def get(self, path: str, params: dict[str, str] | None = None) -> Answer:
        """GET `path` below `/rest/V1` with the login.

        Raises PermissionMissingError, LoginError, or MagentoError for everything else that is not a 200.
        """
        response = self._send(self._rest(), "GET", f"V1/{path}", params=params)
        return self._checked(path, response)

    def search(
        self,
        path: str,
        filters: Sequence[Filter],
        *,
        page_size: int,
        sort: str,
        descending: bool = False,
        fields: str = "",
    ) -> Answer:
        """First page of a search; keyset paging never asks for another one."""
        params = search_params(filters, page_size=page_size, sort=sort, descending=descending, fields=fields)
        return self.get(path, params)

    def graphql(self, query: str) -> dict[str, Any]:
        """Ask GraphQL without a login, as anyone may; return `data`.

        Raises MagentoError when the store does not answer or answers with errors.
        """
        response = self._send(self._anonymous(), "POST", "graphql", json={"query": query})
        body = _json(response)
        if response.status_code != 200 or not isinstance(body, dict) or not isinstance(body.get("data"), dict):
            text = ""
            if isinstance(body, dict) and body.get("errors"):
                text = str(body["errors"][0].get("message", ""))
            raise MagentoError(f"GraphQL answered {response.status_code} {text}".rstrip() + "; is /graphql blocked?")
        return dict(body["data"])

    def _checked(self, path: str, response: Response) -> Answer:
        if response.status_code == 200:
            return Answer(response.content, _server_time(response))
        body = _json(response)
        text = filled_message(body)
        if response.status_code == 401:
            resource = body["parameters"].get("resources") if _has_resources(body) else None
            if resource and self._login_works():
                raise PermissionMissingError(path, str(resource))
            raise MagentoError(f"the store no longer accepts the login (401 on {path}); check the user, then run again")
        if response.status_code == 403:
            raise MagentoError(
                f"a firewall in front of the shop refuses {path} (403); have this machine's address let in"
            )
        detail = f'"{text}"' if text else "no Magento error text"
        raise BadAnswerError(f"{path} answered {response.status_code}, {detail}, after all retries; run again later")

    def _login_works(self) -> bool:
        """Ask what any administrator may ask: a 401 names a missing permission and an ended token alike."""
        return self._send(self._rest(), "GET", "V1/modules", params={"fields": ""}).status_code == 200

    def _send(self, rest: RESTClient, method: Any, path: str, **options: Any) -> Response:
        self.requests += 1
        try:
            return rest.request(path, method=method, **options)
        except RequestException as error:
            raise MagentoError(unreachable(self.settings.base_url, error)) from None

    def _rest(self) -> RESTClient:
        """Return this thread's client with the login."""
        if not hasattr(self._local, "rest"):
            prefix = self._found_prefix()
            session = self._session()
            session.mount(str(self.settings.base_url), self._login_adapter(prefix))
            self._local.rest = RESTClient(f"{self.settings.base_url}{prefix}", session=session)
        return self._local.rest  # type: ignore[no-any-return]

    def _anonymous(self) -> RESTClient:
        if not hasattr(self._local, "anonymous"):
            self._local.anonymous = RESTClient(str(self.settings.base_url), session=self._session())
        return self._local.anonymous  # type: ignore[no-any-return]

    def _session(self) -> Any:
        session = self._http._make_session()
        # Clients that share PHP's session cookie queue behind each other (measured: 190 to 134 orders/s).
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["Accept"] = "application/json"
        return session

    def _login_adapter(self, prefix: str) -> LoginAdapter:
        with self._prefix_lock:
            if self._adapter is None:
                login = make_login(self.settings, f"{self.settings.base_url}{prefix}")
                self._adapter = LoginAdapter(login, pool_maxsize=self.settings.workers + 2)
            return self._adapter

    def _found_prefix(self) -> str:
        """Find where REST answers: `/rest`, or `/index.php/rest` without rewrites.

        The currency directory is open to anyone, so a JSON answer of any kind shows the way.
        """
        with self._prefix_lock:
            if self._prefix:
                return self._prefix
            for prefix in REST_PREFIXES:
                response = self._send(self._anonymous(), "GET", f"{prefix.lstrip('/')}/V1/directory/currency")
                if response.status_code != 404 or "json" in response.headers.get("Content-Type", ""):
                    self._prefix = prefix
                    return prefix
            raise MagentoError(
                f"no Magento REST API below {self.settings.base_url}; {name('base_url')} must be the shop's address, "
                "not the admin's"
            )


def _is_cut_off(response: Response | None, error: BaseException | None) -> bool:
    """Tell whether a 200 is not the JSON it should be: a cut body, or a proxy's page with a good status."""
    if response is None or response.status_code != 200:
        return False
    return not response.content.rstrip().endswith((b"}", b"]", b'"'))


def _has_resources(body: object) -> bool:
    return isinstance(body, dict) and isinstance(body.get("parameters"), dict)


def _server_time(response: Response) -> datetime:
    """Return the store's clock, naive UTC; ours when the answer has no readable Date header."""
    try:
        moment = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, TypeError, ValueError):
        moment = datetime.now(UTC)
    return moment.astimezone(UTC).replace(tzinfo=None)


def _json(response: Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
