"""`python -m loaders.report`: last night on one page, for the marketer who will use the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, select_autoescape

from loaders import publish
from loaders.errors import Parser, PipelineError, run_command
from loaders.fields import window_in_words
from loaders.paths import PROJECT_ROOT, Warehouse, warehouse
from loaders.text import fit
from loaders.warehouse import open_warehouse


def report(house: Warehouse) -> Path:
    """Write the report of the published build and of the last push beside the warehouse; return where.

    No address and no name of a contact is in it.

    Raises PipelineError when nothing was ever published.
    """
    with open_warehouse(publish.find(house.published), read_only=True) as connection:
        try:
            facts = {**_build(connection), **_contacts(connection)}
        except duckdb.CatalogException as error:
            raise PipelineError(
                f"{house.published} was made by another version ({fit(error, 80)}); run make build"
            ) from None
    facts |= _pushes(house.state)
    templates = Environment(loader=FileSystemLoader(PROJECT_ROOT / "loaders"), autoescape=select_autoescape())
    templates.filters["count"] = lambda number: f"{int(number or 0):,}"
    templates.filters["money"] = lambda amount: f"{amount or 0:,.2f}"
    text = templates.get_template("report.html").render(facts)
    aside = house.report.with_name(f".{house.report.name}.new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(house.report)
    return house.report


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _build(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    counts = _rows(connection, "select layer, table_name, row_count from meta.row_counts order by layer, table_name")
    return {
        "build": _rows(connection, "from meta.build")[0],
        "raw": [row for row in counts if row["layer"] == "raw"],
        "left_out": [
            {"what": label, "contacts": row["row_count"]}
            for row in counts
            for name, label in (
                ("invalid_emails", "e-mails that are not valid"),
                ("excluded_contacts", "e-mails left out by the seed excluded_emails"),
            )
            if row["table_name"] == name
        ],
    }


def _contacts(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    segments = _rows(
        connection,
        """select rfm_group, rfm_segment, count(*) as contacts, sum(amount_total) as amount,
                  median(days_since_last_purchase) as days
           from marts.icommkt_contacts group by rfm_group, rfm_segment
           order by list_position(['LOYAL', 'FREQUENT', 'BEGINNERS', 'PROSPECTS'], rfm_group), contacts desc""",
    )
    totals = _rows(
        connection,
        """select count(*) as contacts, count(*) filter (purchases_total > 0) as buyers,
                  count(*) filter (is_subscribed) as subscribed, sum(amount_total) as amount
           from marts.icommkt_contacts""",
    )
    windows = _rows(
        connection,
        """select fields.first_day, fields.last_day, count(bought.purchases) as buyers,
                  coalesce(sum(bought.purchases), 0) as purchases, coalesce(sum(bought.amount), 0) as amount
           from marts.icommkt_profile_fields as fields
           left join marts.contact_windows as bought on fields.mart_column = concat('purchases_', bought.window_name)
           where fields.mart_column like 'purchases%' and fields.last_day is not null
           group by fields.mart_column, fields.first_day, fields.last_day order by fields.last_day, fields.first_day""",
    )
    for row in windows:
        row["name"] = window_in_words(row["first_day"], row["last_day"]).removeprefix("in the ")
    most = max((segment["contacts"] for segment in segments), default=1)
    return {"totals": totals[0], "windows": windows, "segments": segments, "largest_segment": most}


def _pushes(state: Path) -> dict[str, Any]:
    """The last push of each profile, and why contacts were refused."""
    if not state.exists():
        return {"pushes": [], "refusals": []}
    with open_warehouse(state, read_only=True) as connection:
        # A build makes the file, for its history; the first push adds its tables.
        if not _rows(connection, "from duckdb_schemas() where schema_name = 'push' and not internal"):
            return {"pushes": [], "refusals": []}
        pushes = _rows(
            connection,
            """select profile, status, started_at, as_of_date, contacts, planned, acknowledged, rejected, removed,
                   coalesce(message, '') as message
               from push.runs where command = 'push'
               qualify row_number() over (partition by profile order by run_id desc) = 1 order by profile""",
        )
        refusals = _rows(
            connection,
            """select coalesce(status_code, '') as code, count(*) as contacts, max(tries) as tries
               from push.rejections group by all order by contacts desc limit 20""",
        )
    return {"pushes": pushes, "refusals": refusals}


def main() -> int:
    """Run the command line."""
    Parser(prog="python -m loaders.report", description=__doc__).parse_args()
    print(f"report in {report(warehouse())}")
    return 0


if __name__ == "__main__":
    run_command(main)
