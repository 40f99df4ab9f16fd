"""A build of all the lake's stores on Apache Spark: the same models, by `make build TARGET=spark`; docs/scale.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dlt

from loaders.build import dbt_vars, every_test_ran, read_results, run_dbt, summarise
from loaders.data_tests import nodes_of
from loaders.dates import given_date
from loaders.dbt_vars import parse_vars, project_vars
from loaders.errors import PipelineError
from loaders.fields import check_fields
from loaders.lake import lake, new_name
from loaders.paths import PROJECT_ROOT, locked, warehouse
from loaders.seeds import check_seeds, store_settings
from loaders.text import fit

DBT = PROJECT_ROOT / ".venv-spark" / "bin" / "dbt"
JAVA = 17
_BLAMED = re.compile(r"\[store_key ([A-Za-z0-9_-]+)\]")
"""How models and tests name a store that stops them."""


def build_on_spark(variables: str | None, arguments: tuple[str, ...] = ()) -> None:
    """Build and test the models of every store whose export can be built, then have that build count.

    A store with a value that stops the build, such as a currency without a rate, is left out and told, and the others
    are built. Raises PipelineError when there is no Java, no store, or the build fails for another reason: the build
    before goes on to count.
    """
    given = parse_vars(variables)
    check_seeds()
    check_fields()
    check_java()
    target, house = lake(), warehouse()
    as_of = given_date(given)
    wanted = project_vars(given)
    given.pop("as_of_date", None)
    stores, left_out = target.stores(timedelta(hours=dlt.config.get("lake_max_age_hours", int) or 48))
    left_out |= {store: why for store, about in stores.items() if (why := _own_settings_fault(store, about, wanted))}
    work = house.work / "spark"
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
            exports = ",".join(f"{store}/{about['name']}" for store, about in stores.items())
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            code = run_dbt(
                house,
                ["--quiet", "build", "--target", "spark", *dbt_vars(given), *arguments],
                as_of,
                dbt=DBT,
                DBT_TARGET_PATH=str(work),
                RAW_EXPORTS=f"{target.address(target.root)}/raw/{{{exports}}}",
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
                raise PipelineError(
                    f"the build failed{summary.failures}; nothing was published. dbt's log: {house.logs / 'dbt.log'}"
                )
        if left := _not_built(work, results):
            raise PipelineError(f"the lake's stores are built whole or not at all, without --select ({left} was not)")
        about = {
            "stores": {store: about["shop"] for store, about in stores.items()},
            "is_tested": every_test_ran(work, results),
            "built_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        }
        target.count("builds", name, about)
    print(f"  {summary.text}")
    print(f"built {len(stores)} stores into {target.url}; make fetch takes a store's marts from there", flush=True)


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
    if not DBT.exists():
        raise PipelineError(f"{DBT} is not there: make build TARGET=spark installs it")
