"""The newest events of live sources, in words: for `habitus doctor` and under the tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.errors import HabitusError
from models.units import DAY_US, SECOND_US
from pipeline.store import PipelineStatus, is_postgresql, open_store, store_path

if TYPE_CHECKING:
    from pipeline.settings import Settings


def last_event(settings: Settings, at_us: int) -> tuple[Literal["ok", "optional"], str, str]:
    """Say how old the newest events of live sources are, and what to do where one is quiet."""
    if settings.clock == "event":
        return "ok", "of a recording nothing is expected", ""
    status = _status_of(settings.store)
    if found := quiet_in_words(status, at_us, settings.stale_after_s * SECOND_US):
        todo = "look whether its senders run; where it may rest: feed=batch, HABITUS_HTTP_FEED"
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
    """Say which live sources had their last event longer ago than a bound; nothing where none.

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
    for unit, name in ((DAY_US, "days"), (3600 * SECOND_US, "h"), (60 * SECOND_US, "min")):
        if us >= 2 * unit:
            return f"{us // unit} {name}"
    return f"{us // SECOND_US} s"


def _status_of(url: str) -> PipelineStatus:
    """Give what the pipeline last said; what is wrong with the store is told elsewhere."""
    if not is_postgresql(url) and not Path(store_path(url)).exists():
        return PipelineStatus()
    try:
        with open_store(url, read_only=True) as store:
            return store.status()
    except HabitusError:
        return PipelineStatus()
