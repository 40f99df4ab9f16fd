"""Nothing is lost and nothing is invented: the loader on a small store that misbehaves, changes and is killed."""

from __future__ import annotations

import copy
import gc
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from benchmarks.load.desk import Desk, differences, fault_mix, house, kept, living, load_despite, rows, served
from loaders.errors import PipelineError
from loaders.magento.__main__ import span
from loaders.magento.load import Load
from loaders.magento.tables import CUSTOMERS, ORDERS, TABLES
from tests.e2e.conftest import small_store
from tests.search import SEARCH

pytestmark = pytest.mark.usefixtures("quick_retries")

slow = pytest.mark.skipif(SEARCH == 1, reason="SEARCH=2 runs it")


@pytest.fixture
def desk(store: Path) -> Iterator[Desk]:
    """A store of one's own, that may change."""
    with served(store) as desk:
        yield desk


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A store that no test changes."""
    with served(small_store(tmp_path_factory.mktemp("store"))) as desk:
        yield desk


@pytest.fixture(scope="module")
def undisturbed(still: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse loaded from the unchanged store without any trouble."""
    folder = tmp_path_factory.mktemp("undisturbed")
    result = still.load(folder)
    assert result.errors == []
    assert result.tables["orders"].changed >= 300
    return folder


def same_rows(one: Path, other: Path) -> bool:
    return all(rows(one, table) == rows(other, table) for table in TABLES)


def same_orders(one: Path, other: Path) -> bool:
    return living(one, "orders") == living(other, "orders")


@pytest.mark.parametrize("seed", range(SEARCH))
def test_after_any_mix_of_faults_an_undisturbed_run_repairs(
    still: Desk, undisturbed: Path, tmp_path: Path, seed: int
) -> None:
    load_despite(still, tmp_path, *fault_mix(seed))
    assert still.load(tmp_path).errors == []
    assert same_rows(tmp_path, undisturbed)
    with duckdb.connect(str(house(tmp_path).path)) as connection:
        assert connection.execute("select count(*) from raw.quarantine").fetchone() == (0,)


@pytest.mark.parametrize(
    ("answer", "seconds", "said"),
    [
        ("404", 0.0, "404"),
        pytest.param("500", 0.0, "500", marks=slow),
        pytest.param("timeout", 0.1, "504", marks=slow),
        pytest.param("timeout", 4.0, "ReadTimeout", marks=slow),
    ],
)
def test_rows_that_break_their_page_are_alone_in_the_quarantine(
    desk: Desk,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    seconds: float,
    said: str,
) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "2" if seconds > 1 else "5")
    bad = [1, 17, 18, 150, 300]
    folder = tmp_path / "warehouse"
    desk.set(poison_orders=bad, poison_answer=answer, poison_seconds=seconds)
    first = desk.load(folder, (ORDERS,))
    assert first.errors == []
    assert {row[1] for row in living(folder, "orders")} == {row[1] for row in living(undisturbed, "orders")} - {*bad}
    assert first.quarantined == len(bad)
    assert "could not send 5 row(s) (id 1, 17, 18, 150, 300)" in first.tables["orders"].note
    with duckdb.connect(str(house(folder).path)) as connection:
        reasons = connection.execute("select distinct column_name, reason from raw.quarantine").fetchall()
    assert all(column is None and said in reason and "@" not in reason for column, reason in reasons)
    with kept(folder) as state:
        assert state["orders"].keys() == {"cursor", "first"}, "it moves"

    desk.requests()
    again = desk.load(folder, (ORDERS,))
    assert again.quarantined == len(bad), "tried again, once each"
    assert len([one for one in desk.requests() if "/orders?" in one["path"]]) < 30, "the sweep does not look for them"

    desk.set(poison_orders=[])
    last = desk.load(folder, (ORDERS,))
    assert last.quarantined == 0
    assert same_orders(folder, undisturbed)


def test_a_store_that_is_down_is_one_line_and_nothing_is_quarantined(desk: Desk, tmp_path: Path) -> None:
    desk.load(tmp_path / "warehouse", (ORDERS,))
    desk.faults({"kind": "503_maintenance_html", "match": {"path_regex": "/V1/(orders|modules)"}})
    with pytest.raises(PipelineError, match=r"^orders answered 503") as caught:
        desk.load(tmp_path / "warehouse", (ORDERS,))
    assert "\n" not in str(caught.value)
    desk.faults()
    assert desk.load(tmp_path / "warehouse", (ORDERS,)).quarantined == 0


@slow
def test_a_smaller_page_size_is_learnt_from_the_refusal(desk: Desk, undisturbed: Path, tmp_path: Path) -> None:
    desk.set(page_limit=7)
    assert desk.load(tmp_path / "warehouse").errors == []
    assert differences(tmp_path / "warehouse", undisturbed) == {}


