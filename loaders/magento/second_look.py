"""Reading rows again that have not changed as far as `updated_at` knows: which, and how many a night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from loaders.magento.reader import TIME
from loaders.magento.schema import Filter, Table
from loaders.magento.settings import MagentoSettings
from loaders.magento.storage import RawStore

HALF_A_DAY = timedelta(hours=12)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Look:
    """Ids above `after`, up to `upto`, that pass the filters; the next look goes on after `next_after`."""

    after: int
    upto: int
    filters: list[Filter]
    next_after: int


def second_look(
    raw: RawStore, table: Table, settings: MagentoSettings, looked_at: datetime, after: int, now: datetime
) -> Look | None:
    """The rows whose turn it is, given when the last look was, and up to which id it went; None for none.

    What share of the rows it is follows from the time since, so that all are seen within `reread_days` however often
    the loader runs. A table of few rows is read again whole, once a night.
    """
    days = settings.reread_order_days if table.second_look == "young" else settings.reread_days
    if not table.second_look or days <= 0 or settings.reread_days <= 0:
        return None
    # Ids do not always follow the dates: an import can number old orders last.
    is_young = [Filter("created_at", "gteq", (now - timedelta(days=days)).strftime(TIME))]
    filters = is_young if table.second_look == "young" else []
    lowest, highest, count = raw.id_range(table, filters)
    elapsed = now - looked_at if looked_at <= now else DAY
    if not count:
        return None
    if count <= settings.reread_rows:
        return Look(lowest - 1, highest, filters, 0) if elapsed >= HALF_A_DAY else None
    # One night less than promised: a change just after its turn waits for the night after the last.
    share = elapsed / timedelta(days=max(1, settings.reread_days - 1))
    rows = -(-count * int(min(1.0, share) * 1_000_000) // 1_000_000)
    if rows < settings.page_size:
        return None
    after = after if lowest - 1 < after < highest else lowest - 1
    upto = raw.nth_id(table, after, rows, filters)
    return Look(after, upto, filters, upto if upto < highest else 0)
