"""The loader slows down when the shop struggles, and recovers slowly."""

from __future__ import annotations

import threading
import time
from email.utils import formatdate

import pytest

from loaders.magento.politeness import GOOD_BEFORE_MORE, LEARN_FROM, LONGEST_PAUSE, Politeness
from tests.unit.magento.conftest import Shop, client


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def polite(said: list[str]) -> Politeness:
    return Politeness(4, say=said.append, clock=Clock())


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
def test_trouble_halves_the_requests_at_once(polite: Politeness, said: list[str], status: int) -> None:
    polite.answered("orders", status, 0.1)
    assert polite.limit == 2
    for _ in range(5):
        polite.answered("orders", status, 0.1)
    assert polite.limit == 1, "never none"
    assert len(said) == 1, "said once, not for each answer"
    assert "the shop is busy" in said[0]


def test_it_recovers_by_one_after_many_good_answers(polite: Politeness) -> None:
    polite.answered("orders", 429, 0.1)
    for _ in range(GOOD_BEFORE_MORE - 1):
        polite.answered("orders", 200, 0.1)
    assert polite.limit == 2
    polite.answered("orders", 200, 0.1)
    assert polite.limit == 3
    for _ in range(10 * GOOD_BEFORE_MORE):
        polite.answered("orders", 200, 0.1)
    assert polite.limit == 4, "never more than the setting"


def test_rising_latency_slows_it_down(polite: Politeness, said: list[str]) -> None:
    for _ in range(LEARN_FROM):
        polite.answered("orders", 200, 0.4)
    for _ in range(20):
        polite.answered("orders", 200, 3.0)
    assert polite.limit < 4
    assert "orders take" in said[0]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("100000", LONGEST_PAUSE),
        ("-5", 0),
        ("soon", 0),
        (None, 0),
        ("in 30 seconds", 30),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float, said: list[str]) -> None:
    if header == "in 30 seconds":
        header = formatdate(time.time() + 30, usegmt=True)
    polite = Politeness(2, say=said.append, clock=Clock())
    polite.answered("orders", 429, 0.1, header)
    assert polite._paused_until - 1000.0 == pytest.approx(seconds, abs=20)


def test_what_the_shop_asks_to_wait_is_waited_and_told(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.fault(kind="status_429", retry_after=1, count=1, match={"path_regex": "/V1/orders"})
    started = time.monotonic()
    client(shop.url).search("orders", [], page_size=1, sort="entity_id")
    assert time.monotonic() - started >= 1
    said = "the shop is busy, it asks for less (429): going on with 1 request(s) at a time, after a pause of 1 s"
    assert said in capsys.readouterr().out


def test_a_pause_is_everybodys() -> None:
    polite = Politeness(4, say=lambda text: None)
    polite.answered("orders", 429, 0.0, "0.3")
    started = time.monotonic()
    waited: list[float] = []

    def ask() -> None:
        with polite.turn():
            waited.append(time.monotonic() - started)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(waited) >= 0.25


def test_never_more_at_once_than_the_limit() -> None:
    polite = Politeness(2, say=lambda text: None)
    lock = threading.Lock()
    active = most = 0

    def ask() -> None:
        nonlocal active, most
        with polite.turn():
            with lock:
                active += 1
                most = max(most, active)
            time.sleep(0.01)
            with lock:
                active -= 1

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
