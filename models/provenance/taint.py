"""Trace identifiers that the agent rewrote to the result they came from (taint tracking).

The sender of an event compares literal values. It finds no origin for a value that the agent put
into base64 or split over two arguments, so that value would add no bits. Therefore a session keeps
fingerprints of the values from results. A value without origin is decoded and compared with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.provenance.deobfuscation import fingerprint, traceable
from models.provenance.request import is_requested

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.event import Origins
    from models.provenance.request import Request, TextParser

REWRITTEN: Final = "rewritten"
"""Added to the origin of an identifier that was traced."""

MAX_SOURCES = 32  # fingerprints of one session
TaintSources = dict[str, list[int]]
"""Fingerprints of the values from results, by the result's tool."""
_MAX_PIECES = 4  # arguments over which one identifier is split


def add_source(sources: TaintSources, traced: int, tool: str) -> None:
    """Add the fingerprint of a value with the first tool that returned it, up to `MAX_SOURCES`.

    >>> sources = {}
    >>> add_source(sources, 7, "bank.list"), add_source(sources, 7, "web.get"), sources
    (None, None, {'bank.list': [7]})
    """
    if _source(sources, traced) is None and sum(map(len, sources.values())) < MAX_SOURCES:
        sources.setdefault(tool, []).append(traced)


def _source(sources: TaintSources, traced: int) -> str | None:
    return next((tool for tool, known in sources.items() if traced in known), None)


def trace_origins(
    origins: Origins, request: Request, sources: TaintSources, parser: TextParser
) -> Origins:
    """Give the origins of a call's identifiers, with those of the rewritten ones.

    Parameters
    ----------
    origins
        The reported origins; an empty list where the sender found none.
    request
        Identifiers in its text are not traced.
    sources
        Values from results in this session so far.
    """
    tracer = _Tracer(request, sources, parser)
    return {
        key: [(raw, reported or tracer.origins_of(raw)) for raw, reported in each]
        for key, each in origins.items()
    }


class _Tracer:
    """Trace the identifiers of one call, in their order."""

    def __init__(self, request: Request, sources: TaintSources, parser: TextParser) -> None:
        self._request, self._sources, self._parser = request, sources, parser
        self._pieces: list[str] = []

    def origins_of(self, raw: str) -> list[str]:
        value = self._parser.value(raw)
        if value is None or is_requested(value, self._request):
            return []
        self._pieces.append(value.alphanumerics)
        for form in (*self._parser.forms(raw), *self._joined()):
            source = _source(self._sources, form)
            if source is not None:
                return [f"result:{source}", REWRITTEN]
        return []

    def _joined(self) -> Iterator[int]:
        """Give the fingerprints of the last 2 .. 4 pieces joined together."""
        for many in range(2, min(len(self._pieces), _MAX_PIECES) + 1):
            text = "".join(self._pieces[-many:])
            if traceable(text):
                yield fingerprint(text, self._parser.hasher)
