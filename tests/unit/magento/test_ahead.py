"""Reading ahead: what is read arrives whole and in order, errors arrive where it is taken, and it can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from loaders.magento.ahead import MOST_BATCHES, Ahead
from loaders.magento.errors import MagentoError
from loaders.magento.parse import Batch


class Source:
    """Batches, how many of them were asked for, and whether the source was closed."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.made: list[Batch] = []
        self.is_closed = threading.Event()
        self._count = count
        self._fails = fails

    def batches(self) -> Iterator[Batch]:
        try:
            for _ in range(self._count):
                self.made.append(Batch({}, None))
                yield self.made[-1]
            if self._fails:
                raise MagentoError("the shop is gone")
        finally:
            self.is_closed.set()


def test_all_arrive_in_order_and_an_error_where_they_are_taken() -> None:
    source = Source(50, fails=True)
    ahead = iter(Ahead(source.batches()))
    assert [id(next(ahead)) for _ in range(50)] == [id(one) for one in source.made]
    with pytest.raises(MagentoError, match="the shop is gone"):
        next(ahead)


def test_it_holds_only_a_few_batches_and_can_be_stopped() -> None:
    source = Source(1_000_000)
    ahead = Ahead(source.batches())
    ahead.close()
    assert source.is_closed.is_set()
    assert len(source.made) <= MOST_BATCHES + 1
