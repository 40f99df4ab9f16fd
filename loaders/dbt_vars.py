"""dbt's variables as Python needs them: the project's defaults under what `VARS` says."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import yaml

from loaders.dates import check_dates
from loaders.errors import SettingsError
from loaders.paths import PROJECT_ROOT

_LEAST = {"list_max_length": 1, "contacts_per_part": 1, "rfm_period_days": 0}
_MAY_BE_EMPTY = {"rfm_period_days"}
_LISTS = {"purchase_windows": int, "customer_attributes": dict, "product_attributes": dict}


def parse_vars(text: str | None) -> dict[str, Any]:
    """Parse the text of `VARS`, YAML as dbt's `--vars` takes it, such as `{as_of_date: 2026-11-24}`.

    Raises SettingsError when it is not a mapping, or has a name that dbt_project.yml does not have or a value of
    another kind than it needs.
    """
    try:
        given = yaml.safe_load(text or "{}")
    except (yaml.YAMLError, ValueError):  # ValueError: a day that no calendar has
        given = None
    if not isinstance(given, dict):
        raise SettingsError(f"VARS must look like '{{as_of_date: 2026-11-24}}', with days that exist, not {text!r}")
    _check({str(name): value for name, value in given.items()})
    check_dates(given)
    return given


def project_vars(given: dict[str, Any]) -> dict[str, Any]:
    """Return the vars of `dbt_project.yml` with `given` on top."""
    project = yaml.safe_load((PROJECT_ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    return {**(project.get("vars") or {}), **given}


def _check(given: dict[str, Any]) -> None:
    known = project_vars({})
    for name, value in given.items():
        if name not in known:
            near = get_close_matches(name.split(":")[0], known, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            space = " (YAML wants a space after the colon)" if ":" in name else ""
            raise SettingsError(f"VARS has {name!r}, which is none of the vars of dbt_project.yml{meant}{space}")
        may_be_empty = name in _MAY_BE_EMPTY and value in (None, "")
        if name in _LEAST and not may_be_empty and not _is_at_least(value, _LEAST[name]):
            raise SettingsError(f"VARS: {name} must be a whole number from {_LEAST[name]} up, not {value!r}")
        if name in _LISTS and not (isinstance(value, list) and all(isinstance(one, _LISTS[name]) for one in value)):
            raise SettingsError(f"VARS: {name} must be a list as in dbt_project.yml, not {value!r}")
        if name == "gender_labels" and not isinstance(value, dict):
            raise SettingsError(f"VARS: {name} must look like {{1: Male, 2: Female}}, not {value!r}")


def _is_at_least(value: Any, least: int) -> bool:
    return not isinstance(value, bool) and str(value).isascii() and str(value).isdigit() and int(value) >= least
