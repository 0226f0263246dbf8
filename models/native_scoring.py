"""Choice of the scorer, compiled or in Python: both give the same numbers and bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from models.baseline.profile import Profile, check_version
from models.baseline.session import OpenScores
from models.detectors.panel import Panel
from models.event import microseconds
from models.features.commands import command_programs
from models.features.containers import identifiers
from models.features.families import FAMILIES
from models.learning.shared import contribution_bytes, read_contribution
from models.plan_json import plan_json
from models.scoring import Scorer

if TYPE_CHECKING:
    from models.codec.hashing import Hasher

_TOOLS: dict[str, Any] = {
    "identifiers": identifiers, "programs": command_programs, "microseconds": microseconds,
    "encode": msgspec.json.Encoder().encode,
    "read_contribution": read_contribution, "contribution_bytes": contribution_bytes,
}  # fmt: skip
"""What the compiled scorer leaves to Python: regular expressions, times, JSON, contributions."""


def scorer_of(
    hasher: Hasher,
    native: Any | None,
    without: frozenset[str] = frozenset(),
    cases_per_day: float = 5.0,
    panel: Panel | None = None,
) -> Scorer:
    """Give the compiled scorer of the module `native`, or the reference without one.

    Parameters
    ----------
    without
        Families that are left out.
    cases_per_day
        Expected false cases a day.
    panel
        The registered detectors, which stay in Python; None for none.
    """
    panel = Panel() if panel is None else panel
    if native is None:
        return Scorer(hasher, without, cases_per_day, panel)
    tools = _TOOLS | {"hasher": hasher, "families": FAMILIES | panel.families}
    if panel.detectors:
        tools["panel"] = panel
    plan = plan_json(without, panel, cases_per_day)
    return cast("Scorer", native.Scorer(plan, hasher.key, tools))


def reference_of(scorer: Scorer, profile: Profile) -> tuple[Scorer, Profile]:
    """Give what a scorer and a profile know as Python has it, so that all of it can be read."""
    if isinstance(scorer, Scorer):
        return scorer, profile
    compiled = cast("Any", scorer)
    found = Scorer(compiled.hasher)
    found.shared.load(dict(compiled.dump(whole=True)))
    return found, Profile.load(profile.dump(), profile.agent_id, profile.mode)


def open_scores(hasher: Hasher, native: Any | None) -> OpenScores:
    """Give the scores of open sessions, compiled where `native` is."""
    if native is None:
        return OpenScores(hasher)
    return cast("OpenScores", native.OpenScores(plan_json(), hasher.key))


class Profiles:
    """Makes and reads profiles in the form that a scorer works on."""

    def __init__(self, scorer: Scorer) -> None:
        self._compiled: Any = None if isinstance(scorer, Scorer) else scorer

    def new(self, agent_id: str, mode: str) -> Profile:
        """Give the profile of an agent that nothing is known of."""
        if self._compiled is None:
            return Profile(agent_id, mode)
        return cast("Profile", self._compiled.profile(agent_id, mode))

    def read(self, raw: bytes, agent_id: str, mode: str) -> Profile:
        """Read the bytes of a profile; raise `StateError` where they cannot be read."""
        if self._compiled is None:
            return Profile.load(raw, agent_id, mode)
        check_version(raw, agent_id)
        return cast("Profile", self._compiled.read_profile(raw, agent_id, mode))

    def own(self, profile: Profile) -> Profile:
        """Give a profile of either form in the scorer's form."""
        if self._compiled is None or not isinstance(profile, Profile):
            return profile
        return self.read(profile.dump(), profile.agent_id, profile.mode)
