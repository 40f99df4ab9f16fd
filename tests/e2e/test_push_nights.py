"""Bad nights, run by make as a scheduler would, and what ICOMMKT ends up with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
import requests

from demo.environment import DEMO_KEY, PROJECT_ROOT
from demo.magento.generate import create
from demo.serving import serving
from tests.e2e.conftest import FIRST_DAY, Pipeline


class Shop(Pipeline):
    """A small store whose nights make runs."""

    def make(self, target: str, day: date, more: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        # The environment that these tests run in is complete; make need not look.
        command = ["make", "-o", ".venv/.installed", target, f"VARS={{as_of_date: {day}{more}}}"]
        return subprocess.run(
            command,
            env={**self.environment, **settings},
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def held(self) -> dict[str, dict[str, str]]:
        contacts = requests.get(f"{self.icommkt_url}/demo/contacts", timeout=60).json()
        return {contact["Email"]: contact["CustomFields"] for contact in contacts}

    def sent(self) -> int:
        """How many contacts were taken since this was asked last."""
        asked = requests.get(f"{self.icommkt_url}/demo/requests", timeout=30).json()
        requests.delete(f"{self.icommkt_url}/demo/requests", timeout=30).raise_for_status()
        return sum(one["contacts"] for one in asked)

    def published(self) -> dict[str, dict[str, str]]:
        with duckdb.connect(str(self.warehouse.with_name("published.duckdb")), read_only=True) as db:
            rows = db.execute("select email, custom_fields from marts.icommkt_payloads").fetchall()
        return {email: {one["Key"]: one["Value"] for one in json.loads(fields)} for email, fields in rows}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    create(tmp_path / "magento.sqlite", customers=60, orders=150)
    with (
        serving("demo.magento", database=tmp_path / "magento.sqlite") as magento_url,
        serving("demo.icommkt", database=tmp_path / "icommkt.sqlite", options=["--api-key", DEMO_KEY]) as icommkt_url,
    ):
        yield Shop(tmp_path, magento_url, icommkt_url)


def test_after_a_mistyped_key_and_a_build_without_brands_icommkt_has_what_the_good_nights_say(shop: Shop) -> None:
    good = shop.make("daily", FIRST_DAY)
    assert good.returncode == 0, good.stdout
    held = shop.held()
    assert shop.sent() == len(held) == len(shop.published())

    mistyped = shop.make("daily", FIRST_DAY, ICOMMKT__API_KEY="mistyped")
    assert mistyped.returncode != 0
    assert "ICOMMKT refuses the key (HTTP 401)" in mistyped.stdout
    assert shop.sent() == 0

    next_day = FIRST_DAY + timedelta(days=1)
    requests.post(f"{shop.magento_url}/demo/advance", json={"days": 1}, timeout=120).raise_for_status()
    # An attribute that no product has: every label is blank.
    bad = shop.make("daily", next_day, ", brand_attribute: marca")
    assert bad.returncode != 0
    assert "nothing was sent: fields would be emptied in more than 20% (ICOMMKT__MAX_EMPTIED_SHARE)" in bad.stdout
    assert "ICOMMKT_Last_Purchase_Brands (" in bad.stdout
    assert (shop.sent(), shop.held()) == (0, held)
    shown = shop.make("push", next_day, DRY_RUN="1")
    assert (shown.returncode, "note: a guard would stop this push" in shown.stdout) == (0, True), shown.stdout
    assert "FORCE" not in shown.stdout

    right = shop.make("daily", next_day)
    assert right.returncode == 0, right.stdout
    assert shop.held() == shop.published()
    changed = [email for email, fields in shop.held().items() if held.get(email) != fields]
    assert shop.sent() == len(changed), "only what changed is sent"
    assert any(fields["ICOMMKT_Last_Purchase_Brands"] for fields in shop.held().values())
