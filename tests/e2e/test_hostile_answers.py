"""Whatever a store, its host or a firewall sends: one line, few requests, nothing lost, and the next load is whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.in_process import in_process
from benchmarks.load.desk import Desk, differences, house, kept, living
from demo.environment import DEMO_PASSWORD
from demo.serving import serving
from loaders.magento.__main__ import main
from loaders.magento.client import MagentoClient
from loaders.magento.tables import CUSTOMERS
from tests.e2e.conftest import small_store
from tests.front import Asked, Front, Spoilt, front_of

Answer = Callable[[Asked], Spoilt]
Command = Callable[[Path], tuple[int, str]]
HTML = {"Content-Type": "text/html"}
pytestmark = pytest.mark.usefixtures("quick_retries")

CAPTCHA = (
    b"<!doctype html><html><head><style>body{}</style><title>Robot Challenge Screen</title><script>if (1 < 2) {}"
    b"</script></head><body><h1>Checking the site connection security</h1></body></html>"
)
NOTICE = b"<br />\n<b>Notice</b>:  Undefined index: foo in <b>/var/www/app/Order.php</b> on line <b>12</b><br />\n"
ALL = r"/V1/(?!directory|integration)"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("demo.magento", database=small_store(tmp_path_factory.mktemp("store"))) as url:
        yield url


@pytest.fixture
def front(store: str) -> Iterator[Front]:
    with front_of(store) as front:
        yield front


@pytest.fixture
def desk(front: Front) -> Desk:
    return Desk.at(front.url, page_size=100)


@pytest.fixture
def command(desk: Desk) -> Command:
    """The command `load`; gives its exit code and what it printed."""

    def run(folder: Path) -> tuple[int, str]:
        given = {f"SOURCES__MAGENTO__{name.upper()}": str(value) for name, value in vars(desk.settings).items()}
        environment = {**os.environ, **given, "WAREHOUSE_PATH": str(house(folder).path)}
        done = in_process(main, "load", environment=environment)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def good(store: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse loaded without any trouble."""
    folder = tmp_path_factory.mktemp("good")
    assert Desk.at(store).load(folder).errors == []
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """A warehouse of a good night before."""
    return Path(shutil.copytree(good, tmp_path / "warehouse"))


def on(path: str, answer: Answer) -> Callable[[Asked], Spoilt | None]:
    return lambda asked: answer(asked) if re.search(path, asked.path) else None


def page(body: bytes, status: int = 200, headers: dict[str, str] = HTML) -> Answer:
    return lambda _: Spoilt(body, status, headers)


def around(before: bytes = b"", behind: bytes = b"") -> Answer:
    return lambda asked: Spoilt(before + asked.body + behind)


def edited(edit: Callable[[Any], Any]) -> Answer:
    return lambda asked: Spoilt(json.dumps(edit(json.loads(asked.body))).encode())


def quarantined(folder: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(house(folder).path), read_only=True) as connection:
        return connection.execute("select table_name, row_id, column_name, reason from raw.quarantine").fetchall()


def whole_again(desk: Desk, front: Front, folder: Path, good: Path) -> bool:
    """Load undisturbed, and compare with what was never disturbed."""
    front.spoil = lambda _: None
    return desk.load(folder).errors == [] and differences(folder, good) == {}


def the_line(output: str) -> str:
    """Return the one line of an error, besides notes such as that the shop is busy or its clock another."""
    (line,) = [line for line in output.splitlines() if not line.startswith("  ")]
    assert line.startswith("error: ")
    return line


def forget_orders(folder: Path) -> None:
    """Have orders be read from the start, so that a page of them is lost when it is not read."""
    with kept(folder) as state:
        del state["orders"]["cursor"]
    with duckdb.connect(str(house(folder).path)) as connection:
        connection.execute("delete from raw.orders")


