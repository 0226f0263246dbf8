"""Native events of the items of an agent, each call one."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from pipeline.assembling.assembler import Assembler
from pipeline.formats.members import time_us
from pipeline.recorder.sending.items import Began, Bused, Spanned
from pipeline.recorder.sending.parts import parts_of, parts_of_trace
from pipeline.tap.recording.record import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.formats.part import Part
    from pipeline.recorder.sending.buffer import Item

MAX_REMEMBERED = 500
"""Most sessions, traces and tasks that are remembered; the one that was quiet for longest ends
first."""


class _Agent(Struct):
    id: str


class _Event(Struct):
    agent: _Agent


_agent_of = msgspec.json.Decoder(_Event).decode


class Events:
    """Makes events; content stays in this process, as checksums of words.

    Parameters
    ----------
    salt
        Of these checksums.

    Examples
    --------
    >>> from pipeline.recorder.sending.items import Ended
    >>> events = Events(7)
    >>> event = {"agent": {"id": "bot"}, "tool": "crm.read"}
    >>> events.take([Began("s", "c-1", 1, b"{}", event)], 1)
    []
    >>> events.take([Ended("s", "c-1", 2, "ok", 1.0, "Ines")], 2)[0].agent
    'bot'
    """

    def __init__(self, salt: int) -> None:
        self._assembler = Assembler(salt)
        self._remembered: OrderedDict[str, None] = OrderedDict()
        self._reported = 0

    @staticmethod
    def groups(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
        """Give items one by one; spans together, as those of a trace explain each other.

        CrewAI calls its listeners in several threads, so its events are put in order of time.
        """
        of_bus = iter(sorted((one for one in items if isinstance(one, Bused)), key=_emitted_us))
        for item in items:
            if not isinstance(item, Spanned):
                yield [next(of_bus) if isinstance(item, Bused) else item]
        spans = [item for item in items if isinstance(item, Spanned)]
        if spans:
            yield spans

    def take(self, items: Sequence[Item], arrived_us: int, dropped: int = 0) -> list[Line]:
        """Give the events that one item completes, or several spans.

        Parameters
        ----------
        dropped
            Calls and events that are not recorded so far; the next event says how many were added.
        """
        item = items[0]
        if isinstance(item, Spanned):
            spans = [one for one in items if isinstance(one, Spanned)]
            parts, ordered = parts_of_trace(spans), False
        else:
            new = 0
            if isinstance(item, Began):
                new, self._reported = dropped - self._reported, dropped
            parts, ordered = parts_of(item, max(new, 0)), True
        made = self._assembler.take(parts, ordered=ordered, arrived_us=arrived_us)
        made += self._remember(parts)
        return [_line(one) for one in made]

    def _remember(self, parts: Sequence[Part]) -> list[bytes]:
        """Remember the sessions of parts; give the events of those that end."""
        made: list[bytes] = []
        for part in parts:
            if part.kind == "end":
                self._remembered.pop(part.session, None)
                made += self._assembler.end(part.session)
            elif part.kind != "span":  # a trace of which only spans are known has no agent
                self._remembered[part.session] = None
                self._remembered.move_to_end(part.session)
        while len(self._remembered) > MAX_REMEMBERED:
            made += self._assembler.end(self._remembered.popitem(last=False)[0])
        return made

    def calls_open(self) -> int:
        """Return the number of calls that have not ended."""
        return self._assembler.calls_open()

    def due(self, now_us: int, *, whole: bool = False) -> list[Line]:
        """Give the calls that no result came for in time; with `whole`, all that are open."""
        if not whole and not self._assembler.has_due(now_us):
            return []
        return [_line(one) for one in self._assembler.due(whole=whole)]


def _emitted_us(item: Bused) -> int:
    return time_us(item.record.get("timestamp"))


def _line(event: bytes) -> Line:
    return Line(_agent_of(event).agent.id, event)
