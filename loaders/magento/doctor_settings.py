"""What the doctor says of zone, currency and brands, which GraphQL tells anyone and the project's vars may overrule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from loaders.checks import MISSING, OK, WARN, Check
from loaders.errors import PipelineError

Rows = list[dict[str, Any]]


def zone_and_currency(variables: Mapping[str, Any], read: Callable[[], Rows]) -> Iterator[Check]:
    """What time zone and currency the contacts would be made in."""
    zone, currency = (str(variables.get(one) or "") for one in ("store_timezone", "reporting_currency"))
    try:
        views = read()
    except PipelineError as error:
        if zone and currency:
            text = f"{zone} and {currency} by dbt_project.yml; not read from the store: {error}"
            yield Check("time zone and currency", WARN, text)
        else:
            text = f"{error} Have POST /graphql let through: it gives time zone, currency and brands to anyone"
            yield Check("time zone and currency", MISSING, text)
        return
    default = next((view for view in views if view["is_default"]), views[0] if views else {})
    theirs = str(default.get("timezone") or "")
    if not zone and not theirs:
        yield Check("time zone", MISSING, "the store names none: set the var store_timezone in dbt_project.yml")
    else:
        zone_text = f"{zone} by the var store_timezone" if zone else f"{theirs}, the default store view's"
        try:
            ZoneInfo(zone or theirs)
            yield Check("time zone", OK, zone_text)
        except (KeyError, ValueError, OSError):
            yield Check("time zone", MISSING, f"{zone_text}, is no known zone: set the var store_timezone")
    codes = sorted({str(view["base_currency_code"]) for view in views if view.get("base_currency_code")})
    reporting = currency or str(default.get("base_currency_code") or "")
    if not reporting:
        yield Check("currency", MISSING, "the store names none: set the var reporting_currency in dbt_project.yml")
    elif set(codes) - {reporting}:
        others = ", ".join(sorted(set(codes) - {reporting}))
        text = f"amounts are told in {reporting}; for {others} put rates into seeds/exchange_rates.csv"
        yield Check("currency", WARN, text)
    else:
        yield Check("currency", OK, f"{reporting}; {len(views)} store views")


def brands(variables: Mapping[str, Any], read: Callable[[str], Rows]) -> Iterator[Check]:
    """Whether the brand attribute has labels."""
    code = str(variables.get("brand_attribute") or "")
    if not code:
        yield Check("brands", WARN, "the var brand_attribute is empty: brands stay empty")
        return
    try:
        labels = read(code)
    except PipelineError:
        labels = []
    if labels:
        yield Check("brands", OK, f"attribute {code} has {len(labels):,} labels")
    else:
        text = (
            f"no labels of attribute {code} can be read, so brands stay empty unless it is a text: set the var "
            "brand_attribute to the code in Stores > Attributes > Product that holds the brand"
        )
        yield Check("brands", WARN, text)
