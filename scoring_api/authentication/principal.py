"""An authenticated caller, and the refusal of others."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import MalformedEvent
from pipeline.credentials.agent_patterns import Binding
from scoring_api.problems import ProblemError


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    Parameters
    ----------
    subject
        The id of an API key, or the subject of a token.
    scopes
        Scopes of the caller.
    bindings
        Agents that it may report: all bindings must permit an agent; empty: all agents.

    Examples
    --------
    >>> Principal("ops", frozenset({"admin"})).may("trust:read")
    True
    >>> Principal("gateway", frozenset({"trust:read"})).may("actions:write")
    False
    """

    subject: str
    scopes: frozenset[str]
    bindings: tuple[Binding, ...] = ()

    def may(self, scope: str) -> bool:
        """Return whether the caller has `scope`; ``admin`` includes all scopes."""
        return scope in self.scopes or "admin" in self.scopes

    def check_report(self, agent_id: str) -> None:
        """Raise `MalformedEvent` if the caller may not report events of this agent."""
        if not all(binding.permits(agent_id) for binding in self.bindings):
            raise MalformedEvent(
                "not_permitted", "the credential may not report this agent, expected one of its own"
            )


LOCAL = Principal("loopback", frozenset({"admin"}))


class Refused(ProblemError):
    """A missing or refused credential: 401.

    Parameters
    ----------
    reason
        One word: a metric label and a field of the log.
    detail
        The fault, without any part of the credential.
    known
        Identity of the credential, for the log: a key's id, a token's ``kid`` and ``sub``.

    Examples
    --------
    >>> Refused("unknown_key", "no such API key").headers["WWW-Authenticate"]
    'Bearer realm="habitus", error="invalid_token"'
    """

    def __init__(self, reason: str, detail: str, known: dict[str, str] | None = None) -> None:
        missing = reason == "missing"
        challenge = 'Bearer realm="habitus"' + ("" if missing else ', error="invalid_token"')
        sentence = detail if missing else f"the credential was refused: {detail}"
        super().__init__(401, sentence, {"WWW-Authenticate": challenge})
        self.reason = reason
        self.known = known or {}


def unusable(detail: str) -> ProblemError:
    """Make the 503 answer while a credential store is unusable."""
    return ProblemError(503, detail, {"Retry-After": "5"})
