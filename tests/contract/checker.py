"""Compare an answer with the contract. Every function returns what differs, in words; nothing is nothing."""

from __future__ import annotations

import base64
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import requests

from tests.contract.derive import masked, rows_of, walk

HERE = Path(__file__).parent
CALLS: list[dict[str, Any]] = json.loads((HERE / "calls.json").read_text())
ERRORS: dict[str, Any] = json.loads((HERE / "errors.json").read_text())
ENTITIES: dict[str, dict[str, str]] = json.loads((HERE / "entities.json").read_text())
GRAPHQL: list[dict[str, Any]] = json.loads((HERE / "graphql.json").read_text())

# The whole list of what the demo store sends and the recorded one never did, with why that is right.
ALLOWED: dict[str, dict[str, str]] = {
    # Nobody edited an order in the recorded store. Magento's OpenAPI schema has these on orders that were: the new one
    # names the canceled one it replaces, and the other way round.
    "orders": {
        "edit_increment": "number",
        "original_increment_id": "string",
        "relation_child_id": "string",
        "relation_child_real_id": "string",
        "relation_parent_id": "string",
        "relation_parent_real_id": "string",
    },
    # The recorded store had no customer attributes of its own, as merchants do; on products they were recorded.
    "customers": {
        "custom_attributes": "array",
        "custom_attributes[]": "object",
        "custom_attributes[].attribute_code": "string",
        "custom_attributes[].value": "string",
    },
}


def check_call(call: dict[str, Any], response: requests.Response, expected_criteria: Any) -> list[str]:
    """Compare an answer with its recorded call. `expected_criteria` has the call's placeholders filled in."""
    found = []
    if response.status_code != call["status"]:
        found.append(f"status {response.status_code}, recorded {call['status']}")
    if response.headers.get("Content-Type") != call["content_type"]:
        found.append(f"Content-Type {response.headers.get('Content-Type')}, recorded {call['content_type']}")
    cookies = sorted(
        re.findall(r"(PHPSESSID|persistent_shopping_cart|form_key)=", response.headers.get("Set-Cookie", ""))
    )
    if cookies != call["cookies"]:
        found.append(f"cookies {cookies}, recorded {call['cookies']}")
    if ("X-Frame-Options" in response.headers) != call["framed"]:
        found.append("X-Frame-Options differs")
    if found:
        return found
    if "error" in call:
        return check_error(call["error"], response.json())
    if "answer" in call:
        return check_answer(call, response.json(), expected_criteria)
    if call["content_type"].startswith("application/xml"):
        return check_xml(call, response.text)
    return found


def check_error(name: str, body: Any) -> list[str]:
    """Compare an error body with the catalogue, word for word but for the report id."""
    if not isinstance(body, dict) or masked(body) != ERRORS[name]:
        return [f"error body {body}, recorded {ERRORS[name]}"]
    return []


def check_answer(call: dict[str, Any], body: Any, expected_criteria: Any) -> list[str]:
    """Compare the shape of an answer's container and every object in it."""
    answer = call["answer"]
    if answer["is"] == "token":
        return check_token(body)
    if answer["is"] == "array":
        kind = "nothing" if body == [] else "strings" if isinstance(body[0], str) else "objects"
        if not isinstance(body, list) or kind != answer["of"]:
            return [f"a list of {kind}, recorded a list of {answer['of']}"]
    elif not isinstance(body, dict):
        return [f"{type(body).__name__}, recorded an object"]
    found = []
    if answer["is"] == "list":
        found += _check_list(answer, body, expected_criteria)
    if call.get("entity") in ENTITIES and not (answer["is"] == "array" and answer["of"] == "strings"):
        is_trimmed = "fields=" in call["path"]
        for row in rows_of(body) if answer["is"] != "object" else [body]:
            found += check_object(call["entity"], row, is_trimmed=is_trimmed)
    return found


