"""The loader's settings, read the dlt way: environment, `.dlt/secrets.toml`, `.dlt/config.toml`."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar
from urllib.parse import urlsplit

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from loaders.errors import SettingsError

MAX_PAGE_SIZE = 300  # 2.4.3.x refuses more, and so does any later store with its input limit on


@configspec
class MagentoSettings(BaseConfiguration):
    """Settings of section `sources.magento`; each is `SOURCES__MAGENTO__<NAME>` in the environment."""

    base_url: str | None = None
    username: str | None = None
    password: TSecretStrValue | None = None
    totp_secret: TSecretStrValue | None = None
    consumer_key: TSecretStrValue | None = None
    consumer_secret: TSecretStrValue | None = None
    access_token: TSecretStrValue | None = None
    access_token_secret: TSecretStrValue | None = None
    start_date: str | None = None
    page_size: int = 100
    workers: int = 2
    store_ids: Any = ""
    store_key: str = "main"
    overlap_minutes: int = 15
    max_deleted_share: float = 0.01
    chunk_ids: int = 50_000
    option_attributes: Any = ""

    __section__: ClassVar[str] = "magento"

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


def _parts(value: object) -> list[str]:
    """Split a setting that may be a list or a text with commas."""
    parts = value if isinstance(value, list | tuple) else str(value or "").split(",")
    return [str(part).strip() for part in parts if str(part).strip()]


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

    Raises SettingsError naming the setting that cannot be used.
    """
    settings = resolve_configuration(MagentoSettings(), sections=("sources", "magento"))
    if settings.base_url:
        parts = urlsplit(settings.base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise SettingsError(
                f"{name('base_url')} must be the shop's address with https://, not {settings.base_url!r}"
            )
        settings.base_url = settings.base_url.rstrip("/")
    if not 1 <= settings.page_size <= MAX_PAGE_SIZE:
        raise SettingsError(f"{name('page_size')} must be from 1 to {MAX_PAGE_SIZE}, not {settings.page_size}")
    if not 1 <= settings.workers <= 16:
        raise SettingsError(f"{name('workers')} must be from 1 to 16, not {settings.workers}")
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
