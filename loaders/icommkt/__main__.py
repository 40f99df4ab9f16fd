"""`python -m loaders.icommkt push | diff | preview | verify | probe`. Exit codes: docs/errors.md."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence

from loaders.dates import given_date
from loaders.dbt_vars import parse_vars
from loaders.errors import Parser, SettingsError, run_command
from loaders.icommkt import audience, interrupt
from loaders.icommkt import settings as settings_module
from loaders.icommkt.diff import diff
from loaders.icommkt.preview import preview
from loaders.icommkt.probe import probe
from loaders.icommkt.push import Options, push
from loaders.icommkt.settings import IcommktSettings
from loaders.icommkt.verify import verify
from loaders.nights import Step, step
from loaders.paths import warehouse
from loaders.text import MaskingFilter


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for and return the exit code. Raises PipelineError."""
    given = _parser().parse_args(arguments)
    settings = settings_module.read(profile_needed=False, api_key_needed=given.command not in ("diff", "preview"))
    is_sending = given.command == "push" or getattr(given, "repair", False)
    if not is_sending or given.dry_run:
        if not settings.audience and given.command != "probe":
            print(f"note: {audience.question(warehouse())}; until then all is taken here, and nothing can be sent")
        with _logging(), interrupt.noted() if is_sending else contextlib.nullcontext():
            return _run(given, settings)
    house = warehouse()
    _options(given)  # a mistyped day makes no folder
    audience.check_audience_is_chosen(house, settings)
    with interrupt.noted(), step(house, "repair" if given.command == "verify" else "push") as done, _logging():
        return _run(given, settings, done)


def _run(given: argparse.Namespace, settings: IcommktSettings, done: Step | None = None) -> int:
    house = warehouse()
    if given.command == "preview":
        return preview(house, settings, _email(given))
    if given.command == "diff":
        return diff(house, settings, given.target)
    if given.command == "probe":
        return probe(house, settings, _email(given))
    options = _options(given)
    if given.command == "verify":
        return verify(house, settings, options, sample=given.sample, repair=given.repair)
    return push(house, settings, options, done)


def _options(given: argparse.Namespace) -> Options:
    variables = parse_vars(given.vars)
    if given.as_of_date:
        variables["as_of_date"] = given.as_of_date
    blank = (getattr(given, "blank", None) or "").strip()
    return Options(as_of_date=given_date(variables), dry_run=given.dry_run, force=given.force, blank=blank)


def _email(given: argparse.Namespace) -> str:
    """Return the address asked for. The environment keeps it out of the list of processes."""
    email = given.email or os.environ.get("EMAIL", "")
    if not email:
        raise SettingsError(f"which contact? make {given.command} EMAIL=<address>")
    return str(email)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m loaders.icommkt", description="Send contacts to ICOMMKT.")
    commands = parser.add_subparsers(dest="command", required=True)

    def added(name: str, text: str, example: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, epilog=f"for instance: {example}")

    sending = added("push", "send what differs from what ICOMMKT acknowledged", "make push DRY_RUN=1")
    sending.add_argument(
        "--blank",
        metavar="KEY",
        default=os.environ.get("BLANK"),
        help="empty a field that is sent no more in ICOMMKT, once; better given as BLANK in the environment",
    )
    checking = added("verify", "read the profile back and compare it with the mart", "make verify SAMPLE=100")
    checking.add_argument("--sample", type=_positive, metavar="N", help="only N contacts, picked at random")
    checking.add_argument("--repair", action="store_true", help="send the contacts that drifted again")
    for command in (sending, checking):
        command.add_argument("--dry-run", action="store_true", help="show what would be sent, send nothing")
        command.add_argument("--force", action="store_true", help="send although a guard objects")
        command.add_argument("--as-of-date", help="the date that counts as today (YYYY-MM-DD)")
        command.add_argument(
            "--vars", default=os.environ.get("VARS"), help="dbt variables, of which as_of_date counts here"
        )
    comparing = added(
        "diff", "show what the last build would change in ICOMMKT, field by field", "make diff TARGET=dev"
    )
    comparing.add_argument("--target", default="prod", choices=["prod", "dev"], help="whose build: see profiles.yml")
    for name, text in {
        "preview": "show one contact, field by field: what ICOMMKT holds and what would be sent",
        "probe": "try on the profile what is not published, with an address of your own",
    }.items():
        one = added(name, text, f"EMAIL=ana@example.com python -m loaders.icommkt {name}")
        one.add_argument("email", nargs="?", help="better given as EMAIL in the environment")
    return parser


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 up, not {text[:40]!r}")
    return int(text)


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(MaskingFilter())
    logger = logging.getLogger("loaders.icommkt")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


if __name__ == "__main__":
    run_command(main)
