"""Take one change of a text back, line by line, and keep the changes that came since."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import NamedTuple


class _Change(NamedTuple):
    """Lines from `start` to `end` become others."""

    start: int
    end: int
    lines: list[str]


def taken_back(before: str, changed: str, now: str) -> str | None:
    r"""Give the text of now without the change from `before` to `changed`.

    Returns
    -------
    None where the lines of that change have changed again since.

    Examples
    --------
    >>> taken_back("a\nb\n", "a\nb\nours\n", "a\nb\nours\n# since\n")
    'a\nb\n# since\n'
    >>> taken_back("a\n", "a\nours\n", "a\nours, and more\n") is None
    True
    """
    known = changed.splitlines(keepends=True)
    back, since = _changes(known, before), _changes(known, now)
    for one in back:
        for other in since:
            both_insert = one.start == one.end == other.start == other.end
            if both_insert or (one.start < other.end and other.start < one.end):
                return None
    out = list(known)
    for change in sorted(back + since, reverse=True):
        out[change.start : change.end] = change.lines
    return "".join(out)


def _changes(known: list[str], text: str) -> list[_Change]:
    lines = text.splitlines(keepends=True)
    found = SequenceMatcher(a=known, b=lines, autojunk=False).get_opcodes()
    return [_Change(i1, i2, lines[j1:j2]) for kind, i1, i2, j1, j2 in found if kind != "equal"]
