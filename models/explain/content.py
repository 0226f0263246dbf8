"""What the content detector says of a call, as a subject with its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.baseline.session import Subject
from models.provenance.cross_task_spread import MIN_OTHER_TASKS
from models.provenance.request import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event
    from models.provenance.argument_detector import CallScore
    from models.provenance.call_scoring import TaintedValue

_KIND_WORDS = dict(zip(KINDS, (
    "mail address", "address", "path", "date", "number", "code", "value", "value"
), strict=True))  # fmt: skip
_NOVELTY = (
    "expected for such requests", "known to the role from other requests",
    "known to the role from other arguments", "new to the role",
    "at a domain that is new to the role",
    "not the one that came with a name of the request before",
)  # fmt: skip
_FLOWS = (
    "such requests take it from there", "the role takes it from there for other requests",
    "the role takes other arguments from there", "that the role takes it from there is new",
)  # fmt: skip
MAX_TEXT = 80
MIN_SHARE, MAX_SHARE = 0.1, 99.0
"""Shares in percent below and above which they are written in words."""
WHOLE_SHARE = 10.0
"""Share in percent from which it is written without decimals."""
MIN_FAMILIAR = 0.005
"""Familiarity below which requests like this one are not spoken of."""


class Words(Struct, frozen=True):
    """The words and bounds above, for the compiled kernel."""

    kinds: tuple[str, ...] = tuple(_KIND_WORDS[kind] for kind in KINDS)
    novelty: tuple[str, ...] = _NOVELTY
    flows: tuple[str, ...] = _FLOWS
    other_tasks: int = MIN_OTHER_TASKS
    max_text: int = MAX_TEXT
    shares: tuple[float, float, float] = (MIN_SHARE, WHOLE_SHARE, MAX_SHARE)
    min_familiar: float = MIN_FAMILIAR


def values_at(content: CallScore, event: Event) -> list[str]:
    """Give the values of the argument that the score of a call is about."""
    if content.tainted is None:
        return []
    found = (event.argument_origins or {}).get(content.tainted.key, [])
    return [value for value, _ in found]


def _thing(tainted: TaintedValue, values: Sequence[str]) -> str:
    """Name a value by its kind and, where the argument has one alone, by itself."""
    kind = _KIND_WORDS[KINDS[tainted.kind]]
    if len(values) == 1:
        return f"the {kind} {values[0][:MAX_TEXT]}"
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def subject_of(content: CallScore, tool: str, values: Sequence[str]) -> Subject | None:
    """Give what the score of a call of a tool is about; None where little can be said.

    `values` are those of the argument that it is about (`values_at`). The name is ``provenance``
    for a value out of a result, ``intent`` for a tool. `key` is what was observed, `text` the
    sentence.
    """
    tainted = content.tainted
    intent = content.intent or 0.0
    if tainted is not None and tainted.bits >= intent:
        thing = _thing(tainted, values)
        way = _FLOWS[min(tainted.flow_level, len(_FLOWS) - 1)]
        text = (
            f"{tool} uses {thing}{', rewritten,' if tainted.rewritten else ''} as "
            f"{tainted.key}: it is out of a result of {tainted.source}, and the request does not "
            f"state it. It is {_NOVELTY[tainted.value_level]}; {way}."
        )
        if tainted.recurrences:
            text += f" {tainted.recurrences} other tasks used the same value, unasked as well."
        elif tainted.cross_task_bits:
            text += f" At least {MIN_OTHER_TASKS} requests unlike this one led to the same value."
        observed = f"{thing} out of a result of {tainted.source}"
        return Subject(content.score, tainted.value_level, "provenance", tainted.value, text,
                       observed)  # fmt: skip
    if content.intent is None:
        return None
    some = _share(100.0 * 2.0**-intent)
    whose = "of this role"
    if content.familiarity >= MIN_FAMILIAR:
        whose = "with a partly similar request"
    if content.familiarity >= 0.5:
        whose = "with a request like this one"
    text = f"{some} of the sessions {whose} use {tool}."
    return Subject(content.score, 0, "intent", 0, text, tool)


def _share(percent: float) -> str:
    """Write a share of sessions.

    >>> _share(99.7), _share(64.4), _share(0.17), _share(0.01)
    ('Nearly all', 'About 64 %', 'About 0.17 %', 'Fewer than one in a thousand')
    """
    if percent >= MAX_SHARE:
        return "Nearly all"
    if percent < MIN_SHARE:
        return "Fewer than one in a thousand"
    return f"About {percent:.0f} %" if percent >= WHOLE_SHARE else f"About {percent:.2g} %"
