"""What must be true before the first request. Each check returns what is wrong in a few words, or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from loaders.icommkt.emptied import Emptied
from loaders.icommkt.published import Build
from loaders.icommkt.relation import Counts
from loaders.icommkt.settings import IcommktSettings, env
from loaders.text import mask_email

OVERRIDE = "to send all the same: make push FORCE=1 (--force)"
COUNTED = ("orders", "customers")


def of_build(build: Build, today: dt.date) -> Iterator[str]:
    """Check the build itself: tested, of today, and made from a store with orders."""
    if not build.is_tested:
        yield f"the tests of build {build.build_id} did not pass"
    if build.as_of_date != today:
        yield f"the published build is of {build.as_of_date}, not of {today}"
    if not build.raw_rows.get("orders"):
        yield "the build was made from no orders at all"


def of_counts(
    build: Build,
    counts: Counts,
    last_run: dict[str, Any] | None,
    last_as_of: dt.date | None,
    settings: IcommktSettings,
    sample: Callable[[str], list[str]],
) -> Iterator[str]:
    """Compare what a profile would be sent with what it acknowledged and with the run before."""
    if last_as_of is not None and build.as_of_date < last_as_of:
        yield f"the published build is of {build.as_of_date}, but {last_as_of} has been sent already"
    before = (last_run or {}).get("raw_rows") or {}
    for table in COUNTED:
        was, now = before.get(table, 0), build.raw_rows.get(table, 0)
        if was and (was - now) / was > settings.max_drop_share:
            yield (
                f"raw {table} dropped from {was:,} to {now:,}, more than {settings.max_drop_share:.0%}"
                f" ({env('max_drop_share')})"
            )
    if counts.held and counts.gone / counts.held > settings.max_drop_share:
        yield (
            f"{counts.gone:,} of {counts.held:,} acknowledged contacts are in the mart no more, more than"
            f" {settings.max_drop_share:.0%} ({env('max_drop_share')}){_such_as(sample('left'))}"
        )
    elif settings.on_missing == "remove" and counts.held and counts.gone / counts.held > settings.max_removed_share:
        yield (
            f"{counts.gone:,} of {counts.held:,} contacts would be removed, more than {settings.max_removed_share:.0%}"
            f" ({env('max_removed_share')}){_such_as(sample('left'))}"
        )
    if counts.known_buyers and counts.emptied / counts.known_buyers > settings.max_emptied_share:
        yield (
            f"{counts.emptied:,} of {counts.known_buyers:,} buyers would become prospects or have every window empty,"
            f" more than {settings.max_emptied_share:.0%} ({env('max_emptied_share')}){_such_as(sample('emptied'))}"
        )


def of_fields(emptied: Sequence[Emptied], emails: list[str], settings: IcommktSettings) -> Iterator[str]:
    """Object to fields that would be emptied in masse; `emails` are of the first one's contacts."""
    if not emptied:
        return
    shown = ", ".join(f"{one.key} ({one.emptied:,} of the {one.filled:,} contacts that have it)" for one in emptied[:3])
    more = f" and {len(emptied) - 3:,} more fields" if len(emptied) > 3 else ""
    yield (
        f"fields would be emptied in more than {settings.max_emptied_share:.0%} ({env('max_emptied_share')}):"
        f" {shown}{more}{_such_as(emails)}"
    )


def _such_as(emails: list[str]) -> str:
    return f", such as {', '.join(mask_email(email) for email in emails)}" if emails else ""
