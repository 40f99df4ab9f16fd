"""The project's macros as sqlfluff sees them: calls of functions with their arguments.

sqlfluff checks how models are written, so what a macro renders to is not its concern; macros that give lists to loop
over give the real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _call(name: str) -> Callable[..., str]:
    def macro(*arguments: Any, **named: Any) -> str:
        texts = [str(argument) for argument in (*arguments, *named.values()) if isinstance(argument, str)]
        return f"{name}({', '.join(texts)})"

    return macro


average_money = _call("average_money")
big_integer = _call("big_integer")
canceled_unpaid = _call("canceled_unpaid")
clean_list = _call("clean_list")
clean_text = _call("clean_text")
concat_lists = _call("concat_lists")
convert_money = _call("convert_money")
convert_timezone = _call("convert_timezone")
current_utc_timestamp = _call("current_utc_timestamp")
custom_attribute = _call("custom_attribute")
days_between = _call("days_between")
divide_half_up = _call("divide_half_up")
first_items = _call("first_items")
flat_list = _call("flat_list")
integer_divide = _call("integer_divide")
is_ascii = _call("is_ascii")
is_too_long_email = _call("is_too_long_email")
is_valid_email = _call("is_valid_email")
json_text_list = _call("json_text_list")
line_amount_left = _call("line_amount_left")
list_is_empty = _call("list_is_empty")
label_of = _call("label_of")
local_date = _call("local_date")
matches_pattern = _call("matches_pattern")
month_of = _call("month_of")
months_between = _call("months_between")
normalise_email = _call("normalise_email")
numbers_up_to = _call("numbers_up_to")
order_currency = _call("order_currency")
occurrence_key = _call("occurrence_key")
part_of = _call("part_of")
parse_birth_date = _call("parse_birth_date")
profile_field = _call("profile_field")
profile_fields_json = _call("profile_fields_json")
quantity = _call("quantity")
raise_error = _call("raise_error")
replace_pattern = _call("replace_pattern")
seed_text = _call("seed_text")
store_timezone = _call("store_timezone")
strip_whitespace = _call("strip_whitespace")
value_at_share = _call("value_at_share")
whole_number = _call("whole_number")


def score_by_borders(value: str, comparison: str, borders: str, lowest: int = 1) -> str:
    """One number."""
    return f"score_by_borders({value}, '{comparison}', {borders}, {lowest})"


def quoted(text: str) -> str:
    """One text."""
    return f"'{text}'"


def split_list(text: str, separator: str = ",") -> str:
    """One list."""
    return f"split_list({text}, '{separator}')"


def list_to_text(texts: str, separator: str) -> str:
    """One text."""
    return f"list_to_text({texts}, '{separator}')"


def list_to_short_text(texts: str, separator: str, max_length: str) -> str:
    """One text."""
    return f"list_to_short_text({texts}, '{separator}', {max_length})"


def ordered_list(value: str, order_by: str, where: str = "true") -> str:
    """An aggregate."""
    return f"max(case when {where} then concat({value}, {order_by}) end)"


def text_list(items: list[str]) -> str:
    """A list written out."""
    return f"array({', '.join(items)})"


def explode_list(texts: str, position: str, value: str) -> str:
    """Two select columns."""
    return f"list_positions({texts}) as {position},\n        list_items({texts}) as {value}"


def children_of_current_parent(child: str, **_: Any) -> str:
    """A query."""
    return f"select * from {child}"


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


def contract_columns(_: str) -> list[dict[str, str]]:
    """Two columns stand for all of them."""
    return [{"name": "email", "type": "string"}, {"name": "purchases_total", "type": "bigint"}]


def profile_value(column: str, _: str) -> str:
    """A text."""
    return f"coalesce({column}, '')"


def purchase_windows(_: Any) -> list[dict[str, Any]]:
    """The default windows."""
    lengths = [30, 60, 90, 180, 360]
    windows = [
        {"suffix": f"{days}_days", "days": days, "is_plus": False, "contains": f"days_ago between 0 and {days}"}
        for days in lengths
    ]
    return [*windows, {"suffix": "360_plus_days", "days": 360, "is_plus": True, "contains": "days_ago > 360"}]


class dbt:  # noqa: N801 - the name that models use
    """dbt's own namespace."""

    @staticmethod
    def type_string() -> str:
        """Name of the text type."""
        return "string"


_VARS: dict[str, Any] = {
    "purchase_windows": [30, 60, 90, 180, 360],
    "list_separator": ", ",
    "list_max_length": 2000,
    "rfm_period_days": "",
    "brand_attribute": "manufacturer",
    "gender_labels": {1: "Male", 2: "Female", 3: "Not Specified"},
    "customer_attributes": [],
    "product_attributes": [],
}


def var(name: str, default: Any = "") -> Any:
    """The vars' defaults."""
    return _VARS.get(name, default)


add_days = _call("add_days")
group_version = _call("group_version")
labels_version = _call("labels_version")
numbered_purchase_version = _call("numbered_purchase_version")
order_version = _call("order_version")
purchase_version = _call("purchase_version")
row_version = _call("row_version")


def keeps_rows() -> bool:
    """sqlfluff sees a build from nothing."""
    return False


def made_by() -> str:
    """A select target."""
    return "0 as _made_by"


def not_made_yet(alias: str, key: str, *_: object) -> str:
    """A condition."""
    return f"{alias}.{key} > 0"


def in_this_part(alias: str, *_: str) -> str:
    """A condition."""
    return f"{alias}.build_part = 0"


def make_other_parts(*_: str) -> str:
    """Nothing: a hook."""
    return ""
