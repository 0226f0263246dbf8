"""What an importer is, and how the agents of its documents come together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.errors import ConfigError
from pipeline.inventory.registered import LONGEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.inventory.importing.documents import Columns, Document, Imported
    from pipeline.inventory.importing.members import Members

MAX_ENTRIES = 200_000
_FAULTS = 5


class Importer(NamedTuple):
    """A kind of import.

    Attributes
    ----------
    entries
        Splits a document into its entries.
    read
        Gives the agent of an entry; None for an entry that is no agent.
    adds
        List columns whose values are added to those of earlier imports, never replaced.
    whole
        Whether a document lists all agents of its source.
    merges
        Whether entries of one agent with different values are one agent; else that is an error.
    url_path
        Path of a URL that has none.
    """

    entries: Callable[[Document], Iterable[Members]]
    read: Callable[[Members, bool], Imported | None]
    adds: frozenset[str] = frozenset({"aliases"})
    whole: bool = True
    merges: bool = False
    url_path: str = ""


class Gathered(NamedTuple):
    """All agents of an import.

    Attributes
    ----------
    left_out
        Number of entries that are no agents.
    notes
        What a person should know, such as that pages are missing.
    """

    agents: dict[str, Columns]
    sources: dict[str, str]
    left_out: int
    notes: list[str]


def gather(importer: Importer, documents: Sequence[Document], *, every: bool) -> Gathered:
    """Read all entries of the documents.

    Raises
    ------
    ConfigError
        Entries are wrong; the message lists the first ones.
    """
    found, faults = Gathered({}, {}, 0, []), list[str]()
    left_out = 0
    for document in documents:
        for entry in importer.entries(document):
            try:
                agent = importer.read(entry, every)
                if agent is None:
                    left_out += 1
                else:
                    _add(found, importer, entry, agent, document.name)
            except ConfigError as error:
                faults.append(str(error))
            found.notes.extend(note for note in entry.notes if note not in found.notes)
    if faults:
        more = f"; and {len(faults) - _FAULTS} more" if len(faults) > _FAULTS else ""
        raise ConfigError("; ".join(faults[:_FAULTS]) + more)
    return found._replace(left_out=left_out)


def _add(found: Gathered, importer: Importer, entry: Members, agent: Imported, source: str) -> None:
    if not 1 <= len(agent.agent_id) <= LONGEST_ID:
        raise entry.fault(f"an agent id has 1 to {LONGEST_ID} characters")
    if agent.agent_id not in found.agents:
        if len(found.agents) >= MAX_ENTRIES:
            raise entry.fault(f"an import has at most {MAX_ENTRIES} agents")
        found.agents[agent.agent_id] = dict(agent.columns)
        found.sources[agent.agent_id] = source
        return
    known = found.agents[agent.agent_id]
    for name, value in agent.columns.items():
        before = known.setdefault(name, value)
        if isinstance(before, list) and isinstance(value, list):
            known[name] = list(dict.fromkeys([*before, *value]))
        elif before != value and not importer.merges:
            raise entry.fault(f"an earlier entry of this agent has another {name}")
