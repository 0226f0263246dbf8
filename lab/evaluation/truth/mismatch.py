"""Refuse a recording and a truth file that do not match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.evaluation.truth.event_order import EventOrder
from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.evaluation.judged import Judgement
    from lab.evaluation.truth.known import Truth


def refuse_mismatch(
    judged: Sequence[Judgement],
    known: Truth,
    truth: str,
    *,
    history_days: int,
    rejected: Mapping[str, int],
) -> None:
    """Refuse a recording and a truth file that do not match.

    Raises
    ------
    ConfigError
        Nothing was judged, nothing judged is in the truth file, or the recording is out of order.
    """
    past = f"the first {history_days} days, which are its history (--history-days)"
    if not judged:
        counted = ", ".join(f"{number} {reason}" for reason, number in sorted(rejected.items()))
        raise ConfigError(
            "nothing was judged"
            + (f": what could be read of the recording lies in {past}" if history_days else "")
            + (f"; rejected for (--format): {counted}" if rejected else "")
        )
    if known.planted and all(known.of(one).case is None for one in judged):
        raise ConfigError(
            f"none of the {len(known.planted)} cases of {truth} has an event that was judged: they "
            f"are of another recording, or lie in {past}"
        )
    order = EventOrder()
    for one in judged:
        order.note(one.time_us)
    order.refuse()
