"""A few stores through the SQL that dbt compiled for a batch, in memory: quick enough to shrink a failing store.

Only for shrinking: what counts as wrong is always seen in a build of dbt's own first.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from .batch import Answer, Built, answers_in, write_raw
from .stores import Store


class Replay:
    """The models of a build that payloads need, run again over other stores."""

    def __init__(self, built: Built) -> None:
        self._models = [node for node in built.nodes if node.sql and node.name in built.needed]
        self._connection = duckdb.connect(":memory:")
        run = self._connection.execute
        run("set TimeZone = 'UTC'")
        for name in ("warehouse", "mart_file"):
            run(f"attach ':memory:' as {name}")
        run(f"attach '{built.warehouse}' as built (read_only)")
        run("use warehouse")
        for node in built.nodes:
            schema, _, table = node.relation.rpartition(".")
            run(f"create schema if not exists {schema}")
            if not node.sql:  # a seed
                run(f"create table {node.relation} as from built.{schema.split('.')[1]}.{table}")
        run("detach built")

    def answers(self, stores: Sequence[Store]) -> list[Answer]:
        """What the compiled models make of the stores."""
        run = self._connection.execute
        for node in self._models:
            run(f"drop {'view' if node.is_view else 'table'} if exists {node.relation}")
        write_raw(self._connection, stores)
        for node in self._models:
            run(f"create {'view' if node.is_view else 'table'} {node.relation} as {node.sql}")
        return answers_in(self._connection, len(stores))

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()
