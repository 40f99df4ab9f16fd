"""The HTTP side of the demo store: paths, scopes, cookies, errors, the store's clock, and the control calls.

Control calls, never part of the imitated API:

| call | does |
|---|---|
| `POST /demo/advance {"days": 1, "silent": false}` | lets the store's days pass; answers its new clock |
| `GET /demo/settings`, `POST /demo/settings {...}` | what can be switched (`settings.Settings`), users, integration |
| `POST /demo/reset` | settings, lock-outs, used codes and nonces as at the start |
| `GET /demo/requests`, `DELETE /demo/requests` | the last requests: method, path, status (0: no answer was sent) |
| `/demo/faults` | faults on demand (`demo.faults`) |
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import string
from collections import OrderedDict, deque
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from demo.faults import Faults
from demo.magento import acl, errors, generate, graphql, render
from demo.magento.api import Api, Call, PoisonTimeoutError, Reply, filter_fields
from demo.magento.auth import INTEGRATION, USERS, Authenticator
from demo.magento.criteria import parse_query
from demo.magento.errors import MagentoError
from demo.magento.pace import Pace
from demo.magento.settings import Settings, SettingsError
from demo.magento.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_VERSION = re.compile(r"V\d+")
_LONGEST_REQUEST_LINE = 8192
_LOG_SIZE = 20_000
_SESSIONS = 1000
_SESSION_LIFE = 3600
_LETTERS = string.ascii_lowercase + string.digits


class MagentoServer:
    """The imitated Magento. Wrap it with `build` to get faults and the request log as well."""

    def __init__(self, path: Path, settings: Settings | None = None) -> None:
        self.path = path
        self.store = Store(path)
        self.authenticator = Authenticator()
        self.api = Api(self.store, self.authenticator)
        self.first_settings = settings or Settings()
        self.settings = self.first_settings
        self.pace = Pace()
        self._sessions: OrderedDict[str, asyncio.Lock] = OrderedDict()
        self._advancing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if scope["path"].startswith("/demo/"):
            response = await self._control(request)
        elif len(_target(scope)) + len(scope["method"]) + len(" HTTP/1.1 ") > _LONGEST_REQUEST_LINE:
            response = _html(render.URI_TOO_LONG_PAGE, 414, framed=False)
        else:
            session = request.cookies.get("PHPSESSID")
            if session is None:
                response = await self._answer(request)
            else:
                # PHP locks a session's file: requests that share a cookie wait for each other.
                async with self._session_lock(session):
                    response = await self._answer(request)
        if "gzip" in request.headers.get("accept-encoding", "") and response.body:
            response.body = render.compress(bytes(response.body))
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))
        await response(scope, receive, send)

    def clock(self) -> datetime:
        """Return the web server's clock."""
        now = datetime.strptime(self.store.now(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return now + timedelta(seconds=self.settings.clock_ahead)

    def _session_lock(self, session: str) -> asyncio.Lock:
        lock = self._sessions.setdefault(session, asyncio.Lock())
        self._sessions.move_to_end(session)
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)
        return lock

    # Where a path leads

    async def _answer(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode("latin-1")
        base = self.settings.base_path
        if base:
            if path != base and not path.startswith(f"{base}/"):
                return _html(render.NOT_FOUND_PAGE, 404)
            path = path[len(base) :]
        segments = [one for one in path.split("/") if one]
        has_front_controller = segments[:1] == ["index.php"]
        if has_front_controller:
            segments = segments[1:]
        elif segments and not self.settings.rewrites:
            return _html(render.NOT_FOUND_PAGE, 404, framed=False)
        first = segments[0] if segments else ""
        if first == "rest":
            with self.pace.request():
                return await self._rest(request, segments[1:])
        if first == "graphql":
            with self.pace.request():
                return await self._graphql(request)
        if first == "magento_version":
            return Response("Magento/2.4 (Community)", media_type="text/html")
        if first.startswith("admin"):
            return _html(render.ADMIN_PAGE, 200)
        return _html(render.NOT_FOUND_PAGE, 404) if segments else _html(render.HOME_PAGE, 200)

    def _base_url(self, request: Request) -> str:
        return f"{_origin(request)}{self.settings.base_path}/"

    # REST

    async def _rest(self, request: Request, segments: list[str]) -> Response:
        if request.method not in ("GET", "POST", "PUT", "DELETE"):
            return Response(status_code=405, headers={"Content-Type": render.JSON_TYPE})
        content_type = render.chosen_type(request.headers.get("accept"))
        if content_type is None:
            return _html(render.ERROR_PAGE, 500)
        encode = render.to_json if content_type == render.JSON_TYPE else render.to_xml
        status, cookies = 200, ""
        try:
            reply = await self._serve(request, segments)
            value, cookies = reply.value, reply.cookies
            body = encode(value)
        except MagentoError as error:
            await self.pace.work(self.settings.pace)
            status, cookies, body = error.status, error.cookies, encode(error.body)
        except PoisonTimeoutError:
            await asyncio.sleep(self.settings.poison_seconds)
            page = render.URI_TOO_LONG_PAGE.replace(b"414 Request-URI Too Large", b"504 Gateway Time-out")
            return _html(page, 504, framed=False)
        response = Response(body, status_code=status, headers={"Content-Type": content_type})
        if status < 400:
            response.headers["X-Frame-Options"] = "SAMEORIGIN"
        self._set_cookies(response, request, cookies)
        return response

    async def _serve(self, request: Request, segments: list[str]) -> Reply:
        settings = self.settings
        scope = ""
        if segments and not _VERSION.fullmatch(segments[0]):
            scope = unquote(segments[0])
            if scope not in self.api.store_codes():
                raise errors.unknown_store_code()
            segments = segments[1:]
        if segments[:1] != ["V1"]:
            raise errors.no_route()
        route, names = self.api.find(request.method, segments[1:], settings)
        query = request.scope["query_string"].decode("latin-1")
        identity = self.authenticator.identify(
            request.headers.get("authorization"),
            method=request.method,
            url=_origin(request) + request.scope["raw_path"].decode("latin-1"),
            query=query,
            settings=settings,
        )
        if not acl.is_allowed(identity.role, route.resource):
            raise errors.not_authorized(route.resource, guest=identity.has_session)
        call = Call(
            query=parse_query(query),
            scope=scope,
            base_url=self._base_url(request),
            settings=settings,
            identity=identity,
            body=await _read_input(request) if request.method in ("POST", "PUT") else None,
            path=names,
        )
        reply = route.answer(call)
        if not reply.is_filtered:
            reply.value = filter_fields(reply.value, call.query)
        await self.pace.work(settings.pace, call=reply.seconds, rows=reply.rows, rows_per_second=reply.rows_per_second)
        return reply

    def _set_cookies(self, response: Response, request: Request, kinds: str) -> None:
        if not kinds:
            return
        host = request.headers.get("host", "127.0.0.1").rpartition(":")[0] or "127.0.0.1"
        deleted = "deleted; expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; path=/"
        for kind in kinds:
            if kind == "P":
                session = request.cookies.get("PHPSESSID") or "".join(secrets.choice(_LETTERS) for _ in range(26))
                expires = format_datetime(self.clock() + timedelta(seconds=_SESSION_LIFE), usegmt=True)
                cookie = (
                    f"PHPSESSID={session}; expires={expires}; Max-Age={_SESSION_LIFE}; path=/; domain={host};"
                    " HttpOnly; SameSite=Lax"
                )
            elif kind == "p":
                cookie = f"persistent_shopping_cart={deleted}; HttpOnly; SameSite=Lax"
            else:
                cookie = f"form_key={deleted}; domain={host}; SameSite=Lax"
            response.headers.append("Set-Cookie", cookie)

    # GraphQL

    async def _graphql(self, request: Request) -> Response:
        await self.pace.work(self.settings.pace)
        try:
            if request.method == "GET":
                given: Any = dict(request.query_params)
                given["variables"] = json.loads(given.get("variables") or "{}")
            else:
                given = json.loads(await request.body())
        except ValueError:
            return JSONResponse({"errors": [{"message": "Unable to parse the request."}]}, status_code=400)
        variables = given.get("variables") if isinstance(given, dict) else None
        query = given.get("query") if isinstance(given, dict) else None
        store_code = request.headers.get("store")
        answer = graphql.answer(self.store, str(query or ""), variables, store_code, self._base_url(request))
        return Response(render.to_json(answer), headers={"Content-Type": "application/json"})

    # Control

    async def _control(self, request: Request) -> Response:
        path, method = request.url.path.rstrip("/"), request.method
        if path == "/demo/settings" and method == "GET":
            return JSONResponse(self._describe())
        if path in ("/demo/settings", "/demo/advance") and method == "POST":
            try:
                given = json.loads(await request.body() or b"{}")
                if path == "/demo/settings":
                    self.settings = self.settings.changed(given)
                    return JSONResponse(self._describe())
                return await self._advance(given)
            except (SettingsError, ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        if path == "/demo/reset" and method == "POST":
            self.settings = self.first_settings
            self.authenticator.reset()
            return JSONResponse(self._describe())
        return JSONResponse({"error": f"no control call {method} {path}"}, status_code=404)

    async def _advance(self, given: Any) -> Response:
        if not isinstance(given, dict) or set(given) - {"days", "silent"}:
            raise ValueError('advance takes {"days": number, "silent": true or false}')
        days, silent = int(given.get("days", 1)), bool(given.get("silent", False))
        async with self._advancing:
            # In a thread: the store is read while it changes, as a real one is.
            await asyncio.to_thread(generate.advance, self.path, days=days, silent=silent)
        return JSONResponse({"now": self.store.now()})

    def _describe(self) -> dict[str, Any]:
        return {
            "settings": self.settings.describe(),
            "users": {name: user.role for name, user in USERS.items()},
            "integration": INTEGRATION,
            "now": self.store.now(),
        }


class RequestLog:
    """Outermost layer: puts the store's clock into `Date` and keeps the last requests, spoilt ones included.

    Faults below it close the client's connection by way of `send`'s owner; `_Recorder` hands that on.
    """

    def __init__(self, app: ASGIApp, server: MagentoServer) -> None:
        self.app = app
        self.server = server
        self.entries: deque[dict[str, Any]] = deque(maxlen=_LOG_SIZE)
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note what became of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].rstrip("/") == "/demo/requests":
            await self._control(scope["method"])(scope, receive, send)
            return
        recorder = _Recorder(send, format_datetime(self.server.clock(), usegmt=True))
        try:
            await self.app(scope, receive, recorder.send)
        finally:
            if not scope["path"].startswith("/demo/"):
                self.count += 1
                self.entries.append({"method": scope["method"], "path": _target(scope), "status": recorder.status})

    def _control(self, method: str) -> Response:
        if method == "DELETE":
            self.entries.clear()
            self.count = 0
        elif method != "GET":
            return JSONResponse({"error": "GET or DELETE"}, status_code=405)
        return JSONResponse({"count": self.count, "requests": list(self.entries)})


class _Recorder:
    """Stands for the server's own request cycle towards the layers below."""

    def __init__(self, send: Send, date: str) -> None:
        self._send = send
        self._date = date.encode()
        self.status = 0

    @property
    def transport(self) -> Any:
        """Return the client's connection."""
        return getattr(getattr(self._send, "__self__", None), "transport", None)

    async def send(self, message: Message) -> None:
        """Note the status and add the date."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"date", self._date)]
        await self._send(message)


def build(path: Path, settings: Settings | None = None) -> ASGIApp:
    """Return the whole application over the store at `path`. Raises FileNotFoundError."""
    server = MagentoServer(path, settings)
    return RequestLog(Faults(server, expire_tokens=server.authenticator.expire_tokens), server)


async def _read_input(request: Request) -> Any:
    content_type = request.headers.get("content-type", "")
    if not content_type:
        raise MagentoError(400, "Content-Type header is empty.")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MagentoError(400, f"Server cannot understand Content-Type HTTP header media type {media_type}")
    try:
        return json.loads(await request.body() or b"{}")
    except ValueError:
        raise MagentoError(400, "Decoding error.") from None


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '127.0.0.1')}"


def _target(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path: str = scope["raw_path"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _html(page: bytes, status: int, *, framed: bool = True) -> Response:
    headers = {"Content-Type": render.HTML_TYPE}
    if framed:
        headers["X-Frame-Options"] = "SAMEORIGIN"
    return Response(page, status_code=status, headers=headers)
