"""`python -m loaders.build`: run dbt over the warehouse, and publish when everything is green."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import yaml

from loaders.data_tests import DataTest, nodes_of, rows_found, what_tests_found
from loaders.dates import as_of_date, store_timezone
from loaders.dbt_vars import parse_vars, project_vars
from loaders.errors import Parser, PipelineError, is_full, run_command
from loaders.fields import check_fields
from loaders.magento.settings import magento_settings
from loaders.nights import step
from loaders.paths import PROJECT_ROOT, Warehouse, lock_to_pass_on, locked, warehouse
from loaders.publish import About, publish
from loaders.seeds import check_seeds, store_settings
from loaders.text import fit, mask
from loaders.warehouse import build_memory, open_warehouse, raise_storage_version

NOT_FOR_DBT = ("DBT_", "SOURCES__", "ICOMMKT__")
RESULTS = "run_results.json"
_JAVA_FRAME = re.compile(r"\s*(at )?\S+\((\w+\.(java|scala):\d+|Native Method|Unknown Source)\)$")
"""A line of a Java stack trace."""
_GREEN = {"success", "pass", "warn", "skipped", "no-op"}


def dbt_environment(house: Warehouse, as_of: date | None = None) -> dict[str, str]:
    """Environment of a dbt that works on `house` and says nothing to anyone.

    dbt takes each of its options from the environment too, such as DBT_EMPTY or DBT_EXCLUDE: what is tested and
    published is for this project to say. Of the keys it needs none. `as_of` is no var, as dbt reads the whole project
    again when a var changes.
    """
    return {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith(NOT_FOR_DBT)},
        "PYTHONIOENCODING": "utf-8",
        "WAREHOUSE_PATH": str(house.path),
        "BUILD_MEMORY": build_memory(),
        "DBT_PROJECT_DIR": str(PROJECT_ROOT),
        "DBT_PROFILES_DIR": str(PROJECT_ROOT),
        "DBT_TARGET_PATH": str(house.dbt_target),
        "DBT_LOG_PATH": str(house.logs),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "SOURCES__MAGENTO__START_DATE": str(magento_settings().start_date or ""),
        "BUILD_AS_OF_DATE": str(as_of or ""),
    }


def run_dbt(
    house: Warehouse,
    arguments: Sequence[str],
    as_of: date | None = None,
    *,
    dbt: Path | None = None,
    **environment: str,
) -> int:
    """Run dbt with `arguments` on `house`; its output goes to ours. Returns its exit code.

    `dbt` is Spark's, in place of this environment's; what Java says goes to spark.log. `environment` is what dbt is
    told besides.

    Raises PipelineError when the disk is full.
    """
    full, is_hushed = "", False
    colors = [] if sys.stdout.isatty() else ["--no-use-colors"]
    command = [str(dbt or Path(sys.executable).with_name("dbt")), *colors, *arguments]
    # A scheduler that ends this process must not leave dbt behind, holding the warehouse without a lock.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with (
            (house.logs / "spark.log").open("wb") if dbt else nullcontext(subprocess.STDOUT) as errors,
            subprocess.Popen(
                command,
                env={**dbt_environment(house, as_of), **environment},
                cwd=PROJECT_ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                pass_fds=lock_to_pass_on(house),
            ) as process,
        ):
            try:
                for line in process.stdout or ():
                    full = full or (fit(line) if is_full(line) else "")
                    is_hushed = is_hushed or bool(full) or line.startswith("--- Logging error ---")
                    if not is_hushed and not _JAVA_FRAME.match(line):  # dbt's log complains of itself, for pages
                        print(mask(line), end="", flush=True)  # what DuckDB says of a value may be a customer's
            except BaseException:
                process.kill()
                raise
        if full and process.returncode:
            raise PipelineError(f"there is no room left to write ({full}): free some, then run the same command again")
        return process.returncode
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def build(variables: str | None = None, *, target: str = "prod", arguments: tuple[str, ...] = ()) -> date:
    """Build and test everything, then publish; return the as-of date.

    `target` is one of profiles.yml: what `dev` builds lies in files of its own, and nobody is sent any of it.
    `arguments` go to `dbt build` (such as `--select rfm_contacts+`).

    Raises PipelineError when a seed cannot be read or a model or a test fails; nothing is published then.
    """
    given = parse_vars(variables)
    check_seeds()
    check_fields()
    house = warehouse()
    with step(house, "build") if target == "prod" else locked(house, "build") as done:
        check_whole(house)
        made = house.dev if target == "dev" else house
        wanted = {**project_vars(given), **store_settings(magento_settings().store_key)}
        zone = store_timezone(house.path, wanted)
        as_of = as_of_date(zone, wanted)
        fixed = {**given, "store_timezone": zone}
        fixed.pop("as_of_date", None)
        make_ready(made)
        (house.dbt_target / RESULTS).unlink(missing_ok=True)
        print(f"  making and testing the models as of {as_of}; what was found follows", flush=True)
        code = run_dbt(house, ["--quiet", "build", "--target", target, *dbt_vars(fixed), *arguments], as_of)
        results = read_results(house.dbt_target)
        summary = summarise(results)
        if done:
            done.warnings = summary.warned
        tests = what_tests_found(house, made, results)
        for line in rows_found(tests):
            print(f"  {line}")
        if any("enforced contract" in (one["message"] or "") for one in results):
            print(
                "  icommkt_contacts and its yml differ: each column needs a line in seeds/icommkt_fields.csv, "
                "each line a column of the SQL (enabled = false for what is not sent); then make fields"
            )
        if code != 0:
            made.build_failed.write_text(summary.failures or " before its first model", encoding="utf-8")
            raise not_built(house, summary)
        drop_leftovers(made, house.dbt_target)
        is_tested = every_test_ran(house.dbt_target, results)
        try:
            published = publish(made, as_of, zone, is_tested=is_tested, about=about_build(house, made, tests))
        except duckdb.BinderException as error:  # a view of a former version, which a build of selected models left
            raise PipelineError(
                f"the marts are not whole ({fit(error, 80)}): run make build without --select"
            ) from None
        made.build_failed.unlink(missing_ok=True)
        contacts = published.row_counts.get("icommkt_contacts", 0)
        if done:
            done.contacts = contacts
        print(f"  {summary.text}")
        if not is_tested:
            print("  not every data test was run, so a push will refuse this build")
        print(f"built as of {as_of} ({zone}): {contacts:,} contacts in {made.published}", flush=True)
    return as_of


def not_built(house: Warehouse, summary: Summary, log: str = "dbt.log") -> PipelineError:
    """What to say of a build that failed; `log` is the file that knows most of why."""
    return PipelineError(f"the build failed{summary.failures}; nothing was published. More is in {house.logs / log}")


def dbt_vars(given: Mapping[str, Any]) -> list[str]:
    """Vars as arguments of dbt."""
    passed = {name: _as_data(value) for name, value in given.items()}
    return ["--vars", yaml.safe_dump(passed, default_flow_style=True, allow_unicode=True, width=10_000).strip()]


def _as_data(value: Any) -> Any:
    """Give a var so that dbt takes it as it is: dbt renders texts, so what could be Jinja goes as Jinja's literal."""
    is_jinja = isinstance(value, str) and "{" in value
    return f"{{{{ {json.dumps(value, ensure_ascii=False)} }}}}" if is_jinja else value


