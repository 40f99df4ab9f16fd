"""Opening the project's DuckDB files."""

from __future__ import annotations

from pathlib import Path

import duckdb

from loaders.errors import PipelineError


def open_warehouse(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file with its session in UTC.

    Raises PipelineError when it is not there to be read, or another program has it open for writing.
    """
    if read_only and not path.exists():
        raise PipelineError(f"{path} does not exist yet; run `make load` first")
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise PipelineError(
                f"{path} is open in another program; close it there (readers should open the published file)"
            ) from None
        raise PipelineError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from None
    connection.execute("set TimeZone = 'UTC'")
    return connection
