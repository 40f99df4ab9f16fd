"""The settings that batches of random stores are built with: vars and seeds, for dbt and for the oracle alike.

A build has one set of vars and one set of seeds, so each situation is a batch of its own. Between them every var that
means something to the contacts, and every seed, is used away from its default.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from tests.oracle.seeds import WINDOWS

SeedRow = Mapping[str, str]


@dataclass(frozen=True)
class Situation:
    """One set of vars and seeds.

    `variables` are dbt's, `for_oracle` the same in the oracle's words. `seeds` replaces whole seeds; `fields` changes
    lines of icommkt_fields, by mart column. `convertible` are the (from, to) currency pairs for which the seed
    exchange_rates has a rate on every day.
    """

    name: str
    as_of: date
    variables: Mapping[str, Any] = field(default_factory=dict)
    for_oracle: Mapping[str, Any] = field(default_factory=dict)
    seeds: Mapping[str, Sequence[SeedRow]] = field(default_factory=dict)
    fields: Mapping[str, SeedRow] = field(default_factory=dict)
    convertible: frozenset[tuple[str, str]] = frozenset()

    @property
    def dbt_vars(self) -> dict[str, Any]:
        """What dbt is given."""
        return {"as_of_date": self.as_of.isoformat(), **self.variables}

    def write_seeds(self, folder: Path) -> None:
        """Change the seeds in `folder`, a copy of the project's, to this situation's."""
        for name, rows in self.seeds.items():
            path = folder / f"{name}.csv"
            header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
            path.write_text(_csv(header, rows), encoding="utf-8")
        if self.fields:
            path = folder / "icommkt_fields.csv"
            lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
            known = {line["mart_column"]: line for line in lines}
            for column in self.fields.keys() - known.keys():  # a window's own line, which overrules the general one
                general, window = next(
                    (line, window)
                    for line in lines
                    for window in WINDOWS
                    if line["mart_column"].replace("{window}", window) == column
                )
                key = general["profile_field_key"].replace("{window}", window.title())
                lines.append({**general, "mart_column": column, "profile_field_key": key})
            changed = [{**line, **self.fields.get(line["mart_column"], {})} for line in lines]
            path.write_text(_csv(list(lines[0]), changed), encoding="utf-8")


def _csv(header: Sequence[str], rows: Sequence[SeedRow]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cutoffs(measure: str, *values: str) -> list[SeedRow]:
    return [{"measure": measure, "score": str(score), "cutoff": value} for score, value in enumerate(values, start=2)]


def _rates(*rows: tuple[str, str, str, str]) -> list[SeedRow]:
    return [dict(zip(("from_currency", "to_currency", "valid_from", "rate"), row, strict=True)) for row in rows]


SITUATIONS = (
    Situation("as it comes", date(2026, 11, 23)),
    Situation(
        "spring forward in Madrid, a start date",
        date(2026, 3, 29),
        {"store_timezone": "Europe/Madrid", "start_date": "2025-10-26", "list_separator": " | "},
        {"time_zone": "Europe/Madrid", "start_date": date(2025, 10, 26), "list_separator": " | "},
    ),
    Situation(
        "short lists, some fields not sent",
        date(2026, 10, 25),
        {"list_max_length": 12, "list_separator": ";"},
        {"list_max_length": 12, "list_separator": ";"},
        fields={
            **{f"products_{days}_days": {"max_length": "15"} for days in (30, 180, "360_plus")},
            **{f"categories_{days}_days": {"max_length": ""} for days in (60, 90, 360)},
            **{f"discount_codes_{days}_days": {"max_length": "4"} for days in (30, 90, 360)},
            "last_purchase_brands": {"max_length": "10"},
            "last_purchase_discount_codes": {"max_length": ""},
            "first_name": {"max_length": "2"},
            "city": {"max_length": "1", "triggers_send": "false"},
            "phone": {"enabled": "false"},
            "rfm_30_days": {"enabled": "false", "triggers_send": "false"},
            "days_since_first_purchase": {"triggers_send": "false"},
            "days_since_last_purchase": {"triggers_send": "false"},
            "purchases_total": {"profile_field_key": 'a "key", with all\\'},
        },
    ),
    Situation(
        "fall back in New York, everything in dollars",
        date(2026, 11, 1),
        {"reporting_currency": "USD", "store_timezone": "America/New_York"},
        {"reporting_currency": "USD", "time_zone": "America/New_York"},
        seeds={
            "exchange_rates": _rates(
                ("EUR", "USD", "", "1.1"),
                ("EUR", "USD", "2026-10-02", "1.08123456"),
                ("EUR", "USD", "2026-10-03", "1.00000001"),
                ("ARS", "USD", "1990-01-01", "0.00071429"),
                ("ARS", "USD", "2025-11-06", "0.0005"),
                ("USD", "USD", "", "7"),
                ("EUR", "ARS", "", "1500"),
            )
        },
        convertible=frozenset({("EUR", "USD"), ("ARS", "USD")}),
    ),
    Situation(
        "fixed cut-offs over half a year",
        date(2026, 9, 6),
        {"rfm_period_days": 180},
        {"rfm_period_days": 180},
        seeds={
            "rfm_thresholds": [
                *_cutoffs("recency", "360", "180", "60", "30"),
                *_cutoffs("frequency", "2", "3", "4", "5"),
                *_cutoffs("monetary", "0.0001", "10", "33.3333", "100"),
            ]
        },
    ),
    Situation(
        "leap day, other labels, one cut-off, a short period",
        date(2024, 2, 29),
        {
            "rfm_period_days": 0,
            "brand_attribute": "marca",
            "gender_labels": {1: "M'Ale", 5: " Otra ", 9: ""},
            "customer_attributes": [{"code": "dni", "type": "text", "column": "dni"}],
        },
        {"rfm_period_days": 0, "brand_attribute": "marca", "gender_labels": {1: "M'Ale", 5: " Otra ", 9: ""}},
        seeds={"rfm_thresholds": _cutoffs("frequency", "1", "2", "3", "4")},
    ),
    Situation(
        "other payment rules, staff, rates for all",
        date(2026, 1, 1),
        {"rfm_period_days": 360, "start_date": "2025-01-01"},
        {"rfm_period_days": 360, "start_date": date(2025, 1, 1)},
        seeds={
            "payment_methods": [
                {"payment_method": "checkmo", "gateway": "x", "states": "new|processing", "require_paid": "false"},
                {"payment_method": "decidir", "gateway": "x", "states": "complete", "require_paid": "false"},
                {"payment_method": "free", "gateway": "x", "states": "canceled|holded", "require_paid": "false"},
                {"payment_method": "sugapay", "gateway": "x", "states": "", "require_paid": "true"},
                {"payment_method": "y", "gateway": "x", "states": "state_no_order_has_yet", "require_paid": "false"},
            ],
            "excluded_emails": [
                {"match": "exact", "value": "Ana@Example.com", "reason": "staff"},
                {"match": "domain", "value": "example.co", "reason": "tests"},
                {"match": "domain", "value": "*.Amazon.com", "reason": "tests"},
                {"match": "domain", "value": "@xn--d.example.com", "reason": "tests"},
                {"match": "pattern", "value": "[+]tag@", "reason": "tests"},
            ],
            "exchange_rates": _rates(
                *(
                    (one, other, "", f"0.{position}3333333")
                    for position, (one, other) in enumerate(
                        (one, other) for one in ("ARS", "EUR", "USD") for other in ("ARS", "EUR", "USD")
                    )
                )
            ),
        },
        convertible=frozenset((one, other) for one in ("ARS", "EUR", "USD") for other in ("ARS", "EUR", "USD")),
    ),
)
