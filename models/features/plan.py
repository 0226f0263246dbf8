"""The features that are judged by novelty, declared as data.

A feature is a tuple of fields. `models.features.fields` reads the fields of an event. A field may
have several values in one event, as the scopes of a credential; such fields come in *records*.
Where two features of a family have equal bits, the later one names the session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT = 80
"""Most characters of a value that are named."""


REPORTED = ("leaked_secret", "changed_hooks", "unreported_tool")
"""Attributes that adapters fill with text: fields as they are, over which rules are declared."""


class NoveltyFeature(Struct, frozen=True):
    """A feature whose new values are surprising.

    Attributes
    ----------
    family
        Family that its bits add to.
    of
        Fields that make the value.
    joins
        Words between these fields where the value is named; spaces without any.
    words
        Name in a sentence.
    anomaly
        Anomaly type that it reports.
    each
        Kind of record that has one of the fields; None where all are single-valued.
    within
        Fields of the context: how often a new value is expected is known for each context.
    known_by
        Fields that make the value for what is known, beside `of`.
    personal
        Whether no role can know its values for a new agent.
    versioned
        Whether a new version of an agent brings new values, so that none is judged after an
        announced deployment.
    lasting
        Whether more bits follow while a session continues with a new value.
    spreads
        Whether a value that several roles begin to use within a day is surprising.
    after
        Feature whose value must be known to the agent, else this one is learned without judgement:
        a new tool is reported once, not with all that comes with it.
    settled
        Whether the first value in its context is learned without judgement: only a change counts.
    """

    name: str
    family: str
    of: tuple[str, ...]
    words: str
    anomaly: str
    each: str | None = None
    within: tuple[str, ...] = ()
    known_by: tuple[str, ...] = ()
    personal: bool = False
    versioned: bool = False
    lasting: bool = False
    spreads: bool = False
    after: str | None = None
    settled: bool = False
    joins: tuple[str, ...] = ()

    def phrase(self, fields: Mapping[str, str]) -> str:
        """Name a value.

        >>> FEATURES[INDEX["tool_domain"]].phrase({"tool": "crm.read", "domain": "hr"})
        'crm.read on hr'
        """
        joins = self.joins or (" ",) * (len(self.of) - 1)
        parts = (join + fields[name] for join, name in zip(("", *joins), self.of, strict=True))
        return "".join(parts)[:MAX_TEXT]


_F = NoveltyFeature
_ARGUMENT = ("tool", "key", "origin")

FEATURES: tuple[NoveltyFeature, ...] = (
    _F("step", "act", ("previous_tool", "tool"), "order of tools", "tool.sequence", versioned=True,
       joins=(", then ",)),
    _F("tool", "act", ("tool",), "tool", "tool.new", lasting=True, spreads=True, versioned=True),
    _F("data_class", "data", ("data_class",), "class of data", "resource.new", lasting=True),
    _F("tool_domain", "data", ("tool", "domain"), "combination", "resource.new",
       lasting=True, versioned=True, joins=(" on ",)),
    _F("tool_sensitivity", "data", ("tool", "sensitivity"), "combination", "resource.new",
       versioned=True, joins=(" on data that are ",)),
    _F("tool_type", "data", ("tool", "resource_type"), "combination", "resource.new",
       lasting=True, versioned=True, joins=(" on type ",)),
    _F("resource", "data", ("resource",), "resource", "resource.new", within=("tool",),
       spreads=True),
    _F("destination", "data", ("destination",), "destination", "resource.new", spreads=True),
    _F("container", "place", ("container",), "folder, host or schema", "resource.new",
       "container", lasting=True),
    _F("tool_container", "place", ("tool", "container"), "combination", "resource.new",
       "container", versioned=True, joins=(" in ",)),
    _F("program", "program", ("tool", "program"), "program", "code.exec", "program", lasting=True,
       versioned=True, joins=(" runs ",)),
    _F("definition", "definition", ("tool", "definition"), "definition of a tool",
       "tool.definition_changed", within=("tool",), after="tool", settled=True, joins=(" as ",)),
    _F("asn", "net", ("asn",), "network operator", "net.new_origin", personal=True, spreads=True),
    _F("country", "net", ("country",), "country", "net.new_origin", personal=True),
    _F("egress", "egress", ("egress",), "kind of network exit", "net.anonymiser"),
    _F("mode", "who", ("mode",), "mode", "mode.shift", personal=True),
    _F("depth", "who", ("depth",), "depth of delegation", "delegation.anomaly", personal=True),
    _F("person", "who", ("person",), "person", "delegation.anomaly", personal=True),
    _F("delegate", "who", ("delegate",), "delegating agent", "delegation.anomaly", "delegate",
       personal=True),
    _F("tool_mode", "who", ("tool", "mode"), "combination", "mode.shift", personal=True,
       after="tool", versioned=True, joins=(" in mode ",)),
    _F("scope", "credential", ("scope",), "scope", "scope.escalation", "scope", spreads=True),
    _F("credential_purpose", "credential", ("credential_purpose",), "purpose of a credential",
       "scope.escalation"),
    _F("lifetime", "credential", ("lifetime",), "lifetime of a credential", "cred.lifetime"),
    _F("origin", "argument", _ARGUMENT, "origin of an argument", "resource.new", "argument",
       versioned=True, joins=(", ", " from ")),
    _F("flow", "argument", ("source", "tool", "key"), "flow between tools", "goal.drift",
       "argument", within=("tool", "key"), versioned=True, joins=(" into ", ", ")),
    _F("value", "argument", ("value",), "value", "resource.new", "argument", within=_ARGUMENT,
       known_by=("key",), spreads=True),
    _F("value_host", "argument", ("value_host",), "host of a value", "resource.new", "argument",
       within=_ARGUMENT, known_by=("key",), spreads=True),
    _F("hour", "hour", ("hour",), "time of day", "time.unusual", personal=True),
)  # fmt: skip

INDEX = {feature.name: number for number, feature in enumerate(FEATURES)}
