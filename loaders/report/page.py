"""The page itself, put together and written."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from loaders.paths import Warehouse
from loaders.report import customers, needs, sales, sync
from loaders.report.data import Facts, read
from loaders.report.form import Form, report_language

HERE = Path(__file__).parent


def report(house: Warehouse) -> Path:
    """Write the page about the published build and the last pushes beside the warehouse; return where.

    No address, name or phone of a contact is in it.

    Raises PipelineError when nothing was ever published, SettingsError for a language that it has no words in.
    """
    text = page(read(house), report_language())
    aside = house.report.with_name(f".{house.report.name}.new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(house.report)
    return house.report


def page(facts: Facts, language: str = "") -> str:
    """The page as HTML, in the language, else in the store's."""
    build = facts.build
    form = Form(language, build["store_locale"], build["reporting_currency"])
    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return templates.get_template("page.html").render(
        t=form.t,
        key=_breaking,
        language=form.language,
        css=Markup((HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own
        day=form.date(build["as_of_date"]),
        zone=build["store_timezone"],
        built=form.moment(build["built_at"], build["store_timezone"]),
        tested=needs.tested(form, facts),
        look=needs.look(form, facts),
        tiles=customers.tiles(form, facts),
        has_purchases=any(row["purchases"] for row in facts["months"]) or bool(facts["rfm"]),
        rfm=customers.rfm(form, facts),
        sizes=customers.sizes(form, facts),
        moves=customers.moves(form, facts),
        months=sales.months(form, facts),
        windows=sales.windows(form, facts),
        cohorts=sales.cohorts(form, facts),
        rhythm=sales.rhythm(form, facts),
        tops=sales.tops(form, facts),
        coupons=sales.coupons(form, facts),
        profiles=sync.profiles(form, facts),
        raw=[
            {
                "table": row["table_name"],
                "rows": form.n(row["row_count"]),
                "loaded": form.moment(row["loaded_at"], build["store_timezone"]) if row["loaded_at"] else "",
            }
            for row in facts["raw"]
        ],
    )


def _breaking(name: str) -> Markup:
    """A name that may break after each of its underscores."""
    return Markup("_<wbr>").join(name.split("_"))
