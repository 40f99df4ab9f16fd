"""A window and a field more, as CONTRIBUTING.md says: in dev first, then sent, then taken out again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.push.harness import API_KEY, PROFILE_KEY, Desk
from demo.environment import PROJECT_ROOT
from tests.e2e import browser
from tests.smallest_shop import ProjectCopy

VARS, SEED = "dbt_project.yml", "seeds/icommkt_fields.csv"
SQL, YML = "models/marts/icommkt/icommkt_contacts.sql", "models/marts/icommkt/icommkt_contacts.yml"
ANA = "ana@example.com"


class Shop(ProjectCopy):
    def __init__(self, folder: Path, desk: Desk) -> None:
        super().__init__(folder)
        self.desk = desk
        self.said = self.said_first = ""
        self.environment = {
            "ICOMMKT__API_URL": desk.url,
            "ICOMMKT__API_KEY": API_KEY,
            "ICOMMKT__PROFILE_KEY": PROFILE_KEY,
            "ICOMMKT__AUDIENCE": "all",
        }
        with duckdb.connect(str(self.warehouse)) as db:
            db.execute(
                "insert into raw.orders (store_key, entity_id, customer_id, state, base_grand_total, base_total_paid,"
                " base_currency_code, created_at)"
                " values ('main', 1, 1, 'complete', 10, 10, 'ARS', '2026-11-20 12:00:00')"
            )

    def edit(self, path: str, before: str, after: str) -> None:
        """Change the one place of a file, as somebody with an editor would."""
        text = (self.project / path).read_text(encoding="utf-8")
        assert text.count(before) == 1, (path, before)
        (self.project / path).write_text(text.replace(before, after), encoding="utf-8")

    def touched(self) -> set[str]:
        """Files that are not the project's."""
        return {
            name
            for path in self.project.rglob("*")
            if path.is_file() and (source := PROJECT_ROOT / (name := str(path.relative_to(self.project)))).is_file()
            if source.read_bytes() != path.read_bytes() and path.suffix not in (".pyc", ".html")
        }

    def done(self, module: str, *arguments: str) -> str:
        ran = self.run(module, *arguments)
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    def sent(self) -> dict[str, str]:
        """Build and push; what ICOMMKT holds of the one contact."""
        built = self.build()
        assert built.returncode == 0, built.stdout
        self.said = built.stdout
        self.done("loaders.icommkt", "push", "--as-of-date", "2026-11-23")
        return self.desk.held()[ANA]

    def marts(self, published: str, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse.with_name(published)), read_only=True) as db:
            return db.execute(sql).fetchall()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, icommkt_server: tuple[str, Path]) -> Shop:
    """Built, published and sent; each test leaves the project as it was."""
    desk = Desk(tmp_path_factory.mktemp("desk"), *icommkt_server)
    desk.reset()
    shop = Shop(tmp_path_factory.mktemp("shop"), desk)
    seed = shop.project / "seeds/excluded_emails.csv"
    before = seed.read_bytes()
    shop.seed("excluded_emails", "match,value,reason\nexact,jane.doe@example.com,staff\ndomain,ample.com,typo\n")
    shop.sent()
    seed.write_bytes(before)
    shop.said_first = shop.said
    return shop


