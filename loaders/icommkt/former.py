"""Takes over the state file of a former version: its tables, and hashes that were made of the payload's text."""

from __future__ import annotations

import duckdb

from loaders.icommkt import relation
from loaders.icommkt.published import CONTACTS, Published
from loaders.warehouse import quoted

FORMER_HASH = "former:"

TAKE_OVER = """
insert into push.answers by name
select
    * exclude (acknowledged_at, payload_hash, content_hash, {more}),
    'former:' || payload_hash as payload_hash, 'former:' || content_hash as content_hash,
    acknowledged_at as answered_at, 'accepted' as outcome
from (
    from push.acknowledged_log
    qualify row_number() over (partition by store_key, profile, email order by sequence desc) = 1
    union all by name
    from push.acknowledged anti join push.acknowledged_log using (store_key, profile, email)
);
insert into push.answers by name
select
    * exclude (last_at, payload_hash), 'former:' || payload_hash as payload_hash,
    last_at as answered_at, 'refused' as outcome
from push.rejections;
insert into push.runs by name
select
    runs.* exclude ({unused}) replace (coalesce(runs.ended_at, limits.learned_at) as ended_at),
    limits.contacts as learned_size,
    limits.configured as batch_size
from runs_before as runs
left join push.batch_limits as limits
    on limits.profile = runs.profile
    and runs.run_id = (select max(run_id) from runs_before where profile = limits.profile);
drop view push.acknowledgements;
drop table push.rejections;
drop table push.batch_limits;
drop table push.acknowledged;
drop table push.acknowledged_log;
drop table push.contents;
drop table if exists push.destinations;
drop sequence push.run_number;
"""


def take_over(db: duckdb.DuckDBPyConnection, tables: str) -> None:
    """Bring the tables of a former version into the present ones, inside a transaction in which `state` is in use."""
    db.execute("create temp table runs_before as from push.runs; drop table push.runs")
    db.execute(tables)
    log = {row[0] for row in db.execute("select column_name from (describe push.acknowledged_log)").fetchall()}
    if "api_key" not in log:  # the version before that knew one key for a profile
        for table in ("acknowledged", "acknowledged_log", "rejections"):
            db.execute(
                f"create or replace table push.{table} as select former.*, destination.api_key"
                f" from push.{table} as former left join push.destinations as destination using (profile)"
            )
    held = "sequence, contents, content_id, content_index, filled, last_purchase_date"
    runs = {row[0] for row in db.execute("select column_name from (describe runs_before)").fetchall()}
    db.execute(
        TAKE_OVER.format(
            more=", ".join(name for name in held.split(", ") if name in log),
            unused=", ".join(sorted(runs & {"fields_hash", "versions"})),
        )
    )
    db.execute("drop table runs_before")


def match_hashes(db: duckdb.DuckDBPyConnection, published: Published, empty_value: str) -> None:
    """Give contacts whose payload is still what a former version hashed the hash of now.

    The former one was of the JSON text of all fields, or of those whose change is sent; of the others nothing matches,
    and they are sent as changed.
    """
    triggering = db.execute(
        f"select profile_field_key from {published.name}.marts.icommkt_profile_fields where enabled and triggers_send"
    ).fetchall()
    db.execute(
        "create or replace table scratch.former (store_key varchar, email varchar, content varchar, payload varchar)"
    )
    rows = db.execute(f"select coalesce(max(rowid), -1) from {published.name}.{CONTACTS}").fetchone()
    now = relation.hashes("now", empty_value)
    placeholder = f"md5(hash || {quoted(empty_value)})" if empty_value else "hash"
    for start in range(0, (rows[0] if rows else -1) + 1, 20_000):
        some = f"(select * from {published.name}.{CONTACTS} where rowid between {start} and {start + 19_999})"
        db.execute(
            f"""
            insert into scratch.former
            select store_key, email, md5(custom_fields), {placeholder}
            from (
                select
                    *,
                    md5(cast(to_json(list_filter(
                        from_json(custom_fields, '[{{"Key":"VARCHAR","Value":"VARCHAR"}}]'),
                        lambda one: list_contains($keys, one.Key)
                    )) as varchar)) as hash
                from ({published.payload_sql.replace(CONTACTS, some)})
            )""",
            {"keys": [key for (key,) in triggering]},
        )
    db.execute(
        f"""
        update state.push.answers set
            payload_hash = {now["payload_hash"]},
            content_hash = if(answers.content_hash = '{FORMER_HASH}' || former.content, {now["content_hash"]}, '')
        from scratch.former as former
        join {published.name}.marts.icommkt_payload_hashes as now using (store_key, email)
        where answers.store_key = former.store_key and answers.email = former.email
            and answers.payload_hash = '{FORMER_HASH}' || former.payload"""
    )
    db.execute(f"update state.push.answers set payload_hash = '' where payload_hash like '{FORMER_HASH}%'")


def has_former_hashes(db: duckdb.DuckDBPyConnection) -> bool:
    """Whether there are hashes of a former version, which `match_hashes` has not looked at."""
    found = db.execute(f"select 1 from state.push.answers where payload_hash like '{FORMER_HASH}%' limit 1")
    return found.fetchone() is not None
