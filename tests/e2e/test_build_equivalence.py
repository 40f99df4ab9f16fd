"""A build that keeps what did not change gives exactly the marts of a build from nothing, whatever happened since.

Simulated days in the raw tables: orders placed, edited, refunded and deleted, accounts renamed, merged and deleted,
products moved and relabelled, store views renamed, a changed time zone, seeds and vars edited, days left out, a day
repeated, an earlier day built again, and builds killed half-way. EQUIVALENCE_DAYS=60 EQUIVALENCE_SEED=7 runs longer and
others than the suite does.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from loaders.dbt_vars import project_vars
from loaders.paths import Warehouse
from loaders.rules import fingerprint
from tests.dbt_project import Dbt, copy_of_project
from tests.generated_shop import AS_OF, create

DAYS = int(os.environ.get("EQUIVALENCE_DAYS", "3"))
SEED = int(os.environ.get("EQUIVALENCE_SEED", "11"))
CONTACTS = 150
PART = 25
"""Contacts in a part of the build that keeps rows: several parts on busy days. A fresh build is one part."""

# The making of a row may differ: the day it was made for is part of it, and which statement made it.
BOOKKEEPING = {"_holds_from", "build_part"}

Change = Callable[["Shop", random.Random], None]


class Shop:
    """Raw tables that change as the loader would change them: a written order brings its lines along."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.loads = 0
        self.day = AS_OF

    def run(self, *statements: str) -> None:
        """Run SQL on the raw tables; {load} is a new load's id, {now} the morning of the day."""
        self.loads += 1
        words = {"load": f"20000000{self.loads:04}.0", "now": f"{self.day} 05:00:00", "day": str(self.day)}
        with duckdb.connect(str(self.path)) as db:
            db.execute("set TimeZone = 'UTC'")
            for statement in statements:
                db.execute(statement.format(**words))

    def edit_orders(self, which: str, change: str) -> None:
        """Change orders and write them with their lines, as a load does."""
        self.run(
            f"create or replace temp table edited as select entity_id from raw.orders where {which}",
            f"update raw.orders set {change}, _dlt_load_id = '{{load}}' where entity_id in (from edited)",
            "update raw.order_items set _dlt_load_id = '{load}' where order_id in (from edited)",
        )

    def edit(self, table: str, which: str, change: str, child: str = "", key: str = "") -> None:
        """Change rows of another table, and write the children with them."""
        self.run(
            f"create or replace temp table edited as select id from raw.{table} where {which}",
            f"update raw.{table} set {change}, _dlt_load_id = '{{load}}' where id in (from edited)",
            *([f"update raw.{child} set _dlt_load_id = '{{load}}' where {key} in (from edited)"] if child else []),
        )


def some(number: random.Random, share: float, key: str = "entity_id") -> str:
    """A condition that holds for about this share of the rows."""
    return f"hash({key}, {number.randrange(10**9)}) % 10000 < {round(share * 10000)}"


def place(shop: Shop, number: random.Random) -> None:
    """New orders with lines, copied from old ones: by the same people, a few by others, a few of the coming days."""
    moved = number.randrange(1_000_000, 9_000_000) * 100
    ahead = number.choice([0, 0, 1, 3])
    when = f"timestamp '{shop.day}' - to_seconds(hash(entity_id, {moved}) % 90000) + to_days({ahead})"
    which = f"{some(number, 0.02)} and entity_id < 100000"
    shop.run(
        f"create or replace temp table copied as select * from raw.orders where {which}",
        f"""insert into raw.orders select * replace (
                entity_id + {moved} as entity_id, {when} as created_at, null as _deleted_at, '{{load}}' as _dlt_load_id,
                case hash(entity_id, {moved}, 'who') % 8
                    when 0 then ' Guest' || entity_id % 20 || '@Example.com ' when 1 then 'not an address'
                    else customer_email end as customer_email,
                case hash(entity_id, {moved}, 'who') % 8 when 0 then null else customer_id end as customer_id)
            from copied""",
        f"""insert into raw.order_items select * replace (
                order_id + {moved} as order_id, item_id + {100 * moved} as item_id,
                parent_item_id + {100 * moved} as parent_item_id, '{{load}}' as _dlt_load_id)
            from raw.order_items where order_id in (select entity_id from copied)""",
    )


def refund(shop: Shop, number: random.Random) -> None:
    shop.run(
        f"create or replace temp table edited as select entity_id from raw.orders where {some(number, 0.01)}",
        """update raw.orders set base_total_refunded = base_grand_total, state = 'closed', _dlt_load_id = '{load}'
           where entity_id in (from edited)""",
        """update raw.order_items set qty_refunded = qty_ordered, _dlt_load_id = '{load}'
           where order_id in (from edited)""",
    )


def refund_in_part(shop: Shop, number: random.Random) -> None:
    shop.edit_orders(some(number, 0.01), "base_total_refunded = base_grand_total / 3")