def test_a_window_and_a_field_are_a_line_each_seen_in_dev_sent_and_taken_out_again(shop: Shop) -> None:
    before = shop.desk.held()[ANA]
    shop.edit(VARS, "    30_days: [0, 30]\n", "    7_days: [0, 7]\n    30_days: [0, 30]\n")
    shop.edit(SQL, "        rfm.rfm_segment\n", "        rfm.rfm_segment,\n        'Topper' as favourite_brand\n")
    last = (PROJECT_ROOT / SEED).read_text(encoding="utf-8").splitlines()[-1]
    shop.edit(SEED, last, f"{last}\nfavourite,favourite_brand,text,255,true,true,ours,Brand bought most,Topper")
    assert "run make fields" in shop.build().stdout
    assert "  ICOMMKT_Items_7_Days\n" in shop.done("loaders.fields")
    assert shop.touched() == {VARS, SQL, SEED, YML}

    dev = shop.build("--target", "dev")
    assert dev.returncode == 0, dev.stdout
    differs = shop.done("loaders.icommkt", "diff", "--target", "dev")
    assert "the build of target dev as of 2026-11-23" in differs
    assert "1 of 1 contacts" in differs
    assert all(f"  {key} " in differs for key in ("favourite", "ICOMMKT_Purchases_7_Days"))
    assert "0 of 1 contacts" in shop.done("loaders.icommkt", "diff"), "the night's build is as it was"
    shop.environment["EMAIL"] = ANA
    assert "purchases in the last 7 days: 1" in shop.done("loaders.why", "--target", "dev")
    assert "last 7 days" not in shop.done("loaders.why")
    assert shop.desk.held()[ANA] == before

    held = shop.sent()
    assert {key: held[key] for key in held.keys() - before.keys()} == {
        "favourite": "Topper",
        "ICOMMKT_Items_7_Days": "",
        "ICOMMKT_Categories_7_Days": "",
        "ICOMMKT_Purchases_7_Days": "1",
        "ICOMMKT_Amount_7_Days": "10.00",
        "ICOMMKT_Average_Amount_7_Days": "10.00",
        "ICOMMKT_RFM_7_Days": "111",
        "ICOMMKT_Discount_Codes_7_Days": "",
    }
    assert {key: held[key] for key in before} == before
    assert shop.marts("published.duckdb", "select favourite_brand, purchases_7_days from marts.icommkt_contacts") == [
        ("Topper", 1)
    ]

    with duckdb.connect(str(shop.warehouse.with_name("warehouse.marts.duckdb"))) as db:
        db.execute("create table marts.former_mart as select 1")
    for path in (VARS, SQL, SEED):
        (shop.project / path).write_bytes((PROJECT_ROOT / path).read_bytes())
    shop.done("loaders.fields")
    assert shop.touched() == set()
    shop.sent()
    ((payload,),) = shop.marts("published.duckdb", "select custom_fields from marts.icommkt_payloads")
    assert {one["Key"] for one in json.loads(payload)} == before.keys()
    tables = shop.marts("published.duckdb", "select table_name from duckdb_tables() where schema_name = 'marts'")
    assert ("contact_windows",) in tables
    assert ("former_mart",) not in tables


def test_a_row_of_excluded_emails_that_matches_nobody_is_told_and_masked(shop: Shop) -> None:
    for row in ("match exact, value j***@example.com, reason staff", "match domain, value ample.com, reason typo"):
        assert f"excluded_emails_match_somebody: {row}" in shop.said_first
    assert "jane" not in shop.said_first


def test_mistakes_in_seeds_are_told_with_their_rows_and_the_failed_build_by_diff(shop: Shop) -> None:
    seeds = {
        "exchange_rates": "from_currency,to_currency,valid_from,rate\nUSD,ARS,,-1\n",
        "payment_methods": "payment_method,gateway,states,require_paid,note\nodd,X,complete,true,\n",
    }
    for name, text in seeds.items():
        shop.seed(name, text)
    done = shop.build("--select", *seeds)
    for name in seeds:
        shutil.copy(PROJECT_ROOT / f"seeds/{name}.csv", shop.project / "seeds")
    assert done.returncode == 1
    assert "payment_methods_have_states_or_require_paid_not_both: payment_method odd, gateway X" in done.stdout
    assert "nothing was published" in done.stdout.splitlines()[-1]
    assert "note: a later build failed in " in shop.done("loaders.icommkt", "diff")


def test_dbt_alone_makes_a_mart_as_make_build_does(shop: Shop) -> None:
    contacts = "select * from marts.icommkt_contacts"
    built = shop.marts("published.duckdb", contacts)
    with duckdb.connect(str(shop.warehouse.with_name("warehouse.marts.duckdb"))) as db:
        db.execute("drop table marts.icommkt_contacts cascade")
    day = "--vars '{as_of_date: 2026-11-23}'"
    said = shop.done("loaders.dbt", f"--quiet run --target prod {day} --select icommkt_contacts")
    assert shop.marts("warehouse.marts.duckdb", contacts) == built, said


def test_the_docs_are_one_file_that_has_every_column(shop: Shop, tmp_path: Path) -> None:
    shop.done("loaders.docs")
    page = shop.project / "target" / "docs.html"
    docs = page.read_text(encoding="utf-8")
    assert all(words in docs for words in ("discount_codes_360_plus_days", "more than 360 days ago", "fct_refunds"))
    assert 'src="http' not in docs, "it must open without a network"
    assert "| `ICOMMKT_Amount_180_Days` | `amount_180_days` |" in docs, "the fields of the profile"
    assert "TABLE OF" not in docs, "what models/overview.md leaves to be filled in"
    if browser.CHROMIUM:
        shown = browser.look(page, 1440, tmp_path)
        assert (shown["said"], shown["too_wide"]) == ([], []), "nor may a browser complain"
