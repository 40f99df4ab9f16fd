"""Makes text fit to keep and to show: cut, without control characters, with keys and e-mails masked."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import logging
import re
import threading
import unicodedata
from urllib.parse import quote, quote_plus

SHORTEST_SECRET = 4
LONGEST_EMAIL = 254
_PART = r"[^\s@<>\"'(),;:\[\]{}=]"
# The domain ends where an address can: in `a@b.com/c%40d.com` the second is masked too. With its longest length a local
# part is looked for in time that grows with the text alone.
_EMAIL = re.compile(
    rf"({_PART}{{1,64}}?)\s?(@|＠|%(?:25)?40|&#(?:64|x40);|&commat;|[(\[](?:at|arroba)[)\]])\s?([\w.-]*)",  # noqa: RUF001 - people type it
    re.IGNORECASE,
)
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_HIDDEN_FROM = re.compile(r"<(?:script|style)\b|<!--", re.IGNORECASE)
_HIDDEN_TO = re.compile(r"</(?:script|style)[^<>]*>|-->", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*(?:>|$)")
LOOKED_AT = 50_000
"""How much of a page in place of JSON is looked at."""
_lock = threading.Lock()
_secrets: set[str] = set()
_secret_pattern: re.Pattern[str] | None = None
_longest = LONGEST_EMAIL


def keep_secret(*values: str | None) -> None:
    """Have `mask` hide these values from now on, in each form that they are sent in."""
    global _secret_pattern, _longest
    with _lock:
        _secrets.update(value for value in values if value and len(value) >= SHORTEST_SECRET)
        forms = {form for secret in _secrets for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        _secret_pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)", re.IGNORECASE)
        _longest = max(LONGEST_EMAIL, *map(len, longest_first)) if longest_first else LONGEST_EMAIL


def _forms(secret: str) -> tuple[str, ...]:
    coded = base64.b64encode(secret.encode(errors="replace")).decode().rstrip("=")
    quoted = quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace")
    in_json = (json.dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
    in_python = secret.replace("\\", r"\\").replace("'", r"\'")
    in_php = secret.replace("/", r"\/")
    one_line = " ".join(secret.split())  # as `fit` leaves it
    return (secret, one_line, *quoted, coded, *in_json, in_python, in_php)


def mask(text: str) -> str:
    """Return `text` with the secrets of this run gone and every e-mail masked."""
    if _secret_pattern is not None:
        text = _secret_pattern.sub("<key>", text)
    return _EMAIL.sub(lambda found: f"{found[1][:1]}***@{found[3]}", text)


def mask_email(email: str) -> str:
    """Return `j***@example.com` for `jane@example.com`."""
    name, at, domain = email.partition("@")
    return f"{name[:1]}***{at}{domain}"


def fit(text: object, limit: int = 300, contact: str = "") -> str:
    """Return a text from outside as one line of at most `limit` characters that may be kept and shown.

    It is cut before it is masked, so that a text of any length costs the same. `contact` is the e-mail of the contact
    that the text is about; its local part is masked too, where it stands alone.
    """
    whole, most = str(text), limit + 2 * _longest
    cut = _clean(whole[:most])
    if contact:
        for part in (contact, contact.partition("@")[0]):
            if len(part) > 2:
                cut = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", mask_email(part), cut, flags=re.IGNORECASE)
    fitting = mask(cut)
    if len(whole) > most:
        fitting = fitting[:-_longest]  # its end may be half a secret
    return fitting if len(fitting) <= limit else f"{fitting[: limit - 1]}…"


def first_words(text: str, limit: int) -> str:
    """Return how a page begins, without its markup. Takes no longer than the page is long, whatever is in it."""
    shown = (_HIDDEN_FROM.split(part, maxsplit=1)[0] for part in _HIDDEN_TO.split(text[:LOOKED_AT]))
    return fit(html.unescape(_TAG.sub(" ", " ".join(shown))), limit)


def plain(line: str, limit: int) -> str:
    """Return a line of our own as a file keeps it: cut, without escape sequences, masked; its spaces stay."""
    return mask(_ESCAPES.sub("", line[: 10 * limit]))[:limit].rstrip()


def _clean(text: str) -> str:
    """Return one line without half surrogate pairs, escape sequences, control and invisible characters."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _ESCAPES.sub("", text)
    # What is invisible inside a word must not part it, or half of an address would not look like one.
    kinds = {"Cf": "", "Cc": " "}
    kept = (kinds.get(unicodedata.category(one), one) for one in text)
    return " ".join("".join(kept).split())


class MaskingFilter(logging.Filter):
    """Masks whatever a record would print, exceptions included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; it is always let through."""
        record.msg = mask(record.getMessage())
        record.args = None
        if record.exc_info:
            record.exc_text = mask(logging.Formatter().formatException(record.exc_info))
        return True


def fingerprint(secret: str) -> str:
    """Return 16 hex digits that stand for a key in the state file; the key cannot be had back from them."""
    return hashlib.sha256(b"magento-icommkt:" + secret.encode()).hexdigest()[:16]
