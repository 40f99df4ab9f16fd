"""Random stores, built by dbt in batches, against the oracle, column by column of contacts and payloads.

`SEARCH=10 PROPERTY_SEED=7 make test` builds more and other stores; as it stands, every run builds the same.
The smallest store that differs is printed, with the columns that differ. Stores worked out by hand stand before the
random ones of the first batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

import pytest

from tests.oracle.compare import report
from tests.search import SEARCH

from .batch import Built, build, copy_of_project, shown, wrong
from .examples import EXAMPLES
from .search import generated
from .situations import SITUATIONS, Situation
from .stores import Store

STORES = 700 * SEARCH
SEED = int(os.environ.get("PROPERTY_SEED", "1"))

Batches = Callable[[Situation], tuple[list[Store], Built]]


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Batches:
    """The stores of a situation and what dbt made of them, built when first asked for, over one copy of the project."""
    folder = tmp_path_factory.mktemp("property") / "project"

    @cache
    def batch(number: int) -> tuple[list[Store], Built]:
        situation = SITUATIONS[number]
        by_hand = [store for store, _ in EXAMPLES.values()] if number == 0 else []
        stores = [*by_hand, *generated(situation, -(-STORES // len(SITUATIONS)), SEED)]
        return stores, build(copy_of_project(folder, situation), situation, stores)

    return lambda situation: batch(SITUATIONS.index(situation))


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_contacts_and_payloads(situation: Situation, batches: Batches) -> None:
    stores, built = batches(situation)
    found = {
        position: differing
        for position, store in enumerate(stores)
        if (differing := wrong(situation, built.seeds, position, store, built.answers[position]))
    }
    if found:
        smallest = min(found, key=lambda position: len(shown(stores[position])))
        what = "\n".join(f"- {one}" for one in found[smallest][:12])
        pytest.fail(
            f"{len(found)} of {len(stores)} stores differ (PROPERTY_SEED={SEED} SEARCH={SEARCH}); the smallest, in "
            f"{situation.name!r} as of {situation.as_of}:\n{shown(stores[smallest])}\n{what}",
            pytrace=False,
        )
    assert not built.failed_tests, f"data tests of {situation.name!r}:\n" + "\n".join(built.failed_tests)


@pytest.mark.parametrize("name", EXAMPLES)
def test_by_hand(name: str, batches: Batches) -> None:
    _, built = batches(SITUATIONS[0])
    contacts = built.answers[list(EXAMPLES).index(name)].contacts
    _, wanted = EXAMPLES[name]
    got = {email: {column: row[column] for column in wanted.get(email, row)} for email, row in contacts.items()}
    assert not (said := report(wanted, got)), said