def check_whole(house: Warehouse) -> None:
    """Raise PipelineError while a first load, also one in a new form of the raw tables, has not ended."""
    if house.path.exists():
        with open_warehouse(house.path, read_only=True) as connection:
            rows = connection.execute(
                """select table_name from duckdb_tables() where schema_name = 'raw'
                   and (table_name = 'first_load' or starts_with(table_name, 'former_'))"""
            ).fetchall()
        if rows:
            raise PipelineError(
                "the first load of this store, or of another one in this warehouse, has not ended: run make load for "
                "each (it goes on where it was), or make daily; nothing was built"
            )


def make_ready(house: Warehouse) -> None:
    """See that dbt can write its files, and remove the marts that former versions kept in the warehouse.

    Raises PipelineError when another program has one of them open, or one is damaged.
    """
    house.make_folders()
    for path in (house.marts, house.state):
        if path.exists():
            open_warehouse(path).close()
    with open_warehouse(house.path) as connection:
        connection.execute("drop schema if exists marts cascade")
    raise_storage_version(house.path)


def drop_leftovers(made: Warehouse, target: Path) -> None:
    """Drop the tables and views of models and seeds that the project does not have any more."""
    known = {
        (node["schema"], node["alias"])
        for node in nodes_of(target).values()
        if node["resource_type"] in ("model", "seed", "snapshot")
    }
    schemas = {schema for schema, _ in known}
    with open_warehouse(made.path) as connection:
        connection.execute(f"attach '{made.marts}' as mart_file")
        for kind in ("table", "view"):
            for database, schema, name in connection.execute(
                f"select database_name, schema_name, {kind}_name from duckdb_{kind}s() where not internal"
            ).fetchall():
                if schema in schemas and (schema, name) not in known:
                    connection.execute(f'drop {kind} "{database}"."{schema}"."{name}"')
                    print(f"  dropped {schema}.{name}, which no model or seed makes")


