"""One table says of each contact and profile what a push would do, and why; everything else is a selection of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from loaders.icommkt.published import Published
from loaders.icommkt.settings import IcommktSettings
from loaders.warehouse import quoted

CHUNK = 2_048
"""Contacts whose texts are made in one go: the rows that DuckDB decompresses together."""
SAMPLE = 5
SENT = ("new", "changed", "stale")


@dataclass(frozen=True)
class Profile:
    """A destination. `name` stands for its key in the state and the log, `api_key` for the key that it is sent with.

    `api_key` is None where none is needed. `settings` are the seed's names for the profile. What was acknowledged on
    the day `stale_before` or before is sent again when a field outside of the hash differs.
    """

    name: str
    key: str = field(repr=False)
    api_key: str | None = None
    settings: tuple[str, ...] = ()
    stale_before: dt.date = dt.date.min


RELATION = """
create or replace table scratch.relation as
with destined as (
    {destined}
),

held as (
    select held.*, destination.api_key is null or held.api_key is not distinct from destination.api_key as is_same_key
    from state.push.acknowledgements as held
    join scratch.destinations as destination using (profile)
    where {only}
),

compared as (
    select
        profile,
        store_key,
        email,
        mart.contact_row,
        held.payload_hash as old_hash,
        mart.payload_hash as new_hash,
        held.content_hash as old_content,
        mart.content_hash as new_content,
        held.acknowledged_at,
        held.as_of_date as sent_as_of,
        held.contact_status,
        held.is_same_key,
        held.email is not null as is_held,
        coalesce(mart.customer_id, held.customer_id) as customer_id,
        mart.is_subscribed,
        coalesce(mart.has_purchase, false) as has_purchase,
        coalesce(held.has_purchase, false) as had_purchase,
        coalesce(mart.filled_windows, 0) as filled_windows,
        coalesce(held.filled_windows, 0) as windows_before,
        refused.reason,
        refused.status_code,
        refused.first_at as refused_since,
        refused.next_try,
        coalesce(refused.permanent, false) as permanent,
        refused.tries as refused_times,
        coalesce(
            refused.payload_hash = mart.payload_hash
            and (mart.api_key is null or refused.api_key is not distinct from mart.api_key),
            false
        ) as is_same_refusal,
        case
            when mart.email is null then 'left'
            when not mart.in_audience then 'outside'
            when held.email is null or not held.is_same_key then 'new'
            -- A refusal after the acknowledgement: the profile may hold either.
            when held.payload_hash is distinct from mart.payload_hash or refused.email is not null then 'changed'
            when held.content_hash is distinct from mart.content_hash and held.as_of_date <= mart.stale_before
                then 'stale'
            else 'unchanged'
        end as difference
    from destined as mart
    full join held using (profile, store_key, email)
    left join (from state.push.rejections where {only}) as refused using (profile, store_key, email)
)

select
    * exclude (is_same_refusal),
    if(is_same_refusal, refused_times, 0) as tries,
    case
        when difference in {sent} and is_same_refusal and (permanent or next_try > $as_of) then 'waiting'
        else difference
    end as outcome
from compared
"""

MART = """
select
    contact.rowid as contact_row,
    contact.store_key,
    contact.email,
    {payload_hash} as payload_hash,
    {content_hash} as content_hash,
    contact.customer_id,
    contact.is_subscribed,
    contact.purchases_total > 0 as has_purchase,
    {windows} as filled_windows,
    {audience} as in_audience
from published.marts.icommkt_contacts as contact
join published.marts.icommkt_payload_hashes as hash using (store_key, email)
where {only}
"""
TO_ALL = """
    select destination.profile, destination.api_key, destination.stale_before, mart.*
    from mart cross join scratch.destinations as destination
"""
BY_WEBSITE = """
    select distinct destination.profile, destination.api_key, destination.stale_before, mart.* from mart
    join published.marts.icommkt_contact_websites as site using (store_key, email)
    join published.seeds.icommkt_profiles as route using (website_id)
    join scratch.destinations as destination on list_contains(destination.settings, lower(trim(route.profile_setting)))
