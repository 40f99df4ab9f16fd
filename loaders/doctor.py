"""`python -m loaders.doctor`: what is ready for the first night and what is not. Reads only; exit code 1 if not."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import duckdb

from loaders import fields
from loaders.checks import MISSING, NOT_CHECKED, OK, WARN, WIDTH, Check, guarded, print_checks
from loaders.dbt_vars import parse_vars, project_vars
from loaders.errors import Parser, run_command
from loaders.icommkt import audience, published
from loaders.icommkt import fields as icommkt_fields
from loaders.icommkt import settings as icommkt_settings
from loaders.icommkt.client import Client
from loaders.icommkt.errors import RequestError, WholeRefusalError
from loaders.icommkt.settings import IcommktSettings, env
from loaders.icommkt.state import State
from loaders.magento.doctor import StoreDoctor
from loaders.magento.settings import magento_settings
from loaders.paths import warehouse
from loaders.seeds import profile_settings, store_settings
from loaders.text import fingerprint

NOBODY = "nobody@doctor.invalid"
"""No contact can have it: .invalid is reserved (RFC 2606), and no profile learns of it by being asked."""
FEW_BYTES = 2_000_000_000


def examine(variables: str | None = None, utc_now: Callable[[], datetime] | None = None) -> list[Check]:
    """Check both sides and return the rows, in the order in which to put things right.

    Raises SettingsError only for `variables` that cannot be read.
    """
    given = project_vars(parse_vars(variables))
    now = utc_now or (lambda: datetime.now(UTC))

    def store() -> Iterator[Check]:
        settings = magento_settings()
        yield from StoreDoctor(settings, {**given, **store_settings(settings.store_key)}, now).checks()

    groups = {"Magento settings": store, "ICOMMKT settings": _icommkt, "warehouse": _warehouse}
    return [check for what, checks in groups.items() for check in guarded(what, checks)]


def _icommkt() -> Iterator[Check]:
    settings = icommkt_settings.read(profile_needed=False)
    quick = dataclasses.replace(
        settings,
        connect_timeout=min(5.0, settings.connect_timeout),
        read_timeout=min(15.0, settings.read_timeout),
        patience=min(5.0, settings.patience),
        max_attempts=1,
    )
    for name in profile_settings():
        client = Client(quick, threading.Event())
        yield from guarded(f"ICOMMKT {name}", partial(_profile, client, name))
        yield from guarded("ICOMMKT fields", partial(_fields, client, name))
    if settings.audience == "subscribers":
        yield from guarded("who is sent", partial(_subscribers, settings))
    elif settings.audience:
        yield Check("who is sent", OK, f"everybody with a valid e-mail, as {env('audience')} says")
    else:
        yield from guarded("who is sent", lambda: [Check("who is sent", MISSING, audience.question(warehouse()))])


def _profile(client: Client, name: str) -> Iterator[Check]:
    what = f"ICOMMKT {name}"
    try:
        client.list_one(icommkt_settings.profile_key(name), NOBODY)
    except WholeRefusalError as error:
        said = f"{error.reason}" + (f", {error.code}" if error.code and error.code != error.reason else "")
        text = f"ICOMMKT refuses to list the profile ({said}); check {env('api_key')} and {env(name)}"
        yield Check(what, MISSING, text)
    except RequestError as error:
        text = f"no usable answer ({error.reason}); check {env('api_url')}, or try again later"
        yield Check(what, MISSING, text)
    else:
        text = (
            "the key is taken and the profile answers a read-only question; what ICOMMKT answers for a profile that "
            "does not exist is not published"
        )
        yield Check(what, OK, text)


def _fields(client: Client, setting: str) -> Iterator[Check]:
    """Compare the fields that are sent with those that the profile shows of a contact that it has acknowledged."""
    names, key = field_names(), icommkt_settings.profile_key(setting)
    text = f"{len(names)} are enabled in seeds/icommkt_fields.csv, listed below"
    if not names:
        yield Check("ICOMMKT fields", MISSING, text)
        return
    with duckdb.connect() as db:
        state = State(db, warehouse().state, read_only=True)
        known = state.db.execute(
            "select email from state.push.acknowledgements where profile = ? limit 1", [fingerprint(key)]
        ).fetchone()
    contact = None
    if known:
        with contextlib.suppress(RequestError):  # the row above tells
            contact = client.list_one(key, known[0])
    if contact is None:
        text += (
            "; no call is known that tells which of them the profile has: create those it lacks there, with exactly "
            "these names. After the first push this line tells by a contact"
        )
        yield Check("ICOMMKT fields", NOT_CHECKED, text)
        return
    listed = icommkt_fields.of_listed(contact)
    lacking, more = [one for one in names if one not in listed], [one for one in listed if one not in names]
    text += f"; the profile shows {len(names) - len(lacking)} of them of a contact that was pushed"
    text += f", and lacks {', '.join(lacking)}: create them there" if lacking else ""
    text += f"; it also has {', '.join(more)}, which nothing fills" if more else ""
    yield Check("ICOMMKT fields", WARN if lacking else OK, text)


def _subscribers(settings: IcommktSettings) -> Iterator[Check]:
    path = warehouse().published
    if path.exists():
        with duckdb.connect() as db:
            published.attach(db, path)
            published.check_audience(db, settings)
    yield Check("who is sent", OK, "only accounts subscribed to the newsletter")


def _warehouse() -> Iterator[Check]:
    path = warehouse().path
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        yield Check("warehouse", MISSING, f"{path} cannot be written; set WAREHOUSE_PATH, or the folder's owner")
        return
    free = shutil.disk_usage(folder).free
    if free < FEW_BYTES:
        yield Check("warehouse", WARN, f"only {free / 1e9:.1f} GB free for {path}")
    else:
        yield Check("warehouse", OK, f"{path} can be written")


def field_names() -> list[str]:
    """Profile fields that are sent, in their order."""
    return [row["profile_field_key"] for row in fields.columns() if row["enabled"].strip().lower() == "true"]


def print_examination(checks: list[Check]) -> None:
    """Print the table, the fields to have in the profile, and one line that says how it stands."""
    print_checks(checks)
    if any(check.what == "ICOMMKT fields" for check in checks):
        print("fields that are sent:")
        print(textwrap.fill(", ".join(field_names()), WIDTH, initial_indent="  ", subsequent_indent="  "))
        print()
    missing = [check.what for check in checks if check.state == MISSING]
    if missing:
        print(f"not ready: {', '.join(missing)}")
    else:
        print("ready for `make daily`")


def main() -> int:
    """Run the command line."""
    parser = Parser(
        prog="python -m loaders.doctor",
        description=__doc__,
        epilog="for instance: make doctor, or python -m loaders.doctor --vars '{brand_attribute: brand}'",
    )
    parser.add_argument("--vars", default=os.environ.get("VARS"), help="dbt variables, as for the nightly run")
    checks = examine(parser.parse_args().vars)
    print_examination(checks)
    sys.stdout.flush()
    return 1 if any(check.state == MISSING for check in checks) else 0


if __name__ == "__main__":
    run_command(main)
