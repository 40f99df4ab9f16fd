"""What ICOMMKT answered, and the runs: schema `push` of the state file, two tables that are only appended to.

`answers` has a row for each contact and each answer that settled it; the latest run's counts. Old rows go at the end of
a run, in one statement. The views are right at any moment, also after a crash.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from loaders.dates import utc_now
from loaders.icommkt import former
from loaders.icommkt.errors import BusyError
from loaders.warehouse import cannot_be_opened, is_open_elsewhere, quoted, rows_of

TABLES = """
create schema if not exists push;
create table if not exists push.runs (
    run_id bigint, profile varchar, command varchar, status varchar, started_at timestamp, ended_at timestamp,
    build_id varchar, as_of_date date, contacts bigint, planned bigint, new bigint, changed bigint, stale bigint,
    unchanged bigint, waiting bigint, gone bigint, outside bigint, acknowledged bigint, rejected bigint, removed bigint,
    requests bigint, retries bigint, bytes_sent bigint, raw_rows json, fields json, batch_size bigint,
    learned_size bigint, message varchar, night_id varchar
);
alter table push.runs add column if not exists night_id varchar;
create table if not exists push.answers (
    store_key varchar, profile varchar, email varchar, run_id bigint, answered_at timestamp, outcome varchar,
    payload_hash varchar, content_hash varchar, api_key varchar, customer_id bigint, has_purchase boolean,
    filled_windows integer, contact_status varchar, as_of_date date, status_code varchar, reason varchar,
    permanent boolean, tries integer, first_at timestamp, next_try date
);
create table if not exists push.contact_key (secret varchar);
"""

# No view names the catalog: an analyst opens the file under its own name.
VIEWS = """
create or replace view push.acknowledgements as
select
    store_key, profile, email, customer_id, payload_hash, content_hash, has_purchase, filled_windows, contact_status,
    as_of_date, answered_at as acknowledged_at, run_id, api_key
from (
    from push.answers where outcome <> 'refused'
    qualify row_number() over (partition by store_key, profile, email order by run_id desc) = 1
)
where outcome = 'accepted';
create or replace view push.rejections as
select
    store_key, profile, email, payload_hash, permanent, status_code, reason, first_at, answered_at as last_at, tries,
    next_try, run_id, api_key
