"""Who is sent has no default: it is chosen once, and asked for until then, with the contacts of each choice counted."""

from __future__ import annotations

import duckdb

from loaders.errors import PipelineError, SettingsError
from loaders.icommkt import published
from loaders.icommkt.settings import IcommktSettings, env
from loaders.paths import Warehouse

COUNT = "select count(*), count(*) filter (is_subscribed) from published.marts.icommkt_contacts"


def check_audience_is_chosen(house: Warehouse, settings: IcommktSettings) -> None:
    """Raise SettingsError when nobody has said who is sent."""
    if not settings.audience:
        raise SettingsError(f"{question(house)}; nothing was sent")


def question(house: Warehouse) -> str:
    """Ask who is sent, with the number of contacts of each choice once something is published."""
    of_all = of_subscribers = ""
    if house.published.exists():
        try:
            with duckdb.connect() as db:
                published.attach(db, house.published)
                of_all, of_subscribers = (f": {number:,} contacts" for number in db.execute(COUNT).fetchall()[0])
        except PipelineError:  # of another version: the question is the same
            pass
    return (
        f"{env('audience')} is not set, and has no default: set it to all (everybody with a valid e-mail, as ICOMMKT's "
        f"own integration does{of_all}) or to subscribers (accounts subscribed to the newsletter{of_subscribers})"
    )
