"""Answers as bytes: JSON, XML and Magento's HTML pages."""

from __future__ import annotations

import gzip
from typing import Any
from xml.sax.saxutils import escape

import orjson

JSON_TYPE = "application/json; charset=utf-8"
XML_TYPE = "application/xml; charset=utf-8"
HTML_TYPE = "text/html; charset=UTF-8"

_PAGE = """<!doctype html>
<html xmlns="http://www.w3.org/1999/xhtml" >
<head>
    <title>{title}</title>
    <meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
    <meta name="robots" content="*"/>
</head>
<body>
<main class="page-main">
    <h1>{title}</h1>
    {text}
</main>
</body>
</html>
"""
ERROR_PAGE = _PAGE.format(
    title="There has been an error processing your request",
    text="<p>Exception printing is disabled by default for security reasons.</p>",
).encode()
NOT_FOUND_PAGE = _PAGE.format(title="404 Not Found", text="<p>The page you requested was not found.</p>").encode()
ADMIN_PAGE = _PAGE.format(
    title="Magento Admin",
    text='<form method="post" id="login-form"><input id="username" name="login[username]" type="text"/>'
    '<input id="login" name="login[password]" type="password"/></form>',
).encode()
HOME_PAGE = _PAGE.format(title="Home page", text="<p>The demo store.</p>").encode()
URI_TOO_LONG_PAGE = (
    b"<html>\r\n<head><title>414 Request-URI Too Large</title></head>\r\n<body>\r\n<center><h1>414 Request-URI Too "
    b"Large</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)


def chosen_type(accept: str | None) -> str | None:
    """Return the content type that Magento answers an `Accept` header with, None when it can serve none of it."""
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate((accept or "*/*").split(",")):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            wanted.append((-float(quality), position, name.lower()))
        except ValueError:
            wanted.append((-1.0, position, name.lower()))
    for _, _, name in sorted(wanted):
        if name in ("*/*", "application/*", "application/json"):
            return JSON_TYPE
        if name in ("application/xml", "text/xml", "text/*", "application/xhtml+xml"):
            return XML_TYPE
    return None


def to_json(value: Any) -> bytes:
    """Encode as JSON; `orjson.Fragment` passes stored documents through."""
    return orjson.dumps(value)


def to_xml(value: Any) -> bytes:
    """Encode as Magento's XML: `<response>`, list elements as `<item>`, two spaces of indentation."""
    lines = ['<?xml version="1.0"?>']
    _element(lines, "response", orjson.loads(orjson.dumps(value)), 0)
    return ("\n".join(lines) + "\n").encode()


def _element(lines: list[str], name: str, value: Any, depth: int) -> None:
    indent = "  " * depth
    if isinstance(value, dict | list):
        children = list(value.items()) if isinstance(value, dict) else [("item", one) for one in value]
        if not children:
            lines.append(f"{indent}<{name}/>")
            return
        lines.append(f"{indent}<{name}>")
        for child, one in children:
            _element(lines, child, one, depth + 1)
        lines.append(f"{indent}</{name}>")
        return
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    lines.append(f"{indent}<{name}>{escape(text)}</{name}>")


def compress(body: bytes) -> bytes:
    """Compress for `Content-Encoding: gzip`, quickly and the same each time."""
    return gzip.compress(body, compresslevel=1, mtime=0)
