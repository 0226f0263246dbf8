"""Proposals from events: one credential or identifier that two agents use.

The first event of each agent, and each event with a finding, is compared with those before. What
was seen is part of the committed state, so a restart changes nothing. It is bounded: the oldest
identifiers are forgotten. An identifier of three agents is shared and proposes nothing more. A
shard sees the events of its own partition alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.identity.alias import LONGEST_SOURCE, Alias, is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from models.codec.hashing import Hasher
    from models.event import Event
    from pipeline.identity.alias import AliasKind
    from pipeline.identity.resolving import Resolver
    from pipeline.store.registers.aliases import Aliases

NAME = "identity:"
"""Prefix of the rows of shared state."""
BUCKETS = 256
MOST_IN_BUCKET = 64
_MOST_AGENTS = 3
_CREDENTIAL = "credential"
_ATTRIBUTES: dict[str, AliasKind] = {
    "spiffe_id": "spiffe-id",
    "app_id": "entra-app",
    "appid": "entra-app",
    "service_principal": "entra-agent",
    "client_id": "oauth-client",
    "azp": "oauth-client",
    "client": "oauth-client",
    "external_agent_id": "agent",
    "a2a_card": "a2a-card",
    "agent_card": "a2a-card",
    "account": "gitlab-bot",
    "installation_id": "installation",
}
"""Attributes of events that name the agent itself, and what each is."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, list[str]]).decode


class Evidence:
    """Remembers which agents use an identifier, and proposes aliases.

    Parameters
    ----------
    aliases
        The register of aliases.
    resolver
        Gives the agents of aliases.
    hasher
        Hashes identifiers; they are not kept.
    rows
        Rows of shared state, as `dump` gave them.

    Attributes
    ----------
    has_acted
        Return whether there is an agent with an id.
    """

    def __init__(
        self, aliases: Aliases, resolver: Resolver, hasher: Hasher, rows: Mapping[str, bytes]
    ) -> None:
        self._aliases, self._resolver, self._hasher = aliases, resolver, hasher
        self.has_acted: Callable[[str], bool] = lambda _: False
        self._buckets: dict[int, dict[int, list[str]]] = {
            int(name.removeprefix(NAME), 16): _decode(blob)
            for name, blob in rows.items()
            if name.startswith(NAME)
        }
        self._changed: set[int] = set()

    def dump(self) -> list[tuple[str, bytes]]:
        """Give the rows of shared state that changed since the last call."""
        rows = [(f"{NAME}{at:02x}", _encode(self._buckets[at])) for at in sorted(self._changed)]
        self._changed.clear()
        return rows

    def proposals(self, event: Event) -> list[Alias]:
        """Note an event; give the aliases that it makes likely."""
        agent_id = event.agent.id
        found = [
            self._alias(agent_id, other, "agent", f"named by events of {other}")
            for other in self._agents(agent_id)
        ]
        for kind, value in _identifiers(event):
            others = self._note(value, agent_id)
            found += [self._alias(agent_id, one, "agent", _shared(kind, value)) for one in others]
            if kind != _CREDENTIAL and not others and self.has_acted(value):
                found.append(self._alias(value, agent_id, kind, f"named by events of {agent_id}"))
        return [one for one in found if one is not None]

    def _agents(self, value: str) -> list[str]:
        """Give the agents with an identifier, under the names that they have now."""
        key = self._hasher.once(value)
        known = self._buckets.get(key % BUCKETS, {}).get(key, [])
        return list(dict.fromkeys(self._resolver.agents.get(one, one) for one in known))

    def _note(self, value: str, agent_id: str) -> list[str]:
        """Note that an agent uses an identifier; give the one that used it before, if any."""
        known = self._agents(value)
        if agent_id in known or len(known) >= _MOST_AGENTS:
            return []
        key = self._hasher.once(value)
        bucket = self._buckets.setdefault(key % BUCKETS, {})
        bucket[key] = [*known, agent_id]
        if len(bucket) > MOST_IN_BUCKET:
            del bucket[next(iter(bucket))]
        self._changed.add(key % BUCKETS)
        return known if len(known) == 1 else []

    def _alias(self, value: str, agent_id: str, kind: AliasKind, source: str) -> Alias | None:
        """Give a proposal; None for a pair that is known, in either direction."""
        if value == agent_id or not (is_name(value) and is_name(agent_id)):
            return None
        if self._resolver.agents.get(value) == agent_id:
            return None
        if any(one.agent_id == value for one in self._aliases.of_value(agent_id)):
            return None
        return Alias(value=value, agent_id=agent_id, kind=kind, source=source[:LONGEST_SOURCE])


def _identifiers(event: Event) -> Iterator[tuple[Any, str]]:
    """Give the kinds and values of what an event names its agent by, beside its id."""
    if event.credential is not None:
        yield _CREDENTIAL, event.credential.id
    attributes = event.attributes or {}
    for key in attributes.keys() & _ATTRIBUTES.keys():
        value = attributes[key]
        if isinstance(value, str) and is_name(value) and value != event.agent.id:
            yield _ATTRIBUTES[key], value


def _shared(kind: str, value: str) -> str:
    return f"both use {kind} {value}"
