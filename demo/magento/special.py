"""The orders that a model gets wrong first: one of each awkward kind, the same in every store.

They have the lowest ids and times of their own, so they are found again whatever the sizes and
seed; the table `special_cases` names them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from demo.magento import documents, orders
from demo.magento.catalog import STORES, Product
from demo.magento.clock import DAY, local_midnight
from demo.magento.history import AUTOMATIC, COUPONS, FREE_COUPON, History, Sale
from demo.magento.orders import METHODS, NO_DISCOUNT, Basket
from demo.magento.people import INVALID_EMAILS, masked_email

Doc = dict[str, Any]
Line = tuple[Product, int, int]

WINDOWS = (30, 60, 90, 180, 360)  # days before the first day at whose edges somebody buys
HUGE_ORDER_LINES = 300
HEAVY_BUYER_ORDERS = 45


@dataclass(slots=True)
class SpecialOrders:
    """Makes the special orders of one store and notes which is which."""

    history: History
    names: list[tuple[str, str, int]] = field(default_factory=list)  # case, table, entity id of what was made so far
    _last: int = 0

    def make(self) -> Iterator[Sale]:
        """Yield the special orders, ids from 1."""
        parts = (
            self._dates,
            self._people,
            self._products,
            self._bundles,
            self._afterwards,
            self._payments,
            self._edited,
        )
        for part in parts:
            yield from part()

    # Who is a number (an account), an e-mail (a guest) or both (an account's old e-mail).
    def _order(
        self, name: str, who: int | str | tuple[int, str], moment: int, lines: list[Line] | None = None,
        *, store_id: int = 1, paid: bool = True, shipped: bool = True, **basket_parts: Any,
    ) -> Sale:  # fmt: skip
        history = self.history
        self._last += 1
        order_id = self._last
        self.names.append((name, "orders", order_id))
        store = STORES[store_id]
        if isinstance(who, str):
            buyer = history.crowd.guest(order_id, store.website_id)
            email = who
        else:
            number, email = who if isinstance(who, tuple) else (who, "")
            buyer = history.crowd.buyer(number)
            email = email or buyer["email"]
        address = (buyer["addresses"] or history.crowd.guest(order_id, 1)["addresses"])[0]
        parts: dict[str, Any] = {"method": "mercadopago_adbpayment_cc", "discount": NO_DISCOUNT}
        parts |= {"shipping": 1_500 if store.currency == "USD" else 250_000}
        parts |= {"price_level": history.price_level(min(moment, history.now))}
        parts |= {"pesos_per_dollar": history.pesos_per_dollar(moment)} | basket_parts
        basket = Basket(store, lines or [self._simple(order_id)], **parts)
        sale = Sale(orders.place(history.ids, order_id, basket, buyer, address, moment, email))
        if paid:
            at = min(moment + 30, history.now - 30) if moment < history.now else history.now - 3600
            documents.pay(sale.order, at)
            if shipped:
                documents.ship(sale.order, min(at + DAY, history.now - 20))
        return sale

    def _simple(self, number: int) -> Line:
        pool = self.history.catalog.simple
        return pool[number * 7 % len(pool)], 1 + number % 2, 0

    def _configurable(self, number: int, quantity: int = 1) -> Line:
        pool = self.history.catalog.configurable
        product = pool[number * 3 % len(pool)]
        return product, quantity, number % len(product.children)

    def _refund(self, sale: Sale, moment: int, lines: dict[int, int], **more: Any) -> Sale:
        """Refund quantities by the position of their top-level line."""
        top = [item["item_id"] for item in sale.order["items"] if "parent_item_id" not in item]
        chosen = {top[position]: quantity for position, quantity in lines.items()}
        sale.creditmemos.append(documents.refund(self.history.ids, sale.order, moment, chosen, **more))
        return sale

    def _dates(self) -> Iterator[Sale]:
        now = self.history.now
        midnight = local_midnight(now)
        for days in WINDOWS:
            start = midnight - days * DAY
            yield self._order(f"exactly {days} days ago", f"borde-{days}@example.com", start)
            yield self._order(f"{days + 1} days ago by a second", f"borde-{days + 1}@example.com", start - 1)
        yield self._order("today at midnight", "hoy@example.com", midnight, shipped=False)
        yield self._order("yesterday's last second", "ayer@example.com", midnight - 1)
        yield self._order("dated a day ahead", "futuro@example.com", now + DAY, shipped=False)
        for days in (1, 100, 400):
            moment = self.history.start - days * DAY
            yield self._order("imported, older than the history", "antiguo@example.com", moment)
        for position in (0, 1):
            lines = [self._configurable(position), self._simple(position)]
            yield self._order("two orders in one second", 17, now - 40 * DAY, lines)

    def _people(self) -> Iterator[Sale]:
        now = self.history.now
        for i, email in enumerate(("maria.jose@example.com", " MARIA.JOSE@EXAMPLE.COM ", "Maria.Jose@Example.com\t")):
            yield self._order("guest with an account's e-mail", email, now - (i + 2) * 20 * DAY)
        yield self._order("account of the guest", 1, now - 100 * DAY)
        yield self._order("one e-mail on two websites", 2, now - 55 * DAY)
        yield self._order("one e-mail on two websites", 3, now - 15 * DAY, store_id=3)
        good = "correo.bien.escrito@example.com"
        yield self._order("account's e-mail invalid, order's valid", (6, good), now - 70 * DAY)
        yield self._order("account's and order's e-mail invalid", 7, now - 71 * DAY)
        old = (14, "correo.viejo@example.com")
        yield self._order("account's e-mail changed since", old, now - 400 * DAY)
        yield self._order("account's e-mail changed since", 14, now - 10 * DAY)
        for account in (9, 10, 11, 12, 13, 15, 16):
            yield self._order("account with odd master data", account, now - account * DAY)
        for i in range(HEAVY_BUYER_ORDERS):
            days = i * i // 4 + 1  # 11 within 30 days, the first one 485 days ago
            lines = [self._simple(i * 5 + j) for j in range(3)] + [self._configurable(i)]
            discount = COUPONS[i % len(COUPONS)] if i % 3 == 0 else NO_DISCOUNT
            yield self._order("heavy buyer", 8, now - days * DAY, lines, discount=discount)
        for i in range(8):
            lines = [(self.history.catalog.special["cent price"], 1, 0)]
            yield self._order("often and cheaply, long ago", 23, now - (700 + i * 9) * DAY, lines, shipping=0)
        for i, email in enumerate(INVALID_EMAILS):
            yield self._order("guest with an invalid e-mail", email, now - (i + 3) * DAY)
        for i in range(3):
            method = "m2epropayment"
            yield self._order("masked e-mail", masked_email(i), now - i * 9 * DAY - DAY, method=method)
        in_dollars = ("USD", round(1 / self.history.pesos_per_dollar(now - 25 * DAY), 8))
        yield self._order("order currency differs", 18, now - 25 * DAY, store_id=2, display=in_dollars)
        yield self._order("base currency is not the global one", "cuenta.18@example.com", now - 5 * DAY, store_id=3)
        for days in (33, 300):
            sale = self._order("account deleted since", 15, now - days * DAY)
            sale.order["customer_email"] = f"cuenta.borrada.{days}@example.com"
            del sale.order["customer_id"]
            yield sale

    def _products(self) -> Iterator[Sale]:
        catalog, now = self.history.catalog, self.history.now
        for i, (name, product) in enumerate(catalog.special.items()):
            self.names.append((f"product: {name}", "products", product.id))
            yield self._order(f"product: {name}", 19, now - (3 + i * 11) * DAY, [(product, 1, 0)])
        for product in (catalog.never_seen[0], catalog.never_seen[-1]):
            name = f"{product.type} deleted before the first day"
            yield self._order(name, 19, now - 30 * DAY, [(product, 1, 0)])
        without = {
            "brand": next(p for p in catalog.configurable if not p.brand and p.children[0].brand),
            "categories": next(p for p in catalog.configurable if not p.categories and p.children[0].categories),
        }
        for what, product in without.items():
            name = f"configurable without {what}, variant with"
            self.names.append((name, "products", product.id))
            yield self._order(name, 19, now - 31 * DAY, [(product, 1, 1)])
        yield self._order("virtual", 19, now - 32 * DAY, [(catalog.virtual[0], 1, 0)])
        pool = catalog.simple
        lines = [(pool[i % len(pool)], 1 + i % 3, 0) for i in range(HUGE_ORDER_LINES - 20)]
        lines += [self._configurable(i) for i in range(20)]
        yield self._order("300 lines", "pedido.gigante@example.com", now - 45 * DAY, lines, discount=COUPONS[8])
        yield self._order("two coupons at once", "cupones@example.com", now - 12 * DAY, discount=COUPONS[7])
        for i in (1, 2, 3):
            name, moment = "one coupon in three spellings", now - (12 + i) * DAY
            yield self._order(name, "cupones@example.com", moment, discount=COUPONS[i])
        yield self._order("cart rule without coupon", "cupones@example.com", now - 20 * DAY, discount=AUTOMATIC[1])

    def _bundles(self) -> Iterator[Sale]:
        catalog, now = self.history.catalog, self.history.now
        kinds = {
            "fixed bundle": (catalog.fixed_bundles[0], 2, 0),
            "dynamic bundle": (catalog.dynamic_bundles[0], 2, 0),
            "configurable": self._configurable(4),
        }
        days = 4
        for kind, line in kinds.items():
            for name, discount in (("", NO_DISCOUNT), (", 33 % off", COUPONS[8]), (", free", FREE_COUPON)):
                days += 8
                method = "free" if discount is FREE_COUPON else "decidir"
                yield self._order(f"{kind}{name}", 20, now - days * DAY, [line], discount=discount, method=method)
        lines = [*kinds.values(), self._simple(1)]
        yield self._order("every kind of line", 20, now - 200 * DAY, lines, discount=COUPONS[0])
        yield self._order("every kind of line, with tax", 20, now - 201 * DAY, lines, discount=COUPONS[0], store_id=2)

    def _afterwards(self) -> Iterator[Sale]:
        catalog, now = self.history.catalog, self.history.now
        lines = [self._simple(2), self._configurable(2, 3), (catalog.dynamic_bundles[0], 2, 0)]
        everything = {0: lines[0][1], 1: 3, 2: 2}
        ship = 250_000

        def order(name: str, days: int, **more: Any) -> Sale:
            discount = COUPONS[0] if days % 2 else NO_DISCOUNT
            return self._order(name, 21, now - days * DAY, lines, discount=discount, **more)

        # Name, days ago, days ago of the memo, pieces of each line, and what goes with them.
        some: dict[str, Any] = {"plus": 0, "minus": 0}
        cases: list[tuple[str, int, int, dict[int, int], dict[str, Any]]] = [
            ("refunded whole", 20, 2, everything, {"shipping": ship}),
            ("refunded whole in two memos", 21, 9, {0: lines[0][1]}, some),
            ("refunded whole lines", 22, 7, {1: 3}, some),
            ("refunded a part of a line", 23, 7, {1: 1}, some),
            ("refunded a bundle", 24, 7, {2: 2}, some),
            ("refunded an amount, no goods", 25, 6, {}, {"plus": 12_345, "minus": 0}),
            ("refunded the shipping", 26, 6, {}, some | {"shipping": ship}),
            ("refunded all goods, not the shipping", 27, 5, everything, some),
            ("closed, a fee kept", 28, 5, everything, {"shipping": ship, "plus": 0, "minus": 9_999}),
            ("refunded to zero by an amount", 29, 5, {}, some),
            ("refunded months later", 340, 1, {0: lines[0][1]}, some),
        ]
        for name, days, ago, pieces, more in cases:
            sale = order(name, days)
            if name == "refunded to zero by an amount":
                more = {"plus": round(sale.order["base_grand_total"] * 100), "minus": 0}
            self._refund(sale, now - ago * DAY, pieces, **more)
            if name == "refunded whole in two memos":
                self._refund(sale, now - 8 * DAY, {1: 3, 2: 2}, shipping=ship)
            yield sale

        for name, days, pay, refund in (
            ("canceled", 30, 0, False),
            ("a line canceled, the rest paid", 31, 1, False),
            ("a line canceled, another refunded", 32, 2, True),
        ):
            sale = order(name, days, paid=False)
            if pay:
                top = [item["item_id"] for item in sale.order["items"] if "parent_item_id" not in item]
                documents.pay(sale.order, now - (days - 1) * DAY, top[:pay])
            documents.cancel(sale.order, now - (days - 2) * DAY)
            yield self._refund(sale, now - 29 * DAY, {0: lines[0][1]}, **some) if refund else sale
        for name, days, more in (
            ("on hold before payment", 33, {"paid": False}),
            ("on hold after payment", 34, {"shipped": False}),
        ):
            sale = order(name, days, **more)
            documents.hold(sale.order, now - (days - 1) * DAY)
            yield sale
        yield order("nothing happened to it", 35)

    def _payments(self) -> Iterator[Sale]:
        now = self.history.now
        for i, method in enumerate(METHODS):
            paid_at = now - (40 + i * 13) * DAY
            discount = FREE_COUPON if method == "free" else NO_DISCOUNT
            yield self._order(f"{method}, paid", 22, paid_at, method=method, discount=discount)
            if method != "free":
                yield self._order(f"{method}, never paid", 22, paid_at - 3 * DAY, method=method, paid=False)
        sale = self._order("shipped, not yet paid", 22, now - 2 * DAY, method="cashondelivery", paid=False)
        documents.ship(sale.order, now - DAY)
        yield sale
        for state, days in (("payment_review", 1), ("pending_payment", 60), ("pending_payment", 0)):
            sale = self._order(state, 22, now - days * DAY - 7200, paid=False)
            sale.order["state"] = sale.order["status"] = state
            yield sale

    def _edited(self) -> Iterator[Sale]:
        """An order edited in the admin: canceled, and replaced by one that names it."""
        now = self.history.now
        email = "pedido.editado@example.com"
        old = self._order("edited: the original", email, now - 16 * DAY, paid=False)
        new = self._order("edited: the replacement", email, now - 16 * DAY + 600)
        number = old.order["increment_id"]
        documents.cancel(old.order, now - 16 * DAY + 600)
        ids = {"relation_child_id": str(new.order["entity_id"]), "relation_child_real_id": f"{number}-1"}
        old.order |= ids
        new.order |= {"increment_id": f"{number}-1", "original_increment_id": number, "edit_increment": 1}
        new.order |= {"relation_parent_id": str(old.order["entity_id"]), "relation_parent_real_id": number}
        yield old
        yield new
