"""Role, owner and team of an agent: from the inventory, else from the first claim.

An event only claims a role, an owner or a team. A first claim counts unless the inventory
declares another value. Later an announced change (a deployment, another owner) replaces it. An
agent outside the inventory has no role and no owner, despite its claims. A tool or a scope that the
inventory does not allow is a refused claim, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from models.baseline.allowed import Allowed, uses_outside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.event import Event
    from models.trust.state import TrustState

GROUP = "like:"
"""Prefix of the names of groups that were fitted on behaviour. No agent may claim such a role."""
TEAM = ("agent.team", "team")
"""Attributes that name the team: an unknown member of ``agent``, and the plain attribute."""
_LONGEST = 128
_LIMITED = ("tool", "scope")


class Declared(Struct, frozen=True):
    """Data about an agent from sources other than its events.

    Attributes
    ----------
    registered
        Whether the inventory names the agent; None where no inventory is loaded.
    role, owner, team
        Values of the inventory. None where it has none.
    group
        Peer group for an agent without a role, fitted on behaviour; None without one.
    tools, scopes
        Tools and scopes that the agent may use; None where all are allowed.
    """

    registered: bool | None = None
    role: str | None = None
    owner: str | None = None
    team: str | None = None
    group: str | None = None
    tools: Allowed | None = None
    scopes: Allowed | None = None

    @property
    def is_limited(self) -> bool:
        """Whether some tools or scopes are not allowed."""
        return self.tools is not None or self.scopes is not None


UNDECLARED = Declared()
"""Declaration of every agent without an inventory."""


class Mismatch(Struct, frozen=True):
    """A claim that is refused, and the value that stays in effect.

    Attributes
    ----------
    field
        ``role``, ``owner``, ``team``, ``tool`` or ``scope``.
    claimed
        Claimed value, cut to 128 characters.
    known
        Value in effect. None without one.
    declared
        Whether the value in effect is from the inventory.
    """

    field: str
    claimed: str
    known: str | None
    declared: bool


def in_words(refused: Iterable[Mismatch]) -> str:
    """Write refused claims, and what is known instead, in one line; empty for none.

    >>> in_words([Mismatch("role", "a", "b", True), Mismatch("tool", "pay", None, True)])
    "role 'a' instead of 'b', tool 'pay' outside the allowed tools"
    """
    return ", ".join(
        f"{one.field} {one.claimed!r} "
        + (
            f"outside the allowed {one.field}s"
            if one.field in _LIMITED
            else f"instead of {one.known or 'none'!r}"
        )
        for one in refused
    )


def settle(trust: TrustState, declared: Declared) -> None:
    """Set role and owner to the declared ones. Without a declaration, established ones stay.

    >>> from models.trust.state import TrustState
    >>> trust = TrustState(agent_id="a", mode="unknown", role="clerk")
    >>> settle(trust, Declared(registered=True, owner="desk@example.com"))
    >>> trust.role, trust.owner
    ('clerk', 'desk@example.com')
    >>> settle(trust, Declared(registered=False))
    >>> trust.role, trust.owner
    (None, None)
    """
    trust.registered = declared.registered
    if declared.registered is False:
        trust.role, trust.owner = declared.group, None
        return
    if trust.claims:
        trust.claims = {}
    trust.role = declared.role or established(trust.role) or declared.group
    trust.owner = declared.owner or trust.owner or None


def established(role: str | None) -> str | None:
    """Give a role that was declared or claimed; None for a group or nothing."""
    return None if role is None or role.startswith(GROUP) else role


def apply_claims(
    event: Event, trust: TrustState, declared: Declared, *, trusted: bool = True
) -> tuple[bool, list[Mismatch]]:
    """Apply the claims of an event. Call `settle` first.

    Parameters
    ----------
    trusted
        False for an event that is not learned. None of its claims counts.

    Returns
    -------
    bool
        Whether a new claim takes effect.
    list of Mismatch
        The refused claims, the most severe first.
    """
    agent, attributes = event.agent, event.attributes
    beyond = _beyond(event, declared) if declared.is_limited else []
    if agent.role is None and agent.owner is None and not attributes:
        return False, beyond
    teams = [attributes.get(name) for name in TEAM] if attributes else []
    claims = {"role": agent.role, "owner": agent.owner}
    if declared.registered is False:
        named = claims | {"team": next((one for one in teams if isinstance(one, str)), None)}
        new = {field: value[:_LONGEST] for field, value in named.items() if value}
        if trusted and new and trust.claims | new != trust.claims:
            trust.claims = trust.claims | new
        return False, []
    accepted, refused = False, []
    for field, claimed in claims.items():
        known = getattr(trust, field)
        if not claimed or claimed == known:
            continue
        if _counts(event, field, claimed, known, declared):
            if trusted:
                setattr(trust, field, claimed)
            accepted = accepted or trusted
        else:
            by_inventory = getattr(declared, field) is not None
            refused.append(Mismatch(field, claimed[:_LONGEST], known, by_inventory))
    if declared.team:
        others = [one for one in teams if isinstance(one, str) and one not in ("", declared.team)]
        refused += [Mismatch("team", one[:_LONGEST], declared.team, True) for one in others[:1]]
    return accepted, refused + beyond


def _beyond(event: Event, declared: Declared) -> list[Mismatch]:
    """Give the tools and scopes of an action that the inventory does not allow."""
    if event.kind != "action":
        return []
    held = event.credential.scopes if event.credential is not None else None
    found = uses_outside(event.tool, held or (), declared.tools, declared.scopes)
    return [Mismatch(field, name[:_LONGEST], None, True) for field, name in found]


def _counts(event: Event, field: str, claimed: str, known: str | None, declared: Declared) -> bool:
    """Whether a different claim takes effect."""
    if getattr(declared, field) or claimed.startswith(GROUP):
        return False
    first = (established(known) if field == "role" else known) is None
    return first or event.kind != "action"


def fill(trust: TrustState, others: list[TrustState]) -> None:
    """Copy role and owner from the agent's other modes, the earliest mode first.

    A mode that has its own keeps it.
    """
    others = sorted(others, key=lambda one: (one.first_seen_us, one.mode))
    if established(trust.role) is None:
        roles = (established(one.role) for one in others)
        trust.role = next((role for role in roles if role), trust.role)
    if trust.owner is None:
        trust.owner = next((one.owner for one in others if one.owner), None)


def may_begin(event: Event, trust: TrustState, declared: Declared) -> bool:
    """Whether an event may have the first claim of its agent in a mode.

    The agent's other modes are read before such an event (`fill`).
    """
    if declared.registered is False or (declared.role and declared.owner):
        return False
    agent = event.agent
    first_role = agent.role and established(trust.role) is None
    return not trust.events or bool(first_role or (agent.owner and not trust.owner))


def as_known(event: Event, trust: TrustState) -> Event:
    """Give an event with the role and owner in effect instead of the claimed ones."""
    agent, role, owner = event.agent, trust.role, trust.owner
    attributes = event.attributes
    if attributes is not None and any(name in attributes for name in TEAM):
        attributes = {name: value for name, value in attributes.items() if name not in TEAM}
    elif agent.role == role and agent.owner == owner:
        return event
    return replace(event, agent=replace(agent, role=role, owner=owner), attributes=attributes)
