"""Settings of the push: `[icommkt]` in `.dlt/config.toml` and `.dlt/secrets.toml`, or `ICOMMKT__*` in the environment.

Nothing public says how much ICOMMKT takes at once, how often, or what its error answers look like. Whatever depends on
that is a setting here, with a careful default. docs/push.md explains each.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import dlt
from dlt.common.configuration.exceptions import ConfigurationException

from loaders.errors import SettingsError
from loaders.text import keep_secret

CHOICES = {
    "auth_form": ("raw", "raw_colon", "basic"),
    "audience": ("all", "subscribers"),
    "on_missing": ("keep", "remove"),
}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
PROFILE_SETTING = re.compile(r"profile_key(_[a-z0-9_]+)?")


@dataclass(frozen=True)
class IcommktSettings:
    """Where to send, how fast, and what stops a run. Times are seconds, shares between 0 and 1, sizes bytes."""

    api_key: str = field(repr=False)
    profile_key: str = field(default="", repr=False)
    """Where every contact goes when no seed names profiles."""
    api_url: str = "https://api.icommarketing.com"
    auth_form: str = "raw"
    """`Authorization`: `raw` (the key alone, as public code does), `raw_colon` (`key:0`), `basic` (as documented)."""

    batch_size: int = 100
    """Contacts in one SaveMultiContact. A smaller number that was found to work is remembered."""
    batch_bytes: int = 1_000_000
    senders: int = 4
    requests_per_second: float = 10.0
    """Over all senders together; 0 for no limit."""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    max_attempts: int = 5
    """Tries of one request that ends in 500, a cut or dropped connection or no answer in time, before it is split."""
    backoff: float = 1.0
    """First wait before a retry; it doubles each time, up to `backoff_max`, and is drawn at random below that."""
    backoff_max: float = 30.0
    patience: float = 600.0
    """Time without any good answer after which a run gives up; what was acknowledged stays acknowledged."""
    relearn_days: int = 30
    """Days after which a remembered smaller batch is forgotten and the configured size tried again."""

    audience: str = "all"
    """`subscribers`: only contacts whose account is subscribed to the newsletter."""
    on_missing: str = "keep"
    """Contacts that left the mart: `keep` them in ICOMMKT and report, or `remove`."""
    empty_value: str = ""
    """Sent in place of an empty value, should a profile be found to ignore empty ones (`probe` tells)."""
    max_stale_days: int = 7
    """Fields with `triggers_send` = no travel at the latest after so many days."""
    keep_content: bool = True
    """Keep what was acknowledged in the state file (compressed), for `preview` and `verify`."""

    permanent_codes: tuple[str, ...] = ()
    """Status codes that mean the contact will never be taken as it is (none is published)."""
    permanent_pattern: str = r"(?i)(invalid|inv[aá]lid|malformed|incorrect).{0,40}(e-?mail|correo|address)"
    """The same by the answer's text; a refusal that matches neither is tried again, spaced."""
    max_tries: int = 8
    """A contact refused on so many days is left alone until its payload changes."""

    max_drop_share: float = 0.10
    """Stop when orders, customers or contacts dropped by more than this."""
    max_emptied_share: float = 0.20
    """Stop when more than this share of the known buyers would become prospects or have all windows empty."""
    max_removed_share: float = 0.10
    """Stop when `on_missing` = remove would remove more than this share."""
    max_rejected_share: float = 0.05
    """A run in which more than this share was refused ends with an exit code of its own."""

    def __post_init__(self) -> None:
        """Raise SettingsError naming the first value that cannot be used."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingsError(f"{env(name)} is {getattr(self, name)!r}; it is one of {', '.join(choices)}")
        for name in ("batch_size", "batch_bytes", "senders", "max_attempts", "max_tries"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{env(name)} is {getattr(self, name)}; it is at least 1")
        for name in ("requests_per_second", "backoff", "backoff_max", "patience", "max_stale_days", "relearn_days"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{env(name)} is {getattr(self, name)}; it is at least 0")
        for name in ("connect_timeout", "read_timeout"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{env(name)} is {getattr(self, name)}; it is more than 0")
        for name in ("max_drop_share", "max_emptied_share", "max_removed_share", "max_rejected_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{env(name)} is {getattr(self, name)}; it is between 0 and 1")
        try:
            re.compile(self.permanent_pattern)
        except re.error as error:
            raise SettingsError(f"{env('permanent_pattern')} is no regular expression: {error}") from None
        url = urlsplit(self.api_url)
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname in LOOPBACK):
            raise SettingsError(f"{env('api_url')} must be https:// (plain http only to this machine)")
        if url.username or url.password or url.query:
            raise SettingsError(f"{env('api_url')} is an address without user, password or query")

    def shown(self) -> dict[str, Any]:
        """Return the settings without the secrets, for the log and the state."""
        return {one.name: getattr(self, one.name) for one in dataclasses.fields(self) if one.repr}


def env(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"ICOMMKT__{name.upper()}"


def read(*, profile_needed: bool = True) -> IcommktSettings:
    """Read the settings through dlt's configuration providers, by their exact names.

    dlt's own resolution would also take a plain `API_KEY` that was meant for something else, so it is not used.
    `profile_needed` is false where a seed may name other profiles.

    Raises SettingsError naming what is missing or wrong.
    """
    hints = get_type_hints(IcommktSettings)
    values: dict[str, Any] = {}
    for one in dataclasses.fields(IcommktSettings):
        listed = hints[one.name] == tuple[str, ...]
        try:
            value = dlt.config.get(f"icommkt.{one.name}", list if listed else hints[one.name])
        except ConfigurationException:
            kind = "a list" if listed else hints[one.name].__name__
            raise SettingsError(f"{env(one.name)} must be {kind}") from None
        if value is not None and value != "":
            values[one.name] = tuple(str(each) for each in value) if listed else value
    needed = ["api_key", "profile_key"] if profile_needed else ["api_key"]
    missing = [env(name) for name in needed if not values.get(name)]
    if missing:
        raise SettingsError(
            f"{' and '.join(missing)} not set: set in the environment or in .dlt/secrets.toml under [icommkt]"
            " (make demo needs none)"
        )
    keep_secret(values["api_key"], values.get("profile_key"))
    return IcommktSettings(**values)


def profile_key(setting: str) -> str:
    """Return the ProfileKey that a setting named by the seed `icommkt_profiles` holds.

    Only names beginning with `profile_key` are allowed, so that a seed can never have another secret sent.
    Raises SettingsError when the name is not allowed or the setting is empty.
    """
    name = setting.strip().lower()
    if not PROFILE_SETTING.fullmatch(name):
        raise SettingsError(
            f"seed icommkt_profiles: profile_setting {setting!r} must be profile_key or begin with profile_key_"
        )
    value = dlt.config.get(f"icommkt.{name}", str)
    if not value:
        raise SettingsError(f"{env(name)} is not set, but the seed icommkt_profiles names it")
    keep_secret(str(value))
    return str(value)
