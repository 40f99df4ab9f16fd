"""Sends batches from several threads, and finds out what happened to every single contact."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

import orjson

from loaders import http
from loaders.icommkt import answers, interrupt
from loaders.icommkt.client import Client
from loaders.icommkt.errors import RefusedError, RequestError, StoppedError, SuspectError, WholeRefusalError
from loaders.icommkt.items import Item
from loaders.icommkt.settings import IcommktSettings
from loaders.text import fit

REFUSED_AT_FIRST = 20
"""So many contacts refused for the first time, and none taken in the whole run: it is not the contacts' fault."""
FAILED_IN_A_ROW = 500
"""So many requests of single contacts failed in a row, in a run in which some were taken: the service's fault."""
REFUSED_IN_A_ROW = 1_000
"""The same for contacts refused inside good answers."""
SUSPECTS_BEFORE_LEARNING = 2
"""A 500 or a silence may be chance; so many times the halves must succeed before the smaller size is remembered."""
GRACE = 5.0  # seconds that requests under way are given when a run ends early
COMMIT_WITHIN = 0.05
"""Seconds that an answer may wait for others to be written down with it."""
CHECK = "check the API key, the profile key and the profile's fields"


class Settled(NamedTuple):
    """What became of one contact: `accepted`, `refused`, `removed` or `not removed`.

    `explicit`: ICOMMKT said so of this contact; otherwise its request just failed. `reason` is fit to show.
    """

    item: Item
    outcome: str
    status: str | None = None
    code: str = ""
    reason: str = ""
    permanent: bool = False
    explicit: bool = True