def cancel_and_pay(shop: Shop, number: random.Random) -> None:
    shop.edit_orders(some(number, 0.01), "state = 'canceled', base_total_canceled = base_grand_total")
    shop.edit_orders(
        f"state in ('new', 'canceled') and {some(number, 0.2)}",
        "state = 'processing', base_total_paid = base_grand_total",
    )


def delete_orders(shop: Shop, number: random.Random) -> None:
    shop.run(f"update raw.orders set _deleted_at = timestamp '{{now}}' where {some(number, 0.01)}")
    shop.edit_orders(f"_deleted_at is not null and {some(number, 0.3)}", "_deleted_at = null")


def change_lines(shop: Shop, number: random.Random) -> None:
    shop.run(
        f"create or replace temp table edited as select entity_id from raw.orders where {some(number, 0.01)}",
        "update raw.orders set _dlt_load_id = '{load}' where entity_id in (from edited)",
        # A line that the order no longer lists keeps its old load.
        """update raw.order_items set _dlt_load_id = '{load}', name = name || ' (new)'
           where order_id in (from edited) and item_id % 3 > 0""",
    )


def recode(shop: Shop, number: random.Random) -> None:
    shop.edit_orders(some(number, 0.02), f"coupon_code = 'NEW{number.randrange(5)},CODE1'")
    shop.edit_orders(some(number, 0.005), "base_currency_code = 'USD', base_to_global_rate = 900")
    shop.edit_orders(some(number, 0.02), "base_currency_code = null, store_id = 2")


def rename_accounts(shop: Shop, number: random.Random) -> None:
    """E-mails that move, that collide with another contact's, and that stop being addresses."""
    address = number.choice(
        ["'moved' || id || '@example.com'", "'contact' || (id + 1) || '@example.com'", "'no address'", "null"]
    )
    shop.edit("customers", some(number, 0.02, "id"), f"email = {address}", "customer_addresses", "customer_id")


def delete_accounts(shop: Shop, number: random.Random) -> None:
    shop.run(f"update raw.customers set _deleted_at = timestamp '{{now}}' where {some(number, 0.01, 'id')}")
    shop.edit("customers", some(number, 0.02, "id"), "firstname = 'New', is_subscribed = not is_subscribed")


def relabel(shop: Shop, number: random.Random) -> None:
    """Products that change brand or leave a category, categories and brands that get another name."""
    shop.run(
        f"""update raw.products set custom_attributes =
                '[{{{{"attribute_code":"manufacturer","value":"{number.randrange(1, 61)}"}}}}]'
            where {some(number, 0.01, "id")}""",
        f"update raw.products set custom_attributes = '[]' where {some(number, 0.05, 'id')}",
        f"delete from raw.product_category_links where {some(number, 0.005, 'product_id')}",
        f"update raw.categories set name = 'Renamed {{load}}' where {some(number, 0.01, 'id')}",
        f"update raw.attribute_options set label = 'Brand {{load}}' where {some(number, 0.01, 'value')}",
        f"update raw.products set _deleted_at = timestamp '{{now}}' where {some(number, 0.005, 'id')}",
    )


def rename_store(shop: Shop, number: random.Random) -> None:
    shop.run(
        f"update raw.store_views set store_name = 'Store {number.randrange(10**6)}'",
        "delete from raw.store_views where id = 2",
        f"""insert into raw.store_views (store_key, id, base_currency_code)
            values ('main', 2, {number.choice(["'ARS'", "null"])})""",
    )


def move_zone(shop: Shop, number: random.Random) -> None:
    zone = number.choice(["America/Santiago", "Europe/Madrid", "America/Argentina/Buenos_Aires", "Pacific/Auckland"])
    shop.run(f"update raw.store_views set timezone = '{zone}'")


CHANGES: list[Change] = [
    place,
    refund,
    refund_in_part,
    cancel_and_pay,
    delete_orders,
    change_lines,
    recode,
    rename_accounts,
    delete_accounts,
    relabel,
    rename_store,
    move_zone,
]


