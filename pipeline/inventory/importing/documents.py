"""Documents to import, and what is read out of them."""

from __future__ import annotations

from typing import NamedTuple

Columns = dict[str, str | list[str]]
"""Values of an agent by column."""


class Document(NamedTuple):
    """A file or an answer to import.

    Attributes
    ----------
    name
        Its name in messages and in the inventory.
    """

    name: str
    content: bytes


class Imported(NamedTuple):
    """One agent of an import, with the columns that the source knows."""

    agent_id: str
    columns: Columns
