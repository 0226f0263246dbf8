"""Limits of a process that reads inputs: memory, time, and no effect on the machine."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

MEMORY_BYTES = 2 << 30
"""Largest address space beside what the process has at its start."""
GROWN_BYTES = 256 << 20
"""Most resident memory that all inputs together may keep."""
SECONDS = 1.0
"""Most processor seconds of one input."""
_REFUSED = (
    "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn",
    "os.spawn", "socket.connect", "socket.bind", "socket.sendto", "os.remove", "os.rename",
    "os.mkdir", "os.rmdir", "shutil.rmtree", "shutil.copyfile", "ctypes.dlopen", "os.kill",
)  # fmt: skip
_MAY_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Effect(BaseException):
    """An input started a process, connected to an address, or wrote a file."""


class Guard:
    """Refuses effects while `active`; a hook of the interpreter, which cannot be removed."""

    def __init__(self) -> None:
        self.active = False
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.active:
            return
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _MAY_WRITE
        if writes or event in _REFUSED:
            raise Effect(f"an input caused {event}")


def limit_memory() -> None:
    """Let an allocation beyond `MEMORY_BYTES` fail."""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
    most = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def resident_bytes() -> int:
    """Give the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * resource.getpagesize()


def seconds() -> float:
    """Give the processor seconds of this process; other work on the machine does not count."""
    return time.process_time()
