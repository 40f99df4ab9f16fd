"""Answering as slowly as the recorded Magento, whose speed depends on how many ask at once.

Recorded on orders, pages of 100: one client 75 orders/s, two together 190, four together 166; an empty call 60 ms, a
token 0.2 s; other lists in proportion. `factor` is how many times faster; 0 does not wait.
"""

import asyncio

EMPTY_CALL = 0.06
TOKEN_CALL = 0.2
_PAGE = 100
_TOGETHER = {1: 75.0, 2: 190.0, 3: 178.0}
_TOGETHER_MANY = 166.0


def seconds_per_order(clients: int) -> float:
    """Return how long one order takes one of so many clients, beside the cost of the call."""
    together = _TOGETHER.get(clients, _TOGETHER_MANY)
    return (clients * _PAGE / together - EMPTY_CALL) / _PAGE


class Pace:
    """Makes requests wait; `active` is how many are in progress."""

    active = 0

    async def call(self, factor: float, seconds: float = EMPTY_CALL) -> None:
        """Wait as long as a call costs without its rows."""
        if factor:
            await asyncio.sleep(seconds / factor)

    async def rows(self, factor: float, rows: int, rows_per_second: float) -> None:
        """Wait as long as rows take, of which one client alone gets so many a second."""
        await self.call(factor, rows * _TOGETHER[1] / rows_per_second * seconds_per_order(self.active))
