"""Opening the project's DuckDB files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import dlt
import duckdb

from loaders.errors import PipelineError, is_full, said
from loaders.text import fit

USUAL_BUILD_MEMORY = 4_000_000_000
"""Bytes: with them a store of a million contacts was built by a process of 4.7 GB (docs/building.md)."""

STORAGE_VERSION = "v1.3.0"
"""DuckDB's format of the warehouse; profiles.yml has it for the marts. It writes texts faster than those before it."""

_MEMORY = re.compile(r"[0-9]+(\.[0-9]+)? ?[KMGT]i?B", re.IGNORECASE)


def build_memory() -> str:
    """How much memory DuckDB may use for a build and for publishing, as its `memory_limit` takes it.

    `BUILD_MEMORY` (environment or `.dlt/config.toml`) says it; otherwise 4 GB, and on a smaller machine 80 % of what it
    has, as DuckDB's own default is. What does not fit goes to files beside the warehouse.

    Raises PipelineError when the setting is no amount of memory.
    """
    given = str(dlt.config.get("build_memory", str) or "").strip()
    if given and not _MEMORY.fullmatch(given):
        raise PipelineError(f"BUILD_MEMORY is {given!r}; it must be an amount of memory such as 4GB or 800MB")
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return given or f"{min(USUAL_BUILD_MEMORY, installed * 8 // 10) // 1_000_000}MB"


def open_warehouse(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file with its session in UTC.

    Raises PipelineError when it is not there to be read, or another program has it open for writing.
    """
    if read_only and not path.exists():
        raise PipelineError(f"{path} does not exist yet; run `make load` first")
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        if is_open_elsewhere(error):
            raise PipelineError(
                f"{path} is open in another program; close it there (readers should open the published file)"
            ) from None
        raise cannot_be_opened(path, error) from None
    connection.execute("set TimeZone = 'UTC'")
    return connection


def is_open_elsewhere(error: duckdb.Error) -> bool:
    """Tell whether a file cannot be opened because another process has it open."""
    return "Could not set lock" in str(error)


def quoted(text: object) -> str:
    """A text as SQL, where a statement takes no parameter."""
    return "'" + str(text).replace("'", "''") + "'"


def rows_of(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows that a query finds, each by its columns' names."""
    found = connection.execute(sql, parameters or None)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def cannot_be_opened(path: Path, error: duckdb.Error) -> PipelineError:
    """What to say of a file that is damaged, cut short, no database at all, or has no room for what it must write."""
    if is_full(error):
        return PipelineError(said(error))
    return PipelineError(
        f"{path} cannot be opened ({fit(error)}); if it is damaged, put a backup in its place (the README's list of "
        "files says which can be made again)"
    )


def storage_version(path: Path) -> str:
    """The format of a DuckDB file, such as `v1.3.0+`: that version of DuckDB and all later ones open it.

    Raises PipelineError when the file is not there, or another program has it open for writing.
    """
    with open_warehouse(path, read_only=True) as connection:
        rows = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchall()
    return str(rows[0][0])


def raise_storage_version(path: Path) -> None:
    """Have a DuckDB file, made if need be, written in STORAGE_VERSION from now on; what is in it stays as it is.

    A new file has the oldest format that DuckDB knows, unless it is asked for another one.
    """
    if not path.exists() or _numbers(storage_version(path)) < _numbers(STORAGE_VERSION):
        with duckdb.connect() as connection:
            connection.execute(f"attach {quoted(path)} as warehouse (storage_version '{STORAGE_VERSION}')")
            # Only a write makes the file take it.
            connection.execute("create schema warehouse.storage_version")
            connection.execute("drop schema warehouse.storage_version")


def _numbers(version: str) -> list[int]:
    """Parts of a version such as v1.3.0 or v1.0.0+."""
    return [int(number) for number in re.findall(r"[0-9]+", version)]
