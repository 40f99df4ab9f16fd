"""The report: its words, and pages of an empty store, of one customer, and of nights that went wrong."""

import datetime as dt
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import duckdb
import pytest

from loaders.fields import window_in_words
from loaders.icommkt.state import TABLES, VIEWS
from loaders.paths import Warehouse
from loaders.report import report
from loaders.report.form import LOCALES, NOTHING, WORDS, Form, shown
from loaders.text import fingerprint

DAY = dt.date(2026, 11, 24)
FILE = """
create schema marts; create schema meta; create schema seeds;
create table meta.build (
    build_id varchar, as_of_date date, store_timezone varchar, built_at timestamp, is_tested boolean,
    reporting_currency varchar, store_locale varchar
);
insert into meta.build values
    ('b2', '2026-11-24', 'America/Santiago', '2026-11-24 09:30:00', true, 'CLP', 'es_CL');
create table meta.row_counts (layer varchar, table_name varchar, row_count bigint, loaded_at timestamp);
create table meta.test_results (test varchar, seed varchar, status varchar, failures bigint, rows json);
create table seeds.icommkt_profiles (website_id bigint, profile_setting varchar);
create table marts.fct_purchases (
    store_key varchar, order_id bigint, email varchar, has_contact boolean, purchase_date date, purchase_number bigint,
    amount decimal(20, 4)
);
create table marts.icommkt_contacts (
    store_key varchar, email varchar, purchases_total bigint, amount_total decimal(20, 4), is_subscribed boolean,
    rfm_group varchar, rfm_segment varchar, recency_score integer, frequency_score integer
);
create table marts.icommkt_profile_fields (mart_column varchar, first_day integer, last_day integer);
insert into marts.icommkt_profile_fields values ('purchases_total', null, null), ('purchases_30_days', 0, 30),
    ('purchases_31_to_60_days', 31, 60), ('purchases_360_plus_days', 361, 1000000);
create table marts.contact_windows (
    store_key varchar, email varchar, window_name varchar, purchases bigint, amount decimal(20, 4)
);
create table marts.rfm_borders (window_name varchar, measure varchar, score integer, begins_at decimal(20, 4));
create table marts.rfm_segment_sizes (
    store_key varchar, as_of_date date, rfm_group varchar, rfm_segment varchar, contacts bigint,
    amount_total decimal(20, 4)
);
create table marts.fct_rfm_segment_moves (
    moved_date date, move_type varchar, from_rfm_group varchar, from_rfm_segment varchar, to_rfm_group varchar,
    to_rfm_segment varchar
);
create table marts.purchase_cohorts (
    cohort_month date, months_since_first_purchase integer, buyers bigint, active_buyers bigint
);
create table marts.brand_performance (brand varchar, purchase_month date, amount decimal(20, 4));
create table marts.category_performance (category varchar, purchase_month date, amount decimal(20, 4));
create table marts.coupon_performance (
    promo_code varchar, amount decimal(20, 4), purchases bigint, last_used_date date
);
create table marts.invalid_emails (invalid_because varchar, found_in varchar);
create table marts.excluded_contacts (excluded_because varchar);
"""
ONE_CUSTOMER = """
insert into marts.fct_purchases values ('main', 1, 'zoraida@example.com', true, '2026-11-20', 1, 1234567.80),
    ('main', 2, null, false, '2026-10-25', null, 1000), ('main', 3, null, false, '2026-10-24', null, 500);
insert into marts.icommkt_contacts values
    ('main', 'zoraida@example.com', 1, 1234567.80, true, 'BEGINNERS', 'BEGINNERS_NEW', 1, 1);
insert into marts.contact_windows values ('main', 'zoraida@example.com', '30_days', 1, 1234567.80);
insert into marts.rfm_segment_sizes values ('main', '2026-11-24', 'BEGINNERS', 'BEGINNERS_NEW', 1, 1234567.80);
insert into marts.purchase_cohorts values ('2026-11-01', 0, 1, 1);
insert into marts.brand_performance values ('Mate, Hnos. <b>', '2026-10-01', 100);
insert into marts.coupon_performance values ('HOT', 1000, 1, '2026-11-20');
"""


class Page(HTMLParser):
    """A page's text, and its sections by their ids."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.sections: dict[str, str] = {}
        self._section = "head"
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self._section = dict(attrs)["id"] or ""

    def handle_data(self, data: str) -> None:
        said = f"{self.sections.get(self._section, '')} {data}".replace("\N{NO-BREAK SPACE}", " ").replace(NOTHING, "-")
        self.sections[self._section] = " ".join(said.split())


Make = Callable[..., Page]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make the page of a published file and of runs."""

    def made(sql: str = "", runs: tuple[dict[str, Any], ...] = (), state: str = "") -> Page:
        house = Warehouse(tmp_path / "shop.duckdb")
        house.published.unlink(missing_ok=True)
        with duckdb.connect(str(house.published)) as db:
            db.execute(FILE + sql)
        house.state.unlink(missing_ok=True)
        if runs or state:
            with duckdb.connect(str(house.state)) as db:
                db.execute(TABLES + VIEWS + state)
                for number, run in enumerate(runs, 1):
                    row = {"run_id": number, "profile": "aaaa", "command": "push", "as_of_date": DAY, **run}
                    row = {"started_at": dt.datetime(2026, 11, 24, 10, number), "build_id": "b2", **row}
                    names = ", ".join(row)
                    db.execute(f"insert into push.runs ({names}) values ({', '.join('?' * len(row))})", [*row.values()])
        return Page(report(house))

    return made


