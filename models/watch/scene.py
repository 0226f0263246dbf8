"""An event with what the rules need to know of its surroundings, and what a rule says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.result import Finding, Reason

if TYPE_CHECKING:
    from models.baseline.identity import Mismatch
    from models.baseline.profile import Profile
    from models.codec.hashing import Hasher
    from models.config import ModelConfig
    from models.event import Event, Origin
    from models.features.feature_slots import FeatureSlot
    from models.watch.heard import Heard

RULE_BITS = 24.0


class Scene(Struct):
    """An event with what the rules need to know of its surroundings.

    Attributes
    ----------
    registered
        Whether the inventory names the agent; None where none is loaded.
    claims
        What an agent outside the inventory says of its role, owner and team.
    refused
        What the event claims of its agent and does not count.
    hasher
        Gives keyed marks of names.
    heard
        When each agent of the stream was last heard; None where nobody listens.
    common
        Whether peers act in the event's mode.
    announces
        Whether deployments are announced in this stream.
    conflict
        Whether the event's id is known of this agent, with other content.
    """

    event: Event
    origin: Origin
    profile: Profile
    time_us: int
    registered: bool | None
    claims: dict[str, str]
    refused: list[Mismatch]
    categories: dict[str, str]
    slots: dict[str, FeatureSlot]
    config: ModelConfig
    hasher: Hasher
    heard: Heard | None = None
    common: bool = True
    announces: bool = False
    conflict: bool = False


def finding(
    anomaly: str,
    feature: str,
    observed: str,
    expected: list[tuple[str, float]],
    why: str,
    path: list[tuple[str, float]] | None = None,
    *,
    bits: float = RULE_BITS,
    severity: str | None = None,
    way: str = "",
) -> Finding:
    """Give what a rule found; a low severity is told, and no alert."""
    reason = Reason(feature, RULE_BITS, observed, expected, why, path or [])
    return Finding(anomaly, bits, reason, severity, way)
