"""A store of the judge before 0.3: what of it continues, and what is learned again.

Trust, inventory and anomalies have rows of their own, which stay as they are; an open anomaly
becomes a case. A profile of before is learned again when its agent acts
(`models.baseline.profile.is_before`). Keys of events are dropped, so that past events can be
learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.telemetry.last_seen import NAME
from pipeline.publishing.cases import case_of_anomaly
from pipeline.store.order import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.store.protocol import Store

RELEARNED = (
    "this store was written by the judge before 0.3: trust, inventory and anomalies are kept, open "
    "anomalies become cases, "
    "baselines are learned again; habitus learn FILE teaches them from past events"
)
_HEAD = "peers"
"""Part of the shared state that the judge before always wrote, and that of today never does."""
_PAGE = 500
_LAST_SEEN = "heard:"
"""Name of the times of last activity in the judge before; their bytes are those of today."""


def is_of_before(shared: Iterable[str]) -> bool:
    """Tell from the names of shared state whether the judge before wrote it.

    >>> is_of_before(["documents", "peers"]), is_of_before(["documents", "head"]), is_of_before([])
    (True, False, False)
    """
    return _HEAD in shared


def kept_of_before(shared: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give what stays of the shared state of before: when each agent was last seen.

    >>> kept_of_before({"peers": b"p", "heard:07": b"h", "+1:heard:07": b"c"})
    {'last_seen:07': b'h', '+1:last_seen:07': b'c'}
    """
    return {
        name.replace(_LAST_SEEN, NAME): blob
        for name, blob in shared.items()
        if name.startswith(_LAST_SEEN) or (name[0] == "+" and f":{_LAST_SEEN}" in name)
    }


def cases_of_before(store: Store) -> Iterator[dict[str, Any]]:
    """Give a case for each anomaly that was open, newest first."""
    after = None
    while page := store.anomalies(after=after, limit=_PAGE):
        yield from (case_of_anomaly(one) for one in page if one.get("status") == "open")
        after = place_of(page[-1], "time")
