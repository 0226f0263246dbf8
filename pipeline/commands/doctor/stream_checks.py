"""Checks of source and sink, as their registered kinds describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.commands.doctor.check import Check
from pipeline.commands.doctor.store_checks import stored
from pipeline.publishing import sink_kind_of
from pipeline.sources import forms, kind_of

if TYPE_CHECKING:
    from pipeline.settings import Settings


def check_source(settings: Settings) -> Check:
    """Check that the source is there."""
    url = settings.source
    if not url:
        todo = f"set HABITUS_SOURCE for habitus run, to one of: {forms()}"
        return Check("source", "optional", "none, so only events over HTTP are judged", todo)
    return Check("source", *kind_of(url).check(url, settings.kafka_client))


def check_sink(settings: Settings) -> Check:
    """Check that results can be published."""
    url = settings.sink
    return Check("sink", *sink_kind_of(url).check(url, settings.kafka_client))


def check_position(settings: Settings) -> Check:
    """Check whether the source still holds the store's resume positions."""
    url = settings.source
    check = kind_of(url).check_positions if url else None
    if check is None:
        return Check("position", "ok", "a source of this kind keeps its records")
    positions = stored(settings.store, lambda store: store.positions())
    if not positions:
        return Check("position", "ok", "none stored")
    return Check("position", *check(url, settings.kafka_client, positions))
