"""Rules, declared as data: what breaks a promise, each with the bits that it declares."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from msgspec import Struct

from models.baseline.session import Subject
from models.codec.stable_id import stable_id
from models.constants import (
    CERTAIN_BITS,
    COUNTRY_BITS,
    EXPIRED_BITS,
    IDENTITY_CHANGE_BITS,
    MODE_BITS,
    NETWORK_BITS,
    UNVERIFIED_BITS,
    VERSION_BITS,
)

if TYPE_CHECKING:
    from models.codec.hashing import Hasher
    from models.detectors.moment import Moment


class Rule(Struct, frozen=True):
    """A rule.

    Attributes
    ----------
    family
        Family and series that its bits belong to.
    bits
        Bits that it declares.
    field
        Field that is there where the rule is broken, and says what breaks it.
    says
        Sentence of a reason; ``{text}`` is the field.
    expected
        What was expected instead.
    number
        Field of a number whose logarithm adds bits; empty for none.
    """

    name: str
    family: str
    bits: float
    field: str
    says: str
    expected: str
    number: str = ""


RULES: tuple[Rule, ...] = (
    Rule(
        "conflict", "conflict", CERTAIN_BITS, "conflict",
        "The agent reported another event under the id {text}: one of the two is wrong.",
        "the same content",
    ),
    Rule(
        "unregistered", "unregistered", CERTAIN_BITS, "unregistered",
        "Agent {text} is not in the inventory: nobody registered it.", "in the inventory",
    ),
    Rule(
        "mismatch", "mismatch", CERTAIN_BITS, "mismatch",
        "The event claims {text}.", "what the inventory says",
    ),
    Rule(
        "unverified_peer", "unverified_peer", UNVERIFIED_BITS, "unverified",
        "The peer that the agent reached with {text} could not be verified.", "a verified peer",
    ),
    Rule(
        "expired", "expired", EXPIRED_BITS, "expired",
        "The credential was used {text}.", "used before its end", "expired",
    ),
    Rule(
        "other_country", "two_locations", COUNTRY_BITS, "other_country",
        "One credential was used in two countries within half an hour: {text}.", "one country",
        "nearness",
    ),
    Rule(
        "other_network", "two_locations", NETWORK_BITS, "other_network",
        "One credential was used in two networks within half an hour: {text}.", "one network",
        "nearness",
    ),
    Rule(
        "version", "version", VERSION_BITS, "unannounced",
        "The agent runs as version {text}, which no deployment announced.",
        "an announced version",
    ),
    Rule(
        "revoked", "revoked", CERTAIN_BITS, "revoked",
        "The identity provider took rights from the agent: {text}.", "an identity in force",
    ),
    Rule(
        "identity_change", "identity_change", IDENTITY_CHANGE_BITS, "identity_change",
        "The identity provider changed what the agent is: {text}.", "the same identity",
    ),
    Rule(
        "mode_shift", "mode_shift", MODE_BITS, "other_mode",
        "The agent begins to work in mode {text}.", "the mode of the days before",
    ),
    Rule(
        "leak", "leak", CERTAIN_BITS, "leaked_secret",
        "A credential that the agent had read leaves with this call: {text}.",
        "no credential in what is sent",
    ),
    Rule(
        "hooks", "hooks", CERTAIN_BITS, "changed_hooks",
        "The call changes what reports on agents: {text}.", "the hooks as they are",
    ),
    Rule(
        "unreported", "unreported", CERTAIN_BITS, "unreported_tool",
        "Telemetry has a call of {text} that no hook of the agent reported.",
        "a hook for each call",
    ),
)  # fmt: skip

BY_NAME = {rule.name: rule for rule in RULES}


def score(at: Moment, hasher: Hasher) -> None:
    """Raise the bits of the session by the rules that an event breaks."""
    for rule in RULES:
        text = at.fields.single.get(rule.field)
        if text is None:
            continue
        bits = rule.bits
        if rule.number:
            bits += log2(at.fields.numbers[rule.number])
        mark = hasher.of(f"rule\x1f{rule.family}\x1f{text}")
        at.raise_bits(stable_id(rule.family), bits, Subject(bits, 0, rule.name, mark, text))
