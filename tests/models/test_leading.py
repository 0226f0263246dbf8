"""Which of the reasons of an alert comes first (models.leading)."""

import pytest

from models.calibration.p_values import Calibrated
from models.leading import DEAR, content_leads, in_order, says_more

RARE = 15.0


def first(*found, again=False):
    return found[in_order(found, again=again)[0]][0]


def test_the_rarest_comes_first_and_of_equally_rare_ones_that_with_more_bits():
    found = [("tool", 9.0, 20.0), ("area", 12.0, 8.0), ("hour", 12.0, 9.0)]
    assert in_order(found, again=False) == [2, 1, 0]


@pytest.mark.parametrize("often", ["rate", "rate_minute"])
def test_of_many_calls_that_cost_much_how_often_says_more_than_what_they_cost(often):
    assert first(("cost", RARE, 20.0), (often, 4.0, 5.0)) == often


def test_few_calls_that_cost_much_are_named_by_their_cost():
    assert first(("cost", RARE, 20.0), ("rate", 4.0, 1.0)) == "cost"


@pytest.mark.parametrize(
    "general", ["astray", "disorder", "drift", "records_hour", "bytes_out_day"]
)
def test_what_says_little_of_the_cause_has_to_be_much_rarer_and_never_leads_what_is_rare(general):
    assert first((general, 13.0, 5.0), ("tool", 8.0, 9.0)) == "tool"
    assert first((general, 13.0, 5.0), ("tool", 6.0, 9.0)) == general
    assert first((general, 40.0, 5.0), ("tool", 12.0, 9.0)) == "tool"


def test_a_call_repeated_over_and_over_is_not_named_by_the_order_of_calls():
    found = ("disorder", 19.0, 20.0), ("rate_minute", 9.0, 8.0)
    assert first(*found, again=True) == "rate_minute"
    assert in_order(found, again=True) == [1, 0]
    assert first(("disorder", 19.0, 20.0), ("rate_minute", 9.0, 1.0), again=True) == "disorder"


@pytest.mark.parametrize(
    ("more", "bits", "lead"),
    [
        ("bytes_out_hour", 3.0, "bytes_out_hour"),
        ("bytes_out_hour", 2.9, "tool"),
        ("rate", 3.0, "rate"),
        ("rate", 2.9, "tool"),
        ("bytes_in_hour", 9.0, "tool"),
    ],
)
def test_of_a_call_made_again_how_often_or_how_much_it_sends_says_more_than_its_order(
    more, bits, lead
):
    found = ("tool", RARE, 20.0), (more, 4.0, bits)
    assert first(*found, again=True) == lead
    assert first(*found) == "tool"


def test_of_a_call_made_again_how_much_it_sends_says_more_than_how_often():
    found = ("tool", RARE, 20.0), ("rate", 9.0, 8.0), ("bytes_out_hour", 2.0, 4.0)
    assert first(*found, again=True) == "bytes_out_hour"
    assert first(*found) == "tool"


@pytest.mark.parametrize("much", ["bytes_out_hour", "bytes_out_day", "drift"])
def test_a_call_made_again_that_sends_much_but_not_in_one_minute_is_a_leak(much):
    found = ("tool", RARE, 20.0), ("rate", 9.0, 8.0), ("cost", 11.0, 9.0), (much, 0.0, 2.5)
    assert first(*found, again=True) == much
    assert first(*found, ("rate_minute", 4.0, 3.0), again=True) != much
    assert first(*found[:3], (much, 0.0, 2.4), again=True) == "rate"
    assert first(*found, ("destination", 16.0, 9.0), again=True) == "destination"


@pytest.mark.parametrize("brings", ["tool", "area"])
def test_data_that_a_new_tool_or_area_brings_along_come_after_it(brings):
    data = "sensitivity", 21.0, 10.0
    assert first(data, (brings, 13.0, 19.0)) == brings
    assert first(data, (brings, 13.0, 9.0)) == "sensitivity"
    assert first(data, (brings, 12.9, 19.0)) == "sensitivity"


