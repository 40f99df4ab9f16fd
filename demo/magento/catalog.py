"""What the demo store sells: stores, categories, brands and products, the same for every seed.

The catalog is small enough to be kept in memory (a few hundred to a few thousand products). It is
a function of its size alone, so `advance` builds it again and reads later changes from the file.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from random import Random
from typing import Any

Doc = dict[str, Any]

TIMEZONE = "America/Argentina/Buenos_Aires"
UTC_OFFSET = -3 * 3600
"""Seconds from UTC of the store's zone, which has had no daylight saving time since 2009."""

GLOBAL_CURRENCY = "ARS"


@dataclass(frozen=True, slots=True)
class Store:
    """A store view and what its orders inherit from it."""

    id: int
    code: str
    name: str
    website_id: int
    group_id: int
    currency: str
    """Base currency of the website and display currency of the view."""
    locale: str
    tax: tuple[int, str] | None
    """Tax rate in percent and its name, charged on top of net prices; None: prices include it."""
    website_name: str
    group_name: str

    @property
    def store_name(self) -> str:
        """`store_name` of an order of this view."""
        return f"{self.website_name}\n{self.group_name}\n{self.name}"

    def increment_id(self, number: int) -> str:
        """Increment id of the view's n-th document of a kind (the first view has no prefix)."""
        return f"{number:09d}" if self.id == 1 else f"{self.id}{number:09d}"


_MAIN = ("Tienda Argentina", "Tienda Principal")
_USA = ("USA Website", "USA Store")
STORES = {
    1: Store(1, "default", "Tienda Online", 1, 1, "ARS", "es_AR", None, *_MAIN),
    2: Store(2, "mayorista", "Mayorista", 1, 1, "ARS", "es_AR", (21, "IVA 21"), *_MAIN),
    3: Store(3, "usa", "USA English", 2, 2, "USD", "en_US", (7, "US-FL-*-Rate 1"), *_USA),
}

WEBSITES: list[Doc] = [
    {"id": 0, "code": "admin", "name": "Admin", "default_group_id": 0},
    {"id": 1, "code": "base", "name": _MAIN[0], "default_group_id": 1},
    {"id": 2, "code": "usa", "name": _USA[0], "default_group_id": 2},
]

STORE_GROUPS: list[Doc] = [
    {
        "id": id_,
        "website_id": website_id,
        "root_category_id": root,
        "default_store_id": store_id,
        "name": name,
        "code": code,
    }
    for id_, website_id, root, store_id, name, code in (
        (0, 0, 0, 0, "Default", "default"),
        (1, 1, 2, 1, _MAIN[1], "main_website_store"),
        (2, 2, 2, 3, _USA[1], "usa_store"),
    )
]

STORE_VIEWS: list[Doc] = [
    {
        "id": 0,
        "code": "admin",
        "name": "Admin",
        "website_id": 0,
        "store_group_id": 0,
        "is_active": 1,
    },
    *(
        {
            "id": store.id,
            "code": store.code,
            "name": store.name,
            "website_id": store.website_id,
            "store_group_id": store.group_id,
            "is_active": 1,
        }
        for store in STORES.values()
    ),
]

STORE_CONFIGS: list[Doc] = [
    {
        "id": store.id,
        "code": store.code,
        "website_id": store.website_id,
        "locale": store.locale,
        "base_currency_code": store.currency,
        "default_display_currency_code": store.currency,
        "timezone": TIMEZONE,
        "weight_unit": "kgs",
    }
    for store in STORES.values()
]

CUSTOMER_GROUPS: list[Doc] = [
    {"id": id_, "code": code, "tax_class_id": 3, "tax_class_name": "Retail Customer"}
    for id_, code in (
        (0, "NOT LOGGED IN"),
        (1, "General"),
        (2, "Mayorista"),
        (3, "Retailer"),
        (4, 'Club "VIP" ⭐'),
    )
]

