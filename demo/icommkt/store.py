"""What the demo ICOMMKT remembers: profiles' contacts, marked addresses and a journal, in SQLite."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = normal;
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
_MARKED = {UNSUBSCRIBED: "unsubscribed", BOUNCED: "bounces"}


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
        self.connection.executescript(SCHEMA)

    def save(self, profile_key: str, contacts: list[tuple[str, dict[str, str]]], *, blank: bool = True) -> list[str]:
        """Add or update contacts in one transaction, and return their status letters.

        Fields that are not given stay as they were. With `blank` false an empty value leaves the stored one.
        An unsubscribed or bounced address stays so: only a person at ICOMMKT can enable it again.
        """
        letters = []
        with self.connection:
            self.connection.execute("begin")
            for email, given in contacts:
                held = next(self.contacts(profile_key, email), Contact(profile_key, email, ACTIVE, {}, 0))
                letters.append(next((letter for letter in _MARKED if self._is_marked(email, letter)), held.status))
                kept = given if blank else {key: value for key, value in given.items() if value != ""}
                row = (profile_key, email, letters[-1], orjson.dumps(held.fields | kept).decode(), held.saves + 1)
                self.connection.execute("insert or replace into contacts values (?, ?, ?, ?, ?)", row)
        return letters

    def remove(self, profile_key: str, email: str) -> bool:
        """Remove a contact; false when the profile has none of that e-mail."""
        query = "delete from contacts where profile_key = ? and email = ?"
        return self.connection.execute(query, (profile_key, email)).rowcount > 0

    def contacts(self, profile_key: str | None = None, email: str | None = None) -> Iterator[Contact]:
        """Go through the contacts in e-mail order, one row in memory at a time."""
        rows = self.connection.cursor().execute(
            "select * from contacts where (?1 is null or profile_key = ?1) and (?2 is null or email = ?2)"
            " order by profile_key, email",
            (profile_key, email),
        )
        for profile, address, status, fields, saves in rows:
            yield Contact(profile, address, status, orjson.loads(fields), saves)

    def mark(self, email: str, status: str) -> int:
        """Unsubscribe an address, or let it bounce, for ever; return how many contacts it had.

        What unsubscribed stays unsubscribed when it bounces.
        """
        self.connection.execute(f"insert or ignore into {_MARKED[status]} values (?)", (email,))
        query = "update contacts set status = max(status, ?) where email = ?"
        return self.connection.execute(query, (status, email)).rowcount

    def _is_marked(self, email: str, status: str) -> bool:
        query = f"select 1 from {_MARKED[status]} where email = ?"
        return self.connection.execute(query, (email,)).fetchone() is not None

    def journal(self, entry: dict[str, Any], payload: bytes | None, answer: bytes | None) -> None:
        """Write one request down, with its body and answer where these are to be kept."""
        texts = [text.decode("utf-8", "replace") if text is not None else None for text in (payload, answer)]
        query = f"insert into requests ({', '.join(entry)}, payload, answer) values ({'?, ' * len(entry)}?, ?)"
        self.connection.execute(query, (*entry.values(), *texts))

    def requests(self, *, payloads: bool = False) -> list[dict[str, Any]]:
        """Return the journal, oldest first; bodies only when asked for."""
        found = self.connection.execute("select * from requests order by id")
        names = [column[0] for column in found.description]
        entries = [dict(zip(names, row, strict=True)) for row in found]
        for entry in entries:
            for name in ("payload", "answer"):
                text = entry.pop(name)
                if payloads:
                    entry[name] = orjson.loads(text) if text else text
        return entries

    def forget_requests(self) -> None:
        """Empty the journal."""
        self.connection.execute("delete from requests")
