"""Answering as slowly as the recorded Magento, whose speed depends on how many ask at once.

Recorded on orders, pages of 100: one client 75 orders/s, two together 190, four together 166; an empty call 60 ms, a
token 0.2 s; other lists in proportion (`Entity.rows_per_second`). Work of a request goes on at the rate that the number
of requests in progress allows, and that number changes under it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EMPTY_CALL = 0.06
TOKEN_CALL = 0.2
_PAGE = 100
_TOGETHER = {1: 75.0, 2: 190.0, 3: 178.0}
_TOGETHER_MANY = 166.0
_SLICE = 0.02


def seconds_per_order(clients: int) -> float:
    """Return how long one order takes one of so many clients, beside the cost of the call."""
    together = _TOGETHER.get(clients, _TOGETHER_MANY)
    return (clients * _PAGE / together - EMPTY_CALL) / _PAGE


class Pace:
    """Counts requests in progress and makes them wait."""

    def __init__(self) -> None:
        self._active = 0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is worked on."""
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1

    async def work(
        self, factor: float, *, call: float = EMPTY_CALL, rows: int = 0, rows_per_second: float = 75.0
    ) -> None:
        """Wait as long as the real one would take for `rows`, divided by `factor`; 0 does not wait."""
        if factor <= 0:
            return
        await asyncio.sleep(call / factor)
        left = rows * _TOGETHER[1] / rows_per_second  # in orders
        while left > 0:
            rate = factor / seconds_per_order(self._active)
            began = time.perf_counter()
            await asyncio.sleep(min(left / rate, _SLICE))
            left -= (time.perf_counter() - began) * rate
