"""`python -m demo.icommkt --database F --port N [--api-key K] [--profile-key P ...] [--set NAME=JSON ...]`.

Without a key any is taken; without profile keys any profile exists. `--set` gives any other setting of `Settings`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from demo.icommkt.app import create_app
from demo.icommkt.settings import CHOICES, Settings
from demo.serving import listen
from demo.settings import SettingError, changed


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m demo.icommkt", description="A demo ICOMMKT on loopback.")
    parser.add_argument("--database", type=Path, required=True, help="SQLite file; made if missing")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--api-key", default="", help="the only key taken; any if empty")
    parser.add_argument("--profile-key", action="append", default=[], help="an existing profile; any if none is given")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help="another setting")
    arguments = parser.parse_args()
    given = {"api_key": arguments.api_key, "profile_keys": arguments.profile_key}
    try:
        settings = changed(Settings(), given | dict(map(_parse, arguments.set)), CHOICES)
    except SettingError as error:
        parser.error(str(error))
    arguments.database.parent.mkdir(parents=True, exist_ok=True)
    listen(create_app(arguments.database, settings), arguments.port)


def _parse(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


if __name__ == "__main__":
    main()
