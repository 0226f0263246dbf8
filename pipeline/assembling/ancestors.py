"""Agents above a call that come after it: an agent's span ends last, and is exported last.

A call without an agent waits where a span above it has not come: `LONG_US` where agents of its
service came late before, `FIRST_US` where nothing is known of the service, and not at all where its
calls have waited in vain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.units import MINUTE_US
from pipeline.assembling.origins import origins_of
from pipeline.assembling.state.corpus import Corpus
from pipeline.assembling.state.spans import above

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.assembling.state.spans import OpenSpan

FIRST_US, LONG_US = 5 * MINUTE_US, 15 * MINUTE_US
"""Longest waits for an agent above a call."""
MAX_SERVICES = 10_000
"""Most services that are remembered; the oldest is forgotten first."""
_MOST = 8
"""Most of the score of a service; each wait in vain takes one."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, int]).decode


class Ancestry:
    """Whether the agents of a service come after their calls, by experience.

    Examples
    --------
    >>> known = Ancestry()
    >>> known.wait_us("orders") == FIRST_US
    True
    >>> known.missed("orders")
    >>> known.wait_us("orders")
    0
    >>> known.came("orders")
    >>> known.wait_us("orders") == LONG_US
    True
    """

    def __init__(self) -> None:
        self._scores: dict[str, int] = {}
        self._changed = False

    def wait_us(self, service: str) -> int:
        """Give how long calls of a service wait for an agent above, in microseconds."""
        score = self._scores.get(service)
        if score is None:
            return FIRST_US
        return LONG_US if score > 0 else 0

    def came(self, service: str) -> None:
        """Note that the agent of a call was found above it."""
        self._set(service, min(max(self._scores.get(service, 0), 0) + 1, _MOST))

    def missed(self, service: str) -> None:
        """Note that calls waited in vain."""
        self._set(service, max(self._scores.get(service, 0) - 1, 0))

    def _set(self, service: str, score: int) -> None:
        if self._scores.get(service) == score:
            return
        if service not in self._scores and len(self._scores) >= MAX_SERVICES:
            del self._scores[next(iter(self._scores))]
        self._scores[service] = score
        self._changed = True

    def dump(self) -> bytes | None:
        """Give the stored state; None where it has not changed."""
        if not self._changed:
            return None
        self._changed = False
        return _encode(self._scores)

    def load(self, blob: bytes) -> None:
        """Read the stored state."""
        self._scores = _decode(blob)


def lacks_agent(spans: Mapping[str, OpenSpan], span: str, event: Mapping[str, Any]) -> bool:
    """Return whether a call has no agent, and a span above it has not come.

    Parameters
    ----------
    span
        The span above the call; empty for none.
    event
        What the call says itself.

    Examples
    --------
    >>> from pipeline.assembling.state.spans import OpenSpan
    >>> inner, root = OpenSpan("r", {}), OpenSpan("", {"agent": {"id": "bot"}})
    >>> lacks_agent({"i": inner}, "i", {}), lacks_agent({"i": inner, "r": root}, "i", {})
    (True, False)
    """
    if not span or "agent" in event:
        return False
    last = span
    for found in above(spans, span):
        if "agent" in found.event:
            return False
        last = found.parent
    return bool(last) and last not in spans


def with_request(
    arguments: Any, origins: dict[str, list[Any]] | None, text: str, salt: int
) -> dict[str, list[Any]] | None:
    """Give the origins of arguments with a request that came after the call, and was made before.

    Parameters
    ----------
    origins
        Known origins.
    text
        The request.
    salt
        Of the checksums of words.

    Examples
    --------
    >>> with_request({"to": "DE0050"}, {"to": [["DE0050", ["system"]]]}, "Pay DE0050", 7)
    {'to': [['DE0050', ['request', 'system']]]}
    """
    if not isinstance(arguments, dict):
        return origins
    corpus = Corpus(salt)
    corpus.add("request", text)
    found = origins_of(arguments, corpus)
    for key, values in found.items():
        known = dict(map(tuple, (origins or {}).get(key, ())))
        for value in values:
            value[1] = list(dict.fromkeys((*value[1], *known.pop(value[0], ()))))
        values += [[value, where] for value, where in known.items()]
    return found
