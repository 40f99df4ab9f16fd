"""Codes for two-factor login. Magento takes each once, so none is made twice, by whichever process."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from pathlib import Path

import pyotp

from loaders.magento.errors import LoginError
from loaders.text import keep_secret


class OneTimeCodes:
    """Makes the six digits that Google Authenticator would show.

    `memory` is a file that remembers which half-minute was used last, for all processes of one
    warehouse. `clock` and `sleep` are in seconds.

    Raises LoginError when the secret is none.
    """

    def __init__(
        self,
        secret: str,
        memory: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        secret = secret.replace(" ", "").replace("-", "")
        keep_secret(secret)
        try:
            self._totp = pyotp.TOTP(secret)
            self._totp.at(0)
        except ValueError:
            raise LoginError(
                "SOURCES__MAGENTO__TOTP_SECRET is not a base32 secret as Google Authenticator shows it (letters A-Z, "
                "digits 2-7)"
            ) from None
        self._memory = memory
        self._clock = clock
        self._sleep = sleep
        self._last = 0

    def next(self) -> str:
        """Return a code that was not returned before; waits up to half a minute for one."""
        if self._memory is None:
            return self._unused(self._last)
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        with self._memory.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another process waits until this code is taken
            file.seek(0)
            text = file.read().strip()
            code = self._unused(max(self._last, int(text) if text.isdigit() else 0))
            file.truncate(0)
            file.write(str(self._last))
            file.flush()
        return code

    def _unused(self, last: int) -> str:
        length = self._totp.interval
        now = self._clock()
        # A clock set back since would have us wait for long; then only this half-minute counts.
        while int(now) // length == last or 0 < last - int(now) // length <= 1:
            self._sleep((int(now) // length + 1) * length - now)
            now = self._clock()
        self._last = int(now) // length
        return str(self._totp.at(int(now)))
