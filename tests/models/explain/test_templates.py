"""Every template says what its numbers say: rules, levels of novelty, amounts and relations."""

from __future__ import annotations

from math import log2, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerting.signals import Signal
from models.baseline.session import Subject
from models.calibration.series import SERIES
from models.detectors.amounts import Expected
from models.detectors.rules import RULES
from models.explain.templates import in_units, reason_of
from models.features.counters import COUNTERS
from models.features.families import FAMILIES
from models.features.plan import FEATURES

FAMILY_OF = {one.name: one.family for one in SERIES}
LEVELS = {
    1: "new to this agent, and known of others of its role",
    2: "new to this agent, and known of other roles, not of its own",
    3: "new to this agent, and not known of any other agent",
}


def a_signal(detector: str, subject: Subject | None, bits: float = 9.0) -> Signal:
    return Signal(detector, FAMILY_OF[detector], subject, bits, bits / 2, fresh=True)


def a_subject(name: str, **more: Any) -> Subject:
    given = {"bits": 9.0, "level": 3, "mark": 7, "text": "vault.export", "key": ""}
    return Subject(name=name, **given | more)


# ------------------------------------------------------------------ rules


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_broken_rule_says_what_breaks_it_and_what_was_promised(rule) -> None:
    subject = a_subject(rule.name, level=0, text="the thing")
    reason = reason_of(a_signal(rule.family, subject), 0.0, None)
    assert reason.feature == rule.name
    assert reason.bits == 9.0
    assert reason.observed == "the thing"
    assert reason.expected == [(rule.expected, 1.0)]
    assert reason.why == rule.says.format(text="the thing")
    assert "the thing" in reason.why
    assert reason.why.endswith(".")


# ------------------------------------------------------------------ novelty


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_new_value_is_named_with_whom_it_is_new_to(feature, level: int) -> None:
    subject = a_subject(feature.name, level=level)
    reason = reason_of(a_signal(feature.family, subject), 0.0, None)
    assert reason.feature == feature.name
    assert f"vault.export: {LEVELS[level]}." in reason.why
    assert not any(f"{words}." in reason.why for other, words in LEVELS.items() if other != level)
    assert reason.why.lower().startswith(feature.words.lower())
    assert reason.observed == "vault.export"


@given(st.floats(0.1, 60))
def test_frequency_in_a_sentence_follows_from_the_bits(bits: float) -> None:
    reason = reason_of(a_signal("act", a_subject("tool", bits=bits), bits), 0.0, None)
    assert f"about one session in {2.0**bits:,.0f} brings something as new" in reason.why
    ((words, probability),) = reason.expected
    assert words == "a known tool"
    assert probability == pytest.approx(1.0 - 2.0**-bits, abs=1e-4)


def test_an_argument_is_named_with_its_key_and_the_first_tool_as_first() -> None:
    of_key = reason_of(a_signal("argument", a_subject("value", key="to", text="x@y")), 0.0, None)
    assert of_key.why.startswith("Value x@y as to: new to")
    assert of_key.observed == "x@y as to"
    first = reason_of(a_signal("act", a_subject("step", text="START, then crm.find")), 0.0, None)
    assert first.why.startswith("Order of tools first crm.find: new to")
    assert first.observed == "first crm.find"
    second = reason_of(a_signal("act", a_subject("step", text="a.b, then crm.find")), 0.0, None)
    assert second.observed == "a.b, then crm.find"


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_value_is_named_by_its_fields_and_words_between_them(feature) -> None:
    named = feature.phrase({name: f"<{name}>" for name in feature.of})
    assert len(feature.joins) in (0, len(feature.of) - 1)
    for name in feature.of:
        assert f"<{name}>" in named


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("autonomous", "new to this agent when it acts by itself, and"),
        ("delegated", "new to this agent when it acts for a person, and"),
        ("unknown", "new to this agent, and"),
    ],
)
def test_a_reason_names_the_mode_in_which_a_value_is_new(mode: str, words: str) -> None:
    reason = reason_of(a_signal("act", a_subject("tool")), 0.0, None, mode=mode)
    assert words in reason.why


def test_the_thing_is_named_beside_the_amount() -> None:
    subject = a_subject("sole_days", text="evil.example")
    reason = reason_of(a_signal("sole_days", subject), 4.0, None)
    words = "days with a destination that no other agent uses (evil.example): 4"
    assert reason.observed == words
    assert reason.why == f"D{words[1:]}."


def test_sentence_of_a_value_out_of_a_result_names_its_argument() -> None:
    subject = a_subject("carried", level=2, text="eve@evil.example", key="to")
    reason = reason_of(a_signal("carried", subject), 0.0, None)
    assert reason.why == (
        f"eve@evil.example as to came out of a result and is in no request; it is {LEVELS[2]}."
    )
    assert reason.observed == "eve@evil.example"


# ------------------------------------------------------------------ amounts

