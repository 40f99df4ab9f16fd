"""The oracle as tests use it: observe the shop day after day, ask for contacts and payloads."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from . import documents, payloads, rules
from .contacts import Calculation, Row, Settings
from .entities import Order, Shop
from .seeds import Seeds, read


class Oracle:
    """Remembers what a shop has shown, deletions included, and computes what must follow from it."""

    def __init__(self, shop: Shop | None = None, seeds: Seeds | None = None, **settings: Any) -> None:
        """Start from an empty shop unless one is given; `settings` are those of `Settings` but the date."""
        self.shop = shop if shop is not None else Shop()
        self.seeds = seeds if seeds is not None else read()
        self.settings = Settings(as_of=date.min, **settings)

    def observe(self, path: str | Path) -> None:
        """Look at the demo store's SQLite file, as a load of that day would."""
        documents.observe(self.shop, path)

    def build(self, as_of_date: date, **settings: Any) -> Build:
        """Everything that a build with this as-of date must come to."""
        return Build(self.shop, replace(self.settings, as_of=as_of_date, **settings), self.seeds)

    def contacts(self, as_of_date: date, **settings: Any) -> dict[str, Row]:
        """The contacts mart by e-mail."""
        return self.build(as_of_date, **settings).contacts


class Build:
    """The result of one as-of date."""

    def __init__(self, shop: Shop, settings: Settings, seeds: Seeds) -> None:
        self.calculation = Calculation(shop, settings, seeds)
        self.seeds = seeds
        self.contacts = self.calculation.rows()

    @property
    def payloads(self) -> dict[str, dict[str, str]]:
        """The fields to send by e-mail."""
        return {email: payloads.custom_fields(row, self.seeds) for email, row in self.contacts.items()}

    def explain(self, email: str) -> str:
        """Accounts and orders behind a contact, for a person who looks into a difference."""
        person = self.calculation.persons.get(email)
        if person is None:
            excluded = self.seeds.excludes(email)
            return "excluded by the seed" if excluded else "no account and no order leads to this contact"
        accounts = [f"account {account.id}" for account in person.accounts] or ["guest"]
        recent = sorted(person.orders, key=lambda order: (order.created_at, order.entity_id), reverse=True)
        told = [self._explain_order(order) for order in recent[:6]]
        more = [f"and {len(recent) - 6} older orders"] if len(recent) > 6 else []
        return "; ".join([", ".join(accounts), *told, *more])

    def _explain_order(self, order: Order) -> str:
        day = rules.local_date(order.created_at, self.calculation.zone)
        left = rules.base_amount(order)
        if not self.calculation.counts(order):
            verdict = "not counted"
        elif left is None:
            verdict = "refunded or canceled whole"
        else:
            verdict = f"counts {left:f} {rules.base_currency(order, self.calculation.shop)}"
        return f"order {order.entity_id} of {day} ({order.state}, {order.payment_method}: {verdict})"
