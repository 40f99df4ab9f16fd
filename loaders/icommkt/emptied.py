"""Which fields a push would empty in masse, against the file that was pushed last."""

from __future__ import annotations

from typing import NamedTuple

from loaders.fields import UNENDING
from loaders.icommkt.published import Field, Published
from loaders.icommkt.session import Session

FEWEST = 5
"""A field that is emptied in fewer contacts than this is nobody's fault."""
SAMPLE = 5
AT_A_TIME = 8
"""Fields compared in one query: few, so that all contacts need little memory."""
ZERO_IS_EMPTY = {"count", "money"}


class Emptied(NamedTuple):
    """A field that was filled in so many contacts, as they were acknowledged, and would be emptied in so many."""

    key: str
    filled: int
    emptied: int


def emptied_fields(session: Session, profile: str) -> tuple[list[Emptied], list[str]]:
    """Return the fields emptied in more than `max_emptied_share` of contacts, and a few e-mails of the worst.

    Contacts whose field may well be empty by now are left out: see `_explained`. Needs `scratch.before`.
    """
    db, published, pushed = session.db, session.published, session.pushed
    if pushed is None:
        return [], []
    as_of = f"date '{published.build.as_of_date}'"
    db.execute(
        """
        create or replace table scratch.pairs as
        select email, contact_row, old_row
        from scratch.relation join scratch.before using (profile, store_key, email)
        where profile = $profile and new_hash is not null and outcome <> 'outside'""",
        {"profile": profile},
    )
    found: list[Emptied] = []
    keys = [key for key in published.fields if key in published.columns and key in pushed.columns]
    for start in range(0, len(keys), AT_A_TIME):
        some = keys[start : start + AT_A_TIME]
        counts = ", ".join(
            f"count(*) filter ({filled}), count(*) filter ({filled} and {now})"
            for filled, now in (_emptied(published, pushed, key, as_of) for key in some)
        )
        row = db.execute(f"select {counts} {COMPARED}").fetchone() or ()
        found += [
            Emptied(key, filled, emptied)
            for key, filled, emptied in zip(some, row[::2], row[1::2], strict=True)
            if emptied >= FEWEST and emptied / filled > session.settings.max_emptied_share
        ]
    found.sort(key=lambda one: (-one.emptied / one.filled, -one.emptied))
    if not found:
        return [], []
    filled, now = _emptied(published, pushed, found[0].key, as_of)
    emails = db.execute(
        f"select pairs.email {COMPARED} where {filled} and {now} order by 1 limit {SAMPLE:d}"
    ).fetchall()
    return found, [email for (email,) in emails]


COMPARED = """
    from scratch.pairs
    join pushed.marts.icommkt_contacts as old on old.rowid = pairs.old_row
    join published.marts.icommkt_contacts as new on new.rowid = pairs.contact_row"""


def _is_empty(table: str, field: Field) -> str:
    column = f'{table}."{field.column}"'
    if field.type in ZERO_IS_EMPTY:
        return f"coalesce(try_cast({column} as double), 0) = 0"
    return f"coalesce(cast({column} as varchar), '') = ''"


def _emptied(published: Published, pushed: Published, key: str, as_of: str) -> tuple[str, str]:
    """Return SQL over `COMPARED` for a field: whether it was filled and still should be, whether it would be empty."""
    field = published.columns[key]
    explained = [_explained(field, as_of)]
    if field.column.startswith("discount_codes_") and field.last_day is not None:
        # Codes leave a window while its purchases stay: who bought again without one has them in longer windows alone.
        explained += [
            f"not ({_is_empty('new', other)})"
            for other in published.columns.values()
            if other.column.startswith("discount_codes_") and (other.last_day or 0) > field.last_day
        ]
    now = _is_empty("new", field)
    return f"not ({_is_empty('old', pushed.columns[key])}) and not ({now} and ({' or '.join(explained)}))", now


def _explained(field: Field, as_of: str) -> str:
    """Return SQL over `COMPARED` for whether something of the contact's own explains that a field is empty now.

    The days that have passed do for a window: its last purchase, as acknowledged, is older than that. What the mart
    says of now does not, since it may be what is wrong. A window between two days is left by purchases of which nothing
    was acknowledged. A later purchase explains what is said of the last one.
    """
    if field.last_day is not None:
        is_between = bool(field.first_day) and field.last_day < UNENDING
        return "true" if is_between else f"coalesce({as_of} - old.last_purchase_date > {field.last_day}, false)"
    has_bought = "coalesce(new.last_purchase_date > old.last_purchase_date, false)"
    return has_bought if field.column.startswith("last_purchase_") else "false"
