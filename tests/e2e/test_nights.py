"""What two nights of the demo left behind, and commands on copies of it."""

from __future__ import annotations

import datetime as dt
import re
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.paths import Warehouse
from loaders.publish import publish
from loaders.warehouse import storage_version
from tests.e2e import browser
from tests.e2e.conftest import Night, Pipeline, on_a_full_disk


def one(path: Path, sql: str) -> Any:
    """The only value of a query."""
    with duckdb.connect(str(path), read_only=True) as db:
        ((value,),) = db.execute(sql).fetchall()
    return value


def test_a_night_sends_what_has_changed_and_nothing_else_whatever_dbt_is_told(all_nights: dict[str, Night]) -> None:
    first, second = all_nights["first"], all_nights["second"]
    before, after = ({one["Email"]: one["CustomFields"] for one in night.held} for night in (first, second))
    changed = [email for email, fields in after.items() if before.get(email) != fields]
    assert sum(request["contacts"] for request in second.icommkt_requests) == len(changed) < len(after)
    assert "not every data test was run" not in second.output
    assert one(second.published, "select is_tested from meta.build")
    assert one(second.published, "select count(*) from marts.icommkt_contacts") > 6_000


def test_the_second_day_reads_only_what_moved_with_the_articles_role(all_nights: dict[str, Night]) -> None:
    """The demo store's usual user has that role; a 401 or 403 would show that more was asked for."""
    first, second = all_nights["first"], all_nights["second"]
    assert len(second.magento_requests) < len(first.magento_requests) / 2
    for table in ("orders", "customers"):
        assert second.rows[table] > first.rows[table]
    for night in all_nights.values():
        assert {request["status"] for request in night.magento_requests} <= {200}


