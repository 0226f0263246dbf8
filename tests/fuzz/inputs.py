"""Input number N of a run: the same for ever, so that a failure can be repeated alone."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from pipeline.formats import FORMATS
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import CALL, TEXTS, seeds

if TYPE_CHECKING:
    from tests.fuzz.seeds import Seed

TARGETS = (*sorted(FORMATS), *TEXTS, CALL)
_THOROUGH = 16
"""One of so many inputs is checked thoroughly."""


class Input(NamedTuple):
    """One input of a target."""

    target: str
    records: list[bytes]
    thorough: bool


def input_of(run: int, number: int) -> Input:
    """Give an input: each target has as many as any other, in turn."""
    draw = Random(f"{run}/{number}")  # noqa: S311 - no secret
    target = TARGETS[number % len(TARGETS)]
    own = draw.choice(_by_target()[target])
    other = draw.choice(seeds())
    thorough = draw.randrange(_THOROUGH) == 0
    return Input(target, mutated(draw, own.records, other.records), thorough)


@cache
def _by_target() -> dict[str, list[Seed]]:
    found: dict[str, list[Seed]] = defaultdict(list)
    for seed in seeds():
        found[seed.target].append(seed)
    return dict(found)