_BRANDS = (
    "Andes Outdoor",
    'Ñandú "Outdoor"',
    "Björk & Søn",
    "Peñaloza Hnos.",
    "  Río Bravo ",
    "Mate & Cía, S.A.",
    "Tehuelche",
    "Quebracho",
    "La Cautiva",
    "Pampero",
    "Calafate",
    "Ñire",
    "Zonda",
    "Aconcagua",
    "Yerbal",
    "Talar",
    "Güemes",
    "Cóndor®",
    "Surazo",
    "Lihue",
    "Payé",
    "Ombú 🌳",
    "Kultrún",
    "Chamamé",
)
_FIRST_BRAND = 210
_COLORS = ("Rojo", "Azul", "Verde", "Negro", "Blanco")
_FIRST_COLOR = 300
_COLOR_ATTRIBUTE_ID = "93"

UNLABELLED_BRAND = "999"
"""A `manufacturer` value whose option no longer exists."""

ATTRIBUTE_OPTIONS: list[tuple[str, str, str, int]] = [
    ("manufacturer", str(_FIRST_BRAND + i), label, i) for i, label in enumerate(_BRANDS)
] + [("color", str(_FIRST_COLOR + i), label, i) for i, label in enumerate(_COLORS)]
"""(attribute code, option value, label, sort order)."""

# Level 2: level 3: names of level 4. A trailing `!` makes a category inactive.
_TREE: dict[str, dict[str, tuple[str, ...]]] = {
    "Indumentaria": {
        "Hombre": ("Remeras", "Camperas", "Pantalones"),
        "Mujer": ("Remeras", "Vestidos", "Abrigos"),
        "Niños": ("0 a 3 años", "4 a 12 años"),
    },
    "Calzado": {
        "Zapatillas": ("Running", "Urbanas"),
        "Botas": (),
        "Sandalias & Ojotas": (),
    },
    "Hogar y Deco": {
        "Cocina": ("Mate", "Parrilla", "Vajilla"),
        "Dormitorio": ("Sábanas", "Almohadas"),
        "Baño": (),
    },
    "Electrónica": {
        "Audio": ("Auriculares", "Parlantes"),
        "Celulares": ("Fundas", "Cargadores"),
        "Gaming 🎮": (),
    },
    "Camping": {
        "Carpas": ("2 personas", "4 personas"),
        "Bolsas de dormir": (),
        "Iluminación": (),
    },
    "Belleza": {
        "Perfumes": (),
        "Cuidado facial": ("Cremas", "Protectores solares"),
    },
    "Almacén": {
        "Yerba, Té y Café": ("Yerba mate", "Té"),
        "Vinos": ("Tintos", "Blancos", "Espumantes"),
        " Dulces ": (),
    },
    "Servicios": {"Tarjetas de regalo": (), "Garantía extendida": ()},
    "Ofertas": {'Liquidación "Final"': (), "Hot Sale 2024!": ("Día 1!", "Día 2!")},
    "Outlet!": {"Temporada pasada!": ()},
}

_NOUNS: dict[str, tuple[str, ...]] = {
    "Remeras": ("Remera de algodón", "Remera térmica", "Musculosa"),
    "Camperas": ("Campera de abrigo", "Rompevientos", "Campera de cuero"),
    "Pantalones": ("Pantalón cargo", "Jean recto", "Bombacha de campo"),
    "Vestidos": ("Vestido largo", "Vestido camisero"),
    "Abrigos": ("Poncho tejido", "Tapado de paño", "Cardigan"),
    "Running": ("Zapatilla running", "Zapatilla trail"),
    "Urbanas": ("Zapatilla urbana", "Alpargata"),
    "Botas": ("Bota de montaña", "Borcego"),
    "Mate": ("Mate imperial", "Bombilla de alpaca", "Set matero", "Termo acero 1 L"),
    "Parrilla": ("Set de asado", "Parrilla portátil", "Chimichurri artesanal"),
    "Vajilla": ("Juego de platos", "Vaso térmico"),
    "Sábanas": ("Juego de sábanas", "Acolchado"),
    "Auriculares": ("Auricular inalámbrico", 'Auricular 1/4"'),
    "Parlantes": ("Parlante portátil", "Barra de sonido"),
    "Fundas": ("Funda silicona", "Vidrio templado"),
    "Cargadores": ("Cargador rápido 20W", "Cable USB-C"),
    "2 personas": ("Carpa iglú", "Carpa ultraliviana"),
    "4 personas": ("Carpa familiar",),
    "Cremas": ("Crema hidratante", "Sérum facial"),
    "Yerba mate": ("Yerba mate orgánica 1 kg", "Yerba con hierbas"),
    "Tintos": ("Malbec Reserva", "Bonarda", "Cabernet Franc"),
    "Blancos": ("Torrontés", "Chardonnay"),
}
_ADJECTIVES = (
    "Clásico",
    "Premium",
    "Patagonia",
    "Edición limitada",
    "Andino",
    "Urbano",
    "Pro",
    "Eco ♻",
    "XL",
    "Línea 2026",
    "“Origen”",
    "Ñ",
)

