"""The benchmark of formats: all streams of a fleet give the same calls, and all are measured."""

from __future__ import annotations

import json

import pytest

from benchmarks.formats.__main__ import findings_of, measure_stream, streams_of
from benchmarks.formats.judged import parser_of
from benchmarks.formats.pages import PAGES, measure
from benchmarks.formats.pages import findings_of as findings_of_pages
from benchmarks.formats.records import STREAMS
from benchmarks.formats.sessions import sessions_of
from benchmarks.measuring.meter import Job, Result, Span

AGENTS, EVENTS = 5, 300


@pytest.mark.parametrize("name", STREAMS)
def test_each_call_of_a_fleet_is_one_event_with_its_arguments(name: str) -> None:
    sessions = sessions_of(AGENTS, EVENTS)
    given, native = streams_of(name, sessions)
    events = [json.loads(value) for value, _, _ in native.records]
    assert given.events == native.events == EVENTS
    calls = {call.id: call for session in sessions for call in session.calls}
    assert {event["attributes"]["call_id"] for event in events} == calls.keys()
    for event in events:
        call = calls[event["attributes"]["call_id"]]
        assert event["tool"] == call.tool
        assert event.get("arguments", {}) == call.arguments
        if name != "litellm":  # a message of a tool has no outcome
            assert (event["outcome"] == "ok") is (call.outcome == "ok")


@pytest.mark.parametrize("name", [name for name in STREAMS if name != "otlp-logs"])
def test_values_out_of_results_have_their_origin(name: str) -> None:
    _, native = streams_of(name, sessions_of(AGENTS, EVENTS))
    origins = [
        origin
        for value, _, _ in native.records
        for pairs in json.loads(value).get("argument_origins", {}).values()
        for _, found in pairs
        for origin in found
    ]
    assert sum(one.startswith("result:") for one in origins) > EVENTS / 10


@pytest.mark.slow
def test_stream_is_measured_beside_its_native_twin(tmp_path) -> None:
    job = Job(folder="", agents=AGENTS, cold=0, warm=100, events=200)
    found = measure_stream("claude-code", sessions_of(AGENTS, EVENTS), tmp_path, job)
    assert found.keys() == {"native", "own", "assembled", "bare"}
    assert all(0 < one.warm.events <= EVENTS and one.warm.cpu_s > 0 for one in found.values())


def test_share_below_the_goal_is_missed() -> None:
    def result(rate: int) -> Result:
        span = Span(rate, 1.0, 1.0)
        return Result(name="x", warm=span, cold=None, peak_bytes=0, resident_bytes=0)

    measured = {"otlp": {"own": result(590), "native": result(1_000), "assembled": result(2_000),
                         "bare": result(9_000)}}  # fmt: skip
    findings = findings_of(measured, AGENTS)
    assert findings.tables[0].rows[0][5:] == ["0.59", "694.9"]
    assert findings.missed()


def test_bare_decoder_parses_what_the_format_reads() -> None:
    spans = streams_of("otlp-proto-traces", sessions_of(AGENTS, 20))[0].records[0][0]
    assert len(parser_of("otlp-proto-traces")(spans).resource_spans) > 0
    assert parser_of("litellm")(b'[{"id":"r"}]') == [{"id": "r"}]


def test_every_page_is_measured() -> None:
    measured = {page.stem: measure(page, 0.0001) for page in PAGES.glob("*.md")}
    assert all(one.events > 0 and one.own > 0 and one.bare > 0 for one in measured.values())
    assert len(findings_of_pages(measured).tables[0].rows) == len(measured) > 20
