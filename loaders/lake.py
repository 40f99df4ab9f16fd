"""`python -m loaders.lake export | fetch`: raw tables to the lake, and a store's marts back from it; docs/scale.md.

`raw/<store_key>/<export_id>/<table>.parquet` is what a load left, `builds/<build_id>/<schema>.db/<table>/` what a
build made of all stores; `latest.json` beside the ids, written last, says which of them counts.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import duckdb
import fsspec

from loaders.build import about_build, check_whole, make_ready, run_dbt
from loaders.dates import store_timezone
from loaders.dbt_vars import project_vars
from loaders.errors import Parser, PipelineError, SettingsError, run_command
from loaders.magento.schema import TYPES, all_columns
from loaders.magento.settings import magento_settings
from loaders.magento.tables import TABLES
from loaders.paths import NOT_IN_A_PATH, PROJECT_ROOT, Warehouse, locked, warehouse
from loaders.publish import publish
from loaders.seeds import check_seeds, store_settings
from loaders.text import fit
from loaders.warehouse import build_memory, open_warehouse, quoted, raise_storage_version

LATEST = "latest.json"
FORM = hashlib.sha256(repr({name: all_columns(table) for name, table in TABLES.items()}).encode()).hexdigest()[:12]
"""Differs when a raw table or column does: a build reads all stores' files as one table."""

MADE_HERE = ("resource_type:seed", "icommkt_payloads", "fct_purchases", "path:models/marts/history")
"""What is not taken from the lake: the views, and what a day was, which is kept in each store's own state file."""

KEPT = timedelta(days=4)
"""How long an export or build stays that counts no more, as a build may still read it."""


@dataclass(frozen=True)
class Lake:
    """A folder, here or in an object store, whose address fsspec understands."""

    url: str

    @cached_property
    def files(self) -> fsspec.AbstractFileSystem:
        """The file system of the lake."""
        return fsspec.core.url_to_fs(self.url)[0]

    @cached_property
    def root(self) -> str:
        """The lake's path in its file system."""
        return str(fsspec.core.url_to_fs(self.url)[1]).rstrip("/")

    def address(self, path: str) -> str:
        """A path of the lake's file system as DuckDB and Spark read it."""
        return self.url.rstrip("/") + path.removeprefix(self.root)

    def latest(self, folder: str) -> dict[str, Any]:
        """What counts in a folder of the lake; {} when nothing does yet, or it cannot be read."""
        path = f"{self.root}/{folder}/{LATEST}"
        try:
            return dict(json.loads(self.files.cat_file(path))) if self.files.exists(path) else {}
        except ValueError:
            return {}

    def count(self, folder: str, name: str, about: dict[str, Any]) -> None:
        """Have `<folder>/<name>` count from now on.

        Raises PipelineError when a newer one counts by now.
        """
        if self.latest(folder).get("name", "") > name:
            raise PipelineError(f"a newer one than {name} counts in {self.url}/{folder} by now: two ran at once")
        aside = f"{self.root}/{folder}/.{name}"
        self.files.pipe_file(aside, json.dumps({"name": name, **about}).encode())
        self.files.mv(aside, f"{self.root}/{folder}/{LATEST}")

    def remove_old(self, folder: str) -> None:
        """Remove what is old and does not count."""
        if not self.files.exists(f"{self.root}/{folder}"):
            return
        counts = self.latest(folder).get("name")
        for one in self.files.ls(f"{self.root}/{folder}", detail=True):
            other = one["name"].rsplit("/", 1)[-1]
            if other not in (counts, LATEST) and other.removeprefix(".") < new_name(KEPT):
                self.files.rm(one["name"], recursive=True)

    def stores(self, oldest: timedelta) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """What counts of each store whose export can be built, and what is wrong with each other store's."""
        good, bad = {}, {}
        folders = self.files.ls(f"{self.root}/raw", detail=True) if self.files.exists(f"{self.root}/raw") else []
        for store in sorted(one["name"].rsplit("/", 1)[-1] for one in folders if one["type"] == "directory"):
            about = self.latest(f"raw/{store}")
            if why := self._fault(store, about, oldest):
                bad[store] = why
            else:
                good[store] = about
        return good, bad

    def _fault(self, store: str, about: dict[str, Any], oldest: timedelta) -> str:
        """What keeps an export from being built, "" when nothing does."""
        if not about:
            return "it was never exported to the end; run make export"
        if about["form"] != FORM:
            return "it was exported by another version of the project; run make load export"
        if about["name"] < new_name(oldest):
            return f"its last export is of {about['name'][:8]}; see why its loads fail (LAKE_MAX_AGE_HOURS)"
        folder = f"{self.root}/raw/{store}/{about['name']}"
        cut = [
            table
            for table, size in about["bytes"].items()
            if not self.files.exists(f"{folder}/{table}.parquet")
            or self.files.size(f"{folder}/{table}.parquet") != size
        ]
        return f"its export is not whole ({', '.join(cut)}); run make export" if cut else ""


