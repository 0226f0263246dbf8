"""Judge transcripts in a store of their own, and keep what a person wants to see first."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct, field

from models.event import rfc3339
from models.features.network import host_of
from pipeline.formats import FORMATS
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.judge import REPLAY_SECRET, judge_all
from pipeline.scanning.reading import Reading
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Result
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord
    from pipeline.settings import Settings

_NUMBER = re.compile(r"\d[\d.,]*")
STRANGEST = 3
_NAMED = 3
BEFORE = 0.25
"""Share of the sessions that is learned before one of them counts as strange."""


class Session(Struct):
    """One session of an agent.

    Attributes
    ----------
    rank
        Highest rank of its events, in bits (`models.result.Result.rank`).
    reasons
        Sentences about that event, the most important first.
    sent
        Hosts that its calls send to, each with the files that are read for it.
    """

    name: str
    agent_id: str
    first_us: int
    place: int
    request: str = ""
    calls: int = 0
    rank: float = -1e9
    reasons: list[str] = field(default_factory=list)
    sent: dict[str, list[str]] = field(default_factory=dict)


class AgentSummary(Struct):
    """What one agent usually does: counts of calls by day, tool, program, host and secret."""

    agent_id: str
    calls: int = 0
    first_us: int = 0
    last_us: int = 0
    sessions: set[str] = field(default_factory=set)
    days: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)
    programs: Counter[str] = field(default_factory=Counter)
    destinations: Counter[str] = field(default_factory=Counter)
    secrets: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    failed: int = 0


class Scan:
    """Sums up the events of transcripts while they are judged.

    Attributes
    ----------
    rejected
        Number of records that could not be read.
    unread
        Files that could not be read, or not wholly, with the first reason.
    skipped
        Number of files that were not opened, by reason.
    """

    def __init__(self, reading: Reading, skipped: Mapping[str, int] | None = None) -> None:
        self.agents: dict[str, AgentSummary] = {}
        self.sessions: dict[tuple[str, str], Session] = {}
        self.rejected = reading.rejected
        self.unread = reading.unread
        self.skipped = dict(skipped or {})
        self._only: dict[str, Session | None] = {}

    def observe(self, _: RawRecord, event: Event, result: Result, __: AgentState) -> None:
        """Take one judged event."""
        self._sum_up(event, result.time_us)
        name = event.session or ""
        session = self.sessions.get((event.agent.id, name))
        if session is None:
            session = Session(name, event.agent.id, result.time_us, len(self.sessions))
            self.sessions[event.agent.id, name] = session
        session.calls += 1
        session.request = session.request or (event.purpose or "")
        self._note_hosts(event, session)
        if result.rank > session.rank:
            session.rank = result.rank
            session.reasons = [reason.why for reason in result.reasons]

    def _sum_up(self, event: Event, time_us: int) -> None:
        agent = self.agents.setdefault(event.agent.id, AgentSummary(event.agent.id))
        agent.calls += 1
        agent.first_us = min(agent.first_us or time_us, time_us)
        agent.last_us = max(agent.last_us, time_us)
        agent.sessions.add(event.session or "")
        agent.days[rfc3339(time_us)[:10]] += 1
        agent.tools[event.tool] += 1
        agent.refused += event.outcome == "denied"
        agent.failed += event.outcome == "error"
        for host in hosts_of(event):
            agent.destinations[host] += 1
        attributes = event.attributes or {}
        for name, counts in (
            ("programs", agent.programs), ("secrets", agent.secrets),
            ("secrets_read", agent.secrets),
        ):  # fmt: skip
            listed = attributes.get(name)
            counts.update(str(one) for one in (listed if isinstance(listed, list) else ()))

    def _note_hosts(self, event: Event, session: Session) -> None:
        """Note the hosts of a call: the only session that reaches each, and what is sent there."""
        files = (event.attributes or {}).get("files_read")
        for host in hosts_of(event):
            if self._only.setdefault(host, session) is not session:
                self._only[host] = None
            if event.operation == "send" and event.outcome != "denied":
                sent = session.sent.setdefault(host, [])
                sent += [
                    one for one in (files if isinstance(files, list) else ()) if one not in sent
                ]

    def reasons_of(self, session: Session) -> list[str]:
        """Give the reasons of a session; first, what it sends to hosts that no other one reaches.

        >>> found = Scan(Reading())
        >>> session = Session("s", "a", 0, 0, sent={"evil.example": [".env"]})
        >>> found._only["evil.example"] = session
        >>> found.reasons_of(session)
        ['It sends .env to evil.example, which no other session reaches.']
        """
        uploads = [
            f"It sends {_listed(files)} to {host}, which no other session reaches."
            for host, files in session.sent.items()
            if self._only.get(host) is session
        ]
        return [*uploads, *session.reasons]

    def strangest(self) -> list[Session]:
        """Give the sessions with the highest ranks that come less than once a day.

        First come sessions after a first part that is only learned, and of those that differ from
        each other in numbers alone, the first one. Others follow where there are too few.
        """
        first = int(len(self.sessions) * BEFORE)
        strange = [one for one in self.sessions.values() if one.rank > 0 and one.reasons]
        strange.sort(key=lambda one: (one.place < first, -one.rank, one.first_us))
        kinds: dict[str, Session] = {}
        for session in strange:
            if session.place >= first:
                kinds.setdefault(_NUMBER.sub("#", session.reasons[0]), session)
        chosen = list(kinds.values())
        shown = {id(one) for one in chosen}
        return [*chosen, *(one for one in strange if id(one) not in shown)][:STRANGEST]


def _listed(files: Sequence[str]) -> str:
    """Name the first files; data where none is known.

    >>> _listed([]), _listed(["a", "b"]), _listed(["a", "b", "c", "d", "e"])
    ('data', 'a, b', 'a, b, c and 2 more files')
    """
    more = len(files) - _NAMED
    return (", ".join(files[:_NAMED]) or "data") + (f" and {more} more files" if more > 0 else "")


def hosts_of(event: Event) -> list[str]:
    """Give the hosts that a call reaches, as `pipeline.actions` found them.

    >>> from models.event import Agent, EPOCH, Event, Network
    >>> network = Network(destination="docs.example.com:443")
    >>> hosts_of(Event(id="1", time=EPOCH, agent=Agent(id="a"), tool="t", network=network))
    ['docs.example.com']
    """
    listed = (event.attributes or {}).get("destinations")
    found = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    if event.network is not None and event.network.destination is not None:
        found.append(event.network.destination)
    return list(dict.fromkeys(host_of(one) for one in found))


def scan(
    files: Mapping[str, Sequence[str]],
    settings: Settings,
    progress: Progress | None = None,
    *,
    skipped: Mapping[str, int] | None = None,
) -> Scan:
    """Judge the files of each format; nothing is kept. Those that cannot be read are named."""
    reading = Reading(progress)
    records = reading.in_order(files)
    found = Scan(reading, skipped)
    with tempfile.TemporaryDirectory(prefix="habitus-") as folder:
        url = f"sqlite:{folder}/scan.db"
        with open_store(url, secret=REPLAY_SECRET) as store:
            worker = build_worker(
                settings, store, publish=False, explain_all=True, observer=found.observe
            )
            if progress is not None:
                progress.start(len(records), "judging")
            judge_all(worker, records, wire=FORMATS["native"], progress=progress)
            if progress is not None:
                progress.stop()
    return found
