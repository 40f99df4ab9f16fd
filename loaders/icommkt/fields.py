"""Profile fields as keys and values: of a payload, of a contact that ICOMMKT lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def of_text(custom_fields: str) -> dict[str, str]:
    """Return the fields of a payload."""
    return {one["Key"]: one["Value"] for one in json.loads(custom_fields)}


def contact_of(email: str, fields: Mapping[str, str]) -> bytes:
    """Return the JSON of a contact with these fields."""
    listed = [{"Key": key, "Value": value} for key, value in fields.items()]
    return json.dumps({"Email": email, "CustomFields": listed}, ensure_ascii=False).encode()


def of_listed(contact: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a contact in ListFull's answer; what is null there is empty."""
    fields = contact.get("CustomFields")
    return {
        str(one.get("Key")): "" if one.get("Value") is None else str(one.get("Value"))
        for one in (fields if isinstance(fields, list) else [])
        if isinstance(one, Mapping)
    }


def differing(held: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Return the keys of `expected` that `held` has otherwise. A field that is not listed counts as empty."""
    return [key for key, value in expected.items() if held.get(key, "") != value]


def digest(held: Mapping[str, str], keys: Sequence[str]) -> bytes:
    """Return 16 bytes that are equal when the values of these keys are."""
    text = json.dumps([held.get(key, "") for key in keys], ensure_ascii=False)
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
