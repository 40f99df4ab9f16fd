"""Keeps personal data and keys out of what is printed, logged or stored as a message."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable

EMAIL = re.compile(r"[^\s@<>\"'(),;:\[\]{}=]+@[^\s@<>\"'(),;:\[\]{}=]*")


def mask_email(email: str) -> str:
    """Return `j***@example.com` for `jane@example.com`."""
    name, at, domain = email.partition("@")
    return f"{name[:1]}***{at}{domain}"


class Mask:
    """Replaces e-mails and known secrets in text. A secret of less than `SHORTEST` characters is none."""

    SHORTEST = 4

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= self.SHORTEST}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """Return `text` with every secret gone and every e-mail masked."""
        if self._secrets is not None:
            text = self._secrets.sub("<key>", text)
        return EMAIL.sub(lambda match: mask_email(match[0]), text)


class MaskingFilter(logging.Filter):
    """Masks whatever a record would print, exceptions included."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self.mask = mask

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; it is always let through."""
        record.msg = self.mask(record.getMessage())
        record.args = None
        if record.exc_info:
            record.exc_text = self.mask(logging.Formatter().formatException(record.exc_info))
        return True


def fingerprint(secret: str) -> str:
    """Return 16 hex digits that stand for a key in the state file; the key cannot be had back from them."""
    return hashlib.sha256(b"magento-icommkt:" + secret.encode()).hexdigest()[:16]