def _check_list(answer: dict[str, Any], body: dict[str, Any], expected_criteria: Any) -> list[str]:
    if list(body) != answer["keys"]:
        return [f"keys {list(body)}, recorded {answer['keys']}"]
    found = []
    if "items" in answer:
        rows = body["items"]
        kind = "null" if rows is None else "rows" if rows else "empty"
        if kind != answer["items"]:
            found.append(f"items are {kind}, recorded {answer['items']}")
        for row in rows or []:
            missing = set(answer.get("always", ())) - set(row)
            if missing:
                found.append(f"a row without {sorted(missing)}, which each recorded row has")
    if "search_criteria" in answer and body["search_criteria"] != expected_criteria:
        found.append(f"search_criteria {body['search_criteria']}, expected {expected_criteria}")
    if "total_count" in answer["keys"] and type(body.get("total_count")) is not int:
        found.append("total_count is not a number")
    return found


def check_object(entity: str, value: Any, *, is_trimmed: bool = False) -> list[str]:
    """Compare one object's paths and types with those recorded.

    Where `fields` leaves nothing, an empty list becomes null and an object an empty list (PHP's only empty array).
    """
    found: dict[str, set[str]] = defaultdict(set)
    walk(value, "", found)
    return _unknown(entity, found, is_trimmed=is_trimmed)


def _unknown(entity: str, found: dict[str, set[str]], *, is_trimmed: bool = False) -> list[str]:
    contract = ENTITIES[entity] | ALLOWED.get(entity, {})
    result = []
    for path, types in found.items():
        if not path:
            continue
        if path not in contract:
            result.append(f"{entity}: {path} was never recorded")
            continue
        known = {name.rstrip("?") for name in contract[path].split("|")}
        if is_trimmed:
            known |= {"null"} if "array" in known else {"array"} if "object" in known else set()
        result += [f"{entity}: {path} is {name}, recorded {contract[path]}" for name in types - known]
    return result


def check_entity(entity: str, rows: list[Any], missing_is_fine: frozenset[str] = frozenset()) -> list[str]:
    """Compare all objects of a kind with the contract, in both directions.

    `missing_is_fine` are paths that may be missing from the demo store, with all below them.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        walk(row, "", found)
    result = _unknown(entity, found)
    for path, types in ENTITIES[entity].items():
        if any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in missing_is_fine):
            continue
        sure = {name for name in types.split("|") if not name.endswith("?")}
        missing = sure - found.get(path, set())
        if missing:
            result.append(f"{entity}: {path} is nowhere {' or '.join(sorted(missing))}")
    return result


def check_token(body: Any) -> list[str]:
    """Check that a token is a JWT with the recorded header and claims."""
    if not isinstance(body, str) or body.count(".") != 2:
        return [f"{body!r} is not a JWT"]
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in body.split(".")[:2])
    if header != {"kid": "1", "alg": "HS256"} or list(claims) != ["uid", "utypid", "iat", "exp"]:
        return [f"JWT of {header} and {claims}"]
    return []


def check_xml(call: dict[str, Any], text: str) -> list[str]:
    """Check that an XML answer has the parts of the JSON one."""
    root = ElementTree.fromstring(text)
    if root.tag != "response":
        return [f"root {root.tag}"]
    if call["entity"] == "tokens":
        return check_token(root.text)
    names = [one.tag for one in root]
    return [] if names == ["items", "search_criteria", "total_count"] else [f"parts {names}"]


def check_graphql(one: dict[str, Any], response: requests.Response) -> list[str]:
    """Compare a GraphQL answer's paths and types with those recorded."""
    if response.status_code != one["status"]:
        return [f"status {response.status_code}, recorded {one['status']}"]
    found: dict[str, set[str]] = defaultdict(set)
    walk(response.json(), "", found)
    answered = {path: "|".join(sorted(types)) for path, types in sorted(found.items()) if path}
    return [] if answered == one["paths"] else [f"paths {answered}, recorded {one['paths']}"]
