"""The demo's two servers, kept running to play with, and commands that work on them and on nothing else.

One process in the background holds both. It holds a lock as long as it lives, so that nobody takes it for running after
it was killed or the machine was started anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import requests
import yaml

from demo.environment import DEMO_KEY, PROJECT_ROOT, demo_environment
from demo.magento.catalog import UTC_OFFSET
from demo.serving import serving
from loaders.dbt_vars import parse_vars
from loaders.errors import PipelineError

DATA = Path(os.environ.get("DEMO_DATA") or PROJECT_ROOT / "demo" / ".data").absolute()
STORE = DATA / "magento.sqlite"
_LOCK, _ADDRESSES, _LOG = DATA / "servers.lock", DATA / "servers.json", DATA / "servers.log"
START_SECONDS = 60.0


@contextlib.contextmanager
def both() -> Iterator[tuple[str, str]]:
    """Serve the demo's store and ICOMMKT; yield their base URLs."""
    with (
        serving("demo.magento", database=STORE) as magento_url,
        serving("demo.icommkt", database=DATA / "icommkt.sqlite", options=["--api-key", DEMO_KEY]) as icommkt_url,
    ):
        yield magento_url, icommkt_url


def servers() -> dict[str, str] | None:
    """Where the servers in the background answer: `magento`, `icommkt` and the `pid`; None when there are none."""
    if not _LOCK.exists():
        return None
    with _LOCK.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            found: dict[str, str] | None = json.loads(_ADDRESSES.read_text()) if _ADDRESSES.exists() else None
            return found
    return None


def serve() -> int:
    """Hold both servers until asked to end; what `up` starts in the background."""
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    with _LOCK.open("w") as lock:
        _take(lock)
        _ADDRESSES.unlink(missing_ok=True)
        with both() as (magento_url, icommkt_url):
            written = _ADDRESSES.with_suffix(".new")
            written.write_text(json.dumps({"magento": magento_url, "icommkt": icommkt_url, "pid": str(os.getpid())}))
            written.replace(_ADDRESSES)
            while not asked.wait(2) and _answers(magento_url) and _answers(icommkt_url):
                pass
    return 0


def _answers(url: str) -> bool:
    """Tell whether something listens; when one of the two has died, both are ended."""
    address = urlsplit(url)
    try:
        with socket.create_connection((str(address.hostname), address.port or 80), timeout=10):
            return True
    except OSError:
        return False


def _take(lock: IO[str]) -> None:
    """Take the lock; who only looks at it holds it for a moment too."""
    for _ in range(20):
        with contextlib.suppress(OSError):
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.1)
    raise PipelineError("the demo's servers are running already")


def up() -> int:
    """Start both servers in the background, where they are not running, and say where they are."""
    _tell(servers() or _start())
    return 0


def _tell(found: dict[str, str]) -> None:
    print(
        f"the demo store answers at {found['magento']}, the demo ICOMMKT at {found['icommkt']}; it is "
        f"{today(found['magento']):%d %B %Y} there. make demo-down stops them",
        flush=True,
    )


def _start() -> dict[str, str]:
    if not STORE.exists():
        raise PipelineError("there is no demo store yet; make demo makes one")
    with _LOG.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=PROJECT_ROOT,
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS
    while not (found := servers()):
        if process.poll() is not None or time.monotonic() > until:
            raise PipelineError(f"the demo's servers did not start; {_LOG} says why")
        time.sleep(0.1)
    return found


def down() -> int:
    """Stop them."""
    found = servers()
    if found:
        os.kill(int(found["pid"]), signal.SIGTERM)
        while servers():
            time.sleep(0.1)
    print("the demo's servers are stopped" if found else "the demo's servers are not running")
    return 0


def day() -> int:
    """Let the store live on for a day."""
    url = _running()["magento"]
    if today(url) > datetime.now(UTC).date():
        raise PipelineError("the demo shop is as far as tomorrow, and no night is run for later days; wait until then")
    requests.post(f"{url}/demo/advance", json={"days": 1}, timeout=120).raise_for_status()
    print(f"it is {today(url):%d %B %Y} in the demo shop now; make daily DEMO=1 runs its night")
    return 0


def run(arguments: Sequence[str]) -> int:
    """Run python with `arguments` and the demo's settings; the as-of date is the shop's day unless VARS say one."""
    found = _running()
    variables = {"as_of_date": today(found["magento"]), **parse_vars(os.environ.get("VARS"))}
    environment = demo_environment(DATA, found["magento"], found["icommkt"])
    environment["VARS"] = yaml.safe_dump(variables, default_flow_style=True, width=10_000).strip()
    return subprocess.run([sys.executable, *arguments], env=environment, check=False).returncode


def today(magento_url: str) -> date:
    """The day that it is in the demo shop."""
    answer = requests.get(f"{magento_url}/rest/V1/directory/currency", timeout=30)
    return (parsedate_to_datetime(answer.headers["Date"]) + timedelta(seconds=UTC_OFFSET)).date()


def _running() -> dict[str, str]:
    if not (found := servers()):
        found = _start()
        _tell(found)
    return found
