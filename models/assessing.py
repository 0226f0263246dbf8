"""The numbers of a judgement: alpha, the session's p-value, and the order of the queue."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models.provenance.novelty import NEW_DOMAIN
from models.ranked import SUM
from models.result import Result
from models.together import oddest, total

if TYPE_CHECKING:
    from models.baseline.agent_state import EventScores
    from models.baseline.profile import Profile
    from models.calibration.p_values import Calibrated
    from models.codec.hashing import Hasher
    from models.config import ModelConfig
    from models.event import Event
    from models.peers.fleet import Fleet
    from models.provenance.argument_detector import CallScore
    from models.provenance.session import Session
    from models.result import Finding

_EVENTS_A_DAY = 50.0  # assumed of an agent whose days are not known yet
_MAX_ALPHA = 0.01
_MIN_BITS = 1.0  # less is nothing to be woken for, however the tie with its like is broken
_SESSIONS, _TOGETHER, _EVENTS = 0.5, 0.05, 0.45
"""Shares of the budget where an event has content."""
_MAX_FAR = 6.0
_STEADY_BITS = 8.0  # what the rarest of so many features reaches by chance
_MAX_STEADY = 10.0  # rarer than that is as rare as the windows can tell
_LOOKED_INTO = 3.0  # content bits from which on it matters where they come from


class Assessor:
    """Puts the bits and p-values of an event together.

    Parameters
    ----------
    config
        Parameters of the model.
    fleet
        Gives the agents of a day, and past sessions.
    hasher
        Breaks ties among sessions.
    session_sum
        Whether to rank the sum over a session (`models.together`).
    """

    def __init__(
        self, config: ModelConfig, fleet: Fleet, hasher: Hasher, *, session_sum: bool = True
    ) -> None:
        self._config = config
        self._fleet = fleet
        self._hasher = hasher
        self._session_sum = session_sum

    def assess(
        self,
        event: Event,
        profile: Profile,
        session: Session,
        bits: EventScores,
        result: Calibrated,
        led: float | None,
        findings: list[Finding],
        time_us: int,
    ) -> Result:
        """Give the numbers of an event's judgement; whether it is an anomaly is decided later.

        Parameters
        ----------
        led
            The statistic that has led to the event's p-value, in bits; None without one.
        """
        facts, content, counted = profile.facts, bits.content, bits.counted or 0.0
        total, maximum = bits.categories.total, bits.categories.maximum
        for _, _, surplus in bits.quantities:
            total, maximum = total + surplus, max(maximum, surplus)
        if content is not None:
            total, maximum = total + counted, max(maximum, counted)
        per_day = max(facts.per_day or _EVENTS_A_DAY, self._fleet.events_per_agent(), 1.0)
        alpha = self._config.alerts_per_day / (self._fleet.active_agents() * per_day)
        out = Result(
            event.id, facts.agent_id, facts.mode, event.session or "", time_us,
            s_sum=total, s_max=maximum, p=result.p, p_pool=result.pool,
            p_n=result.n, alpha=min(alpha, _MAX_ALPHA), snapshot=self._fleet.head.version,
        )  # fmt: skip
        if content is not None:
            per_session = max(1.0, facts.events / max(1, facts.opened))
            rose = self._session_p(session, counted)
            share = min(_SESSIONS * alpha * per_session, _MAX_ALPHA)
            if session.score >= _MIN_BITS and self._decides(session, bits, share, rose=rose):
                out.session_alpha = share
            # All that an agent does is a little odd while it learns.
            if self._session_sum and profile.state() == "active" and not session.alerted:
                self._together(out, session, result, alpha * per_session)
            out.session_p = session.p
            out.alpha *= _EVENTS
        if led is not None and led < _MIN_BITS:
            out.alpha = 0.0
        if content is None and result.p is None:
            out.rank = maximum  # nothing to rank it among yet
        else:
            out.rank = counted + self._excess(
                result, bits.categories.steady, content=content is not None
            )
        out.rank += max((finding.bits for finding in findings), default=0.0)
        return out

    def _session_p(self, session: Session, score: float) -> bool:
        """Rank the session by its most surprising event; tell whether that is this one."""
        rose = score > session.score
        if rose or session.p is None:
            session.score = max(session.score, score)
            pool = self._fleet.sessions
            if pool.n >= self._config.session_minimum:
                session.p = pool.p_value(session.role, session.score, self._u(session))
        return rose

    def _decides(self, session: Session, bits: EventScores, alpha: float, *, rose: bool) -> bool:
        """Tell whether an event makes its session as rare as `alpha`, by what decides on alerts.

        Not every one does that makes it as rare by all its bits (`accounted`): then a later event
        of the session may, though it has fewer.
        """
        if session.p is None or session.p > alpha or (session.alerted and not rose):
            return False
        decisive = bits.decisive or 0.0
        if rose and decisive == bits.counted:
            return True
        return self._fleet.sessions.p_value(session.role, decisive, self._u(session)) <= alpha

    def _together(self, out: Result, session: Session, result: Calibrated, alpha: float) -> None:
        """Rank the session by all that is odd about it, where this event adds to that."""
        before = tuple(session.peak_p_bits)
        session.peak_p_bits = minimum = oddest(before, result.each)
        pool = self._fleet.together
        if minimum != before and pool.n >= self._config.session_minimum:
            out.together = minimum
            out.together_p = pool.p_value(session.role, total(minimum), self._u(session))
            out.together_alpha = min(_TOGETHER * alpha, _MAX_ALPHA)

    def _u(self, session: Session) -> float:
        name = f"{session.agent_id}\x1f{session.mode}\x1f{session.ordinal}"
        return self._hasher.uniform(name)

    def _excess(self, result: Calibrated, steady: float, *, content: bool) -> float:
        """Bits by which the features beside content go beyond what happens by chance.

        Where content is scored as well, tools, amounts and their order are mostly what the request
        calls for: of them only what lies far beyond counts, and not much. Where from, when, for
        whom and in which area an agent acts no request accounts for: that counts in full.
        """
        smallest = min((p for p in result.each[SUM:] if p is not None), default=1.0)
        others = -log2(3 * smallest)
        if not content:
            return max(0.0, others)
        far = min(_MAX_FAR, max(0.0, others - self._config.excess_bits))
        return max(far, min(_MAX_STEADY, steady - _STEADY_BITS))


def carried(content: CallScore | None) -> float | None:
    """Give the content bits of what an event carries, without those of its tool's choice.

    A new version turns to other partners in the usual way: that is not looked at, unless they are
    where partners never were.
    """
    if content is None or content.tainted is None:
        return None
    if not content.tainted.flow_level and content.tainted.value_level != NEW_DOMAIN:
        return None
    whole = content.tainted.bits + (content.intent or 0.0)
    return content.score * content.tainted.bits / whole if whole else None


def accounted(content: CallScore) -> float:
    """Give the content bits that decide on an alert.

    A value that comes along the usual way, as a new partner does, is no more suspicious for coming
    again: what recurrence adds orders the queue only.
    """
    if content.score < _LOOKED_INTO or content.tainted is None:
        return content.score
    tainted = content.tainted
    if tainted.flow_level or not tainted.cross_task_bits:
        return content.score
    whole = tainted.bits + (content.intent or 0.0)
    again = tainted.cross_task_bits / tainted.value_bits
    return content.score * (1.0 - again * tainted.bits / whole)