LONG_NAME = "Campera técnica impermeable " + "con capucha desmontable y bolsillos " * 6 + "XXXL"
"""A product name of more than 240 characters."""

NEVER_SEEN_FROM = 90_000
"""Products with an id from here on were sold, then deleted before the store's first day."""


@dataclass(slots=True)
class Product:
    """What an order line needs to know of a product."""

    id: int
    sku: str
    name: str
    type: str
    price: int
    """Centavos, at the prices of the store's first day."""
    weight: int = 0
    """Hundredths of a kilogram."""
    cost: int = 0
    """Centavos; 0: no cost recorded."""
    special_price: int = 0
    brand: str = ""
    categories: tuple[int, ...] = ()
    color: int = 0
    """Option id of a variant's colour."""
    children: tuple[Product, ...] = ()
    """Variants of a configurable, selections of a bundle."""
    quantities: tuple[int, ...] = ()
    """Of each selection of a bundle."""
    dynamic: bool = False
    """A bundle whose price is the sum of its selections'."""
    first_option: int = 0
    """Id of a bundle's first option (and selection)."""
    sold: bool = True
    """May be bought by itself (variants may not)."""


@dataclass(slots=True)
class Catalog:
    """All products, and those that orders may pick from."""

    products: dict[int, Product] = field(default_factory=dict)
    simple: list[Product] = field(default_factory=list)
    configurable: list[Product] = field(default_factory=list)
    virtual: list[Product] = field(default_factory=list)
    fixed_bundles: list[Product] = field(default_factory=list)
    dynamic_bundles: list[Product] = field(default_factory=list)
    never_seen: list[Product] = field(default_factory=list)
    """Deleted before the first day: in orders, not in the catalog."""
    special: dict[str, Product] = field(default_factory=dict)
    """Awkward products by a name that says why."""


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def categories() -> list[Doc]:
    """Return the category documents: root, store root, and levels 2 to 4."""
    nodes: list[Doc] = []

    def add(parent: Doc | None, name: str, position: int) -> Doc:
        id_ = len(nodes) + 1
        level = parent["level"] + 1 if parent else 0
        active = not name.endswith("!")
        name = name.removesuffix("!")
        node: Doc = {"id": id_, "parent_id": parent["id"] if parent else 0, "name": name}
        if level:
            node["is_active"] = active
        node |= {
            "position": position,
            "level": level,
            "children": "",
            "created_at": "2023-06-01 12:00:00",
            "updated_at": "2023-06-01 12:00:00",
            "path": f"{parent['path']}/{id_}" if parent else str(id_),
            "include_in_menu": True,
        }
        nodes.append(node)
        return node

    root = add(None, "Root Catalog", 0)
    store_root = add(root, "Default Category", 1)
    for position2, (name2, level3) in enumerate(_TREE.items()):
        node2 = add(store_root, name2, position2)
        for position3, (name3, level4) in enumerate(level3.items()):
            node3 = add(node2, name3, position3)
            for position4, name4 in enumerate(level4):
                add(node3, name4, position4)

    by_id = {node["id"]: node for node in nodes}
    for node in nodes:
        children = [str(other["id"]) for other in nodes if other["parent_id"] == node["id"]]
        node["children"] = ",".join(children)
        below = sum(other["path"].startswith(f"{node['path']}/") for other in nodes)
        attributes: dict[str, str] = {}
        if node["level"]:
            attributes["display_mode"] = "PRODUCTS"
        if node["level"] >= 2:
            attributes["is_anchor"] = "1"
        attributes["path"] = node["path"]
        attributes["children_count"] = str(below)
        if node["level"] >= 2:
            keys = [_ascii(by_id[int(id_)]["name"]) for id_ in node["path"].split("/")[2:]]
            attributes["default_sort_by"] = "name"
            attributes["url_key"] = keys[-1]
            attributes["url_path"] = "/".join(keys)
        node["custom_attributes"] = [{"attribute_code": code, "value": value} for code, value in attributes.items()]
    return nodes


