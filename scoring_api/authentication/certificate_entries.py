"""Callers of client certificates, by the entries of the credential file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.credentials.entries import CredentialEntry, Credentials
from scoring_api.authentication.principal import Principal
from scoring_api.problems import Scope

IN_STATE = "habitus.certificate"
"""Key in a scope's state: the verified certificate of the connection."""

NamedCaller = tuple[Principal, tuple[CredentialEntry, ...]]
"""A caller, and the entries that must be valid."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """Name and validity of a verified certificate.

    Attributes
    ----------
    subject
        The SPIFFE id; without one, the first URI, DNS or e-mail name, else the common name. None if
        the name is ambiguous.
    until_us
        End of its validity, microseconds.
    """

    subject: str | None
    until_us: int


def certificate_in(scope: Scope) -> ClientCertificate | None:
    """Give the verified certificate of a request's connection."""
    found: ClientCertificate | None = scope.get("state", {}).get(IN_STATE)
    return found


def principal_of_entries(
    held: Credentials, covering: Sequence[CredentialEntry], subject: str
) -> NamedCaller:
    """Make the caller for a name from its matching entries.

    The caller has the scopes of all entries. The entries with the scope for reporting decide which
    agents it may report.

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
