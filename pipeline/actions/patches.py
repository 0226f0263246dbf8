"""Give the files of a patch: ``apply_patch`` of coding agents, and unified diffs."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

MAX_CHARACTERS = 256 << 10
MAX_FILES = 100
_ENVELOPE = re.compile(r"^\*\*\* (Add|Update|Delete) File: ([^\n]{1,1000})$", re.MULTILINE)
_MOVED = re.compile(r"^\*\*\* Move to: ([^\n]{1,1000})$", re.MULTILINE)
_HEADER = re.compile(r"^(---|\+\+\+) ([^\t\n]{1,1000})[^\n]*\n", re.MULTILINE)
_RENAMED = re.compile(r"^rename (from|to) ([^\n]{1,1000})$", re.MULTILINE)
_NONE = "/dev/null"

Kind = Literal["add", "update", "delete"]
_KINDS: dict[str, Kind] = {"Add": "add", "Update": "update", "Delete": "delete"}


class Change(Struct, frozen=True, gc=False):
    """What a patch does to one file."""

    path: str
    kind: Kind


def changes_of(text: str) -> list[Change]:
    r"""Give the files of a patch, each once; none for any other text.

    >>> changes_of("*** Begin Patch\n*** Add File: a.py\n+x\n*** Delete File: b.py\n*** End Patch")
    [Change(path='a.py', kind='add'), Change(path='b.py', kind='delete')]
    >>> changes_of("--- a/src/a.py\t2026\n+++ b/src/a.py\n@@ -1 +1 @@\n-a\n+b\n")
    [Change(path='src/a.py', kind='update')]
    """
    text = text[:MAX_CHARACTERS]
    found: dict[str, Kind] = {}
    for match in _ENVELOPE.finditer(text):
        found.setdefault(match[2].strip(), _KINDS[match[1]])
    for match in _MOVED.finditer(text):
        found.setdefault(match[1].strip(), "add")
    _of_diff(text, found)
    for match in _RENAMED.finditer(text):
        found.setdefault(match[2].strip(), "delete" if match[1] == "from" else "add")
    found.pop("", None)
    return [Change(path, kind) for path, kind in list(found.items())[:MAX_FILES]]


def _of_diff(text: str, found: dict[str, Kind]) -> None:
    """Read pairs of ``---`` and ``+++``: only a pair is a header."""
    old: tuple[str, int] | None = None
    for match in _HEADER.finditer(text):
        if match[1] == "---":
            old = (match[2], match.end())
            continue
        if old is not None and old[1] == match.start():
            before, after = _path(old[0]), _path(match[2])
            if after == _NONE:
                found.setdefault(before, "delete")
            else:
                found.setdefault(after, "add" if before == _NONE else "update")
        old = None


def _path(name: str) -> str:
    """Give a path without the ``a/`` or ``b/`` that git writes before it."""
    name = name.strip().strip('"')
    return name[2:] if name[:2] in ("a/", "b/") else name
