"""What the demo store sells: stores, categories, brands and products, the same for every seed.

The catalog is small enough to be kept in memory (a few hundred to a few thousand products). It is
a function of its size alone, so `advance` builds it again and reads later changes from the file.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass, field
from random import Random
from typing import Any

Doc = dict[str, Any]

TIMEZONE = "America/Argentina/Buenos_Aires"
UTC_OFFSET = -3 * 3600  # seconds; the zone has had no daylight saving time since 2009
GLOBAL_CURRENCY = "ARS"


@dataclass(frozen=True, slots=True)
class Store:
    """A store view and what its orders inherit from it."""

    id: int
    code: str
    name: str
    website_id: int
    group_id: int
    currency: str  # base currency of the website and display currency of the view
    locale: str
    tax: int  # percent charged on top of net prices; 0: prices include it
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
    1: Store(1, "default", "Tienda Online", 1, 1, "ARS", "es_AR", 0, *_MAIN),
    2: Store(2, "mayorista", "Mayorista", 1, 1, "ARS", "es_AR", 21, *_MAIN),
    3: Store(3, "usa", "USA English", 2, 2, "USD", "en_US", 7, *_USA),
}

WEBSITES: list[Doc] = [
    {"id": 0, "code": "admin", "name": "Admin", "default_group_id": 0},
    {"id": 1, "code": "base", "name": _MAIN[0], "default_group_id": 1},
    {"id": 2, "code": "usa", "name": _USA[0], "default_group_id": 2},
]

STORE_GROUPS: list[Doc] = [
    {"id": id_, "website_id": id_, "root_category_id": root, "default_store_id": store_id, "name": name, "code": code}
    for id_, root, store_id, name, code in (
        (0, 0, 0, "Default", "default"),
        (1, 2, 1, _MAIN[1], "main_website_store"),
        (2, 2, 3, _USA[1], "usa_store"),
    )
]

STORE_VIEWS: list[Doc] = [
    {"id": id_, "code": code, "name": name, "website_id": website_id, "store_group_id": group_id, "is_active": 1}
    for id_, code, name, website_id, group_id in (
        (0, "admin", "Admin", 0, 0),
        *((one.id, one.code, one.name, one.website_id, one.group_id) for one in STORES.values()),
    )
]

STORE_CONFIGS: list[Doc] = [
    {"id": one.id, "code": one.code, "website_id": one.website_id, "locale": one.locale, "timezone": TIMEZONE}
    | dict.fromkeys(("base_currency_code", "default_display_currency_code"), one.currency)
    for one in STORES.values()
]

CUSTOMER_GROUPS: list[Doc] = [
    {"id": id_, "code": code, "tax_class_id": 3, "tax_class_name": "Retail Customer"}
    for id_, code in ((0, "NOT LOGGED IN"), (1, "General"), (2, "Mayorista"), (3, "Retailer"), (4, 'Club "VIP" ⭐'))
]

_BRANDS = (
    "Andes Outdoor", 'Ñandú "Outdoor"', "Björk & Søn", "Peñaloza Hnos.", "  Río Bravo ", "Mate & Cía, S.A.",
    "Tehuelche", "Quebracho", "La Cautiva", "Pampero", "Calafate", "Ñire", "Zonda", "Aconcagua", "Yerbal", "Talar",
    "Güemes", "Cóndor®", "Surazo", "Lihue", "Payé", "Ombú 🌳", "Kultrún", "Chamamé",
)  # fmt: skip
_FIRST_BRAND = 210
_COLORS = ("Rojo", "Azul", "Verde", "Negro", "Blanco")
_FIRST_COLOR = 300

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
    "Calzado": {"Zapatillas": ("Running", "Urbanas"), "Botas": (), "Sandalias & Ojotas": ()},
    "Hogar y Deco": {"Cocina": ("Mate", "Parrilla", "Vajilla"), "Dormitorio": ("Sábanas", "Almohadas"), "Baño": ()},
    "Electrónica": {"Audio": ("Auriculares", "Parlantes"), "Celulares": ("Fundas", "Cargadores"), "Gaming 🎮": ()},
    "Camping": {"Carpas": ("2 personas", "4 personas"), "Bolsas de dormir": (), "Iluminación": ()},
    "Belleza": {"Perfumes": (), "Cuidado facial": ("Cremas", "Protectores solares")},
    "Almacén": {"Yerba, Té y Café": ("Yerba mate", "Té"), "Vinos": ("Tintos", "Blancos", "Espumantes"), " Dulces ": ()},
    "Servicios": {"Tarjetas de regalo": (), "Garantía extendida": ()},
    "Ofertas": {'Liquidación "Final"': (), "Hot Sale 2024!": ("Día 1!", "Día 2!")},
    "Outlet!": {"Temporada pasada!": ()},
}

_NOUNS: dict[str, tuple[str, ...]] = {
    "Remeras": ("Remera de algodón", "Remera térmica", "Musculosa"),
    "Camperas": ("Campera de abrigo", "Rompevientos", "Campera de cuero"),
    "Pantalones": ("Pantalón cargo", "Jean recto", "Bombacha de campo"),
    "Vestidos": ("Vestido largo", "Vestido camisero"), "Abrigos": ("Poncho tejido", "Tapado de paño", "Cardigan"),
    "Running": ("Zapatilla running", "Zapatilla trail"), "Urbanas": ("Zapatilla urbana", "Alpargata"),
    "Botas": ("Bota de montaña", "Borcego"),
    "Mate": ("Mate imperial", "Bombilla de alpaca", "Set matero", "Termo acero 1 L"),
    "Parrilla": ("Set de asado", "Parrilla portátil", "Chimichurri artesanal"),
    "Vajilla": ("Juego de platos", "Vaso térmico"), "Sábanas": ("Juego de sábanas", "Acolchado"),
    "Auriculares": ("Auricular inalámbrico", 'Auricular 1/4"'), "Parlantes": ("Parlante portátil", "Barra de sonido"),
    "Fundas": ("Funda silicona", "Vidrio templado"), "Cargadores": ("Cargador rápido 20W", "Cable USB-C"),
    "2 personas": ("Carpa iglú", "Carpa ultraliviana"), "4 personas": ("Carpa familiar",),
    "Cremas": ("Crema hidratante", "Sérum facial"), "Yerba mate": ("Yerba mate orgánica 1 kg", "Yerba con hierbas"),
    "Tintos": ("Malbec Reserva", "Bonarda", "Cabernet Franc"), "Blancos": ("Torrontés", "Chardonnay"),
}  # fmt: skip
_ADJECTIVES = (
    "Clásico", "Premium", "Patagonia", "Edición limitada", "Andino", "Urbano", "Pro", "Eco ♻", "XL", "Línea 2026",
    "“Origen”", "Ñ",
)  # fmt: skip

LONG_NAME = "Campera técnica impermeable " + "con capucha desmontable y bolsillos " * 6 + "XXXL"  # over 240 characters
NEVER_SEEN_FROM = 90_000  # products with an id from here on were sold, then deleted before the store's first day


@dataclass(slots=True)
class Product:
    """What an order line needs to know of a product."""

    id: int
    sku: str
    name: str
    type: str
    price: int  # centavos, at the prices of the store's first day
    weight: int = 0  # hundredths of a kilogram
    cost: int = 0  # centavos; 0: no cost recorded
    special_price: int = 0
    brand: str = ""
    categories: tuple[int, ...] = ()
    color: int = 0  # option id of a variant's colour
    children: tuple[Product, ...] = ()  # variants of a configurable, selections of a bundle
    quantities: tuple[int, ...] = ()  # of each selection of a bundle
    dynamic: bool = False  # a bundle whose price is the sum of its selections'
    sold: bool = True  # may be bought by itself (variants may not)


@dataclass(slots=True)
class Catalog:
    """All products, and those that orders may pick from."""

    products: dict[int, Product] = field(default_factory=dict)
    simple: list[Product] = field(default_factory=list)
    configurable: list[Product] = field(default_factory=list)
    virtual: list[Product] = field(default_factory=list)
    fixed_bundles: list[Product] = field(default_factory=list)
    dynamic_bundles: list[Product] = field(default_factory=list)
    never_seen: list[Product] = field(
        default_factory=list
    )  # deleted before the first day: in orders, not in the catalog
    special: dict[str, Product] = field(default_factory=dict)  # awkward products by a name that says why


@functools.lru_cache(maxsize=1024)
def plain(text: str, between: str = "-") -> str:
    """Return a text in small letters of ASCII, for addresses and URLs, with `between` in place of what is no letter."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", between, letters.lower()).strip(between or None)


