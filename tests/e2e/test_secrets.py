"""No secret is ever written down: loads, refused logins and the doctor, with everything they leave behind searched."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, quote_plus

import duckdb
import pytest

from benchmarks.push.harness import people
from benchmarks.push.published import AS_OF, Given, write
from demo.environment import PROJECT_ROOT, demo_environment
from demo.magento.auth import INTEGRATION
from demo.magento.generate import create
from demo.serving import serving
from loaders import build, daily, doctor
from loaders.errors import run_command
from loaders.icommkt import __main__ as icommkt

PASSWORD = "Contraseña+grep/me=7391&%\"'"
API_KEY = "grep-me-api-key-5180273649"
PROFILE_KEY = "grep-me-profile-key-8841236"
TOTP_SECRET = "GREPMEGREPMEGREPMEGREPMEGREPME23"
SECRETS = (PASSWORD, API_KEY, PROFILE_KEY, TOTP_SECRET, *INTEGRATION.values())

# Every library at its most talkative, as a person hunting a problem would have it, and the traceback of each error with
# all that was chained to it. Reads steps from stdin, each what to do to the shop and which settings to load with.
LOUD = """
import json, logging, os, sys, traceback
from requests import post
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from loaders.errors import PipelineError
from loaders.magento.__main__ import load
from loaders.doctor import examine, print_examination

shop_url = os.environ["SOURCES__MAGENTO__BASE_URL"]
first = dict(os.environ)
for step in json.load(sys.stdin):
    for path, body in step.get("shop", {}).items():
        post(shop_url + "/demo/" + path, json=body).raise_for_status()
    os.environ.clear()
    os.environ.update(first | step.get("settings", {}))
    print("STEP", flush=True)
    try:
        if step.get("doctor"):
            print_examination(examine())
        else:
            print("errors:", load().errors)
    except PipelineError as error:
        print("refused:", error)
        while error is not None:
            traceback.print_exception(error)
            error = error.__cause__ or error.__context__
"""


def forms(secret: str) -> set[bytes]:
    """Return the forms in which a secret could be written: itself, in JSON, in an address, in base64."""
    raw = secret.encode()
    texts = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    texts |= {quote(secret), quote(secret, safe=""), quote_plus(secret), secret.lower()}
    # Wherever in a base64 text it begins: what does not depend on its neighbours.
    encoded = {base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)}
    return {text.encode() for text in texts} | encoded | {raw.hex().encode()}


NEEDLES = {form: secret for secret in SECRETS for form in forms(secret)}
PATTERN = re.compile(b"|".join(re.escape(form) for form in sorted(NEEDLES, key=len, reverse=True)))
# Tokens that the store gave: a JWT of HS256, a bearer, an OAuth signature.
TOKENS = re.compile(rb"eyJ[\w-]{10,}\.eyJ|Bearer [\w.-]{8,}|oauth_signature=|Basic [\w+/=]{8,}")


def found_in(data: bytes) -> set[str]:
    return {NEEDLES[match] for match in PATTERN.findall(data)} | {match.decode() for match in TOKENS.findall(data)}


class Run:
    """Commands against demo servers that know the secrets, and all they leave."""

    def __init__(self, folder: Path, magento_url: str, icommkt_url: str) -> None:
        self.folder = folder
        self.magento_url = magento_url
        self.environment = {
            **demo_environment(folder, magento_url, icommkt_url),
            "SOURCES__MAGENTO__PASSWORD": PASSWORD,
            "ICOMMKT__API_KEY": API_KEY,
            "ICOMMKT__PROFILE_KEY": PROFILE_KEY,
            "RUNTIME__LOG_LEVEL": "DEBUG",
            "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01",
            "RUNTIME__REQUEST_MAX_ATTEMPTS": "2",
            "SOURCES__MAGENTO__WORKERS": "1",
        }

    def steps(self, steps: list[dict[str, Any]]) -> list[str]:
        """Run loads and doctors in one process and return what each said; fails when a secret was said."""
        done = subprocess.run(
            [sys.executable, "-c", LOUD],
            env=self.environment,
            cwd=PROJECT_ROOT,
            input=json.dumps(steps).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert found_in(done.stdout) == set()
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout.decode().split("STEP\n")[1:]

    def search_everything(self) -> set[str]:
        """Search every file below the folder, and every value of every table; return the names of the files."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        for path in files:
            assert found_in(path.read_bytes()) == set(), path
        for path in self.folder.rglob("*.duckdb"):  # compressed on disk, so read as well
            with duckdb.connect(str(path), read_only=True) as connection:
                tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
                assert tables
                for schema, table in tables:
                    for row in connection.execute(f'select t::varchar from "{schema}"."{table}" t').fetchall():
                        assert found_in(row[0].encode()) == set(), (path, table)
        return {path.name for path in files}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    servers = tmp_path_factory.mktemp("servers")
    create(servers / "magento.sqlite", customers=30, orders=80)
    with (
        serving("demo.magento", database=servers / "magento.sqlite", options=["--password", PASSWORD]) as magento_url,
        serving("demo.icommkt", database=servers / "icommkt.sqlite", options=["--api-key", API_KEY]) as icommkt_url,
    ):
        yield Run(tmp_path_factory.mktemp("secrets"), magento_url, icommkt_url)


