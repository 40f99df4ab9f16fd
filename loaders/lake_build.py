"""A build of all the lake's stores, `make build TARGET=lake` on DuckDB or TARGET=spark; docs/scale.md."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import dlt

from loaders.build import dbt_vars, every_test_ran, not_built, read_results, run_dbt, summarise
from loaders.data_tests import nodes_of
from loaders.dates import given_date
from loaders.dbt_vars import parse_vars, project_vars
from loaders.errors import PipelineError
from loaders.fields import check_fields
from loaders.lake import Lake, lake, new_name
from loaders.paths import PROJECT_ROOT, Warehouse, locked, warehouse
from loaders.seeds import check_seeds, store_settings
from loaders.text import fit
from loaders.warehouse import open_warehouse, quoted, raise_storage_version

SPARK_DBT = PROJECT_ROOT / ".venv-spark" / "bin" / "dbt"
JAVA = 17
_BLAMED = re.compile(r"\[store_key ([A-Za-z0-9_-]+)\]")
"""How models and tests name a store that stops them."""


def build_lake(engine: str, variables: str | None, arguments: tuple[str, ...] = ()) -> None:
    """Build and test the models of every store whose export can be built, then have that build count.

    `engine` is the target of profiles.yml, `lake` (DuckDB) or `spark`.

    A store with a value that stops the build, such as a currency without a rate, is left out and told, and the others
    are built. Raises PipelineError when there is no Java, no store, or the build fails for another reason: the build
    before goes on to count.
    """
    given = parse_vars(variables)
    check_seeds()
    check_fields()
    if engine == "spark":
        check_java()
        check_master(os.environ.get("SPARK_MASTER", ""))
    target, house = lake(), warehouse()
    as_of = given_date(given)
    wanted = project_vars(given)
    given.pop("as_of_date", None)
    stores, left_out = target.stores(timedelta(hours=dlt.config.get("lake_max_age_hours", int) or 48))
    left_out |= {store: why for store, about in stores.items() if (why := _own_settings_fault(store, about, wanted))}
    work = house.work / "lake"
    made = Warehouse(work / "build.duckdb")
    with locked(house, "build"):
        house.make_folders()
        while True:
            for store, why in left_out.items():
                print(f"  left out: {store}: {why}", flush=True)
                stores.pop(store, None)
            if not stores:
                raise PipelineError(f"no store in {target.url} can be built; see above, or run make export for each")
            print(f"  making and testing the models of {len(stores)} stores; what was found follows", flush=True)
            name = new_name()
            folder = f"{target.root}/builds/{name}"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            raise_storage_version(made.path)
            code = run_dbt(
                house,
                ["--quiet", "build", "--target", engine, *dbt_vars(given), *arguments],
                as_of,
                dbt=SPARK_DBT if engine == "spark" else None,
                WAREHOUSE_PATH=str(made.path),
                DBT_TARGET_PATH=str(work),
                RAW_LAKE=f"{target.address(target.root)}/raw",
                RAW_EXPORTS=",".join(f"{store}/{about['name']}" for store, about in stores.items()),
                SPARK_TABLES=target.address(folder),
                SPARK_LOCAL_DIRS=str(work),
                SOURCES__MAGENTO__START_DATE="",
            )
            results = read_results(work)
            summary = summarise(results)
            if code == 0:
                break
            if target.files.exists(folder):
                target.files.rm(folder, recursive=True)
            left_out = {store: why for store, why in stores_blamed(results).items() if store in stores}
            if not left_out:
                raise not_built(house, summary)
        if left := _not_built(work, results):
            raise PipelineError(f"the lake's stores are built whole or not at all, without --select ({left} was not)")
        if engine == "lake":
            _tables_to_lake(made, target, folder)
        about = {
            "stores": {store: about["shop"] for store, about in stores.items()},
            "is_tested": every_test_ran(work, results),
            "built_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        }
        target.count("builds", name, about)
        shutil.rmtree(work)
    print(f"  {summary.text}")
    print(f"built {len(stores)} stores into {target.url}; make fetch takes a store's marts from there", flush=True)


def _tables_to_lake(made: Warehouse, target: Lake, folder: str) -> None:
    """Write what DuckDB built where Spark writes it."""
    out = made.path.with_name("tables")
    with open_warehouse(made.path) as connection:
        connection.execute(f"attach {quoted(made.marts)} as mart_file (read_only)")
        tables = connection.execute(
            """select database_name, schema_name, table_name from duckdb_tables()
               where schema_name = 'marts' or table_name = 'int_build_settings'"""
        ).fetchall()
        for database, schema, table in tables:
            path = out / f"{schema}.db" / table
            path.mkdir(parents=True)
            connection.execute(
                f'copy "{database}"."{schema}"."{table}" to {quoted(path / "part-0.parquet")}'
                " (format parquet, compression zstd)"
            )
    target.files.put(f"{out}/", f"{folder}/", recursive=True)


def _own_settings_fault(store: str, about: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """What is wrong with a store's own zone or start date, "" when nothing is."""
    own = store_settings(store)
    try:
        ZoneInfo(own.get("store_timezone") or "UTC")
    except (OSError, ValueError):
        return f"seeds/stores.csv has {fit(own['store_timezone'], 40)!r}, which is no known zone"
    start = str(own.get("start_date") or wanted.get("start_date") or "")
    if about["start_date"] and not start:
        return f"its START_DATE is {about['start_date']}: say so in its line of seeds/stores.csv"
    return ""


def _not_built(work: Path, results: list[dict[str, Any]]) -> str:
    """A model or seed that a build left aside, "" when there is none."""
    built = {one["unique_id"] for one in results}
    missing = (
        node["name"]
        for key, node in nodes_of(work).items()
        if node["resource_type"] in ("model", "seed") and key not in built
    )
    return next(missing, "")


def stores_blamed(results: list[dict[str, Any]]) -> dict[str, str]:
    """The stores that failed nodes name, and the line that names them, of the many that Spark tells."""
    messages = [str(one["message"]) for one in results if one["status"] in ("error", "fail")]
    lines = [line for text in messages for line in text.splitlines()]
    return {store: fit(line, 300) for line in lines for store in _BLAMED.findall(line)}


def check_java() -> None:
    """Raise PipelineError when Spark could not start."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else "java"
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        said = ""
    version = re.search(r'version "(\d+)', said)
    if not version or int(version[1]) < JAVA:
        raise PipelineError(
            f"Spark needs Java {JAVA} or later: apt install openjdk-17-jre-headless (Debian), or set JAVA_HOME to one"
        )
    if not SPARK_DBT.exists():
        raise PipelineError(f"{SPARK_DBT} is not there: make build TARGET=spark installs it")


def check_master(master: str) -> None:
    """Raise PipelineError when nobody answers where a master of Spark's own cluster is to be, `spark://host:port`."""
    where = urlsplit(master.partition(",")[0])
    if where.scheme != "spark":
        return
    try:
        socket.create_connection((where.hostname or "", where.port or 7077), timeout=10).close()
    except (OSError, ValueError) as error:
        raise PipelineError(f"no Spark master at {fit(master)} (SPARK_MASTER): {fit(error, 100)}") from None
