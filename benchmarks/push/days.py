"""Measures what it saves when the day counters do not trigger a send: 30 days of a simulated shop, pushed twice.

`python -m benchmarks.push.days --contacts 5000 --days 30` makes a shop whose purchases lie three years back and go on,
and for each day the fields that depend on the date: windows (30 to 360 days), days since, totals, recency. It pushes
every day to a demo ICOMMKT, once with all fields in the hash and once with the two day counters outside of it
(`triggers_send` = no), and prints contacts and requests sent.

The shop: two thirds of the contacts buy, most of them once (1 + a geometric number of purchases), evenly over three
years and 30 days, so that each day brings purchases, first purchases, and windows that somebody drops out of.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.push.harness import Desk, icommkt
from benchmarks.push.published import AS_OF, SCHEMA, WINDOWS, ZONE

YEARS = 3
TEXT_FIELDS = ("nombre", "apellido", "ciudad")


def make_shop(db: duckdb.DuckDBPyConnection, contacts: int, days: int) -> None:
    """Make the table `purchases (email, day, amount)`; day 0 is the first as-of date."""
    db.execute("select setseed(0.42)")
    db.execute(
        f"""
        create table people as
        select i, 'contact' || i || '@example.com' as email,
            case when random() < 2.0 / 3 then 1 + cast(floor(ln(1 - random()) / ln(0.35)) as integer) else 0 end as buys
        from range({contacts}) as numbers (i)"""
    )
    db.execute(
        f"""
        create table purchases as
        select email, cast(floor(random() * {YEARS * 365 + days}) as integer) - {YEARS * 365} as day,
            cast(1000 + floor(random() * 90000) as integer) as amount
        from people, range(20) as copies (copy) where copy < buys"""
    )


def publish(db: duckdb.DuckDBPyConnection, path: Path, day: int, *, counters_trigger: bool) -> None:
    """Write the published file of a day."""
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    date = AS_OF + dt.timedelta(days=day)
    windows = ", ".join(
        f"count(day) filter (where {day} - day <= {window}) as purchases_{window}_days,"
        f" coalesce(sum(amount) filter (where {day} - day <= {window}), 0) as amount_{window}_days"
        for window in WINDOWS
    )
    db.execute(
        f"""
        create or replace temp table mart as
        with known as (
            select people.email, day, amount from people
            left join purchases on purchases.email = people.email and purchases.day <= {day}
        ),
        summed as (
            select email, count(day) as purchases_total, coalesce(sum(amount), 0) as amount_total,
                max(day) as last_day, min(day) as first_day, {windows}
            from known group by email
        )
        select *, case when last_day is not null
            then 1 + cast(floor(5.0 * (rank() over (order by last_day nulls first) - 1)
                - 5.0 * count(*) filter (where last_day is null) over ()) as bigint)
                // greatest(count(last_day) over (), 1) end as recency
        from summed"""
    )
    triggering = ["email", "purchases_total", "amount_total", "recency"]
    triggering += [f"{kind}_{window}_days" for window in WINDOWS for kind in ("purchases", "amount")]
    counters = {"days_since_first": f"{day} - first_day", "days_since_last": f"{day} - last_day"}
    parts = [f"json_object('Key', '{name}', 'Value', coalesce(cast({name} as varchar), ''))" for name in triggering]
    hashed = [f"coalesce(cast({name} as varchar), '')" for name in triggering]
    for name, value in counters.items():
        parts.append(f"json_object('Key', '{name}', 'Value', coalesce(cast({value} as varchar), ''))")
        if counters_trigger:
            hashed.append(f"coalesce(cast({value} as varchar), '')")
    db.execute(f"attach '{aside}' as out")
    db.execute(f"use out; {SCHEMA}; use memory")
    db.execute(
        f"""
        insert into out.marts.icommkt_payloads
        select
            'main', email, to_json([{", ".join(parts)}]), md5(concat_ws('|', {", ".join(hashed)})), purchases_total > 0
        from mart order by email"""
    )
    columns = ", ".join(f"purchases_{window}_days" for window in WINDOWS)
    db.execute(
        "insert into out.marts.icommkt_contacts"
        f" select 'main', email, null, null, {columns}, 0 from mart order by email"
    )
    db.execute("insert into out.meta.build values (?, ?, ?, now()::timestamp, true)", [f"day-{day}", date, ZONE])
    db.execute("insert into out.meta.row_counts values ('raw', 'orders', 1000), ('raw', 'customers', 1000)")
    db.execute("detach out")
    aside.replace(path)


def simulate(folder: Path, contacts: int, days: int, *, counters_trigger: bool) -> list[tuple[int, int]]:
    """Push each day; return contacts and requests sent, day by day."""
    sent = []
    folder.mkdir()
    with icommkt(folder) as server, duckdb.connect() as db:
        desk = Desk(folder, *server)
        desk.server_setting(journal="brief")
        make_shop(db, contacts, days)
        for day in range(days):
            publish(db, desk.published, day, counters_trigger=counters_trigger)
            desk.forget_requests()
            result = desk.run("push", as_of_date=AS_OF + dt.timedelta(days=day))
            if result.returncode:
                raise RuntimeError(result.stdout + result.stderr)
            requests = desk.requests()
            sent.append((sum(request["contacts"] for request in requests), len(requests)))
        if desk.run("verify").returncode and counters_trigger:
            raise RuntimeError("the profile is not as it was sent")
    return sent


def main() -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push.days")
    parser.add_argument("--contacts", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="push-days-") as name:
        found = {
            trigger: simulate(Path(name) / str(trigger), given.contacts, given.days, counters_trigger=trigger)
            for trigger in (True, False)
        }
    for trigger, sent in found.items():
        label = "all fields trigger" if trigger else "day counters do not"
        later = sent[1:]
        print(
            f"{label:20}: first day {sent[0][0]:,} contacts; the {len(later)} days after it"
            f" {sum(one[0] for one in later):,} contacts in {sum(one[1] for one in later):,} requests"
            f" ({sum(one[0] for one in later) / max(len(later), 1):,.0f} contacts a day)"
        )
    every, fewer = (sum(one[0] for one in found[trigger][1:]) for trigger in (True, False))
    print(f"saved: {1 - fewer / every:.0%} of the contacts sent after the first day")
    return 0


if __name__ == "__main__":
    sys.exit(main())
