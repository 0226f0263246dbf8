"""Which agents act in a session or for a person: security events name those alone.

Every judged event with a human teaches it, in whatever format it came, and identity logs teach it
their sessions. It is bounded, and it is stored with the position, so a restart and a replay
attribute alike. Ids are kept as keyed digests.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from models.errors import MalformedEvent
from models.units import DAY_US
from pipeline.formats.members import inner, time_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.enrichment.inventory import Inventory

MAX_SUBJECTS = 20_000
"""Most sessions, and most persons; the one that was used least recently is forgotten."""
MAX_AGENTS = 256
"""Most agents of one subject; the one that was used least recently is forgotten, and counted."""
DAYS = 30
"""Days without use after which an agent no longer counts."""
NAME = "subject:"
"""Beginning of the names of stored state."""
DROPPED = "agents_of_subject_dropped"
"""Counter of the agents that are forgotten for room."""
PERSONS = "accounts_of_persons"
"""Counter of the events of an account that is a person's: no agent acts in them."""
NameStatus = Literal["registered", "acted", ""]
"""Whether a name is of the inventory, or is one under which events were judged."""
_KINDS = ("session", "person", "human")
_MAX_FRESH = 50_000
_HUMAN = b'"human"'
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, int]).decode


class _Named(Struct):
    id: str


class _Who(Struct):
    agent: _Named
    time: str
    human: _Named | None = None
    kind: str = "action"


_who = msgspec.json.Decoder(_Who).decode


def status_of_name(
    inventory: Inventory, modes_of: Callable[[str], Sequence[object]], name: str
) -> NameStatus:
    """Return whether a name is registered, or has acted in a mode."""
    if inventory.declared(name).registered:
        return "registered"
    return "acted" if modes_of(name) else ""


