from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own settings must not reach a test."""
    for name in [name for name in os.environ if name.startswith(("SOURCES__", "ICOMMKT__", "RUNTIME__", "VARS"))]:
        monkeypatch.delenv(name)
