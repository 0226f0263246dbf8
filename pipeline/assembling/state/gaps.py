"""Calls that telemetry reports and the hooks of the agent do not: somebody has switched them off.

The rule: an agent is *hooked* from its first hook on, and for `FRESH_US` after each one. A session
of it is hooked that began since, or that has sent a hook itself: agents read their hooks when a
session begins. A call of a hooked session that a log record, a span or a transcript reports within
`LATE_US` of its time, and that no hook reports within `WAIT_US`, becomes one event
``telemetry.gap``. Older reports are history: a transcript that is read later says nothing about
hooks. An agent is known by the credential that reports it and its kind, so each installation needs
a credential of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from models.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from pipeline.assembling.state.weights import ENTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.formats.part import Part

TOOL = "telemetry.gap"
"""Tool of the event; the rule `unreported` reads its attribute `unreported_tool`."""
WAIT_US = 2 * MINUTE_US
LATE_US = HOUR_US
FRESH_US = 7 * DAY_US
MAX_AGENTS = 10_000
MAX_UNREPORTED = 100
"""Most calls of a session that wait for their hook."""
MAX_REPORTED = 4_000
_ROUND_US = MINUTE_US


class Unreported(Struct):
    """A call that waits for its hook."""

    time_us: int
    arrived_us: int
    tool: str = ""


class Reports(Struct):
    """What of a session hooks reported, and what they have not reported yet.

    `hooked` has the second in which the first hook of a call came; True in states of before.
    `began_us` is the time of its first call; 0 before it. `forgotten_s` is the second of the latest
    hook that is forgotten: of calls up to then nobody knows whether a hook reported them.
    """

    hooked: dict[str, int | bool] = field(default_factory=dict)
    waiting: dict[str, Unreported] = field(default_factory=dict)
    began_us: int = 0
    forgotten_s: int = -1
    weight: int = 0

    def due(self, until_us: int) -> Iterator[tuple[str, int, dict[str, Any]]]:
        """Give and forget the calls that wait since an instant: id, time and event of each gap."""
        for call, one in list(self.waiting.items()):
            if one.arrived_us <= until_us:
                self.forget(call)
                attributes = {"unreported_call": call, "unreported_tool": one.tool}
                event: dict[str, Any] = {"tool": TOOL, "attributes": attributes}
                yield f"gap-{call}", one.time_us, event

    def wait(self, call: str, one: Unreported) -> None:
        """Let a call wait for its hook."""
        self.waiting[call] = one
        self.weight += ENTRY + len(call) + len(one.tool)

    def forget(self, call: str) -> None:
        """Let a call wait no longer."""
        if (one := self.waiting.pop(call, None)) is not None:
            self.weight -= ENTRY + len(call) + len(one.tool)

    def hook(self, call: str, arrived_us: int) -> None:
        """Note that a hook reported a call; the oldest one is forgotten for room."""
        self.forget(call)
        if call in self.hooked:
            return
        if len(self.hooked) >= MAX_REPORTED:
            oldest = next(iter(self.hooked))
            self.forgotten_s = int(self.hooked.pop(oldest))
            self.weight -= ENTRY + len(oldest)
        self.hooked[call] = arrived_us // SECOND_US
        self.weight += ENTRY + len(call)

    def due_us(self) -> int | None:
        """Give the instant at which the first call is due."""
        found = min((one.arrived_us for one in self.waiting.values()), default=None)
        return None if found is None else found + WAIT_US


class HookedAgents:
    """Which agents send hooks, and since when.

    Examples
    --------
    >>> from pipeline.formats.part import Part
    >>> agents, reports = HookedAgents(), Reports()
    >>> hook = Part(kind="call", session="claude-code/s", call="toolu_1", via="hook")
    >>> agents.note(hook, "", reports, 1)
    >>> log = Part(kind="call", session="claude-code/s", call="toolu_2", via="log", time_us=5)
    >>> agents.note(log, "", reports, 6)
    >>> [call for call, _, _ in reports.due(6 + WAIT_US)]
    ['gap-toolu_2']
    """

    def __init__(self) -> None:
        self._agents: dict[str, tuple[int, int]] = {}
        self.changed = False

    def note(self, part: Part, reporter: str, reports: Reports, arrived_us: int) -> None:
        """Take one part that a hook or telemetry gives."""
        agent = f"{reporter}\x1f{part.session.partition('/')[0]}"
        reports.began_us = reports.began_us or part.time_us or arrived_us
        if part.via == "hook":
            self._connect(agent, arrived_us)
            reports.hook(part.call, arrived_us)
        elif part.via and not (part.call in reports.hooked or part.call in reports.waiting):
            time_us = part.time_us or arrived_us
            since_us = time_us if reports.hooked else reports.began_us
            is_known = time_us // SECOND_US > reports.forgotten_s
            is_expected = self._expects(agent, since_us, time_us, arrived_us)
            if is_known and is_expected and len(reports.waiting) < MAX_UNREPORTED:
                tool = str(part.event.get("tool") or "unknown")[:256]
                reports.wait(part.call, Unreported(time_us, arrived_us, tool))

    def _connect(self, agent: str, arrived_us: int) -> None:
        first, last = self._agents.pop(agent, (arrived_us, 0))
        self.changed |= arrived_us - last >= _ROUND_US
        if len(self._agents) >= MAX_AGENTS:
            del self._agents[next(iter(self._agents))]
        fresh = arrived_us - last < FRESH_US
        self._agents[agent] = (first if fresh else arrived_us, max(last, arrived_us))

    def _expects(self, agent: str, since_us: int, time_us: int, arrived_us: int) -> bool:
        """Tell whether a call of this time should have a hook.

        Parameters
        ----------
        since_us
            The agent must be hooked since then: the beginning of its session.
        """
        first, last = self._agents.get(agent, (arrived_us, 0))
        return (
            first <= min(since_us, time_us)
            and arrived_us - last < FRESH_US
            and arrived_us - time_us < LATE_US
        )

    def dump(self) -> bytes | None:
        """Give the state to store; None where it has not changed by a minute."""
        if not self.changed:
            return None
        self.changed = False
        return msgspec.msgpack.encode(self._agents)

    def load(self, blob: bytes) -> None:
        """Read what `dump` gave."""
        self._agents = msgspec.msgpack.decode(blob, type=dict[str, tuple[int, int]])
