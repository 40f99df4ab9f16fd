"""The project's seeds, read as plain CSV files: data that both the models and the oracle take as given."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "seeds"
WINDOWS: dict[str, tuple[int, int]] = {
    name: (days[0], days[1])
    for name, days in yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["purchase_windows"].items()
}
"""From and to how many days ago, by name."""


@dataclass(frozen=True)
class PaymentMethod:
    """When an order with this payment method is a purchase; no states means the default rule."""

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
    """Fixed cut-offs instead of quintiles, by measure and score; a measure without any keeps its quintiles.

    A score's cut-off is the most days since the last purchase, the fewest purchases or the smallest amount that earns
    it. The best score earned counts, and 1 needs none.
    """

    cutoffs: Mapping[str, Mapping[int, Decimal]] = field(default_factory=dict)

    def score(self, measure: str, value: Decimal | int) -> int:
        """The score of days since the last purchase, a number of purchases or an amount."""
        fewer_is_better = measure == "recency"
        return max(
            (
                score
                for score, cutoff in self.cutoffs[measure].items()
                if (value <= cutoff if fewer_is_better else value >= cutoff)
            ),
            default=1,
        )


@dataclass(frozen=True)
class Seeds:
    """All seeds that decide what the contacts mart says."""

    payment_methods: Mapping[str, PaymentMethod] = field(default_factory=dict)
    segments: Mapping[tuple[str, int, int], str] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    exchange_rates: tuple[tuple[str, str, date | None, Decimal], ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)

    def excludes(self, email: str) -> bool:
        """Whether the normalised address is one of those that are nobody's."""
        for kind, value in self.excluded:
            if kind == "exact" and email == value.lower():
                return True
            if kind == "domain" and f".{email.rpartition('@')[2]}".endswith(f".{value.lower().lstrip('*@.')}"):
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
    return Seeds(
        payment_methods={
            row["payment_method"]: PaymentMethod(
                states=frozenset(state.strip() for state in row["states"].split("|") if state.strip()),
                require_paid=_truth(row["require_paid"]),
            )
            for row in _rows(folder, "payment_methods")
        },
        segments={
            (row["rfm_group"], int(row["recency_score"]), int(row["monetary_score"])): row["rfm_segment"]
            for row in _rows(folder, "rfm_segments")
            if row["recency_score"]
        },
        fields=tuple(
            Field(
                key=row["profile_field_key"],
                column=row["mart_column"],
                type=row["type"],
                max_length=int(row["max_length"]) if row["max_length"] else None,
                enabled=_truth(row["enabled"]),
                triggers_send=_truth(row["triggers_send"]),
            )
            for row in _fields(_rows(folder, "icommkt_fields"))
        ),
        excluded=tuple((row["match"], row["value"]) for row in _rows(folder, "excluded_emails")),
        exchange_rates=tuple(
            (
                row["from_currency"],
                row["to_currency"],
                date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
                Decimal(row["rate"]),
            )
            for row in _rows(folder, "exchange_rates")
        ),
        thresholds=_thresholds(_rows(folder, "rfm_thresholds")),
    )


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _fields(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """A line with {window} is one of each window that no line names itself."""
    named = {row["mart_column"] for row in rows}
    spread = (
        {
            **row,
            "mart_column": row["mart_column"].replace("{window}", window),
            "profile_field_key": row["profile_field_key"].replace("{window}", window.title()),
        }
        for row in rows
        if "{window}" in row["mart_column"]
        for window in WINDOWS
    )
    plain = [row for row in rows if "{window}" not in row["mart_column"]]
    return [*plain, *(row for row in spread if row["mart_column"] not in named)]


def _thresholds(rows: list[dict[str, str]]) -> Thresholds:
    cutoffs: dict[str, dict[int, Decimal]] = {}
    for row in rows:
        cutoffs.setdefault(row["measure"], {})[int(row["score"])] = Decimal(row["cutoff"])
    return Thresholds(cutoffs)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"neither true nor false: {text!r}")
    return text.lower() == "true"