class Project:
    """A copy of the dbt project whose seeds and vars may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_of_project(folder)
        self.variables: dict[str, object] = {}
        self.dbt = Dbt(self.folder, {"as_of_date": str(AS_OF)})

    def build(self, warehouse: Path, day: dt.date, *arguments: str, contacts_per_part: int = 200_000) -> None:
        """Run the seeds and models on the warehouse as of the day."""
        variables = {**self.variables, "as_of_date": str(day)}
        rules = fingerprint(project_vars(variables), self.folder)
        variables["contacts_per_part"] = contacts_per_part
        kinds = ["--resource-type", "model", "--resource-type", "seed"]
        results = self.dbt.run(warehouse, variables, "build", *kinds, *arguments, BUILD_RULES=rules)
        assert results
        assert not [(result.node.name, result.message) for result in results if result.status != "success"]

    def edit_a_rule(self, number: random.Random) -> str:
        """Change a seed or a var, and say which."""
        kind = number.choice(["separator", "exclude", "rate", "method", "period", "start"])
        seeds = self.folder / "seeds"
        if kind == "separator":
            self.variables["list_separator"] = number.choice([" | ", "; ", ", "])
        elif kind == "period":
            self.variables["rfm_period_days"] = number.choice(["", "200", "45"])
        elif kind == "start":
            self.variables["start_date"] = number.choice(["", "2025-03-01"])
        elif kind == "exclude":
            with (seeds / "excluded_emails.csv").open("a") as file:
                file.write(f"exact,contact{number.randrange(1, CONTACTS)}@example.com,tested\n")
        elif kind == "rate":
            with (seeds / "exchange_rates.csv").open("a") as file:
                since = dt.date(number.randrange(2022, 2027), number.randrange(1, 13), 1)
                file.write(f"USD,ARS,{since},{number.randrange(800, 1400)}\n")
        else:
            path = seeds / "payment_methods.csv"
            text = path.read_text(encoding="utf-8")
            rule = number.choice(["complete,false", ",true", "complete|processing|new,false"])
            kept = [line for line in text.splitlines() if not line.startswith("mercadopago_custom,")]
            path.write_text(
                "\n".join([*kept, f"mercadopago_custom,MercadoPago,{rule},tested"]) + "\n", encoding="utf-8"
            )
        return kind


def differences(kept: Path, fresh: Path) -> dict[str, int]:
    """Rows that only one of the two warehouses has, by table; empty when all tables are the same."""
    found: dict[str, int] = {}
    with duckdb.connect() as db:
        for name, path in (("kept", kept), ("fresh", fresh)):
            db.execute(f"attach '{path}' as {name} (read_only)")
            db.execute(f"attach '{Warehouse(path).marts}' as {name}_marts (read_only)")
        tables = {
            name: db.execute(
                """select replace(database_name, ?, ''), schema_name, table_name from duckdb_tables()
                   where database_name in (?, ? || '_marts') and schema_name in ('intermediate', 'marts')
                   order by all""",
                [name, name, name],
            ).fetchall()
            for name in ("kept", "fresh")
        }
        assert tables["kept"] == tables["fresh"]
        assert ("_marts", "marts", "icommkt_contacts") in tables["kept"]
        for database, schema, table in tables["kept"]:
            described = db.execute(f"describe kept{database}.{schema}.{table}").fetchall()
            columns = ", ".join(row[0] for row in described if row[0] not in BOOKKEEPING)
            one, other = (f"select {columns} from {name}{database}.{schema}.{table}" for name in ("kept", "fresh"))
            row = db.execute(
                f"select count(*) from (({one} except all {other}) union all ({other} except all {one}))"
            ).fetchone()
            if row and row[0]:
                found[table] = row[0]
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    path = tmp_path / "kept" / "warehouse.duckdb"
    path.parent.mkdir()
    create(path, CONTACTS)
    return Shop(path)


def test_keeping_what_did_not_change_gives_the_marts_of_a_full_refresh(shop: Shop, tmp_path: Path) -> None:
    number = random.Random(SEED)
    project = Project(tmp_path / "project")
    project.build(shop.path, shop.day, contacts_per_part=PART)
    fresh = tmp_path / "fresh" / "warehouse.duckdb"
    fresh.parent.mkdir()
    kept_rows = 0
    for day in range(1, DAYS + 1):
        shop.day += dt.timedelta(days=number.choice([0, 1, 1, 1, 1, 1, 2, 7, 31]))
        busy = number.choice([0, 1, 2, 4, len(CHANGES)]) if day > 1 else len(CHANGES)
        done = [change.__name__ for change in number.sample(CHANGES, busy)]
        for name in done:
            globals()[name](shop, number)
        if number.random() < 0.2:
            done.append(
                "killed: " + (half := number.choice(["int_orders_assessed", "fct_purchases", "fct_purchase_items"]))
            )
            project.build(shop.path, shop.day, "--select", f"+{half}", contacts_per_part=PART)
            place(shop, number)
            refund(shop, number)
        if number.random() < 0.15:
            done.append("rule: " + project.edit_a_rule(number))
        built = shop.day
        if number.random() < 0.1:
            built -= dt.timedelta(days=number.choice([1, 40]))
            done.append("an earlier day")
        marks = row_marks(shop.path)
        project.build(shop.path, built, contacts_per_part=PART)
        kept_rows += len(marks & row_marks(shop.path))
        shutil.copyfile(shop.path, fresh)
        shutil.copyfile(Warehouse(shop.path).marts, Warehouse(fresh).marts)
        project.build(fresh, built, "--full-refresh")
        told = f"EQUIVALENCE_SEED={SEED}, day {day}, {built}, {', '.join(done) or 'nothing'}"
        assert not (found := differences(shop.path, fresh)), f"{told}: {found}"
        print(f"{told}: the same", flush=True)
    assert kept_rows > 0, "nothing was ever kept, so nothing was tested"


def row_marks(path: Path) -> set[tuple[str, dt.date]]:
    """The aggregates that stand in the warehouse, with the day they were made for."""
    with duckdb.connect(str(path), read_only=True) as db:
        return set(
            db.execute("select email, _holds_from from intermediate.int_purchases_aggregated_to_contacts").fetchall()
        )