@dataclass(frozen=True)
class Summary:
    """What a dbt run did: `text` counts it, `failures` names what failed first ("" when nothing did).

    `warned` is how many tests did.
    """

    text: str
    failures: str
    warned: int = 0


def read_results(target: Path) -> list[dict[str, Any]]:
    """What the last dbt run says of each of its nodes; a run that ended before it wrote that built nothing."""
    path = target / RESULTS
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else []
    return found


def summarise(nodes: list[dict[str, Any]]) -> Summary:
    """Count a dbt run's results, and name what failed."""
    built = Counter(node["unique_id"].split(".")[0] for node in nodes)
    tests = Counter(node["status"] for node in nodes if node["unique_id"].split(".")[0] in ("test", "unit_test"))
    text = f"{built['model']} models, {built['seed']} seeds built; {tests['pass']} tests passed, {tests['warn']} warned"
    warned = [node["unique_id"].split(".")[2] for node in nodes if node["status"] == "warn"]
    if warned:
        text += f" ({', '.join(warned)})"
    failed = [node["unique_id"].split(".")[2] for node in nodes if node["status"] not in _GREEN]
    more = " and more" if len(failed) > 3 else ""
    return Summary(text, f" in {', '.join(failed[:3])}{more}" if failed else "", len(warned))


def about_build(house: Warehouse, made: Warehouse, tests: tuple[DataTest, ...]) -> About:
    """What the report tells of a build besides its marts."""
    with open_warehouse(made.path, read_only=True) as connection:
        currency = connection.execute("select max(reporting_currency) from intermediate.int_build_settings").fetchall()
    with open_warehouse(house.path, read_only=True) as connection:
        locale = connection.execute(
            """select locale from raw.store_views where _deleted_at is null
               order by is_default desc nulls last, id limit 1"""
        ).fetchall()
    return About(currency[0][0], locale[0][0] if locale else None, tests)


def every_test_ran(target: Path, results: list[dict[str, Any]]) -> bool:
    """Tell whether a run tested everything; a build of selected models does not.

    Unit tests are not asked for: they hold logic, not this night's data.
    """
    wanted = {
        key for key, node in nodes_of(target).items() if node["resource_type"] == "test" and node["depends_on"]["nodes"]
    }  # a test of a disabled model depends on nothing
    return wanted <= {one["unique_id"] for one in results}


def main() -> int:
    """Run the command line."""
    parser = Parser(
        prog="python -m loaders.build",
        usage="%(prog)s [-h] [--vars VARS] [--target {prod,dev,lake,spark}] [OPTIONS OF dbt build]",
        description=__doc__,
        epilog="Other options go to `dbt build`, such as --select, --exclude, --full-refresh (nothing is kept that it "
        "would make anew, so it changes nothing). For instance: make build TARGET=dev, or "
        "python -m loaders.build --target dev --select rfm_contacts+",
    )
    parser.add_argument(
        "--vars", default=os.environ.get("VARS"), help="dbt variables, such as '{as_of_date: 2026-11-24}'"
    )
    parser.add_argument(
        "--target", default="prod", choices=["prod", "dev", "lake", "spark"], help="a target of profiles.yml"
    )
    arguments, rest = parser.parse_known_args()
    if arguments.target in ("lake", "spark"):
        from loaders.lake_build import build_lake  # it builds on this module

        build_lake(arguments.target, arguments.vars, tuple(rest))
    else:
        build(arguments.vars, target=arguments.target, arguments=tuple(rest))
    return 0


if __name__ == "__main__":
    run_command(main)
