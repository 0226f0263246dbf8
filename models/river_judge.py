"""The judge of behaviour as an estimator of river: what the engine runs, under river's contract."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import msgspec
from river.base import AnomalyDetector

from models.alerting.return_period import return_period_bits
from models.baseline.profile import OpenDay, Profile, agent_mark
from models.baseline.session import SessionScores
from models.codec.hashing import Hasher
from models.constants import HELD_DAYS, NOTED_BITS
from models.detectors.promises import Sender
from models.errors import MalformedEvent
from models.event import Event, Origin, instant, microseconds
from models.learning.shared import Contribution
from models.scoring import Scorer
from models.units import HOUR_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.scoring import Scores

_SENDER = Sender()
_session_bytes = msgspec.msgpack.Encoder().encode
_session = msgspec.msgpack.Decoder(SessionScores).decode
_days = msgspec.msgpack.Decoder(dict[int, OpenDay]).decode


class RiverJudge(AnomalyDetector):
    """Scores native events by `models.scoring.Scorer`, which the engine calls.

    An event is a dict in the native format. Its score is ``log2`` of the return period in days of
    what it has raised in its session: 0 is once a day over the whole fleet. What is not stated is
    unknown: without an agent all events are of one, and without a time they are a second apart.
    It is blind to the content of arguments and to trust, which are parts of the engine.

    Parameters
    ----------
    idle_minutes
        Minutes without an event after which a session is over.
    snapshot_minutes
        Minutes of event time between two publications of what agents share.
    key
        Key of hashes.

    Examples
    --------
    >>> judge = RiverJudge()
    >>> for number in range(600):
    ...     time = f"2026-01-{1 + number // 25:02d}T{8 + number % 3:02d}:{number % 50:02d}:00Z"
    ...     judge.learn_one({"agent": {"id": "billing-7"}, "tool": "mail.read", "time": time})
    >>> at = {"agent": {"id": "billing-7"}, "time": "2026-01-25T09:00:00Z"}
    >>> known, new = (judge.score_one(at | {"tool": tool}) for tool in ("mail.read", "vault.dump"))
    >>> known < 1.0 < new
    True
    """

    def __init__(
        self,
        idle_minutes: int = 60,
        snapshot_minutes: int = 5,
        key: str = "behaviour as an estimator",
    ) -> None:
        self.idle_minutes, self.snapshot_minutes, self.key = idle_minutes, snapshot_minutes, key
        self._hasher = Hasher(key.encode())
        self._scorer = Scorer(self._hasher)
        self._profiles: dict[tuple[str, str], Profile] = {}
        self._sessions: dict[tuple[str, str, str], tuple[SessionScores, int]] = {}
        self._latest_us = 0

    # ------------------------------------------------------------------ river

    def score_one(self, x: dict[Any, Any]) -> float:
        """Score an event; changes nothing."""
        event, time_us = self._event(x)
        profile = self._profiles.get(_owner(event))
        if profile is None:
            profile = self._profile(event, time_us)
        else:
            profile = copy(profile)
            profile.open_days = _days(_session_bytes(profile.open_days))
        session = self._open_session(event, time_us)
        session = SessionScores(0) if session is None else _session(_session_bytes(session))
        scores = self._score(event, profile, session, time_us)
        agents = self._scorer.shared.active_agents(scores.at.day)
        return return_period_bits(scores.own, agents)

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Learn an event; values of a rare session wait, as in the engine."""
        event, time_us = self._event(x)
        self._advance(time_us)
        owner = _owner(event)
        profile = self._profiles.setdefault(owner, self._profile(event, time_us))
        self._scorer.close_days(profile, {})
        profile.events += 1
        profile.last_us = max(profile.last_us, time_us)
        session = self._open_session(event, time_us)
        if session is None:
            profile.opened += 1
            name = f"session\x1f{owner[0]}\x1f{owner[1]}\x1f{profile.opened}"
            session = SessionScores(self._hasher.once(name))
        self._sessions[*owner, event.session or ""] = (session, time_us)
        scores = self._score(event, profile, session, time_us)
        self._scorer.count_day(scores, repeated=False)
        rare = self._scorer.shared.knows_rarity and scores.rarity >= NOTED_BITS
        held_days = HELD_DAYS if rare else 0
        self._scorer.learn(scores, event, held_days=held_days)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"idle_minutes": 30}

    # ------------------------------------------------------------------ events

    def _event(self, x: dict[str, Any]) -> tuple[Event, int]:
        next_us = self._latest_us + 1_000_000
        unknown = {"id": "-", "agent": {"id": "-"}, "tool": "-", "time": instant(next_us)}
        try:
            event = msgspec.convert(unknown | x, Event, strict=False)
        except msgspec.ValidationError as error:
            raise MalformedEvent("schema", str(error)) from error
        return event, microseconds(event.time)

    def _profile(self, event: Event, time_us: int) -> Profile:
        agent_id, mode = _owner(event)
        mark = agent_mark(self._hasher, agent_id)
        return Profile(
            agent_id, mode, event.agent.role or "", mark, first_us=time_us, last_us=time_us
        )

    def _open_session(self, event: Event, time_us: int) -> SessionScores | None:
        found = self._sessions.get((*_owner(event), event.session or ""))
        if found is None or time_us - found[1] > self.idle_minutes * MINUTE_US:
            return None
        return found[0]

    def _score(
        self, event: Event, profile: Profile, session: SessionScores, time_us: int
    ) -> Scores:
        network = event.network
        origin = Origin()
        if network is not None:
            origin = Origin(network.egress or "unknown", network.asn, network.country)
        return self._scorer.score(event, origin, profile, session, time_us, _SENDER)

    def _advance(self, time_us: int) -> None:
        """Move the watermark; forget sessions that are over, and publish where due."""
        shared = self._scorer.shared
        head = shared.head
        self._latest_us = head.watermark_us = max(head.watermark_us, time_us)
        if head.watermark_us - head.published_us < self.snapshot_minutes * MINUTE_US:
            return
        parts = [shared.waiting()]
        shared.wait(Contribution())
        shared.publish(parts)
        over_us = head.watermark_us - max(self.idle_minutes * MINUTE_US, HOUR_US)
        self._sessions = {key: one for key, one in self._sessions.items() if one[1] > over_us}


def _owner(event: Event) -> tuple[str, str]:
    return event.agent.id, event.mode
