"""Times of the demo store: whole seconds of Unix time inside, Magento's UTC strings outside."""

from datetime import UTC, datetime

from demo.magento.catalog import UTC_OFFSET

DAY = 86_400


def stamp(seconds: int) -> str:
    """Return `YYYY-MM-DD HH:MM:SS` in UTC."""
    return str(datetime.fromtimestamp(seconds, UTC))[:19]


def parse(text: str) -> int:
    """Return the Unix time of `YYYY-MM-DD HH:MM:SS` in UTC; ValueError for anything else."""
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())


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
