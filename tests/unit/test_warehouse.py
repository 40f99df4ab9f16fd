"""How much memory a build may use, and in which format DuckDB writes the warehouse."""

import os
from pathlib import Path

import duckdb
import pytest

from loaders.errors import PipelineError
from loaders.warehouse import STORAGE_VERSION, USUAL_BUILD_MEMORY, build_memory, raise_storage_version, storage_version


def limit_in_use() -> float:
    """Bytes that DuckDB limits itself to when it is given what build_memory() says."""
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{build_memory()}'")
        (text,) = connection.execute("select current_setting('memory_limit')").fetchone() or ("",)
    number, unit = str(text).split()
    return float(number) * float(1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB").index(unit))


@pytest.mark.parametrize(
    ("pages", "expected"), [(6_000_000, USUAL_BUILD_MEMORY), (500_000, 0.8 * 4096 * 500_000)], ids=["usual", "small"]
)
def test_a_build_takes_four_gigabytes_and_leaves_a_fifth_to_a_small_machine(
    monkeypatch: pytest.MonkeyPatch, pages: int, expected: float
) -> None:
    monkeypatch.delenv("BUILD_MEMORY", raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": pages}.__getitem__)
    assert limit_in_use() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("given", ["800MB", "2 GiB", "1.5gb"])
def test_the_setting_wins(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("BUILD_MEMORY", given)
    assert build_memory() == given
    assert limit_in_use() < USUAL_BUILD_MEMORY


@pytest.mark.parametrize("given", ["lots", "80%", "4", "4GB; drop table x", "-1GB"])
def test_a_setting_that_is_no_amount_is_explained(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("BUILD_MEMORY", given)
    with pytest.raises(PipelineError, match=r"BUILD_MEMORY is .* such as 4GB"):
        build_memory()


def test_a_warehouse_takes_the_format_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "it's.duckdb"
    with duckdb.connect(str(path)) as connection:  # as dlt makes it
        connection.execute("create table orders as select 'a' as state from range(3)")
    assert storage_version(path) == "v1.0.0+"
    raise_storage_version(path)
    raise_storage_version(path)
    assert storage_version(path) == f"{STORAGE_VERSION}+"
    with duckdb.connect(str(path)) as connection:
        connection.execute("insert into orders values ('b')")
        assert connection.execute("select state, count(*) from orders group by 1 order by 1").fetchall() == [
            ("a", 3),
            ("b", 1),
        ]
        assert connection.execute("select count(*) from duckdb_schemas() where not internal").fetchone() == (0,)


def test_a_newer_format_stays(tmp_path: Path) -> None:
    """It cannot be lowered; a DuckDB that was updated and then put back must not stop the night for it."""
    path = tmp_path / "newer.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as newer (storage_version 'v1.5.0')")
        connection.execute("create table newer.orders as select 1 as order_id")
    raise_storage_version(path)
    assert storage_version(path) == "v1.5.0+"
