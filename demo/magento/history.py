"""Three years of a shop: who ordered what when, and what became of each order.

Every order is a function of the seed and its id, so orders are made one after the other without keeping any. Times rise
with the ids, the share of paid, canceled and refunded orders is a shop's, and prices and the dollar rise as they did in
Argentina.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from demo.magento import documents, orders
from demo.magento.catalog import STORES, Catalog, Product, Store
from demo.magento.clock import DAY, busy_time
from demo.magento.orders import NO_DISCOUNT, Basket, Discount, Ids
from demo.magento.people import INVALID_EMAILS, SPECIAL_ACCOUNTS, Crowd, masked_email

Doc = dict[str, Any]
Draw = Callable[[], float]

HISTORY = 3 * 365 * DAY  # seconds before the store's first day that its first recorded order was placed
OLD_MODULE_SHARE = 0.55  # share of the history after which the old MercadoPago module was replaced by the new one
LOST_AFTER = 0.6  # share of the history after which every fifth of the loyal accounts stays away

COUPONS = (
    Discount(10, coupon="BIENVENIDA10", description="Bienvenida 10%", rules="2"),
    Discount(20, coupon="HOTSALE", description="Hot Sale", rules="3"),
    Discount(20, coupon="HotSale", description="Hot Sale", rules="3"),
    Discount(20, coupon="hotsale", description="Hot Sale", rules="3"),
    Discount(15, coupon="Ñandú15", description="Ñandú 15%", rules="4"),
    Discount(amount=500_000, coupon="5MIL", description="$5.000 de descuento", rules="5"),
    Discount(coupon="ENVIOGRATIS", description="Envío gratis", rules="6", free_shipping=True),
    Discount(20, coupon="HotSale, ENVIOGRATIS", description="Hot Sale, Envío gratis", rules="3,6", free_shipping=True),
    Discount(33, coupon="CYBER33", description="Cyber Monday", rules="7"),
)
"""Coupons of the store: one code in three spellings, and two codes at once."""

FREE_COUPON = Discount(100, coupon="REGALO100", description="Regalo", rules="8", free_shipping=True)
AUTOMATIC = (Discount(5, rules="9"), Discount(12, rules="9,10"), Discount(3, rules="10"))
"""Cart rules that need no coupon."""


def _wheel(**weights: int) -> tuple[str, ...]:
    return tuple(code for code, weight in weights.items() for _ in range(weight))


_WHEEL_NEW = _wheel(
    mercadopago_adbpayment_cc=27, mercadopago_adbpayment_checkout_pro=20, mercadopago_adbpayment_payment_methods_off=9,
    decidir=16, cashondelivery=8, banktransfer=12, checkmo=3, gocuotas=5,
)  # fmt: skip
_WHEEL_OLD = _wheel(
    mercadopago_basic=26, mercadopago_custom=24, decidir=20, cashondelivery=11, banktransfer=14, checkmo=5
)
_WHEEL_USA = _wheel(mercadopago_adbpayment_cc=60, checkmo=20, banktransfer=20)

SHIPPED_FIRST = "cashondelivery"

# Method: shares that are paid at once or later, and canceled after a while; longest wait for the payment.
_FATES: dict[str, tuple[float, float, int]] = {
    "mercadopago_adbpayment_checkout_pro": (0.74, 0.9, DAY // 2),
    "mercadopago_adbpayment_payment_methods_off": (0.66, 0.83, 4 * DAY),
    "mercadopago_basic": (0.68, 0.7, DAY),
    "mercadopago_custom": (0.76, 0.78, 120),
    "cashondelivery": (0.84, 0.92, 5 * DAY),
    "banktransfer": (0.7, 0.86, 5 * DAY),
    "checkmo": (0.6, 0.8, 9 * DAY),
}
_CARD_FATE = (0.95, 0.97, 60)


@dataclass(slots=True)
class Sale:
    """An order and the credit memos made of it."""

    order: Doc
    creditmemos: list[Doc] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """Everything that orders are made from; `now` is the store's clock in Unix time."""

    seed: int
    catalog: Catalog
    crowd: Crowd
    ids: Ids
    start: int
    now: int
    _random: Random = field(default_factory=Random)

    def draws(self, kind: int, number: int) -> Draw:
        """Return the random numbers of one thing, the same ones at every call."""
        self._random.seed((self.seed << 80) | (kind << 64) | number)
        return self._random.random

    def price_level(self, moment: int) -> int:
        """Return the prices of a moment, per mille of those of the first day."""
        return max(100, 300 + 700 * (moment - self.start) // HISTORY)

    def pesos_per_dollar(self, moment: int) -> float:
        """Return the exchange rate of a moment's day."""
        day = max(0, (moment - self.start) // DAY)
        return round(350 + 1050 * day * DAY / HISTORY, 4)

    def moment(self, number: int, total: int) -> int:
        """Return when the `number`-th of `total` orders was placed: rising, ever more often."""
        if number % 211 == 210:
            return self.moment(number - 1, total)  # two orders in one second
        # A scattered fraction between an order and the next (Knuth's multiplicative hash).
        jitter = (number * 2_654_435_761 + self.seed) % 65_521 / 65_521
        share = (number + jitter) / total
        at = busy_time(self.start + share**0.8 * (self.now - 120 - self.start))
        if number % 97 == 96:  # the last or first second of a day in the store's zone
            at = (at // DAY) * DAY + 3 * 3600 - number % 2
        return min(at, self.now - 60)

    def regular(self, first_id: int, total: int) -> Iterator[Sale]:
        """Yield `total` orders from `first_id` on."""
        for number in range(total):
            order_id = first_id + number
            yield self.sale(order_id, self.moment(number, total), self.draws(5, order_id))

    def sale(self, order_id: int, moment: int, random: Draw) -> Sale:
        """Return the order of that id with everything that happened to it until now."""
        buyer, email, store, marketplace = self._buyer(order_id, moment, random)
        basket = self.basket(moment, store, random)
        if marketplace:
            basket.method = "m2epropayment"
        # A buyer who has saved no address gives another.
        addresses = buyer["addresses"] or self.crowd.guest(store.id, store.website_id)["addresses"]
        address = addresses[int(random() * len(addresses))] if buyer["addresses"] else addresses[0]
        return self.happen(order_id, basket, buyer, address, moment, email, random)

    def _buyer(self, order_id: int, moment: int, random: Draw) -> tuple[Doc, str, Store, bool]:
        if random() < 0.42:
            return self._guest(order_id, random)
        exist = self.crowd.accounts_at(moment)
        number = int(random() * exist) + 1
        if random() < 0.5:  # a seventh buys again and again, a few of them all the time
            loyal = int(random() ** 1.7 * ((exist - 24) // 7)) * 7 + 24
            if loyal % 5 or moment - self.start < LOST_AFTER * HISTORY:
                number = loyal
        while number % 11 == 5 or number in SPECIAL_ACCOUNTS:
            number = number % self.crowd.total + 1
        buyer = self.crowd.buyer(number)
        email: str = buyer["email"]
        if number % 47 == 0 and moment < self.now - HISTORY // 3:
            email = f"antes.{number}@example.com"
        return buyer, email, STORES[buyer["store_id"] or 1], False

    def _guest(self, order_id: int, random: Draw) -> tuple[Doc, str, Store, bool]:
        draw = random()
        website = 1 if random() < 0.93 else 2
        store = STORES[3 if website == 2 else 1]
        if draw < 0.2:
            number = int(random() ** 1.5 * (20 + self.crowd.total // 12))
            guest = self.crowd.guest(number, website, regular=True)
        else:
            guest = self.crowd.guest(order_id, website)
        email: str = guest["email"]
        if draw > 0.94:
            email = masked_email(order_id)
        elif draw > 0.87:
            account = self.crowd.buyer(int(random() * self.crowd.total) + 1)
            email = account["email"]
            email = (email.upper(), email.lower(), f" {email}", f"{email.title()} \t")[order_id % 4]
        elif draw > 0.863:
            email = INVALID_EMAILS[order_id % len(INVALID_EMAILS)]
        elif order_id % 3 == 0:
            email = email.capitalize()
        return guest, email, store, draw > 0.94

    def basket(self, moment: int, store: Store, random: Draw) -> Basket:
        """Return what somebody buys at a moment in a store view."""
        catalog = self.catalog
        count = 1 + int(random() ** 2.8 * 6)
        lines = [self._line(moment, store, random) for _ in range(count)]
        draw = random()
        discount = NO_DISCOUNT
        if draw < 0.27:
            discount = COUPONS[int(random() ** 1.4 * len(COUPONS))]
        elif draw < 0.4:
            discount = AUTOMATIC[int(random() * len(AUTOMATIC))]
        elif draw < 0.404:
            discount = FREE_COUPON
            if random() < 0.3:
                bundles = catalog.fixed_bundles + catalog.dynamic_bundles
                lines[0] = (bundles[int(random() * len(bundles))], 1, 0)
        is_old = moment - self.start < OLD_MODULE_SHARE * HISTORY
        wheel = _WHEEL_USA if store.id == 3 else _WHEEL_OLD if is_old else _WHEEL_NEW
        method = wheel[int(random() * len(wheel))]
        level = self.price_level(moment)
        fee = (0, 2990, 4500, 6200, 8999)[int(random() * 5)]
        shipping = (fee * level // 1000) * 100 if store.id != 3 else fee // 500 * 100
        display = None
        rate = self.pesos_per_dollar(moment)
        if store.id == 2 and random() < 0.25:
            display = ("USD", round(1 / rate, 8))
        if discount is FREE_COUPON:
            method, display = "free", None
        return Basket(store, lines, method, discount, shipping, level, rate, display)

    def _line(self, moment: int, store: Store, random: Draw) -> tuple[Product, int, int]:
        goods = self.catalog
        draw = random()
        quantity = 1 + int(random() ** 4 * (12 if store.id == 2 else 4))
        gone = goods.never_seen if self.now - moment > 200 * DAY else goods.simple
        pools = (goods.simple, goods.configurable, goods.virtual, goods.fixed_bundles, goods.dynamic_bundles, gone)
        pool = pools[bisect_right((0.56, 0.88, 0.92, 0.95, 0.98), draw)]
        product = pool[int(random() ** 1.6 * len(pool))]
        variant = int(random() * len(product.children)) if product.children else 0
        return product, quantity, variant

    def happen(
        self, order_id: int, basket: Basket, buyer: Doc, address: Doc, moment: int, email: str, random: Draw
    ) -> Sale:
        """Place the order and let happen what the dice say, as far as it is not in the future."""
        fate, delay = _fate(basket.method, random)
        sale = Sale(orders.place(self.ids, order_id, basket, buyer, address, moment, email))
        order = sale.order
        if fate in ("pending_payment", "payment_review"):
            order["state"] = order["status"] = fate
            resolved = moment + 8 * 3600 + int(random() * 2 * DAY)
            draw = random()
            if draw < 0.25 or resolved > self.now:
                return sale
            if fate == "pending_payment" or draw < 0.5:
                documents.cancel(order, resolved)
                return sale
            fate, delay = "paid", resolved - moment
        if fate == "canceled":
            late = moment + 2 * DAY + int(random() * 6 * DAY)
            if late <= self.now:
                documents.cancel(order, late)
            return sale
        if fate != "paid":
            if random() < 0.04 and moment + 4000 < self.now:
                documents.hold(order, moment + 4000)
            return sale
        paid = moment + delay
        sent = paid + int((0.4 + random() * 5) * DAY)
        if basket.method == SHIPPED_FIRST:
            sent, paid = moment + int((0.5 + random() * 3) * DAY), sent + 2 * DAY
        top = [item["item_id"] for item in order["items"] if "parent_item_id" not in item]
        partly = len(top) > 1 and basket.method != SHIPPED_FIRST and random() < 0.015
        if random() < 0.015:
            sent = self.now + 1  # never sent
        if sent < paid and sent <= self.now:
            documents.ship(order, sent)
        if paid <= self.now:
            only = top[: len(top) // 2] if partly else None
            documents.pay(order, paid, only)
            if partly and paid + DAY <= self.now:
                documents.cancel(order, paid + DAY)
                sent += DAY
        if paid < sent <= self.now:
            documents.ship(order, sent)
        if paid <= self.now:
            self._aftermath(sale, max(paid, sent if sent <= self.now else paid), random)
        return sale

    def _aftermath(self, sale: Sale, after: int, random: Draw) -> None:
        draw, wait, kind = random(), random(), random()
        if draw < 0.07:
            moment = after + 3600 + int(wait**2 * 90 * DAY)
            if moment <= self.now and sale.order["base_total_paid"]:
                sale.creditmemos.append(self.refund(sale.order, moment, kind))
                if kind < 0.02 and moment + DAY <= self.now and sale.order["state"] != "closed":
                    sale.creditmemos.append(self.refund(sale.order, moment + DAY, 0.99))
        elif draw < 0.08 and after + 7200 <= self.now and sale.order["state"] == "processing":
            documents.hold(sale.order, after + 7200)

    def refund(self, order: Doc, moment: int, kind: float) -> Doc:
        """Refund some of a paid order, in one of the ways that shops do; `kind` is 0 to 1."""
        left = {
            item["item_id"]: item["qty_ordered"] - item["qty_canceled"] - item["qty_refunded"]
            for item in order["items"]
            if "parent_item_id" not in item and item["qty_invoiced"]
        }
        shipping = round((order["base_shipping_invoiced"] - order.get("base_shipping_refunded", 0)) * 100)
        open_cents = round((order["base_total_paid"] - order.get("base_total_refunded", 0)) * 100)
        fee = max(1, open_cents // 20)
        some: dict[str, Any] = {"plus": 0, "minus": 0}
        if kind >= 0.9:  # money back, no goods
            left, some["plus"] = {}, fee
        elif kind < 0.2 and len(left) > 1:  # whole lines
            left = dict(list(left.items())[: max(1, len(left) // 2)])
        elif kind < 0.4 and max(left.values()) > 1:  # a part of a line
            left = {max(left, key=lambda key: left[key]): 1}
        elif kind < 0.5:  # all goods for a fee: closed, and the fee stays with the shop
            some |= {"shipping": shipping, "minus": fee}
        elif kind >= 0.6:  # everything; below, all goods and the shipping not
            some = {"shipping": shipping}
        return documents.refund(self.ids, order, moment, left, **some)


def _fate(method: str, random: Draw) -> tuple[str, int]:
    """Return what becomes of an order's payment, and after how many seconds it is paid."""
    draw, wait = random(), random()
    if method == "free":
        return "paid", 0
    paid, canceled, longest = _FATES.get(method, _CARD_FATE)
    delay = 3 + int(wait**2 * longest)
    if draw < paid:
        return "paid", delay
    if method not in _FATES:
        return ("payment_review" if draw < 0.98 else "pending_payment"), delay
    if draw < canceled:
        return "canceled", delay
    if method == "mercadopago_custom" and draw > 0.97:
        return "pending_payment", delay
    return "pending", delay
