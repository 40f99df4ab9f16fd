"""dbt's variables as Python needs them: the project's defaults under what `VARS` says."""

from __future__ import annotations

from typing import Any

import yaml

from loaders.errors import SettingsError
from loaders.paths import PROJECT_ROOT


def parse_vars(text: str | None) -> dict[str, Any]:
    """Parse the text of `VARS`, YAML as dbt's `--vars` takes it, such as `{as_of_date: 2026-11-24}`.

    Raises SettingsError when it is not a mapping.
    """
    try:
        given = yaml.safe_load(text or "{}")
    except yaml.YAMLError:
        given = None
    if not isinstance(given, dict):
        raise SettingsError(f"VARS must look like '{{as_of_date: 2026-11-24}}', not {text!r}")
    return given


def project_vars(given: dict[str, Any]) -> dict[str, Any]:
    """Return the vars of `dbt_project.yml` with `given` on top."""
    project = yaml.safe_load((PROJECT_ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    return {**(project.get("vars") or {}), **given}
