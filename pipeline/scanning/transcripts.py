"""Where coding agents keep their transcripts on this machine."""

from __future__ import annotations

import os
import stat
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LEADS_OUT, NO_FILE = "leads out of its folder by a link", "is a pipe, a device or a socket"
"""Why a file is skipped."""


class Location(NamedTuple):
    """Transcripts of one kind of agent.

    Attributes
    ----------
    fmt
        Format of the files.
    folder, pattern
        Where they are.
    """

    fmt: str
    folder: Path
    pattern: str

    def files(self) -> list[str]:
        """Give the files that are there, oldest first; one that cannot be read is named later."""
        found = sorted(self._paths(), key=_age)
        return [str(path) for path in found if not _why_skipped(path, self.folder)]

    def skipped(self) -> Counter[str]:
        """Count what is there and is not opened, by reason."""
        found = (_why_skipped(path, self.folder) for path in self._paths())
        return Counter(why for why in found if why)

    def _paths(self) -> list[Path]:
        found = self.folder.glob(self.pattern) if self.folder.is_dir() else ()
        return [path for path in found if not os.path.isdir(path)]  # noqa: PTH112  # it never raises


def _why_skipped(path: Path, folder: Path) -> str:
    """Say why a file is not opened: opening a pipe waits, and a link may lead anywhere."""
    try:
        mode = path.stat().st_mode
        if not path.resolve().is_relative_to(folder.resolve()):
            return LEADS_OUT
    except OSError:  # the reader says why
        return ""
    return "" if stat.S_ISREG(mode) else NO_FILE


def in_words(skipped: Mapping[str, int]) -> str:
    """Say what was skipped, in one line; empty for nothing.

    >>> in_words({LEADS_OUT: 2, NO_FILE: 1})
    'Skipped files: 2 (leads out of its folder by a link), 1 (is a pipe, a device or a socket)'
    """
    found = ", ".join(f"{number:,} ({why})" for why, number in skipped.items())
    return f"Skipped files: {found}" if found else ""


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, str(path)
    except OSError:  # a link to nowhere
        return 0.0, str(path)


def locations(home: Path | None = None) -> list[Location]:
    """Give the locations of all kinds of agents; `CLAUDE_CONFIG_DIR` and `CODEX_HOME` move theirs.

    >>> [one.fmt for one in locations(Path("nowhere"))]
    ['claude-code', 'codex']
    """
    home = home or Path.home()
    claude = Path(os.environ.get("CLAUDE_CONFIG_DIR") or home / ".claude")
    codex = Path(os.environ.get("CODEX_HOME") or home / ".codex")
    return [
        Location("claude-code", claude / "projects", "*/*.jsonl"),
        Location("codex", codex / "sessions", "*/*/*/rollout-*.jsonl"),
    ]
