"""`python -m loaders.why`: one contact in words, from the published file and the state. Sends and writes nothing.

Is it a contact, which of its orders count, what made its scores, and why was it sent to ICOMMKT or not.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

import duckdb

from loaders.errors import Parser, PipelineError, SettingsError, run_command
from loaders.fields import window_in_words
from loaders.icommkt import settings as icommkt_settings
from loaders.icommkt.preview import UNKNOWN, what_a_push_knows, why_no_contact
from loaders.icommkt.session import Session, opened
from loaders.icommkt.settings import IcommktSettings
from loaders.paths import Warehouse, warehouse
from loaders.text import fit, mask_email
from loaders.warehouse import rows_of

MOST_ORDERS = 20
ENDED = {"stopped": "was stopped by a guard", "interrupted": "was interrupted", "crashed": "was killed"}
EXAMPLE = """for instance:
  EMAIL=jane@example.com python -m loaders.why
  make why EMAIL=jane@example.com"""

ORDERS = """
select
    order_number, order_date, base_grand_total, base_total_refunded + base_canceled_unpaid as given_back,
    base_currency, amount, reporting_currency, not_a_purchase_because, payment_method, state
from published.marts.fct_orders where email = $email order by ordered_at desc, order_id desc
"""
WINDOWS = """
select field.first_day, field.last_day, coalesce(bought.purchases, 0) as purchases, coalesce(bought.amount, 0) as amount
from published.marts.icommkt_profile_fields as field
left join (from published.marts.contact_windows where email = $email) as bought
    on field.mart_column = concat('purchases_', bought.window_name)
where field.mart_column like 'purchases%' and field.last_day is not null
order by field.last_day, field.first_day
"""
SCORES = """
select
    contact.rfm_group, contact.rfm_segment, contact.is_buyer, contact.rfm, contact.recency_score,
    contact.frequency_score, contact.monetary_score, score.purchases, score.amount, score.days_since_last_purchase
