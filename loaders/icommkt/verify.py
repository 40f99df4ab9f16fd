"""Reads a profile back and compares it with the mart, field by field."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from loaders.icommkt import answers, fields, guards
from loaders.icommkt import plan as planning
from loaders.icommkt.client import Client, RequestError, WholeRefusalError
from loaders.icommkt.errors import DriftError, RefusedError, UnavailableError
from loaders.icommkt.plan import Profile
from loaders.icommkt.published import Published
from loaders.icommkt.push import Options, Run, connect, describe, make_plan, may_send, objections, profiles_of
from loaders.icommkt.settings import IcommktSettings
from loaders.icommkt.state import State
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
    db, published, state = connect(house, read_only=not repair)
    total = 0
    with db:
        for profile in profiles_of(db, settings):
            make_plan(db, published, state, profile, settings)
            found = compare(db, published, state, profile, settings, sample)
            total += found.drifted
            _report(profile, found)
            if repair and found.drifted:
                _repair(db, published, state, profile, settings, options)
    if total and not repair:
        raise DriftError(
            f"{total:,} contacts in ICOMMKT are not as they were sent; make verify REPAIR=1 (--repair) sends them"
        )
    return 0


def compare(
    db: duckdb.DuckDBPyConnection,
    published: Published,
    state: State,
    profile: Profile,
    settings: IcommktSettings,
    sample: int | None,
) -> Found:
    """Compare a profile whose plan has been made; (store_key, e-mail) of what drifted are left in table `wanted`."""
    db.execute("create or replace temp table wanted (store_key varchar, email varchar)")
    db.execute("create or replace temp table seen (email varchar)")
    keys = published.fields
    _expect(db, keys, settings, sample)
    client = Client(settings, threading.Event())
    found = Found()
    try:
        listed = client.list_all(profile.key) if sample is None else _one_by_one(db, client, profile.key)
        for chunk in _chunks(listed, planning.CHUNK):
            _compare_chunk(db, state, chunk, keys, profile, settings, found)
    except WholeRefusalError as error:
        raise RefusedError(f"ICOMMKT does not list the profile: {error.reason}") from None
    except RequestError as error:
        raise UnavailableError(f"the profile could not be read: {error.reason}") from None
    missing = db.execute(
        "select expected.store_key, expected.email from expected semi join held using (store_key, email)"
        " anti join seen using (email) order by 2"
    ).fetchall()
    found.missing = len(missing)
    found.compared += len(missing)
    for store_key, email in missing:
        db.execute("insert into wanted values (?, ?)", [store_key, email])
        if len(found.samples) < SHOWN:
            found.samples.append(f"{mask_email(email)}: not in the profile")
    return found


def _expect(
    db: duckdb.DuckDBPyConnection, keys: tuple[str, ...], settings: IcommktSettings, sample: int | None
) -> None:
    """Make table `expected`: a digest of what the mart says of each contact (of a sample of the acknowledged ones)."""
    db.execute("create or replace temp table expected (store_key varchar, email varchar, digest blob)")
    picked = "contacts where in_audience"
    if sample is not None:
        db.execute(
            "create or replace temp table sampled as select contacts.* from contacts semi join held"
            f" using (store_key, email) where in_audience order by random() limit {sample:d}"
        )
        picked = "sampled"
    bounds = db.execute(f"select min(payload_row), max(payload_row) from {picked}").fetchone()
    if bounds is None or bounds[0] is None:
        return
    first, last = bounds
    for start in range(first, last + 1, planning.CHUNK):
        rows = db.execute(
            "select payload.store_key, payload.email, payload.custom_fields"
            " from published.marts.icommkt_payloads as payload"
            f" semi join (select payload_row from {picked}) as picked on picked.payload_row = payload.rowid"
            " where payload.rowid between ? and ?",
            [start, start + planning.CHUNK - 1],
        ).fetchall()
        columns = [
            [store_key for store_key, _, _ in rows],
            [email.strip().lower() for _, email, _ in rows],
            [fields.digest(fields.of_text(text, settings.empty_value), keys) for _, _, text in rows],
        ]
        db.register("given", pa.table(columns, schema=_EXPECTED))
        db.execute("insert into expected select * from given")
        db.unregister("given")


def _one_by_one(db: duckdb.DuckDBPyConnection, client: Client, profile_key: str) -> Iterator[dict[str, Any]]:
    for (email,) in db.execute("select email from expected order by email").fetchall():
        contact = client.list_one(profile_key, email)
        if contact is not None:
            yield contact


def _compare_chunk(
    db: duckdb.DuckDBPyConnection,
    state: State,
    chunk: list[dict[str, Any]],
    keys: tuple[str, ...],
    profile: Profile,
    settings: IcommktSettings,
    found: Found,
) -> None:
    emails = [_storable(contact.get("Email")) for contact in chunk]
    held = [fields.of_listed(contact) for contact in chunk]
    for contact in chunk:
        letter = contact.get("Status")
        if letter and letter != "A":
            found.inactive[answers.word(letter)] += 1
    digests = [fields.digest(one, keys) for one in held]
    db.register("listed", pa.table([emails, digests, list(range(len(chunk)))], schema=_LISTED))
    db.execute("insert into seen select email from listed")
    rows = db.execute(
        """
        select
            listed.position, expected.store_key, expected.email,
            expected.digest = listed.digest as is_equal,
            held.email is not null as is_held
        from listed join expected using (email) left join held using (store_key, email)"""
    ).fetchall()
    strangers = db.execute(
        "select count(*) filter (where held.email is null), count(*) filter (where held.email is not null)"
        " from listed anti join contacts using (email) left join held using (email)"
    ).fetchone()
    db.unregister("listed")
    if strangers is not None:
        found.strangers += strangers[0]
        found.left += strangers[1]
    found.compared += len(rows)
    found.equal += sum(is_equal for *_, is_equal, _ in rows)
    found.waiting += sum(not is_equal and not is_held for *_, is_equal, is_held in rows)
    differing = [tuple(row[:3]) for row in rows if row[4] and not row[3]]
    if differing:
        _judge(db, state, differing, held, profile, settings, found)


def _judge(
    db: duckdb.DuckDBPyConnection,
    state: State,
    differing: list[tuple[Any, ...]],
    listed: list[dict[str, str]],
    profile: Profile,
    settings: IcommktSettings,
    found: Found,
) -> None:
    """Tell contacts that only wait for the next push from those that somebody else changed."""
    columns = [list(column) for column in zip(*differing, strict=True)]
    db.register("differing", pa.table(columns, names=["position", "store_key", "email"]))
    rows = db.execute(
        """
        select
            differing.position, differing.store_key, differing.email, payload.custom_fields,
            acknowledged.content_id, acknowledged.content_index,
            acknowledged.content_hash = md5(payload.custom_fields) as is_latest
        from differing
        join contacts using (store_key, email)
        join published.marts.icommkt_payloads as payload on payload.rowid = contacts.payload_row
        join state.push.acknowledgements as acknowledged
            on acknowledged.profile = $profile
            and acknowledged.store_key = differing.store_key and acknowledged.email = differing.email
        order by differing.position""",
        {"profile": profile.name},
    ).fetchall()
    db.unregister("differing")
    kept = state.contents([row[4] for row in rows if row[4] is not None and not row[6]])
    for position, store_key, email, custom_fields, content_id, index, is_latest in rows:
        acknowledged = kept[content_id][index] if content_id in kept else None
        if not is_latest and (acknowledged is None or not fields.differing(listed[position], acknowledged)):
            found.waiting += 1
            continue
        names = fields.differing(listed[position], fields.of_text(custom_fields, settings.empty_value))
        found.changed += 1
        found.by_field.update(names)
        db.execute("insert into wanted values (?, ?)", [store_key, email])
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


def _repair(
    db: duckdb.DuckDBPyConnection,
    published: Published,
    state: State,
    profile: Profile,
    settings: IcommktSettings,
    options: Options,
) -> None:
    plan = planning.make(db, published, profile, settings, only=True)
    today = options.as_of_date or published.build.today()
    wrong = [
        *guards.of_build(published.build, today),
        *objections(db, published, state, profile, plan, settings),
    ]
    for line in describe(db, published, state, profile, plan, settings):
        log.info(line)
    if not may_send(wrong, options):
        return
    Run(db, published, state, profile, settings, command="repair").send(plan, removing=False)


def _storable(email: object) -> str:
    return str(email or "").encode(errors="replace").decode().strip().lower()


def _chunks(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
