"""The contacts to send, with their texts, few of them in memory at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import duckdb

from loaders.icommkt.published import Published
from loaders.icommkt.relation import CHUNK, SENT


class Item(NamedTuple):
    """One contact to send or to remove. `content` is its fields' JSON text; `tries` how often this payload was refused.

    `is_held`: the profile has acknowledged the contact before, under whichever key.
    """

    store_key: str
    email: str
    customer_id: int | None = None
    payload_hash: str | None = None
    content_hash: str | None = None
    has_purchase: bool = False
    filled_windows: int = 0
    tries: int = 0
    refused_since: dt.datetime | None = None
    is_held: bool = False
    content: bytes = b""


def items(
    db: duckdb.DuckDBPyConnection,
    published: Published,
    profile: str,
    *,
    wanted: str = "",
    extra: bytes = b"",
    empty_value: str = "",
) -> Generator[Item, None, None]:
    """Yield the contacts to send with their texts, few of them in memory at a time.

    `db` may be another cursor than the relation was made with. `wanted` is a table of contacts to send in place of
    those that differ; `extra` is the JSON of a field that is sent with each, `empty_value` stands for empty values.
    """
    chosen = f"semi join {wanted} using (store_key, email)" if wanted else f"where outcome in {SENT}"
    db.execute(
        f"""
        create or replace table scratch.sending as
        select *, row_number() over (order by contact_row) as position
        from (from scratch.relation {chosen})
        where profile = $profile and new_hash is not null and outcome not in ('outside', 'waiting')""",
        {"profile": profile},
    )

    def read(after: int) -> list[Item]:
        some = db.execute(
            """
            select contact_row, store_key, email, customer_id, new_hash, new_content, has_purchase, filled_windows,
                tries, refused_since, is_held
            from scratch.sending where position > $after and position <= $after + $chunk order by position""",
            {"after": after, "chunk": CHUNK},
        ).fetchall()
        texts = published.payloads(db, [row[0] for row in some], empty_value)
        end = b"," + extra + b"]" if extra else b"]"
        return [Item._make((*row[1:], texts[row[1], row[2]].encode()[:-1] + end)) for row in some]

    with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:  # a chunk is read while the one before is sent
        position, ahead = 0, reader.submit(read, 0)
        while some := ahead.result():
            position += len(some)
            ahead = reader.submit(read, position)
            yield from some
