"""What the page shows, read from the published file, the state file and the files of the last push.

Only counts, sums and what tests found: no address, name or phone is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from loaders import publish
from loaders.errors import PipelineError
from loaders.icommkt.settings import profile_key
from loaders.nights import NAME, last, night_id
from loaders.paths import Warehouse
from loaders.text import fingerprint, fit
from loaders.warehouse import open_warehouse, rows_of

Row = dict[str, Any]
RUNS = 30
"""Runs of a profile that are shown."""

_BUILD = """
    select build_id, as_of_date, store_timezone, built_at, is_tested, reporting_currency, store_locale
    from meta.build"""

# Purchases of addresses that are nobody's contact count too, where nothing else is said: the sums are the shop's.
_TOP = """
    with calendar as (
        select month::date as month, row_number() over (order by month) as place
        from generate_series(date_trunc('month', $day::date) - interval 15 month,
                             date_trunc('month', $day::date) - interval 1 month, interval 1 month) as months (month)
    ),
    sold as (
        select {name} as name, place, sum(amount)::double as amount
        from marts.{mart} inner join calendar on purchase_month = month group by all
    )
    select
        name, sum(amount) filter (place > 12) as amount, coalesce(sum(amount) filter (place <= 3), 0) as year_ago,
        list(place order by place) as places, list(amount order by place) as trend
    from sold group by name having sum(amount) filter (place > 12) > 0 order by amount desc, name limit 10"""

PUBLISHED = {
    # As the windows count: the day 30 days ago is inside. Beside it the 31 days before.
    "periods": """
        select purchase_date >= $day::date - 30 as is_now, count(*) as purchases,
               count(*) filter (not has_contact) as without_contact, sum(amount)::double as amount
        from marts.fct_purchases where purchase_date between $day::date - 61 and $day::date group by 1""",
    "daily": """
        select day::date as day, count(order_id) as purchases, coalesce(sum(amount), 0)::double as amount
        from generate_series($day::date - 120, $day::date, interval 1 day) as days (day)
        left join marts.fct_purchases on purchase_date = day::date group by 1 order by 1""",
    "contacts": """
        select count(*) as contacts, count(*) filter (purchases_total > 0) as buyers,
               count(*) filter (is_subscribed) as subscribed,
               count(*) filter (purchases_total > 0 and recency_score is null) as unscored
        from marts.icommkt_contacts""",
    "contacts_by_day": """
        select as_of_date as day, sum(contacts)::bigint as contacts,
               coalesce(sum(contacts) filter (rfm_group <> 'PROSPECTS'), 0)::bigint as buyers
        from marts.rfm_segment_sizes where as_of_date <= $day group by 1 order by 1""",
    "rfm": """
        select recency_score as r, frequency_score as f, rfm_segment as segment, count(*) as contacts,
               sum(amount_total)::double as amount
        from marts.icommkt_contacts where recency_score is not null group by all order by contacts desc, segment""",
    "borders": """
        select measure, max(begins_at) as begins_at from marts.rfm_borders
        where score = 5 and window_name = (
            select coalesce(max(window_name) filter (window_name = 'rfm_period'), 'all') from marts.rfm_borders)
        group by measure""",
    "segments": """
        select as_of_date as day, rfm_group as grp, rfm_segment as segment, sum(contacts)::bigint as contacts,
               sum(amount_total)::double as amount
        from marts.rfm_segment_sizes where as_of_date between $day::date - 89 and $day::date
        group by all order by day, segment""",
    "moves": """
        select coalesce(from_rfm_segment, '') as source, to_rfm_segment as target,
               coalesce(from_rfm_group, '') as source_group, to_rfm_group as target_group, move_type as kind,
               count(*) as contacts
        from marts.fct_rfm_segment_moves
        where moved_date between $day::date - 29 and $day::date
          and moved_date > (select min(as_of_date) from marts.rfm_segment_sizes)
        group by all order by contacts desc, source, target""",
    "months": """
        select month::date as month, count(order_id) as purchases, coalesce(sum(amount), 0)::double as amount
        from generate_series(date_trunc('month', $day::date) - interval 24 month, date_trunc('month', $day::date),
                             interval 1 month) as months (month)
        left join marts.fct_purchases on date_trunc('month', purchase_date) = month and purchase_date <= $day
        group by 1 order by 1""",
    "windows": """
        with windows as (
            select distinct replace(mart_column, 'purchases_', '') as window_name, first_day, last_day
            from marts.icommkt_profile_fields
            where starts_with(mart_column, 'purchases_') and last_day is not null
        ),
        bought as (
            select window_name, count(*) as buyers, sum(purchases)::bigint as purchases, sum(amount)::double as amount
            from marts.contact_windows group by 1
        ),
        rest as (
            select window_name, count(*) as purchases, sum(amount)::double as amount
            from windows
            inner join marts.fct_purchases on date_diff('day', purchase_date, $day::date) between first_day and last_day
            where not has_contact group by 1
        )
        select
            first_day, last_day, coalesce(bought.buyers, 0) as buyers, coalesce(bought.purchases, 0) as purchases,
            coalesce(bought.amount, 0) as amount, coalesce(rest.purchases, 0) as rest_purchases,
            coalesce(rest.amount, 0) as rest_amount
        from windows left join bought using (window_name) left join rest using (window_name)
        order by last_day, first_day""",
    "cohorts": """
        select cohort_month as month, months_since_first_purchase as age, sum(buyers)::bigint as buyers,
               sum(active_buyers)::bigint as active
        from marts.purchase_cohorts
        where cohort_month >= date_trunc('month', $day::date) - interval 12 month group by all order by 1, 2""",
    "rhythm": """
        with gaps as (
            select date_diff('day', lag(purchase_date) over (partition by store_key, email order by purchase_number),
                             purchase_date) as days
            from marts.fct_purchases where has_contact
        )
        select case when days <= 30 then 0 when days <= 60 then 1 when days <= 90 then 2 when days <= 180 then 3
                    when days <= 360 then 4 else 5 end as bin,
               count(*) as purchases, (select median(days) from gaps) as median
        from gaps where days is not null group by 1 order by 1""",
    "brands": _TOP.format(name="brand", mart="brand_performance"),
    "categories": _TOP.format(name="category", mart="category_performance"),
    "coupons": """
        select promo_code as name, sum(amount)::double as amount, sum(purchases)::bigint as purchases,
               max(last_used_date) as last_used
        from marts.coupon_performance group by 1 order by amount desc, name limit 10""",
    "invalid": """
        select invalid_because as because, found_in, count(*) as contacts
        from marts.invalid_emails group by all order by contacts desc, 1, 2""",
    "excluded": r"""
        select regexp_replace(excluded_because, '\S*@\S*', '…', 'g') as because, count(*) as contacts,
               sum(count(*)) over () as of_all
        from marts.excluded_contacts group by 1 order by contacts desc, 1 limit 20""",
    "tests": "select test, seed, status, failures, rows from meta.test_results order by test",
    "raw": """
        select table_name, row_count, loaded_at, loaded_at < built_at - interval 26 hour as is_old
        from meta.row_counts cross join meta.build where layer = 'raw' order by 1""",
    "quarantine": """
        select table_name, row_count from meta.row_counts where layer = 'quarantine' order by row_count desc, 1""",
    "settings": """
        select distinct lower(trim(profile_setting)) as name from seeds.icommkt_profiles
        where trim(profile_setting) <> ''""",
}

STATE = {
    # Nobody writes the file while this reads it, so what is still running there was killed.
    "runs": f"""
        select profile, if(status = 'running', 'crashed', status) as status, started_at,
               epoch(ended_at - started_at) as took, build_id, as_of_date, new, changed, stale, unchanged, waiting,
               gone, outside, acknowledged, rejected, coalesce(message, '') as message
        from push.runs where command = 'push'
        qualify row_number() over (partition by profile order by run_id desc) <= {RUNS} order by run_id desc""",
    # Whom a refusal names is masked already; here it goes, so that what was said of many is one line.
    "refused": r"""
        select coalesce(status_code, '') as code, regexp_replace(coalesce(reason, ''), '\S*@\S*', '…', 'g') as reason,
               next_try is not null as is_tried_again, min(next_try) as next_try, count(*) as contacts,
               max(tries) as tries, sum(count(*)) over () as of_all,
               sum(count(next_try)) over () as again
        from push.rejections group by 1, 2, 3 order by contacts desc, 1, 2 limit 20""",
}


@dataclass(frozen=True)
class Facts:
    """All that one page is made of: the build, and rows by the names above."""

    build: Row
    rows: dict[str, list[Row]]
    settings: dict[str, str]
    """The settings that hold the profiles' keys, by the keys' fingerprints."""
    build_failed: str = ""
    """What failed in a build after the published one."""
    night_failed: str = ""
    """Why the last night did not end well."""

    def __getitem__(self, name: str) -> list[Row]:
        """The rows of that name."""
        return self.rows[name]


def read(house: Warehouse) -> Facts:
    """Read what is published and what was pushed.

    Raises PipelineError when nothing was ever published, or by another version.
    """
    with _open(publish.find(house.published)) as connection:
        try:
            build = _rows(connection, _BUILD)[0]
            rows = {name: _rows(connection, sql, build["as_of_date"]) for name, sql in PUBLISHED.items()}
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise PipelineError(
                f"{house.published} was made by another version ({fit(error, 80)}); run make build"
            ) from None
    for test in rows["tests"]:
        test["rows"] = json.loads(test["rows"])
    rows |= _pushes(house)
    failed = house.build_failed.read_text(encoding="utf-8") if house.build_failed.exists() else ""
    settings = _settings([row["name"] for row in rows["settings"]])
    return Facts(build, rows, settings, failed, _night_failed(house, rows["runs"]))


def _night_failed(house: Warehouse, runs: list[Row]) -> str:
    """Why the last night that is over failed; "" when it did not, or the build or a push tells it."""
    nights = [one for one in last(house) if one.command == "daily"]
    if any(one.status == "running" and one.night_id == night_id() for one in nights):
        return ""  # the page is the end of a night that goes well
    over = [one for one in nights if one.status != "running"]
    night = max(over, key=lambda one: one.ended_at or one.started_at, default=None)
    if night is None or night.status == "succeeded":
        return ""
    began = datetime.strptime(night.night_id, NAME).replace(tzinfo=UTC)  # `started_at` has no parts of a second
    has_failed_build = house.build_failed.exists() and house.build_failed.stat().st_mtime >= began.timestamp()
    is_told = has_failed_build or any(run["started_at"].replace(tzinfo=UTC) >= began for run in runs)
    return "" if is_told else night.why or night.status


def _pushes(house: Warehouse) -> dict[str, list[Row]]:
    """The runs, what is refused, and what became of the contacts in the last push, counted."""
    found: dict[str, list[Row]] = {"runs": [], "refused": [], "outcomes": []}
    if house.state.exists():
        with _open(house.state) as connection:
            # A build makes the file, for its history; the first push adds its tables.
            if _rows(connection, "from duckdb_tables() where schema_name = 'push' and table_name = 'answers'"):
                found |= {name: _rows(connection, sql) for name, sql in STATE.items()}
    if house.push_status.exists():
        with _open(house.push_status) as connection:
            found["outcomes"] = _rows(
                connection,
                "select profile, outcome, sum(contacts)::bigint as contacts from push_outcomes group by all order by 1",
            )
    return found


def _settings(names: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names or ["profile_key"]:
        try:
            key = fingerprint(profile_key(name))
        except PipelineError:  # not set here: the page needs no key
            continue
        found[key] = f"{found[key]}, {name}" if key in found else name
    return found


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    connection = open_warehouse(path, read_only=True)
    connection.execute("set enable_progress_bar = false")
    return connection


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, day: object = None) -> list[Row]:
    return rows_of(connection, sql, {"day": day} if "$day" in sql else None)
