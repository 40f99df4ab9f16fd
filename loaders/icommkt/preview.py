"""One contact, field by field: what ICOMMKT holds by our state, and what would be sent."""

from __future__ import annotations

from collections.abc import Callable

from loaders.errors import PipelineError
from loaders.icommkt import fields
from loaders.icommkt.push import connect, make_plan, profiles_of
from loaders.icommkt.settings import IcommktSettings
from loaders.paths import Warehouse
from loaders.text import mask_email


def preview(house: Warehouse, settings: IcommktSettings, email: str, say: Callable[[str], object] = print) -> int:
    """Show a contact, for each profile it belongs to; return the exit code. Sends and writes nothing.

    Raises PipelineError when neither the mart nor the state knows the contact.
    """
    wanted = email.strip().lower()
    db, published, state = connect(house, read_only=True)
    found = False
    with db:
        for profile in profiles_of(db, settings):
            make_plan(db, published, state, profile, settings)
            payload = db.execute(
                """
                select payload.custom_fields, contacts.in_audience, plan.kind
                from contacts
                join published.marts.icommkt_payloads as payload on payload.rowid = contacts.payload_row
                left join scratch.plan as plan on plan.payload_row = contacts.payload_row
                where contacts.email = $email""",
                {"email": wanted},
            ).fetchone()
            held = db.execute(
                "select content_id, acknowledged_at, as_of_date, contact_status, content_index"
                " from state.push.acknowledgements where profile = $profile and email = $email",
                {"profile": profile.name, "email": wanted},
            ).fetchone()
            refused = db.execute(
                "select reason, permanent, tries, next_try from state.push.rejections"
                " where profile = $profile and email = $email",
                {"profile": profile.name, "email": wanted},
            ).fetchone()
            if payload is None and held is None:
                continue
            found = True
            say(f"{mask_email(wanted)} in profile {profile.name}")
            if held is None:
                say("  ICOMMKT has acknowledged nothing of it")
            else:
                status = f", status {held[3]}" if held[3] else ""
                say(f"  acknowledged {held[1]:%Y-%m-%d %H:%M} UTC with the build of {held[2]}{status}")
            if refused is not None:
                again = "when its payload changes" if refused[1] else f"from {refused[3]} on"
                say(f"  refused {refused[2]} times ({refused[0]}); tried again {again}")
            say(f"  {_would(payload, held is not None)}")
            before: dict[str, str] | None = {}
            if held is not None:
                before = None if held[0] is None else state.contents([held[0]])[held[0]][held[4]]
            _table(
                before,
                fields.of_text(payload[0], settings.empty_value) if payload else {},
                say,
            )
    if not found:
        raise PipelineError(f"neither the published contacts nor the state know {mask_email(wanted)}")
    return 0


def _would(payload: tuple[object, ...] | None, is_held: bool) -> str:
    if payload is None:
        return "it left the mart: nothing would be sent"
    _, in_audience, kind = payload
    if not in_audience:
        return "it is no subscriber (ICOMMKT__AUDIENCE): nothing would be sent"
    if kind is None:
        return "nothing would be sent" if is_held else "nothing would be sent before its next try"
    return f"it would be sent ({kind})"


def _table(held: dict[str, str] | None, sent: dict[str, str], say: Callable[[str], object]) -> None:
    if held is None:
        say("  what was acknowledged was not kept (ICOMMKT__KEEP_CONTENT), only its hash")
        held = {}
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
