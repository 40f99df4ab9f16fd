"""The `fields=` filter, with the quirks of PHP arrays that were recorded.

* Broken syntax, or a character other than letters, digits, `_`, `[`, `]` and `,`, empties the answer: `[]`.
* A list that is filtered by sub-fields becomes `null` when it is empty (`items[...]` of an empty page).
* An object of which nothing is left becomes `[]`, PHP's empty array.
* A list of scalars cannot be filtered by sub-fields: Magento answers 500.
"""

from __future__ import annotations

import functools
import re
from typing import Any, TypeAlias

from demo.magento import errors

Tree: TypeAlias = "dict[str, Tree | None]"
"""Wanted fields; None wants the whole value, a tree its sub-fields."""

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_\[\],]")


@functools.lru_cache(maxsize=512)
def parse_fields(text: str) -> Tree | None:
    """Parse a filter once per distinct text; None when Magento would find it malformed."""
    if not text or _FORBIDDEN.search(text):
        return None
    current: Tree = {}
    stack: list[Tree] = []
    parents: list[str] = []
    last = ""
    for token in re.findall(r"[\[\],]|[^\[\],]+", text):
        if token == "[":  # noqa: S105 - not a password
            parents.append(last)
            stack.append(current)
            current = {}
        elif token == "]":  # noqa: S105
            if not stack:
                return None
            inner, current = current, stack.pop()
            current[parents.pop()] = inner
        elif token != ",":  # noqa: S105
            last = token
            current[last] = None
    return None if stack else current


def wants(tree: Tree | None, *path: str) -> bool:
    """Whether a filter leaves anything of `path`; no filter (None) leaves everything."""
    for name in path:
        if tree is None:
            return True
        if name not in tree:
            return False
        tree = tree[name]
    return True


def apply_fields(value: Any, tree: Tree) -> Any:
    """Filter one decoded JSON value. Raises `MagentoError` where PHP would fail."""
    if isinstance(value, list):
        if not value:
            return None
        return [_intersect(item, tree) for item in value]
    return _intersect(value, tree)


def _intersect(value: Any, tree: Tree) -> Any:
    if type(value) is not dict:
        if isinstance(value, list):
            return []
        raise errors.internal_error()
    kept = {}
    for name, one in value.items():
        if name in tree:
            inner = tree[name]
            if inner is not None and type(one) in (dict, list):
                one = apply_fields(one, inner)
            kept[name] = one
    return kept or []
