"""What can end a push, and the exit code of each. 0 is success, 1 unexpected, 2 settings (loaders.errors)."""

from __future__ import annotations

from loaders.errors import PipelineError


class GuardError(PipelineError):
    """A guard stopped the run before its first request; nothing was sent."""

    exit_code = 3


class RefusedError(PipelineError):
    """ICOMMKT refuses the key, the profile or everything it is sent."""

    exit_code = 4


class UnavailableError(PipelineError):
    """ICOMMKT gave no good answer for as long as the patience lasts. Running again continues."""

    exit_code = 5


class RejectedError(PipelineError):
    """The run finished, but too large a share of the contacts was refused."""

    exit_code = 6


class DriftError(PipelineError):
    """`verify` found contacts in ICOMMKT that differ from the mart."""

    exit_code = 7


class BusyError(PipelineError):
    """Another process holds the state file."""

    exit_code = 8


class StoppedError(Exception):
    """A sender was told to stop before it got an answer; nobody sees this."""


class RequestError(Exception):
    """A request got no usable answer. `reason` is free of personal data only after masking."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class DownError(RequestError):
    """The service is not there, or asks to wait; what was sent is not the cause. Retried as long as patience lasts."""

    def __init__(self, reason: str, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(reason, code)
        self.retry_after = retry_after


class SuspectError(RequestError):
    """500, no answer in time, a cut or dropped connection: perhaps because of what was sent. Retried, then split."""


class WholeRefusalError(RequestError):
    """The request was understood and refused as a whole. Not retried, split."""
