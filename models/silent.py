"""Judge as if some features were not there: what is lost then is what they are worth.

Only what is said of an event changes. Habits, votes and tables are learned whole; what a score is
ranked among are scores without the same features.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from models.baseline.frequency_model import Surprise
from models.errors import ConfigError
from models.features.extraction import FEATURES, METRICS
from models.provenance.knowledge import PARTS
from models.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from models.peers.groups import View
    from models.result import Finding
    from models.watch.measure import Measure

SILENCED: dict[str, tuple[str, ...]] = {
    "content": PARTS,
    "category": tuple(feature.name for feature in FEATURES),
    "metric": METRICS,
    "rule": tuple(RULES),
    "session": ("together",),
}
"""What can be silenced, by kind."""

KIND_OF = {name: kind for kind, names in SILENCED.items() for name in names}


class Silent:
    """The features that are not looked at.

    What is made of a feature goes with it: the sum ``disorder`` without ``sequence``, ``astray``
    without ``intent``, ``recurrence``, ``wandering`` and ``names`` without ``value``.

    Parameters
    ----------
    names
        Of `SILENCED`; a rule by the anomaly it finds.

    Attributes
    ----------
    content
        Those among `models.provenance.knowledge.PARTS`, for the content detector to leave out.
        What is looked at of a session (`models.together`) the assessor leaves out.

    Raises
    ------
    ConfigError
        There is no such feature.

    Examples
    --------
    >>> from models.config import ModelConfig
    >>> from models.peers.groups import Groups
    >>> from models.baseline.frequency_model import Habits
    >>> view = Groups(ModelConfig(), b"0123456789abcdef").view("clerk/delegated")
    >>> seen = Habits(ModelConfig()).surprise(view, {"tool": "mail.read", "hour": "08"}, {})
    >>> looked_at = Silent(["hour"]).surprise(seen, [0.0] * len(FEATURES), view)
    >>> round(seen.total, 1), round(looked_at.total, 1)
    (15.8, 12.0)
    >>> Silent(["hours"])
    Traceback (most recent call last):
    models.errors.ConfigError: no feature 'hours' to leave out, did you mean 'hour'?
    """

    __slots__ = ("_categories", "_metrics", "_rules", "content")

    def __init__(self, names: Collection[str]) -> None:
        faults = [_unknown(name) for name in names if name not in KIND_OF]
        if faults:
            raise ConfigError("; ".join(faults))
        self.content = frozenset(name for name in names if KIND_OF[name] == "content")
        self._rules = frozenset(name for name in names if KIND_OF[name] == "rule")
        self._metrics = frozenset(i for i, name in enumerate(METRICS) if name in names)
        self._categories = frozenset(i for i, f in enumerate(FEATURES) if f.name in names)

    def surprise(self, seen: Surprise, usual: Sequence[float], view: View) -> Surprise:
        """Give what is left of the categories of an act.

        Parameters
        ----------
        usual
            Mean bits of each feature: what is ordinary for the agent.
        """
        if not self._categories:
            return seen
        found = [one for one in seen.found if one[0] not in self._categories]
        total = most = order = peak = steady = rarest = 0.0
        for i, bits, *_ in found:
            if FEATURES[i].under is not None:
                order = bits - usual[i]
            else:
                total, most = total + bits, max(most, bits)
        for i, excess in seen.far:
            if i in self._categories:
                continue
            rare = view.weighted(i, excess)
            rarest = max(rarest, rare)
            if not seen.again >> i & 1:
                peak = max(peak, rare)
                steady = max(steady, rare if FEATURES[i].steady else 0.0)
        return Surprise(found, total, most, peak, order, steady, rarest, seen.far, seen.again)

    def measures(self, found: list[Measure]) -> list[Measure]:
        """Give what is left of the metrics of an act."""
        return [one for one in found if one.metric not in self._metrics]

    def findings(self, found: list[Finding]) -> list[Finding]:
        """Give what is left of what the rules found."""
        return [one for one in found if one.anomaly not in self._rules]


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, KIND_OF, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(KIND_OF)}"
    return f"no feature {name!r} to leave out, {hint}"
