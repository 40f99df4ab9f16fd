"""The demo as a newcomer plays with it: its servers stay up, any command works on them, and on nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.environment import PROJECT_ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("demo")
    yield folder
    demo(folder, "down")


def demo(folder: Path, *arguments: str) -> str:
    """Run the demo's command in `folder`, with settings of a real shop around it; what it prints."""
    real = {
        "SOURCES__MAGENTO__BASE_URL": "https://shop.invalid",
        "ICOMMKT__API_URL": "https://icommkt.invalid",
        "WAREHOUSE_PATH": str(folder / "real.duckdb"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        env={**os.environ, **real, "DEMO_DATA": str(folder / "data")},
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not (folder / "real.duckdb").exists()
    return f"{done.stdout}(ended with {done.returncode})"


def test_a_demo_can_be_played_with(folder: Path) -> None:
    assert "make demo makes one\n(ended with 1)" in demo(folder, "up")
    made = demo(folder, "--customers", "30", "--orders", "60", "--days", "1")
    assert made.endswith("(ended with 0)"), made
    email = made.partition("EMAIL=")[2].split()[0]

    started = demo(folder, "run", "-m", "loaders.status")
    assert "it is 23 November 2026 there" in started, "no other command is needed first"
    assert "green build" in started
    assert "nothing would be sent" in demo(folder, "run", "-m", "loaders.icommkt", "preview", email)
    assert "the demo's servers are running" in demo(folder)
    assert "it is 24 November 2026" in demo(folder, "day")
    assert re.search(r"orders +[1-9]", loaded := demo(folder, "run", "-m", "loaders.magento", "load")), loaded

    assert "are stopped" in demo(folder, "down")
    assert "it is 24 November 2026 there" in demo(folder, "up"), "the shop is as it was left"
