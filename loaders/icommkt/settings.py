"""Settings of the push: `[icommkt]` in `.dlt/config.toml` and `.dlt/secrets.toml`, or `ICOMMKT__*` in the environment.

Nothing public says how much ICOMMKT takes at once, how often, or what its error answers look like. Whatever depends on
that is a setting here, with a careful default. docs/push.md explains each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import dlt

from loaders import settings as reading
from loaders.errors import SettingsError
from loaders.settings import check_ranges, clean_secret, number, secret, web_address
from loaders.text import fit

CHOICES = {
    "auth_form": ("raw", "raw_colon", "basic"),
    "audience": ("all", "subscribers"),
    "on_missing": ("keep", "remove"),
}
SECTION = "icommkt"
PROFILE_SETTING = re.compile(r"profile_key(_[a-z0-9_]+)?")


@dataclass(frozen=True)
class IcommktSettings:
    """Where to send, how fast, and what stops a run. Times are seconds, shares between 0 and 1, sizes bytes."""

    api_key: str = field(repr=False, metadata={"is_typed": False})
    profile_key: str = secret()
    """Where every contact goes when no seed names profiles."""
    api_url: str = "https://api.icommarketing.com"
    auth_form: str = "raw"
    """`Authorization`: `raw` (the key alone, as public code does), `raw_colon` (`key:0`), `basic` (as documented)."""

    batch_size: int = number(100, 1, 10_000)
    """Contacts in one SaveMultiContact. A smaller number that was found to work is remembered."""
    batch_bytes: int = number(1_000_000, 1, 100_000_000)
    senders: int = number(4, 1, 64)
    requests_per_second: float = number(10.0, 0, 1_000)
    """Over all senders together; 0 for no limit."""
    connect_timeout: float = number(10.0, 0.01, 600)
    read_timeout: float = number(60.0, 0.01, 3_600)
    max_attempts: int = number(5, 1, 100)
    """Tries of one request that ends in 500, a cut or dropped connection or no answer in time, before it is split."""
    backoff: float = number(1.0, 0, 3_600)
    """First wait before a retry; it doubles each time, up to `backoff_max`, and is drawn at random below that."""
    backoff_max: float = number(30.0, 0, 3_600)
    patience: float = number(600.0, 0, 86_400)
    """Time without any good answer after which a run gives up; what was acknowledged stays acknowledged."""
    relearn_days: int = number(30, 0, 3_650)
    """Days after which a remembered smaller batch is forgotten and the configured size tried again."""

    audience: str = ""
    """`all`, or `subscribers`: only contacts whose account is subscribed to the newsletter. "" is not chosen yet."""
    on_missing: str = "keep"
    """Contacts that left the mart: `keep` them in ICOMMKT and report, or `remove`."""
    empty_value: str = field(default="", metadata={"as_given": True})
    """Sent in place of an empty value, should a profile be found to ignore empty ones (`probe` tells)."""
    max_stale_days: int = number(7, 0, 3_650)
    """Fields with `triggers_send` = no travel at the latest after so many days."""

    permanent_codes: tuple[str, ...] = ()
    """Status codes that mean the contact will never be taken as it is (none is published)."""
    permanent_pattern: str = r"(?i)(invalid|inv[aá]lid|malformed|incorrect).{0,40}(e-?mail|correo|address)"
    """The same by the answer's text; a refusal that matches neither is tried again, spaced."""
    max_tries: int = number(8, 1, 1_000)
    """A contact refused on so many days is left alone until its payload changes."""

    max_drop_share: float = number(0.10, 0, 1)
    """Stop when orders, customers or contacts dropped by more than this."""
    max_emptied_share: float = number(0.20, 0, 1)
    """Stop when more than this share of the known buyers would become prospects or have all windows empty, or of those
    who have a field filled would have it empty."""
    max_removed_share: float = number(0.10, 0, 1)
    """Stop when `on_missing` = remove would remove more than this share."""
    max_rejected_share: float = number(0.05, 0, 1)
    """A run in which more than this share was refused ends with an exit code of its own."""

    def __post_init__(self) -> None:
        """Raise SettingsError naming the first value that cannot be used."""
        for name, choices in CHOICES.items():
            if (given := getattr(self, name)) and given not in choices:
                raise SettingsError(f"{env(name)} is {fit(given)!r}; it is one of {', '.join(choices)}")
        check_ranges(self, SECTION)
        try:
            re.compile(self.permanent_pattern)
        except re.error as error:
            raise SettingsError(f"{env('permanent_pattern')} is no regular expression: {error}") from None
        if web_address(env("api_url"), self.api_url).query:
            raise SettingsError(f"{env('api_url')} is an address without a query")


def env(name: str) -> str:
    """Return the environment variable of a setting."""
    return reading.env(SECTION, name)


def read(*, profile_needed: bool = True, api_key_needed: bool = True) -> IcommktSettings:
    """Read and check the settings. `profile_needed` is false where a seed may name other profiles.

    Without `api_key_needed` the key is empty when it is not set.

    Raises SettingsError naming what is missing or wrong.
    """
    values = reading.read(IcommktSettings, SECTION)
    missing = [name for name in ("api_key", "profile_key") if not values.get(name)]
    if not api_key_needed:
        values.setdefault("api_key", "")
    elif missing if profile_needed else "api_key" in missing:
        raise _not_set(*map(env, missing))
    return IcommktSettings(**values)


def profile_key(setting: str = "profile_key") -> str:
    """Return the ProfileKey that a setting holds, one named by the seed `icommkt_profiles` or the usual one.

    Only names beginning with `profile_key` are allowed, so that a seed can never have another secret sent.
    Raises SettingsError when the name is not allowed or the setting is empty.
    """
    name = setting.strip().lower()
    if not PROFILE_SETTING.fullmatch(name):
        raise SettingsError(
            f"seed icommkt_profiles: profile_setting {setting!r} must be profile_key or begin with profile_key_"
        )
    value = clean_secret(env(name), dlt.config.get(f"{SECTION}.{name}", str) or "")
    if not value:
        raise _not_set(env(name))
    return value


def _not_set(*names: str) -> SettingsError:
    verb = "is" if len(names) == 1 else "are"
    return SettingsError(
        f"{' and '.join(names)} {verb} not set: set in the environment, in .env or in .dlt/secrets.toml under [icommkt]"
        " (make demo needs none)"
    )
