"""Pushes through seeded mixes of faults and through kills, and checks by the server's journal that no harm was done.

`python -m benchmarks.push.storm --mixes 50 --kills 30 --contacts 20000` prints one line for each and a summary; it ends
with 1 when anything was wrong. The tests run the same at a smaller size.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import orjson

from benchmarks.push.harness import PROFILE_KEY, Desk, icommkt
from benchmarks.push.published import make
from demo.faults import KINDS

Fields = dict[str, str]
VERSIONS = (1, 2)
MIXED = [kind for kind in KINDS if kind != "expire_tokens"]


@dataclass
class Trial:
    """What one mix or kill came to. `resent` counts contacts that were sent more often than needed."""

    seed: int
    faults: int = 0
    exit_codes: list[int] = field(default_factory=list)
    contacts_sent: int = 0
    resent: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    notes: str = ""


def published_versions(folder: Path, contacts: int, fields: int) -> dict[int, Path]:
    """Make two published files of the same contacts: in the second a third of them has changed."""
    paths = {}
    for version in VERSIONS:
        paths[version] = folder / f"version-{version}.duckdb"
        if not paths[version].exists():
            make(paths[version], contacts, changed_share=1 / 3, version=version, fields=fields)
    return paths


def payloads(path: Path) -> dict[str, Fields]:
    """Return the published fields by e-mail."""
    with duckdb.connect(str(path), read_only=True) as db:
        rows = db.execute("select email, custom_fields from marts.icommkt_payloads").fetchall()
    return {email: {one["Key"]: one["Value"] for one in orjson.loads(text)} for email, text in rows}


def check(desk: Desk, versions: Mapping[int, Mapping[str, Fields]], last: int) -> tuple[list[str], int, int]:
    """Hold what the server has, and all it was ever sent, against what was published.

    Returns what is wrong, how many contacts were sent, and how many of those more often than needed.
    """
    wrong: list[str] = []
    wanted = versions[last]
    with sqlite3.connect(desk.server_database) as connection:
        rows = connection.execute("select email, fields from contacts where profile_key = ?", (PROFILE_KEY,)).fetchall()
        held = {email: orjson.loads(text) for email, text in rows}
        lost = sum(email not in held for email in wanted)
        other = sum(email in held and held[email] != given for email, given in wanted.items())
        more = sum(email not in wanted for email in held)
        if lost or other or more:
            wrong.append(f"{lost} contacts lost, {other} with other fields than published, {more} never published")
        sent = 0
        needed: set[tuple[str, int]] = set()
        latest: dict[str, int] = {}
        foreign = backwards = 0
        for (text,) in connection.execute("select payload from requests where path like '%/Save%' order by id"):
            body = orjson.loads(text)
            for contact in body.get("ContactList") or [body["Contact"]]:
                sent += 1
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
                needed.add((email, version))
        if foreign:
            wrong.append(f"{foreign} times a contact was sent fields that are not its own")
        if backwards:
            wrong.append(f"{backwards} times a contact was set back to older fields")
    return wrong, sent, sent - len(needed)


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
        "poison_status": dice.choice([500, 400, 502]) if dice.random() < 0.5 else 500,
    }


def run_mix(desk: Desk, seed: int, paths: Mapping[int, Path], versions: Mapping[int, Mapping[str, Fields]]) -> Trial:
    """Push version 1 in peace or not, then version 2 through faults, then once more without, and check."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    trial = Trial(seed)
    started = time.monotonic()
    desk.reset()
    desk.state.unlink(missing_ok=True)
    server = quirks(dice)
    if server["poison_status"] == 502:
        # An outage status is waited out, so that one contact that answers it for ever would take all the patience.
        server["poison_status"] = 500
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
        trial.exit_codes.append(desk.run("push", **options).returncode)
        desk.server_setting(poison=server["poison"])
    _publish(desk, paths[second])
    for rule in mixed_rules(dice):
        desk.fault(**rule)
    for _ in range(dice.randint(1, 2)):
        trial.exit_codes.append(desk.run("push", **options).returncode)
    trial.faults = desk.fired()
    desk.no_faults()
    desk.server_setting(poison="")
    clean = desk.run("push", **options)
    trial.exit_codes.append(clean.returncode)
    if clean.returncode:
        trial.wrong.append(f"the clean run ended with {clean.returncode}: {clean.stderr.strip()}")
    _finish(desk, trial, versions)
    trial.notes = f"{server['responses']}, senders {options['senders']}, batch {options['batch_size']}"
    trial.seconds = time.monotonic() - started
    return trial


