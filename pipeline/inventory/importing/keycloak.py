"""Keycloak clients: the admin API's list, or a realm export.

An agent is a client with a service account; it has the client id, as its events have. Secrets of
clients are never read. Attributes of a client may say who owns it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.inventory.importing.documents import Imported
from pipeline.inventory.importing.importer import Importer
from pipeline.inventory.importing.members import Members, json_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.inventory.importing.documents import Columns, Document

_BUILT_IN = {
    "account", "account-console", "admin-cli", "broker", "realm-management",
    "security-admin-console",
}  # fmt: skip
_ATTRIBUTES = ("owner", "sponsor", "role", "review_date")
_ALWAYS = "openid"
"""Scope that every client may ask for; Keycloak does not list it."""


def _entries(document: Document) -> Iterator[Members]:
    return json_entries(document, "clients")


def _read(entry: Members, every: bool) -> Imported | None:
    """Give the agent of a client; clients without a service account are left out.

    >>> agent = _read(Members("clients.json, entry 1", {
    ...     "clientId": "invoice-bot", "serviceAccountsEnabled": True,
    ...     "attributes": {"owner": "ana@example.com"},
    ...     "defaultClientScopes": ["basic"], "optionalClientScopes": ["mail.send"]}), False)
    >>> agent.agent_id, agent.columns["owner"], agent.columns["allowed_scopes"]
    ('invoice-bot', 'ana@example.com', ['basic', 'mail.send', 'openid'])
    """
    client = entry.need("clientId")
    acts = entry.flag("serviceAccountsEnabled")
    if client in _BUILT_IN or client.endswith("-realm") or not (acts or every):
        return None
    columns: Columns = {"aliases": [f"oauth-client:{client}"]}
    name = entry.text("name")
    if name is not None and not name.startswith("${"):
        columns["name"] = name
    attributes = entry.object("attributes")
    for column in _ATTRIBUTES:
        if (value := attributes.text(column)) is not None:
            columns[column] = value
    default, optional = entry.texts("defaultClientScopes"), entry.texts("optionalClientScopes")
    if default is not None or optional is not None:
        columns["allowed_scopes"] = sorted({_ALWAYS, *(default or ()), *(optional or ())})
    if entry.flag("enabled") is False:
        columns["enabled"] = "false"
    return Imported(client, columns)


IMPORTER = Importer(_entries, _read)
