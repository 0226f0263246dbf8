"""Reasons from the numbers of a judgement, by template."""

from __future__ import annotations

from math import expm1, log2
from typing import TYPE_CHECKING

from models.baseline.volume_baseline import QUANTITIES, VolumeBaseline
from models.features.extraction import METRICS
from models.provenance.request import KINDS
from models.result import Reason
from models.watch.sizes import PER_MILLE

if TYPE_CHECKING:
    from models.baseline.online_baseline import AgentBaseline
    from models.event import Event
    from models.features.feature_slots import FeatureSlot
    from models.peers.fleet import GroupView
    from models.provenance.argument_detector import CallScore
    from models.together import Least
    from models.watch.measure import Measure

_KIND_WORDS = dict(zip(KINDS, (
    "mail address", "address", "path", "date", "number", "code", "value", "value"
), strict=True))  # fmt: skip
_NOVELTY = (
    "usual for such requests", "known to the role", "known elsewhere", "new to the role",
    "at a domain that is new to the role",
    "not the one that always came with a name in the request",
)  # fmt: skip
_AS_IT_IS = ("", ", rewritten,")
_SEVERAL = 2.0
_KNOWN_AT_ALL = 0.5  # percent
_QUANTITY_WORDS = dict(
    zip(
        QUANTITIES,
        ("bytes in", "bytes out", "records", "tokens and millionths of cost"),
        strict=True,
    )
) | {"bytes_out_day": "bytes out"}
_COUNT_WORDS = {
    "rate_minute": "calls in this minute", "rate": "calls in this hour",
    "rate_day": "calls on this day", "failures_hour": "failed or denied calls in this hour",
    "failures_day": "failed or denied calls on this day", "destructive": "deletions in this hour",
    "discovery": "different resources in this hour", "secret": "reads of secrets in this hour",
    "memory": "changes of its memory in this hour",
}  # fmt: skip


def content_reasons(content: CallScore, factor: float, event: Event) -> list[Reason]:
    """Reasons of the content detector: what the call carries, and whether it is asked for."""
    reasons: list[Reason] = []
    tainted = content.tainted
    if tainted is not None and tainted.bits > 0:
        kind = _KIND_WORDS[KINDS[tainted.kind]]
        new = _NOVELTY[max(tainted.value_level, tainted.flow_level)]
        why = (
            f"{event.tool} takes its {tainted.key}{_AS_IT_IS[tainted.rewritten]} from a result of "
            f"{tainted.source}, "
            f"not from the request; the {kind} is {_NOVELTY[tainted.value_level]}, the flow is "
            f"{_NOVELTY[tainted.flow_level]} "
            f"({tainted.value_bits:.1f} + {tainted.flow_bits:.1f} bits)."
        )
        if tainted.recurrences:
            why += " The same value, which nobody asked for, stood out in other kinds of request."
        elif tainted.cross_task_bits:
            why += " The same value came to other kinds of request, and is usual in none."
        observed = f"{tainted.key} from result:{tainted.source}, {new}"
        expected = [("request", round(1 - 2 ** -(tainted.value_bits or 0.01), 3))]
        reasons.append(Reason("provenance", tainted.bits * factor, observed, expected, why))
    if content.intent is not None:
        p, known = 2.0**-content.intent, 100 * content.familiarity
        why = (
            f"As far as their likeness tells, {100 * p:.1f} % of sessions with a request like this "
            f"one use {event.tool} "
            f"(requests like it are {known:.0f} % known)."
            if known >= _KNOWN_AT_ALL
            else f"No request like this one is known yet, so {event.tool} says little."
        )
        expected = [(event.tool, round(p, 3))]
        reasons.append(Reason("intent", content.intent * factor, event.tool, expected, why))
    return reasons


def together_reason(minimum: Least, p: float) -> Reason:
    """Reason of the smallest p-values of a session together.

    Parameters
    ----------
    minimum
        Bits of its smallest p-values, by part.
    p
        Its joint p-value.

    Examples
    --------
    >>> together_reason((8.0, 10.0, 9.0), 2e-5).why
    'Rare in no way by itself, but altogether one session of the role in 50,000 is as odd.'
    """
    content, peak, volume = (f"{2.0**-bits:.1g}" for bits in minimum)
    observed = f"p {content} for content, {peak} for a category, {volume} for amount or order"
    often = f"one session of the role in {1 / p:,.0f}"
    why = f"Rare in no way by itself, but altogether {often} is as odd."
    return Reason("together", -log2(p), observed, [], why)


