"""What to send: the published payloads against what was acknowledged, computed by DuckDB."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import duckdb

from loaders.fields import UNENDING
from loaders.icommkt.published import Field, Published
from loaders.icommkt.settings import IcommktSettings

VECTOR = 2_048
"""Rows that DuckDB decompresses together."""
CHUNK = VECTOR
"""Contacts whose fields are in memory at a time while they are cut into batches.

The senders live on what is ready while a chunk is read, so that a larger one would leave them without work.
"""
FIRST_CHUNK = 500
"""The first ones are fewer, so that the first request need not wait for all of them."""
AT_A_TIME = 200
"""Rows made into Python's objects in one go. No other thread runs meanwhile, so more would keep the senders waiting."""
FEWEST_EMPTIED = 5
"""A field that is emptied in fewer contacts than this is nobody's fault."""
SAMPLE = 5


class Item(NamedTuple):
    """One contact to send. `content` is its fields' JSON text; `tries` how often it was refused with this payload.

    `was_refused`: there is a rejection of it, of this payload or an older one; `is_list`: the content is a JSON list.
    `content_hash` is of the text in the mart; `filled` has a 1 for each of its fields that is not empty, else a 0.
    `is_held`: the profile has acknowledged the contact before, under whichever key.
    """

    store_key: str
    email: str
    customer_id: int | None
    payload_hash: str
    has_purchase: bool
    filled_windows: int
    tries: int
    was_refused: bool
    content: bytes
    is_list: bool
    content_hash: str = ""
    filled: str | None = None
    last_purchase_date: dt.date | None = None
    is_held: bool = False


@dataclass(frozen=True)
class Profile:
    """A destination. `name` stands for its key in the state and the log, `api_key` for the key it is sent with.

    `settings` are the seed's names for it.
    """

    name: str
    key: str = field(repr=False)
    api_key: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The counts of a profile's plan; its rows are in temporary tables until the next plan is made."""

    contacts: int
    """In the mart, for this profile."""
    held: int
    """Acknowledged so far."""
    outside_audience: int
    unknown: int
    """Of those, how many the store says nothing of."""
    new: int
    changed: int
    stale: int
    waiting: int
    """Refused before and not tried again yet."""
    gone: int
    """Acknowledged, but in the mart no more."""
    moved: int
    """Of those, how many have their account under another e-mail now."""
    rekeyed: int
    """Of the new ones, how many were acknowledged under another API key."""
    known_buyers: int
    """Acknowledged with a purchase and still in the mart."""
    emptied: int
    """Of those, how many would become prospects or have every window empty."""

    @property
    def total(self) -> int:
        """Contacts to send."""
        return self.new + self.changed + self.stale


def make(
    db: duckdb.DuckDBPyConnection,
    published: Published,
    profile: Profile,
    settings: IcommktSettings,
    *,
    only: bool = False,
    at_any_age: bool = False,
) -> Plan:
    """Compute a profile's plan. Another API key's acknowledgements and refusals say nothing of what to send.

    `at_any_age` has fields outside of the hash sent however short ago the contact was: the fields are others now.
    With `only`, what is in the temporary table `wanted (store_key, email)` is sent, whatever was acknowledged before.
    """
    _contacts(db, published, profile, settings)
    db.execute(
        "create or replace temp table held as select * from state.push.acknowledgements where profile = $profile",
        {"profile": profile.name},
    )
    as_of = published.build.as_of_date
    _stale(db, as_of if at_any_age else as_of - dt.timedelta(days=settings.max_stale_days))
    kind = f"""
        case
            when held.api_key is distinct from $api_key then 'new'
            when held.payload_hash is distinct from contacts.payload_hash then 'changed'
            when stale.email is not null then 'stale'
            {"else 'changed'" if only else ""}
        end"""
    # A refusal holds for the payload that was refused: for ever, or until its next try.
    db.execute(
        f"""
        create or replace table scratch.plan as
        with diffed as (
            select
                contacts.*,
                {kind} as kind,
                held.email is not null as is_held,
                rejection.email is not null as was_refused,
                coalesce(
                    rejection.payload_hash = contacts.payload_hash and rejection.api_key = $api_key, false
                ) as is_same_refusal,
                if(is_same_refusal, rejection.tries, 0) as tries,
                is_same_refusal and (rejection.permanent or rejection.next_try > $as_of) as waits
            from contacts
            left join held using (store_key, email)
            left join stale using (store_key, email)
            left join state.push.rejections as rejection
                on rejection.profile = $profile
                and rejection.store_key = contacts.store_key
                and rejection.email = contacts.email
            {"semi join wanted using (store_key, email)" if only else ""}
            where in_audience
        )
        select * from diffed where kind is not null""",
        {"as_of": as_of, "profile": profile.name, "api_key": profile.api_key},
    )
    db.execute(
        """
        create or replace temp table gone as
        select held.store_key, held.email, moved.customer_id is not null as has_moved
        from held
        anti join contacts using (store_key, email)
        left join (select distinct store_key, customer_id from contacts where customer_id is not null) as moved
            on moved.store_key = held.store_key and moved.customer_id = held.customer_id"""
    )
    return _count(db, published)


