"""ICOMMKT, or what stands in front of it, answers in every way that could harm: nothing is lost, leaked or endless."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.push.__main__ import peak_memory
from benchmarks.push.harness import API_KEY, PROFILE_KEY, Desk, people
from loaders.icommkt import sender

QUICK = {"connect_timeout": "0.5", "read_timeout": "1", "patience": "2", "max_attempts": "2"}


class Hostile(ThreadingHTTPServer):
    """Answers each request by `behave`, which is given the handler and the e-mails that were sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behave: Callable[[_Handler, list[str]], None] = lambda handler, emails: handler.answer(taken(emails))
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hostile

    def do_POST(self) -> None:
        self.server.requests += 1
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        contacts = given.get("ContactList") or [given.get("Contact") or {"Email": ""}]
        try:
            self.server.behave(self, [contact["Email"] for contact in contacts])
        except ConnectionError:
            self.close_connection = True

    def begin(self, status: int = 200, kind: str = "application/json; charset=utf-8", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def answer(self, body: bytes, **options: Any) -> None:
        self.begin(**options)
        self.wfile.write(body)

    def drip(self, body: bytes = b" ") -> None:
        self.begin()
        while True:
            self.wfile.write(body)
            time.sleep(0.2 if len(body) == 1 else 0)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def taken(emails: list[str], **refused: str) -> bytes:
    """An answer that takes all contacts but those with a text, which it refuses with it."""
    responses = []
    for email in emails:
        text = refused.get(email.partition("@")[0])
        data = {"Email": email, "Status": "A"}
        responses.append({"StatusCode": 7 if text else 1, "Message": text, "Data": data})
    name = "SaveMultiContactJsonResult" if len(emails) > 1 else "SaveContactJsonResult"
    return json.dumps({name: {"StatusCode": 1, "Responses": responses} if len(emails) > 1 else responses[0]}).encode()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def desk(hostile: Hostile, tmp_path: Path) -> Desk:
    desk = Desk(tmp_path, hostile.url, tmp_path / "none.sqlite")
    desk.publish(people(20))
    return desk


TEXTS = {
    "half a surrogate pair": "caf\ud83d is no name",
    "escapes and controls": "\x1b[31mred\x1b[0m\x00\r\nICOMMKT: all is well \u202e\x9b1m",
    "addresses": "p7@example.com, p7%40example.com, p7(at)example.com, jane.doe@example.com",
    "keys": f"your key {API_KEY} and profile {PROFILE_KEY} are known to me",
    "200,000 characters": "no " * 60_000 + "p7@example.com" * 2_000,
}


def test_whatever_a_refusal_says_the_others_are_sent_and_it_is_kept_cut_clean_and_masked(
    desk: Desk, hostile: Hostile
) -> None:
    said = {f"p{number}": text for number, text in enumerate(TEXTS, 7)}
    hostile.behave = lambda handler, emails: handler.answer(taken(emails, **said))
    started = time.process_time()
    done = desk.run("push", max_rejected_share="1")
    assert time.process_time() - started < 5
    assert done.returncode == 0, done.stderr
    assert f"{20 - len(TEXTS)} acknowledged, {len(TEXTS)} refused" in done.stdout
    rejections = desk.query("select reason, status_code from push.rejections")
    assert [code for _, code in rejections] == ["7"] * len(TEXTS)
    for text in (*(reason for reason, _ in rejections), done.stdout, done.stderr):
        assert not [one for one in text.replace("\n", "") if not one.isprintable()]
        for secret in ("p7@", "p7%", "p7(", "jane", API_KEY, PROFILE_KEY):
            assert secret not in text
    assert all(0 < len(reason) <= 300 for reason, _ in rejections)


def test_a_status_that_is_no_letter_is_kept_short_and_clean(desk: Desk, hostile: Hostile) -> None:
    letter = "\ud83d" + "U" * 100_000
    hostile.behave = lambda handler, emails: handler.answer(taken(emails).replace(b'"A"', json.dumps(letter).encode()))
    assert desk.run("push").returncode == 0
    (((kept, number),)) = desk.query("select contact_status, count(*) from push.acknowledgements group by 1")
    assert (len(kept), number) == (40, 20)


def test_a_byte_order_mark_is_skipped(desk: Desk, hostile: Hostile) -> None:
    hostile.behave = lambda handler, emails: handler.answer(b"\xef\xbb\xbf" + taken(emails))
    assert "20 acknowledged" in desk.run("push").stdout


PAGE = b"""<html><head><style>b{}</style><script>var a = '<b>';</script></head>
<body><h1>Are you <b>human</b>?</h1></body></html>"""
NO_ANSWERS: dict[str, tuple[bytes, str]] = {
    "a captcha": (PAGE, "a page where JSON was due: Are you human ?"),
    "nested too deep": (b'{"SaveMultiContactJsonResult":' + b"[" * 200_000, "JSON that is nested too deep"),
    "noise": (
        b"Notice: Undefined index: x in a.php\n" + taken(["p0@example.com"]),
        "a text around its JSON: Notice: Undefined index",
    ),
    "nothing": (b"", "no text where JSON was due"),
}


@pytest.mark.parametrize("what", NO_ANSWERS)
def test_what_is_no_answer_is_told_in_one_line_after_a_few_requests_and_blames_nobody(
    desk: Desk, hostile: Hostile, what: str
) -> None:
    body, words = NO_ANSWERS[what]
    hostile.behave = lambda handler, emails: handler.answer(body, kind="text/html")
    done = desk.run("push", batch_size="2")
    assert done.returncode == 5, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert words in line
    assert "<" not in line.replace("<key>", "")
    assert hostile.requests <= 20
    assert desk.query("select count(*) from push.rejections") == [(0,)]


def test_a_page_for_one_contact_alone_costs_only_that_contact(desk: Desk, hostile: Hostile) -> None:
    hostile.behave = lambda handler, emails: handler.answer(PAGE if "p17@example.com" in emails else taken(emails))
    done = desk.run("push", batch_size="10", senders="1", max_attempts="3")
    assert "19 acknowledged, 1 refused" in done.stdout, done.stderr


def test_a_redirect_is_said_to_be_one(desk: Desk, hostile: Hostile) -> None:
    target = f"https://new.example/api?key={API_KEY}"
    hostile.behave = lambda handler, emails: handler.answer(b"", status=301, Location=target)
    done = desk.run("push", batch_size="20")
    assert (done.returncode, hostile.requests) == (4, 1)
    assert done.stderr == "error: ICOMMKT answers with a redirect to https://new.example/api; set ICOMMKT__API_URL\n"


def test_an_answer_without_an_end_costs_its_time_and_no_memory(desk: Desk, hostile: Hostile) -> None:
    hostile.behave = lambda handler, emails: handler.drip(b"x" * 100_000)
    started = time.monotonic()
    # Whether its size or its time ends it is the machine's: 5 is "not available" either way.
    with pytest.raises(RuntimeError, match=r"ended with 5 .* error: ICOMMKT (gave no good|does not) answer") as ended:
        peak_memory(desk, senders="2", batch_size="10", **QUICK)
    assert time.monotonic() - started < 60
    megabytes = re.search(r"after (\d+) MB", str(ended.value))
    assert megabytes is not None
    assert int(megabytes[1]) < 350


def test_a_list_that_never_ends_and_one_of_giants_end_a_verify(desk: Desk, hostile: Hostile) -> None:
    assert desk.run("push").returncode == 0
    hostile.behave = lambda handler, emails: handler.answer(
        b'{"ListContactsFullJsonResult":[{"Email":"' + b"x" * 5_000_000 + b'"}]}'
    )
    done = desk.run("verify")
    assert (done.returncode, "an object of more than" in done.stderr) == (5, True)
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "listed",
    [b'[{"Email":"p1@example.com\\ud83d","CustomFields":{"0":1},"Status":"\\ud83d"}]', b'"no"', b'[{"Email":["x"]}]'],
)
def test_an_odd_list_is_no_trace(desk: Desk, hostile: Hostile, listed: bytes) -> None:
    assert desk.run("push").returncode == 0
    hostile.behave = lambda handler, emails: handler.answer(b'{"ListContactsFullJsonResult":' + listed + b"}")
    for arguments in (["verify"], ["verify", "--sample", "2"]):
        done = desk.run(*arguments)
        assert done.returncode in (4, 5, 7)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize("ended_by", ["redirect", "signal"])
