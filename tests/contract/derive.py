"""Derive the contract files from recorded answers: `python tests/contract/derive.py RECORDINGS_FOLDER`.

The recordings (one JSON file per call, see their README) are large and stay where they are; what the demo store is held
to is small and committed beside this script:

* `entities.json`: for each kind of object every path that occurs, with its JSON types. `type?` occurred only in rows
  that Magento's own fixture generator had made, not in real checkouts: such a path may be missing.
* `errors.json`: every error body, by a name made of its status and text.
* `calls.json`: every call with its role, status, content type, cookies and the shape of its answer. Ids, codes and
  credentials of the recorded store are replaced by `{placeholders}`, by the rules in `_template`; the tests fill them
  in with what the demo store has.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import unquote

HERE = Path(__file__).parent

# What the recorded store held that no checkout made (its README: the fixture generator's rows come first).
FIXTURES = {"orders": 20000, "customers": 500, "products": 1200, "cart_rules": 60, "coupons": 40}

ENTITIES = [
    (r"orders", "orders"),
    (r"orders/items", "order_items"),
    (r"orders/[^/]+", "orders"),
    (r"creditmemos", "creditmemos"),
    (r"invoices", "invoices"),
    (r"shipments", "shipments"),
    (r"customers/search", "customers"),
    (r"customers/[^/]+", "customers"),
    (r"customerGroups/search", "customer_groups"),
    (r"products", "products"),
    (r"products/attributes", "product_attributes"),
    (r"products/attributes/[^/]+", "product_attributes"),
    (r"products/attributes/[^/]+/options", "attribute_options"),
    (r"products/[^/]+", "product"),
    (r"categories", "category_tree"),
    (r"categories/list", "categories"),
    (r"coupons/search", "coupons"),
    (r"salesRules/search", "cart_rules"),
    (r"transactions", "transactions"),
    (r"store/storeViews", "store_views"),
    (r"store/storeGroups", "store_groups"),
    (r"store/storeConfigs", "store_configs"),
    (r"store/websites", "websites"),
    (r"directory/currency", "currency"),
    (r"modules", "modules"),
    (r"(integration|tfa)/.*", "tokens"),
]

LEFT_OUT = {
    "countries_nl": "the loader has no use for countries",
    "inventory_sources": "stock is not loaded",
    "source_items": "stock is not loaded",
    "tax_rates": "tax rates are not loaded",
}

# Recorded before the store had any orders; what it shows is that the token works.
ASKED_TOO_EARLY = {"order_with_2fa_token"}

# A list whose elements repeat the order's own items, word for word; compared with them instead.
REPEATED = "extension_attributes.shipping_assignments[].items[]"

TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}


def walk(value: Any, path: str, found: dict[str, set[str]]) -> None:
    """Collect the JSON types of every path inside a value: `a.b` for members, `a[]` for elements."""
    if path.startswith(REPEATED):
        return
    found[path].add("null" if value is None else TYPES[type(value)])
    if isinstance(value, dict):
        for name, one in value.items():
            # The keys of a category tree repeat at every depth.
            walk(one, f"{path}.{name}".lstrip(".").replace("children_data[].children_data", "children_data"), found)
    elif isinstance(value, list):
        for one in value:
            walk(one, f"{path}[]", found)


def resource(path: str) -> str:
    """Return the part of a REST path behind the version, without query and slashes around it."""
    return re.sub(r"^.*?/V1/?", "", path.partition("?")[0]).strip("/")


def entity_of(path: str) -> str | None:
    """Return what a REST path answers with; the last pattern that fits, as the later ones are more special."""
    name = resource(path)
    fits = [entity for pattern, entity in ENTITIES if re.fullmatch(pattern, name)]
    if name in ("orders/items", "categories/list", "customers/search", "products/attributes"):
        fits = [entity for pattern, entity in ENTITIES if pattern == name]
    return fits[0] if fits else None


def is_list(body: Any) -> bool:
    """Whether an answer is that of a list call, whole or trimmed by `fields`."""
    return isinstance(body, dict) and set(body) <= {"items", "search_criteria", "total_count"}


def rows_of(body: Any) -> list[Any]:
    """Return the objects of an answer: of a list call its items."""
    if is_list(body):
        return body.get("items") or []
    return body if isinstance(body, list) else [body]


def is_fixture(entity: str, row: Any) -> bool:
    """Whether the fixture generator made a row."""
    key = next((row[name] for name in ("entity_id", "id", "rule_id") if isinstance(row, dict) and name in row), None)
    if entity == "coupons":
        key = row.get("coupon_id")
    return key is not None and key <= FIXTURES.get(entity, 0)


def derive_entities(recordings: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return path -> types of every kind of object."""
    real: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    fixture: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in recordings:
        request, response = one["request"], one["response"]
        entity = entity_of(request["path"])
        is_plain = "fields=" not in request["path"] or request["path"].endswith("fields=")
        if entity in (None, "tokens", "modules") or response["status"] != 200 or "body_json" not in response:
            continue
        if one["name"] in LEFT_OUT or not is_plain:
            continue
        for row in rows_of(response["body_json"]):
            walk(row, "", (fixture if is_fixture(str(entity), row) else real)[str(entity)])
    result: dict[str, dict[str, str]] = {}
    for entity in sorted({*real, *fixture}):
        paths: dict[str, str] = {}
        for path in sorted({*real[entity], *fixture[entity]}):
            sure = sorted(real[entity].get(path, ()))
            unsure = sorted(fixture[entity].get(path, set()) - set(sure))
            paths[path] = "|".join([*sure, *(f"{name}?" for name in unsure)])
        paths.pop("", None)
        result[entity] = paths
    # Only ten lines were recorded one by one; what else a line can have is known from the orders. There they carry
    # extension attributes, alone they do not.
    for path, types in result["orders"].items():
        name = path.removeprefix("items[].")
        if name != path and "extension_attributes.itemized" not in name and not name.endswith("extension_attributes"):
            result["order_items"].setdefault(name, "|".join(f"{one.rstrip('?')}?" for one in types.split("|")))
    result["order_items"] = dict(sorted(result["order_items"].items()))
    return result


