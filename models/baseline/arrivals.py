"""Events that reach their agents: identity, days that are over, and counts, before any score."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.baseline.identity import apply_claims, in_words, settle
from models.baseline.profile import agent_mark
from models.detectors.promises import Sender
from models.native_scoring import Profiles
from models.telemetry.quiet_agents import buckets_due
from models.units import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from models.alerting.cases import Cases
    from models.baseline.agent_state import AgentState
    from models.baseline.identity import Declared
    from models.baseline.profile import Profile
    from models.config import ModelConfig
    from models.event import Event, Origin
    from models.replication.announcements import Announcements
    from models.scoring import Scorer
    from models.telemetry.last_seen import LastSeen


class Arrival(NamedTuple):
    """An event and its agent, whose profile is up to date and does not have the event yet.

    Attributes
    ----------
    sender
        What is known of the sender beside the event.
    identified
        Whether the claimed role or owner counts from this event on.
    """

    event: Event
    origin: Origin
    profile: Profile
    time_us: int
    sender: Sender
    identified: bool


class Arrivals:
    """Brings agents up to the time of their events.

    Parameters
    ----------
    scorer
        Its agents, and the days that are over.
    cases
        Say which families a day does not make ordinary.
    last_seen
        When each agent was last seen.

    Attributes
    ----------
    profiles
        Makes and reads the profiles that the scorer works on.
    announcements
        Other shards learn from it which agents are active; None for a single shard.
    """

    def __init__(
        self, scorer: Scorer, cases: Cases, last_seen: LastSeen, config: ModelConfig
    ) -> None:
        self._scorer = scorer
        self._cases = cases
        self._last_seen = last_seen
        self._config = config
        self.profiles = Profiles(scorer)
        self.announcements: Announcements | None = None

    def roll_forward(
        self,
        event: Event,
        origin: Origin,
        agent_state: AgentState,
        declared: Declared,
        time_us: int,
        *,
        conflict: bool,
    ) -> Arrival:
        """Bring an agent to an event: its identity, the days that are over, its counts.

        Parameters
        ----------
        declared
            What the inventory says of the agent.
        conflict
            Whether this agent sent the event's id before with other content.
        """
        trust = agent_state.trust
        settle(trust, declared)
        identified, refused = apply_claims(event, trust, declared, trusted=not conflict)
        if not agent_state.profile.events:
            self._begin(agent_state, time_us)
        profile = agent_state.profile
        profile.role = trust.role or ""
        over = self._scorer.days_over(profile)
        if over:
            self._close(profile, over)
        seen = event.kind != "security_event"  # others report it: the agent did nothing
        if seen and (not profile.events or time_us // HOUR_US > profile.last_us // HOUR_US):
            self._note_hour(profile, time_us // HOUR_US)
        profile.events += 1
        profile.last_us = max(profile.last_us, time_us)
        trust.events += 1
        if seen:
            trust.last_seen_us = max(trust.last_seen_us, time_us)
        if event.agent.version is not None:
            trust.version = event.agent.version
        if event.kind == "deployment":
            self._deploy(event, profile, time_us)
        claims = in_words(refused) if refused else ""
        is_young = profile.opened <= self._config.learning_sessions
        other_mode = self._other_mode(profile) if is_young else ""
        sender = Sender(trust.registered, claims, conflict, other_mode)
        return Arrival(event, origin, profile, time_us, sender, identified)

    def _begin(self, agent_state: AgentState, time_us: int) -> None:
        """Begin the profile of an agent, in the form of the scorer."""
        profile = agent_state.profile = self.profiles.own(agent_state.profile)
        trust = agent_state.trust
        profile.first_us = time_us
        trust.first_seen_us = trust.first_seen_us or time_us
        profile.mark = agent_mark(self._scorer.hasher, profile.agent_id)
        profile.learn_until = self._config.learning_sessions

    def _note_hour(self, profile: Profile, hour: int) -> None:
        """Note that an agent acts in an hour, here and in other shards."""
        self._last_seen.note(profile.agent_id, profile.mode, hour)
        if self.announcements is not None:
            self.announcements.agent_seen(profile.agent_id, profile.mode, hour)

    def _deploy(self, event: Event, profile: Profile, time_us: int) -> None:
        """Take in a deployment: for a week, days of agents after deployments judge the agent."""
        profile.deployed_us = time_us
        profile.announced = event.agent.version or profile.announced or ""
        if event.agent.version is not None and event.agent.version not in profile.versions:
            profile.versions = [*profile.versions, event.agent.version]
        until = profile.opened + self._config.relearning_sessions
        profile.learn_until = max(profile.learn_until, until)

    def _other_mode(self, profile: Profile) -> str:
        """Give the mode that an agent had long acted in when it began to act in this one."""
        return self._last_seen.settled_mode(
            profile.agent_id, profile.mode, profile.first_us // HOUR_US
        )

    # ------------------------------------------------------------------ days

    def close_days(self, profile: Profile) -> None:
        """Learn the days of an agent that are over."""
        over = self._scorer.days_over(profile)
        if over:
            self._close(profile, over)

    def _close(self, profile: Profile, days: list[int]) -> None:
        who = profile.agent_id, profile.mode
        leads = {day: self._cases.steadfast_leads(*who, day) for day in days}
        self._scorer.close_days(profile, leads)

    def close_days_of_quiet(
        self,
        agents_of: Callable[[Sequence[str]], Iterable[AgentState]],
        before_us: int,
        until_us: int,
    ) -> None:
        """Learn the days of agents that have been quiet for a day.

        Parameters
        ----------
        agents_of
            Gives the own agents among some, in all their modes.
        before_us, until_us
            The watermark before and now.
        """
        for bucket, days in buckets_due(before_us, until_us):
            for agent_state in agents_of(self._last_seen.last_active(bucket, days)):
                agent_state.profile = self.profiles.own(agent_state.profile)
                self.close_days(agent_state.profile)
