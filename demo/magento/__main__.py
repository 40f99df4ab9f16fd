"""`python -m demo.magento --database FILE`: serve the demo store on loopback."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from pathlib import Path

from demo.magento.app import build
from demo.magento.settings import CHOICES, Settings
from demo.serving import listen
from demo.settings import changed


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.magento", description="Serve the demo Magento store.")
    parser.add_argument("--database", type=Path, required=True, help="the store's file; demo.magento.generate makes it")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--password", help="of all demo users")
    parser.add_argument("--pace", type=float, help="1: as slow as a live Magento; 10: ten times faster; 0: no wait")
    parser.add_argument("--set", metavar="JSON", default="{}", help='more of the settings: {"rewrites": false}')
    options = parser.parse_args(arguments)
    try:
        given = {"password": options.password, "pace": options.pace}
        given = json.loads(options.set) | {name: value for name, value in given.items() if value is not None}
        app = build(options.database, changed(Settings(), given, CHOICES))
    except (FileNotFoundError, ValueError, TypeError, sqlite3.Error) as error:
        print(f"demo.magento: {error}", file=sys.stderr)
        return 2
    listen(app, options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