EXPECTED = Expected(share=0.9, mean=4.0, spread=1.0)


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.name)
def test_sentence_of_an_amount_has_the_typical_one(counter) -> None:
    reason = reason_of(a_signal(counter.name, None), 240.0, EXPECTED)
    seen, typical = (in_units(counter.name, amount) for amount in (240.0, EXPECTED.typical))
    assert reason.observed == f"{counter.words}: {seen}"
    assert reason.expected == [(f"about {typical}", 0.5)]
    where, most = " in this session", "the largest session of a typical day has"
    if counter.lasting:
        where, most = "", "a typical day has"
    assert reason.why.lower() == f"{counter.words}{where}: {seen}; {most} about {typical}.".lower()


@pytest.mark.parametrize(
    ("share", "typical", "words"),
    [
        (0.9, 15.0, "the largest session of a typical day has about 15."),
        (0.5, 15.0, "the largest session of a typical day has about 15."),
        (0.31, 15.0, "such an agent has any on about 31% of its days, and then about 15."),
        (0.31, 0.1, "such an agent has any on about 31% of its days."),
        (0.01, 3.0, "such an agent has any on about 1% of its days, and then about 3."),
        (
            0.004,
            3.0,
            "such an agent has any on fewer than one in a hundred of its days, and then about 3.",
        ),
        (0.0, 0.0, "such an agent has any on fewer than one in a hundred of its days."),
    ],
)
def test_small_shares_of_days_have_special_words(share: float, typical: float, words: str) -> None:
    expected = Expected(share, log2(1.0 + typical), 1.0)
    reason = reason_of(a_signal("secrets", None), 1.0, expected)
    assert reason.why == f"Calls on secrets in this session: 1; {words}"
    assert "0%" not in reason.why


def test_an_amount_without_known_days_is_alone_in_its_sentence() -> None:
    reason = reason_of(a_signal("calls", None), 3.0, None)
    assert reason.why == "Calls in this session: 3."
    assert reason.expected == []


@given(st.floats(0.001, 1.0), st.floats(0.0, 30.0), st.floats(0.05, 10.0), st.floats(0, 1e12))
def test_bits_of_the_typical_amount_are_those_of_any_at_most_and_never_fall_above(
    share: float, mean: float, spread: float, more: float
) -> None:
    expected = Expected(share, mean, sqrt(spread))
    at = expected.bits(expected.typical)
    assert -1e-6 <= at <= -log2(share) + 1e-6
    assert expected.bits(expected.typical + more) >= at - 1e-9


@pytest.mark.parametrize(
    ("name", "amount", "written"),
    [
        ("calls", 1.0, "1"),
        ("calls", 12_345.0, "12,345"),
        ("tokens", 9_000_000.0, "9 million"),
        ("tokens", 2.5e9, "2.5 billion"),
        ("price", 0.4, "0.4"),
        ("bytes_out", 700.0, "700 bytes"),
        ("bytes_in", 1_500.0, "1.5 kB"),
        ("bytes_out", 500_000_000.0, "500 MB"),
        ("duration", 900_000.0, "15 minutes"),
        ("duration", 90.0, "0.1 seconds"),
        ("silence", 36.0, "9 hours"),
    ],
)
def test_amounts_are_in_a_persons_unit(name: str, amount: float, written: str) -> None:
    assert in_units(name, amount) == written


# ------------------------------------------------------------------ relations, content, the rest


def test_a_cascade_counts_its_agents() -> None:
    reason = reason_of(a_signal("cascade", a_subject("cascade", text="3 agents")), 0.0, None)
    assert reason.why == "3 agents under this trace had rare sessions within an hour."


def test_a_value_that_spreads_counts_its_roles() -> None:
    subject = a_subject("value_host", level=4, text="worm.example")
    reason = reason_of(a_signal("spread", subject), 0.0, None)
    assert reason.why == (
        "Host of a value worm.example: nobody used it a day ago, 4 roles use it now."
    )


def test_slow_change_gives_its_evidence() -> None:
    reason = reason_of(a_signal("slow", a_subject("slow", text="60% more in 12 calls")), 0.0, None)
    assert reason.observed == "60% more in 12 calls"
    assert reason.why.endswith("than is typical of each tool, on this day 60% more in 12 calls.")


def test_a_subject_of_the_content_detector_keeps_its_sentence() -> None:
    subject = a_subject("intent", text="About 3 % of sessions do it.", key="bank.pay")
    reason = reason_of(a_signal("content", subject), 0.0, None)
    assert (reason.feature, reason.observed) == ("intent", "bank.pay")
    assert reason.why == "About 3 % of sessions do it."


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {one.name for one in COUNTERS}))
def test_a_signal_without_a_subject_has_the_title_of_its_family(name: str) -> None:
    reason = reason_of(Signal(name, name, None, 3.0, 1.0, fresh=True), 0.0, None)
    assert reason.why == f"{FAMILIES[name].title}."
