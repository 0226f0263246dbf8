"""An identifier and the agent that it belongs to."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

AliasKind = Literal[
    "agent",
    "spiffe-id",
    "entra-app",
    "entra-agent",
    "oauth-client",
    "a2a-card",
    "gitlab-bot",
    "installation",
]
"""What an identifier is; ``agent`` is any other name that events give an agent."""
KINDS: tuple[AliasKind, ...] = get_args(AliasKind)

AliasState = Literal["proposed", "confirmed", "refused", "split"]
"""``confirmed``: events of the identifier are judged as the agent. ``split``: they were, before."""
STATES: tuple[AliasState, ...] = get_args(AliasState)

LONGEST = 256
"""Most characters of an identifier, as of an agent's id."""
LONGEST_SOURCE = 300


class Alias(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of the table of aliases.

    Attributes
    ----------
    value
        The identifier, as events have it in ``agent.id``.
    agent_id
        Agent that it belongs to, or may belong to.
    source
        Where the proposal comes from; empty for one that a person made.
    version
        Number of decisions about the identifier, this one included; 0 for a proposal.
    since_us
        Wall time of the latest decision, microseconds since 1970; 0 for a proposal. The next
        commit of the worker applies it.

    Examples
    --------
    >>> Alias(value="spiffe://example.org/bot", agent_id="bot-7", kind="spiffe-id").state
    'proposed'
    """

    value: str
    agent_id: str
    kind: AliasKind
    state: AliasState = "proposed"
    source: str = ""
    version: int = 0
    since_us: int = 0


def is_name(text: str) -> bool:
    """Return whether a text can be the id of an agent in every store.

    >>> is_name("bot-7"), is_name(""), is_name("a" * 257)
    (True, False, False)
    """
    return 0 < len(text) <= LONGEST and "\0" not in text
