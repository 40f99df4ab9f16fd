"""The chain as a scheduler sees it: bad nights, missing settings, mistyped days."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import requests

from demo.environment import PROJECT_ROOT
from demo.magento.generate import create
from demo.serving import serving
from tests.e2e.conftest import Pipeline


def test_missing_settings_are_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loaders.daily"],
        env={"PATH": "", "DLT_PROJECT_DIR": str(tmp_path), "DLT_DATA_DIR": str(tmp_path), "PASSWORD": "not ours"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    for words in ("SOURCES__MAGENTO__BASE_URL", "SOURCES__MAGENTO__PASSWORD", "ICOMMKT__API_KEY", "make demo"):
        assert words in line


def test_a_night_that_lacks_what_is_sent_stops_before_the_build_in_one_line(small: Pipeline) -> None:
    done = small.run("loaders.daily", SOURCES__MAGENTO__USERNAME="ordersonly")
    assert done.returncode == 1
    assert "tick `Customers > Customer Groups`" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("error: customer_groups, categories, products, customers could not be read (see above)")
    assert "nothing was built or sent" in last
    assert "--- build" not in done.stdout
    assert requests.get(f"{small.icommkt_url}/demo/requests", timeout=30).json() == []
    assert small.rows()["orders"] >= 80, "the others load"


def test_a_mistyped_day_does_nothing(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9")
    for command in ("daily", "load", "build", "push"):
        done = pipeline.make(command, "VARS={as_of_date: 2062-11-24}", "FORCE=1")
        (said,) = [line for line in done.stdout.splitlines() if not line.startswith("make")]
        assert said.startswith("error: the as-of date is 2062-11-24; it must be from 1990-01-01 to tomorrow")
        assert done.returncode != 0
    assert not pipeline.warehouse.parent.exists()


ODD_PASSWORD = """pass "with' #all $HOME ${PATH} `id` %s \\ ñé = kinds"""


def test_make_reads_the_env_file_as_it_is_written_and_the_environment_wins(tmp_path: Path) -> None:
    """With the line ends of Windows, and characters that shells and make would take for their own."""
    create(tmp_path / "magento.sqlite", customers=5, orders=5)
    with serving("demo.magento", database=tmp_path / "magento.sqlite", options=["--password", ODD_PASSWORD]) as url:
        pipeline = Pipeline(tmp_path, url, "http://127.0.0.1:9")
        lines = [
            "# the night's settings",
            f"SOURCES__MAGENTO__PASSWORD={ODD_PASSWORD}",
            f'SOURCES__MAGENTO__BASE_URL="{url}"',
            "SOURCES__MAGENTO__STORE_KEY=from the file",
            "SOURCES__MAGENTO__WORKERS=none",
            "",
        ]
        settings = {**pipeline.environment, "SOURCES__MAGENTO__WORKERS": "1"}
        (tmp_path / ".env").write_bytes("\r\n".join(lines).encode())
        for name in ("PASSWORD", "BASE_URL"):
            del settings[f"SOURCES__MAGENTO__{name}"]
        done = subprocess.run(
            ["make", "-o", ".venv/.installed", f"RUN={sys.executable}", "load"],
            env=settings,
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(pipeline.warehouse), read_only=True) as db:
        assert db.execute("select distinct store_key from raw.store_views").fetchall() == [("from the file",)]
