"""One finding for unknown agents that share a credential, a network or a minute."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from models.assessment import Reason
from models.trust_policy import DAY_US
from models.watch.scene import RULE_BITS
from pipeline.publishing.outputs import reason_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.assessment import Assessment
    from models.event import Event, Origin
    from pipeline.store.batch import MemberRow
    from pipeline.store.protocol import Store

SHADOW = "identity.shadow"
NAMED = 10
"""Agents of a finding whose ids it holds; `Store.anomalies` finds it by each of the others too."""

_MINUTE_US = 60_000_000


class Place(NamedTuple):
    """Where an event of an unknown agent belongs.

    Attributes
    ----------
    finding, key
        Id of the finding, and the correlation key of one that begins.
    shared
        Credential and network of the event.
    new
        Whether it is the agent's first event of the day.
    """

    finding: str
    key: str
    shared: dict[str, str]
    new: bool


class ShadowFindings:
    """Findings of unknown agents, with the names that lead to each of them.

    Parameters
    ----------
    store
        Holds the names of earlier batches.
    name_of
        Gives the id of the anomaly under a key.
    """

    def __init__(self, store: Store, name_of: Callable[[str], str]) -> None:
        self._store = store
        self._name_of = name_of

    def place(
        self, a: Assessment, event: Event, origin: Origin, members: dict[str, MemberRow]
    ) -> Place:
        """Give the finding that an event belongs to, and note all names that lead there.

        An agent stays in the finding of its first event of the day. Another one joins the finding
        of its credential, else of its network, else of its minute or of the minute before.

        Parameters
        ----------
        members
            Names of the batch, which grow.
        """
        day, minute = a.time_us // DAY_US, a.time_us // _MINUTE_US
        shared = circumstances(event, origin)
        keys = [f"{kind}|{value}" for kind, value in shared.items()] + [f"minute|{minute}"]
        own, agent = self._name_of(a.key), self._name(f"agent|{a.agent_id}", day)
        names = [self._name(key, day) for key in keys]
        before = self._name(f"minute|{minute - 1}", day)
        known = self._known([own, agent, *names, before], members)
        finding = next((known[one] for one in (agent, *names, before) if one in known), names[0])
        for name, agent_id in ((own, a.agent_id), (agent, a.agent_id), *((n, "") for n in names)):
            if name not in known:
                members[name] = (name, finding, agent_id)
        return Place(finding, f"{SHADOW}|{keys[0]}|{day}", shared, agent not in known)

    def _name(self, key: str, day: int) -> str:
        return self._name_of(f"{SHADOW}|{self._store.shard}|{key}|{day}")

    def _known(self, names: Sequence[str], members: dict[str, MemberRow]) -> dict[str, str]:
        known = {name: members[name][1] for name in names if name in members}
        missing = [name for name in names if name not in known]
        return known | self._store.member_of(missing)


def circumstances(event: Event, origin: Origin) -> dict[str, str]:
    """Give credential and network of an event, as far as it names them.

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
    """Give the network of an address, a /24 or a /64; None for what is no address.

    >>> network_of("2001:db8::1:2:3:4"), network_of("::ffff:203.0.113.7"), network_of("here")
    ('2001:db8::/64', '203.0.113.0/24', None)
    """
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return None
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ip_network((parsed, 24 if parsed.version == 4 else 64), strict=False))


def worth_publishing(finding: dict[str, Any], before: dict[str, Any] | None) -> bool:
    """Tell whether a version of a finding is published.

    A finding of many agents is published when its agents or events have doubled, and with the
    first event of an hour. So 250 agents give few messages, and the same ones at every repeat.
    """
    if before is None or finding["anomaly"] != SHADOW or finding["agents"]["count"] <= NAMED:
        return True
    agents: int = finding["agents"]["count"]
    more = agents != before["agents"]["count"] and agents & (agents - 1) == 0
    count: int = finding["count"]
    return more or count & (count - 1) == 0 or finding["time"][:13] != before["time"][:13]


def with_agents(
    finding: dict[str, Any], before: dict[str, Any] | None, agent_id: str, place: Place
) -> dict[str, Any]:
    """Give a version of a finding with its agents: how many, the first ones, what they share.

    It keeps agent, owner and trust of the first one: no number stands for many.
    """
    old: dict[str, Any] = {"count": 0, "first": [], "shared": place.shared}
    if before is not None:
        old = before["agents"]
    count, first, shared = old["count"] + place.new, old["first"], old["shared"]
    if place.new and len(first) < NAMED:
        first = [*first, agent_id]
    shared = {kind: value for kind, value in shared.items() if place.shared.get(kind) == value}
    found = finding | {"agents": {"count": count, "first": first, "shared": shared}}
    if before is None:
        return found | {"key": place.key}
    found |= {name: before[name] for name in ("agent_id", "mode", "owner", "key")}
    if agent_id != before["agent_id"]:
        found["trust"] = before["trust"]
    if count > 1:
        found["reasons"] = _reasons(found)
    return found


def _reasons(finding: dict[str, Any]) -> list[dict[str, Any]]:
    """Put the number of agents in place of the reason that names one of them.

    The reason holds no ids: who shows `agents` can tell them apart, which prose cannot.
    """
    count, shared = finding["agents"]["count"], finding["agents"]["shared"]
    common = "".join(
        f", all {how} {shared[kind]}"
        for kind, how in (("credential", "with the credential"), ("network", "from"))
        if kind in shared
    )
    why = (
        f"{count} agents are not in the inventory{common}: nobody registered them and nobody owns "
        "them."
    )
    reason = Reason("agent", RULE_BITS, f"{count} agents", [("in the inventory", 1.0)], why)
    others = [one for one in finding["reasons"] if one["feature"] != reason.feature]
    return [reason_object(reason), *others]
