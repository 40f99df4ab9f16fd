"""A build of all the lake's stores, `make build TARGET=lake` on DuckDB or TARGET=spark; docs/scale.md."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import dlt

from loaders.build import dbt_vars, not_built, read_results, run_dbt, summarise
from loaders.data_tests import rows_found, what_tests_found
from loaders.dates import given_date, utc_now
from loaders.dbt_vars import parse_vars, project_vars
from loaders.errors import PipelineError
from loaders.fields import check_fields
from loaders.lake import lake, new_name, version_of_project
from loaders.paths import PROJECT_ROOT, Warehouse, locked, warehouse
from loaders.seeds import check_seeds, rows_of_seed, store_settings
from loaders.text import fit
from loaders.warehouse import build_memory, open_warehouse, quoted, raise_storage_version

SPARK_DBT = PROJECT_ROOT / ".venv-spark" / "bin" / "dbt"
JAVA = 17
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
_BLAMED = re.compile(r"\[store_key ([A-Za-z0-9_-]+)\]")
"""How models and tests name a store that stops them."""


def build_lake(engine: str, variables: str | None, arguments: tuple[str, ...] = ()) -> None:
    """Build and test the models of every store whose export can be built, then have that build count.

    `engine` is the target of profiles.yml, `lake` (DuckDB) or `spark`; `arguments` are none or WITHOUT_UNIT_TESTS.

    A store with a value that stops the build, such as a currency without a rate, is left out and told, and the others
    are built. Raises PipelineError when there is no Java, no store, or the build fails for another reason: the build
    before goes on to count, and nothing is left of this one.
    """
    if arguments not in ((), WITHOUT_UNIT_TESTS):
        raise PipelineError(f"a lake's stores are built and tested whole, without {' '.join(arguments)}")
    given = parse_vars(variables)
    check_seeds()
    check_fields()
    target, house = lake(), warehouse()
    if engine == "spark":
        check_java()
        check_master(os.environ.get("SPARK_MASTER", ""))
    elif "://" in target.url:
        raise PipelineError("TARGET=lake builds from a folder; what is in an object store, TARGET=spark builds")
    as_of = given_date(given)
    wanted = project_vars(given)
    given.pop("as_of_date", None)
    stores, left_out = target.stores(timedelta(hours=min(dlt.config.get("lake_max_age_hours", int) or 48, 72)))
    left_out |= {store: why for store, about in stores.items() if (why := _own_settings_fault(store, about, wanted))}
    work = house.work / "lake"
    made = Warehouse(work / "build.duckdb")
    with locked(house, "build"):
        house.make_folders()
        target.remove_old("builds")
        project = version_of_project()
        while True:
            for store, why in left_out.items():
                print(f"  left out: {store}: {why}", flush=True)
                stores.pop(store, None)
            if not stores:
                raise PipelineError(f"no store in {target.url} can be built; see above, or run make export for each")
            if len(stores) > 1 and rows_of_seed("icommkt_profiles"):
                raise PipelineError(
                    "seeds/icommkt_profiles.csv goes by website, and every store has a website 1: empty it where "
                    "several stores are built at once (docs/scale.md)"
                )
            counted = f"{len(stores)} store{'s' if len(stores) > 1 else ''}"
            print(f"  making and testing the models of {counted}; what was found follows", flush=True)
            name = new_name()
            folder = f"{target.root}/builds/{name}"
            shutil.rmtree(work, ignore_errors=True)  # of a build that was killed
            made.make_folders()
            raise_storage_version(made.path)
            try:
                code = run_dbt(
                    house,
                    ["--quiet", "build", "--target", engine, *dbt_vars(given), *arguments],
                    as_of,
                    dbt=SPARK_DBT if engine == "spark" else None,
                    WAREHOUSE_PATH=str(made.path),
                    DBT_TARGET_PATH=str(made.dbt_target),
                    RAW_LAKE=f"{target.address(target.root)}/raw",
                    RAW_EXPORTS=",".join(f"{store}/{about['name']}" for store, about in stores.items()),
                    SOURCES__MAGENTO__START_DATE="",
                    **_spark_environment(target.address(folder), work),
                )
                results = read_results(made.dbt_target)
                if engine == "lake":
                    for line in rows_found(what_tests_found(made, made, results)):
                        print(f"  {line}")
                summary = summarise(results)
                left_out = {store: why for store, why in stores_blamed(results).items() if store in stores}
                if code == 0:
                    if engine == "lake":
                        _write_tables(made, Path(folder))
                    shops = {store: about["shop"] for store, about in stores.items()}
                    built_at = utc_now().isoformat()
                    target.count("builds", name, {"stores": shops, "project": project, "built_at": built_at})
                    break
                if not left_out:
                    raise not_built(house, summary, "dbt.log and spark.log" if engine == "spark" else "dbt.log")
            finally:
                shutil.rmtree(work, ignore_errors=True)
                if target.latest("builds").get("name") != name and target.files.exists(folder):
                    target.files.rm(folder, recursive=True)
    print(f"  {summary.text}")
    print(f"built {counted} into {target.url}; make fetch takes a store's marts from there", flush=True)


def _spark_environment(tables: str, work: Path) -> dict[str, str]:
    """Where Spark writes; on `local` it listens to this machine alone."""
    is_local = os.environ.get("SPARK_MASTER", "local").startswith("local")
    here = os.environ.get("SPARK_LOCAL_IP") or ("127.0.0.1" if is_local else "")
    return {"SPARK_TABLES": tables, "SPARK_LOCAL_DIRS": str(work)} | ({"SPARK_LOCAL_IP": here} if here else {})


def _write_tables(made: Warehouse, folder: Path) -> None:
    """Write what DuckDB built where Spark writes it."""
    with open_warehouse(made.path) as connection:
        connection.execute(f"set memory_limit = {quoted(build_memory())}")
        connection.execute(f"attach {quoted(made.marts)} as mart_file (read_only)")
        tables = connection.execute(
            """select database_name, schema_name, table_name from duckdb_tables()
               where schema_name = 'marts' or table_name = 'int_build_settings'"""
        ).fetchall()
        for database, schema, table in tables:
            path = folder / f"{schema}.db" / table
            path.mkdir(parents=True)
            connection.execute(
                f'copy "{database}"."{schema}"."{table}" to {quoted(path / "part-0.parquet")}'
                " (format parquet, compression zstd)"
            )


def _own_settings_fault(store: str, about: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """What is wrong with a store's own zone or start date, "" when nothing is."""
    own = store_settings(store)
    try:
        ZoneInfo(own.get("store_timezone") or "UTC")
    except (KeyError, OSError, ValueError):
        return f"seeds/stores.csv has {fit(own['store_timezone'], 40)!r}, which is no known zone"
    start = str(own.get("start_date") or wanted.get("start_date") or "")
    if about["start_date"] and not start:
        return f"its START_DATE is {about['start_date']}: say so in its line of seeds/stores.csv"
    return ""


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


def check_master(masters: str) -> None:
    """Raise PipelineError when no master of a cluster of Spark's own, `spark://host:port,host:port`, answers."""
    if not masters.startswith("spark://"):
        return
    why = ""
    for master in masters.removeprefix("spark://").split(","):
        where = urlsplit(f"//{master}")
        try:
            socket.create_connection((where.hostname or "", where.port or 7077), timeout=10).close()
            return
        except (OSError, ValueError) as error:
            why = fit(error, 100)
    raise PipelineError(f"no Spark master at {fit(masters)} (SPARK_MASTER): {why}")
