"""A store of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        yield opened
