"""What the deployments of a stream say is counted, stored, and told to other shards."""

from __future__ import annotations

import pytest

from models.replication.exchange import Exchange
from models.watch.traces import NAME, Traces

SALES = "sales\x1f2"


@pytest.fixture
def traces():
    """Three deployments, of which two named tools."""
    found = Traces()
    for naming in (True, False, True):
        found.deployed(SALES, ["crm.merge"] if naming else [])
    return found


def read(raw):
    found = Traces()
    found.load({NAME: raw})
    return found


def test_some_deployments_have_to_name_tools_before_silence_says_something(traces):
    assert (traces.announces, traces.names_tools) == (True, False)
    traces.deployed(SALES, ["crm.merge"])
    assert traces.names_tools


def test_what_was_counted_is_stored_and_goes_on(traces):
    ((_, raw),) = traces.dump(0)
    again = read(raw)
    assert not again.names_tools
    again.deployed(SALES, ["crm.merge"])
    assert again.names_tools


def test_nothing_is_written_where_enough_is_known(traces):
    traces.deployed(SALES, ["crm.merge"])
    traces.dump(0)
    traces.deployed(SALES, ["crm.merge"])
    assert traces.dump(0) == []


def test_other_shards_are_told(an_engine):
    giver, taker = an_engine(), an_engine()
    telling, told = Exchange(giver), Exchange(taker)
    for naming in (True, False, True, True):
        giver.watcher.deployed(SALES, ["crm.merge"] if naming else [])
    told.take(telling.contribution())
    assert taker.watcher.traces.announces
    assert taker.watcher.traces.names_tools
    assert taker.watcher.traces.brought(SALES) == ["crm.merge"]


def test_what_a_release_brings_is_stored_the_last_word_counts(traces):
    traces.deployed(SALES, ["crm.merge", "crm.split"])
    ((_, raw),) = traces.dump(0)
    assert read(raw).brought(SALES) == ["crm.merge", "crm.split"]
    assert read(raw).brought("sales\x1f3") == []


def test_what_any_release_of_a_role_brought_is_known_once_each(traces):
    traces.deployed("sales\x1f3", ["crm.split", "crm.merge"])
    traces.deployed("sales-north\x1f3", ["crm.close"])
    assert traces.ever_brought("sales") == ["crm.merge", "crm.split"]
    assert traces.ever_brought("porter") == []


def test_the_oldest_of_too_many_releases_is_forgotten(traces):
    for number in range(1_000):
        traces.deployed(f"clerk\x1f{number}", ["ledger.close"])
    assert traces.brought(SALES) == []
    assert traces.brought("clerk\x1f0") == ["ledger.close"]
