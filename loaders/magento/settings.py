"""The loader's settings, read the dlt way: environment, `.dlt/secrets.toml`, `.dlt/config.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException

from loaders.errors import SettingsError
from loaders.magento.address import clean
from loaders.text import keep_secret

MAX_PAGE_SIZE = 300  # 2.4.3.x refuses more, and so does any later store with its input limit on
MAX_WORKERS = 16
_KINDS = {int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True)
class MagentoSettings:
    """Settings of section `sources.magento`; each is `SOURCES__MAGENTO__<NAME>` in the environment."""

    base_url: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    totp_secret: str = field(default="", repr=False)
    consumer_key: str = field(default="", repr=False)
    consumer_secret: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    access_token_secret: str = field(default="", repr=False)
    start_date: str = ""
    """The merchant's activity start date; orders before it are not loaded. Empty: all are."""
    page_size: int = 100
    workers: int = 2
    store_ids: str = ""
    """Ids of store views, such as `1,3`; empty for all."""
    store_key: str = "main"
    overlap_minutes: int = 15
    """How far each window reaches back: a row becomes visible up to a second after its `updated_at` (recorded)."""
    max_deleted_share: float = 0.01
    """A sweep that would mark a larger share of a table's rows as deleted marks none."""
    chunk_ids: int = 15_000
    """Ids between two checkpoints of a first load or backfill."""
    reread_days: int = 7
    """Within so many nights every customer and product is read again, for what `updated_at` hides; 0 for never."""
    reread_rows: int = 2_000
    """A table with no more rows is read again whole each night."""
    reread_order_days: int = 30
    """Orders are read again like customers as long as they are not older than so many days; 0 for never."""
    option_attributes: str = ""
    """Product attributes whose option labels are loaded besides the brand's."""

    def __post_init__(self) -> None:
        """Have the secrets masked wherever a text goes out."""
        keep_secret(*(getattr(self, one.name) for one in fields(self) if not one.repr))

    @property
    def start(self) -> date | None:
        """The merchant's activity start date, or None when it is not set."""
        return date.fromisoformat(self.start_date) if self.start_date else None

    @property
    def stores(self) -> tuple[int, ...]:
        """Ids of the store views to load; empty for all."""
        return tuple(int(part) for part in _parts(self.store_ids))

    @property
    def extra_attributes(self) -> tuple[str, ...]:
        """Product attributes whose option labels are loaded besides the brand's."""
        return tuple(_parts(self.option_attributes))


def _parts(value: str) -> list[str]:
    """Split a setting that is a list: `1,3`, or `[1, 3]` as TOML has it."""
    return [part.strip(" '\"") for part in value.strip("[]").split(",") if part.strip(" '\"")]


def name(setting: str) -> str:
    """Name of a setting in the environment."""
    return f"SOURCES__MAGENTO__{setting.upper()}"


def missing_settings(settings: MagentoSettings) -> list[str]:
    """Environment names of what a load needs and does not have.

    A load needs the base URL and either user and password, or an integration's access token (with
    its three companions for OAuth 1.0a, alone as a Bearer token).
    """
    missing = [] if settings.base_url else [name("base_url")]
    oauth = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
    given = [part for part in oauth if getattr(settings, part)]
    if given and given != ["access_token"]:
        missing += [name(part) for part in oauth if part not in given]
    elif not given:
        missing += [name(part) for part in ("username", "password") if not getattr(settings, part)]
    return missing


def magento_settings() -> MagentoSettings:
    """Read and check the loader's settings, without asking that the needed ones are there.

    They are read by their exact names: dlt's own resolution would also take a plain `USERNAME` or
    `PASSWORD` of the environment, which is somebody else's.

    Raises SettingsError naming the setting that cannot be used.
    """
    values: dict[str, Any] = {}
    for one in fields(MagentoSettings):
        kind: Any = type(one.default)
        try:
            value = dlt.config.get(f"sources.magento.{one.name}", str)
            if value not in (None, ""):
                values[one.name] = kind(value)
        except (ConfigurationException, ValueError):
            raise SettingsError(f"{name(one.name)} must be {_KINDS[kind]}") from None
    settings = MagentoSettings(**values)
    if settings.base_url:
        settings = replace(settings, base_url=clean(settings.base_url))
    if not 1 <= settings.page_size <= MAX_PAGE_SIZE:
        raise SettingsError(f"{name('page_size')} must be from 1 to {MAX_PAGE_SIZE}, not {settings.page_size}")
    if not 1 <= settings.workers <= MAX_WORKERS:
        raise SettingsError(f"{name('workers')} must be from 1 to {MAX_WORKERS}, not {settings.workers}")
    try:
        _ = settings.start
    except ValueError:
        raise SettingsError(
            f"{name('start_date')} must be a date such as 2023-05-31, not {settings.start_date!r}"
        ) from None
    try:
        _ = settings.stores
    except ValueError:
        raise SettingsError(
            f"{name('store_ids')} must be store view ids such as 1,3, not {settings.store_ids!r}"
        ) from None
    return settings
