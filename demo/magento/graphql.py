"""GraphQL as far as anyone may ask it without a token: attribute labels, store configuration and store views.

Recorded: `customAttributeMetadata`, `customAttributeMetadataV2`, `storeConfig` and `availableStores` answer without a
token; `availableStores` gives only the views of the website that the `Store` header names (the default one without it).
Errors follow Magento's shape (`errors[].message` and `extensions.category`, status 200); their texts are not recorded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demo.magento import derived

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.magento.store import Store

_TOKEN = re.compile(
    r"""[\s,﻿]*(?:\#[^\n]*\s*)*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<spread>\.\.\.)|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<mark>[{}()\[\]:$!=@]))"""
)


class GraphQlError(Exception):
    """A query that cannot be answered; `category` as Magento names it."""

    def __init__(self, message: str, category: str = "graphql") -> None:
        super().__init__(message)
        self.category = category

    def describe(self) -> dict[str, Any]:
        """Return the error as the answer carries it."""
        return {"message": str(self), "extensions": {"category": self.category}}


@dataclass
class Field:
    """A field of a selection; inline and named fragments are already flattened into their selection."""

    name: str
    alias: str
    arguments: dict[str, Any] = field(default_factory=dict)
    selection: list[Field] = field(default_factory=list)


class _Parser:
    """A recursive descent through one document. Raises `GraphQlError` with where it stopped."""

    def __init__(self, text: str, variables: dict[str, Any]) -> None:
        self.tokens: list[str] = []
        position = 0
        while position < len(text.rstrip(" \t\r\n,")):
            match = _TOKEN.match(text, position)
            if match is None:
                raise GraphQlError(f"Syntax Error: Cannot parse the unexpected character at {position}.")
            self.tokens.append(next(group for group in match.groups() if group is not None))
            position = match.end()
        self.variables = variables
        self.position = 0
        self.fragments: dict[str, int] = {}

    def document(self) -> list[Field]:
        """Return the selection of the only operation."""
        operation: int | None = None
        while self.position < len(self.tokens):
            if self.peek() == "fragment":
                self.take()
                name = self.take()
                self.fragments[name] = self.position
                self.take("on")
                self.take()
                self._skip_braces()
                continue
            if self.peek() in ("mutation", "subscription"):
                raise GraphQlError("The demo store answers queries only.")
            if self.peek() == "query":
                self.take()
                if self.peek() not in ("{", "("):
                    self.take()
                if self.peek() == "(":
                    self._variable_definitions()
            operation = self.position
            self._skip_braces()
        if operation is None:
            raise GraphQlError("Syntax Error: Unexpected <EOF>")
        self.position = operation
        return self.selection()

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise GraphQlError(f"Syntax Error: Expected {expected or 'Name'}, found {token or '<EOF>'}")
        self.position += 1
        return token

    def selection(self) -> list[Field]:
        self.take("{")
        found: list[Field] = []
        while self.peek() != "}":
            if self.peek() == "...":
                self.take()
                found += self._fragment()
                continue
            name = alias = self.take()
            if self.peek() == ":":
                self.take()
                name = self.take()
            arguments = self._arguments() if self.peek() == "(" else {}
            inner = self.selection() if self.peek() == "{" else []
            found.append(Field(name, alias, arguments, inner))
        self.take("}")
        return found

    def _fragment(self) -> list[Field]:
        # Types are not told apart: a fragment's fields are those of the object it is on.
        if self.peek() == "on":
            self.take()
            self.take()
            return self.selection()
        if self.peek() == "{":
            return self.selection()
        name = self.take()
        if name not in self.fragments:
            raise GraphQlError(f'Unknown fragment "{name}".')
        back, self.position = self.position, self.fragments[name] + 2
        inner = self.selection()
        self.position = back
        return inner

    def _arguments(self) -> dict[str, Any]:
        self.take("(")
        found = {}
        while self.peek() != ")":
            name = self.take()
            self.take(":")
            found[name] = self._value()
        self.take(")")
        return found

    def _value(self) -> Any:
        token = self.take()
        if token == "$":  # noqa: S105 - not a password
            return self.variables.get(self.take())
        if token == "[":  # noqa: S105
            values = []
            while self.peek() != "]":
                values.append(self._value())
            self.take("]")
            return values
        if token == "{":  # noqa: S105
            members = {}
            while self.peek() != "}":
                name = self.take()
                self.take(":")
                members[name] = self._value()
            self.take("}")
            return members
        if token.startswith('"'):
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        if re.fullmatch(r"-?\d+", token):
            return int(token)
        # An enum value such as CATALOG_PRODUCT stays its name.
        return {"true": True, "false": False, "null": None}.get(token, token)

    def _variable_definitions(self) -> None:
        self.take("(")
        while self.peek() != ")":
            self.take("$")
            name = self.take()
            self.take(":")
            while self.peek() not in ("$", ")", "="):
                self.take()
            if self.peek() == "=":
                self.take()
                default = self._value()
                self.variables.setdefault(name, default)
        self.take(")")

    def _skip_braces(self) -> None:
        depth = 0
        while True:
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth == 0:
                if token != "}":  # noqa: S105
                    raise GraphQlError(f'Syntax Error: Unexpected Name "{token}"')
                return


