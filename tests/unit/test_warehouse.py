"""How much memory a build may use."""

import os

import duckdb
import pytest

from loaders.errors import PipelineError
from loaders.warehouse import USUAL_BUILD_MEMORY, build_memory


def limit_in_use() -> float:
    """Bytes that DuckDB limits itself to when it is given what build_memory() says."""
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{build_memory()}'")
        (text,) = connection.execute("select current_setting('memory_limit')").fetchone() or ("",)
    number, unit = str(text).split()
    return float(number) * float(1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB").index(unit))


def test_a_build_takes_four_gigabytes_where_there_are_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUILD_MEMORY", raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 6_000_000}.__getitem__)
    assert limit_in_use() == pytest.approx(USUAL_BUILD_MEMORY, rel=0.05)


def test_a_small_machine_keeps_a_fifth_of_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUILD_MEMORY", raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 500_000}.__getitem__)
    assert limit_in_use() == pytest.approx(0.8 * 4096 * 500_000, rel=0.05)


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