class KnownSubjects:
    """Remembers the agents behind sessions and persons.

    Parameters
    ----------
    key
        Secret of the digests.
    count
        Counts what is forgotten for room.

    Attributes
    ----------
    status_of
        Returns what is known of a name; None outside a worker, where every name is taken for an
        agent.
    elsewhere
        Gives the stored rows of a name that other workers have written.

    Examples
    --------
    >>> known = KnownSubjects(b"k")
    >>> known.status_of = lambda name: ""
    >>> known.learn({"agent": {"id": "bot"}, "human": {"id": "ana"}, "session": "s-1"}, 5)
    >>> known.agents_of({"agent": {"id": "ana"}, "attributes": {"subject": "ana"}}, 6)
    ['bot']
    """

    def __init__(self, key: bytes, count: Counter[str] | None = None) -> None:
        self._key = key[:64]
        self._count: Counter[str] = Counter() if count is None else count
        self._known: dict[str, OrderedDict[str, dict[str, int]]] = {
            kind: OrderedDict() for kind in _KINDS
        }
        self._touched: dict[str, dict[str, int]] = {}
        self._dropped: dict[str, None] = {}
        self._fresh: set[tuple[str, str, str]] = set()
        self.status_of: Callable[[str], NameStatus] | None = None
        self.elsewhere: Callable[[str], Iterable[bytes]] = lambda _: ()

    def learn(self, event: dict[str, Any], at_us: int) -> None:
        """Remember the agent of an event under its session and person."""
        agent_id = inner(event.get("agent")).get("id")
        if not isinstance(agent_id, str):
            return
        for kind, row in self._rows(event):
            self._put(kind, row, agent_id, at_us // DAY_US)

    def learn_persons(self, lines: Iterable[bytes]) -> None:
        """Remember for whom the agents of native events act, each once a day."""
        fresh = self._fresh
        for line in lines:
            if _HUMAN not in line:
                continue
            try:
                who = _who(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue  # it has no human, or none that can be read
            if who.human is None or who.kind == "security_event":
                continue
            found = who.agent.id, who.human.id, who.time[:10]
            if found in fresh:
                continue
            if len(fresh) >= _MAX_FRESH:
                fresh.clear()
            fresh.add(found)
            said = {"agent": {"id": who.agent.id}, "human": {"id": who.human.id}}
            self.learn(said, time_us(who.time))

    def learn_human(self, name: str, at_us: int) -> None:
        """Remember that an identity log calls a name a person, for whom an account acts."""
        self._put("human", self._row("human", name), "", at_us // DAY_US)

    def is_human(self, name: str) -> bool:
        """Return whether an identity log calls a name a person, and no inventory an agent."""
        if self._row("human", name) not in self._known["human"]:
            return False
        return self.status_of is None or self.status_of(name) != "registered"

    def names_person(self, event: dict[str, Any], line: dict[str, Any], at_us: int) -> bool:
        """Return whether the account that acts in an event is a person's; such a one is counted.

        Parameters
        ----------
        event
            What a source says: ``human.agent`` is the account that acts for a person, and
            ``agent.account`` marks an account of which it does not say whose it is.
        line
            The native event.
        """
        human, agent_id = inner(event.get("human")), line["agent"]["id"]
        if "agent" in human:
            self.learn_human(human["id"], at_us)
        if "account" not in inner(event.get("agent")) or line.get("mode") is not None:
            return False
        if not self.is_human(agent_id):
            return False
        self._count[PERSONS] += 1
        return True

    def agents_of(self, event: dict[str, Any], at_us: int) -> list[str]:
        """Give the agents that a security event is about, the most precise ones alone.

        A registered agent is meant itself. A name that has acted may be that of a person, too: the
        agents that act for the person are meant as well.

        Raises
        ------
        MalformedEvent
            No agent is known under its subject.
        """
        attributes = inner(event.get("attributes"))
        names = [event["agent"]["id"], *(attributes.get("also_named") or ())]
        if self.status_of is None:
            return names[:1]
        status = {name: self.status_of(name) for name in names}
        found = [name for name, one in status.items() if one == "registered"]
        if found:
            return found
        found = [name for name, one in status.items() if one and not self.is_human(name)]
        first, behind = at_us // DAY_US - DAYS, dict[str, int]()
        for kind, row in self._rows(event):
            behind = behind or self._agents(kind, row, first)
        found += sorted(behind.keys() - found)
        if not found:
            raise MalformedEvent(
                "unattributed", "no agent is known under the subject of this security event"
            )
        return found

    def _agents(self, kind: str, row: str, first: int) -> dict[str, int]:
        """Give the agents of a row that were used since a day."""
        rows = [self._known[kind].get(row, {}), *map(_decode, self.elsewhere(row))]
        return {agent: day for agents in rows for agent, day in agents.items() if day >= first}

    def _put(self, kind: str, row: str, agent_id: str, day: int) -> None:
        known = self._known[kind]
        agents = known.setdefault(row, {})
        known.move_to_end(row)
        if agents.get(agent_id, -1) >= day:
            return
        agents[agent_id] = day
        if len(agents) > MAX_AGENTS:
            del agents[min(agents, key=lambda one: (agents[one], one))]
            self._count[DROPPED] += 1
        self._touched[row] = agents
        self._dropped.pop(row, None)
        if len(known) > MAX_SUBJECTS:
            oldest, _ = known.popitem(last=False)
            self._touched.pop(oldest, None)
            self._dropped[oldest] = None
            self._fresh.clear()  # it is learned again when it comes again

    def _rows(self, event: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Name the rows of what an event is in, its session first."""
        human = inner(event.get("human")).get("id")
        subject = inner(event.get("attributes")).get("subject")
        given = (("session", event.get("session")), ("person", human), ("person", subject))
        for place, (kind, name) in enumerate(given):
            if isinstance(name, str) and name and (kind, name) not in given[:place]:
                yield kind, self._row(kind, name)

    def _row(self, kind: str, name: str) -> str:
        said = name.encode("utf-8", "replace")
        digest = blake2b(said, key=self._key, digest_size=10).hexdigest()
        return f"{NAME}{kind}:{digest}"

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