def run_kill(
    desk: Desk, seed: int, duration: float, paths: Mapping[int, Path], versions: Mapping[int, Mapping[str, Fields]]
) -> Trial:
    """Kill a push, mostly at a random moment of the `duration` seconds in which it sends, push again, and check."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    trial = Trial(seed)
    started = time.monotonic()
    desk.reset()
    desk.state.unlink(missing_ok=True)
    Path(f"{desk.state}.wal").unlink(missing_ok=True)
    second = VERSIONS[-1]
    _publish(desk, paths[second])
    senders, batch = 4, 100
    process = desk.start("push", senders=str(senders), batch_size=str(batch))
    if dice.random() < 0.9:
        _wait_for_first(desk, process)
    time.sleep(dice.uniform(0, duration))
    killed = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    trial.faults = int(killed)
    with sqlite3.connect(desk.server_database) as connection:
        before = connection.execute("select count(*) from contacts").fetchone()[0]
    clean = desk.run("push", senders=str(senders), batch_size=str(batch))
    trial.exit_codes = [process.returncode, clean.returncode]
    if clean.returncode:
        trial.wrong.append(f"the clean run ended with {clean.returncode}: {clean.stderr.strip()}")
    _finish(desk, trial, versions)
    most = 2 * senders * batch
    if trial.resent > most:
        trial.wrong.append(f"{trial.resent} contacts were sent again, more than the {most} that can be under way")
    trial.notes = f"killed when {before} contacts had arrived"
    trial.seconds = time.monotonic() - started
    return trial


def _finish(desk: Desk, trial: Trial, versions: Mapping[int, Mapping[str, Fields]]) -> None:
    wrong, trial.contacts_sent, trial.resent = check(desk, versions, VERSIONS[-1])
    trial.wrong += wrong
    desk.forget_requests()
    desk.run("push")
    if again := len(desk.requests()):
        trial.wrong.append(f"one more push sent {again} requests although nothing had changed")


def _publish(desk: Desk, path: Path) -> None:
    aside = desk.published.with_suffix(".new")
    shutil.copyfile(path, aside)
    aside.replace(desk.published)


def main() -> int:
    """Run the storm and print what it came to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push.storm")
    parser.add_argument("--mixes", type=int, default=50)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--fields", type=int, default=75)
    parser.add_argument("--first-seed", type=int, default=1)
    given = parser.parse_args()
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="push-storm-") as name:
        folder = Path(name)
        paths = published_versions(folder, given.contacts, given.fields)
        versions = {version: payloads(path) for version, path in paths.items()}
        with icommkt(folder) as server:
            desk = Desk(folder, *server)
            seeds = range(given.first_seed, given.first_seed + given.mixes)
            for seed in seeds:
                trials.append(run_mix(desk, seed, paths, versions))
                _print("mix", trials[-1])
            if given.kills:
                duration = _measure(desk, paths)
                print(f"an undisturbed push sends {given.contacts:,} contacts in {duration:.1f} s", flush=True)
            for seed in range(given.first_seed, given.first_seed + given.kills):
                trials.append(run_kill(desk, seed, duration, paths, versions))
                _print("kill", trials[-1])
    mixes, kills = trials[: given.mixes], trials[given.mixes :]
    for what, those in (("mixes of faults", mixes), ("kills", kills)):
        if those:
            print(
                f"{len(those)} {what}: {sum(one.faults for one in those):,} faults or kills,"
                f" {sum(one.contacts_sent for one in those):,} contacts sent,"
                f" {sum(one.resent for one in those):,} of them again"
                f" (most in one trial {max(one.resent for one in those):,});"
                f" {sum(bool(one.wrong) for one in those)} trials with anything wrong;"
                f" exit codes {dict(Counter(code for one in those for code in one.exit_codes))}"
            )
    return int(any(trial.wrong for trial in trials))


def _wait_for_first(desk: Desk, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        with sqlite3.connect(desk.server_database) as connection:
            if connection.execute("select exists (select 1 from contacts)").fetchone()[0]:
                return
        time.sleep(0.02)


def _measure(desk: Desk, paths: Mapping[int, Path]) -> float:
    """Return how many seconds an undisturbed push sends for."""
    desk.reset()
    desk.state.unlink(missing_ok=True)
    _publish(desk, paths[VERSIONS[-1]])
    process = desk.start("push", senders="4", batch_size="100")
    _wait_for_first(desk, process)
    started = time.monotonic()
    process.communicate()
    return time.monotonic() - started


def _print(what: str, trial: Trial) -> None:
    verdict = "; ".join(trial.wrong) or "as it should be"
    print(
        f"{what} {trial.seed}: {trial.faults} faults, exit codes {trial.exit_codes}, {trial.contacts_sent:,} sent,"
        f" {trial.resent:,} again, {trial.seconds:.1f} s, {trial.notes}: {verdict}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