def _contacts(db: duckdb.DuckDBPyConnection, published: Published, profile: Profile, settings: IcommktSettings) -> None:
    """Find the contacts of the profile as they are published: the audience is a column, the rest is the mart's."""
    filled = " + ".join(f"cast(coalesce({name}, 0) > 0 as integer)" for name in published.windows) or "0"
    subscribers = "coalesce(contact.is_subscribed, false)" if settings.audience == "subscribers" else "true"
    parameters: dict[str, object] = {}
    given_hash = "payload.payload_hash"
    if settings.empty_value:
        # A placeholder for empty values changes what is sent, so it is part of the hash.
        given_hash = "md5(payload.payload_hash || $placeholder)"
        parameters["placeholder"] = settings.empty_value
    routed = ""
    if profile.settings:
        parameters["routes"] = list(profile.settings)
        routed = """
            semi join (
                select site.store_key, site.email
                from published.marts.icommkt_contact_websites as site
                join published.seeds.icommkt_profiles as route using (website_id)
                where list_contains($routes, lower(trim(route.profile_setting)))
            ) as routed using (store_key, email)"""
    db.execute(
        f"""
        create or replace temp table contacts as
        select
            payload.rowid as payload_row,
            payload.store_key,
            payload.email,
            {given_hash} as payload_hash,
            coalesce(payload.has_purchase, false) as has_purchase,
            contact.customer_id,
            contact.last_purchase_date,
            contact.is_subscribed,
            {filled} as filled_windows,
            {subscribers} as in_audience
        from published.marts.icommkt_payloads as payload
        left join published.marts.icommkt_contacts as contact using (store_key, email)
        {routed}""",
        parameters,
    )


def _stale(db: duckdb.DuckDBPyConnection, before: dt.date) -> None:
    """Find contacts whose hash is unchanged but whose other fields are, and that were last sent too long ago."""
    db.execute(
        """
        create or replace temp table stale as
        select held.store_key, held.email
        from held
        join contacts using (store_key, email, payload_hash)
        join published.marts.icommkt_payloads as payload on payload.rowid = contacts.payload_row
        where held.as_of_date <= $before and md5(payload.custom_fields) is distinct from held.content_hash""",
        {"before": before},
    )


def _count(db: duckdb.DuckDBPyConnection, published: Published) -> Plan:
    row = db.execute(
        f"""
        select
            (select count(*) from contacts),
            (select count(*) from held),
            (select count(*) from contacts where not in_audience),
            (select count(*) from contacts where not in_audience and is_subscribed is null),
            count(*) filter (where kind = 'new' and not waits),
            count(*) filter (where kind = 'changed' and not waits),
            count(*) filter (where kind = 'stale' and not waits),
            count(*) filter (where waits),
            (select count(*) from gone),
            (select count(*) from gone where has_moved),
            count(*) filter (where kind = 'new' and is_held and not waits),
            (select count(*) from ({BUYERS})),
            (select count(*) from ({BUYERS}) where {EMPTIED})
        from scratch.plan"""
    ).fetchone()
    if row is None:
        raise AssertionError("an aggregate without groups has one row")
    # Apart from the sorting, which would carry the values about.
    db.execute(
        f"""
        create or replace temp table filled as
        select payload_row, {_filled(published)} as filled
        from (
            select payload.rowid as payload_row, try(json_extract_string(payload.custom_fields, '$[*].Value')) as given
            from published.marts.icommkt_payloads as payload
            semi join (select payload_row from scratch.plan where not waits) as plan on plan.payload_row = payload.rowid
        )"""
    )
    db.execute(
        """
        create or replace table scratch.plan as
        select * exclude (waits), row_number() over (order by payload_row) as position
        from scratch.plan
        join filled using (payload_row)
        where not waits"""
    )
    return Plan(*(int(value) for value in row))


