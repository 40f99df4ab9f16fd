"""`python -m loaders.docs`: the documentation of every model and column as one HTML file.

It is made over an empty warehouse of its own, so that it needs no store, waits for no lock and
shows no merchant's numbers.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from loaders.build import run_dbt
from loaders.errors import PipelineError, run_command
from loaders.magento.storage import RawStore
from loaders.paths import PROJECT_ROOT, Warehouse

OUTPUT = PROJECT_ROOT / "target" / "docs.html"
# Any date and zone will do: the catalog holds names and types, no rows.
_VARS = "{as_of_date: 2026-01-01, store_timezone: UTC, reporting_currency: XXX}"


def make_docs(output: Path = OUTPUT) -> Path:
    """Write the documentation to `output`.

    Raises PipelineError when dbt cannot compile the project, or something in it has no description.
    """
    with tempfile.TemporaryDirectory() as folder:
        house = Warehouse(Path(folder) / "docs.duckdb")
        house.make_folders()
        raw = RawStore(house.path, "main")
        with raw.held():
            raw.complete()
        without_tests = ["--exclude-resource-type", "test", "unit_test"]
        for arguments in (["build", "--empty", *without_tests], ["docs", "generate", "--static"]):
            if run_dbt(house, ["--quiet", *arguments, "--vars", _VARS]) != 0:
                raise PipelineError(f"dbt {arguments[0]} failed; the docs were not made")
        if gaps := undocumented(house.dbt_target):
            raise PipelineError(f"no description, or none built: {', '.join(gaps[:5])}{' ...' if gaps[5:] else ''}")
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(house.dbt_target / "static_index.html", output)
    return output


def undocumented(target: Path) -> list[str]:
    """List what the built catalog has and no yml describes, and what a yml describes and nothing built has.

    `target` is dbt's target folder after `dbt docs generate`.
    """
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    catalog = json.loads((target / "catalog.json").read_text(encoding="utf-8"))
    built = {**catalog["nodes"], **catalog["sources"]}
    described = {
        key: node
        for key, node in {**manifest["nodes"], **manifest["sources"]}.items()
        if node["resource_type"] in ("model", "seed", "snapshot", "source") and node["config"].get("enabled", True)
    }
    gaps = []
    for key, node in described.items():
        name = node["name"]
        if not node["description"].strip():
            gaps.append(name)
        columns = {c.lower(): d["description"] for c, d in node["columns"].items()}
        found = {c.lower() for c in built[key]["columns"]} if key in built else set()
        found = {c for c in found if not c.startswith("_dlt_")}  # dlt's own
        gaps += [f"{name}.{column}" for column in sorted(found) if not columns.get(column, "").strip()]
        gaps += [f"{name}.{column}" for column in sorted(columns.keys() - found)]
    return gaps


def main() -> int:
    """Run the command line."""
    path = make_docs()
    print(f"docs in {path.relative_to(PROJECT_ROOT)}, {path.stat().st_size / 1e6:.1f} MB; open it in a browser")
    return 0


if __name__ == "__main__":
    run_command(main)
