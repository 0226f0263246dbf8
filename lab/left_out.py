"""Leave features out of judging: the lost detection is their contribution.

Only judging changes. Baselines, counts of peers and tables are learned whole. A score is ranked
among past scores without the same features.
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

KINDS: dict[str, tuple[str, ...]] = {
    "content": PARTS,
    "category": tuple(feature.name for feature in FEATURES),
    "metric": METRICS,
    "rule": tuple(RULES),
    "session": ("together",),
}
"""The features that can be left out, by kind."""

KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}


class LeftOut:
    """A selection of all features but some: a `models.features.selection.Selection`.

    All values computed from a feature are omitted with it: the sum ``disorder`` with ``sequence``,
    ``astray`` with ``intent``, ``recurrence``, ``wandering`` and ``names`` with ``value``.

    Parameters
    ----------
    names
        Of `KINDS`; a rule by the anomaly it finds.

    Raises
    ------
    ConfigError
        There is no such feature.

    Examples
    --------
    >>> from models.config import ModelConfig
    >>> from models.peers.groups import Groups
    >>> from models.baseline.frequency_model import FrequencyModel
    >>> view = Groups(ModelConfig(), b"0123456789abcdef").view("clerk/delegated")
    >>> seen = FrequencyModel(ModelConfig()).surprise(view, {"tool": "mail.read", "hour": "08"}, {})
    >>> left = LeftOut(["hour"]).surprise(seen, [0.0] * len(FEATURES), view)
    >>> round(seen.total, 1), round(left.total, 1)
    (15.8, 12.0)
    >>> LeftOut(["hours"])
    Traceback (most recent call last):
    models.errors.ConfigError: no feature 'hours' to leave out, did you mean 'hour'?
    """

    __slots__ = ("_categories", "_metrics", "_rules", "without_parts", "without_session_sum")

    def __init__(self, names: Collection[str]) -> None:
        faults = [_unknown(name) for name in names if name not in KIND_OF]
        if faults:
            raise ConfigError("; ".join(faults))
        self.without_parts = frozenset(name for name in names if KIND_OF[name] == "content")
        self.without_session_sum = "together" in names
        self._rules = frozenset(name for name in names if KIND_OF[name] == "rule")
        self._metrics = frozenset(i for i, name in enumerate(METRICS) if name in names)
        self._categories = frozenset(i for i, f in enumerate(FEATURES) if f.name in names)

    def surprise(self, seen: Surprise, baseline: Sequence[float], view: View) -> Surprise:
        """Give the surprise of the remaining categories."""
        if not self._categories:
            return seen
        found = [one for one in seen.found if one[0] not in self._categories]
        total = maximum = order = peak = steady = rarest = 0.0
        for i, bits, *_ in found:
            if FEATURES[i].extends is not None:
                order = bits - baseline[i]
            else:
                total, maximum = total + bits, max(maximum, bits)
        for i, excess in seen.excesses:
            if i in self._categories:
                continue
            rare = view.weighted(i, excess)
            rarest = max(rarest, rare)
            if not seen.repeated >> i & 1:
                peak = max(peak, rare)
                steady = max(steady, rare if FEATURES[i].steady else 0.0)
        return Surprise(
            found, total, maximum, peak, order, steady, rarest, seen.excesses, seen.repeated
        )

    def measures(self, found: list[Measure]) -> list[Measure]:
        """Give the remaining metrics."""
        return [one for one in found if one.metric not in self._metrics]

    def findings(self, found: list[Finding]) -> list[Finding]:
        """Give the findings of the remaining rules."""
        return [one for one in found if one.anomaly not in self._rules]


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, KIND_OF, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(KIND_OF)}"
    return f"no feature {name!r} to leave out, {hint}"
