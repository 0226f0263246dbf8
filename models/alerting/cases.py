"""Cases: which story an event belongs to, and which of its events are worth a message.

An event joins the case of its session, else a case of its agent that the same family led, else a
case about the same new thing at another agent, else a rarer case of its agent on this day.
Otherwise it opens a case. Rates count agent-days, so one day of an agent is rarely two cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from models.alerting.case import Case
from models.constants import OPEN_DAYS, QUIET_DAYS
from models.errors import StateError
from models.features.families import CONTENT, FAMILIES
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.alerting.case import Change
    from models.codec.hashing import Hasher

NAME = "cases"
CERTAIN = frozenset(name for name, family in FAMILIES.items() if family.certain)
"""Families whose cases never become ordinary, however often they come again."""
STEADFAST = CERTAIN | {CONTENT}
"""Families that no day of their cases makes ordinary: a promise stays broken, and what a tool
result asked for was not asked for by anybody. Other behaviour becomes ordinary by repetition."""
MAX_SESSIONS = 1_000
"""Most sessions that a case remembers; further ones join by family or thing."""


ActiveDays = Callable[[int, int], int]
"""Counts the days with activity after a day since 1970, up to another one."""


def calendar_days(after: int, until: int) -> int:
    """Count all days, as in a stream that never pauses.

    >>> calendar_days(3, 5), calendar_days(5, 3)
    (2, 0)
    """
    return max(0, until - after)


class Story(NamedTuple):
    """What an event says for its case.

    Attributes
    ----------
    session
        Mark of its session.
    lead
        Family that leads the session.
    thing
        Mark of the new thing that agents may share; 0 for none.
    bits
        ``log2`` of the return period of the session in days.
    severity
        Place of the event's severity in `models.trust.policy.SEVERITIES`.
    name
        Name of the session; empty for none.
    facts
        Certain families that the event has raised, whatever leads the session.
    """

    event_id: str
    agent_id: str
    mode: str
    session: int
    lead: str
    thing: int
    time_us: int
    bits: float
    severity: int = 0
    name: str = ""
    facts: tuple[str, ...] = ()


class Cases:
    """The open cases.

    Parameters
    ----------
    active_days
        Counts the days with activity.

    Examples
    --------
    >>> from models.codec.hashing import Hasher
    >>> cases = Cases(Hasher(b"0123456789abcdef"))
    >>> first = Story("e1", "a", "unknown", 1, "data", 0, 0, 3.0)
    >>> case, change = cases.file(first)
    >>> again = first._replace(event_id="e2", session=2, time_us=DAY_US)
    >>> change, cases.file(again) == (case, "grew"), cases.file(again._replace(event_id="e3"))[1]
    ('opened', True, None)
    >>> cases.file(again._replace(lead="net", session=3))[0] == case
    True
    >>> cases.file(again._replace(lead="who", session=4, bits=3.1))[0] == case
    False
    """

    def __init__(self, hasher: Hasher, active_days: ActiveDays = calendar_days) -> None:
        self._hasher = hasher
        self._active_days = active_days
        self._by_id: dict[str, Case] = {}
        self._of_agent: dict[str, list[str]] = {}
        self._of_thing: dict[int, str] = {}
        self._changed = False

    def file(self, story: Story) -> tuple[Case, Change | None]:
        """Add an event to its case; give the case and the message that the event is worth."""
        case = self._find(story)
        if case is None:
            name = self._name(story)
            case = self._by_id[name] = Case(
                name, story.agent_id, story.mode, story.time_us, story.time_us, story.bits
            )
        own = self._of_agent.setdefault(_owner(story.agent_id, story.mode), [])
        if case.case_id not in own:
            own.append(case.case_id)
        owner = _owner(story.agent_id, story.mode)
        if owner not in case.agents:
            case.agents.append(owner)
        if story.thing:
            self._of_thing[story.thing] = case.case_id
            if story.thing not in case.things:
                case.things.append(story.thing)
        if len(case.sessions) >= MAX_SESSIONS:
            case.sessions.clear()
        self._changed = True
        return case, case.join(
            story.session, (story.lead, *story.facts), story.time_us, story.bits, story.severity
        )

    def _age(self, case: Case, day: int) -> int:
        """Count the days with activity since the last event of a case: a pause closes none."""
        return self._active_days(case.last_us // DAY_US, day)

    def _find(self, story: Story) -> Case | None:
        names = self._of_agent.get(_owner(story.agent_id, story.mode), ())
        own, day = [self._by_id[name] for name in names], story.time_us // DAY_US
        for case in own:
            if case.takes(story.session, self._age(case, day), story.bits):
                return case
        for case in own:
            if story.lead in case.leads and case.is_open(self._age(case, day)):
                return case
        other = self._of_thing.get(story.thing) if story.thing else None
        found = None if other is None else self._by_id[other]
        if found is not None and found.is_open(self._age(found, day)):
            return found
        for case in own:
            if case.covers(story.time_us, story.bits):
                return case
        return None

    def _name(self, story: Story) -> str:
        """Name a case after its session and day, so that late events leave its id as it is.

        A second case of a session on a day, and one of a session without a name, has the name of
        its event. Agents choose the ids of events, so they alone name no case.
        """
        names = [("event", story.event_id, str(story.time_us))]
        if story.name:
            names.insert(0, ("session", story.name, str(story.time_us // DAY_US)))
        for of in names:
            mark = self._hasher.once("\x1f".join(("case", story.agent_id, story.mode, *of)))
            name = f"C-{mark:016x}"
            if name not in self._by_id:
                break
        return name

    def get(self, case_id: str) -> Case | None:
        """Give an open case by its id."""
        return self._by_id.get(case_id)

    def of_session(self, agent_id: str, mode: str, session: int) -> Case | None:
        """Give the case of a session, None without one."""
        for name in self._of_agent.get(_owner(agent_id, mode), ()):
            if session in self._by_id[name].sessions:
                return self._by_id[name]
        return None

    def any_of(self, agent_id: str, mode: str) -> bool:
        """Tell whether an agent has open cases."""
        return _owner(agent_id, mode) in self._of_agent

    def is_repeated(self, agent_id: str, mode: str, session: int, day: int, *, rare: bool) -> bool:
        """Tell whether a session repeats what a case of an earlier day has reported.

        Rare days of one story count once, so that they raise no bar for others. Days of a certain
        case never count again. All else does: left out, what honest work does would stay rare.
        """
        case = self.of_session(agent_id, mode, session)
        return case is not None and repeats(case, day, rare=rare)

    def steadfast_leads(self, agent_id: str, mode: str, day: int) -> set[str]:
        """Give the families of an agent's open cases that a day does not make ordinary."""
        found: set[str] = set()
        for name in self._of_agent.get(_owner(agent_id, mode), ()):
            case = self._by_id[name]
            if case.first_us // DAY_US <= day and self._age(case, day) <= OPEN_DAYS:
                found.update(STEADFAST.intersection(case.leads))
        return found

    def forget(self, watermark_us: int) -> list[Case]:
        """Drop the cases that are quiet; give them."""
        today = watermark_us // DAY_US
        latest_us = (today - QUIET_DAYS + 1) * DAY_US  # there are no more active days than days
        over = [
            case
            for case in self._by_id.values()
            if case.last_us < latest_us and case.is_over(self._age(case, today))
        ]
        self.drop(case.case_id for case in over)
        return over

    def drop(self, names: Iterable[str]) -> None:
        """Forget cases: further events open new ones."""
        gone = set(names) & set(self._by_id)
        if not gone:
            return
        self._changed = True
        for name in sorted(gone):
            case = self._by_id.pop(name)
            for owner in case.agents:
                left = [one for one in self._of_agent.get(owner, ()) if one != name]
                if left:
                    self._of_agent[owner] = left
                else:
                    self._of_agent.pop(owner, None)
        self._of_thing = {mark: name for mark, name in self._of_thing.items() if name not in gone}

    def number(self, case_id: str, version: int) -> None:
        """Set the version of an open case after a decision that keeps it open."""
        case = self._by_id.get(case_id)
        if case is not None:
            case.version, self._changed = version, True

    def decide(self, case_id: str, version: int) -> None:
        """Close a case by a decision: only its own sessions still belong to it."""
        case = self._by_id.get(case_id)
        if case is not None:
            case.decided, case.version, case.message_bits = True, version, case.bits
            self._changed = True

    def reopen(self, stored: Case) -> None:
        """Let events join a case again, as it was or else as it is stored."""
        case = self._by_id.setdefault(stored.case_id, stored)
        case.decided, case.version, self._changed = False, stored.version, True
        for owner in case.agents:
            own = self._of_agent.setdefault(owner, [])
            if case.case_id not in own:
                own.append(case.case_id)

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write the cases, if they changed since the last call."""
        if not (whole or self._changed):
            return []
        self._changed = False
        cases = sorted(self._by_id.values(), key=lambda case: (case.first_us, case.case_id))
        return [(NAME, _encode((cases, self._of_agent, self._of_thing)))]

    def load(self, parts: Mapping[str, bytes]) -> None:
        """Read what `dump` wrote.

        Raises
        ------
        StateError
            The bytes are malformed.
        """
        raw = parts.get(NAME)
        if raw is None:
            return
        try:
            cases, self._of_agent, self._of_thing = _decode(raw)
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"cases cannot be read: {error}") from error
        self._by_id = {case.case_id: case for case in cases}


def repeats(case: Case, day: int, *, rare: bool) -> bool:
    """Tell whether a session of a case repeats on a day what the case has reported before."""
    if not (rare or CERTAIN.intersection(case.leads)):
        return False
    return case.first_us // DAY_US < day


def _owner(agent_id: str, mode: str) -> str:
    return f"{agent_id}\x1f{mode}"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[Case], dict[str, list[str]], dict[int, str]]).decode
