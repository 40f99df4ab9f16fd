"""One contact, field by field: what ICOMMKT holds by our state, and what would be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from loaders.errors import PipelineError
from loaders.icommkt import fields
from loaders.icommkt.session import Session, opened
from loaders.icommkt.settings import IcommktSettings
from loaders.paths import Warehouse
from loaders.text import fit, mask_email
from loaders.warehouse import rows_of

WOULD = {
    "new": "it would be sent (new)",
    "changed": "it would be sent (changed)",
    "stale": "it would be sent (stale)",
    "unchanged": "nothing would be sent of this build: it is as it was acknowledged",
    "waiting": "nothing would be sent before its next try",
    "outside": "it is no subscriber (ICOMMKT__AUDIENCE): nothing would be sent",
    "left": "it is no contact of the profile any more: nothing would be sent",
}
UNKNOWN = "is known neither to the published contacts nor to the state"


def preview(house: Warehouse, settings: IcommktSettings, email: str, say: Callable[[str], object] = print) -> int:
    """Show a contact, for each profile it belongs to; return the exit code. Sends and writes nothing.

    Raises PipelineError when neither the mart nor the state knows the contact.
    """
    wanted = email.strip().lower()
    with opened(house, settings, read_only=True, email=wanted) as session:
        session.find_before()
        contacts = rows_of(
            session.db,
            "select relation.*, before.old_row from scratch.relation"
            " left join (from scratch.before where is_exact) as before using (profile, store_key, email)"
            " order by profile",
        )
        if not contacts:
            raise PipelineError(f"{mask_email(wanted)} {why_no_contact(session, wanted) or UNKNOWN}")
        for one in contacts:
            say(f"{mask_email(wanted)} in profile {one['profile']}")
            for line in what_a_push_knows(one):
                say(f"  {line}")
            sent = session.published.payloads(session.db, _row(one["contact_row"]), settings.empty_value)
            held = sent if one["old_content"] == one["new_content"] else {}
            if not held and session.pushed and one["old_row"] is not None:
                held = session.pushed.payloads(session.db, _row(one["old_row"]), settings.empty_value)
            if one["is_held"] and not held:
                say("  what was acknowledged is of an older build, of which only a hash is kept")
            key = (one["store_key"], wanted)
            _table(fields.of_text(held.get(key, "[]")), fields.of_text(sent.get(key, "[]")), say)
    return 0


def _row(row: int | None) -> list[int]:
    return [] if row is None else [row]


def what_a_push_knows(one: dict[str, Any]) -> Iterator[str]:
    """Say of a row of the relation what ICOMMKT acknowledged and refused, and what would be sent."""
    if one["is_held"]:
        status = f", status {one['contact_status']}" if one["contact_status"] else ""
        at = f"{one['acknowledged_at']:%Y-%m-%d %H:%M} UTC"
        yield f"acknowledged {at} with the build of {one['sent_as_of']}{status}"
    else:
        yield "ICOMMKT has acknowledged nothing of it"
    if one["reason"] is not None:
        again = "when its payload changes" if one["permanent"] else f"from {one['next_try']} on"
        since = f"since {one['refused_since']:%Y-%m-%d %H:%M} UTC"
        yield f"refused {one['refused_times']} times {since} ({one['reason']}); tried again {again}"
    yield WOULD[one["outcome"]]


def why_no_contact(session: Session, email: str) -> str:
    """Say why an address of the store is no contact; "" when the marts do not tell."""
    for table, column, why in (
        ("invalid_emails", "invalid_because", "is no valid e-mail"),
        ("excluded_contacts", "excluded_because", "is excluded by the seed excluded_emails"),
    ):
        if session.state.number(
            "select count(*) from duckdb_tables() where database_name = 'published' and table_name = ?", [table]
        ):
            sql = f"select {column}, accounts, orders from published.marts.{table} where email = ?"
            for because, accounts, orders in session.db.execute(sql, [email]).fetchall():
                return f"{why} ({fit(because)}): accounts with it {accounts:,}, orders {orders:,}"
    return ""


def _table(held: dict[str, str], sent: dict[str, str], say: Callable[[str], object]) -> None:
    keys = [*sent, *(key for key in held if key not in sent)]
    if not keys:
        return
    width = max(map(len, keys))
    middle = min(max([len("in ICOMMKT"), *(len(value) for value in held.values())]), 40)
    say(f"    {'field':{width}}  {'in ICOMMKT':{middle}}  in the mart")
    for key in keys:
        before, after = held.get(key), sent.get(key)
        mark = " " if before == after else "*"
        say(f"  {mark} {key:{width}}  {_shown(before, middle):{middle}}  {_shown(after, 80)}".rstrip())


def _shown(value: str | None, width: int) -> str:
    if value is None:
        return "-"
    if value == "":
        return '""'
    return value if len(value) <= width else value[: width - 1] + "…"
