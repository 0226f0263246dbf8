"""Proposals of imports and of the inventory; a person confirms them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.identity.alias import KINDS, LONGEST, LONGEST_SOURCE, Alias, is_name
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.identity.alias import AliasKind
    from pipeline.inventory.registered import Registered
    from pipeline.store.protocol import Store

_SPIFFE = "spiffe://"


def propose(store: Store, kind: str, value: str, agent_id: str, source: str) -> bool:
    """Propose that an identifier belongs to an agent; return whether the pair is new.

    Parameters
    ----------
    kind
        One of `pipeline.identity.alias.KINDS`; any other word counts as ``agent``.
    source
        Where it comes from, for the person who decides.

    Raises
    ------
    ConfigError
        The identifier or the agent's id is empty, too long or has a NUL.

    Examples
    --------
    >>> from pipeline.store import open_store
    >>> with open_store("sqlite::memory:") as store:
    ...     [propose(store, "oauth-client", "c-7", "bot-7", "keycloak") for _ in range(2)]
    [True, False]
    """
    return store.aliases.propose([proposal(kind, value, agent_id, source)]) == 1


def proposal(kind: str, value: str, agent_id: str, source: str) -> Alias:
    """Give a proposal; raise `ConfigError` for a name that no agent can have."""
    for name in (value, agent_id):
        if not is_name(name):
            raise ConfigError(
                f"an identifier must have 1 to {LONGEST} characters and no NUL, got {quoted(name)} "
                f"({source})"
            )
    return Alias(value=value, agent_id=agent_id, kind=kind_of(kind), source=source[:LONGEST_SOURCE])


def kind_of(word: str) -> AliasKind:
    """Give the kind of a word.

    >>> kind_of("oauth-client"), kind_of("spiffe"), kind_of("something")
    ('oauth-client', 'spiffe-id', 'agent')
    """
    named = f"{word}-id" if word == "spiffe" else word
    return next((kind for kind in KINDS if kind == named), "agent")


def in_inventory(
    registered: Iterable[Registered], source: Callable[[str], str] = lambda _: "inventory"
) -> Iterator[Alias]:
    """Give the proposals of the column ``aliases``, whose values are ``KIND:VALUE``.

    Parameters
    ----------
    source
        Gives where the entry of an agent comes from.

    Examples
    --------
    >>> from pipeline.inventory.registered import Registered
    >>> names = ("spiffe://a.example/bot", "oauth-client:c7")
    >>> row = Registered("bot", None, None, {}, aliases=names)
    >>> [(one.kind, one.value) for one in in_inventory([row])]
    [('spiffe-id', 'spiffe://a.example/bot'), ('oauth-client', 'c7')]
    """
    for one in registered:
        for named in one.aliases:
            kind, _, value = named.partition(":")
            if named.startswith(_SPIFFE) or not value:
                kind, value = "spiffe-id" if named.startswith(_SPIFFE) else "agent", named
            if is_name(value) and value != one.agent_id:
                where = source(one.agent_id)[:LONGEST_SOURCE]
                yield Alias(value=value, agent_id=one.agent_id, kind=kind_of(kind), source=where)
