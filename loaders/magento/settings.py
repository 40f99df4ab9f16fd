"""The loader's settings, read the dlt way: environment, `.dlt/secrets.toml`, `.dlt/config.toml`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from loaders.dates import parse_date
from loaders.errors import SettingsError
from loaders.magento.address import clean
from loaders.settings import check_ranges, env, number, read, secret

SECTION = "sources.magento"
_MOST_STORES = 65_535  # Magento's store_id is a smallint


@dataclass(frozen=True)
class MagentoSettings:
    """Settings of section `sources.magento`; each is `SOURCES__MAGENTO__<NAME>` in the environment."""

    base_url: str = ""
    username: str = ""
    password: str = secret(is_typed=True)
    totp_secret: str = secret()
    consumer_key: str = secret()
    consumer_secret: str = secret()
    access_token: str = secret()
    access_token_secret: str = secret()
    start_date: str = ""
    """The merchant's activity start date; orders before it are not loaded. Empty: all are."""
    page_size: int = number(100, 1, 300)  # 2.4.3.x refuses more, and so does any later store with its input limit on
    workers: int = number(2, 1, 16)
    store_ids: str = ""
    """Ids of store views, such as `1,3`; empty for all. Accounts are taken by their websites."""
    store_key: str = "main"
    overlap_minutes: int = number(15, 0, 10_000)
    """How far each window reaches back: a row becomes visible up to a second after its `updated_at` (recorded)."""
    max_deleted_share: float = number(0.01, 0, 1)
    """A sweep that would mark a larger share of a table's rows as deleted marks none."""
    chunk_ids: int = number(20_000, 1, 10_000_000)
    """Rows of a table that are committed together: what a kill costs at most."""
    reread_days: int = number(7, 0, 3_650)
    """Within so many nights every customer and product is read again, for what `updated_at` hides; 0 for never."""
    reread_rows: int = number(500, 0, 10_000_000)
    """A table with no more rows is read again whole each night."""
    reread_order_days: int = number(30, 0, 3_650)
    """Orders are read again like customers as long as they are not older than so many days; 0 for never."""
    option_attributes: str = ""
    """Product attributes whose option labels are loaded besides the brand's."""

    def __post_init__(self) -> None:
        """Raise SettingsError naming the first number that is out of its range."""
        check_ranges(self, SECTION)

    @property
    def start(self) -> date | None:
        """The merchant's activity start date, or None when it is not set."""
        return parse_date(self.start_date) if self.start_date else None

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
    return env(SECTION, setting)


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

    Raises SettingsError naming the setting that cannot be used.
    """
    settings = MagentoSettings(**read(MagentoSettings, SECTION))
    if settings.base_url:
        settings = replace(settings, base_url=clean(settings.base_url))
    try:
        _ = settings.start
    except ValueError:
        raise SettingsError(
            f"{name('start_date')} must be a date such as 2023-05-31, not {settings.start_date!r}"
        ) from None
    try:
        is_good = all(0 < store <= _MOST_STORES for store in settings.stores)
    except ValueError:
        is_good = False
    if not is_good:
        raise SettingsError(f"{name('store_ids')} must be store view ids such as 1,3, not {settings.store_ids!r}")
    return settings
