"""`python -m loaders.lake export | fetch`: raw tables to the lake, and a store's marts back from it; docs/scale.md.

`raw/<store_key>/<export_id>/<table>.parquet` is what a load left, `builds/<build_id>/<schema>.db/<table>/` what Spark
made of all stores; `latest.json` beside the ids, written last, says which of them counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dlt
import fsspec

from loaders.build import about_build, check_whole, make_ready, run_dbt
from loaders.errors import Parser, PipelineError, SettingsError, run_command
from loaders.magento.schema import all_columns
from loaders.magento.settings import magento_settings
from loaders.magento.tables import TABLES
from loaders.paths import Warehouse, locked, warehouse
from loaders.publish import publish
from loaders.warehouse import build_memory, open_warehouse, quoted, raise_storage_version

LATEST = "latest.json"
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
MADE_HERE = ("resource_type:seed", "icommkt_payloads", "fct_purchases", "path:models/marts/history")
"""What is not taken from the lake: the views, and what a day was, which is kept in each store's own state file."""

KEPT = 2
"""How many exports of a store, and builds, stay: the one that counts, and one that somebody may still be reading."""


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

    def latest(self, folder: str) -> dict[str, Any]:
        """What counts in a folder of the lake; {} when nothing does yet."""
        path = f"{self.root}/{folder}/{LATEST}"
        return dict(json.loads(self.files.cat_file(path))) if self.files.exists(path) else {}

    def put(self, folder: str, name: str, source: Path | None, about: dict[str, Any]) -> None:
        """Copy `source` to `<folder>/<name>` and have that count from now on; what is older than the last goes."""
        if source:
            self.files.put(f"{source}/", f"{self.root}/{folder}/{name}/", recursive=True)
        aside = f"{self.root}/{folder}/.{name}.json"
        self.files.pipe_file(aside, json.dumps({"name": name, **about}).encode())
        self.files.mv(aside, f"{self.root}/{folder}/{LATEST}")
        found = self.files.ls(f"{self.root}/{folder}", detail=True)
        for old in sorted(one["name"] for one in found if one["type"] == "directory")[:-KEPT]:
            self.files.rm(old, recursive=True)

    def drop(self, folder: str) -> None:
        """Remove what was not made to its end."""
        if self.files.exists(f"{self.root}/{folder}"):
            self.files.rm(f"{self.root}/{folder}", recursive=True)

    def address(self, path: str) -> str:
        """A path of the lake as DuckDB and Spark read it."""
        return str(self.files.unstrip_protocol(path)).removeprefix("file://")

    def stores(self) -> tuple[list[str], list[str]]:
        """Folders of the stores' exports that are whole, and what is wrong with each other one."""
        whole, torn = [], []
        for one in self.files.ls(f"{self.root}/raw", detail=True):
            store = one["name"].rsplit("/", 1)[-1]
            about = self.latest(f"raw/{store}")
            folder = f"{store}/{about.get('name')}"
            cut = [
                table
                for table, size in about.get("bytes", {}).items()
                if not self.files.exists(path := f"{self.root}/raw/{folder}/{table}.parquet")
                or self.files.size(path) != size
            ]
            if not about or cut:
                torn.append(f"{store}: {', '.join(cut) or 'nothing was exported to the end'}")
            else:
                whole.append(folder)
        return whole, torn


def lake() -> Lake:
    """The configured lake; SettingsError when there is none."""
    path = str(dlt.config.get("lake_path", str) or "").strip()
    if not path:
        raise SettingsError(
            "LAKE_PATH is not set: a folder, here or in an object store, for Parquet files (docs/scale.md)"
        )
    return Lake(path)