BUYERS = """
    select contacts.*, held.filled_windows as windows_before
    from held join contacts using (store_key, email)
    where held.has_purchase and contacts.in_audience"""
EMPTIED = "not has_purchase or (windows_before > 0 and filled_windows = 0)"


ZERO_IS_EMPTY = {"count", "money"}


def _filled(published: Published) -> str:
    """Return SQL for the bits of the fields in `given`, one for each: whether it is filled. Unknown is null."""
    bits = []
    for number, key in enumerate(published.fields, 1):
        empty = "'', '0'" if published.columns.get(key, ("", ""))[1] in ZERO_IS_EMPTY else "''"
        bits.append(f"if(given[{number}] in ({empty}), '0', '1')")
    return (
        f"if(len(given) = {len(bits)}, cast(concat({', '.join(bits)}) as bit), null)" if bits else "cast(null as bit)"
    )


class Emptied(NamedTuple):
    """A field that was filled in so many contacts, as they were acknowledged, and would be emptied in so many."""

    key: str
    filled: int
    emptied: int


def emptied_fields(
    db: duckdb.DuckDBPyConnection, published: Published, share: float
) -> tuple[list[Emptied], list[str]]:
    """Return the fields that the plan would empty in more than this share of contacts, and a few e-mails of the worst.

    Contacts whose field may well be empty by now are left out: see `_explained`.
    """
    if not published.fields:
        return [], []
    of_each = [_emptied(published, number) for number in range(len(published.fields))]
    counts = [
        f"count(*) filter (where {filled}), count(*) filter (where {filled} and {now})" for filled, now in of_each
    ]
    parameters = {"fields": list(published.fields), "as_of": published.build.as_of_date}
    row = db.execute(f"select {', '.join(counts)} {COMPARED}", parameters).fetchone() or ()
    found = [
        Emptied(key, filled, emptied)
        for key, filled, emptied in zip(published.fields, row[::2], row[1::2], strict=True)
        if emptied >= FEWEST_EMPTIED and emptied / filled > share
    ]
    found.sort(key=lambda one: (-one.emptied / one.filled, -one.emptied))
    if not found:
        return [], []
    filled, now = of_each[published.fields.index(found[0].key)]
    emails = db.execute(
        f"select email {COMPARED} and {filled} and {now} order by email limit {SAMPLE:d}", parameters
    ).fetchall()
    return found, [email for (email,) in emails]


# What was acknowledged may have been of other fields, or in another order: `place` has, for each field of now, its own.
COMPARED = """
    from (
        select
            contacts.email,
            held.filled as before,
            plan.filled as now,
            places.place,
            $as_of - held.last_purchase_date as days_since_purchase,
            contacts.last_purchase_date > held.last_purchase_date as has_bought_since
        from held
        join contacts using (store_key, email)
        join (
            select run_id, list_transform(
                $fields,
                lambda key: nullif(list_position(json_extract_string(fields, '$[*]'), key), 0) - 1
            ) as place
            from state.push.runs
        ) as places using (run_id)
        left join scratch.plan as plan using (store_key, email)
        where contacts.in_audience
    )
    where before is not null"""


def _emptied(published: Published, number: int) -> tuple[str, str]:
    """Return SQL over `COMPARED` for a field: whether it was filled and still should be, whether it would be empty."""
    field = published.columns.get(published.fields[number], Field())
    longer = [f"get_bit(now, {other}) = 1" for other in _longer_windows_of_codes(published, field)]
    explained = " or ".join([_explained(field), *(f"coalesce({one}, false)" for one in longer)])
    filled = f"get_bit(before, cast(place[{number + 1}] as integer)) = 1 and not ({explained})"
    return filled, f"get_bit(now, {number}) = 0"


