"""Reads a profile back and compares it with the mart, field by field."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from loaders.icommkt import answers, fields, guards, relation
from loaders.icommkt.client import Client
from loaders.icommkt.errors import (
    DriftError,
    RefusedError,
    RequestError,
    UnavailableError,
    WholeRefusalError,
)
from loaders.icommkt.published import Field
from loaders.icommkt.push import Options, describe, may_send, objections
from loaders.icommkt.relation import Profile
from loaders.icommkt.run import Run
from loaders.icommkt.session import Session, opened
from loaders.icommkt.settings import IcommktSettings
from loaders.paths import Warehouse
from loaders.text import mask_email

log = logging.getLogger(__name__)

SHOWN = 10

_EXPECTED = pa.schema([("store_key", pa.string()), ("email", pa.string()), ("digest", pa.binary())])
_LISTED = pa.schema([("email", pa.string()), ("digest", pa.binary()), ("position", pa.int64())])


@dataclass
class Found:
    """What the comparison of one profile came to, in contacts."""

    compared: int = 0
    equal: int = 0
    waiting: int = 0
    """Differ from the mart, but are as acknowledged, or were never sent: the next push is for them."""
    changed: int = 0
    missing: int = 0
    """Acknowledged, but not in the profile."""
    strangers: int = 0
    """In the profile, but never sent by us and not in the mart."""
    left: int = 0
    """In the profile and acknowledged, but in the mart no more."""
    inactive: Counter[str] = field(default_factory=Counter)
    """By status letter other than A."""
    by_field: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)

    @property
    def drifted(self) -> int:
        """Contacts that are not as they were left."""
        return self.changed + self.missing


def verify(
    house: Warehouse, settings: IcommktSettings, options: Options, *, sample: int | None = None, repair: bool = False
) -> int:
    """Compare each profile with the mart, whole or a random sample of it; return the exit code.

    With `repair`, the contacts that drifted are sent again, and only they. Raises DriftError when something drifted and
    was not repaired, GuardError before a repair that a push would refuse, RefusedError, UnavailableError.
    """
    total = 0
    with opened(house, settings, read_only=options.dry_run or not repair) as session:
        session.find_before()
        for profile in session.profiles:
            found = compare(session, profile, sample)
            total += found.drifted
            _report(profile, found)
            if repair and found.drifted:
                _repair(session, profile, found.drifted, options)
    if total and not repair:
        raise DriftError(
            f"{total:,} contacts in ICOMMKT are not as they were sent; make verify REPAIR=1 (--repair) sends them"
        )
    return 0


def compare(session: Session, profile: Profile, sample: int | None) -> Found:
    """Compare a profile with the mart; (store_key, e-mail) of what drifted are left in table `scratch.wanted`."""
    db = session.db
    db.execute("create or replace table scratch.wanted (store_key varchar, email varchar)")
    db.execute("create or replace table scratch.seen (email varchar)")
    _expect(session, profile, sample)
    client = Client(session.settings, threading.Event())
    log.info("profile %s: reading what ICOMMKT holds", profile.name)
    found = Found()
    try:
        listed = client.list_all(profile.key) if sample is None else _one_by_one(session, client, profile.key)
        for chunk in _chunks(listed, relation.CHUNK):
            _compare_chunk(session, profile, chunk, found)
    except WholeRefusalError as error:
        raise RefusedError(f"ICOMMKT does not list the profile: {error.reason}") from None
    except RequestError as error:
        raise UnavailableError(f"the profile could not be read: {error.reason}") from None
    missing = db.execute(
        "select store_key, email from scratch.expected where is_held and email not in (from scratch.seen) order by 2"
    ).fetchall()
    found.missing = len(missing)
    found.compared += len(missing)
    for store_key, email in missing:
        db.execute("insert into scratch.wanted values (?, ?)", [store_key, email])
        if len(found.samples) < SHOWN:
            found.samples.append(f"{mask_email(email)}: not in the profile")
    return found


def _expect(session: Session, profile: Profile, sample: int | None) -> None:
    """Make table `scratch.expected`: what ICOMMKT should hold, of all contacts or of a sample of the acknowledged ones.

    As a digest of what the mart says; `is_same`: the mart says what was acknowledged; `is_close`: but for fields whose
    change is not sent.
    """
    db, empty = session.db, session.settings.empty_value
    picked = "" if sample is None else f"and is_held order by random() limit {sample:d}"
    db.execute(
        f"""
        create or replace table scratch.expected as
        select
            store_key, email, contact_row, old_row, is_held, old_content = new_content as is_same,
            old_hash = new_hash as is_close, cast(null as blob) as digest
        from (
            from scratch.relation
            where profile = $profile and new_hash is not null and outcome <> 'outside' {picked}
        )
        left join (from scratch.before where profile = $profile and is_exact) as before using (store_key, email)""",
        {"profile": profile.name},
    )
    after = -1
    while rows := db.execute(
        "select contact_row from scratch.expected where contact_row > ? order by 1 limit ?", [after, relation.CHUNK]
    ).fetchall():
        after = rows[-1][0]
        texts = session.published.payloads(db, [row for (row,) in rows], empty)
        digests = [fields.digest(fields.of_text(text), session.published.fields) for text in texts.values()]
        db.register(
            "given", pa.table([[key[0] for key in texts], [key[1] for key in texts], digests], schema=_EXPECTED)
        )
        db.execute(
            "update scratch.expected set digest = given.digest from given"
            " where expected.store_key = given.store_key and expected.email = given.email"
        )
        db.unregister("given")


def _one_by_one(session: Session, client: Client, profile_key: str) -> Iterator[dict[str, Any]]:
    for (email,) in session.db.execute("select email from scratch.expected order by email").fetchall():
        contact = client.list_one(profile_key, email)
        if contact is not None:
            yield contact


def _compare_chunk(session: Session, profile: Profile, chunk: list[dict[str, Any]], found: Found) -> None:
    db = session.db
    emails = [_storable(contact.get("Email")) for contact in chunk]
    held = [fields.of_listed(contact) for contact in chunk]
    for contact in chunk:
        letter = contact.get("Status")
        if letter and letter != "A":
            found.inactive[answers.word(letter)] += 1
    digests = [fields.digest(one, session.published.fields) for one in held]
    db.register("listed", pa.table([emails, digests, list(range(len(chunk)))], schema=_LISTED))
    db.execute("insert into scratch.seen select email from listed")
    rows = db.execute(
        """
        select listed.position, store_key, email, contact_row, old_row, is_held, is_same, is_close,
            expected.digest = listed.digest as is_equal
        from listed join scratch.expected using (email) order by listed.position"""
    ).fetchall()
    left, strangers = db.execute(
        """
        select count(*) filter (is_left), count(*) filter (not is_left)
        from (
            select listed.email, coalesce(bool_or(relation.is_held), false) as is_left
            from listed
            left join (from scratch.relation where profile = $profile) as relation using (email)
            group by listed.email
            having not coalesce(bool_or(relation.new_hash is not null), false)
        )""",
        {"profile": profile.name},
    ).fetchall()[0]
    db.unregister("listed")
    found.left += left
    found.strangers += strangers
    found.compared += len(rows)
    found.equal += sum(row[8] for row in rows)
    found.waiting += sum(not row[8] and not row[5] for row in rows)
    _judge(session, [row[:8] for row in rows if row[5] and not row[8]], held, found)


def _judge(session: Session, differing: list[tuple[Any, ...]], listed: list[dict[str, str]], found: Found) -> None:
    """Tell contacts that only wait for the next push from those that somebody else changed."""
    db, published, pushed, empty = session.db, session.published, session.pushed, session.settings.empty_value
    new = published.payloads(db, [row[3] for row in differing], empty)
    old = pushed.payloads(db, [row[4] for row in differing if row[4] is not None], empty) if pushed else {}
    for position, store_key, email, _, _, _, is_same, is_close in differing:
        sent = fields.of_text(new[store_key, email])
        if is_same:
            acknowledged = sent
        elif (store_key, email) in old:
            acknowledged = fields.of_text(old[store_key, email])
        else:  # what is known of it are the fields that the mart still says the same of, if any
            acknowledged = {
                key: value for key, value in sent.items() if is_close and published.columns.get(key, Field()).triggers
            }
        if not fields.differing(listed[position], acknowledged):
            found.waiting += 1
            continue
        names = fields.differing(listed[position], sent)
        found.changed += 1
        found.by_field.update(names)
        db.execute("insert into scratch.wanted values (?, ?)", [store_key, email])
        if len(found.samples) < SHOWN:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            found.samples.append(f"{mask_email(email)}: {', '.join(names[:5])}{more}")


def _report(profile: Profile, found: Found) -> None:
    name = f"profile {profile.name}"
    log.info(
        "%s: %s contacts compared: %s as in the mart, %s waiting for the next push, %s changed, %s missing",
        name,
        *(f"{number:,}" for number in (found.compared, found.equal, found.waiting, found.changed, found.missing)),
    )
    if found.strangers or found.left:
        log.info(
            "%s: also holds %s contacts of ours that left the mart and %s that never were ours",
            *(name, f"{found.left:,}", f"{found.strangers:,}"),
        )
    if found.inactive:
        letters = ", ".join(f"{letter}: {number:,}" for letter, number in sorted(found.inactive.items()))
        log.info("%s: not active in ICOMMKT, by its status letter: %s", name, letters)
    for key, number in found.by_field.most_common(SHOWN):
        log.info("%s: field %s differs in %s contacts", name, key, f"{number:,}")
    for line in found.samples:
        log.info("%s: %s", name, line)


def _repair(session: Session, profile: Profile, drifted: int, options: Options) -> None:
    build, counts = session.published.build, relation.count(session.db, profile.name)
    wrong = [
        *guards.of_build(build, options.as_of_date or build.today()),
        *objections(session, profile, dataclasses.replace(counts, held_again=drifted)),
    ]
    for line in describe(session, profile, counts):
        log.info(line)
    run = Run(session, profile, counts, command="repair")
    if may_send(session, [run], wrong, options):
        run.send(wanted="scratch.wanted", removing=False)


def _storable(email: object) -> str:
    return str(email or "").encode(errors="replace").decode().strip().lower()


def _chunks(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
