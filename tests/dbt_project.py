"""The dbt project in a copy that may be changed, and dbt over it in this process, which reads the project only once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner

from loaders.paths import PROJECT_ROOT


def copy_of_project(folder: Path, *others: str) -> Path:
    """Copy what dbt reads, and other files and folders, into `folder`."""
    read_by_dbt = ("models", "macros", "seeds", "tests/singular", "dbt_project.yml", "profiles.yml")
    for name in (*read_by_dbt, *others):
        source, target = PROJECT_ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


class Dbt:
    """dbt over one project, in which nothing but vars and the rows of seeds may change any more."""

    def __init__(self, project: Path, variables: Mapping[str, Any], **settings: str) -> None:
        """Read the project; `settings` go into dbt's environment."""
        self.environment = {
            "WAREHOUSE_PATH": "warehouse.duckdb",
            "DBT_PROJECT_DIR": str(project),
            "DBT_PROFILES_DIR": str(project),
            "DBT_TARGET_PATH": str(project / "target"),
            "DBT_LOG_PATH": str(project / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
            **settings,
        }
        self.manifest: Any = self._invoke(dbtRunner(), ["parse"], variables, {}).result

    def run(self, warehouse: Path, variables: Mapping[str, Any], *arguments: str, **settings: str) -> list[Any]:
        """Results of a dbt command on a file `warehouse.duckdb`, which the project was read for, green or not."""
        settings["WAREHOUSE_PATH"] = str(warehouse)
        try:
            return list(self._invoke(dbtRunner(manifest=self.manifest), arguments, variables, settings).result.results)
        finally:
            reset_adapters()  # type: ignore[no-untyped-call]
            # dbt-duckdb keeps the warehouse open for its next run.
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    def _invoke(
        self, runner: dbtRunner, command: Sequence[str], variables: Mapping[str, Any], settings: Mapping[str, str]
    ) -> Any:
        text = yaml.safe_dump(dict(variables), default_flow_style=True, allow_unicode=True, width=10_000).strip()
        with patch.dict(os.environ, {**self.environment, **settings}):
            done = runner.invoke(["--quiet", "--no-use-colors", *command, "--vars", text])
        if done.exception:
            raise AssertionError(f"dbt {command[0]}: {done.exception}")
        return done
