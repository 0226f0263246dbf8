"""An agent that has always acted for people acts by itself, or the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.units import HOUR_US
from models.watch.heard import MODES, is_settled
from models.watch.scene import finding

if TYPE_CHECKING:
    from models.result import Finding
    from models.watch.heard import Voice
    from models.watch.scene import Scene
    from models.watch.state import Watch

_FIRST_SESSIONS = 3


def note_mode(watch: Watch, voice: Voice | None, mode: str, hour: int) -> None:
    """Note, at an agent's first event in a mode, in which one it has acted alone until now.

    Parameters
    ----------
    voice
        What is known of the agent from before this event; None for one never heard.
    """
    if voice is None or not is_settled(voice, hour):
        return
    known = [name for at, name in enumerate(MODES) if voice.modes >> at & 1]
    if len(known) == 1 and known[0] not in (mode, "unknown") and mode != "unknown":
        watch.shifted = known[0]


def begun_late(first_us: int, voice: Voice | None) -> bool:
    """Tell whether an agent was long known when it first acted in a mode.

    Parameters
    ----------
    first_us
        When it did.
    voice
        What is known of the agent in all modes.

    Examples
    --------
    >>> from models.watch.heard import Voice
    >>> [begun_late(hours * HOUR_US, Voice(100, 200)) for hours in (150, 172)]
    [False, True]
    """
    return voice is not None and is_settled(voice, first_us // HOUR_US)


def shifted(scene: Scene) -> Finding | None:
    """Find an agent in the first sessions of a mode that neither it nor its peers act in."""
    facts = scene.profile.facts
    before = facts.watch.shifted
    if not before or scene.common or facts.opened > _FIRST_SESSIONS:
        return None
    mode = scene.event.mode
    why = f"The agent has acted only {before} until now and acts {mode}; no agent of its role does."
    return finding("mode.shift", "mode", mode, [(before, 1.0)], why)
