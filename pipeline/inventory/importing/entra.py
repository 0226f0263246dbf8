"""Microsoft Entra: agent identities and service principals, as pages of Microsoft Graph.

Source: the Graph reference of ``agentIdentity`` with ``$expand=owners`` or ``sponsors``. An agent
has the id of its service principal, as its sign-ins have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.inventory.importing.documents import Imported
from pipeline.inventory.importing.importer import Importer
from pipeline.inventory.importing.members import Members, json_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.inventory.importing.documents import Columns, Document

_MORE = "@odata.nextLink"
_OF_AGENTS = "agentidentity"
_NOT_AGENTS = "agentidentityblueprint"
_APPLICATIONS = ("serviceprincipal", "application", "agentidentity")
_GROUP = "group"
_NAMES = ("userPrincipalName", "mail", "displayName", "id")


def _entries(document: Document) -> Iterator[Members]:
    for page in json_entries(document):
        held = page.objects("value") if "value" in page.members else [page]
        notes = ("there are more pages: @odata.nextLink",) if page.text(_MORE) else ()
        listed = _is_of_agents(page.text("@odata.context") or "")
        for at, one in enumerate(held, 1):
            where = f"{page.where}, value {at}" if one is not page else page.where
            yield Members(where, one.members | {"@listed": listed}, notes)


def _read(entry: Members, every: bool) -> Imported | None:
    """Give the agent of an object; service principals of other applications are left out.

    >>> entry = Members("a.json, entry 1", {
    ...     "id": "sp-1", "displayName": "Invoice bot", "servicePrincipalType": "ServiceIdentity",
    ...     "appId": "app-1", "sponsors": [{"userPrincipalName": "ana@example.com"}],
    ...     "oauth2PermissionGrants": [{"scope": "Mail.Send User.Read"}]})
    >>> agent = _read(entry, False)
    >>> agent.agent_id, agent.columns["sponsor"], agent.columns["allowed_scopes"]
    ('sp-1', 'ana@example.com', ['Mail.Send', 'User.Read'])
    """
    agent_id = entry.need("id")
    blueprint = entry.text("agentIdentityBlueprintId")
    kind = entry.text("@odata.type") or ""
    typed = entry.text("servicePrincipalType") == "ServiceIdentity" or blueprint is not None
    is_agent = _is_of_agents(kind) or ((typed or entry.flag("@listed")) and not _is_blueprint(kind))
    if not is_agent and not every:
        return None
    columns: Columns = {}
    for column, name in (("name", "displayName"),):
        if (value := entry.text(name)) is not None:
            columns[column] = value
    for column, name in (("owner", "owners"), ("sponsor", "sponsors")):
        if (person := _first_person(entry.objects(name))) is not None:
            columns[column] = person
    scopes = [one for grant in entry.objects("oauth2PermissionGrants") for one in _scopes(grant)]
    if scopes:
        columns["allowed_scopes"] = sorted(set(scopes))
    if blueprint is not None:
        columns["blueprint"] = blueprint
    if entry.flag("accountEnabled") is False:
        columns["enabled"] = "false"
    if (application := entry.text("appId")) is not None:
        columns["aliases"] = [f"entra-app:{application}"]
    return Imported(agent_id, columns)


def _first_person(people: list[Members]) -> str | None:
    """Name the first person of owners or sponsors, else the first group; no application.

    >>> found = [{"@odata.type": "#microsoft.graph.servicePrincipal", "displayName": "Deploy"},
    ...          {"@odata.type": "#microsoft.graph.group", "displayName": "Finance"},
    ...          {"@odata.type": "#microsoft.graph.user", "mail": "ana@example.com"}]
    >>> [_first_person([Members("a", one) for one in found[:count]]) for count in (1, 2, 3)]
    [None, 'Finance', 'ana@example.com']
    """
    kinds = [((one.text("@odata.type") or "").lower(), one) for one in people]
    people = [one for kind, one in kinds if not kind.endswith((*_APPLICATIONS, _GROUP))]
    groups = [one for kind, one in kinds if kind.endswith(_GROUP)]
    first = (people or groups)[:1]
    names = (found for one in first for name in _NAMES if (found := one.text(name)))
    return next(names, None)


def _scopes(grant: Members) -> list[str]:
    return (grant.text("scope") or "").split()


def _is_of_agents(kind: str) -> bool:
    return _OF_AGENTS in kind.lower() and not _is_blueprint(kind)


def _is_blueprint(kind: str) -> bool:
    return _NOT_AGENTS in kind.lower()


IMPORTER = Importer(_entries, _read)
