"""What the records of a file contain, and which switch of its emitter adds the rest."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import MalformedEvent
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.clock import clock_us
from pipeline.commands.doctor.check import Check
from pipeline.commands.doctor.file_names import manner_of
from pipeline.formats import FORMATS, Native, PartFormat, format_named
from pipeline.sources.recordings import records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.event import Event
    from pipeline.processing.stream_types import RawRecord

_SWITCHES = Path(__file__).resolve().parents[2] / "data" / "switches.toml"
_MEMBERS: dict[str, tuple[str, Callable[[Event], bool]]] = {
    "arguments": ("arguments and their origins are unknown", lambda one: one.arguments is not None),
    "results": (
        "provenance is blind",
        lambda one: one.volume is not None and one.volume.bytes_in is not None,
    ),
    "request": ("intent is unknown", lambda one: one.purpose is not None),
    "human": ("delegated and autonomous work is one", lambda one: one.human is not None),
    "network": ("locations are unknown", lambda one: one.network is not None),
    "tokens": ("cost is unknown", lambda one: "tokens" in (one.attributes or {})),
    "outcome": ("denied and failed calls are unknown", lambda one: one.outcome is not None),
    "session": ("calls are grouped by idle time", lambda one: one.session is not None),
}

_OF_ALL = frozenset({"outcome", "session"})
"""Members of which no format says that it lacks them."""


@lru_cache(maxsize=1)
def switches() -> dict[str, dict[str, str]]:
    """Give, for each format, what to set so that a member is there.

    >>> sorted(switches()["claude-code"])
    ['human', 'network', 'request', 'results']
    """
    return tomllib.loads(_SWITCHES.read_text())


def check_format(files: Sequence[str], fmt: str) -> list[Check]:
    """Read files as a format; give what their events contain, and what to do about the rest.

    Raises
    ------
    ConfigError
        The name of a file does not fit the format, or its content.
    """
    wire, refused = format_named(fmt), list[str]()
    manner = manner_of(files, fmt, wire)
    assembler, reader = Assembler(0), _native()

    def reject(record: RawRecord, error: MalformedEvent) -> None:
        refused.append(f"{record.where}: {error}")

    made = [
        event.value
        for record in records_of(files, now_us=clock_us(), wire=wire)
        for event in native_records([record], wire, assembler, reject)
    ]
    made += [one.value for one in native_records([], wire, assembler, reject, whole=True)]
    events: list[Event] = []
    for line in made:
        try:
            events.append(reader.normalise(line))
        except MalformedEvent as error:
            refused.append(str(error))
    todo = f"give files of format {fmt}, or the format of these"
    if more := switches().get(fmt, {}).get("events"):
        todo += f"; {more}"
    found = [
        Check("records", "ok", manner),
        Check(
            "events", "ok" if events else "missing", f"{len(events):,} events",
            "" if events else todo,
        ),
    ]  # fmt: skip
    if refused:
        detail = f"{len(refused):,} records, first {refused[0]}"
        found.append(Check("rejected", "optional", detail))
    counted = {why: number for why, number in assembler.count.items() if number}
    found += [Check(why, "optional", f"{number:,}") for why, number in sorted(counted.items())]
    if not events:
        return found  # nothing has shares
    supported = wire.supports | _OF_ALL if isinstance(wire, PartFormat) else frozenset(_MEMBERS)
    return found + [_contained(name, events, fmt, known=name in supported) for name in _MEMBERS]


def _native() -> Native:
    found = FORMATS["native"]
    assert isinstance(found, Native)  # noqa: S101 - the registry has it
    return found


def _contained(name: str, events: Sequence[Event], fmt: str, *, known: bool) -> Check:
    without, has = _MEMBERS[name]
    number = sum(map(has, events))
    share = f"{number / max(1, len(events)):.0%} of the events"
    if number:
        return Check(name, "ok", share)
    todo = switches().get(fmt, {}).get(name, "" if known else f"{fmt} does not report it")
    return Check(name, "optional", f"{share}: {without}", todo)
