"""Each recorded call, asked of the demo store: same status, error body, container, cookies and kinds of values."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.contract import checker
from tests.contract.conftest import World, perform


@pytest.mark.parametrize("call", checker.CALLS, ids=[call["name"] for call in checker.CALLS])
def test_call_answers_as_recorded(world: World, call: dict[str, Any]) -> None:
    response, criteria = perform(world, call)

    assert checker.check_call(call, response, criteria) == []


@pytest.mark.parametrize("one", checker.GRAPHQL, ids=[one["name"] for one in checker.GRAPHQL])
def test_graphql_answers_as_recorded(world: World, one: dict[str, Any]) -> None:
    world.switch()
    response = requests.post(f"{world.url}/graphql", json={"query": one["query"]}, timeout=10)

    assert checker.check_graphql(one, response) == []