def test_deletions_are_marked_and_a_large_share_is_not_believed(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "warehouse"
    desk.load(folder, (ORDERS,))
    before = len(living(folder, "orders"))
    import sqlite3

    def delete(*ids: int) -> None:
        with sqlite3.connect(tmp_path / "store.sqlite") as connection:
            connection.execute(f"delete from orders where entity_id in ({','.join(map(str, ids))})")

    delete(5, 170, 299)
    # A sweep that cannot be finished marks nothing.
    desk.faults({"kind": "500", "match": {"path_regex": "/V1/orders"}, "after": 3})
    broken = desk.load(folder, (ORDERS,))
    assert broken.tables["orders"].deleted == 0
    assert len(living(folder, "orders")) == before
    desk.faults()
    assert desk.load(folder, (ORDERS,)).tables["orders"].deleted == 3
    assert len(living(folder, "orders")) == before - 3
    delete(*range(20, 60))
    refused = desk.load(folder, (ORDERS,))
    assert refused.tables["orders"].deleted == 0
    assert "no deletion marked" in refused.tables["orders"].note
    assert len(living(folder, "orders")) == before - 3


def test_only_the_wanted_store_views_are_asked_for(desk: Desk, undisturbed: Path, tmp_path: Path) -> None:
    desk = desk.with_settings(store_ids="3")
    desk.requests()
    result = desk.load(tmp_path / "warehouse", (ORDERS,))
    assert result.errors == []
    store_of = [c.name for c in ORDERS.columns].index("store_id") + 1
    wanted = [row for row in living(undisturbed, "orders") if row[store_of] == 3]
    assert 0 < len(wanted) < 300
    assert living(tmp_path / "warehouse", "orders") == wanted
    asked = [one["path"] for one in desk.requests() if "/V1/orders?" in one["path"]]
    assert asked
    assert all("store_id" in path for path in asked), "the server filters, not we"


@slow
def test_the_store_is_written_to_while_it_is_read(desk: Desk, tmp_path: Path) -> None:
    """A day passes between two pages; the next run sees what the first could not."""
    import threading

    desk = desk.with_settings(workers=3)
    folder, fresh = tmp_path / "kept", tmp_path / "fresh"
    desk.faults({"kind": "latency", "seconds": 0.05, "match": {"path_regex": "/V1/"}})

    def pass_days() -> None:
        for _ in range(3):
            desk.advance(1)

    days = threading.Thread(target=pass_days)
    days.start()
    first = desk.load(folder)
    days.join()
    desk.faults()
    assert first.errors == []
    desk.load(folder)
    desk.load(fresh)
    assert differences(folder, fresh) == {}


def test_a_backfill_goes_on_where_it_was_killed(desk: Desk, undisturbed: Path, tmp_path: Path) -> None:
    desk = desk.with_settings(chunk_ids=30, page_size=10, workers=1)
    folder = tmp_path / "warehouse"
    desk.load(folder, (ORDERS,))
    desk.requests()
    desk.faults({"kind": "latency", "seconds": 0.05, "match": {"path_regex": "/V1/orders"}})
    process = desk.start(folder, "backfill", "orders")

    def pages() -> int:
        return len([path for path in desk.paths("/V1/orders?") if "billing_address" in path])

    while process.poll() is None and pages() < 20:
        time.sleep(0.05)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    desk.faults()
    desk.requests()
    code, said = desk.run(folder, "backfill", "orders")
    assert code == 0, said
    assert "orders: going on after id" in said
    assert pages() <= 18, "of 33; what was committed before the kill is not read again"
    assert same_orders(folder, undisturbed)


def test_a_backfill_of_some_days_reads_those_and_moves_no_cursor(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "warehouse"
    desk.load(folder, (ORDERS, CUSTOMERS))
    created = [row[3] for row in living(folder, "orders")]
    first, last = sorted(created)[100].date(), sorted(created)[140].date()
    with duckdb.connect(str(house(folder).path)) as connection:
        connection.execute("delete from raw.orders where created_at between ? and ?", [first, last])
    with kept(folder) as state:
        before = copy.deepcopy(state)
    when = span(first.isoformat(), last.isoformat())
    result = Load(desk.settings, house(folder), ()).backfill((ORDERS, CUSTOMERS), when)
    day = timedelta(days=1)
    expected = [one for one in created if first - day <= one.date() < last + 2 * day]
    assert result.tables["orders"].read == len(expected)
    assert sorted(row[3] for row in living(folder, "orders")) == sorted(created)
    with kept(folder) as state:
        assert state == before


def test_a_missing_permission_costs_its_table_only_and_the_file_is_let_go_of(desk: Desk, tmp_path: Path) -> None:
    """The build that follows is another program, though the errors are kept."""
    gc.collect()
    gc.disable()
    try:
        result = desk.with_settings(username="ordersonly").load(tmp_path)
        # While a connection for writing is left, DuckDB refuses this one.
        duckdb.connect(str(house(tmp_path).path), read_only=True).close()
    finally:
        gc.enable()
    assert result.tables["orders"].changed >= 300
    named = [error.split(":")[0] for error in result.errors]
    assert named == ["customer_groups", "categories", "products", "customers", "creditmemos"]
    assert all("tick `" in error for error in result.errors)
