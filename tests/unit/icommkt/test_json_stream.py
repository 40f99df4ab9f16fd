"""A list of any length is read element by element, wherever the chunks are cut."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.icommkt.json_stream import items_of

KEY = "ListContactsFullJsonResult"


def cut(document: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(document), size):
        yield document[start : start + size]


@given(
    rows=st.lists(
        st.dictionaries(st.text(max_size=5), st.text() | st.none() | st.lists(st.text(), max_size=3)), max_size=5
    ),
    size=st.integers(1, 40),
    indent=st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
)
def test_every_cut_gives_the_same(
    rows: list[dict[str, object]], size: int, indent: int | None, ascii_only: bool
) -> None:
    document = json.dumps({KEY: rows}, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        document.decode()
    except UnicodeDecodeError:
        return
    assert list(items_of(cut(document, size), KEY)) == rows


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"Other":[]}',
        b'{"ListContactsFullJsonResult":{}}',
        b'{"ListContactsFullJsonResult":[',
        b'{"ListContactsFullJsonResult":[{"Email":"a"}',
        b'{"ListContactsFullJsonResult":[{"Email":"a"},',
        b'{"ListContactsFullJsonResult":[{"Email":"a"',
        b'{"ListContactsFullJsonResult":[1]}',
        b'{"ListContactsFullJsonResult":[{} {}]}',
    ],
)
def test_anything_else_is_an_error_and_never_a_shorter_list(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"list|document"):
        list(items_of(cut(document, 7), KEY))
