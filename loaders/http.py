"""Bounds what an answer may cost: its size, and its time from the first byte sent to the last one read."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ReadTimeout
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_under_way: set[_Watch] = set()
_here = threading.local()


class AnswerTooLargeError(requests.RequestException):
    """An answer is larger than any that was asked for."""


class BoundedAdapter(HTTPAdapter):
    """Ends each request after `deadline` seconds, however busily it drips, and each answer after `max_bytes`.

    A request that is out of time raises requests' ReadTimeout, a body that is too large AnswerTooLargeError.
    """

    def __init__(self, *, deadline: float, max_bytes: int, **options: Any) -> None:
        self._deadline = deadline
        self._max_bytes = max_bytes
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Have connections that can be ended from outside."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        """Have them behind a proxy too."""
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send a request; its answer's body is bounded whether it is streamed or not."""
        watch = _here.watch = _Watch(self._deadline)
        try:
            response = super().send(request, *args, **options)
        except BaseException as error:
            watch.end()
            watch.check(error)
            raise
        response.raw = _Body(response.raw, watch, self._max_bytes)
        return response


def cut_off() -> None:
    """End all requests that are under way; each raises ConnectionError."""
    for watch in list(_under_way):
        watch.cut("it was ended from here")


class _Watch:
    """The time that one request may take, and how to end it."""

    def __init__(self, seconds: float) -> None:
        self.why = ""
        self.connection: HTTPConnection | None = None
        self.sock: socket.socket | None = None
        self._timer = threading.Timer(seconds, self.cut, [f"no end of the answer within {seconds:g} s"])
        self._timer.daemon = True
        _under_way.add(self)
        self._timer.start()

    def cut(self, why: str) -> None:
        self.why = why
        sock = self.sock or getattr(self.connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self._timer.cancel()
        _under_way.discard(self)

    def check(self, error: BaseException | None = None) -> None:
        """Raise what the cut means: the error it led to, or the end of file, says nothing."""
        if self.why:
            raise ReadTimeout(self.why) from error


class _Body:
    """The raw body of an answer, counted; its watch ends with it."""

    def __init__(self, raw: Any, watch: _Watch, max_bytes: int) -> None:
        self._raw = raw
        self._watch = watch
        self._left = max_bytes

    def stream(self, chunk_size: int, decode_content: bool) -> Iterator[bytes]:
        try:
            for chunk in self._raw.stream(chunk_size, decode_content=decode_content):
                self._left -= len(chunk)
                if self._left < 0:
                    self._raw.close()
                    raise AnswerTooLargeError("the answer is larger than any that was asked for")
                yield chunk
        except Exception as error:
            self._watch.check(error)
            raise
        finally:
            self._watch.end()
        self._watch.check()

    def close(self) -> None:
        self._watch.end()
        self._raw.close()

    def release_conn(self) -> None:
        self._watch.end()
        self._raw.release_conn()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


class _Watched:
    """A connection that tells the watch of its thread which socket it uses."""

    def connect(self) -> None:
        if watch := getattr(_here, "watch", None):
            watch.connection = self
        super().connect()  # type: ignore[misc]

    def request(self, *args: Any, **options: Any) -> None:
        watch = getattr(_here, "watch", None)
        if watch:
            watch.connection = self
        super().request(*args, **options)  # type: ignore[misc]
        if watch:
            watch.sock = self.sock  # type: ignore[attr-defined]


class _HTTPConnection(_Watched, HTTPConnection):
    pass


class _HTTPSConnection(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


def retry_after(header: str | None) -> float | None:
    """Return the seconds a `Retry-After` header asks for, given as a number or as a date; None when it says nothing."""
    if not header:
        return None
    text = header.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return seconds if 0 <= seconds < float("inf") else None
