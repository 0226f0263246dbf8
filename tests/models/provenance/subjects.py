"""What the score of a call is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.explain.content import subject_of, values_at

if TYPE_CHECKING:
    from models.event import Event
    from models.explain.content import Subject
    from models.provenance.call_scoring import CallScore


def subject_for(content: CallScore, event: Event) -> Subject | None:
    """Give the subject of a call as the engine does."""
    return subject_of(content, event.tool, values_at(content, event))
