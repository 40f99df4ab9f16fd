"""A command run within this process, which spares the second that starting Python takes."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping

from loaders.errors import run_command


def in_process(
    main: Callable[[], int], *arguments: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Do what `python -m` does with a module's `main`, in this environment alone; return its code and what it said."""
    out, err = io.StringIO(), io.StringIO()
    before = dict(os.environ), sys.argv, threading.excepthook
    code = 0
    try:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["command", *arguments]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            run_command(main)
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        _, sys.argv, threading.excepthook = before
    return subprocess.CompletedProcess([*arguments], code, out.getvalue(), err.getvalue())
