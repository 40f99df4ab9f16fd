"""Who buys: accounts and guests, each a function of the seed and a number.

Nothing about people is kept in memory: the account of an order is made again from its id.
"""

import functools
from collections.abc import Callable
from random import Random
from typing import Any

from demo.magento.catalog import STORES, plain
from demo.magento.clock import DAY, stamp

Doc = dict[str, Any]

_FIRST = (
    "María José", "Juan Cruz", "Sofía", "Martín", "Lucía", "Nicolás", "Valentina", "Agustín",
    "Camila", "Matías", "Florencia", "Joaquín", "Micaela", "Facundo", "Julieta", "Tomás",
    "Belén", "Ezequiel", "Rocío", "Ramiro", "Ángeles", "Iñaki", "Ayelén", "Lautaro", "Milagros",
    "Gonzalo", "Paula", "Hernán", "Carolina", "Damián", "Noelia", "Guillermo", "Mónica", "Raúl",
    "Graciela", "Osvaldo", "Marta", "Héctor", "Yamila", "Bautista", "Delfina", "Ciro",
)  # fmt: skip
_LAST = (
    "González", "Rodríguez", "Gómez", "Fernández", "López", "Díaz", "Martínez", "Pérez", "García",
    "Sánchez", "Romero", "Sosa", "Álvarez", "Torres", "Ruiz", "Ramírez", "Flores", "Acosta",
    "Benítez", "Medina", "Suárez", "Herrera", "Aguirre", "Pereyra", "Gutiérrez", "Giménez",
    "Molina", "Silva", "Castro", "Rojas", "Ortíz", "Núñez", "Luna", "Juárez", "Cabrera", "Ríos",
    "Ferreyra", "Godoy", "Morales", "Domínguez", "Moreno", "Peralta", "Vega", "Carrizo", "Quiroga",
    "Castillo", "Ledesma", "Muñoz", "Ojeda", "Ponce", "Vera", "Vázquez", "Villalba", "Cardozo",
    "Navarro", "Coronel", "Ñancucheo", "D'Angelo", "Müller", "Weiß", "de la Fuente", "Ibáñez",
)  # fmt: skip
_DOMAINS = ("example.com", "correo.example", "example.net", "mail.example.org")

# City, region, region code, region id, postcode, area code.
_ARGENTINA = (
    ("CABA", "Ciudad Autónoma de Buenos Aires", "AR-C", 1072, "C1043AAZ", "11"),
    ("CABA", "Ciudad Autónoma de Buenos Aires", "AR-C", 1072, "C1425", "11"),
    ("La Plata", "Buenos Aires", "AR-B", 1073, "B1900", "221"),
    ("Mar del Plata", "Buenos Aires", "AR-B", 1073, "7600", "223"),
    ("San Isidro", "Buenos Aires", "AR-B", 1073, "1642", "11"),
    ("Quilmes", "Buenos Aires", "AR-B", 1073, "1878", "11"),
    ("Bahía Blanca", "Buenos Aires", "AR-B", 1073, "8000", "291"),
    ("Córdoba", "Córdoba", "AR-X", 1077, "X5000", "351"),
    ("Rosario", "Santa Fe", "AR-S", 1092, "S2000", "341"),
    ("Mendoza", "Mendoza", "AR-M", 1084, "5500", "261"),
    ("San Miguel de Tucumán", "Tucumán", "AR-T", 1095, "4000", "381"),
    ("Salta", "Salta", "AR-A", 1088, "4400", "387"),
    ("Neuquén", "Neuquén", "AR-Q", 1086, "8300", "299"),
    ("San Carlos de Bariloche", "Río Negro", "AR-R", 1087, "8400", "294"),
    ("Ushuaia", "Tierra del Fuego", "AR-V", 1094, "9410", "2901"),
)
_USA = (
    ("Miami", "Florida", "FL", 18, "33101", "305"),
    ("Orlando", "Florida", "FL", 18, "32801", "407"),
    ("New York", "New York", "NY", 43, "10001", "212"),
)
_STREETS = (
    "Av. Corrientes", "San Martín", "9 de Julio", "Belgrano", "Av. Rivadavia", "Mitre", "Sarmiento",
    "Güemes", "25 de Mayo", "Pasaje Ñandú", "Av. del Libertador",
)  # fmt: skip

