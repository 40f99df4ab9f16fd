"""How much is asked of the shop at once: fewer requests when it struggles, more again when it has recovered.

A shop sells while it is read. When it answers 429 or 5xx, or takes several times longer than it did,
the number of requests at once is halved, down to one, and all workers wait as long as the shop says
(`Retry-After`). It grows by one after a long run of good answers, never beyond the setting `workers`.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from loaders.http import retry_after

GOOD_BEFORE_MORE = 20
SLOW_FACTOR = 3.0
SLOW_SECONDS = 0.5
"""Answers quicker than this are never called slow: their times are mostly chance."""
LEARN_FROM = 5
LONGEST_PAUSE = 300.0
SAY_AGAIN_SECONDS = 60.0
_SMOOTH = 0.2


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


class Politeness:
    """Lets requests through; shared by all workers. `longest_pause` and `clock` are in seconds."""

    def __init__(
        self,
        most: int,
        *,
        longest_pause: float = LONGEST_PAUSE,
        say: Callable[[str], None] = _say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._longest_pause = longest_pause
        self._say = say
        self._clock = clock
        self._changed = threading.Condition()
        self._active = 0
        self._good = 0
        self._paused_until = 0.0
        self._said_at = -SAY_AGAIN_SECONDS
        self._usual: dict[str, list[float]] = defaultdict(list)
        self._recent: dict[str, float] = {}
        self.limit = most

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and keep it for the time of one request."""
        with self._changed:
            while (wait := self._paused_until - self._clock()) > 0 or self._active >= self.limit:
                self._changed.wait(wait if wait > 0 else None)
            self._active += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def answered(self, kind: str, status: int, seconds: float, pause: str | None = None) -> None:
        """Note an answer, and the `Retry-After` it had; status 0 is none at all.

        `kind` groups requests that take about equally long.
        """
        with self._changed:
            if status in (0, 429) or status >= 500:
                why = {0: "no answer", 429: "it asks for less (429)"}.get(status, f"it answers {status}")
                self._slow_down(why, min(retry_after(pause) or 0.0, self._longest_pause))
            elif self._is_slow(kind, seconds):
                self._slow_down(f"{kind} take {seconds:.1f} s", 0.0)
                self._recent.pop(kind, None)  # judged anew at the slower pace
            else:
                self._good += 1
                if self._good >= GOOD_BEFORE_MORE and self.limit < self._most:
                    self._good = 0
                    self.limit += 1
            self._changed.notify_all()

    def _is_slow(self, kind: str, seconds: float) -> bool:
        """Tell whether answers of this kind have become several times slower than they were at first."""
        usual = self._usual[kind]
        if len(usual) < LEARN_FROM:
            usual.append(seconds)
            return False
        recent = self._recent.get(kind, sorted(usual)[len(usual) // 2])
        recent = self._recent[kind] = recent + _SMOOTH * (seconds - recent)
        return recent > SLOW_SECONDS and recent > SLOW_FACTOR * sorted(usual)[len(usual) // 2]

    def _slow_down(self, why: str, pause: float) -> None:
        before, self.limit = self.limit, max(1, self.limit // 2)
        self._good = 0
        now = self._clock()
        self._paused_until = max(self._paused_until, now + pause)
        if (before != self.limit or pause > 1) and now - self._said_at >= SAY_AGAIN_SECONDS:
            self._said_at = now
            waits = f", after a pause of {pause:.0f} s" if pause else ""
            self._say(f"the shop is busy, {why}: going on with {self.limit} request(s) at a time{waits}")
