"""The push: plan, guard, send, and write down what was acknowledged."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import logging
import platform
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from loaders.dates import check_day
from loaders.icommkt import guards
from loaders.icommkt import plan as planning
from loaders.icommkt import published as publishing
from loaders.icommkt.client import Client
from loaders.icommkt.errors import GuardError, RejectedError
from loaders.icommkt.plan import Plan, Profile
from loaders.icommkt.published import Published
from loaders.icommkt.sender import Refusal, Sender, Settled, Sizes
from loaders.icommkt.settings import IcommktSettings, profile_key
from loaders.icommkt.state import Acknowledged, Rejection, State
from loaders.paths import Warehouse
from loaders.text import fingerprint, mask, mask_email

log = logging.getLogger(__name__)

PROGRESS_EVERY = 10.0
MEMORY = "256MB"
LONGEST_WAIT_DAYS = 30
TRIES_WITHOUT_WAIT = 3
"""A contact whose request failed without a word about it is tried again by the next run, so many times."""
TOLD_FOR = dt.timedelta(days=7)
"""So long a profile that is no destination any more is told of."""
SMALLEST_SAMPLE = 20
"""Below so many contacts a share of refused ones says nothing."""


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    as_of_date: dt.date | None = None
    dry_run: bool = False
    force: bool = False


@dataclass
class Outcome:
    """Counts of one profile's run."""

    acknowledged: int = 0
    rejected: int = 0
    permanent: int = 0
    inactive: int = 0
    removed: int = 0
    not_removed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def connect(
    house: Warehouse, *, read_only: bool, published_path: Path | None = None
) -> tuple[duckdb.DuckDBPyConnection, Published, State]:
    """Open the published file (the warehouse's, or another) and the state side by side, with bounded memory."""
    spill = house.work / "push"
    spill.mkdir(parents=True, exist_ok=True)
    db = duckdb.connect(
        config={
            "memory_limit": MEMORY,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    db.execute("set enable_progress_bar = false")
    # Temporary tables belong to one connection; the plan is read by another one while this one writes.
    db.execute("attach ':memory:' as scratch")
    published = publishing.attach(db, published_path or house.published)
    state = State.attach(db, house.state, read_only=read_only)
    return db, published, state


def profiles_of(db: duckdb.DuckDBPyConnection, settings: IcommktSettings) -> list[Profile]:
    """Return the destinations: those of the seed `icommkt_profiles`, or the one of the settings.

    Two names that hold the same key are one profile. Raises SettingsError when a key is missing.
    """
    rows = db.execute(
        "select distinct lower(trim(profile_setting)) from published.seeds.icommkt_profiles order by 1"
    ).fetchall()
    names = [row[0] for row in rows if row[0]]
    api_key = fingerprint(settings.api_key)
    if not names:
        key = settings.profile_key or profile_key()
        return [Profile(fingerprint(key), key, api_key)]
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(profile_key(name), []).append(name)
    return [Profile(fingerprint(key), key, api_key, tuple(settings_names)) for key, settings_names in by_key.items()]


def push(house: Warehouse, settings: IcommktSettings, options: Options) -> int:
    """Send what differs from what was acknowledged; return the exit code.

    Raises GuardError before anything is sent, RefusedError and UnavailableError when the run could not go on, and
    RejectedError when it ended with too many contacts refused.
    """
    db, published, state = connect(house, read_only=options.dry_run)
    with db:
        check_day(published.build.as_of_date, ZoneInfo(published.build.store_timezone))
        publishing.check_audience(db, settings)
        profiles = profiles_of(db, settings)
        today = options.as_of_date or published.build.today()
        wrong = list(guards.of_build(published.build, today))
        plans: dict[str, Plan] = {}
        for profile in profiles:
            plans[profile.name] = plan = make_plan(db, published, state, profile, settings)
            wrong += objections(db, published, state, profile, plan, settings)
            for line in describe(db, published, state, profile, plan, settings):
                log.info(line)
        _unrouted(db, published, profiles)
        _left_behind(published, state, profiles)
        if not may_send(wrong, options):
            return 0
        rejected_shares = []
        for profile in profiles:
            if len(profiles) > 1:
                make_plan(db, published, state, profile, settings)
            run = Run(db, published, state, profile, settings, command="push")
            outcome = run.send(plans[profile.name])
            tried = outcome.acknowledged + outcome.rejected
            if tried >= SMALLEST_SAMPLE and outcome.rejected / tried > settings.max_rejected_share:
                rejected_shares.append(f"profile {profile.name} refused {outcome.rejected:,} of {tried:,} contacts")
        if rejected_shares:
            raise RejectedError(
                f"{'; '.join(rejected_shares)}, more than {settings.max_rejected_share:.0%};"
                " the reasons are in push.rejections of the state file"
            )
    return 0


def make_plan(
    db: duckdb.DuckDBPyConnection, published: Published, state: State, profile: Profile, settings: IcommktSettings
) -> Plan:
    """Compute a profile's plan into the temporary tables."""
    return planning.make(
        db,
        published,
        profile,
        settings,
        at_any_age=_fields_before(state, profile, published) is not None,
    )


def _fields_before(state: State, profile: Profile, published: Published) -> list[str] | None:
    """Return the keys that were sent last, when they are not those of now; None when they are, or never were sent."""
    last = state.last_run(profile.name)
    before = last["fields"] if last else None
    return before if before is not None and before != list(published.fields) else None


def objections(
    db: duckdb.DuckDBPyConnection,
    published: Published,
    state: State,
    profile: Profile,
    plan: Plan,
    settings: IcommktSettings,
) -> list[str]:
    """Return what the guards have against a profile's plan."""
    last = state.last_run(profile.name)
    last_as_of = last["as_of_date"] if last else None
    if last_as_of is not None and last_as_of > published.build.today() + dt.timedelta(days=1):
        last_as_of = None  # a day mistyped into the future, which a version before this one took
    wrong = list(
        guards.of_plan(
            published.build,
            plan,
            last or state.last_run(),
            last_as_of,
            settings,
            lambda what: planning.sample(db, what),
        )
    )
    # A night on which nothing that is known is sent again cannot empty anything.
    if plan.changed or plan.stale or plan.rekeyed:
        wrong += guards.of_fields(*planning.emptied_fields(db, published, settings.max_emptied_share), settings)
    return wrong


def may_send(wrong: list[str], options: Options) -> bool:
    """Say what the guards have found; false for a dry run. Raises GuardError when they stop the run."""
    found = "; ".join(dict.fromkeys(wrong))
    if options.dry_run:
        if found:
            log.warning("note: a guard would stop this push: %s", found)
        log.info("dry run: nothing was sent")
        return False
    if found and not options.force:
        raise GuardError(f"nothing was sent: {found}; {guards.OVERRIDE}")
    if found:
        log.warning("forced: %s", found)
    return True


def describe(
    db: duckdb.DuckDBPyConnection,
    published: Published,
    state: State,
    profile: Profile,
    plan: Plan,
    settings: IcommktSettings,
) -> Iterator[str]:
    """Say what a plan would do: counts, why it is large, masked samples."""
    name = f"profile {profile.name}"
    yield (
        f"{name}: {plan.contacts:,} contacts in the mart, {plan.held:,} acknowledged; to send {plan.total:,}"
        f" ({plan.new:,} new, {plan.changed:,} changed, {plan.stale:,} stale), {plan.waiting:,} refused and waiting"
    )
    if plan.outside_audience:
        yield (
            f"{name}: {plan.outside_audience:,} contacts are not subscribers and stay as they are in ICOMMKT; of"
            f" {plan.unknown:,} of them, guests and accounts, the store does not tell: they count as not subscribed"
        )
    if plan.rekeyed:
        yield (
            f"{name}: the API key is another one than that under which {plan.rekeyed:,} contacts were acknowledged,"
            " so they are sent again"
        )
    elif not plan.held and plan.total:
        yield f"{name}: nothing was ever acknowledged by this profile, so all {plan.total:,} contacts are sent"
    before = _fields_before(state, profile, published)
    if before is not None:
        added = [key for key in published.fields if key not in before]
        gone = [key for key in before if key not in published.fields]
        changes = [f"{len(added)} added" if added else "", f"{len(gone)} no more sent" if gone else ""]
        yield (
            f"{name}: the fields have changed ({', '.join(filter(None, changes)) or 'their order'}),"
            f" so {plan.changed + plan.stale:,} contacts are sent again"
        )
    if plan.gone:
        doing = "will be removed from" if settings.on_missing == "remove" else "stay as they are in"
        yield (
            f"{name}: {plan.gone:,} acknowledged contacts left the mart"
            f" ({plan.moved:,} whose customer has another e-mail now); they {doing} ICOMMKT"
        )
    for kind in ("new", "changed", "stale", "gone"):
        emails = planning.sample(db, kind, 3)
        if emails:
            yield f"{name}: {kind}, such as {', '.join(mask_email(email) for email in emails)}"


def _unrouted(db: duckdb.DuckDBPyConnection, published: Published, profiles: list[Profile]) -> None:
    if not any(profile.settings for profile in profiles):
        return
    row = db.execute(
        """
        select count(*) from published.marts.icommkt_payloads
        anti join (
            select site.store_key, site.email
            from published.marts.icommkt_contact_websites as site
            join published.seeds.icommkt_profiles as route using (website_id)
        ) as routed using (store_key, email)"""
    ).fetchone()
    if row and row[0]:
        log.warning("%s contacts belong to no website of the seed icommkt_profiles and are sent nowhere", f"{row[0]:,}")


def _left_behind(published: Published, state: State, profiles: list[Profile]) -> None:
    since = published.build.as_of_date - TOLD_FOR
    for name, contacts in state.left_behind([profile.name for profile in profiles], since):
        log.warning(
            "profile %s is sent nothing any more (its key, or its line in the seed icommkt_profiles, has changed);"
            " %s contacts stay in it as they are",
            name,
            f"{contacts:,}",
        )


class Run:
    """One profile's sending: from the plan in the temporary tables to acknowledgements in the state."""

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        published: Published,
        state: State,
        profile: Profile,
        settings: IcommktSettings,
        *,
        command: str,
    ) -> None:
        self.db = db
        self.published = published
        self.state = state
        self.profile = profile
        self.settings = settings
        self.command = command
        self.outcome = Outcome()
        self._planned = 0
        self._run_id = 0
        self._spoke = time.monotonic()

    def send(self, plan: Plan, *, removing: bool = True) -> Outcome:
        """Send the plan, remove what is to be removed, and write the run down however it ends."""
        started = time.monotonic()
        state, settings, profile = self.state, self.settings, self.profile
        build = self.published.build
        self._planned = plan.total
        self._run_id = state.begin_run(
            profile=profile.name,
            command=self.command,
            build_id=build.build_id,
            as_of_date=build.as_of_date,
            contacts=plan.contacts,
            planned=plan.total,
            raw_rows=json.dumps(build.raw_rows),
            fields=json.dumps(self.published.fields),
            fields_hash=self.published.fields_hash,
            versions=json.dumps(_versions()),
        )
        stop = threading.Event()
        client = Client(settings, stop)
        most = state.batch_limit(profile.name, settings.batch_size, settings.relearn_days)
        sizes = Sizes(most, settings.batch_bytes)
        sender = Sender(client, settings, profile.key, sizes, stop, self._settle, has_accepted=plan.held > 0)
        status, message = "failed", ""
        # Many small statements between other threads' work: a second thread of DuckDB's would only cost time.
        self.db.execute("set threads = 1")
        try:
            with self.db.cursor() as reader:
                sender.send(planning.items(reader, settings.empty_value))
            if removing and settings.on_missing == "remove":
                sender.remove(self._removable())
            status = "succeeded"
        except BaseException as error:
            status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            message = mask(f"{type(error).__name__}: {error}")
            raise
        finally:
            if sizes.learned:
                state.learn_batch_limit(profile.name, sizes.contacts, settings.batch_size)
            outcome, counts = self.outcome, client.counts
            state.end_run(
                self._run_id,
                status,
                acknowledged=outcome.acknowledged,
                rejected=outcome.rejected,
                removed=outcome.removed,
                requests=counts.requests,
                retries=counts.retries,
                bytes_sent=counts.bytes,
                message=message,
            )
            self.db.execute("reset threads")
            self._summarise(plan, client, sender, sizes, status, time.monotonic() - started)
        return outcome

    def _removable(self) -> Iterable[tuple[str, str]]:
        """Return the contacts to remove; a renamed one only when its customer's new e-mail has been acknowledged."""
        rows = self.db.execute(
            """
            select gone.store_key, gone.email from gone
            join state.push.acknowledgements as old
                on old.profile = $profile and old.store_key = gone.store_key and old.email = gone.email
            where not has_moved or exists (
                select 1 from state.push.acknowledgements as current
                join contacts on contacts.store_key = current.store_key and contacts.email = current.email
                where current.profile = $profile and contacts.store_key = old.store_key
                    and contacts.customer_id = old.customer_id
            )
            order by gone.email""",
            {"profile": self.profile.name},
        ).fetchall()
        return [(row[0], row[1]) for row in rows]

    def _settle(self, answers: list[Settled]) -> None:
        as_of = self.published.build.as_of_date
        outcome = self.outcome
        acknowledged = [Acknowledged(one.taken, one.statuses, one.contents) for one in answers if one.taken]
        rejected = [self._rejection(refusal, as_of) for one in answers for refusal in one.refused]
        cleared = [(item.store_key, item.email) for one in answers for item in one.taken if item.was_refused]
        if acknowledged or rejected:
            profile = self.profile
            self.state.record(self._run_id, profile.name, profile.api_key, as_of, acknowledged, rejected, cleared)
        removed = [key for one in answers for key in one.removed]
        if removed:
            self.state.forget(self.profile.name, removed)
        for one in answers:
            outcome.acknowledged += len(one.taken)
            outcome.inactive += sum(status not in (None, "A") for status in one.statuses)
            outcome.not_removed += one.not_removed
        outcome.removed += len(removed)
        outcome.rejected += len(rejected)
        outcome.permanent += sum(one.permanent for one in rejected)
        for rejection in rejected:
            outcome.reasons[rejection.reason] = outcome.reasons.get(rejection.reason, 0) + 1
        if time.monotonic() - self._spoke >= PROGRESS_EVERY:
            self._spoke = time.monotonic()
            log.info("%s of %s contacts answered", f"{outcome.acknowledged + outcome.rejected:,}", f"{self._planned:,}")

    def _rejection(self, refusal: Refusal, as_of: dt.date) -> Rejection:
        item = refusal.item
        tries = item.tries + 1
        permanent = refusal.permanent or tries >= self.settings.max_tries
        days = min(2 ** (tries - 1), LONGEST_WAIT_DAYS)
        if not refusal.explicit and tries <= TRIES_WITHOUT_WAIT:
            days = 0
        return Rejection(
            store_key=item.store_key,
            email=item.email,
            payload_hash=item.payload_hash,
            permanent=permanent,
            status_code=refusal.code,
            reason=refusal.reason,
            tries=tries,
            next_try=None if permanent else as_of + dt.timedelta(days=days),
        )

    def _summarise(self, plan: Plan, client: Client, sender: Sender, sizes: Sizes, status: str, seconds: float) -> None:
        outcome, counts = self.outcome, client.counts
        parts = [
            f"{plan.contacts:,} contacts",
            f"{plan.total:,} to send",
            f"{outcome.acknowledged:,} acknowledged",
            f"{outcome.rejected:,} refused",
            f"{plan.waiting:,} waiting",
        ]
        if outcome.inactive:
            parts.append(f"{outcome.inactive:,} taken but not active in ICOMMKT")
        if plan.gone:
            parts.append(f"{plan.gone:,} left the mart ({outcome.removed:,} removed)")
        if outcome.not_removed:
            parts.append(f"{outcome.not_removed:,} could not be removed")
        parts.append(f"{counts.requests:,} requests ({counts.retries:,} retries, {sender.splits:,} splits)")
        if sizes.learned:
            parts.append(f"batches reduced to {sizes.contacts:,} contacts")
        log.info("push %s: profile %s: %s, %.1f s", status, self.profile.name, ", ".join(parts), seconds)
        for reason, number in sorted(outcome.reasons.items(), key=lambda pair: -pair[1])[:5]:
            log.info("push: refused %s times: %s", f"{number:,}", reason)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("duckdb", "requests", "urllib3"):
        found[package] = importlib.metadata.version(package)
    return found
