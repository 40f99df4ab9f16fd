"""What can be switched on the demo store while it runs (`POST /demo/settings`) or from the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

TFA_MODES = ("off", "google", "user_not_configured", "no_provider")
TOKEN_FORMATS = ("jwt", "opaque")
POISON_ANSWERS = ("404", "500", "timeout")
COUNTS = ("right", "missing", "zero", "text", "low", "high")


class SettingsError(ValueError):
    """A setting that does not exist or a value it cannot have; the message says which."""


@dataclass(frozen=True)
class Settings:
    """Everything switchable, with the defaults of a stock Magento 2.4.7.

    * `password`: of every demo user. `customer_password`: of every customer account.
    * `token_life`: seconds an admin or customer token is valid. `token_format`: `jwt`, or `opaque` as before 2.4.4.
    * `lockout_failures`, `lockout_seconds`: wrong passwords per user until it is refused, and for how long.
    * `tfa`: two-factor module `off`, or on with Google active / not configured for the user / no provider at all.
      `tfa_secret`: the users' base32 secret.
    * `integration_bearer`: accept the integration's access token as Bearer (off since 2.4.4).
    * `page_limit`: largest page size, None for no limit; `default_page_size` is what a call without one then gets.
    * `most_rows`: rows of a page at most, whatever is asked for and without a word; 0 for no limit.
    * `pace`: 0 answers at once; 1 as slowly as the recorded Magento; 10 ten times faster than that.
    * `poison_orders`, `poison_categories`, `poison_customer_groups`: ids that break every page they are on;
      `poison_answer` is how, `poison_seconds` how long `timeout` says nothing before its 504.
    * `total_count`: how lists count their rows: `right`, or one of the wrong ways in `COUNTS`.
    * `clock_ahead`: seconds by which the web server's clock, not the database's, is ahead: that of `Date`.
    * `rewrites`: without them only `/index.php/rest/...` exists, as on a web server that was not set up for them.
    * `base_path`: where the shop lives, `/tienda` for instance.
    """

    password: str = "icomm-demo-1"  # noqa: S105 - the demo's, printed in the README
    customer_password: str = "Cliente12345!"  # noqa: S105
    token_life: float = 3600.0
    token_format: str = "jwt"  # noqa: S105
    lockout_failures: int = 6
    lockout_seconds: float = 1800.0
    tfa: str = "off"
    tfa_secret: str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105
    integration_bearer: bool = False
    page_limit: int | None = None
    default_page_size: int = 999999
    most_rows: int = 0
    pace: float = 0.0
    poison_orders: frozenset[int] = field(default_factory=frozenset)
    poison_categories: frozenset[int] = field(default_factory=frozenset)
    poison_customer_groups: frozenset[int] = field(default_factory=frozenset)
    poison_answer: str = "404"
    poison_seconds: float = 60.0
    total_count: str = "right"
    clock_ahead: float = 0.0
    rewrites: bool = True
    base_path: str = ""

    def changed(self, given: Any) -> Settings:
        """Return a copy with the given values. Raises `SettingsError` and then changes nothing."""
        if not isinstance(given, dict):
            raise SettingsError(f"settings are an object, not {type(given).__name__}")
        known = {one.name for one in fields(self)}
        for name in given:
            if name not in known:
                raise SettingsError(f"no setting {name!r}: there are {', '.join(sorted(known))}")
        values = {name: _convert(name, value, getattr(self, name)) for name, value in given.items()}
        return replace(self, **values)

    def describe(self) -> dict[str, Any]:
        """Return the settings as JSON."""
        poisoned = {name: sorted(value) for name, value in asdict(self).items() if isinstance(value, frozenset)}
        return {**asdict(self), **poisoned}

    def poisoned(self, entity: str) -> frozenset[int]:
        """Return the ids that break the pages of a list; none where it has no such setting."""
        ids: frozenset[int] = getattr(self, f"poison_{entity}", frozenset())
        return ids


def _convert(name: str, value: Any, current: Any) -> Any:
    choices = {
        "tfa": TFA_MODES,
        "token_format": TOKEN_FORMATS,
        "poison_answer": POISON_ANSWERS,
        "total_count": COUNTS,
    }.get(name)
    if choices is not None and value not in choices:
        raise SettingsError(f"{name} is one of {', '.join(choices)}, not {value!r}")
    if name == "page_limit":
        if value is not None and (type(value) is not int or value < 1):
            raise SettingsError(f"page_limit is a positive number or null, not {value!r}")
        return value
    if isinstance(current, frozenset):
        if not isinstance(value, list) or any(type(one) is not int for one in value):
            raise SettingsError(f"{name} is a list of ids")
        return frozenset(value)
    wanted = (int, float) if isinstance(current, float) else type(current)
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(current, bool)):
        raise SettingsError(f"{name} is like {current!r}, not {value!r}")
    if isinstance(value, int | float) and value < 0:
        raise SettingsError(f"{name} is not negative")
    if name == "base_path":
        return "/" + value.strip("/") if value.strip("/") else ""
    return value
