"""A2A Agent Cards, versions 1.0 and 0.3.

An agent has the name of its card. What it offers (skills) says nothing about the tools that it may
use. Signatures are counted and not verified: a column says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.inventory.importing.documents import Imported
from pipeline.inventory.importing.importer import Importer
from pipeline.inventory.importing.members import Members, json_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.inventory.importing.documents import Columns, Document

_CLIENT = ("clientId", "client_id", "x-client-id")
_SCHEME_LEVELS = 4
"""Levels of a scheme: its name, its kind, its flows, and one flow."""


def _entries(document: Document) -> Iterator[Members]:
    return json_entries(document, "agents", "cards")


def _read(entry: Members, every: bool) -> Imported:
    """Give the agent of a card.

    >>> agent = _read(Members("card.json, entry 1", {
    ...     "name": "billing", "skills": [{"id": "pay"}],
    ...     "supportedInterfaces": [{"url": "https://billing.example.com/a2a"}]}), False)
    >>> agent.agent_id, agent.columns["aliases"], agent.columns["signatures"]
    ('billing', ['a2a-card:https://billing.example.com/a2a'], 'none')
    """
    del every
    interfaces = [*entry.objects("supportedInterfaces"), *entry.objects("additionalInterfaces")]
    urls = [url for one in (entry, *interfaces) if (url := one.text("url"))]
    if not urls:
        raise entry.fault("an Agent Card has 'supportedInterfaces' with a 'url', or a 'url'")
    signatures = entry.objects("signatures")
    for one in signatures:
        one.need("protected")
        one.need("signature")
    aliases = [f"a2a-card:{url}" for url in dict.fromkeys(urls)]
    aliases += [f"oauth-client:{client}" for client in dict.fromkeys(_clients(entry))]
    columns: Columns = {
        "aliases": aliases,
        "signatures": f"{len(signatures)}, not verified" if signatures else "none",
    }
    if (version := entry.text("version")) is not None:
        columns["card_version"] = version
    if (provider := entry.object("provider").text("organization")) is not None:
        columns["provider"] = provider
    if skills := [one.need("id") for one in entry.objects("skills")]:
        columns["skills"] = skills
    if schemes := sorted(entry.object("securitySchemes").members):
        columns["security_schemes"] = schemes
    return Imported(entry.need("name"), columns)


def _clients(card: Members) -> Iterator[str]:
    """Give the client ids that a card names: at its top, in security schemes and extensions.

    >>> schemes = {"oauth": {"flows": {"clientCredentials": {"x-client-id": "c-7"}}}}
    >>> list(_clients(Members("card.json, entry 1", {"securitySchemes": schemes})))
    ['c-7']
    """
    extensions = card.object("capabilities").objects("extensions")
    waiting = [(card, 0), *((one.object("params"), 0) for one in extensions)]
    waiting += [(card.object("securitySchemes"), _SCHEME_LEVELS)]
    while waiting:
        members, levels = waiting.pop()
        yield from (client for name in _CLIENT if (client := members.text(name)) is not None)
        if levels:
            inner = (name for name, one in members.members.items() if isinstance(one, dict))
            waiting += [(members.object(name), levels - 1) for name in inner]


IMPORTER = Importer(_entries, _read, whole=False, url_path="/.well-known/agent-card.json")