from (
    from push.answers
    qualify row_number() over (partition by store_key, profile, email order by run_id desc) = 1
)
where outcome = 'refused';
create or replace view push.batch_limits as
select profile, learned_size as contacts, batch_size as configured, ended_at as learned_at
from push.runs
where learned_size is not null
qualify row_number() over (partition by profile order by run_id desc) = 1;
"""

# The latest answer of each contact, and the latest that was no refusal.
COMPACT = """
create or replace table push.answers as
select answers.* from push.answers
semi join (
    select store_key, profile, email, max(run_id) as run_id from push.answers group by all
    union all
    select store_key, profile, email, max(run_id) from push.answers where outcome <> 'refused' group by all
) as latest using (store_key, profile, email, run_id)
where outcome <> 'removed'
"""

COMPACT_AT_SHARE = 0.1
"""The table is compacted when a run has written so large a share of it."""


@dataclass(slots=True)
class Answer:
    """What became of one contact: `accepted`, `refused` or `removed`. `next_try`: None waits for a new payload."""

    store_key: str
    email: str
    outcome: str
    payload_hash: str | None = None
    content_hash: str | None = None
    customer_id: int | None = None
    has_purchase: bool = False
    filled_windows: int = 0
    contact_status: str | None = None
    status_code: str | None = None
    reason: str | None = None
    permanent: bool = False
    tries: int = 0
    first_at: dt.datetime | None = None
    next_try: dt.date | None = None


_TYPES = {"int": pa.int64(), "bool": pa.bool_(), "dt.datetime": pa.timestamp("us"), "dt.date": pa.date32()}
_ANSWER = pa.schema(
    [(one.name, _TYPES.get(str(one.type).removesuffix(" | None"), pa.string())) for one in fields(Answer)]
)


class State:
    """The state file, attached as `state`. Used by one thread."""

    def __init__(self, db: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool) -> None:
        """Attach the file, making what is missing in it. Read-only, what is missing is made in memory alone.

        Raises BusyError when another process has it.
        """
        self.db = db
        self._written = 0
        is_there = path.exists()
        try:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            if read_only and not is_there:
                db.execute("attach ':memory:' as state")
            else:
                db.execute(f"attach {quoted(path)} as state{' (read_only)' if read_only else ''}")
        except duckdb.Error as error:
            if is_open_elsewhere(error):
                raise BusyError(f"{path} is in use by another process; wait for it to end") from None
            raise cannot_be_opened(path, error) from None
        if read_only and is_there:
            if "answers" in self._tables():
                return
            self.copy_into_memory()
        db.execute("use state; begin")
        if "acknowledged_log" in self._tables():
            former.take_over(db, TABLES)
        db.execute(TABLES + VIEWS)
        if not self.number("select count(*) from push.contact_key"):
            db.execute("insert into push.contact_key values (?)", [secrets.token_hex(16)])
        db.execute("commit; use memory")

    def copy_into_memory(self) -> None:
        """Have a file that is only read copied, so that what a former version left can be taken over in the copy."""
        self.db.execute("attach ':memory:' as copied; copy from database state to copied; detach state")
        self.db.execute("attach ':memory:' as state; copy from database copied to state; detach copied")

    def _tables(self) -> set[str]:
        rows = self.db.execute(
            "select table_name from duckdb_tables() where database_name = 'state' and schema_name = 'push'"
        ).fetchall()
        return {name for (name,) in rows}

    def record(self, run_id: int, profile: str, api_key: str, as_of_date: dt.date, answers: Sequence[Answer]) -> None:
        """Write answers down: one statement, one transaction, on the disk when this returns.

        `api_key` stands for the key that was sent with: another's word is not forgotten, but says nothing of it.
        """
        given = pa.table([[getattr(one, name) for one in answers] for name in _ANSWER.names], schema=_ANSWER)  # noqa: F841
        self.db.execute(
            "insert into state.push.answers by name select *, ? as run_id, ? as profile, ? as api_key, ? as as_of_date,"
            " cast(? as timestamp) as answered_at from given",
            [run_id, profile, api_key, as_of_date, utc_now()],
        )
        self._written += len(answers)

    def compact(self) -> None:
        """Leave out the answers that newer ones have replaced, when this run has written many."""
        if self._written > COMPACT_AT_SHARE * self.number("select count(*) from state.push.answers"):
            self.db.execute(f"use state; {COMPACT}; use memory; checkpoint state")

    # -- runs

    def begin_run(self, **values: Any) -> int:
        """Write a run down as running and return its number; runs left so by a crash are marked."""
        self.db.execute("begin; update state.push.runs set status = 'crashed' where status = 'running'")
        run_id = 1 + self.number("select coalesce(max(run_id), 0) from state.push.runs")
        columns = {"run_id": run_id, "status": "running", "started_at": utc_now(), **values}
        self.db.execute(
            f"insert into state.push.runs ({', '.join(columns)}) values ({', '.join('?' for _ in columns)})",
            list(columns.values()),
        )
        self.db.execute("commit")
        return run_id

    def end_run(self, run_id: int, **values: Any) -> None:
        """Write a run's end and counts down."""
        changes = {"ended_at": utc_now(), **values}
        self.db.execute(
            f"update state.push.runs set {', '.join(f'{name} = ?' for name in changes)} where run_id = ?",
            [*changes.values(), run_id],
        )

    def last_run(self, profile: str | None = None) -> dict[str, Any] | None:
        """Return the last push that ended well, to a profile or to any, or None; a repair sends only some contacts."""
        rows = rows_of(
            self.db,
            "select * from state.push.runs where ($profile is null or profile = $profile) and status = 'succeeded'"
            " and command = 'push' order by run_id desc limit 1",
            {"profile": profile},
        )
        if not rows:
            return None
        (found,) = rows
        return {**found, **{name: json.loads(found[name] or "null") for name in ("raw_rows", "fields")}}

    def left_behind(self, profiles: Sequence[str], since: dt.date) -> list[tuple[str, int]]:
        """Return other profiles than these that were pushed to since a day, and how many contacts each has."""
        return self.db.execute(
            """select profile, count(*) from state.push.acknowledgements
               where profile in (
                   select profile from state.push.runs
                   where status = 'succeeded' and as_of_date >= $since and not list_contains($profiles, profile)
               )
               group by profile order by profile""",
            {"profiles": list(profiles), "since": since},
        ).fetchall()

    def batch_limit(self, profile: str, configured: int, relearn_days: int) -> int:
        """Return how many contacts a batch may have: the configured number, or a smaller one that was learned lately.

        A learned one holds while the configured one stays as it was, and for `relearn_days`.
        """
        return self.number(
            "select least(?, coalesce(min(contacts), 1000000)) from state.push.batch_limits"
            " where profile = ? and configured = ? and learned_at > ?",
            [configured, profile, configured, utc_now() - dt.timedelta(days=relearn_days)],
        )

    def number(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Return the one number that a query finds."""
        row = self.db.execute(sql, list(parameters)).fetchone()
        return int(row[0]) if row else 0
