"""`VARS` as people type it: a name that does not exist is no var, and is not taken in silence."""

import pytest

from loaders.dbt_vars import parse_vars
from loaders.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{as_of_dat: 2026-11-24}",
            r"'as_of_dat', which is none of the vars of dbt_project\.yml; did you mean as_of_date\?$",
        ),
        ("{as_of_date:2026-11-24}", r"did you mean as_of_date\? \(YAML wants a space after the colon\)$"),
        ("{as_of_date: 2026-11-31}", r"must look like .* with days that exist"),
        ("as_of_date", r"must look like"),
        ("{list_max_length: mucho}", r"list_max_length must be a whole number from 1 up, not 'mucho'"),
        ("{rfm_period_days: 90 days}", r"rfm_period_days must be a whole number from 0 up"),
        (
            "{purchase_windows: {7_days: [0, 7]}}",
            r"purchase_windows must be changed in dbt_project.yml, and then `make",
        ),
        ("{customer_attributes: dni}", r"customer_attributes must be a list"),
        ("{gender_labels: Male}", r"gender_labels must be whole numbers with texts"),
        ("{gender_labels: {'1 then 2': Male}}", r"gender_labels must be whole numbers with texts"),
        ("{gender_labels: {1: [Male]}}", r"gender_labels must be whole numbers with texts"),
        ('{gender_labels: {1: "M\\0"}}', r"gender_labels must be whole numbers with texts"),
        ("{list_max_length: '9) or (1=1'}", r"list_max_length must be a whole number"),
        ('{list_separator: "a\\nb"}', r"list_separator must be a text without line breaks"),
        ("{list_separator: }", r"list_separator must be a text"),
        ('{brand_attribute: "marca\' or 1=1 --"}', r"brand_attribute must be the code of an attribute"),
        ("{reporting_currency: \"ARS' or '\"}", r"reporting_currency must be the code of a currency"),
        (
            '{customer_attributes: [{code: "x\' or 1", type: text, column: x}]}',
            r"customer_attributes must be a list such as",
        ),
        ('{product_attributes: [{code: x, type: text, column: "x\\n"}]}', r"product_attributes must be a list such as"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_vars(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{}",
        "{rfm_period_days: }",
        "{rfm_period_days: '90', brand_attribute: marca}",
        '{list_separator: "\' {{ 1 / 0 }}", gender_labels: {1: "O\'{{ x }}"}, reporting_currency: ARS}',
        "{customer_attributes: [{code: dni, type: text, column: dni_2}], brand_attribute: ''}",
    ],
)
def test_what_the_models_take_passes(text: str | None) -> None:
    parse_vars(text)