def categories() -> list[Doc]:
    """Return the category documents: root, store root, and levels 2 to 4."""
    nodes: list[Doc] = []

    def add(parent: Doc | None, name: str, position: int) -> Doc:
        id_ = len(nodes) + 1
        level = parent["level"] + 1 if parent else 0
        active = not name.endswith("!")
        name = name.removesuffix("!")
        node: Doc = {"is_active": active} if parent else {}
        node |= {
            "id": id_,
            "parent_id": parent["id"] if parent else 0,
            "name": name,
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

    for node in nodes:
        children = [str(other["id"]) for other in nodes if other["parent_id"] == node["id"]]
        node["children"] = ",".join(children)
    return nodes


def build(size: int) -> Catalog:
    """Return the catalog of about `size` products (at least 300), always the same one."""
    catalog = Catalog()
    random = Random(size).random
    nodes = [node for node in categories() if node["level"] >= 2]
    leaves = [node for node in nodes if not node["children"]]
    offers = next(node["id"] for node in nodes if node["name"] == "Ofertas")
    by_name = {node["name"]: node["id"] for node in nodes}

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

    def shelf() -> tuple[str, tuple[int, ...]]:
        leaf = leaves[int(random() * len(leaves))]
        places = [leaf["id"]]
        if random() < 0.3:
            places.append(leaf["parent_id"] if leaf["parent_id"] > 2 else offers)
        if random() < 0.15:
            places.append(offers)
        if random() < 0.04:
            places = []
        return leaf["name"], tuple(sorted(set(places)))

    def weight() -> int:
        return int(10 + random() * 490)

    def simple(name: str, **more: Any) -> Product:
        catalog.simple.append(add("simple", name, price(), **({"weight": weight()} | more)))
        return catalog.simple[-1]

    leaf, one = (by_name["Camperas"],), str(_FIRST_BRAND)
    catalog.special = {
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
    catalog.special["cent price"].price = 1_001

    gift = (by_name["Tarjetas de regalo"],)
    for pesos in (5_000, 10_000, 20_000, 50_000, 100_000):
        name = f"Tarjeta de regalo ${pesos:,}".replace(",", ".")
        catalog.virtual.append(add("virtual", name, pesos * 100, categories=gift))
    for years in (1, 2):
        name = f"Garantía extendida {years} año{'s' * (years > 1)}"
        product = add("virtual", name, years * 1_899_950, categories=(by_name["Servicios"],))
        catalog.virtual.append(product)

    while len(catalog.products) < max(300, size):
        shelf_name, places = shelf()
        noun = pick(_NOUNS.get(shelf_name, (f"{shelf_name.strip()}:",)))
        name = f"{noun} {pick(_ADJECTIVES)} {len(catalog.products) + 1}"
        made_by = brand()
        cents = price()
        if len(catalog.configurable) * 10 < len(catalog.products):
            number = len(catalog.products) + 1
            own_brand = random() >= 0.15
            own_places = random() >= 0.1
            shared = {"weight": weight(), "brand": made_by, "categories": () if own_places else places, "sold": False}
            variants = []
            for i, color in enumerate(_COLORS[: 3 + (number % 3 == 0)]):
                own = {"sku": f"CONF-{number:05d}-{color}", "color": _FIRST_COLOR + i}
                variants.append(add("simple", f"{name}-{color}", cents + (i == 3) * 50_000, **own, **shared))
            parent = add("configurable", name, 0, sku=f"CONF-{number:05d}", brand=made_by if own_brand else "")
            parent.categories, parent.children = places if own_places else (), tuple(variants)
            catalog.configurable.append(parent)
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
        )
        (catalog.dynamic_bundles if dynamic else catalog.fixed_bundles).append(bundle)

    gone = catalog.never_seen
    for number in range(6):
        name = f"Producto discontinuado {number}"
        gone.append(Product(NEVER_SEEN_FROM + number, f"OLD-{number}", name, "simple", price(), weight=100))
    # A configurable of which only the variants are still in the catalog.
    gone.append(Product(NEVER_SEEN_FROM + 6, "OLD-CONF", "Buzo discontinuado", "configurable", 0))
    gone[-1].children = catalog.configurable[0].children
    return catalog


def product_doc(product: Product, made_at: str) -> Doc:
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
        "created_at": made_at,
        "updated_at": made_at,
    }
    if product.weight:
        doc["weight"] = money(product.weight)
    extension: Doc = {"website_ids": [1, 2] if product.id % 3 else [1]}
    if product.categories:
        places = [{"position": i, "category_id": str(id_)} for i, id_ in enumerate(product.categories)]
        extension["category_links"] = places
    if product.type == "configurable":
        extension["configurable_product_links"] = [variant.id for variant in product.children]
    attributes: Doc = {"url_key": f"{plain(product.name)[:60]}-{product.id}", "tax_class_id": "2"}
    attributes |= {"manufacturer": product.brand} if product.brand else {}
    attributes |= {"color": str(product.color)} if product.color else {}
    for name, cents in (("cost", product.cost), ("special_price", product.special_price)):
        attributes |= {name: f"{cents / 100:.6f}"} if cents else {}
    attributes["category_ids"] = [str(id_) for id_ in product.categories]
    listed = [{"attribute_code": code, "value": value} for code, value in attributes.items()]
    return doc | {"extension_attributes": extension, "custom_attributes": listed}


def money(cents: int) -> int | float:
    """Return hundredths as PHP encodes the amount in JSON: whole numbers have no point."""
    return cents / 100 if cents % 100 else cents // 100


def number(value: float) -> int | float:
    """Return a rate or price of four decimals as PHP encodes it in JSON."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded
