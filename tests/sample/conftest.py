"""The sample is made once per seed and read by all tests of this folder."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from pipeline.sample.bundle import sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Event
    from pipeline.sample.truth import Truth


@pytest.fixture(scope="session")
def sample_of() -> Callable[[int], tuple[list[Event], Truth]]:
    return cache(sample)
