"""A day in the life of the store: what is new, what is paid, refunded, edited and deleted.

Everything is a function of the seed, the day and what the file holds, so equal stores stay equal. About one row in a
hundred changes. What `updated_at` does not show follows Magento: a deleted account disappears from its orders, and with
`silent` addresses, subscriptions, categories of products and labels change too.
"""

import sqlite3
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import orjson

from demo.magento import catalog, clock, database, documents
from demo.magento.catalog import STORES, Catalog
from demo.magento.clock import DAY, stamp
from demo.magento.history import HISTORY, SHIPPED_FIRST, History, Sale
from demo.magento.orders import Ids, finished
from demo.magento.people import SPECIAL_ACCOUNTS, Crowd

Doc = dict[str, Any]

RECENT = 1500  # how many of the latest orders a day looks through for open ones
HEAVY_BUYER = 8


class LivingCrowd(Crowd):
    """The accounts as they are in the file by now."""

    def __init__(self, connection: sqlite3.Connection, crowd: Crowd) -> None:
        super().__init__(crowd.seed, crowd.total, crowd.start, crowd.end)
        self.connection = connection

    def buyer(self, number: int) -> Doc:
        """Return the account with that id, or the next one if it is gone."""
        query = "select doc from customers where entity_id >= ? order by entity_id limit 1"
        row = self.connection.execute(query, (number,)).fetchone() or self.connection.execute(query, (1,)).fetchone()
        account: Doc = orjson.loads(row[0])
        return account