from published.marts.rfm_contacts as contact
left join (from published.marts.rfm_scores where window_name = 'all') as score using (store_key, email)
where contact.email = $email
"""
BORDERS = """
select score, begins_at from published.marts.rfm_borders
where window_name = 'all' and measure = $measure and score >= $score order by score limit 2
"""
# Nobody else writes the state file while this reads it, so what is still running there was killed.
LAST_PUSH = """
select started_at, as_of_date, if(status = 'running', 'crashed', status) as status, message from state.push.runs
where profile = $profile and command = 'push' order by run_id desc limit 1
"""


def why(house: Warehouse, settings: IcommktSettings, email: str, target: str = "prod") -> list[str]:
    """Return what is known of an address, a fact a line, by the last build of a target.

    Raises PipelineError when neither the store nor the state knows it, or the published file lacks what is asked.
    """
    wanted = email.strip().lower()
    made = house.dev if target == "dev" else house
    with opened(house, settings, read_only=True, published_path=made.published, email=wanted) as session:
        try:
            return list(_facts(session, wanted))
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise PipelineError(
                f"{made.published} was made by another version ({fit(error, 80)}); run make build"
            ) from None


def _facts(session: Session, email: str) -> Iterator[str]:
    found = _rows(session, "from published.marts.dim_contacts where email = $email", email=email)
    because = why_no_contact(session, email)
    pushed = {one["profile"]: one for one in _rows(session, "from scratch.relation")}
    if not (found or because or pushed):
        raise PipelineError(f"{mask_email(email)} {UNKNOWN}")
    yield f"{mask_email(email)} as of {session.published.build.as_of_date}"
    if not found:
        yield f"  {because or 'is no contact any more: the store has no account and no order with it'}"
    for contact in found:
        account = "a guest" if contact["is_guest"] else f"account {contact['customer_id']}"
        subscribed = {True: "subscribed", False: "not subscribed", None: "not known whether subscribed"}
        yield f"  is a contact: {account}, {subscribed[contact['is_subscribed']]}"
        yield from _bought(session, email)
        yield from _scored(session, email)
    for profile in session.profiles:
        yield f"  profile {profile.name}"
        if one := pushed.get(profile.name):
            yield from (f"    {line}" for line in what_a_push_knows(one))
        elif found:
            yield "    no account and no purchase on its websites (seed icommkt_profiles): nothing would be sent"
        else:
            yield "    ICOMMKT has acknowledged nothing of it"
        for run in _rows(session, LAST_PUSH, profile=profile.name):
            when = f"{run['started_at']:%Y-%m-%d %H:%M} UTC, build of {run['as_of_date']}"
            yield f"    the last push ({when}) {ended(run['status'], run['message'])}"


def ended(status: str, message: str | None) -> str:
    """Say how a push ended, by its row in push.runs."""
    return f"{ENDED.get(status, status)}{f': {fit(message)}' if message else ''}"


def _bought(session: Session, email: str) -> Iterator[str]:
    orders = _rows(session, ORDERS, email=email)
    if not orders:
        yield "  has no orders"
    for one in orders[:MOST_ORDERS]:
        base = fit(one["base_currency"] or "in an unknown currency", 40)
        counted = f"no purchase, {one['not_a_purchase_because']}"
        if one["not_a_purchase_because"] == "not paid":
            method = fit(one["payment_method"] or "no payment method", 60)
            counted += f" (state {fit(one['state'] or 'unknown', 40)}, {method}: seeds/payment_methods.csv)"
        if one["not_a_purchase_because"] is None:
            back = f", {one['given_back']:,.2f} {base} refunded or canceled" if one["given_back"] else ""
            counted = f"counted as {one['amount']:,.2f} {one['reporting_currency']}{back}"
        number = fit(one["order_number"], 40)
        yield f"  order {number} of {one['order_date']}, {one['base_grand_total']:,.2f} {base}: {counted}"
    if more := orders[MOST_ORDERS:]:
        purchases = sum(one["not_a_purchase_because"] is None for one in more)
        yield f"  and {len(more):,} older orders, {purchases:,} of them counted"
    currency = orders[0]["reporting_currency"] if orders else ""
    for one in _rows(
        session, "from published.marts.contact_windows where email = $email and window_name = 'all'", email=email
    ):
        yield f"  purchases in all: {one['purchases']:,}, {one['amount']:,.2f} {currency}"
    for one in _rows(session, WINDOWS, email=email) if orders else []:
        days = window_in_words(one["first_day"], one["last_day"])
        yield f"  purchases {days}: {one['purchases']:,}, {one['amount']:,.2f} {currency}"


def _scored(session: Session, email: str) -> Iterator[str]:
    for one in _rows(session, SCORES, email=email):
        if one["rfm"] is None:
            yield f"  no RFM scores: no purchase{' in the days of rfm_period_days' if one['is_buyer'] else ''}"
        else:
            yield f"  RFM {one['rfm']}, of {one['purchases']:,} purchases"
            for measure, value, form in (
                ("recency", f"{one['days_since_last_purchase']:,} days since the last purchase", "{:,.0f} days"),
                ("frequency", f"{one['purchases']:,} purchases", "{:,.0f}"),
                ("monetary", f"{one['amount']:,.2f}", "{:,.2f}"),
            ):
                score = one[f"{measure}_score"]
                borders = _rows(session, BORDERS, measure=measure, score=score)
                least = "at most" if measure == "recency" else "at least"
                takes = ", ".join(f"{row['score']} takes {least} {form.format(row['begins_at'])}" for row in borders)
                yield f"    {measure} {score}: {value}; {takes}"
        because = ""
        if one["rfm"] is not None:
            because = (
                f": frequency {one['frequency_score']} is {one['rfm_group']}, the rest is by recency"
                f" {one['recency_score']} and monetary {one['monetary_score']} (seeds/rfm_segments.csv)"
            )
        yield f"  segment {fit(one['rfm_segment'])}{because}"


def _rows(session: Session, sql: str, **parameters: object) -> list[dict[str, Any]]:
    return rows_of(session.db, sql, parameters)


def main() -> int:
    """Run the command line."""
    parser = Parser(
        prog="python -m loaders.why",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--target", default="prod", choices=["prod", "dev"], help="whose build: see profiles.yml")
    target = parser.parse_args().target
    email = os.environ.get("EMAIL", "")
    if not email.strip():
        raise SettingsError("which contact? make why EMAIL=<address>")
    settings = icommkt_settings.read(profile_needed=False, api_key_needed=False)
    print("\n".join(why(warehouse(), settings, email, target)))
    return 0


if __name__ == "__main__":
    run_command(main)