def test_each_text_is_in_all_languages_with_the_same_places_to_fill() -> None:
    for key, texts in WORDS.items():
        assert list(texts) == list(LOCALES), key
        assert all(text.strip() for text in texts.values()), key
        names = {frozenset(name for _, name, _, _ in Formatter().parse(text) if name) for text in texts.values()}
        assert len(names) == 1, f"{key}: {names}"


@pytest.mark.parametrize("days", [(0, 30), (31, 60), (361, 1_000_000)])
def test_a_window_is_called_as_in_the_fields(days: tuple[int, int]) -> None:
    assert Form("en", None, None).window(*days) == window_in_words(*days).removeprefix("in the ")


def test_numbers_and_dates_are_written_as_the_reader_does() -> None:
    wanted = {
        ("es", "es_AR"): ("$ 1.234.568", "36,5 M", "24 de noviembre de 2026", "12,5%"),
        ("pt", "pt_BR"): ("ARS 1.234.568", "36,5 mi", "24 de novembro de 2026", "12,5%"),
        ("en", "es_AR"): ("ARS 1,234,568", "36.5M", "November 24, 2026", "12.5%"),
    }
    for (language, locale), texts in wanted.items():
        form = Form(language, locale, "ARS")
        found = (form.money(1_234_567.8), form.short(36_500_000), form.date(DAY), form.share(0.125, 1))
        assert tuple(text.replace("\N{NO-BREAK SPACE}", " ") for text in found) == texts


@pytest.mark.parametrize(
    ("setting", "locale", "language"),
    [("", "es_CL", "es"), ("", "pt_BR", "pt"), ("", "fr_FR", "en"), ("", None, "en"), ("en", "es_CL", "en")],
)
def test_the_language_is_the_setting_s_else_the_store_s(setting: str, locale: str | None, language: str) -> None:
    assert Form(setting, locale, None).language == language