def answer(store: Store, query: str, variables: Any, store_code: str | None, base_url: str) -> dict[str, Any]:
    """Answer one query; errors are part of the answer. `store_code` is the `Store` header."""
    errors: list[GraphQlError] = []
    try:
        selection = _Parser(query, dict(variables) if isinstance(variables, dict) else {}).document()
        view = _current_view(store, store_code)
        data = {one.alias: _root(store, one, view, base_url, errors) for one in selection}
    except GraphQlError as error:
        return {"errors": [error.describe()]}
    result: dict[str, Any] = {"errors": [error.describe() for error in errors]} if errors else {}
    return {**result, "data": data}


def views(store: Store, base_url: str) -> list[dict[str, Any]]:
    """Return every active store view with its configuration, as `storeConfig` names the fields, by name."""
    websites = {one["id"]: one for one in store.documents("websites")}
    groups = {one["id"]: one for one in store.documents("store_groups")}
    configs = {one["id"]: one for one in store.documents("store_configs")}
    found = []
    for view in store.documents("store_views"):
        config = configs.get(view["id"])
        if config is None or not view["is_active"]:
            continue
        website, group = websites[view["website_id"]], groups[view["store_group_id"]]
        found.append(
            {
                **config,
                "store_code": view["code"],
                "store_name": view["name"],
                "website_code": website["code"],
                "website_name": website["name"],
                "store_group_code": group["code"],
                "store_group_name": group["name"],
                "root_category_id": group["root_category_id"],
                "is_default_store": group["default_store_id"] == view["id"],
                "is_default_store_group": website["default_group_id"] == group["id"],
                "store_sort_order": 0,
                "base_url": base_url,
                "base_link_url": base_url,
                "secure_base_url": base_url,
                "secure_base_link_url": base_url,
            }
        )
    return sorted(found, key=lambda one: str(one["store_name"]))


def _current_view(store: Store, store_code: str | None) -> str:
    codes = [one["code"] for one in store.documents("store_views") if one["id"]]
    if store_code is None or store_code == "":
        return str(codes[0])
    if store_code not in codes:
        raise GraphQlError("Requested store is not found", "graphql-input")
    return store_code


def _root(store: Store, one: Field, view: str, base_url: str, errors: list[GraphQlError]) -> Any:
    resolvers: dict[str, Callable[[], Any]] = {
        "storeConfig": lambda: _store_config(store, one, view, base_url),
        "availableStores": lambda: _available_stores(store, one, view, base_url),
        "customAttributeMetadata": lambda: _metadata(store, one, errors),
        "customAttributeMetadataV2": lambda: _metadata_v2(store, one),
        "__typename": lambda: "Query",
    }
    if one.name not in resolvers:
        raise GraphQlError(f'Cannot query field "{one.name}" on type "Query".')
    return resolvers[one.name]()


