"""`make build` after an edit, then `make diff`: what would change in ICOMMKT, before anything is sent."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.e2e.conftest import Night, Pipeline


def test_a_changed_rule_is_shown_field_by_field(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path
) -> None:
    for name in ("warehouse.duckdb", "warehouse.marts.duckdb", "warehouse.state.duckdb", "published.duckdb"):
        shutil.copyfile(pipeline.warehouse.with_name(name), tmp_path / name)
    here = {"WAREHOUSE_PATH": str(tmp_path / "warehouse.duckdb")}

    same = pipeline.run("loaders.icommkt", "diff", **here)
    assert same.returncode == 0, same.stdout
    assert re.search(r"0 of 6,\d{3} contacts", same.stdout), same.stdout

    rule = f"{{as_of_date: {all_nights['second'].as_of_date}, list_separator: ' | '}}"
    built = pipeline.run("loaders.build", "--vars", rule, "--exclude-resource-type", "unit_test", "test", **here)
    assert built.returncode == 0, built.stdout
    assert "a push will refuse this build" in built.stdout, "its tests were left out"
    changed = pipeline.run("loaders.icommkt", "diff", **here)
    assert changed.returncode == 0, changed.stdout
    fields = re.findall(r"^  (ICOMMKT_\w+) +([\d,]+) contacts$", changed.stdout, re.MULTILINE)
    assert {"ICOMMKT_Items_360_Days", "ICOMMKT_Categories_360_Days"} <= {name for name, _ in fields}
    assert not {"ICOMMKT_RFM", "ICOMMKT_Amount_360_Days", "nombre"} & {name for name, _ in fields}
    assert " | " in changed.stdout
    addresses = re.findall(r"\S+@\S+", changed.stdout)
    assert addresses
    assert all("***@" in address for address in addresses)
