"""`python -m loaders.docs`: what each number is, every model and column, as one HTML file.

It opens on models/overview.md, and is made over an empty warehouse of its own, so that it needs no store, waits for
no lock and shows no merchant's numbers.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loaders import fields
from loaders.build import run_dbt
from loaders.errors import Parser, PipelineError, run_command
from loaders.magento.storage import RawStore
from loaders.paths import PROJECT_ROOT, Warehouse

OUTPUT = PROJECT_ROOT / "target" / "docs.html"
# Any date and zone will do: the catalog holds names and types, no rows.
_STYLE = """<style>
.app-details td, .app-details th { padding: 6px 8px !important; }
th, .switch-label, .filename-normal { color: #58636b !important; }
@media (max-width: 800px) {
  body, .app { min-width: 0 !important; }
  .app-menu { display: none !important; }
  .app-details { overflow: auto !important; }
}
</style>"""
"""The table of fields is wide, dbt's grey is too light to read, and a phone has no room for the tree."""
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
            raw.make_tables()
        without_tests = ["--exclude-resource-type", "test", "unit_test"]
        for arguments in (["build", "--empty", *without_tests], ["docs", "generate", "--static"]):
            if run_dbt(house, ["--quiet", *arguments, "--vars", _VARS]) != 0:
                raise PipelineError(f"dbt {arguments[0]} failed; the docs were not made")
        if gaps := undocumented(house.dbt_target):
            raise PipelineError(f"no description, or none built: {', '.join(gaps[:5])}{' ...' if gaps[5:] else ''}")
        page = (house.dbt_target / "static_index.html").read_text(encoding="utf-8")
    for mark, text in _filled_in().items():
        page = page.replace(mark, text)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")
    return output


def _filled_in() -> dict[str, str]:
    """What stands for what in dbt's page. The overview is in it as JSON."""
    return {
        "TABLE OF FIELDS": json.dumps("\n".join(_fields()))[1:-1],
        "TABLE OF CHANGES": json.dumps("\n".join(_changes()))[1:-1],
        "</head>": f"{_STYLE}</head>",
        'class="app-details app-scroll app-pad"': 'class="app-details app-scroll app-pad" tabindex="0"',  # for its keys
        ",maximum-scale=1": "",
        # A browser would ask for files of these names, and complain.
        'xlink:href="{{': 'ng-attr-href="{{',
        "${require('./assets/favicons/favicon.ico')}": "data:,",
    }


def _fields() -> Iterator[str]:
    """Yield the table of the fields that are sent, from the seed."""
    names = ("profile_field_key", "mart_column", "description", "type", "example", "origin")
    yield "| key | column | meaning | form | example | origin |\n|---|---|---|---|---|---|"
    for line in fields.columns():
        if line["enabled"].lower() == "true":
            key, column, *words = (line[name] for name in names)
            yield f"| {' | '.join([f'`{key}`', f'`{column}`', *words])} |"


def _changes() -> list[str]:
    """Return the README's table of what is changed where."""
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Where an analyst changes what")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")]


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
    Parser(prog="python -m loaders.docs", description=__doc__, epilog="for instance: make docs-serve").parse_args()
    path = make_docs()
    print(f"docs in {path.relative_to(PROJECT_ROOT)}, {path.stat().st_size / 1e6:.1f} MB; open it in a browser")
    return 0


if __name__ == "__main__":
    run_command(main)
