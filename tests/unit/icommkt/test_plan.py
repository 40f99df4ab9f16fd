"""How the planned contacts are read from the published file."""

from __future__ import annotations

import hashlib

import duckdb
import pytest

from loaders.icommkt import plan


@pytest.mark.parametrize("stride", [1, 3, 4_000])
def test_every_planned_contact_is_read_once_and_in_order(stride: int) -> None:
    db = duckdb.connect()
    db.execute("attach ':memory:' as published; attach ':memory:' as scratch; create schema published.marts")
    db.execute(
        "create table published.marts.icommkt_payloads as"
        """ select '[{"Key":"n","Value":"' || i || 'ñ"}]' as custom_fields from range(10_000) as numbers (i)"""
    )
    db.execute(
        f"""
        create table scratch.plan as
        select
            'main' as store_key, 'p' || rowid || '@example.com' as email, rowid as customer_id, 'h' as payload_hash,
            true as has_purchase, 1 as filled_windows, 0 as tries, false as was_refused, rowid as payload_row,
            row_number() over (order by rowid) as position,
            bit '1' as filled, null as last_purchase_date, false as is_held
        from published.marts.icommkt_payloads where (rowid + 1) % {stride} = 0"""
    )
    found = list(plan.items(db))
    expected = range(stride - 1, 10_000, stride)
    assert [item.customer_id for item in found] == list(expected)
    for item, number in zip(found, expected, strict=True):
        assert item.content == f'[{{"Key":"n","Value":"{number}ñ"}}]'.encode()
        assert item.content_hash == hashlib.md5(item.content, usedforsecurity=False).hexdigest()