def new_name() -> str:
    """A name that sorts by time."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")


def export(house: Warehouse) -> list[str]:
    """Copy the raw tables of a warehouse to the lake; return its stores.

    Each store's files are written aside, then counted as its export all at once.
    """
    target = lake()
    with locked(house, "export"), open_warehouse(house.path, read_only=True) as connection:
        check_whole(house)
        connection.execute(f"set memory_limit = {quoted(build_memory())}")
        stores = [
            str(key)
            for (key,) in connection.execute(
                " union ".join(f"select distinct store_key from raw.{table}" for table in TABLES) + " order by 1"
            ).fetchall()
        ]
        for store in stores:
            with tempfile.TemporaryDirectory(dir=house.work) as folder:
                for table in TABLES.values():
                    columns = ", ".join(f'"{column.name}"' for column in all_columns(table))
                    connection.execute(
                        f"copy (select {columns} from raw.{table.name} where store_key = {quoted(store)})"
                        f" to {quoted(Path(folder) / f'{table.name}.parquet')} (format parquet, compression zstd)"
                    )
                sizes = {path.stem: path.stat().st_size for path in Path(folder).iterdir()}
                target.put(f"raw/{quote(store, safe='')}", new_name(), Path(folder), {"bytes": sizes})
    return stores


def fetch(house: Warehouse, store: str) -> int:
    """Publish a store's marts of the lake's last build, as a build of its own would; return its contacts.

    What is kept from day to day, and the views, dbt makes here: the store's history is in its own state file.
    """
    target = lake()
    about = target.latest("builds")
    if store not in about.get("stores", ()):
        raise PipelineError(
            f"the last build in {target.url} has no store {store!r}: it had no whole export, or was left out"
        )
    open_warehouse(house.path, read_only=True).close()  # a store's own, which was loaded
    with locked(house, "fetch"):
        make_ready(house)
        as_of, zone = _take(house, target, about["name"], store)
        if run_dbt(house, ["--quiet", "build", *NO_TESTS, "--select", *MADE_HERE]):
            raise PipelineError(f"views and history of {store} could not be made; dbt's log: {house.logs / 'dbt.log'}")
        done = publish(house, as_of, zone, is_tested=about["is_tested"], about=about_build(house, house, ()))
    return done.row_counts.get("icommkt_contacts", 0)


def _take(house: Warehouse, target: Lake, name: str, store: str) -> tuple[date, str]:
    """Have a store's tables of a build in place of what was built here; return its as-of date and zone."""
    house.marts.unlink(missing_ok=True)
    raise_storage_version(house.marts)
    with open_warehouse(house.path) as connection:
        connection.register_filesystem(target.files)
        connection.execute(f"set memory_limit = {quoted(build_memory())}")
        connection.execute(f"attach {quoted(house.marts)} as mart_file")
        connection.execute("create schema mart_file.marts; create schema if not exists intermediate")
        build = f"{target.root}/builds/{name}"
        of_store = f"store_key = {quoted(store)}"
        contacts = quoted(f"{target.address(build)}/marts.db/dim_contacts/*.parquet")
        of_contacts = f"contact_number in (select contact_number from read_parquet({contacts}) where {of_store})"
        folders = [one["name"] for one in target.files.ls(f"{build}/marts.db", detail=True)]
        for folder in (*folders, f"{build}/intermediate.db/int_build_settings"):
            table = folder.rsplit("/", 1)[-1]
            into = "intermediate" if table == "int_build_settings" else "mart_file.marts"
            files = quoted(f"{target.address(folder)}/*.parquet")
            columns = [row[0] for row in connection.execute(f"describe from read_parquet({files})").fetchall()]
            where = of_store if "store_key" in columns else of_contacts if "contact_number" in columns else "true"
            connection.execute(f'create or replace table {into}."{table}" as from read_parquet({files}) where {where}')
        ((as_of, zone),) = connection.execute(
            "select as_of_date, store_timezone from intermediate.int_build_settings"
        ).fetchall()
    return as_of, zone


def main() -> int:
    """Run the command line."""
    parser = Parser(prog="python -m loaders.lake", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=("export", "fetch"))
    house = warehouse()
    if parser.parse_args().command == "export":
        print(f"exported to {lake().url}: {', '.join(export(house))}")
    else:
        store = magento_settings().store_key
        print(f"{fetch(house, store):,} contacts of {store} in {house.published}")
    return 0


if __name__ == "__main__":
    run_command(main)
