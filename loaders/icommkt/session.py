"""What every command works with: the published file, the one that was pushed last, the state, their relation."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loaders.errors import PipelineError
from loaders.icommkt import former, relation
from loaders.icommkt import published as publishing
from loaders.icommkt.published import Published
from loaders.icommkt.relation import Profile
from loaders.icommkt.settings import IcommktSettings, profile_key
from loaders.icommkt.state import State
from loaders.paths import Warehouse
from loaders.text import fingerprint, fit

log = logging.getLogger(__name__)

MEMORY = "256MB"

# What was acknowledged is not kept by field. The file whose push ended well last has it: exactly, where its hash is the
# acknowledged one, else as it was then.
BEFORE = """
create or replace table scratch.before as
select
    relation.profile,
    relation.store_key,
    relation.email,
    contact.rowid as old_row,
    {content_hash} = relation.old_content as is_exact
from scratch.relation
join pushed.marts.icommkt_payload_hashes as hash using (store_key, email)
join pushed.marts.icommkt_contacts as contact using (store_key, email)
where relation.is_held
"""


@dataclass
class Session:
    """The files side by side in one DuckDB; the relation is made when it is opened."""

    house: Warehouse
    settings: IcommktSettings
    db: duckdb.DuckDBPyConnection
    published: Published
    state: State
    profiles: list[Profile]
    pushed: Published | None
    """The file whose push ended well last; None when there was none yet."""

    def find_before(self) -> None:
        """Write the acknowledged contacts that the file pushed last has into `scratch.before`."""
        if self.pushed is None:
            self.db.execute(
                "create or replace table scratch.before"
                " (profile varchar, store_key varchar, email varchar, old_row bigint, is_exact boolean)"
            )
            return
        hashes = relation.hashes("hash", self.settings.empty_value)
        try:
            self.db.execute(BEFORE.format(**hashes))
        except duckdb.Error as error:
            log.warning("%s cannot be read (%s) and counts as missing", self.house.pushed, fit(error, 80))
            self.pushed = None
            self.find_before()

    def known(self, profile: Profile) -> int:
        """Return how many acknowledged contacts the file pushed last has. Needs `scratch.before`."""
        return self.state.number("select count(*) from scratch.before where profile = ?", [profile.name])

    def keep_pushed(self) -> None:
        """Keep the published file as the one that was pushed last: a hard link, which costs no room of its own."""
        kept = self.house.pushed
        if kept.exists() and kept.samefile(self.house.published):
            return
        aside = kept.with_name(f".{kept.name}.new")
        aside.unlink(missing_ok=True)
        try:
            os.link(self.house.published, aside)
        except OSError:  # a file system without hard links
            shutil.copyfile(self.house.published, aside)
        aside.replace(kept)


@contextlib.contextmanager
def opened(
    house: Warehouse,
    settings: IcommktSettings,
    *,
    read_only: bool,
    published_path: Path | None = None,
    email: str | None = None,
) -> Iterator[Session]:
    """Open the published file (the warehouse's, or another), with bounded memory, and make the relation.

    With `email` it is made of that contact alone.
    """
    spill = house.work / "push"
    spill.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(config=config) as db:
        db.execute("set enable_progress_bar = false")
        # Temporary tables belong to one connection; the contacts to send are read by another one while this one writes.
        db.execute("attach ':memory:' as scratch")
        published = publishing.attach(db, published_path or house.published)
        publishing.check_audience(db, settings)
        state = State(db, house.state, read_only=read_only)
        if former.has_former_hashes(db):
            if read_only:
                state.copy_into_memory()
            former.match_hashes(db, published, settings.empty_value)
        profiles = [_with_age(one, state, published, settings) for one in _profiles(db, settings)]
        relation.make(db, published, profiles, settings, email=email)
        yield Session(house, settings, db, published, state, profiles, _attach_pushed(db, house.pushed))


def _attach_pushed(db: duckdb.DuckDBPyConnection, path: Path) -> Published | None:
    if not path.exists():
        return None
    try:
        return publishing.attach(db, path, "pushed")
    except PipelineError:  # of a former version
        return None


def _profiles(db: duckdb.DuckDBPyConnection, settings: IcommktSettings) -> list[Profile]:
    """Return the destinations: those of the seed `icommkt_profiles`, or the one of the settings.

    Two names that hold the same key are one profile. Raises SettingsError when a key is missing.
    """
    rows = db.execute(
        "select distinct lower(trim(profile_setting)) from published.seeds.icommkt_profiles order by 1"
    ).fetchall()
    names = [row[0] for row in rows if row[0]]
    api_key = fingerprint(settings.api_key) if settings.api_key else None
    if not names:
        key = settings.profile_key or profile_key()
        return [Profile(fingerprint(key), key, api_key)]
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(profile_key(name), []).append(name)
    return [Profile(fingerprint(key), key, api_key, tuple(settings_names)) for key, settings_names in by_key.items()]


def _with_age(profile: Profile, state: State, published: Published, settings: IcommktSettings) -> Profile:
    """Say from which age on a contact is stale: when the fields are others now, at any."""
    as_of = published.build.as_of_date
    days = 0 if changed_fields(state, profile, published) else settings.max_stale_days
    return Profile(profile.name, profile.key, profile.api_key, profile.settings, as_of - dt.timedelta(days=days))


def changed_fields(state: State, profile: Profile, published: Published) -> tuple[list[str], list[str]] | None:
    """Return the keys that are new and those that are sent no more since the last push; None when all are the same."""
    last = state.last_run(profile.name)
    before = last["fields"] if last else None
    if before is None or before == list(published.fields):
        return None
    return (
        [key for key in published.fields if key not in before],
        [key for key in before if key not in published.fields],
    )
