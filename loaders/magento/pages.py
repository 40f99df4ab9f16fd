"""What is left to read of a table, as ranges of ids, and reading it page by page.

Each page moves the lower end of its range; an idle thread takes the upper half of the rows of the largest. A page that
does not come is asked for by halves until the row that breaks it stands alone: that one is noted, and the rest is read.
A first load, a night's window, a backfill, a second look and a list of ids differ in their filters only.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from loaders.dates import utc_now
from loaders.magento.errors import BadAnswerError, LoginError, MagentoError, PageError, StoreDownError
from loaders.magento.progress import Progress
from loaders.magento.reader import MAX_LISTED, MAX_REFUSED_IN_A_ROW, Reader, id_range, is_last, listed, next_after
from loaders.magento.rows import Lost, Rows, to_rows, without_known
from loaders.magento.schema import Filter, Table

PATIENT_REFUSALS = 3
"""Rows one after the other that get every retry; those after them get one."""
WIDEST_PROBE = 2**40


@dataclass
class Reading:
    """What all jobs of a run share. `ended_by` is what no table survives: a refused login, a store that is down."""

    reader: Reader
    progress: Progress
    store_key: str
    workers: int
    known: Callable[[Table, Sequence[tuple[Any, ...]]], Mapping[tuple[Any, ...], str]]
    """Hashes of those of some rows that raw has."""
    ended_by: MagentoError | None = None


@dataclass(eq=False)
class Range:
    """Ids above `after`, up to `upto` (None: open), of which about `rest` rows are left.

    `size` is how many are asked for at once, 0 for a whole page; `probe` how many ids, while the row that breaks a
    page of one is looked for.
    """

    after: int
    upto: int | None
    rest: int = 0
    size: int = 0
    probe: int = 0
    is_busy: bool = False


class Job:
    """The reading of one table, or of what is left of it. With `ids` just these rows are read."""

    def __init__(
        self,
        reading: Reading,
        table: Table,
        left: Sequence[Sequence[int | None]],
        *,
        highest: int = 0,
        filters: Sequence[Filter] = (),
        ids: Sequence[int] = (),
        is_new: bool = False,
        until: datetime | None = None,
    ) -> None:
        """`is_new`: raw has no row of the table.

        `latest` becomes the latest change that is not after `until`: the next window's begin if the store's clock is
        ahead. `keys` are those that came, for who looks for what is gone.
        """
        self.table = table
        self.ranges = [Range(after or 0, upto) for after, upto in left]
        self.rows_left = 0.0
        """Rows that may still be asked for before those that were read are to be committed."""
        self.refused: dict[int, str] = {}
        self.lost: list[Lost] = []
        self.keys: list[tuple[Any, ...]] = []
        self.latest: datetime | None = None
        self.note = ""
        self.is_believed = True
        self.error: MagentoError | None = None
        self._reading = reading
        self._highest = highest
        self._filters = list(filters)
        self._ids = sorted(ids)
        self._is_new = is_new
        self._until = until
        self._lock = threading.Lock()
        self._refused_in_a_row = 0
        self._trouble: BadAnswerError | None = None
        self._is_shared_out = False
        self._has_read = False

    @classmethod
    def of_ids(cls, reading: Reading, table: Table, ids: Sequence[int], *, one_by_one: bool = False) -> Job:
        """Make the job that reads some rows, of whichever store view."""
        ids = sorted(ids)
        some = 1 if one_by_one else min(reading.reader.page_size, MAX_LISTED)
        chunks = [ids[start : start + some] for start in range(0, len(ids), some)]
        return cls(reading, table, [[chunk[0] - 1, chunk[-1]] for chunk in chunks], ids=ids)

    @property
    def left(self) -> list[list[int | None]]:
        """The ranges, as they are kept in dlt's state."""
        return [[one.after, one.upto] for one in self.ranges]

    @property
    def is_done(self) -> bool:
        """Whether all was read."""
        return not self.ranges and self.error is None

    @property
    def is_open(self) -> bool:
        """Whether there is more to read, or something is being read."""
        with self._lock:
            is_busy = self._is_shared_out or any(one.is_busy for one in self.ranges)
            return is_busy or (bool(self.ranges) and self._may_ask)

    @property
    def _may_ask(self) -> bool:
        return self.error is None and self._reading.ended_by is None and self.rows_left > 0

    def next_task(self) -> Callable[[], pa.Table | None] | None:
        """Give a thread something to do; None when there is nothing at the moment."""
        with self._lock:
            if not self.ranges or not self._may_ask:
                return None
            for one in self.ranges:
                if not one.is_busy:
                    one.is_busy = True
                    return partial(self._page, one)
            largest = max(self.ranges, key=lambda one: one.rest)
            is_worth_it = largest.rest > 2 * self._reading.reader.page_size
            if self._is_shared_out or len(self.ranges) >= self._reading.workers or not is_worth_it:
                return None
            self._is_shared_out = True
            return partial(self._share_out, largest)

    def _share_out(self, largest: Range) -> None:
        """Make a range of the upper half of another one's rows. Where its middle is, only the store knows."""
        half = largest.rest // 2
        filters = [*self._filters, *id_range(self.table, largest.after, largest.upto)]
        try:
            middle = self._reading.reader.nth_id(self.table, filters, half)
        except MagentoError:  # its pages will tell
            middle = None
        with self._lock:
            self._is_shared_out = False
            is_inside = middle is not None and largest.after < middle < _end(largest.upto)
            if middle is not None and is_inside and largest in self.ranges:
                self.ranges.append(Range(middle, largest.upto, rest=largest.rest - half))
                largest.upto, largest.rest = middle, half
            else:
                largest.rest = 0

    def _page(self, one: Range) -> pa.Table | None:
        try:
            return self._read(one)
        except MagentoError as error:
            self.error = error
            if isinstance(error, LoginError | StoreDownError):
                self._reading.ended_by = self._reading.ended_by or error
        finally:
            one.is_busy = False
        return None

    def _read(self, one: Range) -> pa.Table | None:
        """Read the next page of a range, and shorten the range by it."""
        reader, table = self._reading.reader, self.table
        filters, end, is_single = self._asked(one)
        is_patient = is_single and self._refused_in_a_row < PATIENT_REFUSALS
        is_trouble = bool(one.size or one.probe)
        # Single rows that are asked for again have had their retries: each more night would wait for all of them.
        is_hasty = bool(self._ids) or (is_trouble and not is_patient)
        try:
            items, total, size = reader.page(
                table, [*self._filters, *filters], one.size or reader.page_size, hasty=is_hasty
            )
        except BadAnswerError as error:
            reader.check_alive(error)
            with self._lock:
                self._read_around(one, end, is_single, error)
            return None
        found = to_rows(table, items, self._reading.store_key, utc_now())
        # Beyond the newest row there is nothing to send, whatever the store counts.
        is_beyond = 0 < self._highest <= one.after
        if total and not items and end is None and not self._has_read and not is_beyond:
            self.note = f"the store counts {total:,} rows and sends none of them; they are asked for again next time"
            self.is_believed = False
        last = max((key[0] for key in found.keys if isinstance(key[0], int)), default=None)
        with self._lock:
            is_end = is_last(len(items), size, total, last, end)
            reached = _end(end) if is_end else next_after(table, one.after, last)
            # An answer that was asked for before another thread took half counts that half, too.
            left = total if end == one.upto else one.rest
            self._move(one, reached, len(items), left)
            return self._taken(found, _end(one.upto))

    def _asked(self, one: Range) -> tuple[list[Filter], int | None, bool]:
        """Filters of the next request for a range, where it ends, and whether that is a single id."""
        if self._ids:
            first, behind = bisect_right(self._ids, one.after), bisect_right(self._ids, _end(one.upto))
            ids = self._ids[first : first + 1 if one.probe else behind]
            return [listed(self.table.filter_key, ids)], ids[-1], len(ids) == 1
        end = one.upto
        if one.probe:
            end = one.after + one.probe if end is None else min(one.after + one.probe, end)
        return id_range(self.table, one.after, end), end, end is not None and end - one.after == 1

    def _move(self, one: Range, reached: float, rows: int, left: int) -> None:
        if rows:
            self._refused_in_a_row = 0
            one.size = 2 * one.size if 2 * one.size < self._reading.reader.page_size else 0
            one.probe = 0
        one.probe *= 2
        if one.probe > WIDEST_PROBE and self._trouble is not None:
            raise self._trouble  # there is no row that it could be
        if not one.size:
            one.rest = max(0, left - rows)
        if reached >= _end(one.upto):
            self.ranges.remove(one)
        else:
            one.after = int(reached)

    def _read_around(self, one: Range, end: int | None, is_single: bool, error: BadAnswerError) -> None:
        """Ask for less after a page that did not come; note the row that breaks it once it stands alone."""
        self._trouble = error
        size = one.size or self._reading.reader.page_size
        if is_single and end is not None:
            self._refused_in_a_row += 1
            if self._refused_in_a_row > MAX_REFUSED_IN_A_ROW:
                raise error
            reason = error.reason if isinstance(error, PageError) else "an answer that cannot be read"
            self.refused[end] = f"the store cannot send this row: {reason[:200]}"
            one.size, one.probe = 1, 0
            if end >= _end(one.upto):
                self.ranges.remove(one)
            else:
                one.after = end
        elif size > 1:
            one.size = size // 2
        else:
            one.probe = max(1, one.probe // 2)

    def _taken(self, found: Rows, end: float) -> pa.Table | None:
        """Keep what was found; what is beyond the range by now is read by who has taken it."""
        table, rows = self.table, found.table
        keys = [key for key in found.keys if not isinstance(key[0], int) or key[0] <= end]
        if len(keys) < len(found.keys):
            rows = rows.filter(pc.less_equal(rows[table.key], int(end)))
        self._has_read |= bool(keys)
        self.rows_left -= len(keys)
        self.keys += keys if self._ids or not table.cursor else []
        self.lost += found.lost
        left = sum(one.rest for one in self.ranges)
        self._reading.progress.advance(table.name, len(keys), left)
        if self._until is not None:
            changes = rows[table.cursor]
            latest = pc.max(changes.filter(pc.less_equal(changes, pa.scalar(self._until, changes.type)))).as_py()
            self.latest = max((one for one in (self.latest, latest) if one is not None), default=None)
        if table.cursor and not self._is_new:
            rows = without_known(table, rows, self._reading.known(table, keys))
        return rows if rows.num_rows else None


def _end(upto: int | None) -> float:
    return math.inf if upto is None else upto
