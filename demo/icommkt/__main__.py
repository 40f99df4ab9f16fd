"""`python -m demo.icommkt --database FILE`: serve the demo ICOMMKT on loopback."""

import argparse
from pathlib import Path

from demo.icommkt.app import create_app
from demo.icommkt.settings import Settings
from demo.serving import listen


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m demo.icommkt", description="A demo ICOMMKT on loopback.")
    parser.add_argument("--database", type=Path, required=True, help="SQLite file; made if missing")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--api-key", default="", help="the only key taken; any if empty")
    parser.add_argument("--profile-key", action="append", default=[], help="an existing profile; any if none is given")
    arguments = parser.parse_args()
    arguments.database.parent.mkdir(parents=True, exist_ok=True)
    settings = Settings(api_key=arguments.api_key, profile_keys=tuple(arguments.profile_key))
    listen(create_app(arguments.database, settings), arguments.port)


if __name__ == "__main__":
    main()
