"""Reading what a store sends: JSON, or what something put before it, behind it or in its place."""

from __future__ import annotations

import re
from typing import Any

import orjson
from requests import Response

from loaders.magento.errors import BadAnswerError, StoreDownError
from loaders.text import LOOKED_AT, first_words, fit

LARGEST_ANSWER = 64_000_000
"""Bytes of an answer, unfolded. The largest page has 300 rows: this is 213 kB each, where a whole order, not cut to the
wanted fields, has 17 kB (recorded) and a product with a long description some 100 kB."""
_OF_PHP = re.compile(r"(?:Notice|Warning|Deprecated|Strict Standards|[A-Z][a-z]+ error) ?: .{1,400}? on line \d{1,7}")


def body_of(response: Response) -> bytes:
    """Return an answer's body without a byte order mark before it: a PHP file that was saved with one sends it."""
    return response.content.lstrip(b"\xef\xbb\xbf \t\r\n")


def text_of(response: Response) -> str:
    """Return the beginning of an answer's body as text."""
    return body_of(response)[:LOOKED_AT].decode(errors="replace")


def json_of(response: Response) -> Any:
    """Return an answer's JSON, None when it is none."""
    try:
        return orjson.loads(body_of(response))
    except orjson.JSONDecodeError:
        return None


def read_json(what: str, body: bytes) -> Any:
    """Return the JSON of a body; bytes that are no UTF-8 are replaced.

    Raises StoreDownError when something stands before, behind or in place of it, or it is nested too deep: no smaller
    question cures that. Raises BadAnswerError when it is cut off or has a flaw that one row may be the cause of.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        behind = text[error.pos :] if "after document" in error.msg else ""
        if behind or not text.startswith(("{", "[", '"')):
            raise StoreDownError(strange(what, 200, behind or text)) from None
        if "depth" in error.msg:
            raise StoreDownError(
                f"{what} answered JSON nested too deep to be any of Magento's; run again later"
            ) from None
        raise BadAnswerError(f"{what} answered JSON that is broken or cut off; run again later") from None


def is_cut_off(body: bytes) -> bool:
    """Tell JSON whose end is missing; a page in place of JSON is not."""
    if body.rstrip().endswith((b"}", b"]", b'"')):
        return False
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return "end of data" in error.msg
    return False


def strange(what: str, status: int, text: str) -> str:
    """One line for a text that stands where JSON was due, or beside it."""
    return php_error(what, text) or (
        f"{what} answered {status} with {said(text)} where JSON was due; if a captcha, a firewall or a maintenance "
        "page says so, have this machine's address let in, or run again when the shop is open"
    )


def php_error(what: str, text: str) -> str:
    """One line for what PHP itself has printed into a text, empty when it has not."""
    found = _OF_PHP.search(first_words(text, 700))
    if not found:
        return ""
    return (
        f'{what}: the store prints PHP errors into its answers ("{fit(found[0])}"); have display_errors switched off '
        "in its PHP, and run again"
    )


def said(text: str) -> str:
    """Return the first words of a page in quotation marks."""
    words = first_words(text, 100)
    return f'"{words}"' if words else "nothing"
