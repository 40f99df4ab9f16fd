"""`python -m loaders.docs`: the documentation of every model and column as one HTML file.

It is made over an empty warehouse of its own, so that it needs no store, waits for no lock and
shows no merchant's numbers.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from loaders.build import run_dbt
from loaders.errors import PipelineError, run_command
from loaders.magento.store import RawStore
from loaders.paths import PROJECT_ROOT, Warehouse

OUTPUT = PROJECT_ROOT / "target" / "docs.html"
# Any date and zone will do: the catalog holds names and types, no rows.
_VARS = "{as_of_date: 2026-01-01, store_timezone: UTC, reporting_currency: XXX}"


def make_docs(output: Path = OUTPUT) -> Path:
    """Write the documentation to `output`.

    Raises PipelineError when dbt cannot compile the project.
    """
    with tempfile.TemporaryDirectory() as folder:
        house = Warehouse(Path(folder) / "docs.duckdb")
        house.make_folders()
        raw = RawStore(house.path, "main")
        raw.prepare()
        raw.complete()
        for arguments in (["seed"], ["run", "--empty"], ["docs", "generate", "--static"]):
            if run_dbt(house, ["--quiet", *arguments, "--vars", _VARS]) != 0:
                raise PipelineError(f"dbt {arguments[0]} failed; the docs were not made")
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(house.dbt_target / "static_index.html", output)
    return output


def main() -> int:
    """Run the command line."""
    path = make_docs()
    print(f"docs in {path.relative_to(PROJECT_ROOT)}, {path.stat().st_size / 1e6:.1f} MB; open it in a browser")
    return 0


if __name__ == "__main__":
    run_command(main)
