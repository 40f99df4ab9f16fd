"""One contact in words, as somebody asks who has a complaint at hand."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.icommkt import __main__ as icommkt
from loaders.icommkt.errors import GuardError
from loaders.why import main
from tests.e2e.conftest import FIRST_DAY, Night, Pipeline

LAST_DAY = FIRST_DAY + timedelta(days=1)


@pytest.fixture
def shop(all_nights: dict[str, Night], pipeline: Pipeline) -> Pipeline:
    """The demo shop after its nights."""
    return pipeline


def published(shop: Pipeline, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(shop.warehouse.with_name("published.duckdb")), read_only=True) as db:
        return db.execute(sql).fetchall()


def why(shop: Pipeline, email: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Ask, and see that the answer shows neither address nor key."""
    done = shop.here(main, EMAIL=email, ICOMMKT__API_KEY="", **settings)
    assert email not in done.stdout
    return done


def test_a_buyer_is_told_with_orders_scores_and_borders_and_what_became_of_the_push(shop: Pipeline) -> None:
    ((email, first, last, phone, days),) = published(
        shop,
        """select email, first_name, last_name, coalesce(phone, last_name), days_since_last_purchase
           from marts.fct_orders
           join marts.dim_contacts using (store_key, email)
           join (from marts.rfm_scores where window_name = 'all') as score using (store_key, email)
           group by all having count(*) filter (is_purchase) > 1 and count(*) filter (not is_purchase) > 0
           order by count(*) desc, email limit 1""",
    )
    said = why(shop, f" {email.upper()} ")
    assert said.returncode == 0, said.stdout
    lines = [line.strip() for line in said.stdout.splitlines()]
    orders = published(
        shop,
        f"""select order_number, order_date, not_a_purchase_because, amount from marts.fct_orders
            where email = '{email}' order by ordered_at desc, order_id desc""",
    )
    shown = [line for line in lines if line.startswith("order ")]
    assert len(shown) == min(len(orders), 20)
    for line, (number, date, because, amount) in zip(shown, orders, strict=False):
        assert line.startswith(f"order {number} of {date}, ")
        assert (f": no purchase, {because}" if because else f": counted as {amount:,.2f} ARS") in line
    ((purchases,),) = published(
        shop, f"select purchases from marts.contact_windows where email = '{email}' and window_name = 'all'"
    )
    assert any(line.startswith(f"purchases in all: {purchases}, ") for line in lines)
    assert sum(line.startswith("purchases in the last ") for line in lines) == 5

    (recency,) = [line for line in lines if line.startswith("recency ")]
    assert f": {days} days since the last purchase; " in recency
    ((score, border),) = published(
        shop,
        f"""select score, begins_at from marts.rfm_borders
            join marts.rfm_contacts as contact on recency_score = score and contact.email = '{email}'
            where window_name = 'all' and measure = 'recency'""",
    )
    assert f"{score} takes at most {border:.0f} days" in recency
    assert days <= border
    assert any(line.startswith("segment ") for line in lines)
    assert lines[-3].startswith("acknowledged 20")
    assert lines[-2:-1] == ["nothing would be sent of this build: it is as it was acknowledged"]
    assert lines[-1].endswith(f"UTC, build of {LAST_DAY}) succeeded")
    for private in (email, first, last, phone):
        assert private not in said.stdout


def test_who_is_no_contact_is_told_why(shop: Pipeline) -> None:
    ((email, because),) = published(shop, "select email, excluded_because from marts.excluded_contacts limit 1")
    said = why(shop, email)
    assert said.returncode == 0
    assert f"is excluded by the seed excluded_emails ({because})" in said.stdout
    assert "ICOMMKT has acknowledged nothing of it" in said.stdout
    assert because in shop.here(icommkt.main, "preview", EMAIL=email).stdout

    ((email, because),) = published(
        shop,
        "select email, invalid_because from marts.invalid_emails where email > '' order by length(email) desc limit 1",
    )
    assert f"is no valid e-mail ({because})" in why(shop, email).stdout

    said = why(shop, "nobody@example.com")
    assert said.returncode == 1
    assert said.stdout == ("error: n***@example.com is known neither to the published contacts nor to the state\n")
    assert shop.here(main, EMAIL=" ").returncode == 2


def test_a_contact_with_many_orders_and_one_that_was_excluded_since(shop: Pipeline, tmp_path: Path) -> None:
    names = ("published.duckdb", "warehouse.state.duckdb")
    copies = shop.copy_of_files(tmp_path, *names)
    with duckdb.connect(str(tmp_path / "published.duckdb")) as db:
        ((email,),) = db.execute(
            "select email from marts.icommkt_contacts where purchases_total > 0 limit 1"
        ).fetchall()
        db.execute("update marts.fct_orders set email = ? where is_purchase", [email])
        ((count,),) = db.execute("select count(*) from marts.fct_orders where email = ?", [email]).fetchall()
    said = why(shop, email, **copies)
    assert said.stdout.count("\n  order ") == 20
    assert f"\n  and {count - 20:,} older orders, " in said.stdout

    with duckdb.connect(str(tmp_path / "published.duckdb")) as db:
        for table in ("dim_contacts", "icommkt_contacts", "icommkt_payload_hashes"):
            db.execute(f"delete from marts.{table} where email = ?", [email])
        db.execute("insert into marts.excluded_contacts values ('main', ?, ?, 1, 0)", [email, f"exact {email}: staff"])
    said = why(shop, email, **copies)
    assert "is excluded by the seed excluded_emails (exact " in said.stdout
    assert "it is no contact of the profile any more: nothing would be sent" in said.stdout


def test_a_push_that_was_stopped_and_a_refusal_are_told_with_their_words(shop: Pipeline, tmp_path: Path) -> None:
    copies = shop.copy_of_files(tmp_path, "published.duckdb", "warehouse.state.duckdb")
    ((email,),) = published(shop, "select email from marts.icommkt_contacts order by email limit 1")
    with duckdb.connect(str(tmp_path / "warehouse.state.duckdb")) as db:
        db.execute(
            """insert into push.answers by name
               select * replace (99 as run_id, 'refused' as outcome), 'no room' as reason, 1 as tries,
                   true as permanent, timestamp '2026-11-20 05:00' as first_at
               from (from push.answers select * exclude (reason, tries, permanent, first_at)
                   where email = ? limit 1)""",
            [email],
        )
    stopped = shop.here(icommkt.main, "push", "--as-of-date", "2026-11-25", **copies)
    assert stopped.returncode == GuardError.exit_code, stopped.stdout
    said = why(shop, email, **copies).stdout
    assert "refused 1 times since 2026-11-20 05:00 UTC (no room); tried again when its payload changes" in said
    assert f"build of {LAST_DAY}) was stopped by a guard: nothing was sent: the published build is of" in said


def test_a_published_file_of_a_former_version_says_what_to_run(shop: Pipeline, tmp_path: Path) -> None:
    copies = shop.copy_of_files(tmp_path, "published.duckdb")
    with duckdb.connect(str(tmp_path / "published.duckdb")) as db:
        ((email,),) = db.execute("select email from marts.rfm_scores limit 1").fetchall()
        db.execute("drop table marts.rfm_borders")
    said = why(shop, email, **copies)
    assert said.returncode == 1
    (line,) = said.stdout.splitlines()
    assert line.endswith("; run make build")
