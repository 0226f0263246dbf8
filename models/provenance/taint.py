"""Trace identifiers that the agent rewrote to the result they came from.

Whoever tells origins looks for a value as it stands. One that the agent put into base64, or split
over two arguments, stood nowhere, and would carry no bits. So a session remembers the letters and
digits of what came out of results, and what stood nowhere is undone and compared with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.provenance.deobfuscation import marked, traceable
from models.provenance.request import asked_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.event import Origins
    from models.provenance.request import Reader, Request

REWRITTEN: Final = "rewritten"
"""Said beside the origin of an identifier that did not stand there as it is."""

MOST_CAME = 32  # identifiers of one session
Came = dict[str, list[int]]
"""Marks of the letters and digits of what came out of results, by the result's tool."""
_MOST_PIECES = 4  # arguments that one identifier was split over


def remember(came: Came, mark: int, source: str) -> None:
    """Remember where something came from first, within bounds.

    >>> came = {}
    >>> remember(came, 7, "bank.list"), remember(came, 7, "web.get"), came
    (None, None, {'bank.list': [7]})
    """
    if _source(came, mark) is None and sum(map(len, came.values())) < MOST_CAME:
        came.setdefault(source, []).append(mark)


def _source(came: Came, mark: int) -> str | None:
    return next((source for source, marks in came.items() if mark in marks), None)


def traced(origins: Origins, request: Request, came: Came, reader: Reader) -> Origins:
    """Give the origins of a call's identifiers, with those of what was rewritten.

    Parameters
    ----------
    origins
        As they were told; an identifier without any stood nowhere.
    request
        What it names needs no other origin.
    came
        What came out of results in this session so far.
    """
    tracer = _Tracer(request, came, reader)
    return {
        key: [(raw, told or tracer.where(raw)) for raw, told in each]
        for key, each in origins.items()
    }


class _Tracer:
    """Traces the identifiers of one call, in their order."""

    def __init__(self, request: Request, came: Came, reader: Reader) -> None:
        self._request, self._came, self._reader = request, came, reader
        self._pieces: list[str] = []

    def where(self, raw: str) -> list[str]:
        value = self._reader.value(raw)
        if value is None or asked_for(value, self._request):
            return []
        self._pieces.append(value.bare)
        for mark in (*self._reader.forms(raw), *self._joined()):
            source = _source(self._came, mark)
            if source is not None:
                return [f"result:{source}", REWRITTEN]
        return []

    def _joined(self) -> Iterator[int]:
        """Put the latest together with those before it, and mark what may have been split."""
        for many in range(2, min(len(self._pieces), _MOST_PIECES) + 1):
            text = "".join(self._pieces[-many:])
            if traceable(text):
                yield marked(text, self._reader.hasher)
