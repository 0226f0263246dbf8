"""What an agent is known to do although a rule speaks of it: usual by the days it was seen on.

An agent with two ways out of the network is at two places all the time, and most agents cannot
prove yet who they are. What a past that an operator vouches for has on several days, or an agent's
first sessions, is no news afterwards; an alert that nobody dealt with never makes anything usual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.features.feature_slots import LOW32
from models.units import DAY_US

if TYPE_CHECKING:
    from models.baseline.profile import Facts, Profile
    from models.codec.hashing import Hasher
    from models.config import ModelConfig
    from models.result import Finding
    from models.watch.adopting import Adopting

_USUAL = 3  # days
_OF_GROUP = frozenset({"tool.definition_changed"})  # no news once three agents of a group have it


class Ways:
    """What agents, and their groups, are known to do.

    Parameters
    ----------
    config
        Parameters of the model.
    hasher
        Gives marks of ways and agents.
    adopting
        What waits for others of a group to come upon it.
    """

    def __init__(self, config: ModelConfig, hasher: Hasher, adopting: Adopting) -> None:
        self._config, self._hasher, self._adopting = config, hasher, adopting

    def news(
        self, found: list[Finding], profile: Profile, time_us: int, *, trusted_history: bool
    ) -> list[Finding]:
        """Leave out what an agent, or its group, is known to do; note what may become known."""
        facts, may_say = profile.facts, trusted_history or profile.state() == "learning"
        known = set()
        for one in found:
            mark = self._mark(one.way)
            usual = bool(one.way) and is_usual(mark, facts)
            if usual or self._adopted(one, profile, time_us):
                known.add(one.way)
            if one.way and (may_say or usual):
                note_way(mark, facts, time_us, self._config.held_limit)
        return [one for one in found if one.way not in known]

    def _mark(self, way: str) -> int:
        # Marks of values are in the same place, and are never below 2**32 (`Place.base`).
        return self._hasher.once(f"way\x1f{way}") & LOW32

    def _adopted(self, one: Finding, profile: Profile, time_us: int) -> bool:
        """Whether others of the group have come upon it, as when a tool is renewed for all."""
        if one.anomaly not in _OF_GROUP or not profile.role:
            return False
        group, key = f"{profile.role}/{profile.mode}", self._hasher.once(one.way)
        mark = self._hasher.of(profile.facts.agent_id) & LOW32
        return self._adopting.note(group, key, mark, time_us)


def is_usual(mark: int, facts: Facts) -> bool:
    """Tell whether an agent is known to do something, by the mark of the way.

    >>> from models.baseline.profile import Facts
    >>> facts = Facts("billing-7", "delegated")
    >>> for day in range(3):
    ...     note_way(7, facts, day * DAY_US, 100)
    >>> is_usual(7, facts), is_usual(8, facts)
    (True, False)
    """
    return len(facts.waiting.get(mark, ())) >= _USUAL


def note_way(mark: int, facts: Facts, time_us: int, maximum: int) -> None:
    """Note that an agent does something that counts for what is usual.

    Parameters
    ----------
    maximum
        Ways and waiting values whose days are kept; the longest unseen go first.
    """
    days, day = facts.waiting.setdefault(mark, []), time_us // DAY_US
    if day not in days:
        days.append(day)
        del days[:-_USUAL]
    make_room(facts.waiting, maximum)


def make_room(waiting: dict[int, list[int]], maximum: int) -> None:
    """Forget what waits for the longest time unseen, until so much is left."""
    while len(waiting) > maximum:
        del waiting[min(waiting, key=lambda k: (max(waiting[k]), k))]
