r"""Patterns of agent ids: which agents a credential may report.

======================  ==========================================================================
``*``                   one character or more of one segment; never a slash; once a segment
``**``                  one segment or more; only as the whole last segment
``**`` alone            every agent
any other character     itself; upper and lower case differ
======================  ==========================================================================

Segments lie between slashes. A scheme (``spiffe://``) and the trust domain after it take no
wildcard. A wildcard never covers a segment that is empty, ``.`` or ``..``. Characters that are
wildcards elsewhere (``? [ ] { } \``) and white space are refused, so that nobody expects them to
match. There is no escape: a pattern cannot ask for an asterisk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_PATTERNS = 256
_LONGEST = 256
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(.*)", re.DOTALL)
_FOREIGN = re.compile(r"[?\[\]{}\\\s]")
_RELATIVE = frozenset({"", ".", ".."})
_EVERY = "**"


@dataclass(frozen=True, slots=True)
class AgentPattern:
    """One pattern; `parse` checks it.

    Examples
    --------
    >>> shop = AgentPattern.parse("spiffe://example.com/ns/shop/*")
    >>> shop.matches("spiffe://example.com/ns/shop/refunds")
    True
    >>> shop.matches("spiffe://example.com/ns/shop/sa/refunds")
    False
    >>> AgentPattern.parse("support-*").matches("support-4/admin")
    False
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> AgentPattern:
        """Check a pattern; raises `ValueError` that says what is wrong with which text."""
        fault = _fault(text)
        if fault:
            raise ValueError(f"agent pattern {quoted(text)} {fault}")
        return cls(text)

    def matches(self, agent_id: str) -> bool:
        """Tell whether the pattern covers an agent's id; takes time linear in its length."""
        if "*" not in self.text:
            return agent_id == self.text
        if self.text == _EVERY:
            return True
        scheme, wanted = _split(self.text)
        given_scheme, given = _split(agent_id)
        if scheme != given_scheme or not _RELATIVE.isdisjoint(given):
            return False
        if wanted[-1] == _EVERY:
            wanted = wanted[:-1]
            if len(given) <= len(wanted):
                return False
            given = given[: len(wanted)]
        return len(given) == len(wanted) and all(map(_covers, wanted, given))


@dataclass(frozen=True, slots=True)
class Binding:
    """The agents that a credential may report.

    Parameters
    ----------
    patterns
        Any of them may match.
    exact
        Ids that match as they are, whatever characters they have.

    Examples
    --------
    >>> Binding.of(["support-*"]).permits("support-4"), Binding.of([]).permits("support-4")
    (True, False)
    """

    patterns: tuple[AgentPattern, ...]
    exact: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str], exact: Iterable[str] = ()) -> Binding:
        """Make a binding of patterns as text; raises `ValueError` for one that is none."""
        patterns = tuple(AgentPattern.parse(text) for text in texts)
        if len(patterns) > MOST_PATTERNS:
            raise ValueError(f"{len(patterns)} agent patterns, expected at most {MOST_PATTERNS}")
        return cls(patterns, frozenset(exact))

    def permits(self, agent_id: str) -> bool:
        """Tell whether events of this agent may be reported."""
        return agent_id in self.exact or any(one.matches(agent_id) for one in self.patterns)


def _split(text: str) -> tuple[str, list[str]]:
    """Give the scheme with its ``://``, empty without one, and the segments after it."""
    found = _SCHEME.fullmatch(text)
    scheme, rest = found.groups() if found else ("", text)
    return scheme, rest.split("/")


def _covers(wanted: str, given: str) -> bool:
    before, star, after = wanted.partition("*")
    if not star:
        return wanted == given
    long_enough = len(given) > len(before) + len(after)
    return long_enough and given.startswith(before) and given.endswith(after)


def _fault(text: str) -> str | None:
    """Say what is wrong with a pattern; None for a good one."""
    if not text or len(text) > _LONGEST:
        return f"must have 1 to {_LONGEST} characters"
    if _FOREIGN.search(text) or not text.isprintable():
        return "must have no white space and none of ? [ ] { } \\: its one wildcard is *"
    if "*" not in text or text == _EVERY:
        return None
    scheme, segments = _split(text)
    if not _RELATIVE.isdisjoint(segments):
        return "must have no segment that is empty, . or .. beside a wildcard"
    if scheme and "*" in segments[0]:
        return "must name its trust domain without a wildcard"
    if segments[-1] == _EVERY:
        segments = segments[:-1]
    if any(segment.count("*") > 1 for segment in segments):
        return "may have one * in a segment, and ** only as the whole last segment"
    return None
