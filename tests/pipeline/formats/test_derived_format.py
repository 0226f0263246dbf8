"""A format that derives from the native one is read by its own reader."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.formats import FORMATS, Native, event_of, native_reader, read_event
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.store import open_store

if TYPE_CHECKING:
    from models.event import Event

ARRIVED_US = 1_798_761_600_000_000  # 2027-01-01


class Wrapped(Native):
    """Native events in an envelope."""

    def normalise(self, value: bytes) -> Event:
        return super().normalise(json.dumps(json.loads(value)["event"]).encode())


class Renamed(Native):
    """Native events; the class says so."""

    native_records = True


def a_record(number: int, **envelope: int) -> RawRecord:
    event = {
        "id": f"e-{number}", "time": "2026-01-05T08:00:00Z", "agent": {"id": "clerk-1"},
        "tool": "mail.send", "unheard": 1,
    }  # fmt: skip
    value = {"event": event} | envelope if envelope else event
    return RawRecord(json.dumps(value).encode(), "stdin", number, ARRIVED_US)


def test_derived_format_reads_its_own_records() -> None:
    assert native_reader(Wrapped()) is None
    assert event_of(a_record(1, sent=1), Wrapped()).id == "e-1"


def test_class_that_says_so_is_read_as_native() -> None:
    assert native_reader(FORMATS["native"]) is FORMATS["native"]
    assert native_reader(FORMATS["agentlog"]) is None
    assert read_event(a_record(1), Renamed())[1] == ("unheard",)


@pytest.mark.parametrize("kernel", ["auto", "python"])
def test_worker_judges_derived_format_and_native_events_over_http(
    monkeypatch: pytest.MonkeyPatch, pipeline, kernel: str
) -> None:
    monkeypatch.setitem(FORMATS, "wrapped", Wrapped())
    settings = pipeline.settings("-", inventory=None, clock="wall", format="wrapped", kernel=kernel)
    with open_store(settings.store) as store:
        worker = build_worker(settings, store)
        assert worker.wire is FORMATS["wrapped"]
        # The envelope differs, the event does not: the second record is a duplicate.
        out = worker.judge([a_record(1, sent=1), a_record(1, sent=2), a_record(2, sent=3)])
        assert out.counters == {"events": 2, "rejected_duplicate_id": 1}
        assert worker.judge([a_record(3)], FORMATS["native"]).counters["events"] == 1
