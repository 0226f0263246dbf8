"""Rules, declared as data: what breaks a promise, each with the bits that it declares."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from msgspec import Struct

from models.baseline.session import Subject
from models.codec.stable_id import stable_id
from models.constants import (
    CLAIM_BITS,
    CONFLICT_BITS,
    COUNTRY_BITS,
    EXPIRED_BITS,
    MODE_BITS,
    NETWORK_BITS,
    UNREGISTERED_BITS,
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
    number
        Field of a number whose logarithm adds bits; empty for none.
    """

    name: str
    family: str
    bits: float
    field: str
    number: str = ""


RULES: tuple[Rule, ...] = (
    Rule("conflict", "conflict", CONFLICT_BITS, "conflict"),
    Rule("unregistered", "unregistered", UNREGISTERED_BITS, "unregistered"),
    Rule("mismatch", "mismatch", CLAIM_BITS, "mismatch"),
    Rule("unverified_peer", "unverified_peer", UNVERIFIED_BITS, "unverified"),
    Rule("expired", "expired", EXPIRED_BITS, "expired", "expired"),
    Rule("other_country", "two_locations", COUNTRY_BITS, "other_country", "nearness"),
    Rule("other_network", "two_locations", NETWORK_BITS, "other_network", "nearness"),
    Rule("version", "version", VERSION_BITS, "unannounced"),
    Rule("mode_shift", "mode_shift", MODE_BITS, "other_mode"),
)


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
