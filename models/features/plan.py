"""The features that are judged by novelty, declared as data.

A feature is a tuple of fields. `models.features.fields` reads the fields of an event. A field may
have several values in one event, as the scopes of a credential; such fields come in *records*.
"""

from __future__ import annotations

from msgspec import Struct

from models.features.family import Family


class NoveltyFeature(Struct, frozen=True):
    """A feature whose new values are surprising.

    Attributes
    ----------
    family
        Family that its bits add to.
    of
        Fields that make the value.
    each
        Kind of record that has one of the fields; None where all are single-valued.
    within
        Fields of the context: how often a new value is expected is known for each context.
    known_by
        Fields that make the value for what is known, beside `of`.
    personal
        Whether no role can know its values for a new agent.
    lasting
        Whether more bits follow while a session continues with a new value.
    after
        Feature whose value must be known to the agent, else this one is not judged.
    words
        Name in a sentence.
    """

    name: str
    family: str
    of: tuple[str, ...]
    words: str
    each: str | None = None
    within: tuple[str, ...] = ()
    known_by: tuple[str, ...] = ()
    personal: bool = False
    lasting: bool = False
    after: str | None = None


_F = NoveltyFeature
_ARGUMENT = ("tool", "key", "origin")

FEATURES: tuple[NoveltyFeature, ...] = (
    _F("tool", "act", ("tool",), "tool", lasting=True),
    _F("step", "act", ("previous_tool", "tool"), "tool after tool"),
    _F("data_class", "data", ("data_class",), "class of data", lasting=True),
    _F("tool_domain", "data", ("tool", "domain"), "tool on a domain", lasting=True),
    _F("tool_sensitivity", "data", ("tool", "sensitivity"), "tool on a sensitivity"),
    _F("tool_type", "data", ("tool", "resource_type"), "tool on a type", lasting=True),
    _F("resource", "data", ("resource",), "resource", within=("tool",)),
    _F("destination", "data", ("destination",), "destination"),
    _F("container", "place", ("container",), "folder, host or schema", "container", lasting=True),
    _F("tool_container", "place", ("tool", "container"), "tool in a folder", "container"),
    _F("program", "program", ("tool", "program"), "program", "program", lasting=True),
    _F("definition", "definition", ("tool", "definition"), "definition of a tool", after="tool"),
    _F("asn", "net", ("asn",), "network operator", personal=True),
    _F("country", "net", ("country",), "country", personal=True),
    _F("egress", "egress", ("egress",), "kind of egress"),
    _F("mode", "who", ("mode",), "mode", personal=True),
    _F("depth", "who", ("depth",), "depth of delegation", personal=True),
    _F("person", "who", ("person",), "person", personal=True),
    _F("delegate", "who", ("delegate",), "delegating agent", "delegate", personal=True),
    _F("tool_mode", "who", ("tool", "mode"), "tool in a mode", personal=True, after="tool"),
    _F("scope", "credential", ("scope",), "scope", "scope"),
    _F("credential_purpose", "credential", ("credential_purpose",), "purpose of a credential"),
    _F("origin", "argument", _ARGUMENT, "origin of an argument", "argument"),
    _F("flow", "argument", ("source", "tool", "key"), "flow between tools", "argument",
       within=("tool", "key")),
    _F("value", "argument", ("value",), "value", "argument", within=_ARGUMENT, known_by=("key",)),
    _F("value_host", "argument", ("value_host",), "host of a value", "argument", within=_ARGUMENT,
       known_by=("key",)),
    _F("hour", "hour", ("hour",), "time of day", personal=True),
)  # fmt: skip

INDEX = {feature.name: number for number, feature in enumerate(FEATURES)}

FAMILIES: dict[str, Family] = {
    one.name: one
    for one in (
        Family("act", "work"),
        Family("data", "work"),
        Family("place", "work"),
        Family("program", "work"),
        Family("argument", "work"),
        Family("definition", "definition", shared=True),
        Family("net", "net", shared=True),
        Family("egress", "net", shared=True),
        Family("who", "who"),
        Family("credential", "credential"),
        Family("hour", "hour", alone=False),
    )
}
"""Families of the features; those of counters and rules stand beside them."""
