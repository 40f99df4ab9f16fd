"""The REST calls: which there are, what permission each needs, what each answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson

from demo.magento import acl, derived, entities, errors, graphql
from demo.magento.criteria import Query, read_criteria, to_int
from demo.magento.fields import Tree, apply_fields, parse_fields, wants
from demo.magento.modules import MODULES, TWO_FACTOR_MODULES
from demo.magento.pace import EMPTY_CALL, TOKEN_CALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.magento.auth import Authenticator, Identity
    from demo.magento.entities import Entity
    from demo.magento.settings import Settings
    from demo.magento.store import Store

_SYMBOLS = {"ARS": "$", "USD": "$", "EUR": "€", "GBP": "£"}


class PoisonTimeoutError(Exception):
    """A page that the web server gives up waiting for."""


@dataclass
class Call:
    """One request, as far as the service behind it is concerned."""

    query: Query
    scope: str
    """Store code of the URL: a view's, `all`, or empty for the default view."""
    base_url: str
    settings: Settings
    identity: Identity
    body: Any = None
    path: dict[str, str] = field(default_factory=dict)


@dataclass
class Reply:
    """What a service answers: a value to render, the cookies that go with it, and the work it was."""

    value: Any
    cookies: str = ""
    seconds: float = EMPTY_CALL
    rows: int = 0
    rows_per_second: float = 1000.0
    is_filtered: bool = False


@dataclass(frozen=True)
class Route:
    """A method and path, the permission it needs, and who answers. `:name` in the path takes one segment."""

    method: str
    path: tuple[str, ...]
    resource: str
    answer: Callable[[Call], Reply]

    def match(self, method: str, segments: list[str]) -> dict[str, str] | None:
        """Return the values of the path's names, None when this is not the route."""
        if method != self.method or len(segments) != len(self.path):
            return None
        found = {}
        for pattern, segment in zip(self.path, segments, strict=True):
            if pattern.startswith(":"):
                found[pattern[1:]] = unquote(segment)
            elif pattern != segment:
                return None
        return found


