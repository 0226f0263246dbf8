"""In every format: who acts, for whom, and in which mode; nobody is pooled with somebody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import MalformedEvent
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_events import native_line
from pipeline.formats import FORMATS, PartFormat
from tests.pipeline.formats.page_examples import PAGES, example_of, part_format
from tests.pipeline.formats.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable

ARRIVED_US = 1_791_187_200_000_000
_DOCUMENTED = {page.stem: example_of(page.stem)[0] for page in sorted(PAGES.glob("*.md"))}
RECORDS = [
    *((name, "page", records) for name, records in _DOCUMENTED.items()),
    *((name, "sample", records) for name, records in sorted(SAMPLES.items())),
]
given = pytest.mark.parametrize(
    ("name", "records"),
    [pytest.param(name, records, id=f"{name}-{kind}") for name, kind, records in RECORDS],
)


def events_of(name: str, records: Iterable[bytes], reporter: str = "") -> list[dict[str, Any]]:
    wire, assembler = part_format(name), Assembler(7)
    lines: list[bytes] = []
    for record in records:
        parts = wire.decode(record)
        lines += assembler.take(
            parts, ordered=wire.ordered, arrived_us=ARRIVED_US, reporter=reporter
        )
    return [json.loads(line) for line in lines + assembler.due(whole=True)]


def agents_of(events: Iterable[dict[str, Any]]) -> set[str]:
    return {one["agent"]["id"] for one in events}


def unheld(events: Iterable[dict[str, Any]]) -> set[str]:
    """Give the agents that are not named by the credential of their event."""
    return agents_of(
        one
        for one in events
        if (one.get("credential") or {"id": "-"})["id"][-16:] not in one["agent"]["id"]
    )


def without(record: bytes, names: set[str]) -> bytes:
    """Leave names out of the texts and numbers of a record, JSON or not."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cleaned(one) for key, one in value.items()}
        if isinstance(value, list):
            return [cleaned(one) for one in value]
        if isinstance(value, str):
            for name in sorted(names, key=len, reverse=True):
                value = value.replace(name, "")
            return value
        return None if str(value) in names else value

    try:
        return json.dumps(cleaned(json.loads(record))).encode()
    except ValueError:
        return str(cleaned(record.decode())).encode()


def names_in(agents: set[str]) -> set[str]:
    """Give the ids of agents, and the words at their end from which a format makes them."""
    ends = {agent.rsplit(mark, 1)[-1] for agent in agents for mark in "/-"}
    return agents | {end for end in ends if len(end) > 5}


def test_every_format_of_parts_has_records_here():
    shown = {name for name, _, _ in RECORDS}
    assert {name for name, wire in FORMATS.items() if isinstance(wire, PartFormat)} <= (
        shown | {"otlp-proto-logs", "otlp-proto-traces"}  # the same reader as otlp
    )


@given
def test_human_is_never_an_agent(name, records):
    events = events_of(name, records)
    assert events
    humans = {one["human"]["id"] for one in events if one.get("human")}
    assert not humans & agents_of(events)
    assert not any(
        one["human"]["id"] in one.get("delegation", ()) for one in events if one.get("human")
    )


@given
def test_mode_is_that_of_the_evidence(name, records):
    for one in events_of(name, records):
        mode, human = one.get("mode", "unknown"), one.get("human")
        if human:
            assert mode == "delegated"
        else:
            assert mode in ("autonomous", "unknown") or one.get("delegation"), mode


@given
def test_agent_that_a_record_does_not_name_is_one_for_each_credential(name, records):
    """What two reporters have in common is named in the records, or goes away with the name."""
    left, common = list(records), {""}
    for _ in range(12):
        try:
            common = unheld(events_of(name, left, "laptop-1"))
            common &= unheld(events_of(name, left, "laptop-2"))
        except MalformedEvent:
            return  # a record that names nobody may be refused
        if not common:
            return
        before, left = left, [without(one, names_in(common)) for one in left]
        assert left != before, f"{common} comes from the format, whoever reports"
    pytest.fail(f"{common} stays")


@given
def test_human_with_the_name_of_the_agent_is_left_out(name, records):
    """A token that the agent has for itself names it twice."""
    events = events_of(name, records)
    humans = {one["human"]["id"] for one in events if one.get("human")}
    for human in humans:
        for agent in agents_of(events):
            swapped = [one.replace(human.encode(), agent.encode()) for one in records]
            for one in events_of(name, swapped):
                assert not one.get("human") or one["human"]["id"] != one["agent"]["id"]
                assert one.get("mode") != "delegated" or one.get("human") or one.get("delegation")


def test_agent_without_a_name_is_one_for_each_credential_of_its_events():
    def made(key: str, reporter: str) -> str:
        event = {"tool": "t", "credential": {"id": key}} if key else {"tool": "t"}
        agent: str = json.loads(native_line(event, "c-1", 1, reporter))["agent"]["id"]
        return agent

    holders = [("sha256:" + "a" * 64, ""), ("sha256:" + "b" * 64, ""), ("", "laptop-1")]
    assert len({made(*holder) for holder in holders}) == len(holders)
    key = "sha256:" + "a" * 64
    assert made(key, "gateway-1") == made(key, "gateway-2")
