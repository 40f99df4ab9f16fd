"""Settings as people give them: read by their exact names, converted, and held to what is declared beside each.

dlt's own resolution would also take a plain `PASSWORD` or `API_KEY` of the environment, which is somebody else's.
"""

from __future__ import annotations

import logging
import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import SplitResult, urlsplit

import dlt
import requests
from dlt.common.configuration.exceptions import ConfigurationException

from loaders.errors import SettingsError
from loaders.paths import PROJECT_ROOT
from loaders.text import fit, keep_secret

_SECRET = re.compile(r"^(SOURCES|ICOMMKT)__.*(API_KEY|PROFILE_KEY|CONSUMER_KEY|SECRET|TOKEN|PASSWORD)")
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", tuple[str, ...]: "a list"}


def number(default: float, least: float, most: float) -> Any:
    """Declare a dataclass field that is a number, with the range it must be in."""
    return field(default=default, metadata={"range": (least, most)})


def secret(*, is_typed: bool = False) -> Any:
    """Declare a field that is never shown. One that `is_typed` by a person, a password, may hold any character."""
    return field(default="", repr=False, metadata={"is_typed": is_typed})


def read(kind: type, section: str) -> dict[str, Any]:
    """Read what is set of the fields of a dataclass, from the environment, `secrets.toml` or `config.toml`.

    Raises SettingsError naming the setting that cannot be used.
    """
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for one in fields(kind):
        hint = hints[one.name]
        name = env(section, one.name)
        try:
            given: Any = dlt.config.get(f"{section}.{one.name}", {bool: bool, tuple[str, ...]: list}.get(hint, str))
            if given is None or given == "":
                continue
            if not one.repr:
                values[one.name] = clean_secret(name, given, is_typed=one.metadata["is_typed"])
            elif hint is str:
                values[one.name] = given if one.metadata.get("as_given") else given.strip()
            else:
                values[one.name] = tuple(map(str, given)) if hint == tuple[str, ...] else hint(given)
        except (ConfigurationException, ValueError):
            raise SettingsError(f"{name} must be {_KINDS[hint]}") from None
    return values


def check_ranges(settings: Any, section: str) -> None:
    """Raise SettingsError naming the first number of a dataclass that is out of the range declared for it."""
    for one in fields(settings):
        if "range" in one.metadata:
            least, most = one.metadata["range"]
            if not least <= getattr(settings, one.name) <= most:  # so that nan is refused too
                given = getattr(settings, one.name)
                raise SettingsError(f"{env(section, one.name)} must be from {least:,} to {most:,}, not {given}")


def env(section: str, name: str) -> str:
    """Name of a setting in the environment."""
    return "__".join((*section.split("."), name)).upper()


def clean_secret(name: str, given: str, *, is_typed: bool = False) -> str:
    """Return a secret without what was pasted around it, and have it masked from now on.

    Raises SettingsError, which does not show it, when no header of HTTP can carry it; a password is in none.
    """
    value = given.strip("\r\n") if is_typed else given.strip()
    keep_secret(given, value, *value.splitlines())
    if not is_typed and not fits_a_header(value):
        raise SettingsError(
            f"{name} holds a line end or a character that no key has (it is not shown here); copy it anew"
        )
    return value


def fits_a_header(value: str) -> bool:
    """Tell whether a header of HTTP can carry a text."""
    return value.isprintable() and all(ord(one) < 256 for one in value)


def web_address(name: str, given: str) -> SplitResult:
    """Parts of an address that a secret may be sent to: https, or plain http to this machine alone.

    Raises SettingsError naming the setting; what it holds may be a password, and is not shown.
    """
    try:
        parts = urlsplit(given.strip())
        requests.PreparedRequest().prepare_url(given.strip(), None)
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, requests.RequestException):
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise SettingsError(f"{name} must be an address with https://, such as https://www.example.com")
    if parts.username or parts.password:
        raise SettingsError(f"{name} must be an address without user and password; they have their own settings")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            f"{name} must begin with https://: over http whatever is sent could be read on the way (plain http is for "
            "this machine alone)"
        )
    return parts


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class _Runtime:
    """What people set of dlt's own settings."""

    request_timeout: float = number(60, 0.01, 3_600)
    request_max_attempts: int = number(5, 1, 100)
    request_backoff_factor: float = number(1, 0, 3_600)
    request_max_retry_delay: float = number(300, 0, 86_400)


def prepare() -> None:
    """Take in `.env`, see that the settings' files can be read, and have their secrets masked whatever comes next.

    Raises SettingsError naming file and line.
    """
    folder = Path(os.environ.get("DLT_PROJECT_DIR") or PROJECT_ROOT)
    for name, value in env_file(folder / ".env").items():
        if value:  # or an empty line of the example would hide what another file says
            os.environ.setdefault(name, value)
    files = {**_toml(folder / ".dlt" / "config.toml"), **_toml(folder / ".dlt" / "secrets.toml")}
    given = {**files, **os.environ}
    keep_secret(*(value.strip() for name, value in given.items() if _SECRET.search(name)))
    level = given.get("RUNTIME__LOG_LEVEL") or given.get("LOG_LEVEL") or "ERROR"  # dlt takes the second too
    if level not in logging.getLevelNamesMapping():
        raise SettingsError(f"RUNTIME__LOG_LEVEL is {fit(level, 40)!r}; it is one of DEBUG, INFO, WARNING, ERROR")
    check_ranges(_Runtime(**read(_Runtime, "runtime")), "runtime")


def env_file(path: Path) -> dict[str, str]:
    """What a file of lines NAME=value says. Quotes around a whole value go; everything else is as it is written.

    Raises SettingsError naming the line that cannot be read.
    """
    found: dict[str, str] = {}
    lines = _text(path).removeprefix("\ufeff").split("\n") if path.exists() else []
    for count, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"(?:export\s+)?([A-Za-z_]\w*)=(?:(['\"])(.*)\2|(.*))", line, re.ASCII)
        if not match or "\0" in line:
            raise SettingsError(f"{path}, line {count}: must be NAME=value, without space around the =")
        if match[1] in found:
            raise SettingsError(f"{path}, line {count}: {match[1]} is there twice")
        found[match[1]] = match[4] if match[2] is None else match[3]
    return found


def _toml(path: Path) -> dict[str, str]:
    """Settings of a file by the names that they have in the environment."""
    text = _text(path) if path.exists() else ""
    if text.startswith("\ufeff"):
        raise SettingsError(f"{path}, line 1: begins with a byte order mark; save it as UTF-8 without one")
    try:
        return _leaves(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).partition(" (at ")
        line = re.match(r"line \d+", where)
        line_number = line[0] if line else f"line {len(text.splitlines())}"
        hint = "; between single quotes a \\ stands for itself" if "\\" in what else ""
        raise SettingsError(f"{path}, {line_number}: {fit(what, 100)}{hint}") from None


def _leaves(table: dict[str, Any], section: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        name = f"{section}{key}".upper()
        found |= _leaves(value, f"{name}__") if isinstance(value, dict) else {name: str(value)}
    return found


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}, line {line}: not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
