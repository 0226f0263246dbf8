"""Judge by some features only, to measure what each of them contributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.baseline.frequency_model import Surprise
    from models.peers.groups import View
    from models.result import Finding
    from models.watch.measure import Measure


class Selection(Protocol):
    """The features that an engine judges by. An engine without a selection judges by all.

    Learning does not depend on it. An engine with a selection judges every event in Python.

    Attributes
    ----------
    without_parts
        Parts of the content score to leave out, of `models.provenance.knowledge.PARTS`.
    without_session_sum
        Whether to leave out the sum over a session (`models.together`).
    """

    without_parts: frozenset[str]
    without_session_sum: bool

    def surprise(self, seen: Surprise, typical_bits: Sequence[float], view: View) -> Surprise:
        """Give the surprise of the selected categories.

        Parameters
        ----------
        typical_bits
            Typical bits of each feature of the agent.
        """

    def measures(self, found: list[Measure]) -> list[Measure]:
        """Give the selected metrics."""

    def findings(self, found: list[Finding]) -> list[Finding]:
        """Give the findings of the selected rules."""