def error_name(status: int, body: dict[str, Any]) -> str:
    """Return a readable name for an error body."""
    words = re.sub(r"[^a-z0-9]+", "_", body["message"].lower().replace("'", "")).strip("_")
    details = "_".join(str(one) for one in _leaves({k: v for k, v in body.items() if k != "message"}))
    name = f"{status}_{words[:60]}"
    return f"{name}__{re.sub(r'[^A-Za-z0-9]+', '_', details)[:50]}" if details else name


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def masked(body: dict[str, Any]) -> dict[str, Any]:
    """Return an error body without the report id, which differs each time."""
    return {**body, "message": re.sub(r"webapi-[0-9a-f]+", "webapi-{report}", body["message"])}


def _template(one: dict[str, Any], largest: dict[str, int]) -> str:
    """Replace what belongs to the recorded store.

    * ids of single entities, the SKU, store codes and the second currency by their role;
    * a key in a filter above the fixtures by its distance from the largest key, so that as many rows follow;
    * the last page and pages beyond it by their distance from the last page;
    * today's date by one since when the demo store has changes;
    * a list of all numbers up to one by `{1..n}`.
    """
    path, _, query = one["request"]["path"].partition("?")
    entity = str(entity_of(one["request"]["path"]))
    path = re.sub(r"/orders/\d{1,6}$", "/orders/{order_id}", path)
    path = re.sub(r"/customers/\d{1,5}$", "/customers/{customer_id}", path)
    path = path.replace("SKU%20with%20space%2Fslash", "{sku}")
    path = path.replace("/rest/uk_en/", "/rest/{other_website_view}/").replace("/rest/de/", "/rest/{other_view}/")
    query = query.replace("storeCodes[]=uk_en", "storeCodes[]={other_website_view}")
    query = query.replace("[value]=GBP", "[value]={second_currency}")
    query = query.replace("[value]=gast%25", "[value]={email_prefix}%25")
    query = query.replace("[value]=2026-11-23%2000:00:00", "[value]={recently}")
    if "[field]=updated_at" in query and entity == "coupons":
        query = query.replace("{recently}", "2026-11-23%2000:00:00")
    for key in ("entity_id", "rule_id"):
        pattern = rf"(\[field\]={key}&[^&]*\[value\]=)(\d+)(?=&|$)"
        query = re.sub(pattern, lambda match: match[1] + _from_top(int(match[2]), entity, largest), query)
    query = re.sub(r"(?<=\[value\]=)1,2,3,[\d,]+,(\d+)(?=&)", r"{1..\1}", query)
    size = re.search(r"\[pageSize\]=(\d+)", query)
    page = re.search(r"\[currentPage\]=(\d+)", query)
    body = one["response"].get("body_json")
    if size and page and "[value]" not in query and isinstance(body, dict) and "total_count" in body:
        last = max(1, -(-body["total_count"] // int(size[1]))) if int(size[1]) else 1
        beyond = int(page[1]) - last
        if last > 1 and beyond >= 0:
            query = query.replace(page[0], f"[currentPage]={{last{f'+{beyond}' if beyond else ''}}}")
    return f"{path}?{query}" if query else path


def _from_top(value: int, entity: str, largest: dict[str, int]) -> str:
    if FIXTURES.get(entity, 0) - 100 <= value <= largest.get(entity, 0):
        return f"{{largest-{largest[entity] - value}}}"
    return str(value)


def _criteria_template(echo: Any, one: dict[str, Any], template: str) -> Any:
    """Carry the placeholders of the URL over to the criteria that the answer repeats."""
    asked = one["request"]["path"].partition("?")[2].split("&")
    templated = template.partition("?")[2].split("&")
    swaps = {}
    for before, after in zip(asked, templated, strict=True):
        if before != after:
            swaps[unquote(before.partition("=")[2])] = unquote(after.partition("=")[2])

    def swap(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: swap(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [swap(inner) for inner in value]
        return swaps.get(str(value), value) if value is not None and not isinstance(value, bool) else value

    return swap(echo)


def keys_always_there(recordings: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Return, for each kind of object, the keys that every recorded one has."""
    result: dict[str, set[str]] = {}
    for one in recordings:
        if one["response"]["status"] == 200 and "fields=items" not in one["request"]["path"]:
            for row in rows_of(one["response"].get("body_json")):
                if isinstance(row, dict):
                    entity = str(entity_of(one["request"]["path"]))
                    result[entity] = result.get(entity, set(row)) & set(row)
    return result


def shape(one: dict[str, Any], template: str, always: dict[str, set[str]]) -> Any:
    """Return what an answer's container looks like."""
    body = one["response"]["body_json"]
    if isinstance(body, str):
        return {"is": "token"}
    if isinstance(body, list):
        kind = "strings" if body and isinstance(body[0], str) else "objects"
        return {"is": "array", "of": kind if body else "nothing"}
    if not is_list(body):
        return {"is": "object"}
    result: dict[str, Any] = {"is": "list", "keys": list(body)}
    if "items" in body:
        rows = body["items"]
        result["items"] = "null" if rows is None else "rows" if rows else "empty"
        if one["name"] in ASKED_TOO_EARLY:
            result["items"] = "rows"
        if rows and "fields=items" in one["request"]["path"]:
            entity = str(entity_of(one["request"]["path"]))
            result["always"] = sorted(set.intersection(always[entity], *(set(row) for row in rows)))
    if "search_criteria" in body:
        result["search_criteria"] = _criteria_template(body["search_criteria"], one, template)
    return result


def settings_of(name: str) -> dict[str, Any]:
    """Return what was switched on the recorded store for a call, in the demo store's words."""
    if name.startswith("limits_on_"):
        return {"page_limit": 100 if "max100" in name else 300}
    if name.startswith("integration_bearer_enabled"):
        return {"integration_bearer": True}
    if "no_provider_configured" in name:
        return {"tfa": "no_provider"}
    if "user_not_configured" in name:
        return {"tfa": "user_not_configured"}
    if name.startswith(("tfa_google", "token_2fa")):
        return {"tfa": "google"}
    return {}


def fault_of(name: str) -> str | None:
    """Return the kind of `demo.faults` that stands for a broken Magento."""
    kinds = {"maintenance_": "503_maintenance_html", "db_down_": "500", "php_down_": "502_html"}
    return next((kind for prefix, kind in kinds.items() if name.startswith(prefix)), None)


def _body_template(body: Any) -> Any:
    if isinstance(body, dict):
        swaps = {
            "Admin12345!": "{password}",
            "Reader12345!": "{password}",
            "Klant12345!": "{customer_password}",
            "klant1@example.com": "{customer_email}",
            "949199": "{otp}",
            "reader": "icomm",
        }
        return {name: swaps.get(value, value) for name, value in body.items()}
    if isinstance(body, str):
        return body.replace("Admin12345!", "{password}").replace("Admin12345%21", "{password}")
    return body


def derive_calls(recordings: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the calls in their recorded order, and the error bodies they refer to."""
    largest: dict[str, int] = defaultdict(int)
    for one in recordings:
        entity = str(entity_of(one["request"]["path"]))
        for row in rows_of(one["response"].get("body_json")):
            if isinstance(row, dict):
                keys = [row[name] for name in ("entity_id", "id", "rule_id") if isinstance(row.get(name), int)]
                largest[entity] = max([largest[entity], *keys])
    always = keys_always_there(recordings)
    calls: list[dict[str, Any]] = []
    errors: dict[str, Any] = {}
    for one in recordings:
        if one["name"] in LEFT_OUT:
            continue
        request, response = one["request"], one["response"]
        template = _template(one, largest)
        call: dict[str, Any] = {"name": one["name"], "method": request["method"], "path": template}
        if answered := entity_of(request["path"]):
            call["entity"] = answered
        headers = {name: value for name, value in request["headers"].items() if name not in ("Accept", "Authorization")}
        if request["headers"].get("Accept") != "application/json":
            headers["Accept"] = request["headers"].get("Accept")
        authorization = request["headers"].get("Authorization", "")
        # A token's own text was recorded once; what matters is the scheme's spelling.
        if authorization and not authorization.startswith("Bearer <"):
            headers["Authorization"] = re.sub(r"ey[\w.-]{60,}", "{token}", authorization)
        call["role"] = one["role"]
        if headers:
            call["headers"] = headers
        if request["body"] is not None:
            call["body"] = _body_template(request["body"])
        if switched := settings_of(one["name"]):
            call["settings"] = switched
        if kind := fault_of(one["name"]):
            call["fault"] = kind
        call["status"] = response["status"]
        sent = dict(response["headers"])
        call["content_type"] = sent["Content-Type"]
        cookies = [value for name, value in response["headers"] if name == "Set-Cookie"]
        call["cookies"] = sorted(value.partition("=")[0] for value in cookies)
        call["framed"] = "X-Frame-Options" in sent
        if "body_json" in response:
            if response["status"] >= 400:
                body = masked(response["body_json"])
                call["error"] = error_name(response["status"], body)
                errors[call["error"]] = body
            else:
                call["answer"] = shape(one, template, always)
        calls.append(call)
    return calls, dict(sorted(errors.items()))


def derive_graphql(folder: Path) -> list[dict[str, Any]]:
    """Return the GraphQL calls, each with the paths and types of its answer."""
    result = []
    for file in sorted(folder.glob("graphql_*.json")):
        one = json.loads(file.read_text())
        found: dict[str, set[str]] = defaultdict(set)
        walk(one["body"], "", found)
        paths = {path: "|".join(sorted(types)) for path, types in sorted(found.items()) if path}
        result.append({"name": file.stem, "query": one["query"], "status": one["status"], "paths": paths})
    return result


def write(name: str, value: Any) -> None:
    """Write a contract file, one line per member or element so that differences are readable."""
    if isinstance(value, list):
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in value)
        text = f"[\n{lines}\n]\n"
    else:
        text = json.dumps(value, ensure_ascii=False, indent=0) + "\n"
    (HERE / name).write_text(text)


def main(folder: Path) -> None:
    """Read all recordings and write the contract files."""
    names = [line.split("\t")[0] for line in (folder / "INDEX.tsv").read_text().splitlines()[1:]]
    recordings = [json.loads((folder / f"{name}.json").read_text()) for name in names]
    write("entities.json", derive_entities(recordings))
    calls, errors = derive_calls(recordings)
    write("calls.json", calls)
    write("errors.json", errors)
    write("graphql.json", derive_graphql(folder))
    print(f"{len(recordings)} recorded calls: {len(calls)} in the contract, {len(LEFT_OUT)} left out")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/contract/derive.py RECORDINGS_FOLDER")
    main(Path(sys.argv[1]))
