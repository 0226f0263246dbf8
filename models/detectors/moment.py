"""One event of a session, as the detectors see it, and how they raise its bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from models.baseline.profile import OpenDay, Profile
    from models.baseline.session import SessionScores, Subject
    from models.features.fields import Fields


class Moment(Struct):
    """One event of a session.

    Attributes
    ----------
    day
        Day of the event since 1970.
    open_day
        What the agent has done on that day. What is done now counts nowhere on a day that is over,
        and where the sender is blocked.
    state
        Special state of the agent; None for none.
    raised
        Series -> bits that this event has raised, each the most of its session so far.
    shown
        Series -> bits that the event itself shows, whether its session has shown more before.
    """

    profile: Profile
    session: SessionScores
    fields: Fields
    time_us: int
    day: int
    open_day: OpenDay
    state: str | None
    raised: dict[int, float] = field(default_factory=dict)
    shown: dict[int, float] = field(default_factory=dict)

    def raise_bits(self, series: int, bits: float, subject: Subject | None = None) -> None:
        """Show bits of a series; raise those of the session, with what they are about."""
        session = self.session
        self.show(series, bits)
        if bits > session.bits.get(series, 0.0):
            session.bits[series] = self.raised[series] = bits
            if subject is not None:
                session.subjects[series] = subject

    def show(self, series: int, bits: float) -> None:
        """Note bits that the event itself shows."""
        if bits > self.shown.get(series, 0.0):
            self.shown[series] = bits
