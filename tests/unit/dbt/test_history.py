"""The history of segments in the state file: what a day wrote, wrote again, and must not write.

The models' SQL has unit tests beside it; this runs them one after the other over made-up contacts, with the removal of
an earlier run of the same date, which dbt's unit tests do not run.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from loaders.build import dbt_environment
from loaders.paths import PROJECT_ROOT, Warehouse
from tests.dbt_project import Dbt

Day = tuple[str, dict[str, str]]
Row = tuple[str, str, str | int | None, str | int | None]


@pytest.fixture
def history(tmp_path: Path) -> "History":
    return History(tmp_path)


class History:
    def __init__(self, folder: Path) -> None:
        house = Warehouse(folder / "warehouse.duckdb")
        house.make_folders()
        self.warehouse, self.marts = house.path, house.marts
        self.dbt = Dbt(PROJECT_ROOT, {}, **dbt_environment(house))

    def after(self, days: Sequence[Day]) -> list[Row]:
        """Moves as (date, e-mail, from, to) after a build of each of the days."""
        for as_of_date, contacts in days:
            self.make(as_of_date, contacts)
            results = self.dbt.run(self.warehouse, {}, "run", "--full-refresh", "--select", "path:models/marts/history")
            assert {result.status for result in results} == {"success"}
        return self.select(
            "select cast(moved_date as varchar), email, from_rfm_segment, to_rfm_segment "
            "from marts.fct_rfm_segment_moves order by all"
        )

    def make(self, as_of_date: str, contacts: dict[str, str]) -> None:
        """Make what the history is made from."""
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(f"attach '{self.marts}' as mart_file")
            for schema in ("intermediate", "mart_file.marts"):
                connection.execute(f"create schema if not exists {schema}")
            connection.execute(
                "create or replace table intermediate.int_build_settings as "
                "select 'main' as store_key, cast(? as date) as as_of_date",
                [as_of_date],
            )
            rows = ", ".join(f"('main', '{email}', 'LOYAL', '{segment}')" for email, segment in contacts.items())
            connection.execute(
                "create or replace table mart_file.marts.rfm_contacts as "
                f"select * from (values {rows}) as t (store_key, email, rfm_group, rfm_segment)"
            )
            connection.execute(
                "create or replace table mart_file.marts.icommkt_contacts as "
                "select *, 1 as purchases_total, 2.5 as amount_total from mart_file.marts.rfm_contacts"
            )

    def select(self, sql: str) -> list[Row]:
        with duckdb.connect(str(self.marts), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def test_days_are_kept_replaced_and_never_rewritten(history: History) -> None:
    """A full refresh on every run must not lose the history either."""
    moves = history.after(
        [
            ("2026-11-20", {"ana": "A", "bea": "A"}),
            ("2026-11-21", {"ana": "A", "bea": "A"}),  # nobody moves
            ("2026-11-22", {"ana": "B", "bea": "A", "cleo": "A"}),
            ("2026-11-22", {"ana": "A", "bea": "C"}),  # the same date again: what it wrote before is replaced
            ("2026-11-20", {"ana": "Z", "dora": "Z"}),  # an earlier date: nothing
            ("2026-11-21", {"ana": "Z", "dora": "Z"}),  # an earlier date on which nobody had moved: nothing
            ("2026-11-23", {"ana": "B"}),
        ]
    )
    assert moves == [
        ("2026-11-20", "ana", None, "A"),
        ("2026-11-20", "bea", None, "A"),
        ("2026-11-22", "bea", "A", "C"),
        ("2026-11-23", "ana", "A", "B"),
        ("2026-11-23", "bea", "C", "GONE"),
    ]
    sizes = history.select(
        "select cast(as_of_date as varchar), rfm_segment, contacts, purchases_total "
        "from marts.rfm_segment_sizes order by all"
    )
    assert sizes == [
        ("2026-11-20", "A", 2, 2),
        ("2026-11-21", "A", 2, 2),
        ("2026-11-22", "A", 1, 1),
        ("2026-11-22", "C", 1, 1),
        ("2026-11-23", "B", 1, 1),
    ]
