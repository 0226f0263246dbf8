"""Where coding agents keep their transcripts on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
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
        """Give the files that are there, oldest first."""
        found = self.folder.glob(self.pattern) if self.folder.is_dir() else ()
        return [str(path) for path in sorted(found, key=_age) if path.is_file()]


def _age(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, str(path)


def places(home: Path | None = None) -> list[Place]:
    """Give the places of all kinds of agents; `CLAUDE_CONFIG_DIR` and `CODEX_HOME` move theirs.

    >>> [(place.fmt, place.pattern) for place in places(Path("nowhere"))]
    [('claude-code', '*/*.jsonl')]
    """
    home = home or Path.home()
    claude = Path(os.environ.get("CLAUDE_CONFIG_DIR") or home / ".claude")
    return [Place("claude-code", claude / "projects", "*/*.jsonl")]
