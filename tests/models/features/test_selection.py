"""An engine with a selection judges by the selected features only, and learns all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.left_out import KIND_OF, KINDS, LeftOut
from models.baseline.identity import Declared
from models.baseline.volume_baseline import QUANTITIES
from models.config import ModelConfig
from models.errors import ConfigError
from models.event import Credential, Event, Origin, Resource, Volume
from models.features.extraction import FEATURES, METRICS
from models.provenance.backend import PythonDetector
from models.provenance.call_scoring import RECURRENCE_BITS
from models.provenance.knowledge import PARTS
from models.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.result import Result

EARLY = {"pool_minimum": 60, "session_minimum": 10, "learning_sessions": 4, "snapshot_minutes": 30}
STRANGE = Origin("hosting", 64999, "XX", "list@1")
SHADOW = Declared(registered=False)
PAY = "Pay the invoice of Ines"


def days_of_work(an_event: Callable[..., Event], days: int = 6) -> list[Event]:
    """Three clerks at the same work each day, in sessions of four calls."""
    return [
        an_event(
            f"clerk-{clerk}",
            24 * 60 * day + 30 * part + step,
            tool=("mail.read", "bank.pay")[step % 2],
            session=f"s-{clerk}-{day}-{part}",
            purpose=PAY,
            argument_origins={"to": [("DE12-ines", ["request"])]},
            resource=Resource(id=f"files/{part % 2}"),
            volume=Volume(bytes_out=100 + step),
            outcome="ok",
        )
        for day in range(days)
        for part in range(8)
        for step in range(4)
        for clerk in range(3)
    ]


def an_attack(an_event: Callable[..., Event]) -> list[Event]:
    """An unknown tool at night, in a strange place, with a value out of a mail and much to send."""
    return [
        an_event(
            "clerk-0",
            24 * 60 * 6 + 18 * 60 + step,
            tool="vault.export",
            session="s-night",
            purpose=PAY,
            argument_origins={"to": [("DE99-mallory", ["result:mail.read"])]},
            resource=Resource(id="vault/all", sensitivity="restricted"),
            volume=Volume(bytes_out=10_000_000),
            credential=Credential(id="c-9", scopes=["admin"]),
            outcome="denied",
        )
        for step in range(3)
    ]


def judged(
    a_stream: Callable[..., Any], an_event: Callable[..., Event], *left_out: str
) -> tuple[list[Result], Any]:
    """Judge work and attack; give what is said of the attack, and the stream."""
    stream = a_stream(explain_all=True, selection=LeftOut(left_out), **EARLY)
    stream.judge_all(days_of_work(an_event))
    return [stream.judge(event, STRANGE) for event in an_attack(an_event)], stream


@pytest.fixture(scope="module")
def whole(a_stream: Callable[..., Any], an_event: Callable[..., Event]) -> tuple[list[Result], Any]:
    return judged(a_stream, an_event)


def test_every_feature_has_one_name_and_one_kind() -> None:
    names = [name for kind in KINDS.values() for name in kind]
    assert sorted(names) == sorted(KIND_OF)
    assert len(names) == len(FEATURES) + len(METRICS) + len(PARTS) + len(RULES) + 1


def test_error_names_every_unknown_feature() -> None:
    with pytest.raises(ConfigError, match=r"'hours' .* did you mean 'hour'\?; no feature 'zzz'"):
        LeftOut(("hours", "tool", "zzz"))


def test_version_of_the_default_configuration_is_stable() -> None:
    assert ModelConfig().version == "f08e5656c692"


CATEGORIES = ["tool", "sensitivity", "egress", "country", "hour", "scope"]


@pytest.mark.parametrize("name", CATEGORIES)
def test_left_out_category_adds_no_bits_and_gives_no_reason(
    whole: tuple[list[Result], Any],
    a_stream: Callable[..., Any],
    an_event: Callable[..., Event],
    name: str,
) -> None:
    attack, _ = judged(a_stream, an_event, name)
    assert attack[0].s_sum < whole[0][0].s_sum - 2.0
    assert name not in {reason.feature for one in attack for reason in one.reasons}
    alone = [other for other in KINDS["category"] if other != name]
    only, _ = judged(a_stream, an_event, *alone, *METRICS, *PARTS)
    assert name in {reason.feature for reason in only[0].reasons}
    # What is held and what is learned differs a little with what is looked at.
    assert attack[0].s_sum == pytest.approx(whole[0][0].s_sum - only[0].s_sum, abs=0.1)


def test_sum_without_categories_is_that_of_amounts_and_content(
    a_stream: Callable[..., Any], an_event: Callable[..., Event]
) -> None:
    only, _ = judged(a_stream, an_event, *KINDS["category"], *METRICS)
    assert only[0].s_sum == only[0].s_max > 5.0
    nothing, _ = judged(a_stream, an_event, *KINDS["category"], *METRICS, *PARTS)
    assert nothing[0].s_sum == 0.0


@pytest.mark.parametrize("name", ["bytes_out_hour", "rate_minute", "failures_hour"])
def test_left_out_metric_gives_no_bits_and_no_reason(
    a_stream: Callable[..., Any], an_event: Callable[..., Event], name: str
) -> None:
    usual = days_of_work(an_event, 7)
    burst = [
        msgspec.structs.replace(usual[-1], outcome="error", volume=Volume(bytes_out=10**7))
        for _ in range(60)
    ]
    told, sums = [], []
    for left_out in ((), (name,)):
        stream = a_stream(explain_all=True, selection=LeftOut(left_out), **EARLY)
        stream.judge_all(usual)
        said = stream.judge_all(burst)
        told.append({reason.feature for one in said for reason in one.reasons})
        sums.append(said[-1].s_sum)
    assert name in told[0]
    assert name not in told[1]
    assert (sums[1] < sums[0] - 5.0) is (name in QUANTITIES)  # the others are in no sum


@pytest.mark.parametrize("part", [part for part in PARTS if part not in ("names", "rewritten")])
def test_left_out_part_of_content_adds_nothing_to_the_score(an_empty_desk: Any, part: str) -> None:
    desk, found = an_empty_desk, "bad@evil.example.com"
    honest = desk.event(to=[("ines@x.example.com", ["request"])])
    for _ in range(12):
        desk.play(honest)
    odd = desk.event("wire.send", to=[(found, ["result:mail.read"])])
    for purpose in ("Book a table for four", "List the members of the choir", "Sort the mail"):
        session = desk.open(purpose, p=0.001, learning=False)
        desk.detector.record_call(session, desk.judge(session, odd))
        desk.detector.close(session)
    full = desk.score(odd)
    silent = PythonDetector(b"0123456789abcdef", frozenset([part]))
    silent.use(desk.detector.tables)
    rest = silent.score(desk.open(), odd.tool, odd.argument_origins)
    assert rest.score < full.score
    assert rest.uses == full.uses  # learned all the same
    assert rest.votes == full.votes
    tainted = rest.tainted
    assert tainted is not None
    said = {
        "value": tainted.value_bits,
        "flow": tainted.flow_bits,
        "intent": rest.intent or 0.0,
        "recurrence": tainted.recurrences,
        "wandering": tainted.cross_task_bits - RECURRENCE_BITS * tainted.recurrences,
    }
    assert full.tainted is not None
    assert full.tainted.recurrences == 2
    gone = {part, "recurrence", "wandering"} if part == "value" else {part}
    assert {name for name, bits in said.items() if not bits} == gone


def test_left_out_rule_finds_nothing(
    a_stream: Callable[..., Any], an_event: Callable[..., Event]
) -> None:
    event = an_event()
    loud = a_stream().judge(event, declared=SHADOW)
    quiet = a_stream(selection=LeftOut(["identity.shadow"])).judge(event, declared=SHADOW)
    assert (loud.anomaly, loud.alert) == ("identity.shadow", True)
    assert (quiet.anomaly, quiet.alert) == (None, False)
    assert loud.rank - quiet.rank == pytest.approx(24.0)


def test_features_that_are_left_out_are_learned(
    a_stream: Callable[..., Any], an_event: Callable[..., Event]
) -> None:
    trusted_history = days_of_work(an_event, 3)
    profiles = []
    for left_out in ((), ("tool", "hour", "sequence", "rate_minute", "bytes_out_hour")):
        stream = a_stream(selection=LeftOut(left_out), **EARLY)
        stream.engine.trusted_history = True
        stream.judge_all(trusted_history)
        frequency_model = stream.agent_state("clerk-1").profile.frequency_model
        profiles.append((frequency_model.rows(), frequency_model.typical_bits))
    assert profiles[0] == profiles[1]


ABSENT = [
    "egress", "asn", "country", "destination", "human", "delegation", "scope", "credential",
    "sensitivity", "cost", "records_hour", "bytes_in_hour", "failures_hour", "secret",
    "cred.reuse", "cred.lifetime", "net.anonymiser", "identity.shadow", "peer.unverified",
]  # fmt: skip


@settings(max_examples=12)
@given(st.sets(st.sampled_from(ABSENT), min_size=1))
def test_leaving_out_features_that_no_event_has_changes_nothing(
    a_stream: Callable[..., Any], an_event: Callable[..., Event], left_out: set[str]
) -> None:
    events = days_of_work(an_event, 3)
    one = a_stream(**EARLY)
    other = a_stream(selection=LeftOut(sorted(left_out)), **EARLY)
    nowhere = Origin()
    assert [one.judge(e, nowhere) for e in events] == [other.judge(e, nowhere) for e in events]


def test_all_features_can_be_left_out() -> None:
    assert LeftOut(list(KIND_OF)).without_parts == frozenset(PARTS)
