"""The REST calls that the loader makes: what permission each needs and what it answers. Any other is a 404."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson

from demo.magento import errors
from demo.magento.pace import TOKEN_CALL, Pace
from demo.magento.search import Resource, Store, apply_fields, parse_fields, read_criteria

if TYPE_CHECKING:
    from demo.magento.auth import Authenticator
    from demo.magento.settings import Settings

LISTS = {
    "orders": Resource("orders", "Magento_Sales::actions_view", 75),
    "creditmemos": Resource("creditmemos", "Magento_Sales::sales_creditmemo", 221),
    "customers/search": Resource("customers", "Magento_Customer::customer", 364, by_attributes=True),
    "customerGroups/search": Resource("customer_groups", "Magento_Customer::group", 1000, key="id"),
    "products": Resource("products", "Magento_Catalog::products", 108, by_attributes=True),
    "categories/list": Resource("categories", "Magento_Catalog::categories", 230, by_attributes=True),
}
STORES = "Magento_Backend::store"
DOCUMENTS = {"store/websites": "websites", "store/storeViews": "store_views"}

ROLES: dict[str, frozenset[str] | None] = {
    "administrators": None,
    "reader": frozenset(resource.permission for resource in LISTS.values()),
    "ordersonly": frozenset({LISTS["orders"].permission}),
    "none": frozenset(),
}
"""Permissions of each role; None is all. `reader` is the role of ICOMMKT's article, `none` has nothing ticked."""

_NAMES = "Store Directory Eav Customer Backend Catalog Sales SalesRule Tax Webapi Integration GraphQl Newsletter"
MODULES = [*(f"Magento_{name}" for name in _NAMES.split()), "PayPal_Braintree"]


class Api:
    """All calls over one store."""

    def __init__(self, store: Store, authenticator: Authenticator, pace: Pace) -> None:
        self.store = store
        self.authenticator = authenticator
        self.pace = pace

    async def log_in(self, path: str, given: Any, settings: Settings) -> str:
        """Answer a POST. Raises `MagentoError`."""
        if path == "integration/admin/token":
            log_in = self.authenticator.admin_token
        elif path == "tfa/provider/google/authenticate" and settings.tfa != "off":
            log_in = self.authenticator.google_token
        else:
            raise errors.no_route()
        token = log_in(given if isinstance(given, dict) else {}, settings)
        await self.pace.call(settings.pace, TOKEN_CALL)
        return token

    async def get(self, path: str, query: dict[str, str], scope: str, role: str | None, settings: Settings) -> Any:
        """Answer a GET to somebody with this role, None being a guest. Raises `MagentoError`."""
        await self.pace.call(settings.pace)
        if path == "directory/currency":
            return self._currency(scope)
        if path == "modules":
            _check(role, "Magento_Backend::admin")
            return [*MODULES, *(["Magento_TwoFactorAuth"] if settings.tfa != "off" else [])]
        if path in DOCUMENTS:
            _check(role, STORES)
            return self.store.documents(DOCUMENTS[path])
        if path not in LISTS:
            raise errors.no_route()
        _check(role, LISTS[path].permission)
        return await self._list(LISTS[path], query, settings)

    async def _list(self, resource: Resource, query: dict[str, str], settings: Settings) -> Any:
        criteria = read_criteria(query, settings.page_limit)
        if settings.most_rows:
            criteria["page_size"] = min(criteria.get("page_size") or settings.most_rows, settings.most_rows)
        ids, total = self.store.page(resource, criteria)
        if not set(ids).isdisjoint(getattr(settings, f"poison_{resource.table}", ())):
            await _spoil(settings)
        await self.pace.rows(settings.pace, len(ids), resource.rows_per_second)
        fields = query.get("fields")
        if not fields:
            docs = [orjson.Fragment(doc) for doc in self.store.docs(resource.table, ids)]
            return {"items": docs, "search_criteria": criteria} | _count(total, settings.total_count)
        tree = parse_fields(fields)
        if tree is None:
            return []
        answer = {"items": [], "search_criteria": criteria} | _count(total, settings.total_count)
        if "items" in tree:
            answer["items"] = [orjson.loads(doc) for doc in self.store.docs(resource.table, ids)]
        return apply_fields(answer, tree)

    def _currency(self, scope: str) -> dict[str, Any]:
        configs = {one["code"]: one for one in self.store.documents("store_configs")}
        config = configs.get(scope) or next(iter(configs.values()))
        base, display = config["base_currency_code"], config["default_display_currency_code"]
        return {
            "base_currency_code": base,
            "base_currency_symbol": "$",
            "default_display_currency_code": display,
            "default_display_currency_symbol": "$",
            "available_currency_codes": [base],
            "exchange_rates": [{"currency_to": base, "rate": 1}],
        }


def _check(role: str | None, resource: str) -> None:
    """Raise `MagentoError` unless a role, None being a guest, may do what needs `resource`; any may list modules."""
    granted = ROLES[role] if role else frozenset()
    if granted is not None and resource not in granted and not (role and resource == "Magento_Backend::admin"):
        raise errors.not_authorized(resource)


def _count(total: int, way: str) -> dict[str, Any]:
    """Return the count of a list, right or wrong."""
    wrong = {"zero": 0, "low": total // 2, "high": 3 * total + 1000}
    return {} if way == "missing" else {"total_count": wrong.get(way, total)}


async def _spoil(settings: Settings) -> None:
    """Answer a page with a row that breaks it: TimeoutError when the web server gives up waiting."""
    if settings.poison_answer == "timeout":
        await asyncio.sleep(settings.poison_seconds)
        raise TimeoutError
    if settings.poison_answer == "404":
        message = "The product that was requested doesn't exist. Verify the product and try again."
        raise errors.MagentoError(404, message)
    raise errors.internal_error()
