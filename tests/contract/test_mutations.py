"""The contract must fail when an answer is altered: each mutation below is noticed, the unaltered answer passes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.contract import checker
from tests.contract.conftest import World, perform
from tests.contract.test_entities import rows

BY_NAME = {call["name"]: call for call in checker.CALLS}


def first(body: Any) -> dict[str, Any]:
    row: dict[str, Any] = body["items"][0]
    return row


CALL_MUTATIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "an unknown key": ("orders_page1_size20", lambda body: first(body).update(total=1)),
    "money as text": ("orders_page1_size20", lambda body: first(body).update(grand_total="25.3000")),
    "null instead of a missing key": ("orders_page1_size20", lambda body: first(body).update(coupon_code=None)),
    "an unknown key deep inside": ("orders_page1_size20", lambda body: first(body)["items"][0].update(brand="x")),
    "an object instead of a list": ("orders_page1_size20", lambda body: first(body).update(items={})),
    "is_subscribed as a number": (
        "customers_page1_size20",
        lambda body: first(body)["extension_attributes"].update(is_subscribed=1),
    ),
    "category_id as a number": (
        "products_realistic_all",
        lambda body: next(
            link for row in body["items"] for link in row["extension_attributes"].get("category_links", ())
        ).update(category_id=33),
    ),
    "no total": ("orders_page1_size20", lambda body: body.pop("total_count")),
    "total as text": ("orders_page1_size20", lambda body: body.update(total_count="3")),
    "no criteria": ("orders_page1_size20", lambda body: body.pop("search_criteria")),
    "criteria of another call": (
        "orders_page1_size20",
        lambda body: body["search_criteria"].update(page_size=21),
    ),
    "keys in another order": (
        "orders_page1_size20",
        lambda body: body.update(items=body.pop("items")),
    ),
    "an empty page that is null": ("orders_beyond_last_page_no_fields", lambda body: body.update(items=None)),
    "an empty trimmed page that is a list": ("orders_beyond_last_page_size100", lambda body: body.update(items=[])),
    "a last page repeated": ("orders_beyond_last_page_no_fields", lambda body: body.update(items=[{"entity_id": 1}])),
    "a trimmed row without a key": ("orders_lower_sort_dir", lambda body: first(body).pop("entity_id")),
    "another resource refused": (
        "role_reader_invoices",
        lambda body: body["parameters"].update(resources="Magento_Sales::invoice"),
    ),
    "a friendlier message": ("token_wrong_password", lambda body: body.update(message="Wrong password.")),
    "parameters put in": ("orders_no_search_criteria", lambda body: body.pop("parameters")),
}


def altered(response: requests.Response, **changes: Any) -> requests.Response:
    result = copy.copy(response)
    for name, value in changes.items():
        setattr(result, name, value)
    return result


@pytest.mark.parametrize("mutation", CALL_MUTATIONS)
def test_contract_notices(world: World, mutation: str) -> None:
    name, mutate = CALL_MUTATIONS[mutation]
    response, criteria = perform(world, BY_NAME[name])
    body = response.json()
    mutate(body)
    mutant = altered(response, _content=json.dumps(body).encode())

    assert checker.check_call(BY_NAME[name], response, criteria) == []
    assert checker.check_call(BY_NAME[name], mutant, criteria) != []


@pytest.mark.parametrize(
    "changes",
    [
        {"status_code": 403},
        {"headers": {"Content-Type": "text/html", "X-Frame-Options": "SAMEORIGIN"}},
        {"headers": {"Content-Type": "application/json; charset=utf-8"}},
        {"headers": {"Content-Type": "application/json; charset=utf-8", "X-Frame-Options": "SAMEORIGIN"}},
    ],
    ids=["status", "content type", "no frame options", "no session cookie"],
)
def test_contract_notices_other_status_and_headers(world: World, changes: dict[str, Any]) -> None:
    call = BY_NAME["orders_page1_size20"]
    response, criteria = perform(world, call)

    assert checker.check_call(call, altered(response, **changes), criteria) != []


def test_contract_notices_a_token_that_is_no_jwt(world: World) -> None:
    call = BY_NAME["token_ok_admin"]
    response, _ = perform(world, call)

    assert checker.check_call(call, response, None) == []
    assert checker.check_call(call, altered(response, _content=b'"0123456789abcdefghijklmnopqrstuv"'), None) != []


def test_contract_notices_a_key_that_no_object_has_any_more(world: World) -> None:
    customers = rows(world, "customers")
    for customer in customers:
        customer.pop("taxvat", None)

    assert checker.check_entity("customers", customers) == ["customers: taxvat is nowhere string"]


def test_contract_notices_a_type_that_no_object_has_any_more(world: World) -> None:
    memos = rows(world, "creditmemos")
    for memo in memos:
        for item in memo["items"]:
            item["base_cost"] = 0

    assert checker.check_entity("creditmemos", memos) == ["creditmemos: items[].base_cost is nowhere null"]
