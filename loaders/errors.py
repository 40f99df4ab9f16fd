"""Errors that are for the person who runs the pipeline: one line, what happened and what to do."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

from loaders.text import fit

LONGEST_LINE = 2_000
LONGEST_TRACE = 200
LARGEST_LOG = 1_000_000
"""Bytes; one file before it is kept."""
INTERRUPTED = "interrupted; run the same command again to continue"
_FULL = ("no space left", "file too large", "disk quota exceeded")


class PipelineError(Exception):
    """Something a person must act on. The text is one line: what happened, where, what to do.

    `exit_code` is what the process ends with: 1 a step failed, 2 settings are missing or wrong, 9 another command has
    the warehouse; the push has codes of its own for its guards.
    """

    exit_code = 1


class SettingsError(PipelineError):
    """A setting is missing or cannot be used."""

    exit_code = 2


class LockedError(PipelineError):
    """Another command has the warehouse."""

    exit_code = 9


class Parser(argparse.ArgumentParser):
    """A command line whose mistakes are told like those of any setting."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found."""
        raise SettingsError(f"{message}; {self.prog} --help says what there is")


def run_command(command: Callable[[], int]) -> None:
    """Run a command line's work and end the process with its code; whatever goes wrong becomes one line on stderr.

    All files are made for their owner alone. What a terminal or a closed pipe cannot take stops nothing.
    """
    from loaders.settings import prepare  # it raises the errors of this module

    os.umask(0o077)
    logging.raiseExceptions = False  # of a handler whose pipe is closed
    threading.excepthook = lambda hook: _tell(hook.exc_value)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        prepare()
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        code = 141  # as if ended by SIGPIPE, which is what `| head` means
    except KeyboardInterrupt:
        _say(INTERRUPTED)
        code = 130
    except Exception as error:
        code = _tell(error)
    try:
        sys.stdout.flush()
    except OSError:  # or Python tries once more, and complains
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _tell(error: BaseException | None) -> int:
    """Say in one line what went wrong and return the exit code; what nobody foresaw goes to the log as a whole."""
    if isinstance(error, PipelineError):
        _say(said(error))
        return error.exit_code
    _say(f"{said(error)}; {_logged(error)}")
    return 1


def said(error: BaseException | None) -> str:
    """How an error is told, wherever it is: by the terminal, the log, the state, the webhook and the report."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return INTERRUPTED
    if isinstance(error, PipelineError):
        return fit(error, LONGEST_LINE)
    if is_full(error):
        return f"there is no room left to write ({fit(error)}): free some, then run the same command again"
    return f"{type(error).__name__}: {fit(error)}"


def is_full(what: object) -> bool:
    """Tell whether a text or an error says that there is no room on the disk."""
    return any(word in str(what).lower() for word in _FULL)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        print(f"error: {fit(line, LONGEST_LINE)}", file=sys.stderr, flush=True)


def _logged(error: BaseException | None) -> str:
    """Write an error's trace, masked, to the log beside the warehouse and say where that is."""
    from loaders.paths import warehouse

    try:
        path = warehouse().logs / "errors.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [fit(line, LONGEST_LINE) for part in traceback.format_exception(error) for line in part.splitlines()]
        lines = [line for line in lines if line.strip(" ^~")][-LONGEST_TRACE:]
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        with path.open("a", encoding="utf-8") as file:
            file.write("\n    ".join([f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S UTC}", *lines]) + "\n")
    except Exception as reason:
        return f"the log could not be written ({fit(reason)})"
    return f"the details are in {path}"