def _longer_windows_of_codes(published: Published, field: Field) -> list[int]:
    """Return the places of the fields that have the discount codes of longer windows than a field of codes.

    Codes leave a window while its purchases stay: whoever bought again without one has them in longer windows alone.
    """
    if not field.column.startswith("discount_codes_") or field.last_day is None:
        return []
    others = [published.columns.get(key, Field()) for key in published.fields]
    return [
        place
        for place, other in enumerate(others)
        if other.column.startswith("discount_codes_") and (other.last_day or 0) > field.last_day
    ]


def _explained(field: Field) -> str:
    """Return SQL over `COMPARED` for whether something of the contact's own explains that a field is empty now.

    The days that have passed do for a window: its last purchase, as acknowledged, is older than that. What the mart
    says of now does not, since it may be what is wrong. A window between two days is left by purchases of which nothing
    was acknowledged. A later purchase explains what is said of the last one.
    """
    if field.last_day is not None:
        is_between = bool(field.first_day) and field.last_day < UNENDING
        return "true" if is_between else f"coalesce(days_since_purchase > {field.last_day}, false)"
    return "coalesce(has_bought_since, false)" if field.column.startswith("last_purchase_") else "false"


def sample(db: duckdb.DuckDBPyConnection, what: str, limit: int = SAMPLE) -> list[str]:
    """Return a few e-mails of the `new`, `changed`, `stale`, `gone` or `emptied` contacts, in e-mail order."""
    queries = {"gone": "select email from gone", "emptied": f"select email from ({BUYERS}) where {EMPTIED}"}
    sql = queries.get(what, "select email from scratch.plan where kind = $kind")
    parameters = {} if what in queries else {"kind": what}
    return [row[0] for row in db.execute(f"{sql} order by email limit {limit:d}", parameters).fetchall()]


def items(db: duckdb.DuckDBPyConnection, empty_value: str = "") -> Iterator[Item]:
    """Yield the planned contacts with their fields, at most `CHUNK` of them in memory at a time.

    `db` may be another cursor than the plan was made with. `empty_value` stands in for empty values.
    """
    position = 0
    size = FIRST_CHUNK
    while True:
        span = {"after": position, "upto": position + size}
        bounds = db.execute(
            "select min(payload_row), max(payload_row) from scratch.plan where position > $after and position <= $upto",
            span,
        ).fetchone()
        if not bounds or bounds[0] is None:
            return
        first, last = bounds
        # Ending with a vector, no two chunks have to decompress the same one.
        if (whole := (last + 1) // VECTOR * VECTOR - 1) >= first:
            last = whole
        # The hash is computed here for many contacts in one go, for which no other thread has to wait.
        rows = db.execute(
            """
            select
                plan.store_key, plan.email, plan.customer_id, plan.payload_hash,
                plan.has_purchase, plan.filled_windows, plan.tries, plan.was_refused,
                encode(payload.custom_fields),
                coalesce(try(json_type(payload.custom_fields)) = 'ARRAY', false),
                md5(payload.custom_fields), cast(plan.filled as varchar), plan.last_purchase_date, plan.is_held
            from published.marts.icommkt_payloads as payload
            join scratch.plan as plan on plan.payload_row = payload.rowid
            where payload.rowid between $first and $last and plan.position > $after and plan.position <= $upto
            order by plan.position""",
            {**span, "first": first, "last": last},
        )
        size = CHUNK
        while some := rows.fetchmany(AT_A_TIME):
            position += len(some)
            for row in some:
                item = Item._make(row)
                yield _with_placeholder(item, empty_value) if empty_value and item.is_list else item


def _with_placeholder(item: Item, empty_value: str) -> Item:
    listed = json.loads(item.content)
    for one in listed:
        if one.get("Value") == "":
            one["Value"] = empty_value
    return item._replace(content=json.dumps(listed, ensure_ascii=False).encode())


def gone(db: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return (store_key, e-mail) of the contacts that left the mart."""
    return [(row[0], row[1]) for row in db.execute("select store_key, email from gone order by email").fetchall()]
