"""One profile's sending: from the relation to the answers in the state."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from loaders.dates import utc_now
from loaders.errors import said
from loaders.icommkt import relation
from loaders.icommkt.client import Client
from loaders.icommkt.items import Item, items
from loaders.icommkt.relation import Counts, Profile
from loaders.icommkt.sender import Sender, Settled
from loaders.icommkt.session import Session
from loaders.icommkt.state import Answer
from loaders.nights import night_id
from loaders.text import mask

log = logging.getLogger(__name__)

PROGRESS_EVERY = 10.0
LONGEST_WAIT_DAYS = 30
TRIES_WITHOUT_WAIT = 3
"""A contact whose request failed without a word about it is tried again by the next run, so many times."""


@dataclass
class Outcome:
    """What became of the contacts of a run, counted."""

    acknowledged: int = 0
    rejected: int = 0
    inactive: int = 0
    removed: int = 0
    not_removed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Run:
    """One profile's run. `counts` are those of the relation."""

    def __init__(self, session: Session, profile: Profile, counts: Counts, command: str = "push") -> None:
        self.session = session
        self.profile = profile
        self.counts = counts
        self.command = command
        self.outcome = Outcome()
        self.run_id = 0
        self._spoke = time.monotonic()

    def _begin(self) -> None:
        build, counts = self.session.published.build, self.counts
        self.run_id = self.session.state.begin_run(
            night_id=night_id(),
            profile=self.profile.name,
            command=self.command,
            build_id=build.build_id,
            as_of_date=build.as_of_date,
            contacts=counts.contacts,
            planned=counts.total,
            **{
                name: getattr(counts, name)
                for name in ("new", "changed", "stale", "unchanged", "waiting", "gone", "outside")
            },
            raw_rows=json.dumps(build.raw_rows),
            fields=json.dumps(self.session.published.fields),
            batch_size=self.session.settings.batch_size,
        )

    def stopped(self, why: str) -> None:
        """Write down a run that a guard stopped."""
        self._begin()
        self.session.state.end_run(self.run_id, status="stopped", message=mask(why))

    def send(self, *, wanted: str = "", blank: str = "", removing: bool = True) -> None:
        """Send what differs, or what is in table `wanted`; remove what is to be removed; write the run's end down.

        `blank` is a key that is sent empty with every contact that was acknowledged before.
        """
        started = time.monotonic()
        db, state, settings = self.session.db, self.session.state, self.session.settings
        self._begin()
        stop = threading.Event()
        client = Client(settings, stop)
        batch_size = state.batch_limit(self.profile.name, settings.batch_size, settings.relearn_days)
        sender = Sender(
            client, settings, self.profile.key, batch_size, stop, self._settle, has_accepted=self.counts.held > 0
        )
        if blank:
            wanted = "scratch.blanked"
            db.execute(
                f"create or replace table {wanted} as select store_key, email from scratch.relation"
                f" where profile = ? and (is_held or outcome in {relation.SENT})",
                [self.profile.name],
            )
        extra = json.dumps({"Key": blank, "Value": ""}, ensure_ascii=False).encode() if blank else b""
        status, message = "failed", ""
        # Many small statements between other threads' work: a second thread of DuckDB's would only cost time.
        db.execute("set threads = 1")
        try:
            with (
                db.cursor() as reader,
                contextlib.closing(
                    items(
                        reader,
                        self.session.published,
                        self.profile.name,
                        wanted=wanted,
                        extra=extra,
                        empty_value=settings.empty_value,
                    )
                ) as chosen,
            ):
                sender.send(chosen)
            if removing and settings.on_missing == "remove":
                sender.remove(self._removable())
            status = "succeeded"
        except BaseException as error:
            status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            message = said(error) if isinstance(error, Exception) else ""
            raise
        finally:
            outcome, counts = self.outcome, client.counts
            state.end_run(
                self.run_id,
                status=status,
                acknowledged=outcome.acknowledged,
                rejected=outcome.rejected,
                removed=outcome.removed,
                requests=counts.requests,
                retries=counts.retries,
                bytes_sent=counts.bytes,
                learned_size=sender.batch_size if sender.has_learned else None,
                message=message,
            )
            db.execute("reset threads")
            self._summarise(client, sender, status, time.monotonic() - started)

    def _removable(self) -> Iterator[Item]:
        """Yield the contacts to remove; a renamed one only when its customer's new e-mail has been acknowledged."""
        rows = self.session.db.execute(
            """
            select gone.store_key, gone.email
            from scratch.relation as gone
            where gone.profile = $profile and gone.outcome = 'left'
                and gone.email not in (  -- another store may have the same address, which is one contact in ICOMMKT
                    select email from scratch.relation where profile = $profile and new_hash is not null
                )
                and coalesce((
                    select bool_or(current.email is not null)
                    from scratch.relation as renamed
                    left join state.push.acknowledgements as current using (profile, store_key, email)
                    where renamed.profile = $profile and renamed.new_hash is not null
                        and renamed.store_key = gone.store_key and renamed.customer_id = gone.customer_id
                ), true)
            order by gone.email""",
            {"profile": self.profile.name},
        ).fetchall()
        return (Item(store_key, email) for store_key, email in rows)

    def _settle(self, settled: list[Settled]) -> None:
        outcome = self.outcome
        answers = [self._answer(one) for one in settled if one.outcome != "not removed"]
        if answers:
            as_of = self.session.published.build.as_of_date
            self.session.state.record(self.run_id, self.profile.name, self.profile.api_key or "", as_of, answers)
        for one in settled:
            outcome.acknowledged += one.outcome == "accepted"
            outcome.rejected += one.outcome == "refused"
            outcome.removed += one.outcome == "removed"
            outcome.not_removed += one.outcome == "not removed"
            outcome.inactive += one.status not in (None, "A")
            if one.outcome == "refused":
                outcome.reasons[one.reason] += 1
        if time.monotonic() - self._spoke >= PROGRESS_EVERY:
            self._spoke = time.monotonic()
            answered = outcome.acknowledged + outcome.rejected
            log.info("%s of %s contacts answered", f"{answered:,}", f"{self.counts.total:,}")

    def _answer(self, one: Settled) -> Answer:
        item = one.item
        answer = Answer(
            item.store_key,
            item.email,
            one.outcome,
            item.payload_hash,
            item.content_hash,
            item.customer_id,
            item.has_purchase,
            item.filled_windows,
            one.status,
        )
        if one.outcome == "refused":
            answer.status_code, answer.reason = one.code, one.reason
            answer.tries = item.tries + 1
            answer.permanent = one.permanent or answer.tries >= self.session.settings.max_tries
            answer.first_at = (item.refused_since if item.tries else None) or utc_now()
            days = min(2**item.tries, LONGEST_WAIT_DAYS)
            if not one.explicit and answer.tries <= TRIES_WITHOUT_WAIT:
                days = 0
            if not answer.permanent:
                answer.next_try = self.session.published.build.as_of_date + dt.timedelta(days=days)
        return answer

    def _summarise(self, client: Client, sender: Sender, status: str, seconds: float) -> None:
        outcome, counts, sent = self.outcome, self.counts, client.counts
        parts = [
            f"{counts.contacts:,} contacts",
            f"{counts.total:,} to send",
            f"{outcome.acknowledged:,} acknowledged",
            f"{outcome.rejected:,} refused",
            f"{counts.waiting:,} waiting",
        ]
        if outcome.inactive:
            parts.append(f"{outcome.inactive:,} taken but not active in ICOMMKT")
        if counts.gone:
            parts.append(f"{counts.gone:,} left the mart ({outcome.removed:,} removed)")
        if outcome.not_removed:
            parts.append(f"{outcome.not_removed:,} could not be removed")
        parts.append(f"{sent.requests:,} requests ({sent.retries:,} retries, {sender.splits:,} splits)")
        if sender.has_learned:
            parts.append(f"batches reduced to {sender.batch_size:,} contacts")
        log.info("push %s: profile %s: %s, %.1f s", status, self.profile.name, ", ".join(parts), seconds)
        for reason, number in outcome.reasons.most_common(5):
            log.info("push: refused %s times: %s", f"{number:,}", reason)
