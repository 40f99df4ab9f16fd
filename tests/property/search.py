"""Stores from Hypothesis: many at once for a batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from zlib import crc32

from hypothesis import HealthCheck, Phase, given, seed, settings

from .situations import Situation
from .stores import Store, stores

# After ten examples Hypothesis goes over to varying what it has; a batch wants stores that have nothing in common.
RUN = 10


def generated(situation: Situation, number: int, seed_: int) -> list[Store]:
    """The first `number` different stores of a seed, always the same ones."""
    return list(islice(_different(situation, seed_), number))


def _different(situation: Situation, seed_: int) -> Iterator[Store]:
    known: set[str] = set()
    for run in count():
        for store in _examples(situation, crc32(f"{seed_} {situation.name} {run}".encode())):
            if (written := repr(store)) not in known:
                known.add(written)
                yield store


def _examples(situation: Situation, seed_: int) -> list[Store]:
    found: list[Store] = []

    @seed(seed_)
    @settings(
        max_examples=RUN,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(stores(situation))
    def look(store: Store) -> None:
        found.append(store)

    look()
    return found
