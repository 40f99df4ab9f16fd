"""Reads a JSON document that is one long list, element by element, so that a profile of any size can be listed."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

SPACE = " \t\r\n"
LARGEST_ITEM = 4_000_000


def items_of(chunks: Iterable[bytes], key: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of `{"<key>": [ ... ]}`.

    Raises ValueError when the document is not of that form, ends early, or has an object of more than `LARGEST_ITEM`
    characters; RecursionError when one is nested too deep.
    """
    decode = codecs.getincrementaldecoder("utf-8-sig")().decode
    scan = json.JSONDecoder().raw_decode
    source = iter(chunks)
    buffer, at, ended = "", 0, False
    head = re.compile(r"\s*\{\s*" + re.escape(json.dumps(key)) + r"\s*:\s*\[")

    def more() -> None:
        nonlocal buffer, at, ended
        chunk = next(source, None)
        if chunk is None:
            ended = True
            buffer, at = buffer[at:] + decode(b"", final=True), 0
        else:
            buffer, at = buffer[at:] + decode(chunk), 0

    while (opening := head.match(buffer)) is None:
        if ended or len(buffer) > 10_000:
            raise ValueError(f"the document does not begin with a list named {key}")
        more()
    at = opening.end()
    expects_item = True
    while True:
        while at < len(buffer) and buffer[at] in SPACE:
            at += 1
        if at >= len(buffer):
            if ended:
                raise ValueError("the list ends early")
            more()
            continue
        mark = buffer[at]
        if mark == "]":
            return
        if mark == ",":
            at += 1
            expects_item = True
            continue
        if not expects_item or mark != "{":
            raise ValueError("the list holds something that is not an object")
        try:
            item, at = scan(buffer, at)
        except json.JSONDecodeError:
            if ended:
                raise ValueError("the list ends early") from None
            if len(buffer) - at > LARGEST_ITEM:
                raise ValueError(f"the list holds an object of more than {LARGEST_ITEM:,} characters") from None
            more()
            continue
        expects_item = False
        yield item
