"""Where the files of one warehouse are. Everything that belongs to a warehouse lies beside it."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import dlt

from loaders.errors import LockedError, SettingsError
from loaders.text import fit

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_WAREHOUSE = "warehouse/warehouse.duckdb"
NAMES_INSIDE = {
    *("raw", "staging", "intermediate", "seeds", "marts", "mart_file", "state", "night", "compacted"),
    *("main", "system", "temp"),
}
"""Schemas and attached files, DuckDB's own among them.

DuckDB calls an open file by the first part of its name, and does not know which of two is meant.
"""
NOT_IN_A_PATH = "'\"#;?%="
"""dbt writes the path into SQL and reads it as an address, dlt takes it for a template: with these a night fails."""


@dataclass(frozen=True)
class Warehouse:
    """The files of one warehouse, named after the whole name of its file but for the ending `.duckdb`."""

    path: Path

    @property
    def state(self) -> Path:
        """What cannot be recomputed: acknowledgements, rejections, runs, history."""
        return self._beside("state.duckdb")

    @property
    def marts(self) -> Path:
        """The marts as the last build left them, tested or not; publishing copies this file."""
        return self._beside("marts.duckdb")

    @property
    def published(self) -> Path:
        """Tables for readers."""
        return self._for_readers("published.duckdb")

    @property
    def dev(self) -> Warehouse:
        """An analyst's own models and marts, made from the raw tables of this warehouse; see profiles.yml."""
        return Warehouse(self._beside("dev.duckdb"))

    @property
    def build_failed(self) -> Path:
        """Why the last build failed; not there when it did not."""
        return self.work / "build.failed"

    @property
    def pushed(self) -> Path:
        """The published file that was pushed last."""
        return self._beside("pushed.duckdb")

    @property
    def push_status(self) -> Path:
        """What became of each contact, without addresses: for reports."""
        return self._for_readers("push_status.duckdb")

    @property
    def night_failed(self) -> Path:
        """Why nights began to fail, as the webhook was told; not there when the last one did not."""
        return self.work / "night.failed"

    @property
    def report(self) -> Path:
        """The page about the last night."""
        return self._for_readers("report.html")

    @property
    def work(self) -> Path:
        """Folder of what the tools keep between runs: dlt's pipelines, dbt's target and logs, the lock."""
        return self._beside("work")

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
        """Folder of the logs: a night's and its summary, dbt's, what nobody foresaw."""
        return self.work / "logs"

    @property
    def _name(self) -> str:
        return self.path.name.removesuffix(".duckdb")

    def _beside(self, name: str) -> Path:
        return self.path.with_name(f"{self._name}.{name}")

    def _for_readers(self, name: str) -> Path:
        """Keep a file's plain name for the default warehouse alone."""
        is_default = self.path.name == Path(DEFAULT_WAREHOUSE).name
        return self.path.with_name(name) if is_default else self._beside(name)

    def make_folders(self) -> None:
        """Create the folders that writing needs, and see that what is there already is the owner's alone."""
        for folder in (self.path.parent, self.pipelines, self.dbt_target, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.work.chmod(0o700)
        own = (self.path, self.state, self.marts, self.published, self.pushed, self.push_status, self.report)
        for file in (*own, self.dev.path, self.dev.marts, self.dev.published):
            for one in (file, file.with_name(f"{file.name}.wal")):
                if one.exists():
                    one.chmod(0o600)


def warehouse() -> Warehouse:
    """Return the warehouse that `WAREHOUSE_PATH` (environment or `.dlt/config.toml`) names.

    Raises SettingsError when the name cannot be used, or the files beside it would be another warehouse's.
    """
    configured = (dlt.config.get("warehouse_path", str) or "").strip() or DEFAULT_WAREHOUSE
    if not configured.isprintable() or set(configured) & set(NOT_IN_A_PATH):
        raise SettingsError(
            f"WAREHOUSE_PATH is {fit(configured)!r}; it must hold no control character and none of {NOT_IN_A_PATH}"
        )
    given = Path(configured).expanduser()
    house = Warehouse(given if given.is_absolute() else PROJECT_ROOT / given)
    path = house.path
    inside = path.name.lstrip(".").split(".")[0]  # as DuckDB and dbt do
    if inside.lower() in NAMES_INSIDE:
        raise SettingsError(
            f"WAREHOUSE_PATH is {configured}, but {inside} is the name of something inside the warehouse; "
            "call the file something else, such as shop.duckdb"
        )
    if path.is_dir():
        raise SettingsError(f"WAREHOUSE_PATH is {configured}, a folder; name a file in it, such as shop.duckdb")
    if re.search(r"(^|\.)(state|marts|published|pushed|push_status|dev)(\.duckdb)?$", path.name):
        raise SettingsError(
            f"WAREHOUSE_PATH is {configured}, which is what files beside a warehouse are called; call it shop.duckdb"
        )
    is_plain = path.suffix != ".duckdb"
    twin = path.with_name(f"{path.name}.duckdb" if is_plain else path.name.removesuffix(".duckdb"))
    if twin.is_file():
        raise SettingsError(f"{path} and {twin.name} would share the files beside them; call one of them another name")
    former = path.with_name(f"{path.stem}.state.duckdb")
    if is_plain and path.exists() and former.exists() and not (house.state.exists() or house.work.exists()):
        raise SettingsError(
            f"the state of {path} is called {house.state.name} now, and there is {former.name}: rename it (or copy it, "
            "where several warehouses had it), or all that ICOMMKT has acknowledged would be forgotten"
        )
    return house


_held: dict[Path, int] = {}
"""The lock of each warehouse that this process holds, as an open file."""


class Holder(NamedTuple):
    """Which command holds a warehouse, in which process, since when."""

    what: str = "another command"
    pid: int = 0
    since: str = ""

    def __str__(self) -> str:
        """Name it."""
        if not self.pid:
            return self.what
        name = f"`{self.what}` (process {self.pid}, since {self.since})"
        return name if self.is_alive() else f"what {name} has left running when it was killed"

    def is_alive(self) -> bool:
        """Tell whether the process is there; else one that it started has the lock."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True


@contextmanager
def locked(house: Warehouse, what: str) -> Iterator[None]:
    """Hold the warehouse for one writing command; a step of a command that holds it passes through.

    The lock is the operating system's: it ends with the process and the dbt that it started, however they end, and with
    the machine. What a killed one leaves in the file is only its name.

    Raises LockedError naming the holder when another command has it.
    """
    if house.path in _held:
        yield
        return
    house.make_folders()
    with (house.work / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            who = _named(file.read())
            raise LockedError(f"{house.path} is in use by {who}; wait for it to end, or stop it") from None
        file.truncate(0)
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        json.dump(Holder(what, os.getpid(), since)._asdict(), file)
        file.flush()
        _held[house.path] = file.fileno()
        try:
            yield
        finally:
            del _held[house.path]
            file.truncate(0)


def lock_to_pass_on(house: Warehouse) -> tuple[int, ...]:
    """The open lock, for a process that goes on with the warehouse should this one be killed."""
    return (_held[house.path],) if house.path in _held else ()


def holder(house: Warehouse) -> Holder | None:
    """Return which command holds the warehouse, None when none does.

    The lock is tried only when a name is in it, so that a command that begins at this moment does not find it taken.
    """
    path = house.work / "lock"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return _named(text)
    return None  # or who wrote the name was killed


def _named(text: str) -> Holder:
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return Holder()