@pytest.mark.parametrize(
    ("path", "answer", "said", "most"),
    [
        ("currency", page(CAPTCHA, 202), '(202, "Robot Challenge Screen Checking the site', 2),
        ("currency", page(NOTICE + b'{"base_currency_code":"ARS"}'), 'prints PHP errors into its answers ("Notice', 2),
        ("admin/token", page(b'"a b\\r\\nX: y"'), "the login answered 200 without a token", 1),
        (ALL, page(CAPTCHA), 'answered 200 with "Robot Challenge Screen Checking the site connection security"', 2),
        ("orders", page(CAPTCHA, 202), 'orders answered 202 with "Robot Challenge Screen', 2),
        ("orders", around(behind=b"<!-- cached --><p>ad</p>"), 'orders answered 200 with "ad" where JSON was due', 1),
    ],
)
def test_what_is_not_magentos_is_told_in_a_line_and_costs_nothing(
    desk: Desk,
    front: Front,
    command: Command,
    folder: Path,
    good: Path,
    path: str,
    answer: Answer,
    said: str,
    most: int,
) -> None:
    forget_orders(folder)
    front.spoil = on(path, answer)
    code, output = command(folder)
    assert code == 1
    assert said in the_line(output)
    assert front.spoilt <= most
    assert quarantined(folder) == []
    assert whole_again(desk, front, folder, good)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (page(b"[]"), "GraphQL answered 200 without data"),
        (
            page(b'{"errors":[{"message":"Internal server error \\u001b[31m"}]}'),
            "GraphQL answered 200 Internal server err",
        ),
        (page(b'{"data":{"availableStores":"x","customAttributeMetadata":7}}'), "that is no list"),
        (around(NOTICE), "GraphQL: the store prints PHP errors into its answers"),
    ],
)
def test_graphql_of_another_shape_costs_its_tables_only(
    desk: Desk, front: Front, command: Command, folder: Path, good: Path, answer: Answer, said: str
) -> None:
    front.spoil = on("/graphql", answer)
    code, output = command(folder)
    assert code == 1
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    assert [line.split(": ")[1] for line in errors] == ["store_views", "attribute_options"]
    assert all(said in line for line in errors)
    assert "\x1b" not in output
    assert front.spoilt == 2
    assert quarantined(folder) == []
    assert whole_again(desk, front, folder, good)


def test_a_page_that_is_gone_the_next_moment_costs_one_request(desk: Desk, front: Front) -> None:
    front.spoil = lambda asked: Spoilt(CAPTCHA, 200, HTML) if "modules" in asked.path and not front.spoilt else None
    assert b"Magento_Store" in MagentoClient(desk.settings).get("modules").body
    assert front.spoilt == 1


OF_MODULES = {"configurable_product_options", "stock_item", "bundle_product_options"}
"""Kept whole and read by nobody."""


def numbered(value: Any) -> Any:
    """Write each list that is read as PHP does once something was taken out of it; an empty one stays one."""
    if isinstance(value, list) and value:
        return {str(2 * number): numbered(one) for number, one in enumerate(value)}
    if isinstance(value, dict):
        return {name: one if name in OF_MODULES else numbered(one) for name, one in value.items()}
    return value


@pytest.mark.parametrize("answer", [around(b"\xef\xbb\xbf"), edited(numbered)], ids=["mark", "lists"])
def test_a_byte_order_mark_and_lists_that_are_objects_are_read(
    front: Front, command: Command, good: Path, tmp_path: Path, answer: Answer
) -> None:
    front.spoil = on("(?!modules)", answer)
    code, output = command(tmp_path)
    assert code == 0, output
    assert quarantined(tmp_path) == []
    assert differences(tmp_path, good) == {}


def test_a_row_of_another_kind_costs_only_itself(
    desk: Desk, front: Front, command: Command, folder: Path, good: Path, tmp_path: Path
) -> None:
    def spoilt(body: Any) -> Any:
        if "data" in body and "customAttributeMetadata" in body["data"]:
            body["data"]["customAttributeMetadata"]["items"][0]["attribute_options"][:1] = ["x", None]
        elif len(body.get("items") or []) > 2:
            body["items"][1:2] = ["x\x1b[31m", None, 5, ["y"]]
        return body

    front.spoil = on("/graphql|/V1/(orders|customers|categories)", edited(spoilt))
    code, output = command(tmp_path / "fresh")
    assert code == 0, output
    counts = {table: len(living(tmp_path / "fresh", table)) for table in ("categories", "attribute_options")}
    assert counts == {table: len(living(good, table)) - 1 for table in counts}
    found = {line[0] for line in quarantined(tmp_path / "fresh")}
    assert found == {"orders", "customers", "categories", "attribute_options"}
    assert "unreadable values or rows are in raw.quarantine" in output

    # What was known is not taken for gone because another thing stands in its place.
    assert command(folder)[0] == 0
    for table in counts:
        assert living(folder, table) == living(good, table)
    assert whole_again(desk, front, tmp_path / "fresh", good)


