"""The sample is made once per seed and read by all tests of this folder."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from lab.simulation.sample.bundle import sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulation.sample.truth import Truth
    from models.event import Event


@pytest.fixture(scope="session")
def sample_of() -> Callable[[int], tuple[list[Event], Truth]]:
    return cache(sample)
