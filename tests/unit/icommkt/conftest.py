from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own ICOMMKT settings must not reach a test."""
    import os

    for name in [name for name in os.environ if name.startswith("ICOMMKT__")]:
        monkeypatch.delenv(name)
