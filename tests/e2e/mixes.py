"""Pushes through seeded mixes of faults, and checks by the server's journal that no harm was done."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import orjson

from benchmarks.push.harness import PROFILE_KEY, Desk
from benchmarks.push.published import make
from demo.faults import KINDS

Fields = dict[str, str]
VERSIONS = (1, 2)
MIXED = [kind for kind in KINDS if kind != "expire_tokens"]


def published_versions(folder: Path, contacts: int, fields: int) -> dict[int, Path]:
    """Make two published files of the same contacts: in the second a third of them has changed."""
    paths = {}
    for version in VERSIONS:
        paths[version] = folder / f"version-{version}.duckdb"
        make(paths[version], contacts, changed_share=1 / 3, version=version, fields=fields)
    return paths


def payloads(path: Path) -> dict[str, Fields]:
    """Return the published fields by e-mail."""
    with duckdb.connect(str(path), read_only=True) as db:
        rows = db.execute("select email, custom_fields from marts.icommkt_payloads").fetchall()
    return {email: {one["Key"]: one["Value"] for one in orjson.loads(text)} for email, text in rows}


def check(desk: Desk, versions: Mapping[int, Mapping[str, Fields]]) -> list[str]:
    """Hold what the server has, and all it was ever sent, against what was published; return what is wrong."""
    wrong: list[str] = []
    wanted = versions[VERSIONS[-1]]
    with sqlite3.connect(desk.server_database) as connection:
        rows = connection.execute("select email, fields from contacts where profile_key = ?", (PROFILE_KEY,)).fetchall()
        held = {email: orjson.loads(text) for email, text in rows}
        lost = sum(email not in held for email in wanted)
        other = sum(email in held and held[email] != given for email, given in wanted.items())
        more = sum(email not in wanted for email in held)
        if lost or other or more:
            wrong.append(f"{lost} contacts lost, {other} with other fields than published, {more} never published")
        latest: dict[str, int] = {}
        foreign = backwards = 0
        for (text,) in connection.execute("select payload from requests where path like '%/Save%' order by id"):
            body = orjson.loads(text)
            for contact in body.get("ContactList") or [body["Contact"]]:
                email = contact["Email"]
                given = {one["Key"]: one["Value"] for one in contact["CustomFields"]}
                version = next((one for one in VERSIONS if versions[one].get(email) == given), 0)
                if not version:
                    foreign += 1
                    continue
                # A contact that did not change has one payload in both versions, counted as the first.
                if version < latest.get(email, 0):
                    backwards += 1
                latest[email] = version
        if foreign:
            wrong.append(f"{foreign} times a contact was sent fields that are not its own")
        if backwards:
            wrong.append(f"{backwards} times a contact was set back to older fields")
    return wrong


def mixed_rules(dice: random.Random) -> list[dict[str, Any]]:
    """Return 2 to 6 fault rules at random."""
    rules = []
    for kind in dice.sample(MIXED, dice.randint(2, 6)):
        rule: dict[str, Any] = {"kind": kind, "seed": dice.randrange(10**6), "processed": dice.random() < 0.5}
        rule["probability"] = round(dice.uniform(0.01, 0.12), 3)
        if kind == "latency":
            rule["seconds"] = round(dice.uniform(0.005, 0.05), 3)
        if kind == "status_429":
            rule["retry_after"] = dice.choice([0, 0.05, None])
        if kind == "timeout":
            rule |= {"probability": 0.05, "count": 4}
        if dice.random() < 0.2:
            rule |= {"probability": 1.0, "after": dice.randint(0, 20), "count": dice.randint(3, 30)}
        rules.append(rule)
    return rules


def quirks(dice: random.Random) -> dict[str, Any]:
    """Return server settings at random: what nobody knows of ICOMMKT."""
    return {
        "status_code_as": dice.choice(["number", "text"]),
        "responses": dice.choice(["in_order"] * 4 + ["reversed", "shuffled", "shorter", "longer"]),
        "responses_email": dice.random() < 0.6,
        "max_contacts": dice.choice([0, 0, 0, 30, 64]),
        "too_large": dice.choice(["413", "404", "400", "500", "error_inside"]),
        "poison": dice.choice(["", "", "", "contact17", "contact5@"]),
        # Not 502, an outage, which is waited out: one contact that answers it for ever would take all the patience.
        "poison_status": dice.choice([400, *[500] * 5]),
    }


def run_mix(
    desk: Desk, seed: int, paths: Mapping[int, Path], versions: Mapping[int, Mapping[str, Fields]]
) -> list[str]:
    """Push version 1 in peace or not, then version 2 through faults, then once more without; return what is wrong."""
    dice = random.Random(seed)
    desk.reset()
    desk.state.unlink(missing_ok=True)
    server = quirks(dice)
    desk.server_setting(**server)
    options: dict[str, Any] = {
        "batch_size": str(dice.choice([7, 50, 100, 250])),
        "senders": str(dice.choice([1, 2, 4, 8])),
        "read_timeout": "0.5",
        "max_attempts": str(dice.choice([2, 3, 5])),
        "patience": "30",
    }
    first, second = VERSIONS
    if dice.random() < 0.5:
        _publish(desk, paths[first])
        desk.server_setting(poison="")
        desk.run("push", **options)
        desk.server_setting(poison=server["poison"])
    _publish(desk, paths[second])
    for rule in mixed_rules(dice):
        desk.fault(**rule)
    for _ in range(dice.randint(1, 2)):
        desk.run("push", **options)
    desk.no_faults()
    desk.server_setting(poison="")
    clean = desk.run("push", **options)
    if clean.returncode:
        return [f"the clean run ended with {clean.returncode}: {clean.stderr.strip()}"]
    wrong = check(desk, versions)
    desk.forget_requests()
    desk.run("push")
    if again := len(desk.requests()):
        wrong.append(f"one more push sent {again} requests although nothing had changed")
    return wrong


def _publish(desk: Desk, path: Path) -> None:
    aside = desk.published.with_suffix(".new")
    shutil.copyfile(path, aside)
    aside.replace(desk.published)
