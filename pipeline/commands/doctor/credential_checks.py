"""Check of the credentials for `habitus doctor`."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from pipeline.credentials.entries import CredentialEntry, read_credentials
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from pipeline.settings import Settings

_MAX_NAMED = 5
# By name: the pipeline does not import the API.
_CHECK = "scoring_api.wiring:check_callers"


def fault_or_note(settings: Settings, at_us: int) -> tuple[str, str]:
    """Check the credential stores like a start does; return the finding and the advice.

    Raises
    ------
    ConfigError
        A start would refuse the credentials.
    """
    resolve_name(_CHECK)(settings)
    found, todo = "callers need credentials", ""
    file = settings.api_keys_file
    entries = read_credentials(file).entries if file is not None else ()
    if settings.jwks is not None and all(entry.subject is None for entry in entries):
        found += "; tokens of every subject may report every agent"
        todo = "add an entry with subject and agents to the credential file"
    if file is None:
        return found, todo
    if settings.jwks is None and all(entry.ended(at_us) for entry in entries):
        return f"{found}, and every key has expired or is revoked", "habitus keys add makes a key"
    free = [quoted(one.id) for one in entries if _reports_all(one, at_us)]
    if free:
        named = ", ".join(free[:_MAX_NAMED]) + (", …" if len(free) > _MAX_NAMED else "")
        found += f"; these keys may report every agent: {named}"
        advice = "name the agents of each: habitus keys add ID --agent PATTERN, then revoke the old"
        todo = f"{todo}; {advice}" if todo else advice
    return found, todo


def _reports_all(entry: CredentialEntry, at_us: int) -> bool:
    """Return whether a valid entry may report events of every agent."""
    writes = not {"actions:write", "admin"}.isdisjoint(entry.scopes) or entry.subject is not None
    return writes and entry.agents is None and not entry.ended(at_us)
