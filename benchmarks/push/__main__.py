"""Measures the push against a bare loop of threads that post the same bytes to the same server in the same run.

`python -m benchmarks.push --contacts 20000 --rounds 3` prints, for the first run (everything is new), a busy day (5 %
changed) and a quiet day (nothing), the seconds of both (medians over the rounds), their ratio, the ratio of the best
round of each (other work on the machine only ever adds), the processor's seconds without the server's, and the push's
peak memory.

The push's seconds are those of the whole command but for starting Python: planning, sending, writing the state. The
bare loop has its bodies ready in memory, keeps no state, checks nothing, and has as many threads with kept connections.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import duckdb
import requests

from benchmarks.push.harness import API_KEY, PROFILE_KEY, Desk
from benchmarks.push.published import AS_OF, make
from demo.serving import serving

BATCH, SENDERS = 100, 4
BUSY_SHARE = 0.05


def bodies(path: Path, only_changed: bool) -> list[bytes]:
    """Return the bodies that a push of this file sends: all contacts, or those that differ in version 2."""
    stride = round(1 / BUSY_SHARE)
    order = "order by cast(regexp_extract(email, '[0-9]+') as integer)"
    where = f"where cast(regexp_extract(email, '[0-9]+') as integer) % {stride} = 0" if only_changed else ""
    with duckdb.connect(str(path), read_only=True) as db:
        rows = db.execute(f"select email, custom_fields from marts.icommkt_payloads {where} {order}").fetchall()
    contacts = [f'{{"Email":"{email}","CustomFields":{fields}}}'.encode() for email, fields in rows]
    head = f'{{"ProfileKey":"{PROFILE_KEY}","ContactList":['.encode()
    return [head + b",".join(contacts[start : start + BATCH]) + b"]}" for start in range(0, len(contacts), BATCH)]


class Took(NamedTuple):
    """Seconds by the clock and of the processor in this process, so without the server's."""

    clock: float
    processor: float


@contextlib.contextmanager
def _timed() -> Iterator[list[Took]]:
    """Time what is done inside; the result is in the list afterwards."""
    took: list[Took] = []
    clock, processor = time.perf_counter(), time.process_time()
    yield took
    took.append(Took(time.perf_counter() - clock, time.process_time() - processor))


def bare_loop(url: str, given: list[bytes]) -> Took:
    """Post the bodies and return the seconds it took."""
    local = threading.local()

    def post(body: bytes) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        response = local.session.post(
            f"{url}/Contacts/SaveMultiContact.Json/",
            data=body,
            headers={"Authorization": API_KEY, "Content-Type": "application/json"},
            timeout=60,
        )
        response.raise_for_status()
        response.json()

    with _timed() as took, ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(post, given))
    return took[0]


def push(desk: Desk) -> Took:
    """Push within this process; return the seconds it took."""
    with _timed() as took:
        result = desk.run(
            "push", batch_size=str(BATCH), senders=str(SENDERS), read_timeout="60", batch_bytes="100000000"
        )
    if result.returncode:
        raise RuntimeError(result.stdout + result.stderr)
    return took[0]


def peak_memory(desk: Desk, **settings: str) -> float:
    """Push in a process of its own and return the most memory it had, in MB, as the kernel counts it."""
    given = {"batch_size": str(BATCH), "senders": str(SENDERS), "read_timeout": "60", **settings}
    process = desk.start("push", as_of_date=AS_OF, **given)
    peak = 0.0
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        with contextlib.suppress(OSError):
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]) / 1024)
        time.sleep(0.1)
    _, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the push ended with {process.returncode} after {peak:.0f} MB: {errors}")
    return peak


def alone(desk: Desk) -> str:
    """Push in a process of its own; say its seconds, its processor's, and the most memory that it had."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = peak_memory(desk)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{time.perf_counter() - started:.1f} s, processor {processor:.1f} s, peak memory {peak:.0f} MB"


def rounds(desk: Desk, versions: dict[int, Path], number: int) -> Iterator[tuple[str, Took, Took]]:
    """Yield, for each round and kind of day, what the bare loop and the push took."""
    everything, changed = bodies(versions[1], False), bodies(versions[2], True)
    for _ in range(number):
        desk.state.unlink(missing_ok=True)
        for day, version, given in (("first run", 1, everything), ("busy day", 2, changed), ("quiet day", 2, [])):
            bare = bare_loop(desk.url, given)
            shutil.copyfile(versions[version], desk.published)
            yield day, bare, push(desk)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push", description=__doc__)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--fields", type=int, default=75)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds the server lets each request wait")
    parser.add_argument("--folder", type=Path, help="keeps the made files here for the next time")
    parser.add_argument("--memory-only", action="store_true", help="one push of a process of its own, no bare loop")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="push-benchmark-") as name:
        folder = given.folder or Path(name)
        versions = {}
        for version in (1, 2):
            versions[version] = folder / f"made-{given.contacts}-{given.fields}-{version}.duckdb"
            if not versions[version].exists():
                make(versions[version], given.contacts, changed_share=BUSY_SHARE, version=version, fields=given.fields)
        options = ["--latency", str(given.latency)]
        with serving("benchmarks.push.server", database="", options=options) as url:
            desk = Desk(Path(name), url, Path(name))
            if not given.memory_only:
                found: dict[str, list[tuple[Took, Took]]] = {}
                for day, bare, ours in rounds(desk, versions, given.rounds):
                    found.setdefault(day, []).append((bare, ours))
                for day, pairs in found.items():
                    _print(day, pairs)
            desk.state.unlink(missing_ok=True)
            print(f"{given.contacts:,} contacts, each push a process of its own:")
            for day, version in (("first run", 1), ("quiet day", 1), ("busy day", 2)):
                shutil.copyfile(versions[version], desk.published)
                print(f"  {day:9}: {alone(desk)}, state file {desk.state.stat().st_size / 1e6:.0f} MB", flush=True)
            print(f"  published file {versions[1].stat().st_size / 1e6:.0f} MB")
    return 0


def _print(day: str, pairs: list[tuple[Took, Took]]) -> None:
    bare, ours = (statistics.median(pair[index].clock for pair in pairs) for index in range(2))
    best_bare, best_ours = (min(pair[index].clock for pair in pairs) for index in range(2))
    cpu_bare, cpu_ours = (statistics.median(pair[index].processor for pair in pairs) for index in range(2))
    each = ", ".join(f"{one[1].clock / one[0].clock:.2f}" if bare else f"{one[1].clock:.2f} s" for one in pairs)
    ratios = f"ratio {ours / bare:.2f}, of the best {best_ours / best_bare:.2f} " if bare else ""
    print(
        f"{day:9}: bare loop {bare:6.2f} s, push {ours:6.2f} s, {ratios}(rounds: {each});"
        f" processor {cpu_bare:.2f} s, push {cpu_ours:.2f} s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
