"""The bundled sample: reproducible, decodable, truthful about where values came from."""

from __future__ import annotations

import gzip
import itertools
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec
import pytest

from lab.simulation.sample.bundle import files, packed
from lab.simulation.sample.truth import Incident, Novelty, Truth
from models.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    SampleOf = Callable[[int], tuple[list[Event], Truth]]

DATA = Path(__file__).parents[4] / "data"


@pytest.fixture(scope="module")
def made(sample_of: SampleOf) -> tuple[list[Event], Truth]:
    return sample_of(7)


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    return files(7)


@pytest.fixture(scope="module")
def events(made: tuple[list[Event], Truth]) -> list[Event]:
    return made[0]


@pytest.fixture(scope="module")
def truth(made: tuple[list[Event], Truth]) -> Truth:
    return made[1]


@pytest.fixture(scope="module")
def sessions(events: list[Event]) -> dict[str | None, list[Event]]:
    grouped = defaultdict(list)
    for event in events:
        if event.kind == "action":
            grouped[event.session].append(event)
    return grouped


def test_the_same_seed_gives_the_same_bytes(contents: dict[str, bytes]) -> None:
    assert files(7) == contents


def test_another_seed_gives_other_events_and_the_same_incidents(
    made: tuple[list[Event], Truth], sample_of: SampleOf
) -> None:
    events, truth = made
    other_events, other = sample_of(11)
    assert other_events != events
    assert [i.incident for i in other.incidents] == [i.incident for i in truth.incidents]
    assert all(1 <= len(i.event_ids) <= 12 for i in other.incidents)


def test_committed_files_equal_those_of_the_generator(contents: dict[str, bytes]) -> None:
    assert contents
    for name, content in contents.items():
        committed = (DATA / name).read_bytes()
        if name.endswith(".gz"):
            # Another build of zlib may pack the same content differently.
            committed, content = gzip.decompress(committed), gzip.decompress(content)
        assert committed == content, f"data/{name} is out of date: python -m lab.simulation.sample"


def test_archive_has_no_time_and_no_name() -> None:
    assert packed(b"x")[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"


def test_the_committed_events_are_small_and_as_many_as_promised(truth: Truth) -> None:
    assert (DATA / "sample_events.jsonl.gz").stat().st_size < 1 << 20
    assert 18_000 <= truth.events <= 26_000
    assert f"{truth.events:,} events" in (DATA / "README.md").read_text("utf-8")


def test_every_committed_line_decodes_as_an_event_in_order_of_time(events: list[Event]) -> None:
    decoder = msgspec.json.Decoder(Event)
    content = gzip.decompress((DATA / "sample_events.jsonl.gz").read_bytes())
    decoded = [decoder.decode(line) for line in content.splitlines()]
    assert decoded == events
    assert all(a.time <= b.time for a, b in itertools.pairwise(decoded))


def test_event_ids_are_unique_and_known_to_the_truth(events: list[Event], truth: Truth) -> None:
    ids = Counter(event.id for event in events)
    assert set(ids.values()) == {1}
    assert {i for actual in truth.incidents for i in actual.event_ids} <= set(ids)
    assert {i for actual in truth.novelties for i in actual.event_ids} <= set(ids)


def test_every_incident_and_every_novelty_of_the_contract_happens(truth: Truth) -> None:
    assert {i.incident for i in truth.incidents} == set(get_args(Incident))
    assert {n.kind for n in truth.novelties} == set(get_args(Novelty))
    bad = {i for incident in truth.incidents for i in incident.event_ids}
    assert not bad & {i for novelty in truth.novelties for i in novelty.event_ids}


def test_value_with_origin_request_is_part_of_the_request(events: list[Event]) -> None:
    assert any(event.argument_origins for event in events)
    for event in events:
        purpose = (event.purpose or "").lower()
        for found in (event.argument_origins or {}).values():
            for value, origins in found:
                assert ("request" in origins) == (value.lower() in purpose), event.id


def test_value_with_origin_result_follows_a_call_of_that_tool(
    sessions: dict[str | None, list[Event]],
) -> None:
    assert sessions
    for session in sessions.values():
        called: set[str] = set()
        for event in session:
            for found in (event.argument_origins or {}).values():
                actual = {o for _, origins in found for o in origins if o.startswith("result:")}
                assert actual <= called, event.id
            if event.outcome == "ok":
                called.add(f"result:{event.tool}")


def test_origins_name_existing_arguments(events: list[Event]) -> None:
    assert any(event.arguments for event in events)
    for event in events:
        origins = {key: found[0][0] for key, found in (event.argument_origins or {}).items()}
        assert origins == (event.arguments or {})


def test_every_payment_names_a_payee_that_somebody_named_before(events: list[Event]) -> None:
    payments = [e for e in events if e.tool == "payments.create"]
    assert len(payments) > 200
    for event in payments:
        assert event.argument_origins, event.id
        assert event.argument_origins["payee"][0][1], event.id


def test_sessions_look_like_work(sessions: dict[str | None, list[Event]]) -> None:
    sizes = sorted(len(session) for session in sessions.values())
    assert sizes[len(sizes) // 20] >= 4
    assert 6 <= sizes[len(sizes) // 2] <= 8
    assert sizes[-1] <= 14
    for session in sessions.values():
        assert len({(e.agent.id, e.purpose, e.human, e.mode, e.task) for e in session}) == 1


def test_only_scheduled_work_and_incidents_happen_at_night(
    events: list[Event], truth: Truth
) -> None:
    bad = {i for incident in truth.incidents for i in incident.event_ids}
    night = [e for e in events if e.time.hour < 6 and e.id not in bad]
    assert night
    assert {(e.mode, e.agent.role, e.human) for e in night} == {
        ("autonomous", "data-steward", None)
    }


def test_failures_are_one_to_two_percent(events: list[Event]) -> None:
    actions = [e for e in events if e.kind == "action"]
    failed = sum(e.outcome != "ok" for e in actions) / len(actions)
    assert 0.01 <= failed <= 0.02


def test_credentials_are_used_while_valid_except_in_the_incident(
    events: list[Event], truth: Truth
) -> None:
    late = [
        e.id
        for e in events
        if e.credential and e.credential.expires_at and e.time > e.credential.expires_at
    ]
    reuse = next(i for i in truth.incidents if i.incident == "credential_reuse")
    assert late == [reuse.event_ids[-1]]
    early = [
        e
        for e in events
        if e.credential and e.credential.issued_at and e.time < e.credential.issued_at
    ]
    assert not early
