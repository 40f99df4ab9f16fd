"""What ICOMMKT has acknowledged and refused, and the runs: schema `push` of the state file.

Acknowledgements are appended to `acknowledged_log`, in one transaction when their answer has come, and folded into
`acknowledged` now and then. An index would make each of those writes slower as the number of contacts grows, and would
have to fit into memory. `acknowledgements` is the view of both, right at any moment.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from loaders.icommkt import fields
from loaders.icommkt.errors import BusyError
from loaders.icommkt.plan import Item
from loaders.warehouse import cannot_be_opened

SCHEMA = """
create schema if not exists state.push;
create sequence if not exists state.push.run_number;
create table if not exists state.push.runs (
    run_id bigint, profile varchar, command varchar, status varchar, started_at timestamp, ended_at timestamp,
    build_id varchar, as_of_date date, contacts bigint, planned bigint, acknowledged bigint, rejected bigint,
    removed bigint, requests bigint, retries bigint, bytes_sent bigint, raw_rows json, fields json,
    fields_hash varchar, versions json, message varchar
);
create table if not exists state.push.acknowledged (
    store_key varchar, profile varchar, email varchar, customer_id bigint, payload_hash varchar, content_hash varchar,
    has_purchase boolean, filled_windows integer, contact_status varchar, as_of_date date, acknowledged_at timestamp,
    run_id bigint, content_id bigint, content_index integer, api_key varchar, filled bit, last_purchase_date date
);
create table if not exists state.push.contents (content_id bigint, contents blob);
create table if not exists state.push.acknowledged_log (
    sequence bigint, store_key varchar, profile varchar, email varchar, customer_id bigint, payload_hash varchar,
    content_hash varchar, has_purchase boolean, filled_windows integer, contact_status varchar, as_of_date date,
    acknowledged_at timestamp, run_id bigint, content_id bigint, content_index integer, contents blob,
    api_key varchar, filled bit, last_purchase_date date
);
create table if not exists state.push.rejections (
    store_key varchar, profile varchar, email varchar, payload_hash varchar, permanent boolean, status_code varchar,
    reason varchar, first_at timestamp, last_at timestamp, tries integer, next_try date, run_id bigint,
    api_key varchar
);
create table if not exists state.push.batch_limits (
    profile varchar, contacts bigint, configured bigint, learned_at timestamp
);
"""

# A file of before knew one key for a profile, and not which fields were filled.
FORMER = """
create or replace table state.push.{table} as
select former.*, destination.api_key{more}
from state.push.{table} as former
left join state.push.destinations as destination using (profile)
"""
FILLED = ", cast(null as bit) as filled, cast(null as date) as last_purchase_date"

# The view must not name the catalog: an analyst opens the file under its own name.
VIEW = """
create or replace view push.acknowledgements as
select * exclude (sequence, contents)
from push.acknowledged_log
qualify row_number() over (partition by store_key, profile, email order by sequence desc) = 1
union all by name
select held.*
from push.acknowledged as held
anti join push.acknowledged_log as logged using (store_key, profile, email)
"""

FOLD_AT_SHARE = 0.5
"""The log is folded when a run begins and it holds so many rows for each row of the table."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The contacts of one answer, with ICOMMKT's status letters, and their fields packed into one blob, or None."""

    items: Sequence[Item]
    statuses: Sequence[str | None]
    contents: bytes | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """One contact as it was refused. `next_try` is a date, None when it waits for a new payload."""

    store_key: str
    email: str
    payload_hash: str
    permanent: bool
    status_code: str
    reason: str
    tries: int
    next_try: dt.date | None


_ACKNOWLEDGED = pa.schema(
    [
        ("sequence", pa.int64()),
        ("store_key", pa.string()),
        ("profile", pa.string()),
        ("email", pa.string()),
        ("customer_id", pa.int64()),
        ("payload_hash", pa.string()),
        ("content_hash", pa.string()),
        ("has_purchase", pa.bool_()),
        ("filled_windows", pa.int32()),
        ("contact_status", pa.string()),
        ("as_of_date", pa.date32()),
        ("acknowledged_at", pa.timestamp("us")),
        ("run_id", pa.int64()),
        ("content_id", pa.int64()),
        ("content_index", pa.int32()),
        ("contents", pa.binary()),
        ("api_key", pa.string()),
        ("filled", pa.string()),
        ("last_purchase_date", pa.date32()),
    ]
)
_REJECTION = pa.schema(
    [
        ("store_key", pa.string()),
        ("email", pa.string()),
        ("payload_hash", pa.string()),
        ("permanent", pa.bool_()),
        ("status_code", pa.string()),
        ("reason", pa.string()),
        ("tries", pa.int32()),
        ("next_try", pa.date32()),
    ]
)
_KEYS = pa.schema([("store_key", pa.string()), ("email", pa.string())])