class Sender:
    """Delivers contacts to one profile.

    `settle` is called in the caller's thread with what became of contacts. A batch counts as under way until then, and
    no more than twice as many as there are senders are.

    `has_accepted`: the profile has taken contacts before. Then it is not at fault when it refuses new ones.
    """

    def __init__(
        self,
        client: Client,
        settings: IcommktSettings,
        profile_key: str,
        batch_size: int,
        stop: threading.Event,
        settle: Callable[[list[Settled]], None],
        *,
        has_accepted: bool = False,
    ) -> None:
        self.client = client
        self.settings = settings
        self.profile_key = profile_key
        self.batch_size = batch_size
        self.has_learned = False
        self.splits = 0
        self._suspects = 0
        self._stop = stop
        self._settle = settle
        self._has_accepted = has_accepted
        self._settled: queue.SimpleQueue[list[Settled]] = queue.SimpleQueue()
        self._waiting: list[list[Settled]] = []
        self._drained = time.monotonic()
        self._lock = threading.Lock()
        self._permanent = re.compile(settings.permanent_pattern)
        self._any_taken = False
        self._refused_in_a_row = 0
        self._doubtful: list[Settled] = []

    # -- the caller's thread

    def send(self, items: Iterable[Item]) -> None:
        """Send all items and settle every answer.

        Raises what ended the run early, after every answer that did come has been settled.
        """
        self._in_threads(self._deliver, self._batches(items))
        doubtful, self._doubtful = self._doubtful, []  # nothing has cleared them up
        if not self._any_taken and any(self._accuses(one) for one in doubtful):
            raise RefusedError(f"ICOMMKT took none of the contacts: {doubtful[0].reason}; {CHECK}")
        if doubtful:
            self._settle(doubtful)

    def remove(self, items: Iterable[Item]) -> None:
        """Remove contacts from the profile."""
        self._in_threads(self._remove, items)

    def _in_threads(self, work: Callable[..., object], parts: Iterable[object]) -> None:
        pool = ThreadPoolExecutor(self.settings.senders, thread_name_prefix="sender")
        running: set[Future[object]] = set()
        failure: BaseException | None = None
        try:
            for part in parts:
                # One batch for each sender and one ready for each: enough to keep them busy, and little in memory.
                # Answers that wait to be written down count too: a crash has no more than these sent again.
                while len(running) + len(self._waiting) >= 2 * self.settings.senders:
                    running = self._advance(running)
                interrupt.check()
                running.add(pool.submit(work, part))
                self._drain(unless_recent=True)
            while running:
                running = self._advance(running)
        except BaseException as error:
            self._stop.set()
            failure = error
        if failure is not None:
            # Their answers may drip, or never come. A request that began meanwhile is met by the next round.
            _, rest = wait(running, timeout=GRACE)
            while rest := wait(rest, timeout=COMMIT_WITHIN).not_done:
                http.cut_off()
        pool.shutdown(wait=True, cancel_futures=True)
        self._drain()
        if failure is not None:
            raise failure

    def _advance(self, running: set[Future[object]]) -> set[Future[object]]:
        interrupt.check()
        done, rest = wait(running, timeout=COMMIT_WITHIN, return_when=FIRST_COMPLETED)
        self._drain(unless_recent=True)
        for future in done:
            future.result()
        return rest

    def _drain(self, *, unless_recent: bool = False) -> None:
        """Settle the answers that have come.

        With `unless_recent` they wait, for a short time, until there is one for each sender: a transaction costs the
        same for several answers as for one.
        """
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.append(self._settled.get_nowait())
        now = time.monotonic()
        if not self._waiting:
            self._drained = now
        elif not unless_recent or len(self._waiting) >= self.settings.senders or now - self._drained >= COMMIT_WITHIN:
            settled, self._waiting, self._drained = self._waiting, [], now
            self._settle([one for answer in settled for one in answer])

    def _batches(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        batch: list[Item] = []
        size = 0
        for item in items:
            more = len(item.content) + len(item.email) + 40
            if batch and (len(batch) >= self.batch_size or size + more > self.settings.batch_bytes):
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += more
        if batch:
            yield batch

    # -- the senders' threads

    def _deliver(self, items: list[Item]) -> bool:
        """Deliver a batch; true when all of it was taken without splitting."""
        if self._stop.is_set():
            raise StoppedError
        if len(items) == 1:
            return self._alone(items[0])
        if len(items) > self.batch_size:  # another sender has learned meanwhile that less works
            self._halves(items)
            return False
        try:
            fates = self.client.save_many(
                self.profile_key, [item.email for item in items], [_contact(item) for item in items]
            )
        except (SuspectError, WholeRefusalError) as error:
            self.splits += 1
            if self._halves(items):
                self._learn((len(items) + 1) // 2, certain=isinstance(error, WholeRefusalError))
            return False
        self._report(items, fates)
        unclear = [item for item, fate in zip(items, fates, strict=True) if isinstance(fate, answers.Unclear)]
        if not unclear:
            return True
        self.splits += 1
        if all(isinstance(fate, answers.Unclear) and fate.mixed for fate in fates):
            self._halves(items)
        else:
            for item in unclear:
                self._alone(item)
        return False

    def _halves(self, items: list[Item]) -> bool:
        middle = (len(items) + 1) // 2
        return self._deliver(items[:middle]) & self._deliver(items[middle:])

    def _learn(self, contacts: int, *, certain: bool) -> None:
        """Take over a number of contacts that worked, in both halves, where twice as many did not."""
        with self._lock:
            self._suspects += not certain
            if contacts < self.batch_size and (certain or self._suspects >= SUSPECTS_BEFORE_LEARNING):
                self.batch_size = max(1, contacts)
                self.has_learned = True

    def _alone(self, item: Item) -> bool:
        if self._stop.is_set():
            raise StoppedError
        try:
            fate = self.client.save_one(self.profile_key, item.email, _contact(item))
        except RequestError as error:
            self._doubt([self._refused(item, error.code, error.reason, explicit=False)])
            return False
        if isinstance(fate, answers.Unclear):
            self._doubt([self._refused(item, "", "the answer has no status code", explicit=False)])
            return False
        self._report([item], [fate])
        return isinstance(fate, answers.Accepted)

    def _report(self, items: list[Item], fates: list[answers.Fate]) -> None:
        taken, refused = [], []
        for item, fate in zip(items, fates, strict=True):
            if isinstance(fate, answers.Accepted):
                taken.append(Settled(item._replace(content=b""), "accepted", status=fate.status))
            elif isinstance(fate, answers.Refused):
                refused.append(self._refused(item, fate.code, fate.reason))
        doubtful: list[Settled] = []
        with self._lock:
            if taken:
                self._any_taken = True
                self._refused_in_a_row = 0
                refused += self._doubtful
                self._doubtful = []
            elif not self._any_taken:
                doubtful = [one for one in refused if not one.permanent and not one.item.tries]
                refused = [one for one in refused if one.permanent or one.item.tries]
            if not taken:
                self._refused_in_a_row += sum(self._accuses(one) for one in refused)
            too_many = self._refused_in_a_row >= REFUSED_IN_A_ROW
        self._settled.put(taken + refused)
        if too_many and refused:
            raise RefusedError(
                f"ICOMMKT refused {self._refused_in_a_row:,} contacts in a row: {refused[-1].reason}; {CHECK}"
            )
        if doubtful:
            self._doubt(doubtful)

    def _doubt(self, refusals: list[Settled]) -> None:
        """Keep refusals until it is clear whether the contacts or the service, key or profile are at fault.

        A contact that is taken clears it up: then the service works, and the refusals are the contacts' own.
        """
        with self._lock:
            self._doubtful += refusals
            number = sum(self._accuses(one) for one in self._doubtful)
            if number < (FAILED_IN_A_ROW if self._any_taken else REFUSED_AT_FIRST):
                if len(self._doubtful) >= REFUSED_IN_A_ROW:  # new contacts alone: no more of them are kept
                    self._settled.put(self._doubtful)
                    self._doubtful = []
                return
            self._doubtful = []
        raise RefusedError(f"ICOMMKT refused {number} contacts and took none meanwhile: {refusals[-1].reason}; {CHECK}")

    def _accuses(self, refusal: Settled) -> bool:
        """Whether a refusal speaks against key, profile or fields: it is of a contact that should have been taken."""
        return not refusal.item.tries and (refusal.item.is_held or not self._has_accepted)

    def _refused(self, item: Item, code: str, reason: str, *, explicit: bool = True) -> Settled:
        permanent = code in self.settings.permanent_codes or bool(self._permanent.search(reason))
        # Many may have to be kept for a while, and their fields are not needed any more.
        reason = fit(reason, contact=item.email)
        return Settled(item._replace(content=b""), "refused", None, code, reason, permanent, explicit)

    def _remove(self, item: Item) -> None:
        if self._stop.is_set():
            raise StoppedError
        outcome = "removed"
        try:
            self.client.remove(self.profile_key, item.email)
        except RequestError:
            outcome = "not removed"
        self._settled.put([Settled(item, outcome)])


def _contact(item: Item) -> bytes:
    """Return a contact's JSON; its fields are the mart's own text."""
    return b'{"Email":' + orjson.dumps(item.email) + b',"CustomFields":' + item.content + b"}"