def test_no_secret_is_left_behind(run: Run) -> None:
    oauth = {f"SOURCES__MAGENTO__{name.upper()}": value for name, value in INTEGRATION.items()}
    drop = {"kind": "drop_connection", "match": {"path_regex": "/V1/orders"}, "count": 2}
    in_address = f"http://icomm:{quote(PASSWORD, safe='')}@127.0.0.1:9"
    expected: list[tuple[dict[str, Any], str]] = [
        ({}, "errors: []"),
        ({"settings": oauth}, "errors: []"),
        ({"settings": {"SOURCES__MAGENTO__ACCESS_TOKEN": INTEGRATION["access_token"]}}, "refused: the store refuses"),
        ({"settings": {**oauth, "SOURCES__MAGENTO__CONSUMER_KEY": API_KEY}}, "CONSUMER_KEY is not known"),
        ({"settings": {**oauth, "SOURCES__MAGENTO__CONSUMER_SECRET": API_KEY}}, "the signature is wrong"),
        # The shop's own secret is another, so the code is refused.
        (
            {"shop": {"settings": {"tfa": "google"}}, "settings": {"SOURCES__MAGENTO__TOTP_SECRET": TOTP_SECRET}},
            "refused: the store did not accept the one-time code",
        ),
        ({}, "refused: two-factor login is on"),
        ({"shop": {"settings": {"tfa": "off", "password": "another"}}}, "refused: the store refused the login"),
        ({"settings": {"SOURCES__MAGENTO__BASE_URL": in_address}}, "without user and password"),
        ({"doctor": True}, "not ready: login"),
        ({"doctor": True, "shop": {"settings": {"password": PASSWORD}}}, "ready for `make daily`"),
        ({"doctor": True, "settings": {"ICOMMKT__API_KEY": PROFILE_KEY}}, "ICOMMKT refuses the key"),
        ({"shop": {"faults": drop}}, "errors: ["),
    ]
    # A run that failed has the next one put dlt's folder away, so it is searched once before.
    said = run.steps([step for step, _ in expected[:2]])
    assert {"trace.pickle", "state.json", "magento.schema.json", "warehouse.duckdb"} <= run.search_everything()
    said += run.steps([step for step, _ in expected[2:]])
    assert len(said) == len(expected)
    for text, (step, wanted) in zip(said, expected, strict=True):
        assert wanted in text, (step, text[-2000:])
    assert "DEBUG" in said[0]  # it was as talkative as it can be
    names = run.search_everything()
    assert {"trace.pickle", "state.json", "warehouse.duckdb"} <= names


ECHO_TOKEN = "eyJhbGciOiJIUzI1NiJ9.grep-me-token-of-the-store-66125.c2ln"
CUSTOMER = "marta.quiroga@example.com"


def said_by(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    main: Callable[[], int],
    *arguments: str,
) -> bytes:
    """Run a command that fails, and return all that it printed."""
    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    with monkeypatch.context() as here:
        for name in os.environ:
            here.delenv(name)
        for name, value in environment.items():
            here.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            run_command(main)
    printed = "".join(capfd.readouterr())
    assert ended.value.code, (main.__module__, arguments, printed)
    assert "Traceback" not in printed, printed
    return printed.encode()


class Echo(BaseHTTPRequestHandler):
    """A store and an ICOMMKT in one that answer with all that they were sent, where it hurts most."""

    way: ClassVar[str] = ""

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self, body: bytes) -> None:
        heard = f"{self.headers.get('Authorization')} {body.decode()} {ECHO_TOKEN} {PASSWORD} {API_KEY} {PROFILE_KEY}"
        customers = (CUSTOMER, CUSTOMER.replace("@", "%40"), CUSTOMER.replace("@", " (at) "))
        said = f"\x1b]0;{heard}\x07 \x1b[31m{heard} {' '.join(customers)}"
        if "currency" in self.path and self.way != "html":
            self.send(200, {"base_currency_code": "USD"})
        elif "token" in self.path and self.way not in ("html", "login", "status line"):
            self.send(200, ECHO_TOKEN + ("\r\nX: y" if self.way == "token" else ""))
        elif self.way == "html":
            self.send(200, f"<html><title>{said}</title>{said}</html>", "text/html")
        elif self.way == "redirect":
            self.send(
                302, {}, location=f"https://{quote(API_KEY)}:{quote(PASSWORD, safe='')}@elsewhere.example/{ECHO_TOKEN}"
            )
        elif self.way == "status line":
            self.send(401, {"message": said}, reason=heard.encode("ascii", "ignore").decode().replace("\r", ""))
        elif self.way == "rows":
            self.send(200, {"items": [{said: said, "entity_id": said}], "total_count": said, "search_criteria": said})
        else:
            message = {"message": said, "parameters": [said], "trace": said, "StatusCode": said, "StatusMessage": said}
            self.send(int(self.way) if self.way.isdigit() else 401, message)

    def send(
        self, status: int, body: Any, kind: str = "application/json", location: str = "", reason: str = ""
    ) -> None:
        data = body.encode() if kind == "text/html" else json.dumps(body).encode()
        self.send_response(status, reason or None)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("way", ["200", "400", "500", "login", "token", "html", "redirect", "status line", "rows"])
