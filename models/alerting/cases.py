"""Cases: which story an event belongs to, and which of its events are worth a message.

An event joins the case of its session, else a case of its agent that the same family led, else a
case about the same new thing at another agent. Otherwise it opens a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.alerting.case import OPEN_DAYS, Case, Change
from models.units import DAY_US

if TYPE_CHECKING:
    from models.codec.hashing import Hasher


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
    """

    event_id: str
    agent_id: str
    mode: str
    session: int
    lead: str
    thing: int
    time_us: int
    bits: float


class Cases:
    """The open cases.

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
    False
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self._of_agent: dict[str, list[Case]] = {}
        self._of_thing: dict[int, Case] = {}

    def file(self, story: Story) -> tuple[Case, Change | None]:
        """Add an event to its case; give the case and the message that the event is worth."""
        case = self._find(story)
        if case is None:
            case = Case(
                self._name(story.event_id), story.agent_id, story.mode,
                story.time_us, story.time_us, story.bits,
            )  # fmt: skip
        own = self._of_agent.setdefault(story.agent_id, [])
        if case not in own:
            own.append(case)
        if story.thing:
            self._of_thing[story.thing] = case
        return case, case.join(story.session, story.lead, story.time_us, story.bits)

    def _find(self, story: Story) -> Case | None:
        own = [c for c in self._of_agent.get(story.agent_id, ()) if c.is_open(story.time_us)]
        for case in own:
            if story.session in case.sessions:
                return case
        for case in own:
            if story.lead in case.leads:
                return case
        other = self._of_thing.get(story.thing) if story.thing else None
        return other if other is not None and other.is_open(story.time_us) else None

    def _name(self, event_id: str) -> str:
        return f"C-{self._hasher.once('case' + event_id) & 0xFFFF_FFFF:08x}"

    def is_counted_before(self, story: Story) -> bool:
        """Tell whether an event belongs to a case of an earlier day.

        The days of a case are not counted again, so that it does not become ordinary.
        """
        case = self._find(story)
        return case is not None and case.first_us // DAY_US < story.time_us // DAY_US

    def leading(self, agent_id: str, day: int) -> set[str]:
        """Give the families of an agent's cases that were open before a day."""
        found: set[str] = set()
        for case in self._of_agent.get(agent_id, ()):
            if case.first_us // DAY_US < day and day - case.last_us // DAY_US <= OPEN_DAYS:
                found |= case.leads
        return found

    def forget(self, watermark_us: int) -> None:
        """Drop cases that no further event can join."""
        for agent_id, cases in list(self._of_agent.items()):
            left = [case for case in cases if case.is_open(watermark_us)]
            if left:
                self._of_agent[agent_id] = left
            else:
                del self._of_agent[agent_id]
        self._of_thing = {
            thing: case for thing, case in self._of_thing.items() if case.is_open(watermark_us)
        }
