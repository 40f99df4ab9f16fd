"""Stores from Hypothesis: many at once for a batch, and the fewest rows of one that still fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from zlib import crc32

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.oracle.compare import Difference
from tests.oracle.rules import MissingRateError

from .batch import Built, shown, wrong
from .replay import Replay
from .situations import Situation
from .stores import Store, stores

# After ten examples Hypothesis goes over to varying what it has; a batch wants stores that have nothing in common.
RUN = 10
AT_MOST = 12

# What a row cannot be without: in raw, or in the build.
NEEDED = frozenset({"_dlt_load_id", "created_at", "is_default", "timezone", "base_currency_code", "attribute_code"})

Place = tuple[str, int, str]
"""A table, a row's position and a column; the whole row when the column is empty."""


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


def shrunk(situation: Situation, built: Built, store: Store, found: Sequence[Difference]) -> str:
    """A report of what is wrong with a store of a batch, in as few of its rows and values as show it.

    Rows and values are taken out as long as something differs. All ways of taking out one more are tried at once,
    as stores of one small build: seconds, where Hypothesis's own shrinking, one store at a time, took minutes.
    """
    replay = Replay(built)

    def differences(candidates: Sequence[Store]) -> list[Sequence[Difference]]:
        answers = replay.answers(candidates)
        return [
            _wrong_or_not(lambda n=n, store=store: wrong(situation, built.seeds, n, store, answers[n]))  # type: ignore[misc]
            for n, store in enumerate(candidates)
        ]

    try:
        if differences([store])[0]:
            store = reduced(store, whole_rows, lambda candidates: list(map(bool, differences(candidates))))
            store = reduced(store, values, lambda candidates: list(map(bool, differences(candidates))))
            found = differences([store])[0]
            intro = "what is left of one of them"
        else:
            intro = (
                "the first of them, which alone does not differ: stores of one build mix, or the build is not its SQL"
            )
    finally:
        replay.close()
    columns = "\n".join(f"- {difference}" for difference in found[:AT_MOST])
    more = f"\n- and {len(found) - AT_MOST} more" if len(found) > AT_MOST else ""
    return f"{intro}, in the situation {situation.name!r} (as of {situation.as_of}):\n{shown(store)}\n{columns}{more}"


def _wrong_or_not(compare: Callable[[], Sequence[Difference]]) -> Sequence[Difference]:
    try:
        return compare()
    except MissingRateError:  # without its rate a purchase is another mistake
        return []


def whole_rows(store: Store) -> list[Place]:
    """Every row but the default store view, without which there is no build."""
    return [
        (table, position, "")
        for table, rows in store.items()
        for position, row in enumerate(rows)
        if not row.get("is_default")
    ]


def values(store: Store) -> list[Place]:
    """Every value that can be empty."""
    return [
        (table, position, column)
        for table, rows in store.items()
        for position, row in enumerate(rows)
        for column in row
        if column not in NEEDED and column != "id" and not column.endswith("_id")
    ]


def without(store: Store, places: Sequence[Place]) -> Store:
    """The store with some rows or values taken out."""
    out = set(places)
    return {
        table: [
            {column: value for column, value in row.items() if (table, position, column) not in out}
            for position, row in enumerate(rows)
            if (table, position, "") not in out
        ]
        for table, rows in store.items()
    }


def reduced(
    store: Store, parts: Callable[[Store], list[Place]], fails: Callable[[Sequence[Store]], list[bool]]
) -> Store:
    """The store with as many parts taken out as can be while it fails; `fails` judges many stores at once."""
    while places := parts(store):
        verdicts = fails([without(store, [place]) for place in places])
        alone = [place for place, still_fails in zip(places, verdicts, strict=True) if still_fails]
        if not alone:
            break
        # Not all that can go alone can go together: try all, halves, quarters, and so on.
        groups = [alone[:1]]
        size = len(alone)
        while size > 1:
            groups += [alone[start : start + size] for start in range(0, len(alone), size)]
            size = (size + 1) // 2
        candidates = [without(store, group) for group in groups]
        bad = [n for n, still_fails in enumerate(fails(candidates)) if still_fails]
        store = candidates[max(bad, key=lambda n: len(groups[n]))]
    return {table: rows for table, rows in store.items() if rows}