def test_each_step_says_what_it_did_and_the_report_shows_nobody(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path
) -> None:
    for words in (
        "--- load",
        "loaded ",
        "--- build",
        "tests passed",
        "payment_methods_are_known: store_key main, payment_method",
        "built as of 2026-11-23",
        "--- push",
    ):
        assert words in all_nights["first"].output
    page = pipeline.warehouse.with_name("report.html").read_text(encoding="utf-8")
    for words in (
        "24 de noviembre de 2026",
        "con aviso: 2.",
        "LOYAL_<wbr>CHAMPIONS",
        "gocuotas",
        "profile_key",
        "Terminado",
    ):
        assert words in page
    assert "@" not in page.split("</style>")[1]

    # A build makes the state file, for its history; nobody has pushed into it yet.
    settings = pipeline.copy_of_files(tmp_path, "published.duckdb")
    with duckdb.connect(str(tmp_path / "warehouse.state.duckdb")) as connection:
        connection.execute("create schema history")
    assert pipeline.run("loaders.report", **settings, REPORT_LANGUAGE="en").returncode == 0
    assert "Nothing was sent yet" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_report_has_the_numbers_of_the_published_file(all_nights: dict[str, Night], pipeline: Pipeline) -> None:
    published = all_nights["second"].published
    page = pipeline.warehouse.with_name("report.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    text = " ".join(re.sub("<[^>]*>", " ", page).split())

    def number(sql: str) -> str:
        return f"{one(published, sql):,.0f}".replace(",", ".")

    contacts, purchases = "from marts.icommkt_contacts", "from marts.fct_purchases where purchase_date"
    days = f"{purchases} between date '2026-10-25' and '2026-11-24'"
    window = "from marts.icommkt_contacts where purchases_30_days > 0"
    october = f"{purchases} between date '2026-10-01' and '2026-10-31'"
    for words in (
        f"Contactos {number(f'select count(*) {contacts}')} ",
        f"Compradores {number(f'select count(*) {contacts} where purchases_total > 0')} ",
        f"Suscriptos {number(f'select count(*) {contacts} where is_subscribed')} ",
        f"Compras, últimos 30 días {number(f'select count(*) {days}')} ",
        f"Facturación, últimos 30 días $ {number(f'select sum(amount) {days}')} ",
        f"últimos 30 días {number(f'select count(*) {window}')} {number(f'select sum(purchases_30_days) {window}')}"
        f" $ {number(f'select sum(amount_30_days) {window}')} ",
        f"Octubre de 2026: $ {number(f'select sum(amount) {october}')}",
        f"R5 {number(f'select count(*) {contacts} where recency_score = 5 and frequency_score = 1')} ",
        f"PROSPECTS, que nunca compraron: {number(f'select count(*) {contacts} where purchases_total = 0')} ",
        f"E-mails que no son válidos: {number('select count(*) from marts.invalid_emails')} ",
        f"tiene {number(f'select count(*) {contacts}')} de {number(f'select count(*) {contacts}')} contactos",
    ):
        assert words in text


@pytest.mark.skipif(not browser.CHROMIUM, reason="Chromium is not installed")
@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_a_browser_draws_the_report_on_a_phone_and_a_desk_and_prints_it(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path, language: str
) -> None:
    settings = pipeline.copy_of_files(tmp_path, "published.duckdb", "warehouse.state.duckdb", "push_status.duckdb")
    assert pipeline.run("loaders.report", **settings, REPORT_LANGUAGE=language).returncode == 0
    for width in (390, 1440):
        found = browser.look(tmp_path / "report.html", width, tmp_path)
        assert (found["too_wide"], found["not_drawn"], found["said"]) == ([], 0, [])
        assert found["drawn"] > 40
    assert browser.printed(tmp_path / "report.html", tmp_path) > 2


def test_any_duckdb_since_1_3_opens_the_files_and_their_owner_alone(
    all_nights: dict[str, Night], pipeline: Pipeline
) -> None:
    """Analysts' tools are older than the project's DuckDB; publishing keeps the format that the marts' file has."""
    for path in (all_nights["second"].published, pipeline.warehouse):
        assert storage_version(path) == "v1.3.0+", path
    paths = [path for path in pipeline.warehouse.parent.rglob("*") if path.exists()]
    assert {"warehouse.state.duckdb", "published.duckdb", "report.html", "dbt.log"} <= {path.name for path in paths}
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_load_leaves_no_rows_behind_and_no_folder_more_each_night(
    all_nights: dict[str, Night], pipeline: Pipeline
) -> None:
    work = Warehouse(pipeline.warehouse).work
    assert [path for path in work.rglob("*") if "parquet" in path.name] == []
    packages = [float(path.name) for path in work.glob("dlt/*/load/loaded/*")]
    assert packages
    assert min(packages) > all_nights["first"].published.stat().st_mtime, "of the last night alone"


def test_a_disk_that_fills_up_keeps_what_was_published_and_reported_and_leaves_nothing_for_ever(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path
) -> None:
    names = ("warehouse.duckdb", "warehouse.marts.duckdb", "warehouse.state.duckdb", "published.duckdb", "report.html")
    environment = {**pipeline.environment, **pipeline.copy_of_files(tmp_path, *names)}
    (tmp_path / ".published.duckdb.killed").write_bytes(b"x")
    house, day = Warehouse(tmp_path / "warehouse.duckdb"), dt.date(2026, 11, 23)
    before = [path.read_bytes() for path in (house.published, house.report)]
    publishing = (
        "import datetime; from loaders.paths import warehouse; from loaders.publish import publish;"
        f"run_command(lambda: publish(warehouse(), {day!r}, 'UTC', is_tested=True) and 0)"
    )
    reporting = "from loaders.report.__main__ import main; run_command(main)"
    for script, most in ((publishing, 1_000_000), (reporting, 1_000)):
        assert on_a_full_disk(script, most, environment).startswith("error: there is no room left to write")
    assert [path.read_bytes() for path in (house.published, house.report)] == before
    publish(house, day, "UTC", is_tested=True)
    assert house.published.read_bytes() != before[0]
    assert list(tmp_path.glob(".published*")) == []
