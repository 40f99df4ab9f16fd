"""A night that fails says why in the same words everywhere, once: terminal, log, summary, status, webhook, report."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from html import unescape
from typing import Any

import duckdb
import pytest

from demo.environment import PROJECT_ROOT
from loaders.paths import Warehouse, locked
from loaders.report import __main__ as report
from loaders.report.form import shown
from loaders.status import main
from loaders.text import fit
from tests.e2e.conftest import FIRST_DAY, Pipeline, demo_pipeline
from tests.webhook import listening

NOBODY = "http://127.0.0.1:9"
TWO_BLOCKS = 12_288 + 2 * 262_144
"""Bytes of a DuckDB file; a limit inside a block would tear it where it is written over, which no full disk does."""


@dataclass
class Night:
    """What a night said, and where."""

    code: int
    terminal: list[str]
    log: list[str]
    summary: dict[str, Any]
    status: list[str]
    told: list[str]
    look: str
    """What the report says needs a look."""


@dataclass
class Shop:
    """A demo shop whose nights are told to a webhook."""

    pipeline: Pipeline
    webhook: str
    texts: list[str]

    @property
    def house(self) -> Warehouse:
        return Warehouse(self.pipeline.warehouse)

    def night(self, most_bytes: int = resource.RLIM_INFINITY, **settings: str) -> Night:
        """Run `daily` after a night that went well, and collect what everybody says of it."""
        self.texts.clear()
        self.house.night_failed.unlink(missing_ok=True)
        environment = {**self.pipeline.environment, "NOTIFY_WEBHOOK": self.webhook, "REPORT_LANGUAGE": "en"}
        done = subprocess.run(
            [sys.executable, "-m", "loaders.daily"],
            env={**environment, "VARS": f"{{as_of_date: {FIRST_DAY}}}", **settings},
            cwd=PROJECT_ROOT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        status = self.pipeline.here(main).stdout.splitlines()
        self.pipeline.here(report.main, REPORT_LANGUAGE="en")
        (*_, summary) = sorted(self.house.logs.glob("night-*.json"))
        return Night(
            done.returncode,
            done.stdout.splitlines(),
            summary.with_suffix(".log").read_text().splitlines(),
            json.loads(summary.read_text()),
            status,
            list(self.texts),
            unescape(self.house.report.read_text().partition('id="look"')[2].partition("</section>")[0]),
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with (
        demo_pipeline(tmp_path_factory.mktemp("failed"), customers=30, orders=80) as pipeline,
        listening() as (address, texts),
    ):
        yield Shop(pipeline, address, texts)


@pytest.fixture(scope="module")
def icommkt_down(shop: Shop) -> Night:
    """The first night, so that there is something published."""
    return shop.night(ICOMMKT__API_URL=NOBODY, ICOMMKT__PATIENCE="4")


@pytest.mark.parametrize(
    ("kind", "code", "words", "settings"),
    [
        ("ICOMMKT down", 5, "ICOMMKT gave no good answer for", {}),
        (
            *("model error", 1, "the build failed in purchases_have_a_rate"),
            {"VARS": f"{{as_of_date: {FIRST_DAY}, reporting_currency: CLP}}"},
        ),
        ("disk full", 1, "there is no room left to write", {"most_bytes": TWO_BLOCKS}),
        ("lock held", 9, "is in use by `load` (process ", {}),
        ("nobody chose who is sent", 2, "ICOMMKT__AUDIENCE is not set, and has no default", {"ICOMMKT__AUDIENCE": ""}),
    ],
)
def test_a_failed_night_is_told_in_the_same_words_once(
    shop: Shop, icommkt_down: Night, kind: str, code: int, words: str, settings: dict[str, Any]
) -> None:
    with locked(shop.house, "load") if kind == "lock held" else nullcontext():
        night = icommkt_down if kind == "ICOMMKT down" else shop.night(**settings)
    assert night.code == code, night.terminal
    why = night.terminal[-1].removeprefix("error: ")
    assert words in why
    if kind == "lock held":
        assert f"(process {os.getpid()}" in why
    if kind == "model error":
        assert any("Add to seeds/exchange_rates.csv: ARS,CLP,,<rate>" in line for line in night.terminal)
    assert (night.summary["status"], night.summary["why"]) == ("failed", why)
    for lines in (night.terminal, night.log):
        assert [line for line in lines if why in line] == [f"error: {why}"]
    assert [line for line in night.status if fit(why) in line and "error" not in line] == [f"    {fit(why)}"]
    assert night.told == [f"make daily failed: {why} (make status says more)"]
    assert night.look.count("purchases_have_a_rate" if kind == "model error" else shown(why)) == 1


def test_a_push_that_waits_says_so_and_until_when(icommkt_down: Night) -> None:
    (line,) = [line for line in icommkt_down.terminal if line.startswith("no good answer from ICOMMKT")]
    assert re.fullmatch(r"no good answer from ICOMMKT \(no connection\): trying again until [\d:]{8} UTC", line)


def test_load_build_and_push_of_a_night_have_one_id_and_status_its_numbers(shop: Shop, icommkt_down: Night) -> None:
    summary = icommkt_down.summary
    with duckdb.connect(str(shop.house.state), read_only=True) as db:
        steps = db.execute(
            "select step, rows, contacts, sent, refused, warnings from push.night_steps where night_id = ?",
            [summary["night_id"]],
        ).fetchall()
        assert db.execute("select status from push.runs where night_id = ?", [summary["night_id"]]).fetchall() == [
            ("failed",)
        ]
    names = ("step", "rows", "contacts", "sent", "refused", "warnings")
    assert steps == [tuple(step[name] for name in names) for step in summary["steps"]]
    assert [step[0] for step in steps] == ["load", "build", "push"]
    (line,) = [line for line in icommkt_down.status if "  daily  " in line]
    loaded, contacts = summary["steps"][0]["rows"], summary["steps"][1]["contacts"]
    assert line.split()[4:][:7] == ["daily", "failed", f"{loaded:,}", f"{contacts:,}", "0", "0", "2"]


def test_a_night_that_was_killed_leaves_log_and_summary_and_stops_no_other(shop: Shop, icommkt_down: Night) -> None:
    environment = {**shop.pipeline.environment, "VARS": f"{{as_of_date: {FIRST_DAY}}}"}
    with subprocess.Popen(
        [sys.executable, "-m", "loaders.daily"], env=environment, cwd=PROJECT_ROOT, stdout=subprocess.PIPE
    ) as night:
        assert night.stdout is not None
        assert night.stdout.readline() == b"--- load\n"
        night.kill()
    (summary,) = [path for path in shop.house.logs.glob("night-*.json") if f'"pid": {night.pid},' in path.read_text()]
    assert "--- load" in summary.with_suffix(".log").read_text()
    lines = shop.pipeline.here(main).stdout.splitlines()
    (number,) = [number for number, line in enumerate(lines) if "  daily     killed " in line]
    assert lines[number + 1].strip() == "it was killed, or the machine was stopped"
    done = shop.pipeline.run("loaders.magento", "load")
    assert done.returncode == 0, done.stdout
    assert json.loads(summary.read_text())["status"] == "killed"


def content(house: Warehouse) -> dict[str, tuple[Any, ...]]:
    """Rows of each table and view, and how it is made."""
    found = {}
    with duckdb.connect() as db:
        names = {"warehouse": house.path, "mart_file": house.marts, "state": house.state}
        for name, path in names.items():
            db.execute(f"attach '{path}' as {name} (read_only)")
        for name in names:
            for kind in ("table", "view"):
                for schema, table, *made in db.execute(
                    f"select schema_name, {kind}_name, sql, comment from duckdb_{kind}s()"
                    " where database_name = ? and not internal",
                    [name],
                ).fetchall():
                    rows = db.execute(f'select count(*), bit_xor(hash(t)) from {name}."{schema}"."{table}" as t')
                    if table != "night_steps":
                        found[f"{name}.{schema}.{table}"] = (*made, rows.fetchone())
    return found


def test_compacting_keeps_everything_also_when_it_is_killed(shop: Shop, icommkt_down: Night) -> None:
    with duckdb.connect(str(shop.house.path)) as db:  # room in the middle of the file
        for table in ("junk", "kept"):
            db.execute(f"create table {table} as select hash(range) as a from range(500000); checkpoint")
        db.execute("drop table junk")
    before = content(shop.house)
    large = shop.house.path.stat().st_size
    command = [sys.executable, "-m", "loaders.compact"]
    aside = shop.house.path.with_name(f".{shop.house.path.name}.compact")
    with subprocess.Popen(command, env=shop.pipeline.environment, cwd=PROJECT_ROOT) as killed:
        while not aside.exists():
            assert killed.poll() is None
        killed.kill()
    assert content(shop.house) == before
    done = shop.pipeline.run("loaders.compact")
    assert (done.returncode, "MB given back" in done.stdout) == (0, True), done.stdout
    assert content(shop.house) == before
    assert shop.house.path.stat().st_size < large
    assert not list(shop.house.path.parent.glob(".*.compact"))
    with duckdb.connect(str(shop.house.path)) as db:
        db.execute("drop table kept")
