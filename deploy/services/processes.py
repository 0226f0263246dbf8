"""Start background programs, and stop them by pid."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.1


def start(
    command: list[str],
    log: Path,
    pid_file: Path,
    *,
    user: str | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a new session, with output to `log` and pid to `pid_file`.

    The session keeps it alive when the calling shell ends. It runs as `user`; None: the current
    user. It gets `environment`; None: that of this program.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - the command is put together in this folder
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=None if user is None else "/",
            env=environment,
            **identity(user),
        )
    pid_file.write_text(f"{process.pid}\n")
    return process


def identity(user: str | None) -> dict[str, Any]:
    """Give the arguments that run a child as another user, with only that user's group."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def running(pid_file: Path, mark: str) -> int | None:
    """Give the pid in `pid_file` if that process is alive and ours, else None.

    Parameters
    ----------
    pid_file
        File that `start` wrote.
    mark
        Word of the command line, which a program that reuses the pid does not have.
    """
    try:
        pid = int(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    shown = subprocess.run(  # noqa: S603 - a number of our own
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)],  # noqa: S607 - wherever ps is
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    ).stdout.strip()
    return pid if mark in shown and not shown.startswith("Z") else None


def end(pid_file: Path, mark: str, polite: signal.Signals = signal.SIGTERM) -> bool:
    """Stop the process of `pid_file`, then kill it; return False if it was not running."""
    pid = running(pid_file, mark)
    if pid is None:
        pid_file.unlink(missing_ok=True)
        return False
    os.kill(pid, polite)
    deadline = time.monotonic() + _GRACE_SECONDS
    while running(pid_file, mark) is not None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if running(pid_file, mark) is not None:
        os.kill(pid, signal.SIGKILL)
    pid_file.unlink(missing_ok=True)
    return True
