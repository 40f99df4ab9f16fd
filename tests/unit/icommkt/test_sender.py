"""How batches are cut, split and given up, against a client that answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from loaders.icommkt.answers import Accepted, Fate, Refused
from loaders.icommkt.errors import RefusedError, SuspectError, WholeRefusalError
from loaders.icommkt.items import Item
from loaders.icommkt.sender import REFUSED_AT_FIRST, REFUSED_IN_A_ROW, Sender, Settled
from loaders.icommkt.settings import IcommktSettings


class Told:
    """A client that does as it is told: `many` and `one` answer for the e-mails they are given."""

    def __init__(self, many: Callable[[list[str]], list[Fate]], one: Callable[[str], Fate] | None = None) -> None:
        self.many = many
        self.one = one or (lambda email: many([email])[0])
        self.calls: list[list[str]] = []

    def save_many(self, profile_key: str, emails: list[str], contacts: list[bytes]) -> list[Fate]:
        self.calls.append(emails)
        assert [json.loads(contact)["Email"] for contact in contacts] == emails
        return self.many(emails)

    def save_one(self, profile_key: str, email: str, contact: bytes) -> Fate:
        self.calls.append([email])
        return self.one(email)


def item(name: str, *, tries: int = 0, size: int = 10) -> Item:
    content = b'[{"Key":"k","Value":"' + b"x" * size + b'"}]'
    return Item("main", f"{name}@example.com", tries=tries, content=content)


def items(count: int, **options: Any) -> list[Item]:
    return [item(f"c{number}", **options) for number in range(count)]


def send(
    client: Told, given: list[Item], *, senders: int = 1, contacts: int = 8, size: int = 10**6
) -> tuple[list[str], list[str], bool]:
    taken: list[str] = []
    refused: list[str] = []

    def settle(settled: list[Settled]) -> None:
        for one in settled:
            (taken if one.outcome == "accepted" else refused).append(one.item.email.partition("@")[0])

    settings = IcommktSettings("key", senders=senders, batch_bytes=size)
    sender = Sender(client, settings, "profile", contacts, threading.Event(), settle)  # type: ignore[arg-type]
    sender.send(iter(given))
    return sorted(taken), sorted(refused), sender.has_learned


def fine(emails: list[str]) -> list[Fate]:
    return [Accepted("A")] * len(emails)


def test_batches_by_count_and_by_bytes() -> None:
    client = Told(fine)
    send(client, items(20), contacts=8)
    assert [len(call) for call in client.calls] == [8, 8, 4]
    client = Told(fine)
    send(client, items(6, size=1000), contacts=8, size=2500)
    assert [len(call) for call in client.calls] == [2, 2, 2]
    client = Told(fine)
    send(client, items(3, size=5000), contacts=8, size=2500)
    assert [len(call) for call in client.calls] == [1, 1, 1], "a contact that alone is too large is tried alone"


def test_one_contact_that_is_too_large_by_itself_teaches_nothing() -> None:
    def many(emails: list[str]) -> list[Fate]:
        if "c3@example.com" in emails:
            raise WholeRefusalError("HTTP 413")
        return fine(emails)

    taken, refused, learned = send(Told(many), items(40))
    assert (len(taken), refused, learned) == (39, ["c3"], False)


def test_one_chance_failure_teaches_nothing() -> None:
    failed: list[int] = []

    def many(emails: list[str]) -> list[Fate]:
        if not failed:
            failed.append(1)
            raise SuspectError("no answer in time")
        return fine(emails)

    _, _, learned = send(Told(many), items(16))
    assert not learned


def everything_refused(emails: list[str]) -> list[Fate]:
    return [Refused("903", "The key is not valid")] * len(emails)


def test_even_a_few_are_not_blamed_while_nobody_is_taken() -> None:
    with pytest.raises(RefusedError, match="took none"):
        send(Told(everything_refused), items(3))


def test_contacts_that_were_refused_before_may_be_refused_again_on_a_quiet_day() -> None:
    taken, refused, _ = send(Told(everything_refused), items(30, tries=2))
    assert (taken, len(refused)) == ([], 30)


def test_a_contact_that_was_refused_for_good_needs_no_witness() -> None:
    _, refused, _ = send(Told(lambda emails: [Refused("9", "Invalid email")] * len(emails)), items(3))
    assert len(refused) == 3


def test_refusals_wait_for_a_contact_that_is_taken() -> None:
    def many(emails: list[str]) -> list[Fate]:
        return [Refused("9", "no") if int(email[1:].partition("@")[0]) < 10 else Accepted("A") for email in emails]

    taken, refused, _ = send(Told(many), items(16), contacts=5)
    assert (len(taken), len(refused)) == (6, 10)


@pytest.mark.parametrize(
    ("number", "pattern", "ends"),
    [
        (REFUSED_AT_FIRST - 1, "ra", False),
        (REFUSED_AT_FIRST, "ra", True),
        (REFUSED_IN_A_ROW - 1, "ara", False),
        (REFUSED_IN_A_ROW, "ara", True),
    ],
)
def test_refusals_end_a_run_at_their_limit_and_not_before(number: int, pattern: str, ends: bool) -> None:
    """`pattern`: what becomes of each batch of `number` contacts, refused or accepted."""
    fate = iter(pattern)
    client = Told(lambda emails: everything_refused(emails) if next(fate) == "r" else fine(emails))
    given = items(number * len(pattern))
    if ends:
        with pytest.raises(RefusedError):
            send(client, given, contacts=number)
    else:
        taken, refused, _ = send(client, given, contacts=number)
        assert (len(taken), len(refused)) == (number * pattern.count("a"), number)


def test_no_more_batches_are_ready_than_three_times_the_senders() -> None:
    """Memory does not grow with the plan: the source is read only as fast as batches go out."""
    read = 0
    most = 0
    answered = 0

    def source() -> Iterator[Item]:
        nonlocal read
        for one in items(2000):
            read += 1
            yield one

    def many(emails: list[str]) -> list[Fate]:
        nonlocal most, answered
        most = max(most, read - answered)
        answered += len(emails)
        return fine(emails)

    settings = IcommktSettings("key", senders=2)
    Sender(Told(many), settings, "p", 10, threading.Event(), lambda settled: None).send(source())  # type: ignore[arg-type]
    assert answered == 2000
    assert most <= (3 * 2 + 3) * 10


def test_no_more_than_twice_the_senders_are_sent_and_not_written_down() -> None:
    """What a crash has sent again: answers that wait for their transaction count too."""
    lock = threading.Lock()
    sent = 0
    most = 0
    settled_so_far = 0

    def many(emails: list[str]) -> list[Fate]:
        nonlocal sent, most
        with lock:
            sent += 1
            most = max(most, sent - settled_so_far)
        return fine(emails)

    def settle(settled: list[Settled]) -> None:
        nonlocal settled_so_far
        time.sleep(0.01)
        settled_so_far += len(settled)

    settings = IcommktSettings("key", senders=3)
    Sender(Told(many), settings, "p", 1, threading.Event(), settle).send(iter(items(300)))  # type: ignore[arg-type]
    assert settled_so_far == 300
    assert 3 <= most <= 2 * 3


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "reader" or thread.name.startswith("sender")]


@pytest.mark.parametrize("where", ["reading", "sending", "settling"])
@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_wherever_a_run_breaks_it_says_so_keeps_the_answers_and_leaves_no_thread(
    where: str, kind: type[BaseException]
) -> None:
    taken: list[str] = []
    broke = False

    def source() -> Iterator[Item]:
        for number, one in enumerate(items(5000)):
            if where == "reading" and number == 60:
                raise kind("broken")
            yield one

    def many(emails: list[str]) -> list[Fate]:
        if where == "sending" and "c60@example.com" in emails:
            raise kind("broken")
        return fine(emails)

    def settle(settled: list[Settled]) -> None:
        nonlocal broke
        if where == "settling" and len(taken) >= 60 and not broke:
            broke = True
            raise kind("broken")
        taken.extend(one.item.email for one in settled)

    client = Told(many)
    sender = Sender(client, IcommktSettings("key", senders=2), "p", 8, threading.Event(), settle)  # type: ignore[arg-type]
    with pytest.raises(kind, match="broken"):
        sender.send(source())
    assert readers() == []
    answered = {email for call in client.calls for email in call if where != "sending" or "c60@example.com" not in call}
    assert set(taken) <= answered
    assert len(answered) < 5000
    if where != "settling":
        assert set(taken) == answered
