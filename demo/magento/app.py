"""The HTTP side of the demo store: where a path leads, errors, the store's clock, and the control calls.

Control calls, never part of the imitated API:

| call | does |
|---|---|
| `POST /demo/advance {"days": 1, "silent": false}` | lets the store's days pass; answers its new clock |
| `GET /demo/settings`, `POST /demo/settings {...}` | what can be switched (`settings.Settings`) |
| `POST /demo/reset` | settings, lock-outs, used codes and nonces as at the start |
| `GET /demo/requests`, `DELETE /demo/requests` | the last requests: method, path, status (0: no answer was sent) |
| `/demo/faults` | faults on demand (`demo.faults`) |
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections import deque
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from demo.faults import NGINX, PAGE, Faults
from demo.magento import database, errors, generate, graphql
from demo.magento.api import Api
from demo.magento.auth import Authenticator
from demo.magento.errors import MagentoError
from demo.magento.pace import Pace
from demo.magento.search import Store
from demo.magento.settings import CHOICES, Settings
from demo.settings import changed

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

JSON_TYPE = "application/json; charset=utf-8"
_LONGEST_REQUEST_LINE = 8192
_REST = re.compile(r"/rest(?:/(?!V\d+(?:/|$))([^/]+))?/(?:V1/)?(.*?)/?")
_NO_PAGE = PAGE.format(title="404 Not Found", body="<p>The page you requested was not found.</p>")
_ADMIN_PAGE = PAGE.format(title="Magento Admin", body='<form method="post" id="login-form"></form>')
_HOME_PAGE = PAGE.format(title="Home page", body="<p>The demo store.</p>")


class MagentoServer:
    """The imitated Magento. Wrap it with `build` to get faults and the request log as well."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.store = Store(path)
        self.authenticator = Authenticator()
        self.pace = Pace()
        self.api = Api(self.store, self.authenticator, self.pace)
        self.first_settings = self.settings = settings
        self.log: deque[dict[str, Any]] = deque(maxlen=20_000)
        self._advancing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if scope["path"].startswith("/demo/"):
            response = await self._control(request)
        elif len(_target(scope)) + len(scope["method"]) + len(" HTTP/1.1 ") > _LONGEST_REQUEST_LINE:
            response = _html(NGINX.format(text="414 Request-URI Too Large"), 414)
        else:
            self.pace.active += 1
            try:
                response = await self._answer(request)
            finally:
                self.pace.active -= 1
        if "gzip" in request.headers.get("accept-encoding", "") and response.body:
            response.body = gzip.compress(bytes(response.body), compresslevel=1, mtime=0)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))
        await response(scope, receive, send)

    def date(self) -> str:
        """Return the `Date` of an answer: the web server's clock."""
        clock = datetime.strptime(database.now(self.store.connection), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return format_datetime(clock + timedelta(seconds=self.settings.clock_ahead), usegmt=True)

    def note(self, scope: Scope, status: int) -> None:
        """Keep a request; status 0 is one that was not answered."""
        if not scope["path"].startswith("/demo/"):
            self.log.append({"method": scope["method"], "path": _target(scope), "status": status})

    # Where a path leads

    async def _answer(self, request: Request) -> Response:
        path = re.sub("/+", "/", request.scope["raw_path"].decode("latin-1"))
        base = self.settings.base_path
        if not f"{path}/".startswith(f"{base}/"):
            return _html(_NO_PAGE, 404)
        path = path[len(base) :]
        if path.startswith("/index.php"):
            path = path.removeprefix("/index.php")
        elif path not in ("", "/") and not self.settings.rewrites:
            return _html(_NO_PAGE, 404)
        if path.startswith("/rest"):
            return await self._rest(request, path)
        if path == "/graphql":
            await self.pace.call(self.settings.pace)
            query = str(json.loads(await request.body()).get("query"))
            return _json(graphql.answer(self.store, query, request.headers.get("store", "")))
        if path == "/magento_version":
            return Response("Magento/2.4 (Community)", media_type="text/html")
        if path.startswith("/admin"):
            return _html(_ADMIN_PAGE, 200)
        return _html(_HOME_PAGE, 200) if path in ("", "/") else _html(_NO_PAGE, 404)

    async def _rest(self, request: Request, path: str) -> Response:
        try:
            return _json(await self._serve(request, path))
        except MagentoError as error:
            return _json(error.body, error.status)
        except TimeoutError:
            return _html(NGINX.format(text="504 Gateway Time-out"), 504)

    async def _serve(self, request: Request, path: str) -> Any:
        settings = self.settings
        match = _REST.fullmatch(path)
        if match is None or "/V1/" not in path:
            raise errors.no_route()
        scope, resource = match[1] or "", match[2]
        if scope not in ("", "all", *(one["code"] for one in self.store.documents("store_views"))):
            raise MagentoError(400, "Specified request cannot be processed.")
        if request.method == "POST":
            return await self.api.log_in(resource, await _read_input(request), settings)
        if request.method != "GET":
            raise errors.no_route()
        query = request.scope["query_string"].decode("latin-1")
        url = f"{request.url.scheme}://{request.headers.get('host')}{request.scope['raw_path'].decode('latin-1')}"
        role = self.authenticator.role_of(request.headers.get("authorization"), request.method, url, query, settings)
        return await self.api.get(resource, dict(parse_qsl(query, keep_blank_values=True)), scope, role, settings)

    # Control

    async def _control(self, request: Request) -> Response:
        call = f"{request.method} {request.url.path.rstrip('/')}"
        try:
            given = orjson.loads(await request.body() or b"{}")
            if call == "POST /demo/advance":
                return JSONResponse({"now": await self._advance(**given)})
            if call == "POST /demo/settings":
                self.settings = changed(self.settings, given, CHOICES)
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        if call == "POST /demo/reset":
            self.settings = self.first_settings
            self.authenticator.reset()
        if call == "DELETE /demo/requests":
            self.log.clear()
        if call.endswith("/demo/requests"):
            return JSONResponse({"requests": list(self.log)})
        if call.endswith(("/demo/settings", "/demo/reset")):
            return JSONResponse({"settings": asdict(self.settings), "now": database.now(self.store.connection)})
        return JSONResponse({"error": f"no control call {call}"}, 404)

    async def _advance(self, days: int = 1, *, silent: bool = False) -> str:
        async with self._advancing:
            # In a thread: the store is read while it changes, as a real one is.
            await asyncio.to_thread(generate.advance, self.path, days=days, silent=silent)
        return database.now(self.store.connection)


def build(path: Path, settings: Settings) -> ASGIApp:
    """Return the whole application over the store at `path`. Raises FileNotFoundError."""
    server = MagentoServer(path, settings)
    return Faults(server, expire_tokens=server.authenticator.expire_tokens, date=server.date, note=server.note)


async def _read_input(request: Request) -> Any:
    try:
        return json.loads(await request.body() or b"{}")
    except ValueError:
        raise MagentoError(400, "Decoding error.") from None


def _target(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path: str = scope["raw_path"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, {"Content-Type": JSON_TYPE})


def _html(page: str, status: int) -> Response:
    return Response(page, status, {"Content-Type": "text/html; charset=UTF-8"})