def category_reason(
    baseline: AgentBaseline, view: GroupView, slot: FeatureSlot, x: dict[str, str], bits: float
) -> Reason:
    """Reason of one category: the path of its probability, and what was expected instead."""
    value = x[slot.name]
    path = baseline.path(slot, x)
    steps = ", ".join(f"{who} {-log2(p):.1f}" for who, p in path)
    own = baseline.count_of(slot, value)
    seen = "never used by this agent" if own == 0 else f"used about {own / 4096:.0f} times lately"
    why = f"{slot.feature.words.capitalize()} {value}: {seen}; bits by level: {steps}."
    return Reason(slot.name, bits, value, expected(baseline, view, slot), why, path)


def expected(
    baseline: AgentBaseline, view: GroupView, slot: FeatureSlot, limit: int = 3
) -> list[tuple[str, float]]:
    """Give the most likely values of a category with their probabilities."""
    names = view.names(slot.index)
    likely = []
    for value, name in names.items():
        q = view.probability(slot.index, value, -1, slot.uniform)
        likely.append((baseline.frequency_model.probability(slot.node, value, q), name))
    likely.sort(reverse=True)
    return [(name, round(p, 4)) for p, name in likely[:limit]]


def quantity_reason(
    baseline: AgentBaseline,
    view: GroupView,
    name: str,
    value: float,
    bits: float,
    called_for: float = 0.0,
) -> Reason:
    """Reason of a quantity: observed against the median and the upper bound of its window."""
    volume = baseline.volumes.get(name)
    peers = view.volume(name)
    mean, spread, _ = (volume or VolumeBaseline()).expected(peers)
    median, upper = expm1(mean), expm1(mean + 2.0 * spread)
    if called_for:  # the level is that of the sum in thousandths of it
        median, upper = median * called_for / PER_MILLE, upper * called_for / PER_MILLE
    what = _QUANTITY_WORDS.get(name, name)
    times = value / median if median > 0 else 0.0
    window = "on this day" if name.endswith("_day") else "this hour, held calls left out"
    often = f"{times:.0f}" if times >= _SEVERAL else f"{times:.1f}"
    why = f"{value:,.0f} {what} {window}, {often} times the usual {median:,.0f}."
    limits = [(f"median {median:,.0f}", 0.5), (f"up to {upper:,.0f}", 0.95)]
    return Reason(name, bits, f"{value:,.0f}", limits, why)


def measure_reason(baseline: AgentBaseline, view: GroupView, one: Measure) -> Reason:
    """Reason of one metric: what was observed against what was expected."""
    name = METRICS[one.metric]
    if name in _COUNT_WORDS:
        why = f"{one.value:.0f} {_COUNT_WORDS[name]}; {one.usual:.2f} were expected."
        return Reason(name, one.bits, f"{one.value:.0f}", [(f"about {one.usual:.2f}", 0.5)], why)
    if name == "excess":
        why = (
            "Amounts of this hour that neither the request nor a result told go beyond what "
            f"requests state by {one.value:.0f} doublings in all; {one.usual:.2f} were expected."
        )
        return Reason(name, one.bits, f"{one.value:.0f}", [(f"about {one.usual:.2f}", 0.5)], why)
    if name == "drift":
        why = (
            f"Calls of this tool have sent more than they usually do, time after time: "
            f"{one.value:.1f} spreads together."
        )
        return Reason(name, one.bits, f"{one.value:.1f}", [("0", 0.5)], why)
    if name == "disorder":
        why = (
            f"The tools of this session follow each other as they never do: {one.value:.1f} bits "
            "above the usual together."
        )
        return Reason("sequence", one.bits, f"{one.value:.1f}", [("below 1", 0.5)], why)
    if name == "astray":
        why = (
            f"This session's request does not call for what it goes on to do: {one.value:.1f} bits "
            "above what a detour takes."
        )
        return Reason("intent", one.bits, f"{one.value:.1f}", [("below 1", 0.5)], why)
    if one.summed:
        why = (
            "Call after call of this session has cost more than such calls usually do: "
            f"{one.bits:.1f} bits together; {one.value:,.0f} {_QUANTITY_WORDS[name]} this hour."
        )
        return Reason(name, one.bits, f"{one.value:,.0f}", [("below 1 bit", 0.5)], why)
    return quantity_reason(baseline, view, name, one.value, one.bits, one.usual)
