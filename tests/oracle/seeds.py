"""The project's seeds, read as plain CSV files: data that both the models and the oracle take as given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

SEEDS = Path(__file__).resolve().parents[2] / "seeds"


@dataclass(frozen=True)
class PaymentMethod:
    """When an order with this payment method is a purchase."""

    states: frozenset[str] = frozenset()
    require_paid: bool = False


@dataclass(frozen=True)
class Field:
    """One profile field: what is sent under `key`."""

    key: str
    column: str
    type: str
    max_length: int | None = None
    enabled: bool = True
    triggers_send: bool = True


@dataclass(frozen=True)
class Thresholds:
    """Fixed cut-offs instead of quintiles: per score the bounds of 5, 4, 3, 2 or 1."""

    bounds: Mapping[str, tuple[tuple[Decimal, int], ...]]

    def recency(self, days: int) -> int:
        """The score of a last purchase `days` ago."""
        raise NotImplementedError

    def frequency(self, number: int) -> int:
        """The score of a number of purchases."""
        raise NotImplementedError

    def monetary(self, amount: Decimal) -> int:
        """The score of an amount."""
        raise NotImplementedError


@dataclass(frozen=True)
class Seeds:
    """All seeds that decide what the contacts mart says."""

    payment_methods: Mapping[str, PaymentMethod] = field(default_factory=dict)
    segments: Mapping[tuple[str, int, int], str] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    exchange_rates: tuple[tuple[str, str, date | None, Decimal], ...] = ()
    thresholds: Thresholds | None = None

    def excludes(self, email: str) -> bool:
        """Whether the normalised address is one of those that are nobody's."""
        for kind, value in self.excluded:
            if kind == "exact" and email == value.lower():
                return True
            if kind == "domain" and email.rpartition("@")[2] == value.lower():
                return True
            if kind == "pattern" and re.search(value, email):
                return True
        return False

    def rates(self, reporting_currency: str, day: date) -> dict[str, Decimal]:
        """Rates into the reporting currency by base currency, as they stood on `day`."""
        found = {}
        for base, reporting, since, rate in sorted(self.exchange_rates, key=lambda row: row[2] or date.min):
            if reporting == reporting_currency and (since is None or since <= day):
                found[base] = rate
        return found

    def max_length(self, column: str) -> int | None:
        """The length that the seed allows the field of a mart column."""
        return next((row.max_length for row in self.fields if row.column == column), None)

    def segment(self, group: str, recency: int, monetary: int) -> str:
        """The segment of a buyer; KeyError when the seed leaves a combination out."""
        return self.segments[group, recency, monetary]


def read(folder: Path = SEEDS) -> Seeds:
    """The seeds as they stand in the project."""
    raise NotImplementedError
