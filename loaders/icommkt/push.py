"""The push: compare, guard, send, and write down what was answered."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from loaders.dates import check_day
from loaders.icommkt import guards, relation, status
from loaders.icommkt.emptied import emptied_fields
from loaders.icommkt.errors import GuardError, RejectedError
from loaders.icommkt.relation import Counts, Profile
from loaders.icommkt.run import Run
from loaders.icommkt.session import Session, changed_fields, opened
from loaders.icommkt.settings import IcommktSettings
from loaders.nights import Step
from loaders.paths import Warehouse
from loaders.text import mask_email

log = logging.getLogger(__name__)

TOLD_FOR = dt.timedelta(days=7)
"""So long a profile that is no destination any more is told of."""
SMALLEST_SAMPLE = 20
"""Below so many contacts a share of refused ones says nothing."""


@dataclass(frozen=True)
class Options:
    """What the command line asked for. `blank` is a field that is sent no more, to be emptied in ICOMMKT."""

    as_of_date: dt.date | None
    dry_run: bool
    force: bool
    blank: str


def push(house: Warehouse, settings: IcommktSettings, options: Options, done: Step | None = None) -> int:
    """Send what differs from what was acknowledged, count it in `done`; return the exit code.

    Raises GuardError before anything is sent, RefusedError and UnavailableError when the run could not go on, and
    RejectedError when it ended with too many contacts refused.
    """
    with opened(house, settings, read_only=options.dry_run) as session:
        published = session.published
        check_day(published.build.as_of_date, ZoneInfo(published.build.store_timezone))
        if options.blank in published.fields:
            raise GuardError(
                f"nothing was sent: {options.blank} is a field that is sent; BLANK is for one that is no more"
            )
        runs = [Run(session, profile, relation.count(session.db, profile.name)) for profile in session.profiles]
        session.find_before()
        wrong = list(guards.of_build(published.build, options.as_of_date or published.build.today()))
        for run in runs:
            counts = run.counts
            if options.blank:
                counts = dataclasses.replace(counts, held_again=_blanked(session, run.profile, options.blank))
            wrong += objections(session, run.profile, counts)
            for line in describe(session, run.profile, run.counts):
                log.info(line)
            if options.blank:
                log.info(
                    "profile %s: %s is sent empty, once, to all %s acknowledged contacts in the mart",
                    run.profile.name, options.blank, f"{counts.held_again:,}",
                )  # fmt: skip
        _unrouted(session)
        _left_behind(session)
        if not may_send(session, runs, wrong, options):
            return 0
        try:
            for run in runs:
                run.send(blank=options.blank)
            # What no guard has looked at must not become what the next one compares with.
            if session.pushed is None or any(run.counts.held_again or not run.counts.held for run in runs):
                session.keep_pushed()
        finally:
            if done:
                done.sent = sum(run.outcome.acknowledged for run in runs)
                done.refused = sum(run.outcome.rejected for run in runs)
            status.write(session, runs)
            session.state.compact()
        if shares := [share for run in runs if (share := _too_many_refused(run, settings))]:
            raise RejectedError(
                f"{'; '.join(shares)}, more than {settings.max_rejected_share:.0%};"
                " the reasons are in push.rejections of the state file"
            )
    return 0


def _blanked(session: Session, profile: Profile, key: str) -> int:
    """Return in how many contacts a field is emptied. Raises GuardError when the profile was never sent it."""
    if not session.state.number(
        "select count(*) from state.push.runs where profile = ? and json_contains(fields, to_json(?))",
        [profile.name, key],
    ):
        raise GuardError(
            f"nothing was sent: profile {profile.name} was never sent a field {key}; is BLANK spelt right?"
        )
    return session.state.number(
        "select count(*) from scratch.relation where profile = ? and is_held and new_hash is not null"
        " and outcome not in ('outside', 'waiting')",
        [profile.name],
    )


def _too_many_refused(run: Run, settings: IcommktSettings) -> str:
    tried = run.outcome.acknowledged + run.outcome.rejected
    if tried < SMALLEST_SAMPLE or run.outcome.rejected / tried <= settings.max_rejected_share:
        return ""
    return f"profile {run.profile.name} refused {run.outcome.rejected:,} of {tried:,} contacts"


def objections(session: Session, profile: Profile, counts: Counts) -> list[str]:
    """Return what the guards have against sending to a profile. Needs `scratch.before`."""
    state, build, settings = session.state, session.published.build, session.settings
    last = state.last_run(profile.name)
    last_as_of = last["as_of_date"] if last else None
    if last_as_of is not None and last_as_of > build.today() + dt.timedelta(days=1):
        last_as_of = None  # a day mistyped into the future, which a version before this one took
    wrong = list(
        guards.of_counts(
            build,
            counts,
            last or state.last_run(),
            last_as_of,
            settings,
            lambda what: relation.sample(session.db, profile.name, what),
        )
    )
    # A night on which nothing that is known is sent again cannot empty anything.
    if counts.held_again:
        wrong += guards.of_fields(*emptied_fields(session, profile.name), settings)
    return wrong


def may_send(session: Session, runs: list[Run], wrong: list[str], options: Options) -> bool:
    """Say what the guards have found; false for a dry run.

    Raises GuardError when they stop the runs, which are written down.
    """
    found = "; ".join(dict.fromkeys(wrong))
    if options.dry_run:
        if found:
            log.warning("note: a guard would stop this push: %s", found)
        log.info("dry run: nothing was sent")
        return False
    if found and not options.force:
        message = f"nothing was sent: {found}; {guards.OVERRIDE}"
        for run in runs:
            run.stopped(message)
        status.write(session, runs)
        raise GuardError(message)
    if found:
        log.warning("forced: %s", found)
    return True


def describe(session: Session, profile: Profile, counts: Counts) -> Iterator[str]:
    """Say what a push would do: counts, why it is large, masked samples."""
    name = f"profile {profile.name}"
    yield (
        f"{name}: {counts.contacts:,} contacts in the mart, {counts.held:,} acknowledged; to send {counts.total:,}"
        f" ({counts.new:,} new, {counts.changed:,} changed, {counts.stale:,} stale),"
        f" {counts.waiting:,} refused and waiting"
    )
    if counts.outside:
        yield (
            f"{name}: {counts.outside:,} contacts are not subscribers and stay as they are in ICOMMKT; of"
            f" {counts.unknown:,} of them, guests and accounts, the store does not tell: they count as not subscribed"
        )
    if counts.rekeyed:
        yield (
            f"{name}: the API key is another one than that under which {counts.rekeyed:,} contacts were acknowledged,"
            " so they are sent again"
        )
    elif not counts.held and counts.total:
        yield f"{name}: nothing was ever acknowledged by this profile, so all {counts.total:,} contacts are sent"
    if changes := changed_fields(session.state, profile, session.published):
        added, gone = changes
        said = [f"{len(added)} added" if added else "", f"{len(gone)} no more sent" if gone else ""]
        yield (
            f"{name}: the fields have changed ({', '.join(filter(None, said)) or 'their order'}),"
            f" so {counts.changed + counts.stale:,} contacts are sent again"
        )
        for key in gone:
            yield f"{name}: {key} stays as it is in ICOMMKT; make push BLANK={shlex.quote(key)} empties it there, once"
    if counts.gone:
        doing = "will be removed from" if session.settings.on_missing == "remove" else "stay as they are in"
        yield (
            f"{name}: {counts.gone:,} acknowledged contacts left the mart"
            f" ({counts.moved:,} whose customer has another e-mail now); they {doing} ICOMMKT"
        )
    still_there = counts.held - counts.gone
    if 2 * (known := session.known(profile)) < still_there:
        yield (
            f"{name}: of {still_there:,} acknowledged contacts the file that was pushed last tells the fields"
            f" of {known:,}; whether fields of the others would be emptied is not known until the next push"
        )
    for outcome, word in (*((one, one) for one in relation.SENT), ("left", "gone")):
        emails = relation.sample(session.db, profile.name, outcome, 3)
        if emails:
            yield f"{name}: {word}, such as {', '.join(mask_email(email) for email in emails)}"


def _unrouted(session: Session) -> None:
    if not any(profile.settings for profile in session.profiles):
        return
    unrouted = session.state.number(
        "select count(*) from published.marts.icommkt_contacts"
        " anti join (from scratch.relation where new_hash is not null) using (store_key, email)"
    )
    if unrouted:
        log.warning(
            "%s contacts belong to no website of the seed icommkt_profiles and are sent nowhere", f"{unrouted:,}"
        )


def _left_behind(session: Session) -> None:
    since = session.published.build.as_of_date - TOLD_FOR
    for name, contacts in session.state.left_behind([profile.name for profile in session.profiles], since):
        log.warning(
            "profile %s is sent nothing any more (its key, or its line in the seed icommkt_profiles, has changed);"
            " %s contacts stay in it as they are",
            name,
            f"{contacts:,}",
        )
