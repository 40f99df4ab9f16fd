"""Random stores, built by dbt in batches, against the oracle, column by column of contacts and payloads.

`PROPERTY_STORES=20000 PROPERTY_SEED=7 make test` builds more and other stores; as it stands, every run builds the same.
A store that differs is shrunk and printed with the columns that differ.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .batch import build, copy_of_project, wrong
from .search import generated, shrunk
from .situations import SITUATIONS, Situation

STORES = int(os.environ.get("PROPERTY_STORES", "2100"))
SEED = int(os.environ.get("PROPERTY_SEED", "1"))


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_contacts_and_payloads(situation: Situation, tmp_path: Path) -> None:
    number = -(-STORES // len(SITUATIONS))
    stores = generated(situation, number, SEED)
    built = build(copy_of_project(tmp_path / "project", situation), situation, stores)
    found = {
        position: differing
        for position, store in enumerate(stores)
        if (differing := wrong(situation, built.seeds, position, store, built.answers[position]))
    }
    if found:
        first = min(found)
        pytest.fail(
            f"{len(found)} of {len(stores)} stores differ (PROPERTY_SEED={SEED} PROPERTY_STORES={STORES}); "
            + shrunk(situation, built, stores[first], found[first]),
            pytrace=False,
        )
    assert not built.failed_tests, f"data tests of {situation.name!r} (in {tmp_path}):\n" + "\n".join(
        built.failed_tests
    )