class Api:
    """All services over one store."""

    def __init__(self, store: Store, authenticator: Authenticator) -> None:
        self.store = store
        self.authenticator = authenticator
        self.routes = self._routes()

    def store_codes(self) -> list[str]:
        """Return the codes that may stand in a URL."""
        return ["all", *(one["code"] for one in self.store.documents("store_views"))]

    def find(self, method: str, segments: list[str], settings: Settings) -> tuple[Route, dict[str, str]]:
        """Return the route of a path behind `/V1`. Raises `MagentoError`."""
        if segments[:2] == ["tfa", "provider"] and settings.tfa == "off":
            raise errors.no_route()
        for route in self.routes:
            found = route.match(method, segments)
            if found is not None:
                return route, found
        raise errors.no_route()

    def _routes(self) -> list[Route]:
        def route(method: str, path: str, resource: str, answer: Callable[[Call], Reply]) -> Route:
            return Route(method, tuple(path.split("/")), resource, answer)

        def listing(path: str, resource: str, entity: Entity) -> Route:
            return route("GET", path, resource, lambda call: self._list(entity, call))

        def single(path: str, resource: str, entity: Entity) -> Route:
            return route("GET", path, resource, lambda call: self._sales_document(entity, call))

        return [
            route("POST", "integration/admin/token", acl.ANONYMOUS, self._admin_token),
            route("POST", "integration/customer/token", acl.ANONYMOUS, self._customer_token),
            route("POST", "tfa/provider/google/authenticate", acl.ANONYMOUS, self._google_token),
            listing("orders", acl.ORDERS, entities.ORDERS),
            listing("orders/items", acl.ORDERS, entities.ORDER_ITEMS),
            single("orders/:id", acl.ORDERS, entities.ORDERS),
            listing("creditmemos", acl.CREDIT_MEMOS, entities.CREDIT_MEMOS),
            single("creditmemo/:id", acl.CREDIT_MEMOS, entities.CREDIT_MEMOS),
            listing("shipments", acl.SHIPMENTS, entities.SHIPMENTS),
            single("shipment/:id", acl.SHIPMENTS, entities.SHIPMENTS),
            listing("invoices", acl.INVOICES, entities.INVOICES),
            single("invoices/:id", acl.INVOICES, entities.INVOICES),
            listing("transactions", acl.TRANSACTIONS, entities.TRANSACTIONS),
            listing("customers/search", acl.CUSTOMERS, entities.CUSTOMERS),
            route("GET", "customers/:id", acl.CUSTOMERS, self._customer),
            listing("customerGroups/search", acl.CUSTOMER_GROUPS, entities.CUSTOMER_GROUPS),
            listing("products", acl.PRODUCTS, entities.PRODUCTS),
            listing("products/attributes", acl.ATTRIBUTES, entities.PRODUCT_ATTRIBUTE_LIST),
            route("GET", "products/attributes/:code", acl.ATTRIBUTES, self._attribute),
            route("GET", "products/attributes/:code/options", acl.ATTRIBUTES, self._options),
            route("GET", "products/:sku", acl.PRODUCTS, self._product),
            route("GET", "categories", acl.CATEGORIES, self._category_tree),
            listing("categories/list", acl.CATEGORIES, entities.CATEGORIES),
            listing("coupons/search", acl.CART_RULES, entities.COUPONS),
            listing("salesRules/search", acl.CART_RULES, entities.CART_RULES),
            route("GET", "store/storeViews", acl.STORES, self._store_views),
            route("GET", "store/storeGroups", acl.STORES, lambda _: Reply(self.store.documents("store_groups"))),
            route("GET", "store/storeConfigs", acl.STORES, self._store_configs),
            route("GET", "store/websites", acl.STORES, lambda _: Reply(self.store.documents("websites"))),
            route("GET", "modules", acl.ANY_ADMIN, self._modules),
            route("GET", "directory/currency", acl.ANONYMOUS, self._currency),
        ]

    # Lists

    def _list(self, entity: Entity, call: Call) -> Reply:
        settings = call.settings
        criteria = read_criteria(
            call.query, page_limit=settings.page_limit, default_page_size=settings.default_page_size
        )
        if settings.most_rows:
            criteria = replace(criteria, page_size=min(criteria.limit or settings.most_rows, settings.most_rows))
        given = call.query.get("fields")
        tree: Tree | None = None
        is_malformed = False
        if given:
            tree = parse_fields(given) if isinstance(given, str) else None
            is_malformed = tree is None
        self.store.prepare_temporary(entity)
        page = self.store.page(entity, criteria, with_docs=not is_malformed and wants(tree, "items"))
        _check_poison(page.ids, settings.poisoned(entity.name), settings)
        value: Any = []
        if not is_malformed:
            value = {}
            if wants(tree, "items"):
                value["items"] = _items(entity, page.docs, None if tree is None else tree["items"])
            if wants(tree, "search_criteria"):
                value["search_criteria"] = criteria.echo()
                if tree is not None and (inner := tree["search_criteria"]) is not None:
                    value["search_criteria"] = apply_fields(value["search_criteria"], inner)
            if wants(tree, "total_count") and settings.total_count != "missing":
                value["total_count"] = _count(page.total, settings.total_count)
        has_cookie = entity.cookie == "always" or (entity.cookie == "rows" and page.ids)
        return Reply(
            value or [],
            cookies="P" if has_cookie else "",
            rows=len(page.ids),
            rows_per_second=entity.rows_per_second,
            is_filtered=True,
        )

    # Single entities

    def _sales_document(self, entity: Entity, call: Call) -> Reply:
        key = to_int(call.path["id"])
        doc = self.store.get(entity, key)
        if doc is None:
            raise errors.no_such_order()
        _check_poison([key], call.settings.poisoned(entity.name), call.settings)
        value = orjson.loads(doc)
        if entity is entities.ORDERS:
            _repeat_items(value)
        return Reply(value, cookies="P" if entity.cookie == "always" else "")

    def _customer(self, call: Call) -> Reply:
        key = to_int(call.path["id"])
        doc = self.store.get(entities.CUSTOMERS, key)
        if doc is None:
            raise errors.no_such_entity("customerId", key)
        return Reply(orjson.loads(doc), cookies="P")

    def _product(self, call: Call) -> Reply:
        doc = self.store.find(entities.PRODUCTS, "sku", call.path["sku"])
        if doc is None:
            raise errors.no_such_product()
        value = orjson.loads(doc)
        if acl.is_allowed(call.identity.role, acl.STOCK):
            value.setdefault("extension_attributes", {})["stock_item"] = _stock_item(value["id"])
        return Reply(value, cookies="P")

    # Catalog

    def _attribute(self, call: Call) -> Reply:
        return Reply(derived.attribute(self.store, self._attribute_code(call)), cookies="P")

    def _options(self, call: Call) -> Reply:
        return Reply(derived.options(self.store, self._attribute_code(call)), cookies="P")

    def _attribute_code(self, call: Call) -> str:
        code = call.path["code"]
        if code not in derived.attribute_codes(self.store):
            raise errors.no_such_attribute(code)
        return code

    def _category_tree(self, call: Call) -> Reply:
        docs = self.store.documents("categories")
        by_id = {one["id"]: one for one in docs}
        given = call.query.get("rootCategoryId", call.query.get("root_category_id"))
        root = self._root_category(call.scope) if given is None else to_int(given)
        if root not in by_id:
            raise errors.no_such_entity("id", root)
        depth = call.query.get("depth")
        return Reply(_tree(root, by_id, self.store.product_counts(), None if depth is None else to_int(depth)))

    def _root_category(self, scope: str) -> int:
        if scope in ("all", "admin"):
            return 1
        views = [one for one in self.store.documents("store_views") if one["id"]]
        view = next((one for one in views if one["code"] == scope), views[0])
        groups = {one["id"]: one for one in self.store.documents("store_groups")}
        return int(groups[view["store_group_id"]]["root_category_id"])

    # The shop itself

    def _store_views(self, _: Call) -> Reply:
        # The default view comes first, then the admin's, then the others (recorded).
        return Reply(sorted(self.store.documents("store_views"), key=lambda one: (one["id"] != 1, one["id"])))

    def _store_configs(self, call: Call) -> Reply:
        given = call.query.get("storeCodes", call.query.get("store_codes"))
        wanted = set(given.values()) if isinstance(given, dict) else None
        found = []
        for view in graphql.views(self.store, call.base_url):
            if wanted is None or view["code"] in wanted:
                found.append(_store_config(view, call.base_url))
        return Reply(found)

    def _modules(self, call: Call) -> Reply:
        return Reply([*MODULES, *(TWO_FACTOR_MODULES if call.settings.tfa != "off" else ())])

    def _currency(self, call: Call) -> Reply:
        configs = graphql.views(self.store, call.base_url)
        config = next((one for one in configs if one["code"] == call.scope), None)
        if config is None:
            config = next(one for one in configs if one["is_default_store"] and one["website_id"] == 1)
        base, display = config["base_currency_code"], config["default_display_currency_code"]
        codes = sorted({one["base_currency_code"] for one in configs})
        rates = self._rates_to_global()
        return Reply(
            {
                "base_currency_code": base,
                "base_currency_symbol": _SYMBOLS.get(base, base),
                "default_display_currency_code": display,
                "default_display_currency_symbol": _SYMBOLS.get(display, display),
                "available_currency_codes": codes,
                "exchange_rates": [
                    {
                        "currency_to": code,
                        "rate": 1 if code == base else round(rates.get(base, 1.0) / rates.get(code, 1.0), 12),
                    }
                    for code in codes
                ],
            }
        )

    def _rates_to_global(self) -> dict[str, float]:
        # The last orders carry the rates of the day; the store keeps no table of them.
        rows = self.store.connection.execute(
            "select json_extract(doc, '$.base_currency_code'), json_extract(doc, '$.base_to_global_rate')"
            " from (select doc, entity_id from orders order by entity_id desc limit 500) order by entity_id"
        )
        return {code: float(rate) for code, rate in rows if code and rate}

    # Logging in

    def _admin_token(self, call: Call) -> Reply:
        token = self.authenticator.admin_token(_input(call, "username"), _input(call, "password"), call.settings)
        return Reply(token, cookies="Pf", seconds=TOKEN_CALL, is_filtered=True)

    def _google_token(self, call: Call) -> Reply:
        token = self.authenticator.google_token(
            _input(call, "username"), _input(call, "password"), _input(call, "otp"), call.settings
        )
        return Reply(token, cookies="Pf", seconds=TOKEN_CALL, is_filtered=True)

    def _customer_token(self, call: Call) -> Reply:
        username = _input(call, "username")
        doc = None if username is None else self.store.find(entities.CUSTOMERS, "email", str(username))
        token = self.authenticator.customer_token(
            username, _input(call, "password"), None if doc is None else orjson.loads(doc)["id"], call.settings
        )
        return Reply(token, cookies="Ppf", seconds=TOKEN_CALL, is_filtered=True)


