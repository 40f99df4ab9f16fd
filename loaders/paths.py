"""Where the files of one warehouse are. Everything that belongs to a warehouse lies beside it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dlt

from loaders.errors import PipelineError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_WAREHOUSE = "warehouse/warehouse.duckdb"
NAMES_INSIDE = ("raw", "staging", "intermediate", "seeds", "marts", "state", "main", "system", "temp")
"""Schemas and attached files, DuckDB's own among them.

DuckDB calls an open file by its stem, and does not know which of two is meant.
"""


@dataclass(frozen=True)
class Warehouse:
    """The files of one warehouse, named after the stem of `WAREHOUSE_PATH`."""

    path: Path

    @property
    def state(self) -> Path:
        """What cannot be recomputed: acknowledgements, rejections, runs, history."""
        return self.path.with_name(f"{self.path.stem}.state.duckdb")

    @property
    def marts(self) -> Path:
        """The marts as the last build left them, tested or not; publishing copies this file."""
        return self.path.with_name(f"{self.path.stem}.marts.duckdb")

    @property
    def published(self) -> Path:
        """Tables for readers."""
        return self._for_readers("published.duckdb")

    @property
    def report(self) -> Path:
        """The page about the last night."""
        return self._for_readers("report.html")

    @property
    def work(self) -> Path:
        """Folder of what the tools keep between runs: dlt's pipelines, dbt's target and logs, the lock."""
        return self.path.with_name(f"{self.path.stem}.work")

    @property
    def pipelines(self) -> Path:
        """dlt's pipelines folder."""
        return self.work / "dlt"

    @property
    def dbt_target(self) -> Path:
        """dbt's target folder."""
        return self.work / "dbt"

    @property
    def logs(self) -> Path:
        """Folder of dbt's log."""
        return self.work / "logs"

    def _for_readers(self, name: str) -> Path:
        """Keep a file's plain name for the default warehouse, and put the stem before it for any other."""
        return self.path.with_name(name if self.path.stem == "warehouse" else f"{self.path.stem}.{name}")

    def make_folders(self) -> None:
        """Create the folders that writing needs."""
        for folder in (self.path.parent, self.pipelines, self.dbt_target, self.logs):
            folder.mkdir(parents=True, exist_ok=True)


def warehouse() -> Warehouse:
    """Return the warehouse that `WAREHOUSE_PATH` (environment or `.dlt/config.toml`) names.

    Raises PipelineError when the file is called like something that will be inside of it.
    """
    configured = dlt.config.get("warehouse_path", str) or DEFAULT_WAREHOUSE
    path = Path(configured).expanduser()
    if path.stem.lower() in NAMES_INSIDE:
        raise PipelineError(
            f"WAREHOUSE_PATH is {configured}, but {path.stem} is the name of something inside the warehouse; "
            "call the file something else, such as shop.duckdb"
        )
    return Warehouse(path if path.is_absolute() else PROJECT_ROOT / path)


_HOLDER = "MAGENTO_ICOMMKT_LOCK_HELD"


@contextmanager
def locked(house: Warehouse, what: str) -> Iterator[None]:
    """Hold the warehouse for one writing command; a step of a command that holds it passes through.

    The lock is the operating system's, so it ends with the process however that ends.

    Raises PipelineError naming the holder when another command has it.
    """
    key = str(house.path)
    if os.environ.get(_HOLDER) == key:
        yield
        return
    house.make_folders()
    with (house.work / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            try:
                holder = json.loads(file.read())
                who = f"`{holder['what']}` (process {holder['pid']}, since {holder['since']})"
            except (ValueError, KeyError):
                who = "another command"
            raise PipelineError(f"{house.path} is in use by {who}; wait for it to end, or stop it") from None
        file.truncate(0)
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        json.dump({"what": what, "pid": os.getpid(), "since": since}, file)
        file.flush()
        os.environ[_HOLDER] = key
        try:
            yield
        finally:
            del os.environ[_HOLDER]
            file.truncate(0)
