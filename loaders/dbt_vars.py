"""dbt's variables as Python needs them: the project's defaults under what `VARS` says."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from loaders.dates import check_dates
from loaders.errors import SettingsError
from loaders.paths import PROJECT_ROOT

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LEAST = {"list_max_length": 1, "rfm_period_days": 0}
_MAY_BE_EMPTY = {"rfm_period_days"}
_ATTRIBUTES = {"customer_attributes", "product_attributes"}


def parse_vars(text: str | None) -> dict[str, Any]:
    """Parse the text of `VARS`, YAML as dbt's `--vars` takes it, such as `{as_of_date: 2026-11-24}`.

    Raises SettingsError when it is not a mapping, or has a name that dbt_project.yml does not have or a value of
    another kind than it needs. What passes, the models take as data: names are names, all else is quoted.
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


def project_vars(given: dict[str, Any], project: Path = PROJECT_ROOT) -> dict[str, Any]:
    """Return the vars of `dbt_project.yml` with `given` on top."""
    settings = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    return {**(settings.get("vars") or {}), **given}


def _check(given: dict[str, Any]) -> None:
    known = project_vars({})
    for name, value in given.items():
        if name not in known:
            near = get_close_matches(name.split(":")[0], known, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            space = " (YAML wants a space after the colon)" if ":" in name else ""
            raise SettingsError(f"VARS has {name!r}, which is none of the vars of dbt_project.yml{meant}{space}")
        if must_be := _must_be(name, value):
            raise SettingsError(f"VARS: {name} must be {must_be}, not {value!r}")


def _must_be(name: str, value: Any) -> str:
    """What the var must be, "" when it is."""
    if name in _LEAST and not (name in _MAY_BE_EMPTY and value in (None, "")) and not _is_at_least(value, _LEAST[name]):
        return f"a whole number from {_LEAST[name]} up"
    if name == "purchase_windows":
        return "changed in dbt_project.yml, and then `make fields` run, as the columns of icommkt_contacts follow it"
    if name in _ATTRIBUTES and not (isinstance(value, list) and all(_is_attribute(one) for one in value)):
        return "a list such as [{code: dni, type: text, column: dni}], of names of letters, digits and _"
    if name == "brand_attribute" and value and not _is_name(value):
        return "the code of an attribute, of letters, digits and _"
    if name == "reporting_currency" and value and not re.fullmatch("[A-Z]{3}", str(value)):
        return "the code of a currency such as ARS"
    if name == "list_separator" and not _is_text(value):
        return "a text without line breaks and control characters"
    if name == "gender_labels" and not (
        isinstance(value, dict) and all(_is_at_least(code, 0) and _is_text(label) for code, label in value.items())
    ):
        return "whole numbers with texts, such as {1: Male, 2: Female}"
    return ""


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(_NAME.fullmatch(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not _NO_TEXT.search(value)


def _is_attribute(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_name(value.get(key)) for key in ("code", "type", "column"))


def _is_at_least(value: Any, least: int) -> bool:
    return not isinstance(value, bool) and str(value).isascii() and str(value).isdigit() and int(value) >= least
