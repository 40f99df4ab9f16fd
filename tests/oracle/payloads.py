"""What is sent of a contact: the profile fields of the seed, every value a string."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from .contacts import Row, Value
from .rules import rounded
from .seeds import Field, Seeds

# Types of the seed whose missing value is a zero; of all others it is an empty text.
COUNT, MONEY = "count", "money"


def text_of(value: Value, field: Field) -> str:
    """One value as ICOMMKT gets it: `23/11/2026`, `1234.50`, `3`, or nothing."""
    if field.type in (MONEY, COUNT) and not value:
        return "0"
    if value is None:
        return ""
    if field.type == MONEY and isinstance(value, Decimal):
        return f"{rounded(value, 2):f}"
    if isinstance(value, bool):
        return "si" if value else "no"
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y") if value.year > 999 else f"{value.day:02d}/{value.month:02d}/{value.year:04d}"
    return str(value)[: field.max_length]


def custom_fields(row: Row, seeds: Seeds) -> dict[str, str]:
    """Every enabled field of a contact by its key, in the seed's order."""
    return {field.key: text_of(row[field.column], field) for field in seeds.fields if field.enabled}


def triggering(fields: Mapping[str, str], seeds: Seeds) -> dict[str, str]:
    """The part of the fields whose change makes a contact be sent again."""
    keys = {field.key for field in seeds.fields if field.triggers_send}
    return {key: value for key, value in fields.items() if key in keys}


def held_after(
    held: Mapping[str, Mapping[str, str]], payloads: Mapping[str, Mapping[str, str]], seeds: Seeds
) -> dict[str, Mapping[str, str]]:
    """What ICOMMKT holds after a push of `payloads`, by e-mail, when it held `held` of earlier pushes.

    A contact of which no triggering field moved is not sent, so its other fields stay as they were; one that is no
    contact any more is not removed.
    """
    after = dict(held)
    for email, fields in payloads.items():
        if email not in held or triggering(held[email], seeds) != triggering(fields, seeds):
            after[email] = {**held.get(email, {}), **fields}
    return after
