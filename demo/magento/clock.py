"""Times of the demo store: whole seconds of Unix time inside, Magento's UTC strings outside."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache

from demo.magento.catalog import UTC_OFFSET

DAY = 86_400

_MINUTES = [f" {minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440)]
_SECONDS = [f"{second:02d}" for second in range(60)]
_EPOCH = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=8192)
def _day(number: int) -> str:
    return date.fromordinal(_EPOCH + number).isoformat()


def stamp(seconds: int) -> str:
    """Return `YYYY-MM-DD HH:MM:SS` in UTC."""
    days, rest = divmod(seconds, DAY)
    minutes, second = divmod(rest, 60)
    return _day(days) + _MINUTES[minutes] + _SECONDS[second]


def parse(text: str) -> int:
    """Return the Unix time of `YYYY-MM-DD HH:MM:SS` in UTC; ValueError for anything else."""
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(moment.timestamp())


def local_midnight(seconds: int) -> int:
    """Return the Unix time at which the day of `seconds` began in the store's zone."""
    return (seconds + UTC_OFFSET) // DAY * DAY - UTC_OFFSET


# Share of the orders of a day placed before each hour of the store's zone.
_BUSY = (3, 2, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 5, 5, 5, 5, 6, 6, 7, 8, 8, 7, 5)
_BEFORE = [sum(_BUSY[:hour]) / sum(_BUSY) for hour in range(25)]


def busy_time(seconds: float) -> int:
    """Move a moment within its local day so that a steady stream has a shop's rush hours.

    Rising arguments give rising results, so ids and times keep one order.
    """
    day, rest = divmod(seconds + UTC_OFFSET, DAY)
    share = rest / DAY
    hour = int(share * 24)
    while hour and _BEFORE[hour] > share:
        hour -= 1
    while _BEFORE[hour + 1] <= share:
        hour += 1
    inside = (share - _BEFORE[hour]) / (_BEFORE[hour + 1] - _BEFORE[hour])
    return int(day * DAY + hour * 3600 + inside * 3600) - UTC_OFFSET
