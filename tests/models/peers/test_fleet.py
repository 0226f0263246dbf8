"""Votes of groups and the fleet: one each, left out to the last bit, published as versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baseline.counts import HORIZON_DAYS, UNIT
from models.config import ModelConfig
from models.peers.counts import MAX_NAMES, MAX_VALUES, Ballot, PeerCounts
from models.peers.fleet import FLEET, MAX_PENDING, Fleet, GroupView
from models.peers.group import AFTER, parent_group
from models.peers.groups import Groups
from models.ranked import WINDOWS
from models.units import DAY_US

TODAY = 160
UNIFORM = 1 / 4096
cast = st.tuples(st.integers(0, 6), st.integers(0, TODAY))
NAMES = ("clerk/delegated", "auditor/delegated")


def a_node(votes: list[tuple[int, int]] = (), day: int = TODAY) -> PeerCounts:
    node = PeerCounts(Ballot(), 30.0)
    node.roll(day)
    for value, when in votes:
        node.move(value, f"value-{value}", None, when)
    return node


def voted(peers: Fleet, *votes: tuple[str, int]) -> Fleet:
    for name, value in votes:
        peers.groups.vote(name, 0, value, f"value-{value}", -1, 0)
    peers.publish()
    return peers


def test_tool_order_is_counted_by_role_and_not_in_the_fleet():
    peers = Fleet(ModelConfig())
    for name, value in (("clerk/delegated", 1), ("clerk/delegated", 1), ("auditor/delegated", 2)):
        peers.groups.vote(name, AFTER | 5, value, f"value-{value}", -1, 0)
    peers.publish()
    clerk, auditor = (peers.groups.view(name) for name in NAMES)
    assert clerk.after(5, 1, 0.1) > 0.4 > 0.1 > clerk.after(5, 2, 0.1)
    assert auditor.after(5, 2, 0.1) > 0.1 > auditor.after(5, 1, 0.1)
    assert clerk.after(6, 1, 0.1) == 0.1
    assert peers.groups.view(FLEET).after(5, 1, 0.1) == 0.1
    other = Groups(ModelConfig(), b"0123456789abcdef")
    other.load_group(NAMES[0], peers.groups.dump_group(NAMES[0]))
    assert other.view(NAMES[0]).after(5, 1, 0.1) == clerk.after(5, 1, 0.1)


def test_contexts_of_a_group_are_bounded_and_expire():
    peers = Fleet(ModelConfig())
    for context_node in range(600):
        peers.groups.vote("clerk/delegated", AFTER | context_node, 1, "value", -1, 0)
    peers.publish()
    view = peers.groups.view("clerk/delegated")
    assert sum(view.after(context_node, 1, 0.1) > 0.1 for context_node in range(600)) == 512
    peers.groups.roll(HORIZON_DAYS + 1)
    assert all(view.after(context_node, 1, 0.1) == 0.1 for context_node in range(600))


@given(votes=st.lists(cast, max_size=40))
def test_updated_sums_equal_recomputed_sums_of_votes(votes):
    kept = a_node(votes)
    anew = PeerCounts(kept.ballot, 30.0)
    anew.roll(TODAY)
    for value in range(7):
        assert kept.probability(value, None, 0.1) == anew.probability(value, None, 0.1)


@given(votes=st.lists(cast, min_size=1, max_size=30), seed=st.randoms(use_true_random=False))
def test_the_order_of_votes_is_irrelevant(votes, seed):
    shuffled = list(votes)
    seed.shuffle(shuffled)
    one, other = a_node(votes), a_node(shuffled)
    for value in range(7):
        assert one.probability(value, None, 0.1) == other.probability(value, None, 0.1)


@given(
    others=st.lists(cast, max_size=20),
    value=st.integers(0, 6),
    days=st.lists(st.integers(0, TODAY), min_size=1, max_size=5),
)
def test_a_renewed_vote_counts_once_and_as_of_its_last_day(others, value, days):
    days = sorted(days)
    renewed = a_node(others)
    before = None
    for day in days:
        renewed.move(value, "", before, day)
        before = day
    once = a_node([*others, (value, days[-1])])
    assert renewed.ballot.votes == once.ballot.votes
    assert renewed.probability(value, None, 0.1) == once.probability(value, None, 0.1)


@given(others=st.lists(cast, max_size=20), own=cast, later=st.integers(0, 200))
def test_vote_left_out_leaves_no_trace_on_later_days(others, own, later):
    with_own, without = a_node([*others, own]), a_node(others)
    for node in (with_own, without):
        node.roll(TODAY + later)
    value, day = own
    assert with_own.probability(value, day, 0.01) == without.probability(value, None, 0.01)


def test_weight_of_a_vote_halves_and_ends_at_the_horizon():
    node = a_node([(1, 0)], day=0)
    assert node.weight(0) == UNIT
    node.roll(30)
    assert node.weight(0) == UNIT // 2
    node.roll(HORIZON_DAYS + 1)
    assert node.weight(0) == 0
    assert node.ballot.votes == {}
    assert node.ballot.names == {}
    assert node.probability(1, None, 0.25) == 0.25


def test_votes_are_bounded_and_the_rarest_are_evicted_first():
    node = a_node([(value, 0) for value in range(MAX_VALUES + 100)], day=0)
    for _ in range(3):
        node.move(MAX_VALUES + 99, "common", None, 1)
    node.roll(1)
    assert len(node.ballot.votes) == MAX_VALUES
    assert MAX_VALUES + 99 in node.ballot.votes
    assert len(node.ballot.names) <= MAX_NAMES


def test_contribution_is_used_from_the_next_snapshot():
    peers = Fleet(ModelConfig())
    view = GroupView(peers, NAMES[0])
    peers.groups.vote(NAMES[0], 0, 7, "seven", -1, 0)
    assert peers.head.version == 0
    assert view.probability(0, 7, -1, UNIFORM) == UNIFORM
    peers.publish()
    assert peers.head.version == 1
    assert view.probability(0, 7, -1, UNIFORM) > 100 * UNIFORM


def test_watermark_publishes_a_snapshot_and_late_events_do_not():
    peers = Fleet(ModelConfig(snapshot_minutes=5))
    minute = 60_000_000
    peers.day_of(minute)
    peers.advance(2 * minute)
    assert peers.head.version == 0
    peers.advance(6 * minute)
    assert peers.head.version == 1
    peers.advance(3 * minute)
    assert peers.head.watermark_us == 6 * minute
    assert peers.head.version == 1


def test_late_event_publishes_a_snapshot_if_many_contributions_wait():
    """Behind an event far ahead all are late: what waits would grow, and nobody would learn."""
    peers = Fleet(ModelConfig())
    peers.advance(60_000_000)
    for value in range(MAX_PENDING // 2):
        assert peers.head.version == 0
        peers.advance(30_000_000)
        peers.groups.vote(NAMES[0], 0, value % 9, "", -1, 0)
    peers.advance(30_000_000)
    assert (peers.head.version, peers.groups.size) == (1, 0)


def test_value_is_more_probable_in_its_own_group_than_in_the_fleet():
    peers = voted(Fleet(ModelConfig()), *[(NAMES[0], 7)] * 5, *[(NAMES[1], 8)] * 5)
    clerk, auditor, nobody = (GroupView(peers, name) for name in (*NAMES, FLEET))
    assert clerk.probability(0, 7, -1, UNIFORM) > nobody.probability(0, 7, -1, UNIFORM)
    assert nobody.probability(0, 7, -1, UNIFORM) > auditor.probability(0, 7, -1, UNIFORM)
    assert auditor.probability(0, 7, -1, UNIFORM) > UNIFORM, "the fleet stands in"
    assert clerk.names(0) == {7: "value-7"}
    assert nobody.names(0) == {7: "value-7", 8: "value-8"}


def test_group_without_votes_backs_off_to_the_fleet():
    peers = voted(Fleet(ModelConfig()), *[(NAMES[0], 7)] * 5)
    new, fleet = GroupView(peers, "intern/delegated"), GroupView(peers, FLEET)
    assert new.probability(0, 7, -1, UNIFORM) == fleet.probability(0, 7, -1, UNIFORM)
    assert new.probability(3, 7, -1, UNIFORM) == UNIFORM


def test_scores_and_quantities_reach_the_group_and_the_fleet():
    peers = Fleet(ModelConfig())
    for number in range(10):
        peers.groups.score(NAMES[0], [(1, number)])
        peers.groups.score(FLEET, [(1, number)])
        peers.add_volume(NAMES[0], "bytes_out_hour", 100.0)
    peers.publish()
    clerk, auditor = (GroupView(peers, name) for name in NAMES)
    assert [window.n for window in clerk.view.group.windows[:4]] == [0, 10, 0, 0]
    assert [window.n for window in clerk.view.fleet.windows[:4]] == [0, 20, 0, 0]
    assert clerk.volume("bytes_out_hour").n == 10
    assert auditor.volume("bytes_out_hour").n == 10, "the fleet stands in"
    assert auditor.volume("records_hour") is None


def full_peers() -> Fleet:
    peers = Fleet(ModelConfig())
    peers.day_of(0)
    voted(peers, *[(name, value) for name in NAMES for value in (3, 1, 2)])
    for cell in (5, 1, 5):
        peers.groups.score(NAMES[0], [(2, cell)])
    peers.add_volume(NAMES[0], "records_hour", 5.0)
    peers.add_volume(NAMES[0], "bytes_in_hour", 7.0)
    peers.count_active_agent(0, 20.0)
    peers.advance(3 * DAY_US)
    peers.groups.vote(NAMES[1], 0, 9, "nine", -1, 3)
    peers.groups.score(NAMES[1], [(2, 4)])
    return peers


def test_stored_groups_are_restored_with_pending_contributions():
    peers = full_peers()
    back = Fleet(ModelConfig())
    back.load(dict(peers.dump()))
    for one in (peers, back):
        one.publish()
    for name in (*NAMES, FLEET):
        mine, theirs = (GroupView(one, name) for one in (peers, back))
        for value in (1, 2, 3, 9, 10):
            expected = mine.probability(0, value, -1, UNIFORM)
            assert theirs.probability(0, value, -1, UNIFORM) == expected
        assert theirs.view.group.windows == mine.view.group.windows
        assert theirs.names(0) == mine.names(0)
        assert back.groups.dump_group(name) == peers.groups.dump_group(name)
    assert back.head == peers.head


def test_equal_groups_have_equal_bytes():
    groups = full_peers().groups
    raw = groups.dump_group(NAMES[0])
    assert groups.dump_group(NAMES[0]) == raw
    back = Groups(ModelConfig(), b"0123456789abcdef")
    back.roll(3)
    back.load_group(NAMES[0], raw)
    assert back.dump_group(NAMES[0]) == raw


def test_only_groups_that_changed_are_written():
    peers = full_peers()
    assert {name for name, _ in peers.dump()} >= {"peers", "group:" + NAMES[0], "group:" + NAMES[1]}
    assert [name for name, _ in peers.dump()] == ["peers"]
    peers.publish()
    written = [name for name, _ in peers.dump()]
    role = "group:" + parent_group(NAMES[1])
    assert written == ["peers", "pending", "group:" + FLEET, role, "group:" + NAMES[1]]
    peers.add_session("clerk", 3.0, None, 0.0, ungated=True, alerted=False)
    assert [name for name, _ in peers.dump()] == ["peers", "sessions"]


def contribute(peers: Fleet, step: tuple[str, int]) -> None:
    kind, value = step
    name = NAMES[value % 2]
    if kind == "vote":
        peers.groups.vote(name, value % 3, value, f"value-{value}", -1, 0)
    elif kind == "score":
        peers.groups.score(name, [(value % WINDOWS, value), (value % 3, 2)])
    elif kind == "level":
        peers.add_volume(name, "bytes_in_hour", float(value))
    elif kind == "publish":
        peers.publish()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["vote", "vote", "score", "score", "level", "publish", "write"]),
            st.integers(0, 40),
        ),
        max_size=150,
    )
)
def test_pending_contributions_are_restored_from_copy_and_changes(steps):
    peers, stored = Fleet(ModelConfig()), {}
    for step in steps:
        contribute(peers, step)
        if step[0] == "write":
            stored.update(peers.dump())
    stored.update(peers.dump())
    back = Fleet(ModelConfig())
    back.load(stored)
    assert back.groups.dump_pending() == peers.groups.dump_pending()
    assert back.baselines.pending() == peers.baselines.pending()
    assert dict(back.dump(whole=True)) == {
        name: blob for name, blob in peers.dump(whole=True) if name in ("peers", "pending")
    }


def test_only_new_pending_contributions_are_written():
    peers, written = Fleet(ModelConfig()), []
    for _ in range(400):
        for value in range(5):
            contribute(peers, ("vote", value))
            contribute(peers, ("score", value))
        written.append(sum(len(blob) for name, blob in peers.dump() if "pending" in name))
    whole = len(peers.groups.dump_pending())
    assert sum(written) < 10 * whole, "a copy each time would be 200 times as much"
    assert sorted(written)[200] < whole / 50


def test_loading_no_rows_changes_nothing():
    peers = full_peers()
    version = peers.head.version
    peers.load({})
    assert peers.head.version == version


def test_active_agents_are_the_maximum_of_recent_days():
    peers = Fleet(ModelConfig())
    peers.day_of(0)
    assert peers.active_agents() == 1
    for day, number in ((0, 5), (1, 3)):
        for _ in range(number):
            peers.count_active_agent(day, 10.0 + number)
    peers.advance(DAY_US)
    assert (peers.active_agents(), peers.events_per_agent()) == (5, 15.0)
    back = Fleet(ModelConfig())
    back.load(dict(peers.dump()))
    assert (back.active_agents(), back.events_per_agent()) == (5, 15.0)
    peers.advance(10 * DAY_US)
    assert (peers.active_agents(), peers.events_per_agent()) == (1, 0.0), "older days are forgotten"


def test_rarely_active_agent_has_no_larger_share_of_the_budget(a_stream, an_event):
    stream = a_stream(learning_sessions=1, alerts_per_day=0.1)
    for day in range(4):
        for number in range(40):
            for agent in ("busy", "as-busy"):
                stream.judge(an_event(agent, at=day * 1_440 + number))
        stream.judge(an_event("seldom", at=day * 1_440 + 50))
    busy, seldom = (
        stream.judge(an_event(agent, at=3 * 1_440 + 60)).alpha for agent in ("busy", "seldom")
    )
    assert busy == pytest.approx(0.1 / 3 / 40, rel=0.05)
    assert seldom == pytest.approx(0.1 / (40 + 40 + 1), rel=0.05)


@pytest.mark.parametrize("statistic", range(WINDOWS))
def test_every_statistic_has_its_own_window(statistic):
    peers = Fleet(ModelConfig())
    peers.groups.score("a|b", [(statistic, 3)])
    peers.publish()
    counts = [window.n for window in peers.groups.group("a|b").windows]
    assert counts == [int(index == statistic) for index in range(WINDOWS)]
