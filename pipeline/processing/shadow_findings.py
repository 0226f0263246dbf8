"""One finding for unknown agents that share a credential, a network or a minute.

The finding also contains events of unknown agents that reuse an id, so that neither kind can flood
the list.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from models.constants import CERTAIN_BITS
from models.result import Reason
from models.units import DAY_US, MINUTE_US
from pipeline.publishing.findings import led_by
from pipeline.publishing.outputs import reason_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.event import Event, Origin
    from models.result import Kind, Result
    from pipeline.store.batch import MemberRow
    from pipeline.store.protocol import Store

SHADOW = "identity.shadow"
CONFLICT = "telemetry.conflict"
GROUPED = frozenset({SHADOW, CONFLICT})
"""Anomaly types of unknown agents that join the finding of many agents."""
NAMED = 10
"""Number of agents whose ids are in the finding; `Store.members` gives the others."""
MAX_LISTED = 1_000
"""Largest number of agents listed in the detail view of a finding."""
NOTABLE = ("pay", "delete", "admin", "send", "execute", "write")
"""Operations other than read, the most severe first."""


class Lister(Protocol):
    """Gives the agents of a finding: a store or a store reader."""

    def members(self, anomaly_id: str, limit: int, /) -> Sequence[str]:
        """Give the agent ids of a finding of several agents, in order, at most `limit`."""


class Place(NamedTuple):
    """The finding that an event of an unknown agent belongs to.

    Attributes
    ----------
    finding, key
        Id of the finding, and its correlation key if it is new.
    shared
        Credential and network of the event; None for a security event.
    new
        Whether this is the agent's first event of the day.
    conflict
        Whether the agent has sent another event under the same id.
    operation
        Operation of the event if it is in `NOTABLE`, else None.
    """

    finding: str
    key: str
    shared: dict[str, str] | None
    new: bool
    operation: str | None = None
    conflict: bool = False


class ShadowFindings:
    """Findings of unknown agents, with the names that identify each finding.

    Parameters
    ----------
    store
        Holds the names of earlier batches.
    name_of
        Gives the anomaly id of a key.
    """

    def __init__(self, store: Store, name_of: Callable[[str], str]) -> None:
        self._store = store
        self._name_of = name_of

    def place(
        self,
        a: Result,
        event: Event,
        origin: Origin,
        members: dict[str, MemberRow],
        *,
        conflict: bool = False,
    ) -> Place:
        """Give the finding that an event belongs to, and note all its names.

        An agent stays in the finding of its first event of the day. Another agent joins the finding
        of its credential, else of its network, else the finding that began in the same minute. Only
        the first event of a finding adds its minute as a name, so minutes do not form chains.

        A security event is no event of the agent. It joins the finding of the agent, else the one
        of such events of the minute, and changes neither its shared values nor its operations.

        Parameters
        ----------
        members
            Names of the batch; new ones are added.
        conflict
            Whether the agent has sent another event under the same id.
        """
        day = a.time_us // DAY_US
        reported = event.kind == "security_event"
        shared = None if reported else circumstances(event, origin)
        who, minute = f"agent|{a.agent_id}", f"minute|{a.time_us // MINUTE_US}"
        if shared is None:
            keys = [f"reported {who}", f"reported {minute}"]
        else:
            keys = [*(f"{kind}|{value}" for kind, value in shared.items()), minute]
        own, agent = self._name_of(a.key), self._name(who, day)
        names = [self._name(key, day) for key in keys]
        known = self._known([own, agent, *names], members)
        before = next((known[one] for one in (agent, *names) if one in known), None)
        finding = before or names[0]
        leading = names if before is None else names[:-1]
        once = names[0] if reported else agent
        new = known.keys().isdisjoint((agent, once))
        for name, agent_id in (*((n, "") for n in leading), (own, a.agent_id), (once, a.agent_id)):
            if name not in known:
                members[name] = (name, finding, agent_id)
        operation = event.operation if event.operation in NOTABLE and not reported else None
        key = f"{SHADOW}|{keys[0]}|{day}"
        return Place(finding, key, shared, new, operation, conflict)

    def _name(self, key: str, day: int) -> str:
        return self._name_of(f"{SHADOW}|{self._store.shard}|{key}|{day}")

    def _known(self, names: Sequence[str], members: dict[str, MemberRow]) -> dict[str, str]:
        known = {name: members[name][1] for name in names if name in members}
        missing = [name for name in names if name not in known]
        return known | self._store.member_of(missing)


def circumstances(event: Event, origin: Origin) -> dict[str, str]:
    """Give credential and network of an event, where present.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from models.event import Agent, Credential, Event, Network, Origin
    >>> event = Event(
    ...     id="1", time=datetime(2026, 1, 5, tzinfo=UTC), agent=Agent(id="a"), tool="t",
    ...     credential=Credential(id="c1"), network=Network(source_ip="203.0.113.7"),
    ... )
    >>> circumstances(event, Origin())
    {'credential': 'c1', 'network': '203.0.113.0/24'}
    """
    found = {}
    if event.credential is not None:
        found["credential"] = event.credential.id
    address = event.network.source_ip if event.network is not None else None
    network = network_of(address or "") or (f"AS{origin.asn}" if origin.asn is not None else None)
    if network is not None:
        found["network"] = network
    return found


def network_of(address: str) -> str | None:
    """Give the network of an address, a /24 or a /64; None for an invalid address.

    >>> network_of("2001:db8::1:2:3:4"), network_of("::ffff:203.0.113.7"), network_of("here")
    ('2001:db8::/64', '203.0.113.0/24', None)
    """
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return None
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ip_network((parsed, 24 if parsed.version == 4 else 64), strict=False))


def should_publish(finding: dict[str, Any], before: dict[str, Any] | None) -> bool:
    """Return whether a version of a finding is published.

    A finding of many agents is published when its agents or events have doubled, and with the first
    event of an hour. So 250 agents give few messages, and a repeat gives the same ones.
    """
    if before is None or finding["anomaly"] != SHADOW or finding["agents"]["count"] <= NAMED:
        return True
    now, old = finding["agents"], before["agents"]
    agents: int = now["count"]
    more = agents != old["count"] and agents & (agents - 1) == 0
    if more or now["operations"] != old.get("operations", {}):
        return True
    count: int = finding["count"]
    return count & (count - 1) == 0 or finding["time"][:13] != before["time"][:13]


def with_agents(
    finding: dict[str, Any],
    before: dict[str, Any] | None,
    agent_id: str,
    place: Place,
    kind: Kind,
) -> dict[str, Any]:
    """Add the agents to a version of a finding: number, first ids, and shared values.

    Agent, owner and trust stay those of the first agent: they are never averaged.

    Parameters
    ----------
    kind
        The type `SHADOW`: the type of the finding, for any types of its events.
    """
    old: dict[str, Any] = {"count": 0, "first": [], "shared": place.shared or {}}
    if before is not None:
        old = before["agents"]
    shared = old["shared"]
    if place.shared is not None:
        shared = {name: at for name, at in shared.items() if place.shared.get(name) == at}
    first, operations = _named(old["first"], old.get("operations", {}), agent_id, place)
    agents: dict[str, Any] = {
        "count": old["count"] + place.new,
        "first": first,
        "operations": operations,
        "conflicts": old.get("conflicts", 0) + place.conflict,
        "shared": shared,
    }
    found = finding | {"agents": agents, "anomaly": SHADOW, "facet": kind.facet}
    found["findings"] = led_by(found["findings"], SHADOW)
    if finding["anomaly"] != SHADOW:
        found["tags"] = kind.tags if before is None else before["tags"]
    if before is None:
        found["key"] = place.key
    else:
        found |= {name: before[name] for name in ("agent_id", "mode", "owner", "key")}
        if agent_id != before["agent_id"]:
            found["trust"] = before["trust"]
    if agents["count"] > 1 or agents["conflicts"]:
        found["reasons"] = _reasons(found)
    return found


def _named(
    first: list[str], operations: dict[str, str], agent_id: str, place: Place
) -> tuple[list[str], dict[str, str]]:
    """Order agents by severity of their operations, else by arrival.

    >>> _named(["a", "b"], {}, "b", Place("", "", {}, new=False, operation="pay"))
    (['b', 'a'], {'b': 'pay'})
    >>> _named(["b", "a"], {"b": "pay"}, "c", Place("", "", {}, new=True, operation="write"))
    (['b', 'c', 'a'], {'b': 'pay', 'c': 'write'})
    """
    known = {name: operations[name] for name in first if name in operations}
    if place.operation is not None and _severity_order(place.operation) < _severity_order(
        known.get(agent_id)
    ):
        known[agent_id] = place.operation
    elif not place.new:
        return first, operations
    names = first if agent_id in first else [*first, agent_id]
    names = sorted(names, key=lambda name: _severity_order(known.get(name)))[:NAMED]
    return names, {name: known[name] for name in names if name in known}


def _severity_order(operation: str | None) -> int:
    return len(NOTABLE) if operation is None else NOTABLE.index(operation)


def with_members(finding: dict[str, Any], store: Lister) -> dict[str, Any]:
    """Add the ids of all agents to a finding of many agents, at most `MAX_LISTED`."""
    if finding.get("agents") is None or finding["agents"]["count"] == 1:
        return finding
    members = store.members(finding["id"], MAX_LISTED)
    return finding | {"agents": finding["agents"] | {"members": list(members)}}


def _reasons(finding: dict[str, Any]) -> list[dict[str, Any]]:
    """Replace the reason that names one agent by a reason with the number of agents.

    The reason contains no ids; the member `agents` has them.
    """
    agents = finding["agents"]
    count, shared, conflicts = agents["count"], agents["shared"], agents["conflicts"]
    common = "".join(
        f", all {how} {shared[kind]}"
        for kind, how in (("credential", "with the credential"), ("network", "from"))
        if kind in shared
    )
    why = "The agent is not in the inventory: nobody registered it and nobody owns it."
    if count > 1:
        why = (
            f"{count} agents are not in the inventory{common}: nobody registered them and nobody "
            "owns them."
        )
    done = [name for name in NOTABLE if name in agents["operations"].values()]
    if done:
        why += f" Among their operations: {', '.join(done)}."
    who = f"{count} agents" if count > 1 else finding["agent_id"]
    reasons = [Reason("agent", CERTAIN_BITS, who, [("in the inventory", 1.0)], why)]
    if conflicts:
        events = f"{conflicts} events" if conflicts > 1 else "1 event"
        why = f"{events} of them had an id that its agent had used for other content."
        reasons.append(Reason("id", CERTAIN_BITS, events, [("the same content", 1.0)], why))
    taken = {one.feature for one in reasons}
    others = [one for one in finding["reasons"] if one["feature"] not in taken]
    return [*map(reason_object, reasons), *others]