def test_of_many_deletions_that_they_delete_says_more_than_how_often():
    often = "rate_minute", 27.0, 30.0
    assert first(often, ("destructive", 17.0, 10.0)) == "destructive"
    assert first(often, ("destructive", 17.0, 9.9)) == "rate_minute"


@pytest.mark.parametrize("telling", ["failures_hour", "failures_day", "destructive"])
def test_what_tells_the_cause_leads_though_something_else_is_rarer(telling):
    assert first(("tool", 15.0, 20.0), (telling, 8.0, 7.0)) == telling


def test_a_leak_of_many_spreads_is_named_before_the_order_of_its_calls():
    assert first(("tool", 12.0, 13.0), ("drift", 6.0, 8.0)) == "drift"
    assert first(("tool", 12.0, 13.0), ("drift", 6.0, 7.0)) == "tool"


def calibrated(*each, lead=0):
    p = min(one for one in each if one is not None)
    return Calibrated(each=each, p=p, lead=lead, pool="role", n=1_000)


@pytest.mark.parametrize(
    ("content", "carried", "leads"),
    [
        (0.039, ["provenance"], True),
        (0.041, ["provenance"], False),
        (0.0002, ["intent"], True),
        (0.0003, ["intent"], False),
    ],
)
def test_what_a_call_carries_leads_sooner_than_that_nobody_asked_for_it(content, carried, leads):
    assert content_leads(calibrated(content, 0.5, 0.001, 0.3), carried, None) is leads


@pytest.mark.parametrize(
    ("minimum", "carried", "leads"),
    [
        ((14.0, 13.5, 12.0), ["provenance"], True),
        ((13.0, 13.5, 12.0), ["provenance"], False),
        ((14.0, 13.5, 12.0), ["intent"], False),
        ((15.5, 13.5, 12.0), ["intent"], True),
    ],
)
def test_where_all_of_the_session_decides_it_is_compared_with_the_oddest_part(
    minimum, carried, leads
):
    assert content_leads(calibrated(0.5, 0.5, 0.5, 0.5), carried, minimum) is leads


def test_content_leads_where_nothing_else_was_ranked():
    assert content_leads(calibrated(0.01, None, None, None), ["intent"], None)
    assert not content_leads(calibrated(None, 0.5, 0.001, 0.3, lead=2), [], None)


def test_what_nobody_of_the_role_ever_touched_says_more_than_an_odd_choice_of_a_tool():
    assert says_more([("tool", 12.0, 12.0), ("resource", 0.0, 27.0)], denied=False) == 1
    assert says_more([("tool", 12.0, 12.0), ("resource", 0.0, 12.0)], denied=False) is None


@pytest.mark.parametrize(("name", "minimum"), [("bytes_out_hour", 5.0), ("cost", 10.0)])
def test_how_much_is_sent_or_spent_says_more_than_an_odd_choice_of_a_tool(name, minimum):
    assert says_more([("tool", 12.0, 12.0), (name, 0.0, minimum)], denied=False) == 1
    assert says_more([("tool", 12.0, 12.0), (name, 0.0, minimum - 0.1)], denied=False) is None


@pytest.mark.parametrize("often", ["rate", "rate_minute"])
def test_calls_of_which_each_costs_far_more_than_usual_are_named_by_their_cost(often):
    assert first((DEAR, RARE, 20.0), (often, 4.0, 5.0)) == DEAR


@pytest.mark.parametrize(("bits", "lead"), [(7.9, "resource"), (8.0, "discovery")])
def test_many_new_resources_of_an_hour_say_more_than_one_of_them(bits, lead):
    assert first(("resource", RARE, 25.0), ("discovery", 6.0, bits)) == lead
    assert first(("rate", RARE + 9.0, 25.0), ("discovery", 6.0, bits)) == "rate"
