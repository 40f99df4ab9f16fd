"""What the demo ICOMMKT remembers: profiles' contacts, bounces, unsubscriptions and a journal, in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

SCHEMA = """
create table if not exists contacts (
    profile_key text not null,
    email text not null,
    status text not null,
    fields text not null,
    saves integer not null,
    primary key (profile_key, email)
) without rowid;
create table if not exists bounces (email text primary key) without rowid;
create table if not exists unsubscribed (email text primary key) without rowid;
create table if not exists requests (
    id integer primary key,
    method text not null,
    path text not null,
    status integer not null,
    profile_key text,
    contacts integer not null,
    bytes integer not null,
    payload text,
    answer text
);
"""

ACTIVE, BOUNCED, UNSUBSCRIBED = "A", "B", "U"


@dataclass(frozen=True)
class Contact:
    """A contact of one profile. `status` is A (seen in public code), B or U (ours); `saves` counts the writes."""

    profile_key: str
    email: str
    status: str
    fields: dict[str, str]
    saves: int


class Store:
    """The database. One thread uses it: the server's event loop."""

    def __init__(self, path: str | Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.executescript("pragma journal_mode = wal; pragma synchronous = normal;")
        self.connection.executescript(SCHEMA)

    def save(self, profile_key: str, contacts: list[tuple[str, dict[str, str]]], *, blank: bool = True) -> list[str]:
        """Add or update contacts in one transaction, and return their status letters.

        Fields that are not given stay as they were. With `blank` false an empty value leaves the stored one.
        An unsubscribed or bounced address stays so: only a person at ICOMMKT can enable it again.
        """
        db = self.connection
        letters = []
        db.execute("begin")
        try:
            for email, given in contacts:
                row = db.execute(
                    "select status, fields, saves from contacts where profile_key = ? and email = ?",
                    (profile_key, email),
                ).fetchone()
                held: dict[str, str] = orjson.loads(row[1]) if row else {}
                held.update(given if blank else {key: value for key, value in given.items() if value != ""})
                status = row[0] if row and row[0] != ACTIVE else self._status_of(email)
                db.execute(
                    "insert or replace into contacts values (?, ?, ?, ?, ?)",
                    (profile_key, email, status, orjson.dumps(held).decode(), (row[2] if row else 0) + 1),
                )
                letters.append(status)
        except BaseException:
            db.execute("rollback")
            raise
        db.execute("commit")
        return letters

    def _status_of(self, email: str) -> str:
        if self.connection.execute("select 1 from unsubscribed where email = ?", (email,)).fetchone():
            return UNSUBSCRIBED
        if self.connection.execute("select 1 from bounces where email = ?", (email,)).fetchone():
            return BOUNCED
        return ACTIVE

    def remove(self, profile_key: str, email: str) -> bool:
        """Remove a contact; false when the profile has none of that e-mail."""
        cursor = self.connection.execute(
            "delete from contacts where profile_key = ? and email = ?", (profile_key, email)
        )
        return cursor.rowcount > 0

    def contacts(self, profile_key: str | None = None, email: str | None = None) -> Iterator[Contact]:
        """Go through the contacts in e-mail order, one row in memory at a time."""
        rows = self.connection.cursor().execute(
            "select * from contacts where (?1 is null or profile_key = ?1) and (?2 is null or email = ?2)"
            " order by profile_key, email",
            (profile_key, email),
        )
        for profile, address, status, fields, saves in rows:
            yield Contact(profile, address, status, orjson.loads(fields), saves)

    def unsubscribe(self, email: str) -> int:
        """Unsubscribe an address in every profile, now and for ever; return how many contacts it had."""
        self.connection.execute("insert or ignore into unsubscribed values (?)", (email,))
        return self.connection.execute("update contacts set status = ? where email = ?", (UNSUBSCRIBED, email)).rowcount

    def bounce(self, email: str) -> int:
        """Put an address into the platform's bounce database; return how many contacts it had."""
        self.connection.execute("insert or ignore into bounces values (?)", (email,))
        return self.connection.execute(
            "update contacts set status = ? where email = ? and status = ?", (BOUNCED, email, ACTIVE)
        ).rowcount

    def journal(
        self,
        method: str,
        path: str,
        status: int,
        *,
        profile_key: str | None,
        contacts: int,
        size: int,
        payload: str | None,
        answer: str | None,
    ) -> None:
        """Write one request down. `size` is the body's length in bytes."""
        self.connection.execute(
            "insert into requests (method, path, status, profile_key, contacts, bytes, payload, answer)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (method, path, status, profile_key, contacts, size, payload, answer),
        )

    def requests(self, *, payloads: bool = False) -> list[dict[str, Any]]:
        """Return the journal, oldest first; bodies only when asked for."""
        columns = ["id", "method", "path", "status", "profile_key", "contacts", "bytes"]
        columns += ["payload", "answer"] if payloads else []
        rows = self.connection.execute(f"select {', '.join(columns)} from requests order by id")
        entries = [dict(zip(columns, row, strict=True)) for row in rows]
        for entry in entries:
            for name in ("payload", "answer"):
                if entry.get(name):
                    entry[name] = json.loads(entry[name])
        return entries

    def forget_requests(self) -> None:
        """Empty the journal."""
        self.connection.execute("delete from requests")
