from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab.simulation.fleet import ATTACKS, NOVELTIES, SimulationConfig, Truth, simulate
from lab.simulation.fleet.attacks import PLANTERS
from lab.simulation.fleet.fleet_day import other_task
from lab.simulation.fleet.personas import persona
from lab.simulation.fleet.session_generator import SessionSpec
from lab.simulation.fleet.world.roles import all_roles, world
from models.detectors.rules import RULES
from models.event import Agent, Event, microseconds
from models.features.counters import COUNTERS
from models.features.plan import FEATURES
from models.units import DAY_US
from pipeline.formats.native import Native

if TYPE_CHECKING:
    from collections.abc import Iterable

OTHER_REASONS = {"provenance", "intent", "spread", "trace", "slow_change"}


def test_every_attack_has_a_planter() -> None:
    assert tuple(sorted(PLANTERS)) == tuple(sorted(ATTACKS))


@pytest.mark.parametrize("kind", ATTACKS)
def test_every_cause_is_something_that_a_reason_can_name(kind: str) -> None:
    named = {one.name for one in (*FEATURES, *COUNTERS, *RULES)} | OTHER_REASONS
    planter = PLANTERS[kind]
    assert {planter.cause, *planter.also} <= named


@pytest.mark.parametrize("kind", ATTACKS)
def test_the_truth_of_an_attack_names_events_that_exist(simulated, kind: str) -> None:
    truths = simulated.of(kind)
    assert truths
    for truth in truths:
        events = simulated.events_of(truth)
        times = [microseconds(event.time) for event in events]
        assert times == sorted(times)
        assert len(set(truth.event_ids)) == len(truth.event_ids)
        assert (truth.first_event_id, truth.last_event_id) == (events[0].id, events[-1].id)
        assert {event.agent.id for event in events} == set(truth.agents)
        assert truth.cause
        assert truth.mode == events[0].mode
        quiet_us = simulated.config.history_days * DAY_US
        assert times[0] >= simulated.config.start_us + quiet_us


@pytest.mark.parametrize("kind", NOVELTIES)
def test_the_truth_of_a_novelty_names_ordinary_events_of_its_agent(simulated, kind: str) -> None:
    truths = simulated.of(kind)
    assert truths
    attacked = {name for t in simulated.truths if t.kind == "attack" for name in t.event_ids}
    for truth in truths:
        assert truth.kind == "benign"
        assert truth.agents == [truth.agent_id]
        assert all(event.agent.id == truth.agent_id for event in simulated.events_of(truth))
        assert not attacked & set(truth.event_ids)


def test_drifted_goal_uses_a_tool_that_the_task_never_uses() -> None:
    agent, one = Agent(id="a"), persona(7, 0)
    roles = all_roles().values()
    assert all(role.tasks for role in roles)
    assert roles
    for role in roles:
        someone = msgspec.structs.replace(one, world=world(role.name, 0))
        for task in {task.name: task for task in role.tasks}.values():
            spec = SessionSpec(persona=someone, agent=agent, day=0, number=1, start_us=0, task=task)
            own = {call.tool.name for call in task.calls}
            for draw in (0.0, 0.5, 0.99):
                other = other_task(spec, draw)
                assert other.mode == task.mode
                surely = {
                    call.tool.name
                    for call in other.calls
                    if not call.optional and call.tool.release <= spec.released
                }
                assert surely - own, (role.name, task.name, other.name)


def test_injected_receiver_has_the_form_of_other_receivers() -> None:
    config = SimulationConfig(
        agents=250, days=8, activity=0.1, attacked=1, attacks=("injection",), novelties=(),
        quiet_days=1,
    )  # fmt: skip
    truths: list[Truth] = []
    events = [msgspec.json.decode(line, type=Event) for line in simulate(config, truths.append)]
    planted = {name for truth in truths for name in truth.event_ids}
    usual, unknown_labels = Counter[tuple[str, bool]](), set[tuple[str, bool]]()
    for event in events:
        for key, value in list((event.arguments or {}).items())[:1]:
            place = f"{event.tool} {key}", "@" in str(value)
            if event.id in planted:
                unknown_labels.add(place)
            else:
                usual[place] += 1
    assert {"bookings.create employee_mail", "payments.create payee"} <= {
        name for name, _ in unknown_labels
    }
    assert unknown_labels <= set(usual)


def test_every_attack_can_be_planted_in_every_role() -> None:
    config = SimulationConfig(
        agents=420, days=25, activity=0.05, attacked=1, novelties_per_week=2, quiet_days=1
    )
    truths: list[Truth] = []
    names = {msgspec.json.decode(line, type=Event).id for line in simulate(config, truths.append)}
    assert {truth.type for truth in truths} == {*ATTACKS, *NOVELTIES}
    assert len({truth.agent_id.rpartition("-")[0] for truth in truths}) == 11  # and helpers
    for truth in truths:
        assert names.issuperset(truth.event_ids)
        assert names.issuperset(truth.around)


def test_attacks_take_turns(simulated) -> None:
    counts = Counter(truth.type for truth in simulated.truths if truth.kind == "attack")
    assert max(counts.values()) - min(counts.values()) <= 2


def test_case_is_reported_once(simulated) -> None:
    names = [truth.id for truth in simulated.truths]
    assert len(names) == len(set(names))


def test_events_around_an_attack_are_of_its_sessions_and_harmless(simulated) -> None:
    assert any(truth.around for truth in simulated.truths)
    for truth in simulated.truths:
        around = [simulated.by_id[name] for name in truth.around]
        assert not set(truth.around) & set(truth.event_ids)
        if truth.kind == "benign":
            assert around == []
        elif truth.type not in ("cred.reuse", "goal.drift", "tool.definition_changed"):
            assert {e.session for e in around} <= {e.session for e in simulated.events_of(truth)}


