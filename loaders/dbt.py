"""`python -m loaders.dbt ARGS`: any command of dbt, with the settings of `.env` and over the configured warehouse.

Unless ARGS name a target it is `dev`: an edit that is half made changes nothing of the night's.
"""

from __future__ import annotations

import shlex
import sys

from loaders.build import make_ready, run_dbt
from loaders.errors import run_command
from loaders.paths import locked, warehouse


def main() -> int:
    """Run the command line; what make gives as one text is split as a shell would."""
    words = [word for text in sys.argv[1:] for word in shlex.split(text)]
    is_named = any(word == "-t" or word.partition("=")[0] == "--target" for word in words)
    house = warehouse()
    with locked(house, "dbt"):
        make_ready(house if is_named else house.dev)
        return run_dbt(house, words if is_named else [*words, "--target", "dev"])


if __name__ == "__main__":
    run_command(main)
