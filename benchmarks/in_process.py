"""A command run within this process, which spares the second that starting Python takes."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from unittest.mock import patch

from loaders.errors import run_command


def in_process(
    main: Callable[[], int], *arguments: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Do what `python -m` does with a module's `main`, in this environment alone; return its code and what it said."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "argv", ["command", *arguments]),
        patch.object(threading, "excepthook", threading.excepthook),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            run_command(main)
        except SystemExit as ended:
            return subprocess.CompletedProcess([*arguments], int(ended.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("a command ends by an exit")