def build(size: int) -> Catalog:
    """Return the catalog of about `size` products (at least 300), always the same one."""
    catalog = Catalog()
    random = Random(size).random
    nodes = [node for node in categories() if node["level"] >= 2]
    leaves = [node for node in nodes if not node["children"]]
    offers = next(node["id"] for node in nodes if node["name"] == "Ofertas")
    by_name = {node["name"]: node["id"] for node in nodes}
    option_id = 1

    def pick(options: list[Any] | tuple[Any, ...]) -> Any:
        return options[int(random() * len(options))]

    def price() -> int:
        pesos = int(3_000 * 60 ** random())
        return (pesos // 100 * 100 + 99) * 100 + (0, 0, 0, 50, 99)[int(random() * 5)]

    def add(kind: str, name: str, cents: int, **more: Any) -> Product:
        id_ = len(catalog.products) + 1
        sku = more.pop("sku", f"{kind[:3].upper()}-{id_:05d}")
        product = Product(id_, sku, name, kind, cents, **more)
        catalog.products[id_] = product
        return product

    def brand() -> str:
        return "" if random() < 0.12 else str(_FIRST_BRAND + int(random() ** 1.5 * len(_BRANDS)))

    def shelf() -> tuple[dict[str, Any], tuple[int, ...]]:
        leaf = leaves[int(random() * len(leaves))]
        places = [leaf["id"]]
        if random() < 0.3:
            places.append(leaf["parent_id"] if leaf["parent_id"] > 2 else offers)
        if random() < 0.15:
            places.append(offers)
        if random() < 0.04:
            places = []
        return leaf, tuple(sorted(set(places)))

    def weight() -> int:
        return int(10 + random() * 490)

    def special() -> dict[str, Product]:
        def simple(name: str, **more: Any) -> Product:
            return add("simple", name, price(), **({"weight": weight()} | more))

        leaf = (by_name["Camperas"],)
        one = str(_FIRST_BRAND)
        found = {
            "long name": simple(LONG_NAME, brand=one, categories=leaf),
            "spaces around": simple("  Manta de lana \t", brand=one, categories=leaf),
            "emoji": simple("Mate 🧉 “Gaúcho” 👨‍👩‍👧", brand=one, categories=leaf),
            "quotes": simple("Caño 3/4\" 'rosca' \\ <b>x</b> & más", categories=leaf),
            "newline": simple("Kit asado\r\ncompleto\n2026", brand=one, categories=leaf),
            "comma": simple("Sal, pimienta, ají", brand=one, categories=leaf),
            "no brand": simple("Remera lisa sin marca", categories=leaf),
            "unlabelled brand": simple("Gorra", brand=UNLABELLED_BRAND, categories=leaf),
            "two brands": simple("Gorra doble", brand=f"{_FIRST_BRAND},{_FIRST_BRAND + 2}"),
            "no category": simple("Vela aromática", brand=str(_FIRST_BRAND + 3)),
            "inactive category": simple("Buzo temporada pasada", brand=one, categories=(by_name["Temporada pasada"],)),
            "several categories": simple("Campera polar", brand=one, categories=(*leaf, by_name["Abrigos"], offers)),
            "quoted brand": simple("Mochila 40 L", brand=str(_FIRST_BRAND + 1), categories=leaf),
            "cent price": simple("Llavero", weight=5),
            "slash sku": simple("Repuesto", sku="SKU con espacio/barra", categories=leaf),
        }
        found["cent price"].price = 1_001
        return found

    catalog.special = special()
    for product in catalog.special.values():
        catalog.simple.append(product)

    gift = (by_name["Tarjetas de regalo"],)
    for pesos in (5_000, 10_000, 20_000, 50_000, 100_000):
        name = f"Tarjeta de regalo ${pesos:,}".replace(",", ".")
        catalog.virtual.append(add("virtual", name, pesos * 100, categories=gift))
    for years in (1, 2):
        name = f"Garantía extendida {years} año{'s' * (years > 1)}"
        product = add("virtual", name, years * 1_899_950, categories=(by_name["Servicios"],))
        catalog.virtual.append(product)

    while len(catalog.products) < max(300, size):
        leaf, places = shelf()
        noun = pick(_NOUNS.get(leaf["name"], (f"{leaf['name'].strip()}:",)))
        name = f"{noun} {pick(_ADJECTIVES)} {len(catalog.products) + 1}"
        made_by = brand()
        cents = price()
        if len(catalog.configurable) * 10 < len(catalog.products):
            number = len(catalog.products) + 1
            own_brand = random() >= 0.15
            own_places = random() >= 0.1
            kilos = weight()
            variants = tuple(
                add(
                    "simple",
                    f"{name}-{_COLORS[i]}",
                    cents + (i == 3) * 50_000,
                    sku=f"CONF-{number:05d}-{_COLORS[i]}",
                    weight=kilos,
                    brand=made_by,
                    categories=() if own_places else places,
                    color=_FIRST_COLOR + i,
                    sold=False,
                )
                for i in range(3 + (number % 3 == 0))
            )
            catalog.configurable.append(
                add(
                    "configurable",
                    name,
                    0,
                    sku=f"CONF-{number:05d}",
                    brand=made_by if own_brand else "",
                    categories=places if own_places else (),
                    children=variants,
                )
            )
            continue
        product = add("simple", name, cents, weight=weight(), brand=made_by, categories=places)
        if random() < 0.4:
            product.cost = cents * 45 // 10_000 * 100 + pick((0, 50))
        if random() < 0.1:
            product.special_price = cents * 4 // 5
        catalog.simple.append(product)

    regular = catalog.simple[len(catalog.special) :]
    for number in range(8):
        dynamic = number % 2 == 0
        children = tuple(regular[(number * 7 + i * 3) % len(regular)] for i in range(2 + dynamic))
        quantities = tuple(1 + (i == 1) for i in range(len(children)))
        bundle = add(
            "bundle",
            f"{'Combo' if dynamic else 'Pack'} {number + 1} “{pick(_ADJECTIVES)}”",
            0 if dynamic else price(),
            sku=f"BUNDLE-{number + 1}",
            brand="" if number % 4 < 2 else str(_FIRST_BRAND + 5),
            categories=(offers,),
            children=children,
            quantities=quantities,
            dynamic=dynamic,
            first_option=option_id,
        )
        option_id += len(children)
        (catalog.dynamic_bundles if dynamic else catalog.fixed_bundles).append(bundle)

    for number in range(6):
        catalog.never_seen.append(
            Product(
                NEVER_SEEN_FROM + number,
                f"OLD-{number}",
                f"Producto discontinuado {number}",
                "simple",
                price(),
                weight=100,
            )
        )
    # A configurable of which only the variants are still in the catalog.
    orphaned = catalog.configurable[0]
    catalog.never_seen.append(
        Product(
            NEVER_SEEN_FROM + 6,
            "OLD-CONF",
            "Buzo discontinuado",
            "configurable",
            0,
            children=orphaned.children,
        )
    )
    return catalog


def product_doc(product: Product, created_at: str, updated_at: str) -> Doc:
    """Return a product as `GET /V1/products` sends it in the default store's scope."""
    doc: Doc = {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "attribute_set_id": 4,
        "price": money(product.price),
        "status": 2 if product.id % 97 == 0 else 1,
        "visibility": 4 if product.sold else 1,
        "type_id": product.type,
        "created_at": created_at,
        "updated_at": updated_at,
    }
    if product.weight:
        doc["weight"] = money(product.weight)
    elif product.dynamic:
        doc["weight"] = 0
    extension: Doc = {"website_ids": [1, 2] if product.id % 3 else [1]}
    if product.categories:
        extension["category_links"] = [
            {"position": i, "category_id": str(id_)} for i, id_ in enumerate(product.categories)
        ]
    if product.type == "configurable":
        extension["configurable_product_options"] = [
            {
                "id": product.id,
                "attribute_id": _COLOR_ATTRIBUTE_ID,
                "label": "Color",
                "position": 0,
                "values": [{"value_index": variant.color} for variant in product.children],
                "product_id": product.id,
            }
        ]
        extension["configurable_product_links"] = [variant.id for variant in product.children]
    if product.type == "bundle":
        extension["bundle_product_options"] = [
            {
                "option_id": product.first_option + i,
                "title": f"Opción {i + 1}",
                "required": True,
                "type": "select",
                "position": i + 1,
                "sku": product.sku,
                "product_links": [
                    {
                        "id": str(product.first_option + i),
                        "sku": child.sku,
                        "option_id": product.first_option + i,
                        "qty": quantity,
                        "position": 1,
                        "is_default": True,
                        "price": money(child.price) if product.dynamic else 0,
                        "price_type": None if product.dynamic else 0,
                        "can_change_quantity": 0,
                    }
                ],
            }
            for i, (child, quantity) in enumerate(zip(product.children, product.quantities, strict=True))
        ]
    doc["extension_attributes"] = extension
    doc["product_links"] = []
    doc["options"] = []
    picture = product.type == "simple" and product.id % 4 == 0
    file = f"/{product.sku[0].lower()}/{_ascii(product.sku)}.jpg"
    roles = ["image", "small_image", "thumbnail", "swatch_image"]
    doc["media_gallery_entries"] = (
        [
            {
                "id": product.id,
                "media_type": "image",
                "label": None,
                "position": 1,
                "disabled": False,
                "types": roles,
                "file": file,
            }
        ]
        if picture
        else []
    )
    doc["tier_prices"] = []
    doc["custom_attributes"] = [
        {"attribute_code": code, "value": value}
        for code, value in _custom_attributes(product, file if picture else "", roles).items()
    ]
    return doc


def _custom_attributes(product: Product, file: str, roles: list[str]) -> Doc:
    values: Doc = {}
    if file:
        values |= dict.fromkeys(roles, file)
        values["description"] = f"<p>{product.name}</p>"
        values["meta_title"] = product.name
    if product.type == "bundle":
        values["shipment_type"] = "0"
    values["options_container"] = "container2"
    values["url_key"] = f"{_ascii(product.name)[:60]}-{product.id}"
    values["msrp_display_actual_price_type"] = "0"
    if product.type == "bundle":
        values["price_view"] = "0"
    values["required_options"] = "0"
    values["has_options"] = "0"
    if product.type == "bundle":
        kind = "0" if product.dynamic else "1"
        values |= {"sku_type": kind, "price_type": kind, "weight_type": kind}
    values["tax_class_id"] = "2"
    if product.brand:
        values["manufacturer"] = product.brand
    if product.color:
        values["color"] = str(product.color)
    if product.cost:
        values["cost"] = f"{product.cost / 100:.6f}"
    if product.special_price:
        values["special_price"] = f"{product.special_price / 100:.6f}"
        values["special_from_date"] = "2023-06-01 00:00:00"
    values["category_ids"] = [str(id_) for id_ in product.categories]
    return values


def money(cents: int) -> int | float:
    """Return hundredths as PHP encodes the amount in JSON: whole numbers have no point."""
    return cents / 100 if cents % 100 else cents // 100


def number(value: float) -> int | float:
    """Return a rate or price of four decimals as PHP encodes it in JSON."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded
