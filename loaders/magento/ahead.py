"""Reading the next piece while the last one is being written, so that neither the shop nor the warehouse waits."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from loaders.magento.parse import Batch

MOST_BATCHES = 2
"""Batches that wait to be taken: more would only hold memory."""


class Ahead:
    """Takes batches from `source` in a thread of its own, a few ahead of who iterates over it.

    What `source` raises is raised there. `close` ends it early.
    """

    def __init__(self, source: Iterator[Batch]) -> None:
        self._source = source
        self._queue: queue.Queue[Batch | BaseException | None] = queue.Queue(MOST_BATCHES)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="reading ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Batch]:
        """Yield what the source yields."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop reading, and wait until the requests under way are answered."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        last: BaseException | None = None
        try:
            for batch in self._source:
                if not self._put(batch):
                    break
        except BaseException as error:  # handed to the reading thread, whatever it is
            last = error
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
        self._put(last)

    def _put(self, item: Batch | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
