"""`python -m demo.magento --database FILE`: serve the demo store on loopback."""

import argparse
import sqlite3
import sys
from pathlib import Path

from demo.magento.app import build
from demo.magento.settings import Settings
from demo.serving import listen


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.magento", description="Serve the demo Magento store.")
    parser.add_argument("--database", type=Path, required=True, help="the store's file")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--password", default=Settings.password, help="of all demo users")
    parser.add_argument("--pace", type=float, default=0.0, help="1: as slow as a live Magento; 10: ten times faster")
    options = parser.parse_args(arguments)
    try:
        app = build(options.database, Settings(password=options.password, pace=options.pace))
    except (FileNotFoundError, sqlite3.Error) as error:
        print(f"demo.magento: {error}", file=sys.stderr)
        return 2
    listen(app, options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
