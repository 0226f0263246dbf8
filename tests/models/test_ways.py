"""What an agent, or its group, is known to do is no news of a rule."""

from __future__ import annotations

import pytest

from models.event import Network, Origin
from tests.models.places import ABROAD, FAR, HOME, KEY, MINUTES_OF_DAY, NEAR, TOR


def _to_and_fro(stream, an_event, day, network, origin):
    """Use one credential at home and then elsewhere; give what is said of the latter."""
    at = day * MINUTES_OF_DAY
    for later, where, told in ((0, NEAR, HOME), (5, network, origin)):
        said = stream.judge(an_event(at=at + later, credential=KEY, network=where), told)
    return said.anomaly


@pytest.mark.parametrize(("days", "said"), [(2, "cred.reuse"), (3, None)])
def test_an_agent_with_two_ways_out_for_days_of_a_past_that_is_vouched_for_may_use_both(
    a_stream, an_event, days, said
):
    stream = a_stream(learning_sessions=1)
    stream.engine.trusted_history = True
    for day in range(days):
        _to_and_fro(stream, an_event, day, FAR, ABROAD)
    stream.engine.trusted_history = False
    assert _to_and_fro(stream, an_event, days, FAR, ABROAD) == said
    third = Network(source_ip="203.0.113.9")
    assert _to_and_fro(stream, an_event, days, third, TOR) == "cred.reuse"


@pytest.mark.parametrize(("days", "said"), [(2, "peer.unverified"), (3, None)])
def test_a_peer_that_never_proved_who_it_is_for_days_of_such_a_past_need_not(
    a_stream, an_event, days, said
):
    stream = a_stream(learning_sessions=1)
    known, other = (Network(destination=f"{name}.example.com") for name in ("rates", "other"))

    def told(day, network):
        at, unproven = day * MINUTES_OF_DAY, {"peer_verified": False}
        return stream.judge(an_event(at=at, network=network, attributes=unproven), HOME).anomaly

    stream.engine.trusted_history = True
    for day in range(days):
        told(day, known)
    stream.engine.trusted_history = False
    assert told(days, known) == said
    assert told(days + 1, other) == "peer.unverified"


def test_what_alerts_day_by_day_becomes_no_usual_way(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    stream.judge(an_event(session="s-0"))
    said = [_to_and_fro(stream, an_event, day, FAR, ABROAD) for day in range(1, 9)]
    assert said == ["cred.reuse"] * 8


def test_a_definition_that_was_there_before_is_no_news(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    stream.judge(an_event(attributes={"tool_digest": "old"}, session="s-0"))
    said = [
        stream.judge(an_event(at=at, attributes={"tool_digest": digest})).anomaly
        for at, digest in enumerate(("old", "new", "old", "new", "newer"), 1)
    ]
    assert said == [None, "tool.definition_changed", None, None, "tool.definition_changed"]


def test_a_new_version_excuses_another_definition_where_its_deployment_names_the_tool(
    a_stream, an_event
):
    stream = a_stream(learning_sessions=1)
    stream.judge(an_event(session="s-0"))

    def told(at, tool, digest):
        return stream.judge(an_event(at=at, tool=tool, attributes={"tool_digest": digest})).anomaly

    for at, tool in enumerate(("mail.read", "mail.send")):
        told(at, tool, "old")
    named = {"adds_tool": "mail.send"}
    rollout = {"kind": "deployment", "version": "2", "attributes": named}
    stream.judge(an_event(at=3, tool="deploy.rollout", **rollout))
    assert stream.agent_state("billing-7").profile.state() == "relearning"
    assert told(4, "mail.send", "new") is None
    assert told(5, "mail.send", "old") is None  # elsewhere the version before goes on
    assert told(6, "mail.send", "newer") == "tool.definition_changed"
    assert told(7, "mail.read", "new") == "tool.definition_changed"


def test_a_tool_that_is_renewed_for_all_is_news_of_two_agents_of_a_group(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    agents = [f"clerk-{number}" for number in range(6)]
    for agent in agents:
        for session in ("s-0", "s-1"):
            stream.judge(an_event(agent, attributes={"tool_digest": "old"}, session=session))
    said = [
        stream.judge(an_event(agent, 60 * at, attributes={"tool_digest": "new"})).anomaly
        for at, agent in enumerate(agents, 1)
    ]
    assert said == ["tool.definition_changed"] * 2 + [None] * 4
    other = an_event(agents[0], 500, attributes={"tool_digest": "newer"})
    assert stream.judge(other).anomaly == "tool.definition_changed"


def test_definitions_of_many_tools_are_remembered_and_bounded(a_stream, an_event):
    stream = a_stream(learning_sessions=1)

    def told(number, digest):
        tool, attributes = f"t.{number}", {"tool_digest": digest}
        return stream.judge(an_event(at=number, tool=tool, attributes=attributes)).anomaly

    for number in range(200):
        told(number, "old")
    stream.judge(an_event(at=300, session="s-0"))
    assert told(0, "new") == "tool.definition_changed"
    for number in range(900):
        told(number, "newest")
    assert len(stream.agent_state("billing-7").profile.facts.watch.definitions) <= 512


def test_moves_are_bounded_with_the_values_that_wait(a_stream, an_event):
    stream = a_stream(learning_sessions=1, held_limit=10)
    stream.engine.trusted_history = True
    for number in range(30):
        place = Origin("direct", 64_600 + number, "SE", "list@1")
        _to_and_fro(stream, an_event, number, FAR, place)
    assert len(stream.agent_state("billing-7").profile.facts.waiting) <= 10
