"""Learn an event after it was filed, or hold its new values back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.constants import NOTED_BITS
from models.result import Held

if TYPE_CHECKING:
    from models.alerting.cases import Cases
    from models.config import ModelConfig
    from models.event import Event
    from models.result import Result
    from models.scoring import Scorer, Scores


class Learner:
    """Decides what an event teaches.

    Parameters
    ----------
    scorer
        Learns what is decided here.
    cases
        Say whether a session repeats what an earlier day has reported.
    config
        Gives the days for which values wait, and the windows of degraded telemetry.
    """

    def __init__(self, scorer: Scorer, cases: Cases, config: ModelConfig) -> None:
        self._scorer = scorer
        self._cases = cases
        self._config = config

    def learn(
        self, out: Result, event: Event, scores: Scores, *, teaches: bool, trusted_history: bool
    ) -> None:
        """Count the day of an event; learn the event, or hold its values back.

        Parameters
        ----------
        teaches
            Whether the event may be learned, as far as its agent and its telemetry are concerned.
        trusted_history
            Learn all values at once, even those of a rare session.
        """
        rare = self._scorer.shared.knows_rarity and scores.rarity >= NOTED_BITS
        repeated = self._cases.is_repeated(
            out.agent_id, out.mode, scores.at.session.mark, scores.at.day, rare=rare
        )
        self._scorer.count_day(scores, repeated=repeated)
        if not teaches:
            return
        held_days = self._config.held_days if rare and not trusted_history else 0
        self._scorer.learn(scores, event, held_days=held_days)
        out.learned = not (held_days and scores.novelty.new)
        if not out.learned:
            marks = [one.mark for one in scores.novelty.new]
            out.held = Held(event.id, out.agent_id, out.mode, out.time_us, marks, out.case_id or "")

    def is_degraded(self, event: Event, time_us: int) -> bool:
        """Tell whether the telemetry of an event is degraded: it is judged, not learned."""
        attributes = event.attributes
        if attributes is not None and attributes.get("telemetry") == "degraded":
            return True
        return any(start <= time_us < end for start, end in self._config.degraded)
