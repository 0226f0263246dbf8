"""Detect result files of Habitus by their first line, so that they are not read as recordings.

A folder of recordings often holds results of an earlier `habitus replay`. A file that begins with
an event is never treated as a result file.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from pipeline.sources import jsonl
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LONGEST_LINE = 8 << 20  # a rejected record of the largest size, with each byte escaped
_MAX_KNOWN = 65_536
_MAX_NAMED = 5


class _NoEvent(Struct, kw_only=True):
    """A line without a tool; events of both formats have one."""

    tool: Any | UnsetType = UNSET


class _Judged(_NoEvent, kw_only=True):
    """Members of each line of `pipeline.publishing.outputs.replay_line`."""

    event_id: str
    agent_id: str
    rank: float
    s_sum: float
    s_max: float
    alert: bool
    learned: bool
    reasons: list[Any]
    trust: dict[str, Any]


class _Rejected(_NoEvent, kw_only=True):
    """Members of each line of `pipeline.publishing.rejected.rejected_line`."""

    reason: str
    detail: str
    source: str
    line: int
    time: str


_SHAPES = tuple(msgspec.json.Decoder(shape) for shape in (_Judged, _Rejected))


def are_results(path: Path) -> bool:
    """Return whether a file holds judgements or rejected records; reads its first line."""
    try:
        seen = path.stat()
    except OSError:
        return False
    return _known(path, seen.st_ino, seen.st_size, seen.st_mtime_ns)


@lru_cache(maxsize=_MAX_KNOWN)
def _known(path: Path, *_: int) -> bool:
    """Classify a file, cached while the file is unchanged."""
    line = jsonl.first_line(path, _LONGEST_LINE)
    for shape in _SHAPES:
        try:
            return shape.decode(line).tool is UNSET
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return False


def not_read(name: str, results: Sequence[Path]) -> str:
    """Describe the files of a folder or a pattern that are not read.

    >>> from pathlib import Path
    >>> not_read("rec", [Path("/rec/out.jsonl")])
    "1 file of 'rec' is a result of habitus and not read: 'out.jsonl'"
    """
    names = [quoted(path.name, LONGEST_PATH) for path in results[:_MAX_NAMED]]
    if more := len(results) - len(names):
        names.append(f"and {more} more")
    number = len(results)
    what = "1 file" if number == 1 else f"{number} files"
    are = "is a result" if number == 1 else "are results"
    return f"{what} of {quoted(name, LONGEST_PATH)} {are} of habitus and not read: " + ", ".join(
        names
    )
