"""What a hook answers before a call: rules by the level of the agent and the operation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, cast, get_args

from msgspec import Struct

from models.event import Operation
from models.trust.policy import LEVELS
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

Decision = Literal["ask", "deny"]
"""Never ``allow``: that would skip the question to the person."""

ANY, STEP_UP, UNKNOWN = "*", "step_up", "unknown"
DENIED = ":denied"
"""Ends the name of the format of a payload that was answered by ``deny``."""
_LEVELS = (*LEVELS, UNKNOWN, STEP_UP, ANY)
_OPERATIONS = (*get_args(Operation), ANY)
_RULE = re.compile(r"([a-z_*]+)/([a-z*]+)=([a-z]+)")


class HookRule(Struct, frozen=True):
    """A decision for one level and one operation; ``*`` is any.

    Attributes
    ----------
    level
        A level of trust, ``unknown`` for an agent that nobody has seen, or ``step_up``: any level
        whose obligations ask for a person.
    """

    level: str
    operation: str
    decision: Decision


def rule_of(text: str) -> HookRule:
    """Read ``LEVEL/OPERATION=DECISION``.

    Raises
    ------
    ValueError
        The text is no rule.

    Examples
    --------
    >>> rule_of("restricted/delete=deny")
    HookRule(level='restricted', operation='delete', decision='deny')
    >>> rule_of("watch/send=allow")
    Traceback (most recent call last):
    ValueError: must be LEVEL/OPERATION=ask or =deny, got 'watch/send=allow'
    """
    found = _RULE.fullmatch(text)
    if found is None or found[3] not in get_args(Decision):
        raise ValueError(f"must be LEVEL/OPERATION=ask or =deny, got {quoted(text)}")
    for word, known, kind in ((found[1], _LEVELS, "level"), (found[2], _OPERATIONS, "operation")):
        if word not in known:
            expected = ", ".join(known)
            raise ValueError(f"has the unknown {kind} {quoted(word)}, expected one of: {expected}")
    return HookRule(found[1], found[2], cast("Decision", found[3]))


def rules_at(rules: Iterable[HookRule], level: str, *, step_up: bool) -> tuple[HookRule, ...]:
    """Give the rules that are about agents of a level, with or without a step-up.

    >>> rules = (rule_of("step_up/*=ask"), rule_of("restricted/delete=deny"))
    >>> [rule.decision for rule in rules_at(rules, "restricted", step_up=True)]
    ['ask', 'deny']
    >>> rules_at(rules, "normal", step_up=False)
    ()
    """
    words = {ANY, level} | ({STEP_UP} if step_up else set())
    return tuple(rule for rule in rules if rule.level in words)


def needs_operation(rules: Iterable[HookRule]) -> bool:
    """Tell whether a rule is about one operation, so that a call must be read."""
    return any(rule.operation != ANY for rule in rules)


def decided(rules: Iterable[HookRule], operations: Collection[str]) -> tuple[Decision, str] | None:
    """Give what rules say of a call, and the operation of the rule; ``deny`` counts more.

    Parameters
    ----------
    operations
        What the call may do; with ``*`` in it, each rule applies.

    Examples
    --------
    >>> rules = (rule_of("watch/*=ask"), rule_of("watch/delete=deny"))
    >>> decided(rules, {"read", "delete"}), decided(rules, {"read"}), decided((), {"read"})
    (('deny', 'delete'), ('ask', '*'), None)
    >>> decided(rules, {"*"})
    ('deny', 'delete')
    """
    found = [one for one in rules if ANY in operations or one.operation in (ANY, *operations)]
    gravest = min(found, key=lambda one: one.decision != "deny", default=None)
    return None if gravest is None else (gravest.decision, gravest.operation)