@pytest.mark.parametrize("language", LOCALES)
def test_an_empty_store_has_a_page(make: Make, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("REPORT_LANGUAGE", language)
    page = make()
    form = Form(language, None, None)
    assert form.t("look_none") in page.sections["look"]
    assert page.sections["rfm"].endswith(form.t("nothing"))
    assert page.sections["months"].endswith(form.t("nothing"))
    assert form.t("no_runs") in page.sections["sync"]
    assert f'lang="{language}"' in page.html


def test_the_numbers_of_one_customer_agree(make: Make) -> None:
    page = make(ONE_CUSTOMER)
    assert "Compras, últimos 30 días 2" in page.sections["glance"]
    assert "Facturación, últimos 30 días $ 1.235.568" in page.sections["glance"], "day 30 is in, day 31 is not"
    assert "últimos 30 días 1 1 $ 1.234.568 $ 1.234.568 1 · $ 1.000" in page.sections["months"]
    assert "hace 31 a 60 días 0 0 $ 0 - 1 · $ 500" in page.sections["months"]
    assert "nov 2026 $ 1.234.568 - 1 $ 1.234.568 oct 2026 $ 1.500" in page.sections["months"]
    assert "Mate, Hnos. <b> 100 -" in page.sections["tops"]
    assert "HOT nov 2026 1 1.000" in page.sections["tops"]


def test_a_change_is_told_since_the_night_before(make: Make) -> None:
    before = "insert into marts.rfm_segment_sizes values ('main', '2026-11-23', 'BEGINNERS', 'BEGINNERS_NEW', 4, 1)"
    assert "Contactos 1 ▼ \N{MINUS SIGN}3 desde ayer" in make(ONE_CUSTOMER + before).sections["glance"]


def test_the_days_until_a_buyer_comes_back_are_told(make: Make) -> None:
    again = "insert into marts.fct_purchases values ('main', 4, 'zoraida@example.com', true, '2026-11-23', 2, 10)"
    said = "La mitad de las recompras se hace dentro de los 3 días. 100% 0 a 30 días 0% 31"
    assert said in make(ONE_CUSTOMER + again).sections["cohorts"]


def test_moves_to_a_higher_and_to_a_lower_group_are_counted(make: Make) -> None:
    moves = ", ".join(
        f"('2026-11-24', 'moved', '{before}', '{before}_A', '{after}', '{after}_A')"
        for before, after in (("FREQUENT", "LOYAL"), ("BEGINNERS", "LOYAL"), ("LOYAL", "FREQUENT"))
    )
    page = make(
        "insert into marts.rfm_segment_sizes values ('main', '2026-11-23', 'LOYAL', 'LOYAL_A', 3, 1);"
        f"insert into marts.fct_rfm_segment_moves values {moves}"
    )
    assert "Movimientos entre segmentos: 3; a un grupo superior 2, a uno inferior 1." in page.sections["moves"]


def test_nobody_is_named_and_nothing_is_fetched(make: Make) -> None:
    said = "zoraida@example.com, +54 9 351 555-1234 is wrong"
    refusal = f"""insert into push.answers (store_key, profile, email, run_id, outcome, status_code, reason, tries)
                  values ('main', 'aaaa', 'zoraida@example.com', 1, 'refused', '901', '{said}', 1);"""
    sql = f"""insert into meta.test_results values ('odd', null, 'warn', 1, '[{{"value": "{said}"}}]');
              insert into marts.excluded_contacts values ('email zoraida@example.com: asked us');"""
    page = make(ONE_CUSTOMER + sql, ({"status": "failed", "message": said},), refusal)
    text = page.html.replace(page.html[page.html.index("<style>") : page.html.index("</style>")], "")
    assert page.sections["look"].count("… is wrong") == 3
    for word in ("@", "555", "zor", "://", "<script", "url("):
        assert word not in text, word
    assert "default-src 'none'" in text
    assert shown("call 351 555 1234, order 12345") == "call …, order 12345"


def test_warnings_stand_beside_the_tests_that_passed_with_their_rows(make: Make) -> None:
    rows = json.dumps([{"store_key": "main", "payment_method": "new_pay", "orders": 1234, "latest_order_at": str(DAY)}])
    page = make(
        f"""insert into meta.test_results values ('fine', null, 'pass', 0, '[]'),
                ('payment_methods_are_known', null, 'warn', 12, '{rows}'), ('own', 'rfm_segments', 'warn', 3, '[]');
            insert into meta.row_counts values ('quarantine', 'orders', 3, null), ('raw', 'orders', 5, '2026-11-22');
            insert into marts.invalid_emails values ('missing', 'orders'), ('too long', 'accounts and orders')"""
    )
    assert "Pruebas superadas: 1, con aviso: 2." in page.sections["head"]
    look = page.sections["look"]
    assert "Medios de pago que no están en la lista: 12" in look
    assert "new_pay 1.234 24-11-2026" in look
    assert "Filas mostradas: 1 de 12." in look
    assert "Una prueba avisa: seeds/rfm_segments.csv: own Filas encontradas: 3." in look
    assert "que no se pudieron leer: 3" in look
    assert "Tablas sin leer desde hacía más de un día al generar los datos: 1" in look
    assert "E-mails que no son válidos: 2" in look


def test_a_push_that_did_not_end_well_is_said_to_be_made_up_for_only_when_it_was(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ICOMMKT__PROFILE_KEY", "the-profile-key")
    stopped = {"status": "stopped", "message": "orders dropped by more than 10%", "contacts": 5, "new": 0, "gone": 2}
    good = {"status": "succeeded", "acknowledged": 4, "unchanged": 1}
    profile = {"profile": fingerprint("the-profile-key")}
    look = make(ONE_CUSTOMER, ({**good, **profile}, {**stopped, **profile})).sections["look"]
    assert "Detenido Último envío a profile_key: detenido orders dropped by more than 10%" in look
    assert "terminó bien" not in look
    page = make(ONE_CUSTOMER, (stopped, good, {**good, "profile": "bbbb", "build_id": "b1"}))
    assert (
        "Envíos a aaaa que no terminaron bien: 1 de los últimos 2 El envío del 24 nov terminó bien"
        in (page.sections["look"])
    )
    assert "Estos datos aún no se enviaron a bbbb" in page.sections["look"]
    assert "24 nov 24 nov 07:01 Detenido - 0 - - - - - - 2 - orders dropped" in page.sections["sync"]


def test_a_build_that_failed_after_the_published_one_is_told(make: Make, tmp_path: Path) -> None:
    house = Warehouse(tmp_path / "shop.duckdb")
    house.make_folders()
    house.build_failed.write_text(" in never_empty_contacts", encoding="utf-8")
    assert "La última generación de datos falló Falló: never_empty_contacts. Esta" in make().sections["look"]


@pytest.mark.parametrize(
    ("tries", "said"),
    [
        (("'2026-11-27'",), "ref_again"),
        (("null",), "ref_never"),
        (("null", "'2026-11-27'"), "ref_some"),
    ],
)
def test_a_refusal_is_tried_again_by_itself_only_where_that_is_true(
    make: Make, tries: tuple[str, ...], said: str
) -> None:
    state = "".join(
        f"""insert into push.answers (store_key, profile, email, run_id, outcome, status_code, reason, tries, next_try)
            values ('main', 'aaaa', 'c{number}', 1, 'refused', '905', 'No such field', 2, {day});"""
        for number, day in enumerate(tries)
    )
    page, form = make("", ({"status": "succeeded"},), state), Form("es", None, None)
    assert f"Contactos que ICOMMKT rechaza: {len(tries)} {form.t(said)}" in page.sections["look"]
    assert "905 No such field 1 2" in page.sections["look"]