def _store_config(store: Store, one: Field, view: str, base_url: str) -> dict[str, Any]:
    config = next(each for each in views(store, base_url) if each["code"] == view)
    return _pick_object(config, one.selection, "StoreConfig")


def _available_stores(store: Store, one: Field, view: str, base_url: str) -> list[dict[str, Any]]:
    every = views(store, base_url)
    current = next(each for each in every if each["code"] == view)
    same = [each for each in every if each["website_id"] == current["website_id"]]
    if one.arguments.get("useCurrentGroup"):
        same = [each for each in same if each["store_group_code"] == current["store_group_code"]]
    return [_pick_object(each, one.selection, "StoreConfig") for each in same]


def _metadata(store: Store, one: Field, errors: list[GraphQlError]) -> dict[str, Any]:
    items: list[dict[str, Any] | None] = []
    for wanted in _requested(one):
        code = str(wanted.get("attribute_code"))
        if str(wanted.get("entity_type")).lower() != "catalog_product" or code not in derived.attribute_codes(store):
            errors.append(
                GraphQlError(
                    f'Attribute code "{code}" of entity type "{wanted.get("entity_type")}" not configured'
                    " to have a type.",
                    "graphql-no-such-entity",
                )
            )
            items.append(None)
            continue
        found = derived.attribute(store, code)
        items.append(
            {
                "attribute_code": code,
                "entity_type": "catalog_product",
                "attribute_type": "Int" if found["backend_type"] == "int" else "String",
                "input_type": found["frontend_input"],
                "attribute_options": [
                    {"value": each["value"], "label": each["label"]} for each in found["options"] if each["value"]
                ],
            }
        )
    return _pick_object({"items": items}, one.selection, "CustomAttributeMetadata")


def _metadata_v2(store: Store, one: Field) -> dict[str, Any]:
    items, problems = [], []
    for wanted in _requested(one):
        code, kind = str(wanted.get("attribute_code")), str(wanted.get("entity_type"))
        if kind.lower() != "catalog_product":
            problems.append({"type": "ENTITY_NOT_FOUND", "message": f'Entity "{kind}" could not be found.'})
        elif code not in derived.attribute_codes(store):
            problems.append({"type": "ATTRIBUTE_NOT_FOUND", "message": f'Attribute code "{code}" could not be found.'})
        else:
            found = derived.attribute(store, code)
            items.append(
                {
                    "code": code,
                    "label": found["default_frontend_label"],
                    "entity_type": "CATALOG_PRODUCT",
                    "frontend_input": str(found["frontend_input"]).upper(),
                    "is_required": found["is_required"],
                    "default_value": None,
                    "is_unique": False,
                    "options": [
                        {"value": each["value"], "label": each["label"], "is_default": False}
                        for each in found["options"]
                        if each["value"]
                    ],
                }
            )
    return _pick_object({"items": items, "errors": problems}, one.selection, "AttributesMetadataOutput")


def _requested(one: Field) -> list[dict[str, Any]]:
    given = one.arguments.get("attributes")
    if not isinstance(given, list) or not given:
        raise GraphQlError(f'Field "{one.name}" argument "attributes" of type "[AttributeInput!]!" is required.')
    return [each for each in given if isinstance(each, dict)]


def _pick(value: Any, selection: list[Field], type_name: str) -> Any:
    if isinstance(value, list):
        return [_pick(one, selection, type_name) for one in value]
    if isinstance(value, dict):
        return _pick_object(value, selection, type_name)
    return value


def _pick_object(value: dict[str, Any], selection: list[Field], type_name: str) -> dict[str, Any]:
    if not selection:
        raise GraphQlError(f'Field of type "{type_name}" must have a selection of subfields.')
    found: dict[str, Any] = {}
    for one in selection:
        if one.name == "__typename":
            found[one.alias] = type_name
        elif one.name in value:
            found[one.alias] = _pick(value[one.name], one.selection, one.name)
        else:
            raise GraphQlError(f'Cannot query field "{one.name}" on type "{type_name}".')
    return found
