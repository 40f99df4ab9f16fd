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
