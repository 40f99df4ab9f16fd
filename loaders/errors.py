"""Errors that are for the person who runs the pipeline: one line, what happened and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable


class PipelineError(Exception):
    """Something a person must act on. The text is one line: what happened, where, what to do.

    `exit_code` is what the process ends with: 1 a step failed, 2 settings are missing or wrong;
    the push has codes of its own for its guards.
    """

    exit_code = 1


class SettingsError(PipelineError):
    """A setting is missing or cannot be used."""

    exit_code = 2


def run_command(command: Callable[[], int]) -> None:
    """Run a command line's work and end the process with its code; a PipelineError becomes one line on stderr."""
    try:
        code = command()
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("error: interrupted; run the same command again to continue", file=sys.stderr)
        code = 130
    sys.exit(code)