class Day:
    """One day of an open store, inside a transaction of its caller."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read the store's clock and counters, and begin the day after."""
        meta = dict(connection.execute("select key, value from meta"))
        self.connection = connection
        self.number, self.start = int(meta["day"]) + 1, clock.parse(meta["now"])
        self.end = self.start + DAY
        seed, first_day = int(meta["seed"]), clock.parse(meta["first_day"])
        ids = orjson.loads(meta["ids"])
        crowd = Crowd(seed, int(meta["customers"]), first_day - HISTORY, first_day - 3600)
        crowd.total = ids["customer"]
        goods = _current_catalog(connection, int(meta["catalog"]))
        people = LivingCrowd(connection, crowd)
        self.history = History(seed, goods, people, Ids(ids), first_day - HISTORY, self.end)
        self._random: Callable[[], float] = Random((seed << 80) | (9 << 64) | self.number).random
        special = connection.execute("select entity_id from special_cases where table_name = 'orders'")
        self._special_orders = {row[0] for row in special}

    def run(self, *, silent: bool) -> None:
        """Let the day pass and set the store's clock to its end."""
        accounts = self.history.crowd.total
        new = max(15, self.connection.execute("select count(*) from orders").fetchone()[0] // 500)
        self._new_accounts(max(3, accounts // 1000))
        self._new_orders(new)
        self._open_orders(new)
        self._late_refunds(max(3, new // 5))
        self._edit_accounts(max(6, self.history.crowd.total // 300))
        self._edit_products(6)
        self._rename_category()
        self._delete_orders(2)
        self._delete_account()
        self._delete_product()
        if silent:
            self._edit_silently()
        ids = orjson.dumps(self.history.ids.next).decode()
        database.set_meta(self.connection, now=stamp(self.end), day=self.number, ids=ids)

    # What is new

    def _new_accounts(self, count: int) -> None:
        for _ in range(count):
            number = self.history.ids.take("customer")
            self._put("customers", self.history.crowd.account(number, self._moment()))
        self.history.crowd.total = self.history.ids.next["customer"]

    def _new_orders(self, count: int) -> None:
        step = (self.end - self.start - 200) // (count + 1)
        for position in range(count):
            order_id = self.history.ids.take("order")
            moment = self.start + 60 + position * step + int(self._random() * step)
            self._save(self.history.sale(order_id, moment, self.history.draws(5, order_id)))
        # Two who are known to come back: the heavy buyer, and a guest who has an account.
        for who, email, moment in ((HEAVY_BUYER, "", self.end - 120), (1, "maria.jose@example.com", self.end - 90)):
            self._save(self._return_of(self.history.ids.take("order"), who, email, moment))

    def _return_of(self, order_id: int, who: int, email: str, moment: int) -> Sale:
        history = self.history
        random = history.draws(5, order_id)
        buyer = history.crowd.buyer(who)
        basket = history.basket(moment, STORES[1], random)
        address = buyer["addresses"][0]
        if email:
            buyer = {key: value for key, value in buyer.items() if key != "id"} | {"group_id": 0}
        return history.happen(order_id, basket, buyer, address, moment, email or buyer["email"], random)

    # What goes on with older orders

    def _open_orders(self, limit: int) -> None:
        """Pay, ship and cancel orders of the last days that were waiting for it."""
        rows = self.connection.execute(
            "select doc from orders where entity_id > ? and created_at <= ?"
            " and state in ('new', 'processing', 'pending_payment', 'payment_review') order by entity_id",
            (self.history.ids.next["order"] - RECENT, stamp(self.start)),
        ).fetchall()
        changed = 0
        for (doc,) in rows:
            if changed >= limit:
                break
            draw = self._random()
            sale = _sale(doc)
            if sale.order["entity_id"] not in self._special_orders and self._go_on(sale.order, draw):
                self._save(sale)
                changed += 1
        # And one that everybody had forgotten is paid.
        for sale in self._probe(lambda order: order["state"] == "new"):
            self._pay(sale.order)
            self._save(sale)
            break

    def _go_on(self, order: Doc, draw: float) -> bool:
        state = order["state"]
        if state == "processing" and "base_total_paid" in order:
            return draw <= 0.9 and documents.ship(order, self._moment())
        if state == "new" and draw >= 0.26:
            return False
        if draw < {"new": 0.2, "processing": 1.0, "payment_review": 0.6}.get(state, 0.0):
            self._pay(order)
        else:
            documents.cancel(order, self._moment())
        return True

    def _pay(self, order: Doc) -> None:
        moment = self._moment()
        if order["payment"]["method"] == SHIPPED_FIRST and order["state"] == "new":
            documents.ship(order, moment - 600)
        documents.pay(order, moment)

    def _late_refunds(self, count: int) -> None:
        def refundable(order: Doc) -> bool:
            return order["state"] == "complete" and "base_total_refunded" not in order and order["base_total_paid"] > 0

        # One is given back whole, however old; the others as shops do.
        for position, sale in enumerate(self._probe(refundable)):
            if position == count:
                break
            kind = 0.8 if position == 0 else self._random()
            memo = self.history.refund(sale.order, self._moment(), kind)
            if position == 1:
                # As seen on a live store: the order is stamped a second before its memo.
                sale.order["updated_at"] = stamp(clock.parse(memo["updated_at"]) - 1)
            sale.creditmemos.append(memo)
            self._save(sale)

    # Edits

    def _edit_accounts(self, count: int) -> None:
        for position in range(count):
            account = self._some("customers", SPECIAL_ACCOUNTS)
            at = stamp(self._moment())
            changes: list[Doc] = [
                {"group_id": 4 if account["group_id"] != 4 else 1},
                {"lastname": f"{account['lastname'].strip()} de Paz"},
                {"dob": f"19{60 + self.number % 40}-02-{1 + position % 28:02d}"},
                {"gender": 1 + self.number % 3},
            ]
            change = changes[position % 4]
            if position == 0:
                account = self._account_with_orders()
                change = {"email": f"nuevo.{account['id']}.{self.number}@example.com"}
            self._put("customers", account | change | {"updated_at": at})

    def _edit_products(self, count: int) -> None:
        options = [row[1] for row in catalog.ATTRIBUTE_OPTIONS if row[0] == "manufacturer"]
        for position in range(count):
            product = self._some("products")
            if position % 2:
                product["name"] = f"{product['name'].strip()} (nuevo)"
            else:
                _set_attribute(product, "manufacturer", options[int(self._random() * len(options))])
            self._put("products", product | {"updated_at": stamp(self._moment())})

    def _rename_category(self) -> None:
        category = self._some("categories", (1, 2))
        category["name"] = f"{category['name'].strip()} {self.number}"
        self._put("categories", category | {"updated_at": stamp(self._moment())})

    # Deletions, which no `updated_at` shows

    def _delete_orders(self, count: int) -> None:
        for position, sale in enumerate(self._probe(lambda order: True)):
            if position == count:
                break
            order_id = sale.order["entity_id"]
            self.connection.execute("delete from creditmemos where order_id = ?", (order_id,))
            self._delete("orders", order_id)

    def _delete_account(self) -> None:
        """Delete an account: its orders lose `customer_id` and are not stamped."""
        account = self._account_with_orders()
        for doc in self._orders_of(account["id"]):
            sale = _sale(doc)
            del sale.order["customer_id"]
            self._save(sale)
        self._delete("customers", account["id"])

    def _delete_product(self) -> None:
        goods = self.history.catalog
        parts = {child.id for bundle in goods.fixed_bundles + goods.dynamic_bundles for child in bundle.children}
        kept = parts | {product.id for product in goods.special.values()}
        choice = [product.id for product in goods.simple if product.id not in kept]
        if len(choice) > 50:  # a shop does not sell out
            self._delete("products", choice[int(self._random() * len(choice) / 4)])

    # What nothing shows

    def _edit_silently(self) -> None:
        """Change what moves no `updated_at` of the row in which it is read."""
        for position in range(10):
            account = self._some("customers")
            if position % 2 == 0:
                flags = account["extension_attributes"]
                flags["is_subscribed"] = not flags["is_subscribed"]
            elif account["addresses"]:
                phone = f"+54 11 5{self.number:03d}-{position:04d}"
                account["addresses"][0] |= {"city": f"Villa Mudanza {self.number}", "telephone": phone}
            self._put("customers", account)
        for _ in range(3):
            product = self._some("products")
            category = str(self._some("categories", (1, 2))["id"])
            product["extension_attributes"]["category_links"] = [{"position": 0, "category_id": category}]
            _set_attribute(product, "category_ids", [category])
            self._put("products", product)
        for position, sale in enumerate(self._probe(lambda order: "customer_id" not in order)):
            if position == 2:
                break
            sale.order["billing_address"]["city"] = f"Ciudad Corregida {self.number}"
            self._moment()
            self._save(sale)
        self.connection.execute(
            "update attribute_options set label = label || ' ' || ?"
            " where attribute_code = 'manufacturer' and value = ?",
            (self.number, catalog.ATTRIBUTE_OPTIONS[self.number % 20][1]),
        )
        self.connection.execute(
            "update customer_groups set doc = json_set(doc, '$.code', ?) where entity_id = 3",
            (f"Retailer {self.number}",),
        )

    # Reading and writing

    def _moment(self) -> int:
        """Return some second of the day."""
        return self.start + 1 + int(self._random() * (self.end - self.start - 300))

    def _some(self, table: str, but: Any = ()) -> Doc:
        """Return a random row's document."""
        highest = self.connection.execute(f"select max(entity_id) from {table}").fetchone()[0]
        query = f"select entity_id, doc from {table} where entity_id >= ? order by entity_id limit 1"
        while True:
            entity_id, doc = self.connection.execute(query, (1 + int(self._random() * highest),)).fetchone()
            if entity_id not in but:
                found: Doc = orjson.loads(doc)
                return found

    def _probe(self, wanted: Callable[[Doc], bool]) -> Iterator[Sale]:
        """Yield random orders from before the day that fit; gives up after many that do not."""
        seen = set(self._special_orders)
        for _ in range(3000):
            order_id = 1 + int(self._random() * self.history.ids.next["order"])
            if order_id in seen:
                continue
            seen.add(order_id)
            query = "select doc from orders where entity_id = ? and created_at <= ?"
            for (doc,) in self.connection.execute(query, (order_id, stamp(self.start))).fetchall():
                sale = _sale(doc)
                if wanted(sale.order):
                    yield sale

    def _account_with_orders(self) -> Doc:
        """Return a random account that has ordered and may be changed."""
        for _ in range(1000):
            account = self._some("customers", SPECIAL_ACCOUNTS)
            if self._orders_of(account["id"]):
                return account
        raise LookupError("no account of the demo store has orders: make it with more orders")

    def _orders_of(self, customer_id: int) -> list[str]:
        query = "select doc from orders where customer_id = ? order by entity_id"
        return [doc for (doc,) in self.connection.execute(query, (customer_id,))]

    def _save(self, sale: Sale) -> None:
        """Write an order and the credit memos newly made of it."""
        self._put("orders", finished(sale.order))
        for memo in sale.creditmemos:
            self._put("creditmemos", finished(memo))

    def _put(self, table: str, doc: Doc) -> None:
        database.insert(self.connection, table, [database.row(doc)])

    def _delete(self, table: str, entity_id: int) -> None:
        self.connection.execute(f"delete from {table} where entity_id = ?", (entity_id,))


def _sale(text: str) -> Sale:
    return Sale(documents.relink(orjson.loads(text)))


def _set_attribute(product: Doc, code: str, value: str | list[str]) -> None:
    """Set a custom attribute of a product, added at the end when it has none."""
    attributes = product["custom_attributes"]
    known = [attribute for attribute in attributes if attribute["attribute_code"] == code]
    if known:
        known[0]["value"] = value
    else:
        attributes.append({"attribute_code": code, "value": value})


def _current_catalog(connection: sqlite3.Connection, size: int) -> Catalog:
    """Return the catalog with the names of today and without what was deleted."""
    goods = catalog.build(size)
    names = dict(connection.execute("select entity_id, name from products"))
    for product in goods.products.values():
        product.name = names.get(product.id, product.name)
    for pool in (goods.simple, goods.configurable, goods.virtual):
        pool[:] = [product for product in pool if product.id in names]
    return goods