def filter_fields(value: Any, query: Query) -> Any:
    """Apply `fields=` to an answer that is not a list call's. Raises `MagentoError`."""
    given = query.get("fields")
    if not given or not isinstance(value, dict | list):
        return value
    tree = parse_fields(given) if isinstance(given, str) else None
    return [] if tree is None else apply_fields(value, tree)


def _items(entity: Entity, docs: list[str], tree: Tree | None) -> Any:
    repeats_items = entity is entities.ORDERS and wants(tree, "extension_attributes", "shipping_assignments", "items")
    if tree is None and not repeats_items:
        return [orjson.Fragment(doc) for doc in docs]
    values = [orjson.loads(doc) for doc in docs]
    if repeats_items:
        for value in values:
            _repeat_items(value)
    return values if tree is None else apply_fields(values, tree)


def _repeat_items(order: dict[str, Any]) -> None:
    for assignment in order.get("extension_attributes", {}).get("shipping_assignments", ()):
        assignment["items"] = order["items"]


def _count(total: int, way: str) -> int | str:
    """Return the count of a list, right or wrong."""
    wrong: dict[str, int | str] = {"zero": 0, "text": "many", "low": total // 2, "high": 3 * total + 1000}
    return wrong.get(way, total)


def _check_poison(ids: list[int], poisoned: frozenset[int], settings: Settings) -> None:
    if not poisoned or poisoned.isdisjoint(ids):
        return
    if settings.poison_answer == "timeout":
        raise PoisonTimeoutError
    raise errors.no_such_product() if settings.poison_answer == "404" else errors.internal_error()


def _input(call: Call, name: str) -> Any:
    return call.body.get(name) if isinstance(call.body, dict) else None


def _tree(key: int, by_id: dict[int, dict[str, Any]], counts: dict[int, int], depth: int | None) -> dict[str, Any]:
    doc = by_id[key]
    children: list[dict[str, Any]] = []
    if depth is None or depth > 0:
        below = sorted((one for one in by_id.values() if one["parent_id"] == key), key=lambda one: one["position"])
        children = [_tree(one["id"], by_id, counts, None if depth is None else depth - 1) for one in below]
    inside = [one["id"] for one in by_id.values() if f"/{key}/" in f"/{one['path']}/"]
    return {
        "id": key,
        "parent_id": doc["parent_id"],
        "name": doc["name"],
        "is_active": doc.get("is_active"),
        "position": doc["position"],
        "level": doc["level"],
        # The roots hold nothing; a category shows what is in those below it too (recorded).
        "product_count": sum(counts.get(one, 0) for one in inside) if doc["level"] >= 2 else 0,
        "children_data": children,
    }


def _store_config(view: dict[str, Any], base_url: str) -> dict[str, Any]:
    found = {
        name: view[name]
        for name in (
            "id",
            "code",
            "website_id",
            "locale",
            "base_currency_code",
            "default_display_currency_code",
            "timezone",
            "weight_unit",
        )
    }
    for prefix in ("base", "secure_base"):
        found |= {
            f"{prefix}_url": base_url,
            f"{prefix}_link_url": base_url,
            f"{prefix}_static_url": f"{base_url}static/version1795467677/",
            f"{prefix}_media_url": f"{base_url}media/",
        }
    return found


def _stock_item(product_id: int) -> dict[str, Any]:
    return {
        "item_id": product_id,
        "product_id": product_id,
        "stock_id": 1,
        "qty": 1000,
        "is_in_stock": True,
        "is_qty_decimal": False,
        "show_default_notification_message": False,
        "use_config_min_qty": True,
        "min_qty": 0,
        "use_config_min_sale_qty": 1,
        "min_sale_qty": 1,
        "use_config_max_sale_qty": True,
        "max_sale_qty": 10000,
        "use_config_backorders": True,
        "backorders": 0,
        "use_config_notify_stock_qty": True,
        "notify_stock_qty": 1,
        "use_config_qty_increments": True,
        "qty_increments": 0,
        "use_config_enable_qty_inc": True,
        "enable_qty_increments": False,
        "use_config_manage_stock": True,
        "manage_stock": True,
        "low_stock_date": None,
        "is_decimal_divided": False,
        "stock_status_changed_auto": 0,
    }