def test_boiling_frog_exfiltrates_more_each_week(simulated) -> None:
    for truth in simulated.of("slow.frog"):
        days = Counter(event.time.date() for event in simulated.events_of(truth))
        uses = [days[day] for day in sorted(days)]
        assert uses == sorted(uses)
        assert uses[0] == 1
        assert uses[-1] >= 16
        assert len({event.resource.id for event in simulated.events_of(truth)}) == 1


def test_many_agents_exfiltrate_a_little_each(simulated) -> None:
    for truth in simulated.of("slow.many"):
        assert len(truth.agents) >= 6
        assert len(truth.event_ids) <= 4 * len(truth.agents)


def test_a_cascade_is_held_together_by_its_trace(simulated) -> None:
    for truth in simulated.of("cascade"):
        assert len({event.trace_id for event in simulated.events_of(truth)}) == 1
        assert len(truth.agents) == 5


def test_an_injected_value_came_out_of_a_result_and_not_from_the_request(simulated) -> None:
    for truth in simulated.of("injection"):
        for event in simulated.events_of(truth):
            assert event.operation in ("pay", "send")
            (value, origins) = next(iter(event.argument_origins.values()))[0]
            assert origins[0].startswith("result:")
            assert value not in event.purpose


def test_a_sequence_uses_only_tools_that_the_role_has(simulated) -> None:
    known: dict[str, set[str]] = {}
    for event in simulated.events:
        known.setdefault(event.agent.role or "", set()).add(event.tool)
    for truth in simulated.of("tool.sequence"):
        events = simulated.events_of(truth)
        assert {event.tool for event in events} <= known[events[0].agent.role]


@pytest.mark.parametrize(
    "kind", ["tool.sequence", "rate.burst", "auth.failure_burst", "cost.spike"]
)
def test_attacks_use_only_ordinary_resources(simulated, kind) -> None:
    wrong = {name for t in simulated.of(kind) for name in t.event_ids}
    everyday = {e.resource for e in simulated.events if e.id not in wrong and e.resource}
    for truth in simulated.of(kind):
        assert {event.resource for event in simulated.events_of(truth)} <= everyday


def test_a_silent_agent_says_nothing_while_another_speaks_for_it(simulated) -> None:
    for truth in simulated.of("telemetry.gap"):
        for event in simulated.events_of(truth):
            assert event.agent.id != truth.agent_id
            assert event.delegation[0] == truth.agent_id
            mine = [e for e in simulated.events if e.agent.id == truth.agent_id]
            assert mine
            assert all(e.kind == "deployment" or e.time.date() != event.time.date() for e in mine)


def test_attributes_describe_the_planted_case(simulated) -> None:
    actual = {
        kind: [
            event.attributes for truth in simulated.of(kind) for event in simulated.events_of(truth)
        ]
        for kind in ("approval.pattern", "peer.unverified", "tool.definition_changed")
    }
    assert all(actual.values())
    assert all(0 < one["approval_seconds"] < 2 for one in actual["approval.pattern"])
    assert all(one["peer_verified"] is False for one in actual["peer.unverified"])
    for truth in simulated.of("tool.definition_changed"):
        wrong = simulated.events_of(truth)
        before = [
            event.attributes["tool_digest"]
            for event in simulated.events
            if event.agent.id == truth.agent_id
            and event.tool == wrong[0].tool
            and event.time < wrong[0].time
            and "tool_digest" in (event.attributes or {})
        ]
        assert before
        assert wrong[0].attributes["tool_digest"] not in before


def test_a_deployment_is_announced_before_the_new_version_works(simulated) -> None:
    unknown_labels = {name for t in simulated.of("config.change") for name in t.event_ids}
    check_announced(event for event in simulated.events if event.id not in unknown_labels)


def test_silent_agent_reports_nothing_during_the_case() -> None:
    config = SimulationConfig(
        agents=100, days=30, seed=9, attacks=("telemetry.gap",), attacked=0.2, activity=0.1
    )
    truths: list[Truth] = []
    wire = Native()
    events = [wire.normalise(line) for line in simulate(config, truths.append)]
    silent = {truth.agent_id for truth in truths if truth.type == "telemetry.gap"}
    at_work = {(e.agent.id, e.time.date()) for e in events if e.kind == "action"}
    deployed = {(e.agent.id, e.time.date()) for e in events if e.kind == "deployment"}
    assert {agent for agent, _ in deployed - at_work} & silent
    check_announced(events)


def check_announced(events: Iterable[Event]) -> None:
    running: dict[str, str | None] = {}
    for event in events:
        before = running.setdefault(event.agent.id, event.agent.version)
        if event.kind == "deployment":
            running[event.agent.id] = event.agent.version
        elif event.agent.version != before:
            # A session that was under way when the version changed ends as it began.
            assert event.agent.version < before


def test_a_new_agent_is_unheard_of_before_its_first_day(simulated) -> None:
    first = {}
    for event in simulated.events:
        first.setdefault(event.agent.id, event.id)
    for truth in simulated.of("new_agent"):
        assert truth.first_event_id == first[truth.agent_id]


def test_credentials_of_everyday_work_are_short_lived_and_used_in_time(simulated) -> None:
    attacked = {name for t in simulated.truths if t.kind == "attack" for name in t.event_ids}
    for event in simulated.events:
        held = event.credential
        if held is not None and event.id not in attacked:
            assert (held.expires_at - held.issued_at).total_seconds() == 5 * 3600
    ordinary = [e for e in simulated.events if e.credential and e.id not in attacked]
    late = sum(e.time > e.credential.expires_at for e in ordinary)
    assert late == 0
