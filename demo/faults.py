"""Faults on demand: what stands in front of either demo server and makes it fail the way real ones do.

Rules are managed over HTTP and never touch what is under `/demo/`:

* `POST /demo/faults` adds one rule (an object) or several (a list); an unknown key is a 400;
* `GET /demo/faults` lists the rules with how many requests each has seen and how many times it has fired;
* `DELETE /demo/faults` forgets them all.

A rule:

| key | default | meaning |
|---|---|---|
| `kind` | | one of `KINDS` |
| `match` | everything | `{"method": "POST", "path_regex": "/orders"}`; the expression is searched for in the path |
| `probability` | 1.0 | chance that a matching request is hit |
| `seed` | 0 | of the rule's own random numbers: the same seed hits the same n-th matching requests |
| `count` | no limit | fires at most so many times |
| `after` | 0 | lets the first so many matching requests pass |
| `seconds` | 0.2, `timeout` 3600 | how long `latency` waits before going on, and how long `timeout` says nothing |
| `retry_after` | 1 | value of `Retry-After` with `status_429`; a number, an HTTP date, or null for no header |
| `processed` | false | the request is carried out first and only its answer is spoilt |

`latency` and `expire_tokens` let the request go on and combine with a later rule; of the others the first that fires
decides. `cut_body` always carries the request out: it announces the whole length, sends half, and closes.

Bodies are like those of a live Magento behind nginx with its PHP stopped (502), in maintenance (503) and without its
database (500, HTML under `text/plain`).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE = (
    '<!doctype html>\n<html xmlns="http://www.w3.org/1999/xhtml" >\n<head>\n    <title>{title}</title>\n'
    "</head>\n<body>\n{body}\n</body>\n</html>\n"
)
NGINX = (
    "<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n<center><h1>{text}</h1></center>\r\n"
    "<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)
_HTML = "text/html; charset=UTF-8"
_PAGES = {
    "status_429": (429, "text/html", NGINX.format(text="429 Too Many Requests")),
    "500": (
        500,
        "text/plain;charset=UTF-8",
        PAGE.format(title="Error", body="<p>An error has happened during application run.</p>"),
    ),
    "502_html": (502, _HTML, NGINX.format(text="502 Bad Gateway")),
    "503_maintenance_html": (
        503,
        _HTML,
        PAGE.format(
            title="Service Temporarily Unavailable",
            body='<main class="page-main">\n    <h1>Service Temporarily Unavailable</h1>\n    <p>\n        The server '
            "is temporarily unable to service your request due to maintenance downtime or capacity\n"
            "        problems. Please try again later.\n    </p>\n</main>",
        ),
    ),
}
KINDS = ("latency", *_PAGES, "cut_body", "drop_connection", "expire_tokens", "timeout")


@dataclass
class Rule:
    """One fault and how often it has happened. See the module for what the fields mean."""

    kind: str
    match: dict[str, str] = field(default_factory=dict)
    probability: float = 1.0
    seed: int = 0
    count: int | None = None
    after: int = 0
    seconds: float | None = None
    retry_after: float | str | None = 1
    processed: bool = False
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        """Check what was given. Raises `ValueError`."""
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(KINDS)}")
        if set(self.match) - {"method", "path_regex"}:
            raise ValueError("match takes method and path_regex")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability is between 0 and 1")
        try:
            self._path = re.compile(self.match.get("path_regex") or "")
        except re.error as error:
            raise ValueError(f"path_regex: {error}") from None
        self._random = random.Random(self.seed)
        if self.seconds is None:
            self.seconds = 3600.0 if self.kind == "timeout" else 0.2

    def hits(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it. One random number is drawn for each matching request."""
        if self.match.get("method", method).upper() != method or not self._path.search(path):
            return False
        self.seen += 1
        is_hit = self._random.random() < self.probability and self.seen > self.after
        if is_hit and (self.count is None or self.fired < self.count):
            self.fired += 1
            return True
        return False


@dataclass
class Faults:
    """The middleware. It is the outermost: it needs the server's own connection to cut it.

    `expire_tokens` is called by a rule of that kind (before the request goes on), `date` gives the `Date` of every
    answer, `note` is told of every request and the status it was answered with, 0 without an answer.
    """

    app: ASGIApp
    expire_tokens: Callable[[], None] | None = None
    date: Callable[[], str] | None = None
    note: Callable[[Scope, int], None] | None = None
    rules: list[Rule] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `/demo/faults`, spoil the request, or pass it on."""
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.date is not None:
                    message["headers"] = [*message.get("headers", ()), (b"date", self.date().encode())]
            await send(message)

        transport = getattr(getattr(send, "__self__", None), "transport", None)
        try:
            if scope["path"].rstrip("/") == "/demo/faults":
                await (await self._control(scope["method"], receive))(scope, receive, send)
            elif scope["path"].startswith("/demo/") or not (rule := await self._choose(scope["method"], scope["path"])):
                await self.app(scope, receive, noting)
            else:
                await self._spoil(rule, scope, receive, noting, transport)
        except ClientDisconnect:
            pass  # who asked was killed, or waits no longer
        finally:
            if self.note is not None:
                self.note(scope, status)

    async def _choose(self, method: str, path: str) -> Rule | None:
        for rule in list(self.rules):
            if not rule.hits(method, path):
                continue
            if rule.kind == "latency":
                await asyncio.sleep(rule.seconds or 0)
            elif rule.kind != "expire_tokens":
                return rule
            elif self.expire_tokens is not None:
                self.expire_tokens()
        return None

    async def _spoil(self, rule: Rule, scope: Scope, receive: Receive, send: Send, transport: Any) -> None:
        answered: list[Message] = []

        async def keep(message: Message) -> None:
            answered.append(message)

        if rule.processed or rule.kind == "cut_body":
            await self.app(scope, receive, keep)
        elif rule.kind in _PAGES:
            await _read_body(receive)  # a real server reads what it is sent before it answers
        if rule.kind in _PAGES:
            status, content_type, page = _PAGES[rule.kind]
            is_429 = rule.kind == "status_429" and rule.retry_after is not None
            headers = {"Content-Type": content_type, **({"Retry-After": f"{rule.retry_after}"} if is_429 else {})}
            await Response(page, status, headers)(scope, receive, send)
            return
        if rule.kind == "cut_body":
            await _send_half(answered, send)
            transport.close()
        else:
            if rule.kind == "timeout":
                await _wait_for_disconnect(receive, rule.seconds or 0)
            transport.abort()
        await _wait_for_disconnect(receive, 5)

    async def _control(self, method: str, receive: Receive) -> Response:
        if method == "POST":
            try:
                given = json.loads(await _read_body(receive))
                self.rules += [Rule(**one) for one in (given if isinstance(given, list) else [given])]
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        elif method == "DELETE":
            self.rules.clear()
        return JSONResponse({"rules": [dataclasses.asdict(rule) for rule in self.rules]})


async def _read_body(receive: Receive) -> bytes:
    parts = []
    while (message := await receive())["type"] != "http.disconnect":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(parts)


async def _send_half(answered: list[Message], send: Send) -> None:
    body = b"".join(message.get("body", b"") for message in answered if message["type"] == "http.response.body")
    start = next(message for message in answered if message["type"] == "http.response.start")
    length = max(len(body), 2)
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    await send({**start, "headers": [*headers, (b"content-length", str(length).encode())]})
    await send({"type": "http.response.body", "body": body[: length // 2], "more_body": True})


async def _wait_for_disconnect(receive: Receive, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
