"""The push on what the whole chain built from the demo store: emptied windows, and profiles by website."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import requests

from demo.environment import PROJECT_ROOT
from loaders.text import fingerprint
from tests.e2e.conftest import Night, Pipeline

SEED = PROJECT_ROOT / "seeds" / "icommkt_fields.csv"
NOTHING = {
    "ICOMMKT_Items_30_Days": "",
    "ICOMMKT_Categories_30_Days": "",
    "ICOMMKT_Purchases_30_Days": "0",
    "ICOMMKT_Amount_30_Days": "0",
    "ICOMMKT_Average_Amount_30_Days": "0",
    "ICOMMKT_RFM_30_Days": "",
    "ICOMMKT_Discount_Codes_30_Days": "",
}


def held(night: Night) -> dict[str, dict[str, str]]:
    return {contact["Email"]: contact["CustomFields"] for contact in night.held}


def test_who_bought_31_days_ago_has_an_empty_window_in_the_profile(all_nights: dict[str, Night]) -> None:
    """On day 30 their last purchase is in the 30-day window; on day 31 ICOMMKT must be told that it no longer is."""
    first, second = all_nights["first"], all_nights["second"]
    with duckdb.connect(str(second.published), read_only=True) as db:
        rows = db.execute(
            "select email from marts.icommkt_contacts where last_purchase_date = ?",
            [second.as_of_date - timedelta(days=31)],
        ).fetchall()
    before, after = held(first), held(second)
    full = [email for (email,) in rows if before.get(email, {}).get("ICOMMKT_Purchases_30_Days", "0") != "0"]
    assert full, "the demo store has such contacts"
    for email in full:
        assert float(before[email]["ICOMMKT_Amount_30_Days"]) >= 0
        assert before[email]["ICOMMKT_RFM_30_Days"] != ""
        assert {key: after[email][key] for key in NOTHING} == NOTHING
        assert after[email]["ICOMMKT_Purchases_60_Days"] != "0"


def test_each_website_has_its_profile_and_each_profile_its_state(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path
) -> None:
    second = all_nights["second"]
    shutil.copyfile(second.published, tmp_path / "published.duckdb")
    with duckdb.connect(str(tmp_path / "published.duckdb")) as db:
        assert db.execute("select count(*) from seeds.icommkt_profiles").fetchall() == [(0,)], "as the project ships it"
        (fields_seed,) = db.execute("select count(*) from seeds.icommkt_fields").fetchall()[0]
        assert fields_seed == len(SEED.read_text(encoding="utf-8").splitlines()) - 1
        wanted: dict[int, set[str]] = {}
        pairs = db.execute("select website_id, email from marts.icommkt_contact_websites").fetchall()
        for website, email in pairs:
            wanted.setdefault(website, set()).add(email)
        assert len(wanted) >= 2, "the demo store has more than one website"
        settings = {website: f"profile_key_{website}" for website in wanted}
        db.executemany("insert into seeds.icommkt_profiles values (?, ?)", list(settings.items()))
        payloads = db.execute("select email, custom_fields from marts.icommkt_payloads").fetchall()
    fields = {email: {one["Key"]: one["Value"] for one in json.loads(text)} for email, text in payloads}
    keys = {website: f"chain-{website}" for website in wanted}
    environment = {
        "WAREHOUSE_PATH": str(tmp_path / "warehouse.duckdb"),
        "ICOMMKT__PROFILE_KEY": "",
        "ICOMMKT__REQUESTS_PER_SECOND": "0",
        **{f"ICOMMKT__{settings[website].upper()}": keys[website] for website in wanted},
    }

    def push() -> str:
        done = pipeline.run("loaders.icommkt", "push", "--as-of-date", str(second.as_of_date), **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    push()
    for website in wanted:
        contacts: list[dict[str, Any]] = requests.get(
            f"{pipeline.icommkt_url}/demo/contacts", params={"profile_key": keys[website]}, timeout=60
        ).json()
        found = {contact["Email"]: contact["CustomFields"] for contact in contacts}
        assert set(found) == wanted[website]
        assert found == {email: fields[email] for email in found}, "whole-store numbers in each"
    assert set.intersection(*wanted.values()), "some belong to more than one"
    with duckdb.connect(str(tmp_path / "warehouse.state.duckdb"), read_only=True) as db:
        counts = dict(db.execute("select profile, count(*) from push.acknowledgements group by 1").fetchall())
    assert counts == {fingerprint(keys[website]): len(wanted[website]) for website in wanted}
    requests.delete(f"{pipeline.icommkt_url}/demo/requests", timeout=30)
    push()
    assert requests.get(f"{pipeline.icommkt_url}/demo/requests", timeout=30).json() == []
