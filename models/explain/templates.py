"""Reasons by template: what was seen, what was expected, in a person's units.

Each sentence makes claims that follow from the numbers beside it. Nothing is called "never".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.detectors.rules import BY_NAME as BROKEN
from models.features.counters import BY_NAME
from models.features.families import CARRIED, CASCADE, CONTENT, FAMILIES, SLOW, SPREAD
from models.features.plan import FEATURES, INDEX
from models.result import Reason

if TYPE_CHECKING:
    from models.alerting.signals import Signal
    from models.detectors.amounts import Expected

START = "START"
"""Name of the tool before the first one of a session."""
_WHOM = (
    "",
    "known of others of its role",
    "known of other roles, not of its own",
    "not known of any other agent",
)
_MODES = {"autonomous": " when it acts by itself", "delegated": " when it acts for a person"}


def reason_of(
    signal: Signal,
    amount: float,
    expected: Expected | None,
    title: str = "",
    mode: str = "",
    *,
    held_days: int = 0,
) -> Reason:
    """Give the reason of a signal.

    Parameters
    ----------
    amount
        Amount of the session, for a counter.
    expected
        What a day of the agent has of it; None for anything but a counter.
    title
        What the family finds, in a line.
    mode
        Mode of the agent; what it knows, it knows in this mode.
    held_days
        Days on which the agent used the value before, in sessions that are not learned yet.
    """
    subject = signal.subject
    if signal.family not in FAMILIES:
        return _of_registered(signal, title)
    if signal.detector in BY_NAME:
        return _of_amount(signal, amount, expected)
    if subject is None:
        title = FAMILIES[signal.family].title
        return Reason(signal.detector, signal.bits, signal.detector, [], f"{title}.")
    rule = BROKEN.get(subject.name)
    if rule is not None:
        why = rule.says.format(text=subject.text)
        return Reason(rule.name, signal.bits, subject.text, [(rule.expected, 1.0)], why)
    if signal.detector == CONTENT:
        return Reason(subject.name, signal.bits, subject.key, [], subject.text)
    if signal.detector == SLOW:
        why = "For days the calls of this agent have sent more than is typical of each tool"
        why += f", on this day {subject.text}." if subject.text else "."
        seen = subject.text or "growing"
        return Reason("slow_change", signal.bits, seen, [("as much as before", 1.0)], why)
    if signal.detector == CASCADE:
        why = f"{subject.text} under this trace had rare sessions within an hour."
        return Reason("trace", signal.bits, subject.text, [("one agent", 1.0)], why)
    if signal.detector == SPREAD:
        words = FEATURES[INDEX[subject.name]].words
        why = (
            f"{words.capitalize()} {subject.text}: nobody used it a day ago, {subject.level} roles "
            "use it now."
        )
        return Reason("spread", signal.bits, subject.text, [("one role", 1.0)], why)
    if signal.detector == CARRIED:
        why = (
            f"{subject.text} as {subject.key} came out of a result and is in no request; it is "
            f"{_new_to(subject.level, mode, held_days)}."
        )
        expected_value = ("a value of the request", round(1.0 - 2.0**-subject.bits, 3))
        return Reason("provenance", signal.bits, subject.text, [expected_value], why)
    return _of_feature(signal, mode, held_days)


def _of_registered(signal: Signal, title: str) -> Reason:
    """Give the reason of a registered detector."""
    subject = signal.subject
    assert subject is not None  # noqa: S101 - the panel gives one
    # A p-value counts half of the equal scores, so twice of it is no less than their share.
    often = f"at most one event in {max(1.0, 2.0 ** (subject.bits - 1.0)):,.0f}"
    why = f"{title}: its score is {subject.key}, and {often} before scored as high."
    if subject.text:
        why += f" {subject.text}"
    return Reason(signal.detector, signal.bits, subject.key, [], why)


def _new_to(level: int, mode: str, held_days: int) -> str:
    """Say to whom a value is new.

    >>> _new_to(3, "autonomous", 0)
    'new to this agent when it acts by itself, and not known of any other agent'
    >>> _new_to(1, "", 1)
    'used by this agent on 1 day before, in rare sessions alone, and known of others of its role'
    """
    new = f"new to this agent{_MODES.get(mode, '')}"
    if held_days:
        days = "1 day" if held_days == 1 else f"{held_days} days"
        new = f"used by this agent on {days} before, in rare sessions alone"
    return f"{new}, and {_WHOM[level]}"


def _of_feature(signal: Signal, mode: str, held_days: int) -> Reason:
    subject = signal.subject
    assert subject is not None  # noqa: S101 - the caller has looked
    feature = FEATURES[INDEX[subject.name]]
    text = subject.text.replace(f"{START}, then ", "first ")
    if subject.key and "key" not in feature.of:
        text = f"{text} as {subject.key}"
    often = f"about one session in {2.0**subject.bits:,.0f}"
    new = _new_to(subject.level, mode, held_days)
    why = (
        f"{feature.words[:1].upper()}{feature.words[1:]} {text}: {new}. "
        f"Of such agents {often} brings something as new."
    )
    expected = [(f"a known {feature.words}", round(1.0 - 2.0**-subject.bits, 4))]
    return Reason(subject.name, signal.bits, text, expected, why)


def _of_amount(signal: Signal, amount: float, expected: Expected | None) -> Reason:
    counter, seen = BY_NAME[signal.detector], in_units(signal.detector, amount)
    words = counter.words
    if signal.subject is not None and signal.subject.text:
        words = f"{words} ({signal.subject.text})"
    observed = f"{words}: {seen}"
    where = "" if counter.lasting else " in this session"
    why = f"{words[:1].upper()}{words[1:]}{where}: {seen}"
    if expected is None:
        return Reason(signal.detector, signal.bits, observed, [], f"{why}.")
    typical = in_units(signal.detector, expected.typical)
    some = f", and then about {typical}" if expected.typical >= LEAST else ""
    if expected.share < 0.5:
        share = f"about {expected.share:.0%}"
        if expected.share < RARE_SHARE:
            share = "fewer than one in a hundred"
        why += f"; such an agent has any on {share} of its days{some}."
        none = round(1.0 - expected.share, 4)
        return Reason(signal.detector, signal.bits, observed, [("none", none)], why)
    most = "a typical day has" if counter.lasting else "the largest session of a typical day has"
    why += f"; {most} about {typical}."
    return Reason(signal.detector, signal.bits, observed, [(f"about {typical}", 0.5)], why)


LEAST = 0.5
"""Amounts below are written as none."""
RARE_SHARE = 0.01
"""Share of days below which a percentage would say too much."""
_STEPS = {
    "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes")),
    "time": ((3_600.0, "hours"), (60.0, "minutes"), (1.0, "seconds")),
    "": ((1e9, "billion"), (1e6, "million")),
}
_UNITS = {
    "bytes_out": ("bytes", 1.0), "bytes_in": ("bytes", 1.0), "duration": ("time", 0.001),
    "silence": ("time", 900.0),
}  # fmt: skip
"""Counter -> its unit, and how many bytes or seconds make one of it."""


def in_units(name: str, amount: float) -> str:
    """Write the amount of a counter for people.

    >>> in_units("calls", 1234.0), in_units("tokens", 2_500_000.0), in_units("calls", 0.4)
    ('1,234', '2.5 million', '0.4')
    >>> in_units("bytes_out", 2_500_000.0), in_units("silence", 9.0), in_units("duration", 900.0)
    ('2.5 MB', '2.2 hours', '0.9 seconds')
    """
    unit, each = _UNITS.get(name, ("", 1.0))
    amount *= each
    for size, word in _STEPS[unit]:
        if amount >= size or size == 1.0:
            return f"{_number(amount / size)} {word}"
    return _number(amount)


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 or amount == int(amount) else f"{amount:.1f}"
