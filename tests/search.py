"""How much the searches try: `SEARCH=10 make test` has ten times as many random stores, faults and kills."""

from __future__ import annotations

import os

SEARCH = int(os.environ.get("SEARCH", "1"))


def some_of(number: int, few: int) -> list[int]:
    """About `few` times `SEARCH` of the numbers 1 to `number`, an early one first; each where there are no more."""
    step = max(1, number // (few * SEARCH))
    return list(range(min(2, step), number + 1, step))
