"""The caller that a client certificate names, by the entries of the credential file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.credentials.entries import CredentialEntry, Credentials
from scoring_api.authentication.principal import Principal
from scoring_api.problems import Scope

IN_STATE = "habitus.certificate"
"""Key in a scope's state: the verified certificate of the connection."""

NamedCaller = tuple[Principal, tuple[CredentialEntry, ...]]
"""A caller, and the entries that have to be in force."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """Who a verified certificate names, and until when.

    Attributes
    ----------
    subject
        The SPIFFE id; without one the first URI, DNS or e-mail name, else the common name. None
        where the certificate names nobody for certain.
    until_us
        End of its validity, microseconds.
    """

    subject: str | None
    until_us: int


def certificate_in(scope: Scope) -> ClientCertificate | None:
    """Give the verified certificate of the connection that a request came on."""
    found: ClientCertificate | None = scope.get("state", {}).get(IN_STATE)
    return found


def principal_of_entries(
    held: Credentials, covering: Sequence[CredentialEntry], subject: str
) -> NamedCaller:
    """Make the caller of a name that these entries cover.

    Scopes add up. Which agents it may report is said by the entries that let it report at all.

    >>> entry = CredentialEntry(
    ...     "a", certificate="a.example.com", scopes=("actions:write",), agents=("{subject}",)
    ... )
    >>> caller, _ = principal_of_entries(Credentials.of([entry]), [entry], "a.example.com")
    >>> caller.scopes, [one.permits("a.example.com") for one in caller.bindings]
    (frozenset({'actions:write'}), [True])
    """
    scopes = frozenset(scope for entry in covering for scope in entry.scopes)
    writing = [one for one in covering if not {"actions:write", "admin"}.isdisjoint(one.scopes)]
    bound = held.union(writing, subject)
    return Principal(subject, scopes, () if bound is None else (bound,)), tuple(covering)
