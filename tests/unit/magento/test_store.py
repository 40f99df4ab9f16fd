"""The warehouse stays open for a whole load, and what is committed moves into the file before the log gets large."""

from pathlib import Path

import duckdb
import pytest

from loaders.magento import store
from loaders.magento.store import RawStore


@pytest.mark.parametrize(("largest", "is_written_out"), [(100_000, True), (10_000_000, False)])
def test_a_large_log_is_written_out_and_a_small_one_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int, is_written_out: bool
) -> None:
    monkeypatch.setattr(store, "LARGEST_LOG", largest)
    path = tmp_path / "warehouse.duckdb"
    log = tmp_path / "warehouse.duckdb.wal"
    raw = RawStore(path, "main")
    with raw.held():
        raw.prepare()
        raw.connection().execute("create table raw.many as select range as n, md5(range::varchar) from range(10000)")
        before = log.stat().st_size
        assert before > 100_000
        raw.write_out()
        assert (not log.exists() or log.stat().st_size < before) is is_written_out
    assert not log.exists(), "closing writes out what is left"
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("select count(*), max(n) from raw.many").fetchone() == (10_000, 9_999)
