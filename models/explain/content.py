"""What the content detector says of a call, as a subject with its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.baseline.session import Subject
from models.provenance.cross_task_spread import MIN_OTHER_TASKS
from models.provenance.request import KINDS

if TYPE_CHECKING:
    from models.event import Event
    from models.provenance.argument_detector import CallScore

_KIND_WORDS = dict(zip(KINDS, (
    "mail address", "address", "path", "date", "number", "code", "value", "value"
), strict=True))  # fmt: skip
_NOVELTY = (
    "usual for such requests", "known to the role from other requests",
    "known to the role from other arguments", "new to the role", "at a domain that is new to the role",
    "not the one that came with a name of the request before",
)  # fmt: skip
_FLOWS = (
    "such requests take it from there", "the role takes it from there for other requests",
    "the role takes other arguments from there", "that the role takes it from there is new",
)  # fmt: skip
MIN_FAMILIAR = 0.005
"""Familiarity of a request below which nothing is said about its tools."""


def subject_of(content: CallScore, event: Event) -> Subject | None:
    """Give what the score of a call is about; None where little can be said.

    The name is ``provenance`` for a value out of a result, ``intent`` for a tool. `key` is what was
    observed, `text` the sentence.
    """
    tainted = content.tainted
    intent = content.intent or 0.0
    if tainted is not None and tainted.bits >= intent:
        kind = _KIND_WORDS[KINDS[tainted.kind]]
        way = _FLOWS[min(tainted.flow_level, len(_FLOWS) - 1)]
        text = (
            f"{event.tool} takes its {tainted.key}{', rewritten,' if tainted.rewritten else ''} "
            f"from a result of {tainted.source}, and the request does not state it. The {kind} is "
            f"{_NOVELTY[tainted.value_level]}; {way}."
        )
        if tainted.recurrences:
            text += f" {tainted.recurrences} other tasks used the same value, unasked as well."
        elif tainted.cross_task_bits:
            text += f" At least {MIN_OTHER_TASKS} requests unlike this one led to the same value."
        observed = f"{tainted.key} from a result of {tainted.source}"
        return Subject(content.score, tainted.value_level, "provenance", tainted.value, text,
                       observed)  # fmt: skip
    if content.intent is None or content.familiarity < MIN_FAMILIAR:
        return None
    share = 100.0 * 2.0**-intent
    text = (
        f"About {share:.1g} % of sessions with a request like this one use {event.tool}; "
        f"{100.0 * content.familiarity:.0f} % of such requests are known."
    )
    return Subject(content.score, 0, "intent", 0, text, event.tool)
