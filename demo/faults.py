"""Faults on demand: an ASGI middleware that makes either demo server fail the way real ones do.

Rules are managed over HTTP and never touch what is under `/demo/`:

* `POST /demo/faults` adds one rule (an object) or several (a list, or `{"rules": [...]}`); an unknown key is a 400;
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
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KINDS = (
    "latency",
    "status_429",
    "500",
    "502_html",
    "503_maintenance_html",
    "cut_body",
    "drop_connection",
    "expire_tokens",
    "timeout",
)

_PAGE = (
    '<!doctype html>\n<html xmlns="http://www.w3.org/1999/xhtml" >\n<head>\n    <title>{title}</title>\n'
    "</head>\n<body>\n{body}\n</body>\n</html>\n"
)
_NGINX = (
    "<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n<center><h1>{text}</h1></center>\r\n"
    "<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)
INTERNAL_ERROR_BODY = _PAGE.format(title="Error", body="<p>An error has happened during application run.</p>")
MAINTENANCE_BODY = _PAGE.format(
    title="Service Temporarily Unavailable",
    body=(
        '<main class="page-main">\n    <h1>Service Temporarily Unavailable</h1>\n    <p>\n'
        "        The server is temporarily unable to service your request due to maintenance downtime or capacity\n"
        "        problems. Please try again later.\n    </p>\n</main>"
    ),
)
BAD_GATEWAY_BODY = _NGINX.format(text="502 Bad Gateway")
TOO_MANY_BODY = _NGINX.format(text="429 Too Many Requests")


class RuleError(ValueError):
    """A rule that cannot be understood; the message says which part."""


@dataclass
class Rule:
    """One fault and how often it has happened. See the module for what the fields mean."""

    kind: str
    method: str | None = None
    path_regex: str = ""
    probability: float = 1.0
    seed: int = 0
    count: int | None = None
    after: int = 0
    seconds: float = 0.2
    retry_after: float | str | None = 1
    processed: bool = False
    seen: int = 0
    fired: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)
    _path: re.Pattern[str] = field(default_factory=lambda: re.compile(""), repr=False)

    @classmethod
    def parse(cls, given: Any) -> Rule:
        """Build a rule from decoded JSON. Raises `RuleError`."""
        if not isinstance(given, dict):
            raise RuleError(f"a rule is an object, not {type(given).__name__}")
        values = dict(given)
        match = values.pop("match", None) or {}
        if not isinstance(match, dict) or set(match) - {"method", "path_regex"}:
            raise RuleError("match takes method and path_regex")
        kind = str(values.pop("kind", ""))
        if kind not in KINDS:
            raise RuleError(f"kind {kind!r} is none of {', '.join(KINDS)}")
        known = {"probability", "seed", "count", "after", "seconds", "retry_after", "processed"}
        if set(values) - known:
            raise RuleError(f"unknown key {sorted(set(values) - known)[0]!r}")
        values.setdefault("seconds", 3600.0 if kind == "timeout" else 0.2)
        rule = cls(kind=kind, method=match.get("method"), path_regex=match.get("path_regex") or "", **values)
        try:
            rule._path = re.compile(rule.path_regex)
        except re.error as error:
            raise RuleError(f"path_regex: {error}") from None
        if not 0 <= float(rule.probability) <= 1:
            raise RuleError("probability is between 0 and 1")
        rule._random = random.Random(rule.seed)
        return rule

    def hits(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it. One random number is drawn for each matching request."""
        if self.method and self.method.upper() != method:
            return False
        if not self._path.search(path):
            return False
        self.seen += 1
        drawn = self._random.random()
        if self.seen <= self.after or (self.count is not None and self.fired >= self.count):
            return False
        if drawn >= self.probability:
            return False
        self.fired += 1
        return True

    def describe(self) -> dict[str, Any]:
        """Return the rule as JSON, with `seen` and `fired`."""
        names = (
            "kind",
            "probability",
            "seed",
            "count",
            "after",
            "seconds",
            "retry_after",
            "processed",
            "seen",
            "fired",
        )
        match = {"method": self.method, "path_regex": self.path_regex}
        return {"match": match, **{name: getattr(self, name) for name in names}}


