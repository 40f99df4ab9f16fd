"""`--help` of each command has a worked example."""

from __future__ import annotations

import importlib
import sys

import pytest

PUSH, LOAD = "loaders.icommkt.__main__", "loaders.magento.__main__"


@pytest.mark.parametrize(
    "line",
    [
        *(f"loaders.{name}" for name in ("build", "compact", "daily", "docs", "doctor", "fields", "status", "why")),
        "loaders.report.__main__",
        *(f"{LOAD} {name}" for name in ("load", "backfill")),
        *(f"{PUSH} {name}" for name in ("push", "diff", "preview", "verify", "probe")),
    ],
)
def test_help_has_an_example(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module, *arguments = line.split()
    monkeypatch.setattr(sys, "argv", ["command", *arguments, "--help"])
    with pytest.raises(SystemExit):
        importlib.import_module(module).main()
    assert "for instance" in " ".join(capsys.readouterr().out.lower().split())