def lake() -> Lake:
    """The configured lake.

    Raises SettingsError when there is none, or its path has what DuckDB or Spark take for a pattern.
    """
    path = str(dlt.config.get("lake_path", str) or "").strip()
    if not path:
        raise SettingsError(
            "LAKE_PATH is not set: a folder, here or in an object store, for Parquet files (docs/scale.md)"
        )
    if not path.isprintable() or set(path) & set(NOT_IN_A_PATH + "{}*[]") or re.search("://[^/]*:[^/]*@", path):
        raise SettingsError(f"LAKE_PATH must hold no password, no control character and none of {NOT_IN_A_PATH}{{}}*[]")
    return Lake(path if "://" in path else str(Path(path).expanduser().absolute()))


def new_name(ago: timedelta = timedelta()) -> str:
    """A name that sorts by time."""
    return (datetime.now(UTC) - ago).strftime("%Y%m%dT%H%M%S%f")


def version_of_project() -> str:
    """Differs when a model, a macro or a seed does, which a build and those who fetch from it must share."""
    paths = [
        path
        for folder in ("models", "macros", "seeds")
        for path in (PROJECT_ROOT / folder).rglob("[!.]*")
        if path.suffix in (".sql", ".yml", ".csv")
    ]
    paths.append(PROJECT_ROOT / "dbt_project.yml")
    files = {path.relative_to(PROJECT_ROOT).as_posix(): path.read_bytes() for path in sorted(paths)}
    return hashlib.sha256(repr(files).encode()).hexdigest()[:12]


def export(house: Warehouse, store: str, shop: str, start_date: str = "") -> None:
    """Copy a store's raw tables to the lake, all of them counting from one moment on. `shop` is its address.

    Raises PipelineError when the first load has not ended, raw tables have nothing of the store or are a former
    version's, the store's zone is not known, or another shop has the key.
    """
    check_seeds()
    target = lake()
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", store):
        raise SettingsError(
            f"SOURCES__MAGENTO__STORE_KEY is {fit(store, 40)!r}; in a lake it is a name of letters, digits, _ and -"
        )
    check_shop(target.latest(f"raw/{store}").get("shop", shop), shop, store)
    with locked(house, "export"):
        check_whole(house)
        try:
            store_timezone(house.path, {**project_vars({}), **store_settings(store)})
        except SettingsError:
            raise SettingsError(
                f"the zone of {store} is not known: give it one, such as America/Bogota, in seeds/stores.csv"
            ) from None
        folder = house.work / "export"
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        folder.mkdir()
        try:
            _write_raw_tables(house, store, folder)
            sizes = {path.stem: path.stat().st_size for path in folder.iterdir()}
            name = new_name()
            target.files.put(f"{folder}/", f"{target.root}/raw/{store}/{name}/", recursive=True)
        finally:
            shutil.rmtree(folder)
        target.count(f"raw/{store}", name, {"bytes": sizes, "form": FORM, "shop": shop, "start_date": start_date})
        target.remove_old(f"raw/{store}")


def _write_raw_tables(house: Warehouse, store: str, folder: Path) -> None:
    with open_warehouse(house.path, read_only=True) as connection:
        connection.execute(f"set memory_limit = {quoted(build_memory())}")
        of_store = f"where store_key = {quoted(store)}"
        tables = ("store_views", "customers", "orders")
        any_row = " union all ".join(f"(select 1 from raw.{table} {of_store} limit 1)" for table in tables)
        if not connection.execute(any_row).fetchall():
            raise PipelineError(
                f"{house.path} has nothing of a store {store}: was SOURCES__MAGENTO__STORE_KEY another in the load?"
            )
        for table in TABLES.values():
            columns = ", ".join(
                f'cast("{column.name}" as {TYPES[column.type][1]}) as "{column.name}"' for column in all_columns(table)
            )
            try:
                connection.execute(
                    f"copy (select {columns} from raw.{table.name} {of_store})"
                    f" to {quoted(folder / f'{table.name}.parquet')} (format parquet, compression zstd)"
                )
            except (duckdb.BinderException, duckdb.CatalogException):
                raise PipelineError(f"raw.{table.name} is a former version's: run make load, then export") from None


