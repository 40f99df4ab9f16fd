"""What the published build would change in ICOMMKT, field by field, against what was acknowledged. Sends nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import duckdb

from loaders.errors import PipelineError
from loaders.icommkt import fields
from loaders.icommkt.push import connect, make_plan, profiles_of
from loaders.icommkt.settings import IcommktSettings
from loaders.icommkt.state import State
from loaders.paths import Warehouse
from loaders.text import mask_email

SAMPLES = 3
_CHUNK = 2_000
_WIDTH = 44


@dataclass
class Difference:
    """The changes of one profile: `changed` counts contacts per field, `samples` holds a few of each."""

    compared: int = 0
    contacts: int = 0
    unknown: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)

    def add(self, email: str, held: dict[str, str], sent: dict[str, str]) -> None:
        """Compare one contact. A field that was never sent counts as empty."""
        self.compared += 1
        keys = fields.differing(held, sent)
        self.contacts += bool(keys)
        for key in keys:
            self.changed[key] += 1
            if len(few := self.samples.setdefault(key, [])) < SAMPLES:
                few.append((mask_email(email), held.get(key, ""), sent[key]))


def diff(
    house: Warehouse, settings: IcommktSettings, target: str = "prod", say: Callable[[str], object] = print
) -> int:
    """Show what a push of the last build of a target would change, for each profile; return the exit code.

    To see the effect of an edited model alone, build with the as-of date of the last push: on
    another date the day counters of every buyer differ too.
    """
    made = house.dev if target == "dev" else house
    failed = made.build_failed.read_text(encoding="utf-8") if made.build_failed.exists() else ""
    if target == "dev" and not made.published.exists():
        raise PipelineError(
            f"there is no build of the target dev{failed and f' (the last failed{failed})'}: make build TARGET=dev"
        )
    db, published, state = connect(house, read_only=True, published_path=made.published)
    build = published.build
    say(f"the build of target {target} as of {build.as_of_date}, made {build.built_at:%Y-%m-%d %H:%M} UTC")
    if failed:
        say(f"note: a later build failed{failed}; this is the one before")
    with db:
        for profile in profiles_of(db, settings):
            plan = make_plan(db, published, state, profile, settings)
            found = Difference()
            for email, content, held in _pairs(db, state, profile.name):
                if held is None:
                    found.unknown += 1
                else:
                    found.add(email, held, fields.of_text(content, settings.empty_value))
            say(
                f"profile {profile.name}: {found.contacts:,} of {found.compared:,} contacts that ICOMMKT holds would "
                f"change; {plan.new:,} would be new, {plan.gone:,} have left the mart"
            )
            if found.unknown:
                say(f"  of {found.unknown:,} more only a hash was kept (ICOMMKT__KEEP_CONTENT): not compared")
            for key, contacts in found.changed.most_common():
                say(f"  {key:<42} {contacts:>9,} contacts")
                for email, before, after in found.samples[key]:
                    say(f"    {email}: {_short(before)} -> {_short(after)}")
    return 0


def _pairs(
    db: duckdb.DuckDBPyConnection, state: State, profile: str
) -> Iterator[tuple[str, str, dict[str, str] | None]]:
    """Yield e-mail, payload and acknowledged fields of each contact that is both published and acknowledged."""
    # In the order of the blobs, so that each of these is unpacked once or twice.
    db.execute(
        """
        create or replace temp table pairs as
        select
            row_number() over (order by held.content_id, held.content_index) as number,
            held.content_id, held.content_index, contacts.email, contacts.payload_row
        from contacts
        join state.push.acknowledgements as held
            on held.profile = $profile and held.store_key = contacts.store_key and held.email = contacts.email
        where contacts.in_audience""",
        {"profile": profile},
    )
    contents: dict[int, list[dict[str, str]]] = {}
    start = 0
    while True:
        found = db.execute(
            """
            select pairs.content_id, pairs.content_index, pairs.email, payload.custom_fields
            from pairs
            join published.marts.icommkt_payloads as payload on payload.rowid = pairs.payload_row
            where pairs.number > $start and pairs.number <= $start + $chunk
            order by pairs.number""",
            {"start": start, "chunk": _CHUNK},
        ).fetchall()
        if not found:
            return
        start += _CHUNK
        ids = {row[0] for row in found if row[0] is not None}
        contents = {number: contents[number] for number in ids & contents.keys()}
        if missing := ids - contents.keys():
            contents |= state.contents(sorted(missing))
        for content_id, index, email, custom_fields in found:
            known = contents.get(content_id)
            yield email, custom_fields, known[index] if known else None


def _short(value: str) -> str:
    return repr(value) if len(value) <= _WIDTH else repr(value[: _WIDTH - 1] + "…")