class Faults:
    """The middleware. Put it outermost: it needs the server's own connection to cut it.

    `expire_tokens` is called by a rule of that kind (before the request goes on).
    """

    def __init__(self, app: ASGIApp, *, expire_tokens: Callable[[], None] | None = None) -> None:
        self.app = app
        self.expire_tokens = expire_tokens
        self.rules: list[Rule] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `/demo/faults`, spoil the request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if path.rstrip("/") == "/demo/faults":
            response = await self._control(scope["method"], receive)
            await response(scope, receive, send)
            return
        if path.startswith("/demo/"):
            await self.app(scope, receive, send)
            return
        rule = await self._choose(scope["method"], path)
        if rule is None:
            await self.app(scope, receive, send)
        else:
            await self._spoil(rule, scope, receive, send)

    async def _choose(self, method: str, path: str) -> Rule | None:
        for rule in list(self.rules):
            if not rule.hits(method, path):
                continue
            if rule.kind == "latency":
                await asyncio.sleep(rule.seconds)
            elif rule.kind == "expire_tokens":
                if self.expire_tokens is not None:
                    self.expire_tokens()
            else:
                return rule
        return None

    async def _spoil(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        answered: list[Message] = []
        if rule.processed or rule.kind == "cut_body":

            async def keep(message: Message) -> None:
                answered.append(message)

            await self.app(scope, receive, keep)
        elif rule.kind not in ("drop_connection", "timeout"):
            await _read_body(receive)  # a real server reads what it is sent before it answers

        if rule.kind == "cut_body":
            await _send_half(answered, receive, send)
        elif rule.kind == "drop_connection":
            await _close(receive, send, abruptly=True)
        elif rule.kind == "timeout":
            await _wait_for_disconnect(receive, rule.seconds)
            await _close(receive, send, abruptly=True)
        else:
            await _error_response(rule)(scope, receive, send)

    async def _control(self, method: str, receive: Receive) -> Response:
        if method == "POST":
            try:
                given = json.loads(await _read_body(receive))
                if isinstance(given, dict) and "rules" in given:
                    given = given["rules"]
                rules = [Rule.parse(one) for one in (given if isinstance(given, list) else [given])]
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
            self.rules.extend(rules)
        elif method == "DELETE":
            self.rules.clear()
        elif method != "GET":
            return JSONResponse({"error": "GET, POST or DELETE"}, status_code=405)
        return JSONResponse({"rules": [rule.describe() for rule in self.rules]})


def _error_response(rule: Rule) -> Response:
    if rule.kind == "status_429":
        headers = {} if rule.retry_after is None else {"Retry-After": f"{rule.retry_after}"}
        return Response(TOO_MANY_BODY, status_code=429, media_type="text/html", headers=headers)
    if rule.kind == "500":
        # HTML under text/plain: what Magento sends without its database (recorded).
        return Response(INTERNAL_ERROR_BODY, status_code=500, headers={"Content-Type": "text/plain;charset=UTF-8"})
    if rule.kind == "502_html":
        return Response(BAD_GATEWAY_BODY, status_code=502, headers={"Content-Type": "text/html; charset=UTF-8"})
    return Response(
        MAINTENANCE_BODY,
        status_code=503,
        headers={"Content-Type": "text/html; charset=UTF-8", "X-Frame-Options": "SAMEORIGIN"},
    )


async def _read_body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(parts)


async def _send_half(answered: list[Message], receive: Receive, send: Send) -> None:
    body = b"".join(message.get("body", b"") for message in answered if message["type"] == "http.response.body")
    start = next(message for message in answered if message["type"] == "http.response.start")
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    headers.append((b"content-length", str(max(len(body), 2)).encode()))
    await send({"type": "http.response.start", "status": start["status"], "headers": headers})
    await send({"type": "http.response.body", "body": body[: max(len(body), 2) // 2], "more_body": True})
    await _close(receive, send, abruptly=False)


async def _close(receive: Receive, send: Send, *, abruptly: bool) -> None:
    """Close the client's connection under the server's feet, and wait until the server has noticed."""
    cycle = getattr(send, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise RuntimeError(
            "Faults must be the outermost application of a uvicorn server: it has no connection to close"
        )
    if abruptly:
        transport.abort()
    else:
        transport.close()
    await _wait_for_disconnect(receive, 5)


async def _wait_for_disconnect(receive: Receive, seconds: float) -> None:
    async def disconnected() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(disconnected(), timeout=seconds)
    except TimeoutError:
        return
