"""`python -m tests.property.mutations`: deliberate mistakes in the models, and which tests catch each.

Every mistake is made in a copy of the project, which is then built over random stores. What fails of dbt's unit tests
and data tests, and how many stores differ from the oracle, is printed as a table. It ends with 1 when nothing catches a
mistake. Some minutes; words as arguments run only the mistakes whose name has one of them.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from .batch import build, copy_of_project, wrong
from .search import generated
from .situations import SITUATIONS, Situation

STORES = 150
SEED = 1


@dataclass(frozen=True)
class Mutation:
    """One mistake: `before` becomes `after` wherever it stands in `file`; `situation` is one in which it can matter."""

    name: str
    file: str
    before: str
    after: str
    situation: int = 0

    def apply(self, project: Path) -> None:
        """Make the mistake in a copy of the project."""
        path = project / self.file
        text = path.read_text(encoding="utf-8")
        if self.before not in text:
            raise AssertionError(f"{self.name}: {self.file} does not have {self.before!r} any more")
        path.write_text(text.replace(self.before, self.after), encoding="utf-8")


ASSESSED = "models/intermediate/int_orders_assessed.sql"
KEPT = "models/intermediate/int_order_lines_kept.sql"
CHECKED = "models/intermediate/int_emails_checked.sql"
EXCLUDED = "models/intermediate/int_emails_excluded.sql"
ADDRESSES = "models/intermediate/int_email_addresses.sql"
DATED = "models/intermediate/int_orders_dated.sql"
EMAILS = "macros/rules/normalise_email.sql"
LABELLED = "models/intermediate/int_products_labelled.sql"
PURCHASES = "models/marts/core/fct_orders.sql"
CONTACTS = "models/marts/core/dim_contacts.sql"
ACCOUNTS = "models/intermediate/int_accounts_described.sql"
LATEST = "models/intermediate/int_orders_latest.sql"
SCORES = "models/marts/windows/rfm_scores.sql"
WINDOWS = "models/marts/windows/purchase_windows.sql"
LISTS = "macros/rules/lists_by_window.sql"

MUTATIONS = (
    Mutation("window edge: day N left out", WINDOWS, "and windows.last_day", "and windows.last_day - 1"),
    Mutation(
        "window edge: day 360 also in 360+", WINDOWS, "between windows.first_day", "between windows.first_day - 1"
    ),
    Mutation(
        "window edge: the last purchase is the first", WINDOWS, "where is_last_purchase", "where is_first_purchase"
    ),
    Mutation("as-of date: today left out", ASSESSED, "order_date > as_of_date", "order_date >= as_of_date"),
    Mutation(
        "refund: whole refunds stay purchases of 0", ASSESSED, "base_amount_left <= 0 and", "base_amount_left < 0 and"
    ),
    Mutation("refund: not taken off the amount", ASSESSED, "- base_total_refunded - ", "- "),
    Mutation(
        "refund: a cent left of a closed order is a purchase",
        ASSESSED,
        "base_amount_left <= 0.01 *",
        "base_amount_left <= 0 *",
    ),
    Mutation("refund: a cent left of any order is none", ASSESSED, "(state = 'closed'", "(state is not null"),
    Mutation(
        "refund: a free order that came back whole stays",
        ASSESSED,
        "or base_grand_total <= 0)",
        "or base_grand_total < 0)",
    ),
    Mutation(
        "refund: one line that came back is all of them",
        "models/intermediate/int_orders_returned.sql",
        "max(quantity_left)",
        "min(quantity_left)",
    ),
    Mutation(
        "canceled: paid or not",
        "macros/rules/canceled_unpaid.sql",
        "least({{ canceled }}, {{ whole }} - {{ paid }})",
        "{{ canceled }}",
    ),
    Mutation(
        "canceled: what was paid too much is added",
        "macros/rules/canceled_unpaid.sql",
        "{{ whole }} - {{ paid }}), 0)",
        "{{ whole }} - {{ paid }}))",
    ),
    Mutation(
        "currency: not the store view's",
        DATED,
        "coalesce(orders.base_currency, store_views.base_currency)",
        "orders.base_currency",
    ),
    Mutation(
        "currency: unknown is the reporting currency",
        DATED,
        "store_views.base_currency) as currency",
        "store_views.base_currency, 'USD') as currency",
        3,
    ),
    Mutation(
        "currency: the store view's before the order's own",
        DATED,
        "coalesce(orders.base_currency, store_views.base_currency)",
        "coalesce(store_views.base_currency, orders.base_currency)",
        3,
    ),
    Mutation(
        "refund: a line sent back whole stays",
        "models/marts/core/fct_purchase_items.sql",
        "where quantity_left > 0",
        "where quantity_left >= 0",
    ),
    Mutation(
        "labels: a bundle takes none of its parts'",
        KEPT,
        "when product_type in ('configurable', 'bundle') then child",
        "when product_type = 'configurable' then child",
    ),
    Mutation(
        "labels: children from the last line on",
        KEPT,
        "'item_id', 'product_id is not null'",
        "'0 - item_id', 'product_id is not null'",
    ),
    Mutation(
        "labels: the first child's alone",
        "models/intermediate/int_product_sets_labelled.sql",
        "{{ explode_list(split_list('product_ids'), 'position', 'product_id') }}",
        "1 as position,\n        split_part(product_ids, ',', 1) as product_id",
    ),
    Mutation(
        "labels: brands and categories go together",
        "models/marts/core/fct_purchase_items.sql",
        "when {{ list_is_empty('products.categories') }}",
        "when {{ list_is_empty('products.brands') }}",
    ),
    Mutation(
        "last purchase: ties go to the lowest id",
        PURCHASES,
        "order by created_at, order_id",
        "order by created_at, order_id desc",
    ),
    Mutation(
        "bundles: a 100 % coupon makes a fixed one dynamic",
        KEPT,
        "coalesce(own_family.children_price, 0) > 0",
        "coalesce(own_family.children_price, 0) >= 0",
    ),
    Mutation(
        "time zone: dates in UTC",
        "macros/rules/local_date.sql",
        "cast({{ magento_icommkt.convert_timezone(timestamp, zone) }} as date)",
        "cast({{ timestamp }} as date)",
    ),
    Mutation(
        "scores: who is at the end of a fifth is in the next",
        SCORES,
        "(ranked.monetary_rank - 1)",
        "(ranked.monetary_rank)",
    ),
    Mutation(
        "e-mail: lower() of all letters",
        "macros/rules/normalise_email.sql",
        "{{ magento_icommkt.lower_ascii(magento_icommkt.strip_whitespace(email)) }}",
        "lower({{ magento_icommkt.strip_whitespace(email) }})",
    ),
    Mutation("e-mail: two dots in a row", EMAILS, '"([.]"', '"([.]+"'),
    Mutation("e-mail: a word of one character more", ADDRESSES, "'@', 1)) > 64", "'@', 1)) > 65"),
    Mutation("e-mail: a domain that ends in a number", EMAILS, "[.])+[a-z]", "[.])+[a-z0-9]"),
    Mutation("e-mail: a domain with an underscore", EMAILS, '"([a-z0-9-]*[a-z0-9])?"', '"([a-z0-9_-]*[a-z0-9])?"'),
    Mutation("e-mail: mailto: in front", EMAILS, "`{|}~-]+", "`{|}~:-]+"),
    Mutation(
        "excluded: a domain without its sub-domains",
        EXCLUDED,
        "length(domains.domain) - length(excluded_emails.domain) + 1",
        "1",
    ),
    Mutation(
        "excluded: a domain with what ends alike",
        EXCLUDED,
        """concat('.', domains.domain),
                length(domains.domain) - length(excluded_emails.domain) + 1
            ) = concat('.', excluded_emails.domain)""",
        """domains.domain,
                length(domains.domain) - length(excluded_emails.domain) + 1
            ) = excluded_emails.domain""",
    ),
    Mutation("excluded: @ and *. in front are not understood", EXCLUDED, "'^[*@.]+'", "'^[.]+'", 6),
    Mutation(
        "start date: guests of before are contacts",
        CHECKED,
        "is distinct from 'before start date'",
        "is distinct from ''",
        1,
    ),
    Mutation(
        "start date: an order of before names a guest",
        LATEST,
        "is distinct from 'before start date'",
        "is distinct from ''",
        1,
    ),
    Mutation("birth date: of tomorrow", CONTACTS, "birth_date <= settings.as_of_date", "birth_date is not null"),
    Mutation("birth date: before 1900", "macros/rules/parse_birth_date.sql", ">= '1900'", ">= '1000'"),
    Mutation(
        "texts: control characters stay", "macros/rules/clean_text.sql", "\"'[^ -~\\u00a0", "\"'[^\\u0001-~\\u0080"
    ),
    Mutation("texts: a line break goes", "macros/rules/clean_text.sql", "breaks, \"' '\"", "breaks, \"''\""),
    Mutation(
        "brands: a text is split at commas",
        LABELLED,
        "then {{ text_list(['brand_values.brand_value']) }}",
        "then {{ split_list('brand_values.brand_value') }}",
        1,
    ),
    Mutation("brands: ids without labels are texts", LABELLED, "'[^0-9, ]'", "'[^, ]'"),
    Mutation(
        "payment: unpaid cash orders count",
        ASSESSED,
        "then orders.base_total_paid > 0",
        "then orders.base_total_paid >= 0",
    ),
    Mutation(
        "average: cut, not rounded",
        "macros/cross_database/divide_half_up.sql",
        '* 10000 as bigint) + 100 * "',
        '* 10000 as bigint) + 0 * "',
    ),
    Mutation(
        "what is left of a line: cut, not rounded",
        "macros/cross_database/divide_half_up.sql",
        '" + " ~ magento_icommkt.big_integer(denominator)',
        '" + 0 * " ~ magento_icommkt.big_integer(denominator)',
    ),
    Mutation("lists: the oldest first", LISTS, "min(place)", "max(place)"),
    Mutation(
        "lists: one character too few",
        LISTS,
        "length_so_far <= coalesce",
        "length_so_far < coalesce",
        2,
    ),
    Mutation(
        "rate of the order: zero is taken",
        DATED,
        "and placed.base_to_global_rate > 0",
        "and placed.base_to_global_rate is not null",
        3,
    ),
    Mutation(
        "accounts: one without a date of change first",
        ACCOUNTS,
        "updated_at desc nulls last",
        "updated_at desc nulls first",
    ),
    Mutation(
        "a join without the store key",
        DATED,
        """            orders.store_key = accounts.store_key
            and orders.customer_id""",
        """            orders.customer_id""",
    ),
)


def attempt(mutation: Mutation, folder: Path) -> tuple[int, list[str], list[str]]:
    """Build random stores with a mistake in the models: how many differ, which unit tests and data tests fail."""
    situation: Situation = SITUATIONS[mutation.situation]
    project = copy_of_project(folder / "project", situation)
    mutation.apply(project)
    batch = generated(situation, STORES, SEED)
    built = build(project, situation, batch, with_unit_tests=True)
    differing = sum(
        bool(wrong(situation, built.seeds, position, store, built.answers[position]))
        for position, store in enumerate(batch)
    )
    return differing, built.failed_unit_tests, [test.split(":")[0] for test in built.failed_tests]


def main(words: Sequence[str]) -> int:
    """Try the mistakes; 1 when one is not caught."""
    missed = 0
    for mutation in MUTATIONS:
        if words and not any(word in mutation.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):  # dbt shows every failure
            differing, unit_tests, data_tests = attempt(mutation, Path(folder))
        caught = bool(differing or unit_tests or data_tests)
        missed += not caught
        print(f"{mutation.name} ({mutation.file}){'' if caught else ': NOT CAUGHT'}")
        print(f"    property test: {differing} of {STORES} stores differ")
        for kind, names in (("unit tests", unit_tests), ("data tests", data_tests)):
            print(f"    {kind}: {', '.join(sorted(names)) or '-'}", flush=True)
    print(f"{missed} mistakes were not caught" if missed else "every mistake was caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