def check_shop(theirs: str, shop: str, store: str) -> None:
    """Raise PipelineError when a store of the lake is another shop; a port may change, as the demo's does."""
    if _host(theirs) != _host(shop):
        raise PipelineError(
            f"the store {store} of the lake is the shop {theirs}, not {shop or 'this one'}: "
            "give each shop a SOURCES__MAGENTO__STORE_KEY of its own"
        )


def _host(address: str) -> tuple[str | None, str]:
    parts = urlsplit(address)
    return parts.hostname, parts.path.rstrip("/")


def fetch(house: Warehouse, store: str, shop: str) -> int:
    """Publish a store's marts of the lake's last build in place of a build of its own; return its contacts.

    Raises PipelineError when that build has no such store, or this warehouse holds another one too.
    """
    target = lake()
    about = target.latest("builds")
    if store not in about.get("stores", {}):
        raise PipelineError(
            f"the last build in {target.url} has no store {store}: export it, or see what that build said of it"
        )
    check_shop(about["stores"][store], shop, store)
    if about.get("project") != version_of_project():
        raise PipelineError(
            "the last build was made by other models, macros or seeds than are here: have the same everywhere"
        )
    with locked(house, "fetch"):
        with open_warehouse(house.path, read_only=True) as connection:
            others = connection.execute(
                "select store_key from raw.customers union select store_key from raw.orders except select ?", [store]
            ).fetchall()
        if others:
            raise PipelineError(f"{house.path} holds other stores, too: in a lake each has a warehouse of its own")
        make_ready(house)
        as_of, zone = _take(house, target, about["name"], store)
        without = ("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious")
        if run_dbt(house, ["--quiet", "build", *without, "--select", *MADE_HERE]):
            raise PipelineError(f"views and history of {store} could not be made. More is in {house.logs / 'dbt.log'}")
        done = publish(
            house,
            as_of,
            zone,
            is_tested=True,
            about=about_build(house, house, ()),
            built_at=datetime.fromisoformat(about["built_at"]),
        )
        house.build_failed.unlink(missing_ok=True)
    return done.row_counts.get("icommkt_contacts", 0)


def _take(house: Warehouse, target: Lake, name: str, store: str) -> tuple[date, str]:
    """Have a store's tables of a build in place of what was built here; return its as-of date and zone."""
    build = f"{target.root}/builds/{name}"

    def read(folder: str) -> str:
        return f"read_parquet({quoted(target.address(folder))} || '/*.parquet', hive_partitioning = false)"

    house.marts.unlink(missing_ok=True)
    raise_storage_version(house.marts)
    with open_warehouse(house.path) as connection:
        connection.register_filesystem(target.files)
        connection.execute(f"set memory_limit = {quoted(build_memory())}")
        connection.execute(f"attach {quoted(house.marts)} as mart_file")
        connection.execute("create schema mart_file.marts; create schema if not exists intermediate")
        of_store = f"store_key = {quoted(store)}"
        contacts = f"select contact_number from {read(f'{build}/marts.db/dim_contacts')} where {of_store}"
        folders = [one["name"] for one in target.files.ls(f"{build}/marts.db", detail=True)]
        for folder in (*folders, f"{build}/intermediate.db/int_build_settings"):
            table = folder.rsplit("/", 1)[-1]
            into = "intermediate" if table == "int_build_settings" else "mart_file.marts"
            columns = [row[0] for row in connection.execute(f"describe from {read(folder)}").fetchall()]
            if "store_key" in columns:
                where = of_store
            elif "contact_number" in columns:
                where = f"contact_number in ({contacts})"
            elif table == "icommkt_profile_fields":
                where = "true"
            else:
                raise PipelineError(
                    f"{table} has neither store_key nor contact_number: nobody knows whose its rows are"
                )
            connection.execute(f'create or replace table {into}."{table}" as from {read(folder)} where {where}')
        ((as_of, zone),) = connection.execute(
            "select as_of_date, store_timezone from intermediate.int_build_settings"
        ).fetchall()
    return as_of, zone


def main() -> int:
    """Run the command line."""
    parser = Parser(prog="python -m loaders.lake", description=__doc__, epilog="for instance: make export")
    parser.add_argument("command", choices=("export", "fetch"))
    house, settings = warehouse(), magento_settings()
    if parser.parse_args().command == "export":
        export(house, settings.store_key, settings.base_url, settings.start_date)
        print(f"exported {settings.store_key} to {lake().url}")
    else:
        contacts = fetch(house, settings.store_key, settings.base_url)
        print(f"{contacts:,} contacts of {settings.store_key} in {house.published}")
    return 0


if __name__ == "__main__":
    run_command(main)