class State:
    """The state file, attached as `state`. Used by one thread."""

    def __init__(self, db: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        self.db = db
        self.read_only = read_only
        self._sequence = 0

    @classmethod
    def attach(cls, db: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool = False) -> State:
        """Attach the state file, making what is missing in it. Read-only, a missing one is an empty one.

        Raises BusyError when another process has it.
        """
        in_memory = read_only and not path.exists()
        if not in_memory:
            path.parent.mkdir(parents=True, exist_ok=True)
        target = ":memory:" if in_memory else str(path).replace("'", "''")
        mode = " (read_only)" if read_only and not in_memory else ""
        try:
            db.execute(f"attach '{target}' as state{mode}")
        except duckdb.Error as error:
            if isinstance(error, duckdb.IOException) and "lock" in str(error).lower():
                raise BusyError(f"{path} is in use by another process; wait for it to end") from None
            raise cannot_be_opened(path, error) from None
        if read_only and not in_memory and not cls._is_made(db):
            # A state file that another command made and no push has used yet.
            db.execute("detach state; attach ':memory:' as state")
            in_memory = True
        elif read_only and cls._is_former(db):
            db.execute("detach state")
            with duckdb.connect() as other:
                cls.attach(other, path)
            return cls.attach(db, path, read_only=True)
        state = cls(db, read_only=read_only)
        if not read_only or in_memory:
            # One transaction: each would be written through to the disk by itself.
            with state.transaction():
                db.execute(SCHEMA)
                if cls._is_former(db):
                    for table, more in (("acknowledged", FILLED), ("acknowledged_log", FILLED), ("rejections", "")):
                        db.execute(FORMER.format(table=table, more=more))
                    db.execute("drop table state.push.destinations")
                db.execute(f"use state; {VIEW}; use memory")
        if not read_only:
            state.fold()
        return state

    @staticmethod
    def _is_made(db: duckdb.DuckDBPyConnection) -> bool:
        return "acknowledgements" in _tables(db)

    @staticmethod
    def _is_former(db: duckdb.DuckDBPyConnection) -> bool:
        return "destinations" in _tables(db)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or nothing of it."""
        self.db.execute("begin")
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")

    # -- acknowledgements

    def record(
        self,
        run_id: int,
        profile: str,
        api_key: str,
        as_of_date: dt.date,
        acknowledged: Sequence[Acknowledged],
        rejected: Sequence[Rejection],
        cleared: Sequence[tuple[str, str]],
    ) -> None:
        """Write answers down, in one transaction. `cleared` are contacts whose rejection is over.

        `api_key` stands for the key that they were sent with: another's word is not forgotten, but says nothing of it.
        """
        if rejected or cleared:
            with self.transaction():
                self._acknowledge(run_id, profile, api_key, as_of_date, acknowledged)
                if cleared:
                    self._delete("rejections", profile, cleared)
                if rejected:
                    self._reject(run_id, profile, api_key, rejected)
        else:
            # One statement is a transaction by itself, and this is the one that a push does all day.
            self._acknowledge(run_id, profile, api_key, as_of_date, acknowledged)

    def _acknowledge(
        self, run_id: int, profile: str, api_key: str, as_of_date: dt.date, acknowledged: Sequence[Acknowledged]
    ) -> None:
        items = [item for answer in acknowledged for item in answer.items]
        if not items:
            return
        content_ids: list[int | None] = []
        indexes: list[int] = []
        contents: list[bytes | None] = []
        for answer in acknowledged:
            number = len(answer.items)
            # The answer's blob stands in its first row until the log is folded; its row's number names it.
            kept = answer.contents is not None
            content_ids += [(run_id << 32) + self._sequence + len(content_ids) if kept else None] * number
            indexes += range(number)
            contents += [answer.contents, *[None] * (number - 1)] if number else []
        count = len(items)
        columns: list[Any] = [
            range(self._sequence, self._sequence + count),
            [item.store_key for item in items],
            [profile] * count,
            [item.email for item in items],
            [item.customer_id for item in items],
            [item.payload_hash for item in items],
            [item.content_hash for item in items],
            [item.has_purchase for item in items],
            [item.filled_windows for item in items],
            [status for answer in acknowledged for status in answer.statuses],
            [as_of_date] * count,
            [utc_now()] * count,
            [run_id] * count,
            content_ids,
            indexes,
            contents,
            [api_key] * count,
            [item.filled for item in items],
            [item.last_purchase_date for item in items],
        ]
        given = pa.table(columns, schema=_ACKNOWLEDGED)  # noqa: F841 - the statement reads it by its name
        self.db.execute("insert into state.push.acknowledged_log by name select * from given")
        self._sequence += count

    def contents(self, content_ids: Sequence[int]) -> dict[int, list[dict[str, str]]]:
        """Return, by content_id, the fields of each contact of an answer, as they were acknowledged."""
        wanted = list(set(content_ids))
        rows = self.db.execute(
            "select content_id, contents from state.push.contents where list_contains($wanted, content_id)"
            " union all select content_id, contents from state.push.acknowledged_log"
            " where contents is not null and list_contains($wanted, content_id)",
            {"wanted": wanted},
        ).fetchall()
        return {content_id: fields.unpack(blob) for content_id, blob in rows}

    def _reject(self, run_id: int, profile: str, api_key: str, rejected: Sequence[Rejection]) -> None:
        with self._given(_rows(rejected, _REJECTION)):
            self.db.execute(
                "create or replace temp table rejected_before as select store_key, email, payload_hash, first_at"
                " from state.push.rejections semi join given using (store_key, email) where profile = ?",
                [profile],
            )
            self.db.execute(
                "delete from state.push.rejections where profile = ?"
                " and (store_key, email) in (select (store_key, email) from given)",
                [profile],
            )
            self.db.execute(
                "insert into state.push.rejections by name"
                " select given.*, ? as profile, ? as run_id, ? as api_key,"
                " cast(? as timestamp) as last_at, coalesce(before.first_at, last_at) as first_at"
                " from given left join rejected_before as before using (store_key, email, payload_hash)",
                [profile, run_id, api_key, utc_now()],
            )

    def forget(self, profile: str, keys: Sequence[tuple[str, str]]) -> None:
        """Forget contacts that were removed from the profile."""
        with self.transaction():
            for table in ("acknowledged", "acknowledged_log", "rejections"):
                self._delete(table, profile, keys)

    def fold(self, *, at_share: float = FOLD_AT_SHARE) -> None:
        """Bring the log into the table, in one transaction, once it has grown to a share of it."""
        logged = self._number("select count(*) from state.push.acknowledged_log")
        self._sequence = self._number("select coalesce(max(sequence) + 1, 0) from state.push.acknowledged_log")
        if not logged or logged < at_share * self._number("select count(*) from state.push.acknowledged"):
            return
        key = "store_key, profile, email"
        self.db.execute(
            "create or replace temp table latest as select max(sequence) as sequence"
            f" from state.push.acknowledged_log group by {key}"
        )
        with self.transaction():
            self.db.execute(
                f"""
                create or replace table state.push.acknowledged as
                select * from state.push.acknowledged
                anti join state.push.acknowledged_log using ({key})
                union all by name
                select * exclude (sequence, contents) from state.push.acknowledged_log
                semi join latest using (sequence)"""
            )
            self.db.execute(
                "insert into state.push.contents select content_id, contents"
                " from state.push.acknowledged_log where contents is not null"
            )
            self.db.execute("delete from state.push.acknowledged_log")
            self.db.execute(
                "delete from state.push.contents where content_id not in"
                " (select content_id from state.push.acknowledged where content_id is not null)"
            )
        self._sequence = 0
        self.db.execute("checkpoint state")

    # -- runs

    def last_run(self, profile: str | None = None) -> dict[str, Any] | None:
        """Return the last push that ended well, to a profile or to any, or None; a repair sends only some contacts."""
        cursor = self.db.execute(
            "select * from state.push.runs where ($profile is null or profile = $profile) and status = 'succeeded'"
            " and command = 'push' order by run_id desc limit 1",
            {"profile": profile},
        )
        names = [column[0] for column in cursor.description or []]
        row = cursor.fetchone()
        if row is None:
            return None
        found = dict(zip(names, row, strict=True))
        for name in ("raw_rows", "fields", "versions"):
            found[name] = json.loads(found[name]) if found[name] else None
        return found

    def left_behind(self, profiles: Sequence[str], since: dt.date) -> list[tuple[str, int]]:
        """Return other profiles than these that were pushed to for a day since `since`, and how many contacts each has.

        So a profile that was taken out of the seed is told of for some days, and not for ever.
        """
        others = self.db.execute(
            """select distinct profile from state.push.runs
               where status = 'succeeded' and as_of_date >= $since and not list_contains($profiles, profile)""",
            {"profiles": list(profiles), "since": since},
        ).fetchall()
        if not others:  # on nearly every night: the contacts need not be counted
            return []
        return self.db.execute(
            """select profile, count(*) from state.push.acknowledgements
               where list_contains($profiles, profile) group by profile order by profile""",
            {"profiles": [row[0] for row in others]},
        ).fetchall()

    def begin_run(self, **values: Any) -> int:
        """Write a run down as running and return its number; runs left so by a crash are marked."""
        with self.transaction():
            self.db.execute("update state.push.runs set status = 'crashed' where status = 'running'")
            run_id = self._number("select nextval('state.push.run_number')")
            columns = {"run_id": run_id, "status": "running", "started_at": utc_now(), **values}
            self.db.execute(
                f"insert into state.push.runs ({', '.join(columns)}) values ({', '.join('?' for _ in columns)})",
                list(columns.values()),
            )
        return run_id

    def end_run(self, run_id: int, status: str, **values: Any) -> None:
        """Write a run's end and counts down."""
        changes = {"status": status, "ended_at": utc_now(), **values}
        self.db.execute(
            f"update state.push.runs set {', '.join(f'{name} = ?' for name in changes)} where run_id = ?",
            [*changes.values(), run_id],
        )

    # -- what is known of a profile

    def batch_limit(self, profile: str, configured: int, relearn_days: int) -> int:
        """Return how many contacts a batch may have: the configured number, or a smaller one that was learned.

        A learned one holds while the configured one stays as it was, and for `relearn_days`.
        """
        row = self.db.execute(
            "select min(contacts) from state.push.batch_limits where profile = ? and configured = ? and learned_at > ?",
            [profile, configured, utc_now() - dt.timedelta(days=relearn_days)],
        ).fetchone()
        return min(configured, row[0]) if row and row[0] is not None else configured

    def learn_batch_limit(self, profile: str, contacts: int, configured: int) -> None:
        """Remember a batch size that worked where a larger one did not."""
        with self.transaction():
            self.db.execute("delete from state.push.batch_limits where profile = ?", [profile])
            self.db.execute(
                "insert into state.push.batch_limits values (?, ?, ?, ?)", [profile, contacts, configured, utc_now()]
            )

    # -- helpers

    def _number(self, sql: str) -> int:
        row = self.db.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def _delete(self, table: str, profile: str, keys: Sequence[tuple[str, str]]) -> None:
        columns = [pa.array([key[index] for key in keys], pa.string()) for index in range(2)]
        with self._given(pa.table(columns, schema=_KEYS)):
            self.db.execute(
                f"delete from state.push.{table} where profile = ?"
                " and (store_key, email) in (select (store_key, email) from given)",
                [profile],
            )

    @contextlib.contextmanager
    def _given(self, table: pa.Table) -> Iterator[None]:
        self.db.register("given", table)
        try:
            yield
        finally:
            self.db.unregister("given")


def _tables(db: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of the push's tables and views in the state file."""
    rows = db.execute(
        "select table_name from information_schema.tables where table_catalog = 'state' and table_schema = 'push'"
    ).fetchall()
    return {row[0] for row in rows}


def utc_now() -> dt.datetime:
    """Return the time in UTC, without a zone, as the state file keeps it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def _rows(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array([getattr(row, one.name) for row in rows], one.type) for one in schema], schema=schema)
