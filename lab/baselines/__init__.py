"""Alternative detectors, measured in the same harness.

A baseline is one class in its own file and one line here. It gets the same events as the product,
in the same order, without labels.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Struct

from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event

_HERE = "lab.baselines"


class Baseline(Protocol):
    """Scores events one after the other, and learns each."""

    def judge(self, block: Sequence[Event]) -> list[float]:
        """Score each event of a block before learning it; higher is more anomalous."""


@runtime_checkable
class RunBaseline(Protocol):
    """Judges whole sessions: learns those of the history, then scores later ones."""

    def fit(self, runs: Sequence[Sequence[Event]]) -> None:
        """Learn the sessions of the history."""

    def score(self, runs: Sequence[Sequence[Event]]) -> list[float]:
        """Score sessions; higher is more anomalous."""


class Offer(Struct, frozen=True):
    """An available baseline.

    Attributes
    ----------
    title
        Name in tables.
    where
        Module and class of the baseline.
    package
        Required package; None: no extra package.
    """

    title: str
    where: str
    package: str | None = None

    @property
    def available(self) -> bool:
        """Whether its package is installed."""
        return self.package is None or find_spec(self.package) is not None

    def build(self) -> Baseline | RunBaseline:
        """Make a new instance."""
        module, name = self.where.split(":")
        built: Baseline | RunBaseline = getattr(import_module(f"{_HERE}.{module}"), name)()
        return built


OFFERS: dict[str, Offer] = {
    "first_seen": Offer("first-seen flags", "first_seen:FirstSeen"),
    "zscore": Offer("z-scores of counts and volumes", "zscore:ZScores"),
    "own_history": Offer("own history, no peers", "own_history:OwnHistory"),
    "half_space": Offer("half-space trees (river)", "half_space:HalfSpace"),
    "isolation": Offer("isolation forest (scikit-learn)", "isolation:Isolation"),
    "agentnorm": Offer("agentnorm", "agentnorm_runs:AgentNorm", "agentnorm"),
    "agentomaly": Offer("agentomaly", "agentomaly_runs:Agentomaly", "spectra"),
}


def chosen(names: Sequence[str]) -> dict[str, Offer]:
    """Give baselines by name; ``all`` are the installed ones.

    Raises
    ------
    ConfigError
        A name is unknown, or its package is not installed.

    Examples
    --------
    >>> list(chosen(["zscore", "first_seen"]))
    ['zscore', 'first_seen']
    """
    if "all" in names:
        return {name: offer for name, offer in OFFERS.items() if offer.available}
    for name in names:
        if name not in OFFERS:
            raise ConfigError(f"no baseline {name!r}, expected all or some of {', '.join(OFFERS)}")
        if not OFFERS[name].available:
            raise ConfigError(
                f"baseline {name!r} needs the package {OFFERS[name].package!r}, which is not "
                "installed (the extra compare: pip install 'habitus[compare]')"
            )
    return {name: OFFERS[name] for name in names}
