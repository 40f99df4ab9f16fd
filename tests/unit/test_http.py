"""No answer costs more than its time and its size, however it is sent."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import requests

from loaders.http import AnswerTooLargeError, BoundedAdapter, cut_off


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection with bytes as they come."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            with suppress(OSError):
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    thread.join(10)


def get(url: str, *, deadline: float = 0.2, stream: bool = False) -> requests.Response:
    with requests.Session() as session:
        session.mount("http://", BoundedAdapter(deadline=deadline, max_bytes=100_000))
        return session.get(url, timeout=5, stream=stream)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def drip(head: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(200):
            connection.sendall(b"a")
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "head",
    [b"", HEAD + b"X: ", HEAD + b"\r\n", HEAD + b"Content-Length: 90000\r\n\r\n"],
    ids=["status", "header", "endless", "body"],
)
def test_a_server_that_drips_costs_its_time_out(head: bytes) -> None:
    started = time.monotonic()
    with server(drip(head)) as url, pytest.raises(requests.exceptions.ReadTimeout, match=r"within 0\.2 s"):
        get(url)
    assert time.monotonic() - started < 4


def test_an_answer_that_never_ends_is_cut_at_its_size() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with server(answer) as url, pytest.raises(AnswerTooLargeError):
        get(url, deadline=30)


def test_a_small_answer_that_unfolds_to_a_large_one_is_cut() -> None:
    body = gzip.compress(b"0" * 50_000_000)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with server(lambda connection: connection.sendall(head + body)) as url, pytest.raises(AnswerTooLargeError):
        get(url, deadline=30)


def test_requests_under_way_can_be_ended_at_once() -> None:
    started = time.monotonic()
    threading.Timer(0.3, cut_off).start()
    with server(drip(HEAD + b"\r\n")) as url, pytest.raises(requests.exceptions.ReadTimeout, match="ended from here"):
        get(url, deadline=60)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("stream", [False, True])
def test_an_ordinary_answer_comes_as_it_is(stream: bool) -> None:
    with server(lambda connection: connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")) as url:
        answer = get(url, deadline=30, stream=stream)
        assert answer.json() == {}