def test_rows_that_are_counted_and_not_sent_are_asked_for_again(
    front: Front, command: Command, good: Path, tmp_path: Path
) -> None:
    front.spoil = on("/V1/orders", edited(lambda body: {**body, "items": []}))
    code, output = command(tmp_path)
    assert code == 0, output
    assert "rows and sends none of them; they are asked for again next time" in output
    with kept(tmp_path) as state:
        assert "cursor" not in state["orders"]

    front.spoil = lambda _: None
    assert command(tmp_path)[0] == 0
    assert differences(tmp_path, good) == {}


def test_store_views_of_another_kind_do_not_stop_a_load_of_one(front: Front, tmp_path: Path) -> None:
    def spoilt(body: Any) -> Any:
        body["data"].get("availableStores", [])[:0] = ["x", None, {"id": "", "website_id": 1}]
        return body

    front.spoil = on("/graphql", edited(spoilt))
    assert Desk.at(front.url, store_ids="1").load(tmp_path, (CUSTOMERS,)).errors == []
    assert living(tmp_path, "customers")


def test_what_a_value_says_is_kept_masked_cut_and_clean(
    desk: Desk, front: Front, command: Command, folder: Path
) -> None:
    """What else the loader prints or keeps: test_secrets.py."""
    forget_orders(folder)

    def odd(asked: Asked) -> Spoilt:
        token = asked.authorization.removeprefix("Bearer ")
        body = json.loads(asked.body)
        for item in body.get("items") or []:
            item["base_grand_total"] = (
                f"{DEMO_PASSWORD} {token} ana@example.com ana%40example.com \x1b[31m" + "x" * 300_000
            )
        return Spoilt(json.dumps(body).encode())

    front.spoil = on("/V1/orders", odd)
    said = command(folder)[1]
    reasons = [str(row[3]) for row in quarantined(folder)]
    assert reasons
    for text in (said, *reasons):
        assert not [word for word in (DEMO_PASSWORD, "ana@", "ana%", "\x1b", "eyJ") if word in text]
        assert max(map(len, text.splitlines())) < 800
    assert all("not a money: <key> <key> a***@example.com" in reason for reason in reasons)


def endless(first: bytes, part: bytes, pause: float = 0.0, most: int = 10_000) -> Answer:
    """An answer that goes on and on."""

    def raw() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + first
        for _ in range(most):
            time.sleep(pause)
            yield part

    return lambda _: Spoilt(raw=raw())


def zeros() -> bytes:
    """A gigabyte, folded to one megabyte, without ever being whole."""
    folder = zlib.compressobj(1, wbits=31)
    return b"".join(folder.compress(b"0" * 1_000_000) for _ in range(1000)) + folder.flush()


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("orders", endless(b"\r\n", b"a", 0.2), "the answer of orders did not end within 3 s"),
        (
            "orders",
            endless(b"Content-Encoding: gzip\r\n\r\n", zeros(), most=1),
            "the answer of orders is larger than 64 MB",
        ),
    ],
    ids=["drip", "gzip"],
)
def test_an_answer_without_end_costs_a_time_out_and_little_memory(
    desk: Desk, front: Front, folder: Path, good: Path, path: str, answer: Answer, said: str
) -> None:
    front.spoil = on(path, answer)
    process = desk.start(folder, "load", RUNTIME__REQUEST_TIMEOUT="3")
    peak = 0
    while process.poll() is None:
        with suppress(OSError, TypeError):  # it has just ended
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", status)[1]))  # type: ignore[index]
        time.sleep(0.02)
    output, _ = process.communicate()
    assert process.returncode == 1
    assert said in the_line(output)
    assert front.spoilt == 1
    assert 0 < peak < 500_000, "kB"
    assert quarantined(folder) == []
    assert whole_again(desk, front, folder, good)


def test_a_load_that_waits_for_an_answer_ends_when_it_is_told_to(
    desk: Desk, front: Front, folder: Path, good: Path
) -> None:
    front.spoil = on(r"/V1/orders\?.*billing_address", endless(b"\r\n", b"a", 0.2))
    process = desk.start(folder, "load", RUNTIME__REQUEST_TIMEOUT="300")
    while not front.spoilt and process.poll() is None:
        time.sleep(0.05)
    asked_at = time.monotonic()
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert time.monotonic() - asked_at < 5
    assert process.returncode == 143
    assert output.splitlines()[-1] == "error: interrupted; run the same command again to continue"
    assert whole_again(desk, front, folder, good)