ACCOUNTS_OF_OLD = 0.2  # share of the accounts that existed when the store's first recorded order was placed

INVALID_EMAILS = (
    "sin-arroba.example.com",
    "juan perez@example.com",
    "josé@example.com",
    "ana@localhost",
    "dos@@example.com",
    "uno@example.com,dos@example.com",
    "punto.final@example.com.",
    f"{'muy.' * 64}larga@example.com",
    "-",
)
"""E-mails that no contact can have: no @, inner spaces, non-ASCII, no domain, two of them, 254+."""

SPECIAL_ACCOUNTS = {
    1: "mixed-case e-mail; guests order with it in other case and with spaces around",
    2: "same e-mail as account 3 of the other website",
    3: "same e-mail as account 2 in upper case, on the website in USD, updated later",
    4: "never ordered, no address",
    5: "never ordered, several addresses, the default one not the lowest id",
    6: "e-mail became invalid; the orders' own e-mail is valid",
    7: "non-ASCII e-mail on account and orders",
    8: "buys all the time: lists longer than 2,000 characters",
    9: "impossible date of birth, unknown gender code, odd names",
    10: "made in the admin: store_id 0, created_in Admin",
    11: "names of 255 characters",
    12: "addresses, none of them a default",
    13: "default shipping address only",
    14: "e-mail changed since the orders",
    15: "prefix, middle name, tax number, no date of birth",
    16: "white space around the e-mail, no-break space included",
    17: "two orders in the same second",
    18: "buys in pesos paying in dollars, and on the website in USD",
    19: "orders every awkward product",
    20: "buyer of bundles",
    21: "orders with refunds, cancellations and holds",
    22: "orders paid and unpaid with every payment method",
    23: "bought often and cheaply, long ago",
}
"""Accounts with a fixed story, by id; more accounts follow from the seed."""


