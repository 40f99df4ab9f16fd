"""`python -m loaders.icommkt push`: the command line. Exit codes are in loaders.icommkt.errors and docs/push.md."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

from loaders.errors import PipelineError, run_command
from loaders.icommkt import settings as settings_module
from loaders.icommkt.privacy import Mask, MaskingFilter
from loaders.icommkt.push import Options, push
from loaders.icommkt.settings import IcommktSettings
from loaders.paths import locked, warehouse


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for and return the exit code. Raises PipelineError."""
    given = _parser().parse_args(arguments)
    settings = settings_module.read(profile_needed=False)
    mask = Mask(settings.secrets)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _logging(mask):
            return _run(given, settings)
    except PipelineError as error:
        error.args = (mask(str(error)),)
        raise


def _run(given: argparse.Namespace, settings: IcommktSettings) -> int:
    house = warehouse()
    options = Options(as_of_date=given.as_of_date, dry_run=given.dry_run, force=given.force)
    if options.dry_run:
        return push(house, settings, options)
    with locked(house, "push"):
        return push(house, settings, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loaders.icommkt", description="Send contacts to ICOMMKT.")
    commands = parser.add_subparsers(dest="command", required=True)
    sending = commands.add_parser("push", help="send what differs from what ICOMMKT acknowledged")
    sending.add_argument("--dry-run", action="store_true", help="show what would be sent, send nothing")
    sending.add_argument("--force", action="store_true", help="send although a guard objects")
    sending.add_argument("--as-of-date", type=dt.date.fromisoformat, help="the date that counts as today (YYYY-MM-DD)")
    return parser


@contextlib.contextmanager
def _logging(mask: Mask) -> Iterator[None]:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(MaskingFilter(mask))
    logger = logging.getLogger("loaders.icommkt")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    run_command(main)
