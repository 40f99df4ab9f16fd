"""The project's macros as sqlfluff sees them: calls of functions with their arguments.

sqlfluff checks how models are written, so what a macro renders to is not its concern; macros that give lists to loop
over, or more than a value, are written out here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

_PROJECT = Path(__file__).resolve().parents[4]
_VARS: dict[str, Any] = yaml.safe_load((_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


def _call(name: str) -> Callable[..., str]:
    def macro(*arguments: Any, **named: Any) -> str:
        texts = [str(argument) for argument in (*arguments, *named.values()) if isinstance(argument, str)]
        return f"{name}({', '.join(texts)})"

    return macro


for _path in (_PROJECT / "macros").rglob("*.sql"):
    for _name in re.findall(r"{%-? macro (\w+)\(", _path.read_text(encoding="utf-8")):
        globals()[_name] = _call(_name)


def split_list(text: str, separator: str = ",") -> str:
    """A list."""
    return f"split_list({text}, '{separator}')"


def list_to_text(texts: str, separator: str) -> str:
    """One text."""
    return f"list_to_text({texts}, '{separator}')"


def ordered_list(value: str, order_by: str, where: str = "true") -> str:
    """An aggregate."""
    return f"max(case when {where} then concat({value}, {order_by}) end)"


def text_list(items: list[str]) -> str:
    """A list written out."""
    return f"array({', '.join(items)})"


def explode_list(texts: str, position: str, value: str) -> str:
    """Two select columns."""
    return f"list_positions({texts}) as {position},\n        list_items({texts}) as {value}"


def lists_by_window(bought: str, *_: str) -> str:
    """The last CTE."""
    return f"final as (\n\n    select * from {bought}\n\n)"


def rows_of_list(table: str, **_: Any) -> str:
    """A query."""
    return f"select * from {table}"


def custom_attribute_columns(*_: Any) -> str:
    """Nothing, as by default."""
    return ""


def custom_attribute_joins(*_: Any) -> str:
    """Nothing, as by default."""
    return ""


def date_literal(value: Any) -> str:
    """A date."""
    return "cast(null as date)"


def text_literal(value: Any) -> str:
    """A text."""
    return "cast(null as string)"


def whole_number(value: Any) -> Any:
    """The number."""
    return value


def windows() -> dict[str, list[int]]:
    """The default windows."""
    return {**_VARS["purchase_windows"], "all": [0, 1_000_000]}


def quoted(text: str) -> str:
    """A text."""
    return f"'{text}'"


def score_by_borders(value: str, _: str, borders: str) -> str:
    """A number."""
    return f"score_by_borders({value}, {borders}_2)"


def rfm_period() -> None:
    """Nothing, as by default."""


def sent_fields() -> list[dict[str, Any]]:
    """One field stands for all of them."""
    return [{"mart_column": "email", "triggers_send": True}]


def key_value_json(_: Any) -> str:
    """A text."""
    return "to_json(email)"


def env_var(name: str, default: str = "") -> str:
    """Nothing is set."""
    return default


class dbt:  # noqa: N801 - the name that models use
    """dbt's own namespace."""

    @staticmethod
    def type_string() -> str:
        """Name of the text type."""
        return "string"


def var(name: str, default: Any = "") -> Any:
    """The vars' defaults."""
    return _VARS.get(name, default)