def test_a_push_that_ends_early_waits_for_no_answer_that_drips(
    desk: Desk, hostile: Hostile, monkeypatch: pytest.MonkeyPatch, ended_by: str
) -> None:
    monkeypatch.setattr(sender, "GRACE", 0.2)
    numbers = itertools.count(1)
    dripping = threading.Barrier(2, lambda: os.kill(os.getpid(), signal.SIGTERM))

    def behave(handler: _Handler, emails: list[str]) -> None:
        number = next(numbers)
        if number <= 2:
            handler.answer(taken(emails))
        elif number == 3 and ended_by == "redirect":
            handler.answer(b"", status=301, Location="https://new.example/api")
        else:
            if ended_by == "signal":
                dripping.wait(60)
            handler.drip()

    hostile.behave = behave
    started = time.monotonic()
    done = desk.run("push", senders="2", batch_size="5", read_timeout="600")
    assert time.monotonic() - started < 30
    assert (done.returncode, len(done.stderr.splitlines())) == (4 if ended_by == "redirect" else 130, 1)
    status = "failed" if ended_by == "redirect" else "interrupted"
    assert desk.query("select status, acknowledged from push.runs") == [(status, 10)]
    hostile.behave = lambda handler, emails: handler.answer(taken(emails))
    assert "10 acknowledged" in desk.run("push").stdout