class Crowd:
    """Everybody of one store: `total` accounts made up to `end`, the last three years evenly."""

    def __init__(self, seed: int, total: int, start: int, end: int) -> None:
        self.seed = seed
        self.total = max(total, 2 * len(SPECIAL_ACCOUNTS))
        self.start = start
        self.end = end
        self._random = Random()
        self._recent = functools.lru_cache(maxsize=4096)(self.account)

    def _draws(self, kind: int, number: int) -> Callable[[], float]:
        self._random.seed((self.seed << 80) | (kind << 64) | number)
        return self._random.random

    def accounts_at(self, moment: int) -> int:
        """Return how many accounts exist by then: ids 1 to that number."""
        share = (moment - self.start) / (self.end - self.start)
        exist = ACCOUNTS_OF_OLD + (1 - ACCOUNTS_OF_OLD) * share
        return max(len(SPECIAL_ACCOUNTS), min(self.total, int(self.total * exist)))

    def _created(self, number: int) -> int:
        if number <= len(SPECIAL_ACCOUNTS):
            return self.start - 400 * DAY + number * 3_607
        share = number / (self.total + 1)
        if share < ACCOUNTS_OF_OLD:
            return self.start - 380 * DAY + int(360 * DAY * share / ACCOUNTS_OF_OLD)
        share = (share - ACCOUNTS_OF_OLD) / (1 - ACCOUNTS_OF_OLD)
        return self.start + int((self.end - self.start) * share)

    def buyer(self, number: int) -> Doc:
        """Return an account to be read, not changed: the last few thousand are kept."""
        return self._recent(number)

    def account(self, number: int, created: int | None = None) -> Doc:
        """Return account `number` as `GET /V1/customers/search` sends it.

        `created` (Unix time) overrides the moment it was made, for accounts of later days.
        """
        random = self._draws(1, number)
        first = _FIRST[int(random() * len(_FIRST))]
        last = _LAST[int(random() * len(_LAST))]
        place = random()
        twin = number % 89 == 0
        has_twin = (number + 1) % 89 == 0
        store_id = 3 if twin or (place < 0.1 and not has_twin) else 2 if place < 0.18 else 1
        store = STORES[store_id]
        made = self._created(number) if created is None else created
        edited = made + int(random() ** 2 * max(0, self.end - made)) if random() < 0.3 else made + 1
        email = self._twin_email(number) if twin else _email(first, last, f"{number}", random())
        if number % 701 == 0:
            email = INVALID_EMAILS[number // 701 % len(INVALID_EMAILS)]
        group = 2 if store_id == 2 else 1 if random() < 0.8 else 3 if random() < 0.5 else 4
        doc: Doc = {
            "id": number,
            "group_id": group,
            "created_at": stamp(made),
            "updated_at": stamp(min(edited, max(self.end, made))),
            "created_in": store.name,
        }
        if random() < 0.7:
            year, day = 1950 + int(random() * 56), int(random() * 28) + 1
            doc["dob"] = f"{year}-{int(random() * 12) + 1:02d}-{day:02d}"
        doc["email"] = email
        doc["firstname"] = f" {first} " if number % 53 == 0 else first
        doc["lastname"] = last.upper() if number % 17 == 0 else last
        if random() < 0.1:
            doc |= {"middlename": "J.", "prefix": "Dr."}
        if random() < 0.6:
            doc["gender"] = 1 + int(random() * 3)
        if number % 61 == 0:
            store_id = 0
            doc["created_in"] = "Admin"
        doc["store_id"] = store_id
        if group in (2, 3):
            doc["taxvat"] = f"30-{70_000_000 + number}-{number % 10}"
        doc["website_id"] = store.website_id
        addresses = int(random() * 1.25 + 0.85) if random() < 0.95 else 3
        doc["addresses"] = [self._address(number * 4 + i, doc, first, last, random) for i in range(addresses)]
        _set_defaults(doc, int(random() * 40))
        doc["disable_auto_group_change"] = 0
        doc["extension_attributes"] = {"is_subscribed": random() < 0.45}
        if random() < 0.25:
            own = {"dni": str(20_000_000 + number), "acepta_whatsapp": str(number % 2)}
            doc["custom_attributes"] = [{"attribute_code": code, "value": value} for code, value in own.items()]
        if number in SPECIAL_ACCOUNTS:
            _make_special(doc, stamp(self.start + 300 * DAY))
        return doc

    def _twin_email(self, number: int) -> str:
        """Return the e-mail of the account before, in upper case for every other twin."""
        random = Random((self.seed << 80) | (1 << 64) | (number - 1)).random
        first = _FIRST[int(random() * len(_FIRST))]
        last = _LAST[int(random() * len(_LAST))]
        email = _email(first, last, f"{number - 1}", 1)
        return email.upper() if number % 2 else email

    def _address(self, id_: int, doc: Doc, first: str, last: str, random: Callable[[], float]) -> Doc:
        address: Doc = {"id": id_, "customer_id": doc["id"], **_place(doc["website_id"], random)}
        if random() < 0.15:
            address |= {"company": f"{last} e Hijos S.R.L.", "fax": "011 4000-0000"}
        return address | {"firstname": first, "lastname": last}

    def guest(self, number: int, website_id: int, *, regular: bool = False) -> Doc:
        """Return guest `number`: names, e-mail and an address, like an account without an id."""
        random = self._draws(3 if regular else 2, number)
        first = _FIRST[int(random() * len(_FIRST))]
        last = _LAST[int(random() * len(_LAST))]
        name = {"firstname": first, "lastname": last}
        email = _email(first, last, f"{'r' if regular else 'g'}{number}", random())
        return {"group_id": 0, "email": email, **name, "addresses": [{**name, **_place(website_id, random)}]}


def masked_email(number: int) -> str:
    """Return an e-mail behind which a marketplace hides its buyer."""
    if number % 3:
        return f"comprador{number}.x{number * 7919 % 99991:x}@mail.mercadolibre.com"
    return f"{number * 104729 % 9999991:x}@buyers.marketplace.example"


def _email(first: str, last: str, tag: str, case: float) -> str:
    domain = _DOMAINS[len(first + last) % len(_DOMAINS)]
    local = f"{plain(first, '')}.{plain(last, '')}.{tag}"
    if case < 0.08:
        local = local.title()
    return f"{local}@{domain}"


def _place(website_id: int, random: Callable[[], float]) -> Doc:
    """Return the part of an address that says where."""
    cities = _USA if website_id == 2 else _ARGENTINA
    city, region, code, region_id, postcode, area = cities[int(random() ** 1.3 * len(cities))]
    number = int(random() * 9000)
    street = [f"{_STREETS[number % len(_STREETS)]} {number + 1}"]
    if number % 3 == 0:
        street.append(f"Piso {number % 12}º “{'ABCD'[number % 4]}”")
    phone = f"+1 {area} 555 {number:04d}" if website_id == 2 else f"+54 {area} 4{number:04d}-{number:04d}"
    abroad = number % 40 == 0
    if abroad:
        code, region, region_id = None, None, 0  # type: ignore[assignment]
    return {
        "region": {"region_code": code, "region": region, "region_id": region_id},
        **({} if abroad and number % 80 else {"region_id": region_id}),
        "country_id": "DE" if abroad else "US" if website_id == 2 else "AR",
        "street": street,
        "telephone": phone,
        "postcode": postcode,
        "city": "Berlin" if abroad else city,
    }


def _set_defaults(doc: Doc, draw: int) -> None:
    """Mark the default addresses: mostly the first one for both."""
    addresses = doc["addresses"]
    if not addresses or draw == 0:
        return
    billing = addresses[-1] if draw < 4 else addresses[0]
    if draw != 1:
        _mark(doc, "default_billing", billing)
    if draw != 2:
        _mark(doc, "default_shipping", addresses[0] if draw < 8 else billing)


def _mark(doc: Doc, what: str, address: Doc) -> None:
    doc[what] = str(address["id"])
    address[what] = True


_ODD: dict[int, Doc] = {
    1: {"email": "Maria.Jose@Example.com"},
    2: {"email": "dos.sitios@example.com"},
    3: {"email": "DOS.SITIOS@EXAMPLE.COM", "store_id": 3, "website_id": 2, "created_in": STORES[3].name, "group_id": 4},
    6: {"email": "correo mal escrito@example.com"},
    7: {"email": "muñoz@correo.example"},
    9: {"dob": "0000-00-00", "gender": 7, "firstname": "  Ana 🌸\n", "lastname": 'O\'Neill "La Flaca" <b>'},
    10: {"store_id": 0, "created_in": "Admin"},
    11: {"firstname": "Wolfeschlegelsteinhausen" * 10 + "berger-" * 2 + "x", "lastname": "Ñ" * 255},
    14: {"email": "correo.nuevo@example.com"},
    15: {"prefix": "Dra.", "middlename": "de los Ángeles", "taxvat": "27-12345678-4"},
    16: {"email": " \u00a0cuenta.16@example.com \t"},
}
"""What tells the special accounts from others; `_make_special` has what is no value of their own."""


def _make_special(doc: Doc, later: str) -> None:
    """Give one of the SPECIAL_ACCOUNTS its story; `later` is an `updated_at` after the others'."""
    number = doc["id"]
    doc |= {"store_id": 1, "website_id": 1, "group_id": 1, "created_in": STORES[1].name}
    doc |= {"email": f"cuenta.{number}@example.com", "updated_at": later if number == 3 else doc["created_at"]}
    for name in ("taxvat", "default_billing", "default_shipping", *(["dob"] if number == 15 else [])):
        doc.pop(name, None)
    addresses = doc["addresses"]
    if number == 4:
        addresses.clear()
    elif number in (5, 12, 13) and len(addresses) < 2:
        addresses[:] = [_special_address(number, i) for i in range(3)]
    elif not addresses:
        addresses.append(_special_address(number, 0))
    for address in addresses:
        address.pop("default_billing", None)
        address.pop("default_shipping", None)
    if number in (5, 13):
        _mark(doc, "default_billing" if number == 5 else "default_shipping", addresses[-1])
    elif number != 12:
        _set_defaults(doc, 39)
    doc |= _ODD.get(number, {})


def _special_address(number: int, i: int) -> Doc:
    """Return a fixed address, each in another city."""
    city, region, code, region_id, postcode, area = _ARGENTINA[7 + i]
    return {
        "id": number * 4 + i,
        "customer_id": number,
        "region": {"region_code": code, "region": region, "region_id": region_id},
        "region_id": region_id,
        "country_id": "AR",
        "street": [f"{_STREETS[i]} {number}00"],
        "telephone": f"+54 {area} 4000-00{number:02d}",
        "postcode": postcode,
        "city": city,
        "firstname": "Nombre",
        "lastname": "Apellido",
    }
