r"""Patterns of agent ids: which agents a credential may report.

======================  ==========================================================================
``*``                   one or more characters of one segment, no slash; once per segment
``**``                  one or more segments; only as the whole last segment
``**`` alone            every agent
any other character     itself; upper and lower case differ
======================  ==========================================================================

Slashes separate segments. A scheme (``spiffe://``) and its trust domain contain no wildcard. A
wildcard never matches a segment that is empty, ``.`` or ``..``. Wildcards of other pattern
languages (``? [ ] { } \``) and white space are refused. There is no escape, so a pattern cannot
match a literal asterisk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PATTERNS = 256
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
        """Parse a pattern; raise `ValueError` with the text and its fault."""
        fault = _fault(text)
        if fault:
            raise ValueError(f"agent pattern {quoted(text)} {fault}")
        return cls(text)

    def matches(self, agent_id: str) -> bool:
        """Return whether the pattern matches an agent id, in time linear in its length."""
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
        Patterns, of which one must match.
    exact
        Ids that match literally.

    Examples
    --------
    >>> Binding.of(["support-*"]).permits("support-4"), Binding.of([]).permits("support-4")
    (True, False)
    """

    patterns: tuple[AgentPattern, ...]
    exact: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str], exact: Iterable[str] = ()) -> Binding:
        """Make a binding from pattern texts; raise `ValueError` for an invalid one."""
        patterns = tuple(AgentPattern.parse(text) for text in texts)
        if len(patterns) > MAX_PATTERNS:
            raise ValueError(f"{len(patterns)} agent patterns, expected at most {MAX_PATTERNS}")
        return cls(patterns, frozenset(exact))

    def permits(self, agent_id: str) -> bool:
        """Return whether events of this agent may be reported."""
        return agent_id in self.exact or any(one.matches(agent_id) for one in self.patterns)


def _split(text: str) -> tuple[str, list[str]]:
    """Split a text into its scheme with ``://`` (may be empty) and the segments."""
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
    """Describe the fault of a pattern; None if it is valid."""
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
