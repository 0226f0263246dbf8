"""Describe the last events of live sources, for `habitus doctor` and below the tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.errors import HabitusError
from models.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from pipeline.store import PipelineStatus, is_postgresql, open_store, store_path

if TYPE_CHECKING:
    from pipeline.settings import Settings


def last_event(settings: Settings, at_us: int) -> tuple[Literal["ok", "optional"], str, str]:
    """Describe the age of the last events of live sources, with advice for a silent source."""
    if settings.clock == "event":
        return "ok", "a recording has no live source", ""
    status = _status_of(settings.store)
    if found := quiet_in_words(status, at_us, settings.stale_after_s * SECOND_US):
        todo = "check its senders; for a source that may pause: feed=batch, HABITUS_HTTP_FEED"
        return "optional", f"{found}, so answers are stale", todo
    live = [
        name
        for name, one in sorted(status.last_events.items())
        if one.kind == "live" and one.event_us is not None
    ]
    if not live:
        return "ok", "no live source had an event yet", ""
    return "ok", f"within {settings.stale_after_s} s: {', '.join(live)}", ""


def quiet_in_words(status: PipelineStatus, now_us: int, bound_us: int) -> str:
    """Describe the live sources whose last event is older than a bound; empty if there is none.

    >>> from pipeline.store import LastEvent
    >>> last = {"http": LastEvent("live", 0), "file": LastEvent("batch", 0)}
    >>> status = PipelineStatus(last_events=last)
    >>> quiet_in_words(status, 7_200_000_000, 900_000_000)
    'no event of the live source http for 2 h'
    """
    return ", ".join(
        f"no event of the live source {name} for {_span(silent_us)}"
        for name, silent_us in status.silences_us(now_us).items()
        if silent_us > bound_us
    )


def _span(us: int) -> str:
    for unit, name in ((DAY_US, "days"), (HOUR_US, "h"), (MINUTE_US, "min")):
        if us >= 2 * unit:
            return f"{us // unit} {name}"
    return f"{us // SECOND_US} s"


def _status_of(url: str) -> PipelineStatus:
    """Give the last pipeline status; another check reports faults of the store."""
    if not is_postgresql(url) and not Path(store_path(url)).exists():
        return PipelineStatus()
    try:
        with open_store(url, read_only=True) as store:
            return store.status()
    except HabitusError:
        return PipelineStatus()
