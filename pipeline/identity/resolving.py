"""Which identifiers are judged as which agent, and the records of such an identifier.

A record of a confirmed alias becomes a record of its agent. The identifier stays in
``attributes.alias``. The key of the event stays that of the identifier, so that a repeat is found
before and after a merge. Aliases in a delegation are replaced too, and the chain as it came stays
in ``attributes.delegation_as_reported``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from pipeline.processing.stream_types import Records, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from models.codec.hashing import Hasher
    from pipeline.events.duplicates import Mark
    from pipeline.identity.alias import Alias
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.registers.aliases import Aliases

ALIAS, CHAIN = "alias", "delegation_as_reported"
"""Members of ``attributes``: the identifier and the delegation that an event came with."""


def agents_of(aliases: Iterable[Alias]) -> dict[str, str]:
    """Give the agent of each confirmed identifier.

    An agent may be an alias itself. Where aliases form a circle, none of them is resolved.

    Examples
    --------
    >>> from pipeline.identity.alias import Alias
    >>> def row(value, agent_id, state="confirmed"):
    ...     return Alias(value=value, agent_id=agent_id, kind="agent", state=state)
    >>> agents_of([row("a", "b"), row("b", "c"), row("x", "y", "proposed")])
    {'a': 'c', 'b': 'c'}
    >>> agents_of([row("a", "b"), row("b", "a")])
    {}
    """
    known = {one.value: one.agent_id for one in aliases if one.state == "confirmed"}
    roots = {value: _root(value, known) for value in known}
    return {value: root for value, root in roots.items() if root is not None}


def _root(value: str, known: Mapping[str, str]) -> str | None:
    passed = set[str]()
    while value in known:
        if value in passed:
            return None
        passed.add(value)
        value = known[value]
    return value


class Original(NamedTuple):
    """A record as it came, before it became a record of its agent.

    Attributes
    ----------
    agent_id
        The identifier.
    mark
        Key and digest of the event, by the identifier.
    """

    record: RawRecord
    agent_id: str
    mark: Mark


class _Named(Struct):
    id: str


class _Who(Struct):
    id: str
    agent: _Named
    delegation: list[str] | None = None

    def names(self) -> list[str]:
        return [self.agent.id, *(self.delegation or ())]


_who = msgspec.json.Decoder(_Who).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


class Resolver:
    """The confirmed aliases, as a worker knows them before a batch.

    Parameters
    ----------
    aliases
        The register of the store.
    hasher
        Computes the keys of events.

    Attributes
    ----------
    agents
        Agent of each confirmed identifier.
    """

    def __init__(self, aliases: Aliases, hasher: Hasher) -> None:
        self._aliases = aliases
        self._hasher = hasher
        self._stamp = 0
        self.agents: dict[str, str] = {}
        self._of: dict[str, list[str]] = {}

    def refresh(self) -> None:
        """Read the register if it has changed; without aliases this is one short query."""
        stamp = self._aliases.stamp()
        if stamp != self._stamp:
            self.agents, self._stamp = agents_of(self._aliases.confirmed()), stamp
            self._of = {}
            for value, root in self.agents.items():
                self._of.setdefault(root, []).append(value)

    def aliases_of(self, agent_id: str) -> Sequence[str]:
        """Give the identifiers that are judged as an agent."""
        return self._of.get(agent_id, ())

    def resolved(
        self, records: Sequence[RawRecord]
    ) -> tuple[Sequence[RawRecord], dict[int, Original]]:
        """Give native records with those of aliases replaced, and the replaced ones by index."""
        if not self.agents:
            return records, {}
        values, originals = list(values_of(records)[0]), dict[int, Original]()
        for at, value in enumerate(values):
            try:
                who = _who(value)
                if self.agents.keys().isdisjoint(who.names()):
                    continue
                values[at] = renamed(value, self.agents)
                (key,) = self._hasher.event_keys([(who.agent.id, who.id)])
                mark = key, self._hasher.content(value)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue  # it is refused when it is read
            originals[at] = Original(records[at], who.agent.id, mark)
        return _with_values(records, values) if originals else records, originals


def renamed(value: bytes, agents: Mapping[str, str]) -> bytes:
    """Give a native record with the agents of aliases; all other members stay as written.

    Examples
    --------
    >>> renamed(b'{"id":"1","agent":{"id":"a","role":"r"},"tool":"t"}', {"a": "b"})
    b'{"id":"1","agent":{"id":"b","role":"r"},"tool":"t","attributes":{"alias":"a"}}'
    """
    who, members = _who(value), dict[str, Any](_members(value))
    reported: dict[str, Any] = {}
    if who.agent.id in agents:
        members["agent"] = {**_members(members["agent"]), "id": agents[who.agent.id]}
        reported[ALIAS] = who.agent.id
    if who.delegation and not agents.keys().isdisjoint(who.delegation):
        members["delegation"] = [agents.get(name, name) for name in who.delegation]
        reported[CHAIN] = who.delegation
    said = members.get("attributes")
    known = {} if said is None or bytes(said) == b"null" else _members(said)
    # An emitter cannot say what only the store knows.
    kept = {key: one for key, one in known.items() if key not in (ALIAS, CHAIN)}
    members["attributes"] = reported | kept
    return _encode(members)


def _with_values(records: Sequence[RawRecord], values: list[bytes]) -> Sequence[RawRecord]:
    def made(at: int) -> RawRecord:
        record = records[at]
        return record if record.value is values[at] else replace(record, value=values[at])

    if isinstance(records, Records):
        return Records(values, records.source, records.arrived_us, records.cut, made)
    return [made(at) for at in range(len(values))]
