"""Which agents act in a session or for a person: security events name those alone.

Events of the identity plane and of gateways teach it. It is bounded, and it is stored with the
position, so a restart and a replay attribute alike. Ids are kept as keyed digests.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from models.errors import MalformedEvent
from models.units import DAY_US
from pipeline.formats.members import inner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_SUBJECTS = 20_000
"""Most sessions, and most persons; the one that was used least recently is forgotten."""
MAX_AGENTS = 8
"""Most agents of one subject."""
DAYS = 30
"""Days without use after which an agent no longer counts."""
NAME = "subject:"
"""Beginning of the names of stored state."""
_KINDS = ("session", "person")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, int]).decode


class KnownSubjects:
    """Remembers the agents behind sessions and persons.

    Parameters
    ----------
    key
        Secret of the digests.

    Attributes
    ----------
    is_agent
        Returns whether an agent of this name is known; None outside a worker, where every name is
        taken for an agent.

    Examples
    --------
    >>> known = KnownSubjects(b"k")
    >>> known.is_agent = lambda name: False
    >>> known.learn({"agent": {"id": "bot"}, "human": {"id": "ana"}, "session": "s-1"}, 5)
    >>> known.agents_of({"agent": {"id": "ana"}, "attributes": {"subject": "ana"}}, 6)
    ['bot']
    """

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]
        self._known: dict[str, OrderedDict[str, dict[str, int]]] = {
            kind: OrderedDict() for kind in _KINDS
        }
        self._touched: dict[str, dict[str, int]] = {}
        self._dropped: dict[str, None] = {}
        self.is_agent: Callable[[str], bool] | None = None

    def learn(self, event: dict[str, Any], at_us: int) -> None:
        """Remember the agent of an event under its session and person."""
        agent_id, day = inner(event.get("agent")).get("id"), at_us // DAY_US
        if not isinstance(agent_id, str):
            return
        for kind, row in self._rows(event):
            known = self._known[kind]
            agents = known.setdefault(row, {})
            known.move_to_end(row)
            if agents.get(agent_id, -1) >= day:
                continue
            agents[agent_id] = day
            if len(agents) > MAX_AGENTS:
                del agents[min(agents, key=lambda one: (agents[one], one))]
            self._touched[row] = agents
            self._dropped.pop(row, None)
            if len(known) > MAX_SUBJECTS:
                oldest, _ = known.popitem(last=False)
                self._touched.pop(oldest, None)
                self._dropped[oldest] = None

    def agents_of(self, event: dict[str, Any], at_us: int) -> list[str]:
        """Give the agents that a security event is about, the most precise ones alone.

        Raises
        ------
        MalformedEvent
            No agent is known under its subject.
        """
        attributes = inner(event.get("attributes"))
        names = [event["agent"]["id"], *(attributes.get("also_named") or ())]
        if self.is_agent is None:
            return names[:1]
        found = [name for name in names if self.is_agent(name)]
        first = at_us // DAY_US - DAYS
        for kind, row in self._rows(event):
            agents = {} if found else self._known[kind].get(row, {})
            found += sorted(agent_id for agent_id, day in agents.items() if day >= first)
        if not found:
            raise MalformedEvent(
                "unattributed", "no agent is known under the subject of this security event"
            )
        return found[:MAX_AGENTS]

    def _rows(self, event: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Name the rows of what an event is in, its session first."""
        human = inner(event.get("human")).get("id")
        subject = inner(event.get("attributes")).get("subject")
        given = (("session", event.get("session")), ("person", human), ("person", subject))
        for place, (kind, name) in enumerate(given):
            if isinstance(name, str) and name and (kind, name) not in given[:place]:
                said = name.encode("utf-8", "replace")
                digest = blake2b(said, key=self._key, digest_size=10).hexdigest()
                yield kind, f"{NAME}{kind}:{digest}"

    # ------------------------------------------------------------------ state

    def dump(self) -> tuple[list[tuple[str, bytes]], list[str]]:
        """Give the stored rows that changed, and the names of those to delete."""
        rows = [(row, _encode(agents)) for row, agents in self._touched.items()]
        gone = list(self._dropped)
        self._touched, self._dropped = {}, {}
        return rows, gone

    def load(self, shared: Mapping[str, bytes]) -> None:
        """Read the rows of `dump` out of the shared state, the latest used last."""
        found = [(row, _decode(blob)) for row, blob in shared.items() if row.startswith(NAME)]
        found.sort(key=lambda one: (max(one[1].values(), default=0), one[0]))
        for row, agents in found:
            self._known[row.split(":")[1]][row] = agents
