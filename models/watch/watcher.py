"""What an engine's detectors share: all agents heard, open traces; and when each detector runs."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models.result import Reason
from models.units import DAY_US, HOUR_US
from models.watch.adopting import Adopting
from models.watch.counting import DAY, HOUR, close
from models.watch.evidence import gather
from models.watch.heard import Heard
from models.watch.mixture import close_day
from models.watch.modes import note_mode
from models.watch.traces import Traces

if TYPE_CHECKING:
    from models.baseline.profile import Profile
    from models.config import ModelConfig
    from models.event import Event
    from models.replication.announcements import Announcements
    from models.result import Result

DRIFT = "behavior.drift"


class Watcher:
    """The shared part of `models.watch`.

    Parameters
    ----------
    config
        Parameters of the model.
    heard
        When agents were heard, of either kernel.
    """

    def __init__(self, config: ModelConfig, heard: Heard | None = None) -> None:
        self.config = config
        self.heard = Heard() if heard is None else heard
        self.announcements: Announcements | None = None
        self.traces = Traces()
        self.adopting = Adopting()

    def dump(self, now_us: int, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write what changed since the last call; with `whole`, all agents heard as one copy."""
        return self.heard.dump(whole=whole) + self.traces.dump(now_us) + self.adopting.dump()

    def load(self, shared: dict[str, bytes]) -> None:
        """Read what `dump` wrote."""
        self.heard.load(shared)
        self.traces.load(shared)
        self.adopting.load(shared)

    def meet(self, event: Event, profile: Profile, time_us: int, *, whole: bool) -> Reason | None:
        """Bring an agent's windows to the time of an event; once a day, look how far it strayed.

        Parameters
        ----------
        whole
            Learn closed windows as they are: nothing is held against the agent now.
        """
        facts = profile.facts
        watch = facts.watch
        closed = close(watch, time_us, whole=whole)
        if closed >= HOUR:
            hour = time_us // HOUR_US
            if facts.events == 1:
                note_mode(watch, self.heard.known(facts.agent_id), event.mode, hour)
            self.heard.note(facts.agent_id, event.mode, hour)
            if self.announcements is not None:
                self.announcements.agent_seen(facts.agent_id, event.mode, hour)
        if closed < DAY:
            return None
        active = profile.state() == "active"
        before = watch.strayed
        strayed = close_day(watch, time_us // DAY_US, anchor=active and watch.anchored < 0)
        limit = self.config.stray_limit
        if not active or strayed <= limit or before > limit:
            return None
        why = (
            f"This week's mixture of tools lies {strayed / 1_000:.2f} bits from what was learned "
            f"at first; the bound is {limit / 1_000:.2f}."
        )
        return Reason("drift", strayed / 100, f"{strayed / 1_000:.2f}", [("as learned", 1.0)], why)

    def drifting(self, out: Result, profile: Profile) -> Reason | None:
        """Take in an event's p-value; say so when habits have changed."""
        if out.p is None or not gather(profile.facts.watch, out.p, self.config.drift_tests):
            return None
        why = (
            f"Events have been unusual for a while: together as improbable as one in "
            f"{self.config.drift_tests:.0f}."
        )
        bits = log2(self.config.drift_tests)
        return Reason("drift", bits, "many unusual events", [("p uniform", 1.0)], why)

    def linked(self, out: Result, event: Event) -> list[str]:
        """Note an anomaly under its trace; give all agents that had one within the hour."""
        if event.trace_id is None or out.severity in (None, "low"):
            return []
        if self.announcements is not None:
            self.announcements.anomaly_traced(event.trace_id, out.agent_id, out.time_us)
        return self.traces.add(event.trace_id, out.agent_id, out.time_us)

    def deployed(self, release: str, tools: list[str]) -> None:
        """Take in a deployment that was announced, and the tools that it said it brings."""
        if self.announcements is not None:
            self.announcements.deployment_announced(release, tools)
        self.traces.deployed(release, tools)
