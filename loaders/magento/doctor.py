"""Checks of a store before the first night. They read and change nothing, and none depends on another's success."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration

from loaders.checks import MISSING, NOT_CHECKED, OK, WARN, Check, guarded
from loaders.magento import graphql
from loaders.magento.answers import read_json, text_of
from loaders.magento.client import MagentoClient
from loaders.magento.doctor_settings import brands, zone_and_currency
from loaders.magento.login import AdminLogin
from loaders.magento.rows import count_of, php_list
from loaders.magento.schema import Filter, Table
from loaders.magento.settings import MagentoSettings, missing_settings, name
from loaders.magento.tables import ATTRIBUTE_OPTIONS, ORDERS, STORE_VIEWS, TABLES

TIMEOUT_SECONDS = 15.0
CLOCK_SECONDS = 60
CODE_SECONDS = 25
"""One-time codes are taken for 29 seconds before and after."""
OAUTH_SECONDS = 500
"""OAuth requests are refused when they are more than 600 seconds from the future."""
CERTIFICATE_DAYS = 14
NEEDED = tuple(table for table in TABLES.values() if table.rest_path)
_TIME = "%Y-%m-%d %H:%M:%S"


def quick() -> RuntimeConfiguration:
    """Return how long the doctor waits: it is better told of a slow store than kept waiting."""
    runtime = RuntimeConfiguration()
    runtime.request_timeout = TIMEOUT_SECONDS
    runtime.request_max_attempts = 2
    runtime.request_backoff_factor = 0.5
    runtime.request_max_retry_delay = 2.0
    return runtime


class StoreDoctor:
    """Checks one store. `utc_now` is this machine's clock; `variables` are the project's dbt vars."""

    def __init__(
        self,
        settings: MagentoSettings,
        variables: dict[str, Any],
        utc_now: Callable[[], datetime],
        runtime: RuntimeConfiguration | None = None,
    ) -> None:
        self._settings = settings
        self._variables = variables
        self._utc_now = utc_now
        self._client = MagentoClient(settings, runtime or quick())
        self._may_ask = False
        self._readable: list[Table] = []

    def checks(self) -> Iterator[Check]:
        """Yield the rows, each as soon as it is known."""
        if missing := missing_settings(self._settings):
            yield Check("Magento settings", MISSING, f"set {', '.join(missing)}")
        if not self._settings.base_url:
            return
        reached = [*guarded("Magento address", self._address)]
        yield from reached
        if any(check.state == MISSING for check in reached):
            yield Check("everything else of Magento", NOT_CHECKED, "when the address answers")
            return
        yield from guarded("certificate", self._certificate)
        yield from guarded("Magento version", self._version)
        if missing:
            yield Check("login", NOT_CHECKED, "when the settings are there")
        else:
            yield from guarded("login", self._login)
        if self._may_ask:
            for table in NEEDED:
                yield from guarded(f"read {table.name}", partial(self._permission, table))
        else:
            yield Check("permissions of the role", NOT_CHECKED, "when the login works")
        views = partial(zone_and_currency, self._variables, lambda: self._graphql(STORE_VIEWS))
        yield from guarded("time zone and currency", views)
        labels = partial(brands, self._variables, lambda code: self._graphql(ATTRIBUTE_OPTIONS, (code,)))
        yield from guarded("brands", labels)
        if ORDERS in self._readable:
            yield from guarded("orders to load", self._orders)
        else:
            yield Check("orders to load", NOT_CHECKED, "when orders can be read")

    def _address(self) -> Iterator[Check]:
        address = self._client.address()
        if address.note:
            yield Check("Magento address", WARN, address.note)
            return
        fallback = " (no rewrites: the web server answers below index.php)" if "index.php" in address.prefix else ""
        yield Check("Magento address", OK, f"REST answers at {address.rest_url}{fallback}")

    def _certificate(self) -> Iterator[Check]:
        url = urlsplit(self._client.address().base_url)
        if url.scheme == "http":
            yield Check("certificate", OK, "none needed: the address is this machine's")
            return
        try:
            context = ssl.create_default_context()
            with (
                socket.create_connection((str(url.hostname), url.port or 443), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=url.hostname) as connection,
            ):
                found: Any = connection.getpeercert() or {}
            ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), UTC)
        except (OSError, KeyError, ValueError):
            yield Check("certificate", OK, "trusted; when it ends could not be seen from here")
            return
        days = (ends - self._utc_now()).days
        text = f"trusted, valid until {ends:%Y-%m-%d}"
        if days < CERTIFICATE_DAYS:
            yield Check("certificate", WARN, f"{text}: have it renewed, the load stops when it has ended")
        else:
            yield Check("certificate", OK, text)

    def _version(self) -> Iterator[Check]:
        response = self._client.page("magento_version")
        found = re.match(r"Magento/(\d+)\.(\d+)\S* \(([^)]{1,40})\)", text_of(response)) if response.ok else None
        if found is None:
            yield Check("Magento version", OK, "not told (the shop hides /magento_version, which does no harm)")
        elif (int(found[1]), int(found[2])) < (2, 3):
            yield Check("Magento version", MISSING, f"{found[0]}; 2.3 or later is needed")
        else:
            yield Check("Magento version", OK, found[0])

    def _login(self) -> Iterator[Check]:
        asked = self._utc_now()
        started = time.monotonic()
        answer = self._client.get("modules")
        half = timedelta(seconds=(time.monotonic() - started) / 2)
        self._may_ask = True
        login = self._client.login
        lasts = "its token is renewed when it ends" if isinstance(login, AdminLogin) else "it does not end"
        yield Check("login", OK, f"{login.kind}; {lasts}")
        modules = [str(one) for one in read_json("modules", answer.body)]
        others = sorted(one for one in modules if not one.startswith(("Magento_", "PayPal_Braintree")))
        text = f"{len(modules)}, all of them Magento's own"
        if others:
            more = f" and {len(others) - 6} more" if len(others) > 6 else ""
            text = f"{len(modules)}, of which not Magento's own: {', '.join(others[:6])}{more}"
        if "Magento_TwoFactorAuth" in modules and not self._settings.totp_secret and isinstance(login, AdminLogin):
            text += "; two-factor login is installed and does not ask this user"
        yield Check("modules", OK, text)
        yield self._clock(answer.server_time.replace(tzinfo=UTC), asked + half, login)

    def _clock(self, theirs: datetime, ours: datetime, login: object) -> Check:
        seconds = round(abs((theirs - ours).total_seconds()))
        allowed = CLOCK_SECONDS
        if isinstance(login, AdminLogin):
            allowed = CODE_SECONDS if self._settings.totp_secret else CLOCK_SECONDS
        if seconds <= allowed:
            return Check("clocks", OK, f"{seconds} s apart")
        way = "behind" if ours < theirs else "ahead of"
        span = timedelta(seconds=seconds)
        text = f"this machine is {span} {way} the store: set it by NTP; its day decides what counts as today"
        if self._settings.totp_secret:
            return Check("clocks", MISSING, f"{text}, and one-time codes fail")
        if self._settings.consumer_key and seconds > OAUTH_SECONDS:
            return Check("clocks", MISSING, f"{text}, and OAuth signatures may be refused")
        return Check("clocks", WARN, text)

    def _permission(self, table: Table) -> Iterator[Check]:
        count = self._count(table, [])
        self._readable.append(table)
        yield Check(f"read {table.name}", OK, f"{count:,} in the store")

    def _orders(self) -> Iterator[Check]:
        """Compare the start date and the store views with the orders there are."""
        stores = [Filter("store_id", "in", ",".join(map(str, self._settings.stores)))] if self._settings.stores else []
        body = self._search(ORDERS, stores, sort="created_at", fields="items[created_at],total_count")
        items = php_list(body.get("items")) or []
        total = count_of(body.get("total_count")) or len(items)
        where = f" of store views {self._settings.store_ids}" if stores else ""
        if not items:
            text = f"the store has no orders{where}"
            text += f": check {name('store_ids')}" if stores else "; nothing can be computed yet"
            yield Check("orders to load", MISSING, text)
            return
        oldest = str(items[0]["created_at"])[:10]
        start: date | None = self._settings.start
        if start is None:
            text = f"all {total:,}{where}, the oldest of {oldest}; {name('start_date')} would leave older ones out"
            yield Check("orders to load", OK, text)
            return
        midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
        left = self._count(ORDERS, [*stores, Filter("created_at", "gteq", midnight.strftime(_TIME))])
        if not left:
            text = f"none of {total:,}{where} is of {start} or later: check {name('start_date')}"
            yield Check("orders to load", MISSING, text)
        else:
            text = f"{left:,} of {total:,}{where} since {start}; the store's oldest is of {oldest}"
            yield Check("orders to load", OK, text)

    def _count(self, table: Table, filters: list[Filter]) -> int:
        return count_of(self._search(table, filters).get("total_count"))

    def _search(
        self, table: Table, filters: list[Filter], *, sort: str = "", fields: str = "total_count"
    ) -> dict[str, Any]:
        answer = self._client.search(
            table.rest_path, filters, page_size=1, sort=sort or table.filter_key, fields=fields
        )
        body = read_json(table.rest_path, answer.body)
        return body if isinstance(body, dict) else {}  # PHP's empty list, where nothing asked for is there

    def _graphql(self, table: Table, codes: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        return [row for row in graphql.read(self._client, table, codes) if isinstance(row, dict)]
