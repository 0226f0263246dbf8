"""Imports into the inventory, by the name of what wrote the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.inventory.importing import (
    agent_cards,
    entra,
    keycloak,
    openai_agents,
    spire,
    tables,
)
from pipeline.inventory.importing.importer import Importer, gather
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.inventory.importing.documents import Document
    from pipeline.inventory.importing.importer import Gathered

KINDS: dict[str, Importer] = {
    "entra": entra.IMPORTER,
    "a2a": agent_cards.IMPORTER,
    "spire": spire.IMPORTER,
    "keycloak": keycloak.IMPORTER,
    "openai-agents": openai_agents.IMPORTER,
    "csv": tables.CSV,
    "yaml": tables.YAML,
}
"""From the word on the command line to what reads the data."""


def importer_named(kind: str) -> Importer:
    """Give an importer; raise `ConfigError` for an unknown kind.

    >>> importer_named("okta")
    Traceback (most recent call last):
    models.errors.ConfigError: unknown kind 'okta', expected one of: entra, a2a, spire, keycloak, \
openai-agents, csv, yaml
    """
    if kind not in KINDS:
        raise ConfigError(f"unknown kind {quoted(kind)}, expected one of: {', '.join(KINDS)}")
    return KINDS[kind]


def read(kind: str, documents: Sequence[Document], *, every: bool = False) -> Gathered:
    """Read documents of one kind.

    Parameters
    ----------
    every
        Whether entries count that nothing marks as agents.

    Raises
    ------
    ConfigError
        The kind is unknown, or entries are wrong; the message names document, entry and
        expectation.
    """
    return gather(importer_named(kind), documents, every=every)
