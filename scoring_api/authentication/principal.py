"""A caller that was recognised, and the answer to one that was not."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import MalformedEvent
from pipeline.credentials.agent_patterns import Binding
from scoring_api.problems import ProblemError


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was recognised.

    Parameters
    ----------
    subject
        The id of an API key, or the subject of a token.
    scopes
        What the caller may do.
    bindings
        The agents that it may report: each binding has to permit one; all agents without any.

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
        """Tell whether the caller holds `scope`; ``admin`` holds them all."""
        return scope in self.scopes or "admin" in self.scopes

    def check_report(self, agent_id: str) -> None:
        """Raise `MalformedEvent` where the caller may not report events of this agent."""
        if not all(binding.permits(agent_id) for binding in self.bindings):
            raise MalformedEvent(
                "not_permitted", "the credential may not report this agent, expected one of its own"
            )


LOCAL = Principal("loopback", frozenset({"admin"}))


class Refused(ProblemError):
    """A credential that is missing or was refused: 401.

    Parameters
    ----------
    reason
        One word: a metric label and a field of the log.
    detail
        What is wrong; no part of the credential.
    known
        What the credential names of itself, for the log: a key's id, a token's ``kid`` and ``sub``.

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
    """Make the answer while a credential store cannot be used: 503, and not the caller's fault."""
    return ProblemError(503, detail, {"Retry-After": "5"})