"""


def hashes(table: str, empty_value: str) -> dict[str, str]:
    """Return SQL for both hashes of a contact; what stands for empty values changes what is sent, and so them."""
    names = ("payload_hash", "content_hash")
    if not empty_value:
        return {name: f"{table}.{name}" for name in names}
    return {name: f"md5({table}.{name} || {quoted(empty_value)})" for name in names}


def make(
    db: duckdb.DuckDBPyConnection,
    published: Published,
    profiles: Sequence[Profile],
    settings: IcommktSettings,
    *,
    email: str | None = None,
) -> None:
    """Write the relation into `scratch.relation`, of all contacts or of one.

    Another API key's acknowledgements and refusals say nothing of what to send; a refusal holds for the payload that
    was refused, for ever or until its next try.
    """
    db.execute(
        "create or replace table scratch.destinations"
        " (profile varchar, settings varchar[], api_key varchar, stale_before date)"
    )
    db.executemany(
        "insert into scratch.destinations values (?, ?, ?, ?)",
        [[one.name, list(one.settings), one.api_key, one.stale_before] for one in profiles],
    )
    parameters: dict[str, object] = {"as_of": published.build.as_of_date}
    only = "true"
    if email is not None:
        only, parameters["email"] = "email = $email", email
    mart = MART.format(
        **hashes("hash", settings.empty_value),
        windows=" + ".join(f"cast(coalesce({name}, 0) > 0 as integer)" for name in published.windows) or "0",
        audience="coalesce(contact.is_subscribed, false)" if settings.audience == "subscribers" else "true",
        only=only,
    )
    destined = BY_WEBSITE if any(one.settings for one in profiles) else TO_ALL
    db.execute(RELATION.format(destined=f"with mart as ({mart}) {destined}", only=only, sent=SENT), parameters)


COUNTS = """
select
    count(new_hash),
    count(*) filter (is_held),
    count(*) filter (outcome = 'outside'),
    count(*) filter (outcome = 'outside' and is_subscribed is null),
    count(*) filter (outcome = 'new'),
    count(*) filter (outcome = 'changed'),
    count(*) filter (outcome = 'stale'),
    count(*) filter (outcome = 'unchanged'),
    count(*) filter (outcome = 'waiting'),
    count(*) filter (outcome = 'left'),
    count(*) filter (outcome = 'left' and has_moved),
    count(*) filter (outcome = 'new' and is_held),
    count(*) filter (is_known_buyer),
    count(*) filter (is_known_buyer and {emptied}),
    count(*) filter (is_held and outcome in ('changed', 'stale', 'new'))
from (
    select
        *,
        had_purchase and new_hash is not null and outcome <> 'outside' as is_known_buyer,
        (store_key, customer_id) in (
            select (store_key, customer_id) from scratch.relation
            where profile = $profile and new_hash is not null and customer_id is not null
        ) as has_moved
    from scratch.relation
    where profile = $profile
)
"""
EMPTIED = "(not has_purchase or (windows_before > 0 and filled_windows = 0))"


@dataclass(frozen=True)
class Counts:
    """The relation of one profile, counted.

    `unknown`: outside of the audience because the store says nothing of them; `moved`: left, with their account under
    another e-mail; `rekeyed`: new, yet acknowledged under another API key; `known_buyers`: acknowledged with a
    purchase;
    `emptied`: of these, who would become prospects or have every window empty; `held_again`: to be sent, not for the
    first time.
    """

    contacts: int
    held: int
    outside: int
    unknown: int
    new: int
    changed: int
    stale: int
    unchanged: int
    waiting: int
    gone: int
    moved: int
    rekeyed: int
    known_buyers: int
    emptied: int
    held_again: int

    @property
    def total(self) -> int:
        """Contacts to send."""
        return self.new + self.changed + self.stale


def count(db: duckdb.DuckDBPyConnection, profile: str) -> Counts:
    """Count the relation of one profile."""
    row = db.execute(COUNTS.format(emptied=EMPTIED), {"profile": profile}).fetchone()
    return Counts(*(row or ()))


def sample(db: duckdb.DuckDBPyConnection, profile: str, what: str, limit: int = SAMPLE) -> list[str]:
    """Return a few e-mails of contacts of an outcome, or of the `emptied`, in their order."""
    where = "outcome = $what"
    if what == "emptied":
        where = f"$what = 'emptied' and had_purchase and new_hash is not null and outcome <> 'outside' and {EMPTIED}"
    sql = f"select email from scratch.relation where profile = $profile and {where} order by email limit {limit:d}"
    return [row[0] for row in db.execute(sql, {"profile": profile, "what": what}).fetchall()]
