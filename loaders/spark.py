"""A build of all the lake's stores on Apache Spark: the same models, by `make build TARGET=spark`; docs/scale.md."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from loaders.build import dbt_vars, every_test_ran, read_results, run_dbt, summarise
from loaders.dates import given_date
from loaders.dbt_vars import parse_vars
from loaders.errors import PipelineError
from loaders.fields import check_fields
from loaders.lake import lake, new_name
from loaders.paths import PROJECT_ROOT, locked, warehouse
from loaders.seeds import check_seeds
from loaders.text import fit

DBT = PROJECT_ROOT / ".venv-spark" / "bin" / "dbt"
_BLAMED = re.compile(r"\[store_key ([^\]]+)\]")
"""How models and tests name a store that stops them."""


def build_on_spark(variables: str | None, arguments: tuple[str, ...] = ()) -> None:
    """Build and test the models of every store whose export is whole, then have that build count.

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
    given.pop("as_of_date", None)
    whole, torn = target.stores()
    for line in torn:
        print(f"  left out, its export is not whole: {line}; run make export for it again")
    work = house.work / "spark"
    with locked(house, "build"):
        house.make_folders()
        while whole:
            name = new_name()
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            print(f"  making and testing the models of {len(whole)} stores; what was found follows", flush=True)
            code = run_dbt(
                house,
                ["--quiet", "build", "--target", "spark", *dbt_vars(given), *arguments],
                as_of,
                dbt=DBT,
                DBT_TARGET_PATH=str(work),
                RAW_EXPORTS=f"{target.address(target.root)}/raw/{{{','.join(whole)}}}",
                SPARK_TABLES=f"{target.address(target.root)}/builds/{name}",
            )
            results = read_results(work)
            summary = summarise(results)
            if code == 0:
                break
            target.drop(f"builds/{name}")
            blamed = stores_blamed(results)
            if not blamed:
                raise PipelineError(
                    f"the build failed{summary.failures}; nothing was published. dbt's log: {house.logs / 'dbt.log'}"
                )
            for store, why in blamed.items():
                print(f"  left out: {store}: {why}", flush=True)
            whole = [folder for folder in whole if _store(folder) not in blamed]
        if not whole:
            raise PipelineError(f"no store in {target.url} can be built: run make export for each, or see above")
        stores = [_store(folder) for folder in whole]
        target.put("builds", name, None, {"stores": stores, "is_tested": every_test_ran(work, results)})
    print(f"  {summary.text}")
    print(f"built {len(stores)} stores into {target.url}; make fetch takes a store's marts from there", flush=True)


def stores_blamed(results: list[dict[str, Any]]) -> dict[str, str]:
    """The stores that failed nodes name, and what these say."""
    messages = [str(one["message"]) for one in results if one["status"] in ("error", "fail")]
    return {store: fit(_reason(text), 300) for text in messages for store in _BLAMED.findall(text)}


def _reason(text: str) -> str:
    """The line of an error, of the many that Spark tells, that names the store."""
    return next(line for line in text.splitlines() if _BLAMED.search(line))


def _store(folder: str) -> str:
    return unquote(folder.partition("/")[0])


def check_java() -> None:
    """Raise PipelineError when Spark could not start."""
    home = os.environ.get("JAVA_HOME")
    if not shutil.which("java") and not (home and (Path(home) / "bin/java").exists()):
        raise PipelineError(
            "Spark needs Java 17, and there is none: apt install openjdk-17-jre-headless (Debian), or set JAVA_HOME"
        )
    if not DBT.exists():
        raise PipelineError(f"{DBT} is not there: make build TARGET=spark installs it")
