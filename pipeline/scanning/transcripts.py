"""Where coding agents keep their transcripts on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


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
        found = self.folder.glob(self.pattern) if self.folder.is_dir() else ()
        return [str(path) for path in sorted(found, key=_age) if not os.path.isdir(path)]  # noqa: PTH112  # it never raises


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
