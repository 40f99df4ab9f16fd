"""`python -m loaders.daily`: the nightly chain, load → build → publish → push → report, stopping at what fails."""

from __future__ import annotations

import contextlib
import os
import time

import dlt

from loaders import nights
from loaders.build import build
from loaders.dbt_vars import parse_vars
from loaders.errors import LockedError, Parser, PipelineError, SettingsError, run_command, said
from loaders.fields import check_fields
from loaders.icommkt import settings as icommkt_settings
from loaders.icommkt.__main__ import main as icommkt
from loaders.icommkt.audience import check_audience_is_chosen
from loaders.magento.__main__ import load
from loaders.magento.settings import magento_settings, missing_settings
from loaders.notify import tell, webhook
from loaders.paths import locked, warehouse
from loaders.report import report, report_language
from loaders.seeds import profile_settings
from loaders.warehouse import build_memory

# Unit tests hold the models' logic, which no night changes; `make build` and `make test` run them.
_NIGHTLY = ("--exclude-resource-type", "unit_test")


# No model between these raw tables and what is sent (held by tests/unit/dbt/test_project_rules.py).
SENT_WITHOUT = frozenset({"creditmemos"})


def daily(variables: str | None = None) -> None:
    """Run the whole chain on one as-of date.

    Raises SettingsError when settings are missing, whatever the first failing step raises, and PipelineError
    when a table could not be read: before the build if what is sent is made of it, else when all is done.
    """
    house = warehouse()
    keys = [name for name in ("api_key", *profile_settings()) if not dlt.config.get(f"icommkt.{name}", str)]
    if missing := [*missing_settings(magento_settings()), *map(icommkt_settings.env, keys)]:
        raise SettingsError(
            f"missing {', '.join(missing)}; set them in the environment, in .env or .dlt/secrets.toml "
            "(`make demo` needs none)"
        )
    # A typing mistake should not wait for the load.
    settings = icommkt_settings.read(profile_needed=False)
    parse_vars(variables)
    check_fields()
    build_memory()
    report_language()
    webhook()
    check_audience_is_chosen(house, settings)
    started = time.monotonic()
    with locked(house, "daily"):
        _say("load")
        failed = load(variables).failed
        if needed := [table for table in failed if table not in SENT_WITHOUT]:
            raise PipelineError(
                f"{', '.join(needed)} could not be read (see above), and what is sent is made of them: everything else "
                "was loaded, nothing was built or sent; put it right and run `make daily` again"
            )
        _say("build")
        as_of = build(variables, arguments=_NIGHTLY)
        _say("push")
        icommkt(["push", "--as-of-date", as_of.isoformat()])
        with nights.step(house, "report"):
            print(f"report in {report(house)}", flush=True)
    print(f"done in {time.monotonic() - started:.0f} s", flush=True)
    if failed:
        raise PipelineError(
            f"{', '.join(failed)} could not be read (see the load's lines); nothing that is sent is made of them, so "
            "everything else was loaded, built and sent"
        )


def _say(step: str) -> None:
    print(f"--- {step}", flush=True)


def main() -> int:
    """Run the command line."""
    epilog = "for instance: make daily, or python -m loaders.daily --vars '{as_of_date: 2026-11-24}'"
    parser = Parser(prog="python -m loaders.daily", description=__doc__, epilog=epilog)
    parser.add_argument(
        "--vars", default=os.environ.get("VARS"), help="dbt variables, such as '{as_of_date: 2026-11-24}'"
    )
    variables = parser.parse_args().vars
    house = warehouse()
    with nights.night(house, "daily") as night:
        try:
            daily(variables)
        except Exception as error:
            night.end(error)  # so that the page can tell it
            if not isinstance(error, LockedError):
                with contextlib.suppress(Exception):  # nothing was ever published, or the disk is full
                    print(f"report in {report(house)}", flush=True)
            tell(house, said(error))
            raise
        night.end()
        tell(house)
    return 0


if __name__ == "__main__":
    run_command(main)
