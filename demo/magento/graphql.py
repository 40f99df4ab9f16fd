"""GraphQL as far as anyone may ask it without a token: attribute labels, store configuration and store views.

Recorded: `customAttributeMetadata`, `storeConfig` and `availableStores` answer without a token; `availableStores` gives
only the views of the website that the `Store` header names (the default one without it). Errors follow Magento's shape
(`errors[].message`, status 200); their texts are not recorded. Fields and arguments are read; variables, aliases and
fragments, which the loader does not send, are errors.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo.magento.search import Store

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\w+|[{}()\[\]:]')

Selection = dict[str, tuple[dict[str, Any], "Selection"]]  # field -> its arguments and what is asked of it


class GraphQlError(Exception):
    """A query that cannot be answered."""


def answer(store: Store, query: str, store_code: str) -> dict[str, Any]:
    """Answer one query; errors are part of the answer. `store_code` is the `Store` header, empty without it."""
    try:
        selection = _parse(query.strip().removeprefix("query"))
        views = _views(store)
        current = next((one for one in views if one["store_code"] == (store_code or views[0]["store_code"])), None)
        if current is None:
            raise GraphQlError("Requested store is not found")
        found: dict[str, Any] = {
            "storeConfig": lambda _: current,
            "availableStores": lambda _: sorted(
                (one for one in views if one["website_id"] == current["website_id"]), key=lambda one: one["store_name"]
            ),
            "customAttributeMetadata": lambda given: {
                "items": [_labels(store, one) for one in given.get("attributes", ())]
            },
        }
        if unknown := sorted(set(selection) - set(found)):
            raise GraphQlError(f'Cannot query field "{unknown[0]}" on type "Query".')
        return {"data": {name: _pick(found[name](given), inner) for name, (given, inner) in selection.items()}}
    except GraphQlError as error:
        return {"errors": [{"message": str(error), "extensions": {"category": "graphql"}}]}


def _parse(query: str) -> Selection:
    tokens = _TOKEN.findall(query)[::-1]
    try:
        selection = _selection(tokens)
    except (IndexError, ValueError):
        raise GraphQlError("Syntax Error: Unexpected end of the query") from None
    if tokens:
        raise GraphQlError(f"Syntax Error: Unexpected {tokens.pop()}")
    return selection


def _take(tokens: list[str], expected: str) -> None:
    if tokens.pop() != expected:
        raise GraphQlError(f"Syntax Error: Expected {expected}")


def _selection(tokens: list[str]) -> Selection:
    """Take what is in braces; the first token is the last of the list."""
    _take(tokens, "{")
    found: Selection = {}
    while tokens[-1] != "}":
        name = tokens.pop()
        arguments = _value(tokens) if tokens[-1] == "(" else {}
        found[name] = (arguments, _selection(tokens) if tokens[-1] == "{" else {})
    tokens.pop()
    return found


def _value(tokens: list[str]) -> Any:
    """Take an argument's value: a list, an object, a text or a name. Arguments themselves are like an object."""
    token = tokens.pop()
    if token == "[":  # noqa: S105 - not a password
        values = []
        while tokens[-1] != "]":
            values.append(_value(tokens))
        tokens.pop()
        return values
    if token not in ("(", "{"):
        return json.loads(token) if token.startswith('"') else token
    members = {}
    while tokens[-1] not in ")}":
        name = tokens.pop()
        _take(tokens, ":")
        members[name] = _value(tokens)
    tokens.pop()
    return members


def _views(store: Store) -> list[dict[str, Any]]:
    """Return every active store view with its configuration, as `storeConfig` names the fields, by id."""
    websites = {one["id"]: one for one in store.documents("websites")}
    groups = {one["id"]: one for one in store.documents("store_groups")}
    views = {one["id"]: one for one in store.documents("store_views") if one["is_active"]}
    return [
        {
            **config,
            "store_code": view["code"],
            "store_name": view["name"],
            "website_code": websites[view["website_id"]]["code"],
            "website_name": websites[view["website_id"]]["name"],
            "is_default_store": groups[view["store_group_id"]]["default_store_id"] == view["id"],
        }
        for config in store.documents("store_configs")
        if (view := views.get(config["id"]))
    ]


def _labels(store: Store, wanted: dict[str, str]) -> dict[str, Any] | None:
    """Return an attribute's options as the admin sorted them, None for one that has none."""
    code = wanted.get("attribute_code")
    rows = store.connection.execute(
        "select value, label from attribute_options where attribute_code = ? order by sort_order, value", (code,)
    ).fetchall()
    options = [{"value": value, "label": label} for value, label in rows]
    return {"attribute_code": code, "attribute_options": options} if options else None


def _pick(value: Any, selection: Selection) -> Any:
    if isinstance(value, list):
        return [_pick(one, selection) for one in value]
    if not isinstance(value, dict):
        return value
    missing = [name for name in selection if name not in value]
    if missing or not selection:
        raise GraphQlError(f'Cannot query field "{missing[0]}".' if missing else "A selection of subfields is missing.")
    return {name: _pick(value[name], inner) for name, (_, inner) in selection.items()}
