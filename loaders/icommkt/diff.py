"""What the published build would change in ICOMMKT, field by field, against what was acknowledged. Sends nothing."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from loaders.errors import PipelineError
from loaders.icommkt import fields, relation
from loaders.icommkt.session import Session, changed_fields, opened
from loaders.icommkt.settings import IcommktSettings
from loaders.paths import Warehouse
from loaders.text import mask_email

SAMPLES = 3
_WIDTH = 44


@dataclass
class Difference:
    """The changes of one profile: `changed` counts contacts per field, `samples` holds a few of each."""

    compared: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)

    def add(self, email: str, held: dict[str, str], sent: dict[str, str]) -> None:
        """Compare one contact. A field that was never sent counts as empty."""
        self.compared += 1
        for key in fields.differing(held, sent):
            self.changed[key] += 1
            if len(few := self.samples.setdefault(key, [])) < SAMPLES:
                few.append((mask_email(email), held.get(key, ""), sent[key]))


def diff(house: Warehouse, settings: IcommktSettings, target: str, say: Callable[[str], object] = print) -> int:
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
    with opened(house, settings, read_only=True, published_path=made.published) as session:
        build = session.published.build
        say(f"the build of target {target} as of {build.as_of_date}, made {build.built_at:%Y-%m-%d %H:%M} UTC")
        if failed:
            say(f"note: a later build failed{failed}; this is the one before")
        session.find_before()
        left = "would be removed" if settings.on_missing == "remove" else "stay as they are"
        for profile in session.profiles:
            counts = relation.count(session.db, profile.name)
            differing = session.state.number(f"select count(*) {DIFFERING}", [profile.name])
            found = Difference()
            for email, held, sent in _pairs(session, profile.name):
                found.add(email, held, sent)
            say(
                f"profile {profile.name}: {differing:,} of {counts.held - counts.gone:,} contacts that ICOMMKT has "
                f"acknowledged would change; {counts.new - counts.rekeyed:,} would be new,"
                f" {counts.gone:,} have left the mart and {left}"
            )
            if unknown := differing - found.compared:
                say(
                    f"  {unknown:,} of these were acknowledged of an older build, of which a hash is kept: not compared"
                )
            for key in (changed_fields(session.state, profile, session.published) or ([], []))[1]:
                say(f"  {key} is sent no more and stays as it is there; make push BLANK={shlex.quote(key)} empties it")
            for key, contacts in found.changed.most_common():
                say(f"  {key:<42} {contacts:>9,} contacts")
                for email, before, after in found.samples[key]:
                    say(f"    {email}: {_short(before)} -> {_short(after)}")
    return 0


DIFFERING = """
    from scratch.relation
    where profile = ? and is_held and new_hash is not null and outcome <> 'outside'
        and (old_content is distinct from new_content or old_hash is distinct from new_hash)"""


def _pairs(session: Session, profile: str) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Yield e-mail, acknowledged and published fields of the contacts that differ, where the former are still known."""
    session.db.execute(
        f"create or replace table scratch.differing as select relation.*, before.old_row from (select * {DIFFERING})"
        " as relation join scratch.before as before using (profile, store_key, email) where before.is_exact",
        [profile],
    )
    yield from texts(session, "scratch.differing")


def texts(session: Session, of: str) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Yield e-mail, acknowledged and published fields of the contacts in table `of`, by contact_row and old_row."""
    if session.pushed is None:
        return
    empty = session.settings.empty_value
    after = -1
    while True:
        some = session.db.execute(
            f"select contact_row, old_row, store_key, email from {of} where contact_row > ?"
            f" order by contact_row limit {relation.CHUNK}",
            [after],
        ).fetchall()
        if not some:
            return
        after = some[-1][0]
        new = session.published.payloads(session.db, [row[0] for row in some], empty)
        old = session.pushed.payloads(session.db, [row[1] for row in some], empty)
        for *_, store_key, email in some:
            yield email, fields.of_text(old[store_key, email]), fields.of_text(new[store_key, email])


def _short(value: str) -> str:
    return repr(value) if len(value) <= _WIDTH else repr(value[: _WIDTH - 1] + "…")
