"""The loop judges by the inventory as it is now, without a restart."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.clock import clock_us
from pipeline.enrichment.inventory import Inventory
from pipeline.formats import format_named
from pipeline.processing.assembly import build_worker
from pipeline.processing.loop import Loop
from pipeline.processing.stream_types import RawRecord
from pipeline.publishing import open_sink
from pipeline.sources.live_sources import Feeds
from pipeline.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = "agent_id,allowed_tools,allowed_scopes\nclerk,mail.read; crm.*,mail\n"


def event(number: int, **more: Any) -> bytes:
    told: dict[str, Any] = {
        "id": f"e-{number}",
        "time": f"2026-01-05T08:{number // 60:02}:{number % 60:02}Z",
        "agent": {"id": "clerk"},
        "tool": "mail.read",
        "session": f"s-{number // 10}",
        "credential": {"id": "c", "scopes": ["mail"]},
        **more,
    }
    return json.dumps(told).encode()


class Stream:
    """A loop over the inbox, and the anomalies that it finds."""

    def __init__(self, loop: Loop) -> None:
        self._loop, self._number = loop, 0

    def judge(self, **more: Any) -> list[dict[str, Any]]:
        """Judge one event; give the reasons of all mismatches so far."""
        self._number += 1
        record = RawRecord(event(self._number, **more), "inbox", self._number, clock_us())
        out = self._loop._judged([record], format_named("native"))
        self._loop.worker.commit(out, {}, self._loop._status("running"))
        rows = self._loop.store.anomalies(limit=50)
        return [one for one in rows if one["anomaly"] == "identity.mismatch"]


@pytest.fixture(params=["auto", "python"])
def stream(pipeline: Any, request: pytest.FixtureRequest) -> Any:
    pipeline.inventory.write_text(DECLARED)
    settings = pipeline.settings("-", kernel=request.param, sink="none")
    with open_store(settings.store) as store:
        worker = build_worker(settings, store)
        loop = Loop(
            lambda: worker, store, open_sink("none"), feeds=Feeds({}, {}), stop=threading.Event()
        )
        yield Stream(loop)


def test_tool_outside_the_allowed_ones_is_a_finding(stream):
    for _ in range(30):
        assert stream.judge() == []
    assert stream.judge(tool="crm.write") == []
    (found,) = stream.judge(tool="vault.export")
    assert found["severity"] == "high"
    assert found["reasons"][0]["why"] == (
        "The event claims tool 'vault.export' outside the allowed tools."
    )


def test_scope_outside_the_allowed_ones_is_a_finding(stream):
    for _ in range(30):
        assert stream.judge() == []
    (found,) = stream.judge(credential={"id": "c", "scopes": ["mail", "admin"]})
    assert found["reasons"][0]["observed"] == "scope 'admin' outside the allowed scopes"


def test_changed_inventory_decides_from_the_next_event_on(
    stream, pipeline, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(30):
        stream.judge()
    later = [clock_us()]
    whole = Inventory.refresh

    def refreshed(self: Inventory, _: int) -> bool:
        later[0] += 2_000_000
        return whole(self, later[0])

    monkeypatch.setattr(Inventory, "refresh", refreshed)
    assert stream.judge() == []
    inventory: Path = pipeline.inventory
    inventory.write_text("agent_id,allowed_tools,allowed_scopes\nclerk,crm.read,mail\n")
    assert len(stream.judge()) == 1