def test_nothing_that_a_server_says_shows_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], way: str
) -> None:
    """Of both sides; with each secret of the run in each place that people or programs write down."""
    monkeypatch.setattr(Echo, "way", way)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    environment = {
        **Run(tmp_path, url, url).environment,
        "RUNTIME__REQUEST_MAX_ATTEMPTS": "1",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "ICOMMKT__MAX_ATTEMPTS": "1",
        "ICOMMKT__PATIENCE": "0.5",
        "ICOMMKT__BACKOFF": "0.01",
    }
    warehouse = Path(environment["WAREHOUSE_PATH"])
    warehouse.parent.mkdir(parents=True)
    write(warehouse.with_name("published.duckdb"), [Given(CUSTOMER, {"nombre": "x"}), *people(3)])
    said = b""
    for main, *arguments in (
        (doctor.main,),
        (daily.main,),
        (icommkt.main, "push", "--as-of-date", str(AS_OF)),
        (icommkt.main, "verify", "--as-of-date", str(AS_OF)),
    ):
        said += said_by(capfd, monkeypatch, environment, main, *arguments)
    server.shutdown()
    assert found_in(said) == set(), said.decode()
    assert b"\x1b" not in said
    assert re.findall(rb"(?i)marta.?.?.?.?quiroga|marta\.", said) == []
    # What is kept of the store's rows is the store's; all else that was written is searched.
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix != ".duckdb":
            assert found_in(path.read_bytes()) == set(), path
    state = warehouse.with_name("warehouse.state.duckdb")
    if state.exists():
        with duckdb.connect(str(state), read_only=True) as db:
            for (name,) in db.execute("select table_name from duckdb_tables() where schema_name = 'push'").fetchall():
                for row in db.execute(f"select t::varchar from push.{name} t").fetchall():
                    assert found_in(row[0].encode()) == set(), (name, row[0])


PLACES = {
    "a user": {"SOURCES__MAGENTO__USERNAME": PASSWORD},
    "an address": {"SOURCES__MAGENTO__BASE_URL": f"https://shop.example:{API_KEY}/"},
    "an address's user": {"ICOMMKT__API_URL": f"https://{API_KEY}:{quote(PASSWORD, safe='')}@icommkt.example"},
    "a broken address": {"SOURCES__MAGENTO__BASE_URL": f"https://[{API_KEY}"},
    "a number": {"SOURCES__MAGENTO__PAGE_SIZE": API_KEY},
    "a choice": {"ICOMMKT__AUTH_FORM": API_KEY},
    "a date": {"SOURCES__MAGENTO__START_DATE": PROFILE_KEY},
    "ids": {"SOURCES__MAGENTO__STORE_IDS": API_KEY},
    "a pattern": {"ICOMMKT__PERMANENT_PATTERN": f"({API_KEY}"},
    "a path": {"WAREHOUSE_PATH": f"/proc/{API_KEY}/'"},
    "a path that cannot be made": {"WAREHOUSE_PATH": f"/proc/{API_KEY}/shop.duckdb"},
    "memory": {"BUILD_MEMORY": API_KEY},
    "a log level": {"RUNTIME__LOG_LEVEL": API_KEY},
    "vars": {"VARS": f"{{as_of_date: {API_KEY}}}"},
    "a name of vars": {"VARS": f"{{{API_KEY}: 1}}"},
    "vars that are none": {"VARS": API_KEY},
    "two lines": {"ICOMMKT__API_KEY": f"{API_KEY}\n{API_KEY}"},
    "the other alphabet": {"ICOMMKT__PROFILE_KEY": f"{PROFILE_KEY}ж"},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_in_the_wrong_place_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], place: str
) -> None:
    environment = {**Run(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9").environment, **PLACES[place]}
    environment |= {"RUNTIME__REQUEST_MAX_ATTEMPTS": "1", "ICOMMKT__PATIENCE": "0.1"}
    environment |= {} if place == "a log level" else {"RUNTIME__LOG_LEVEL": "ERROR"}
    for main, *arguments in ((daily.main,), (build.main,), (icommkt.main, "push"), (doctor.main,)):
        said = said_by(capfd, monkeypatch, environment, main, *arguments)
        assert found_in(said) == set(), said.decode()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or found_in(path.read_bytes()) == set(), path
