"""A working desk over a store of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.store import open_store
from tests.pipeline.casework.desks import OTHER, WorkingDesk, an_event

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def empty_desk(pipeline: Any, store_url: str) -> Iterator[WorkingDesk]:
    """Give a desk before the first event."""
    pipeline.inventory.write_text("agent_id,role,owner\nclerk-1,clerk,team@example.com\n")
    open_store(store_url, secret=pipeline.SECRET).close()
    settings = pipeline.settings("-").model_copy(update={"store": store_url})
    with open_store(store_url) as store:
        yield WorkingDesk(settings, store)


@pytest.fixture
def desk(empty_desk: WorkingDesk) -> WorkingDesk:
    """Give a desk with one case of two agents."""
    empty_desk.judge(an_event("e-1"), an_event("e-2", OTHER, 1))
    return empty_desk
