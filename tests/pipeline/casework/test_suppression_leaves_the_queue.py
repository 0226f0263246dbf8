"""K7 and T11 with suppressions: once over, a suppression has changed nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from models.units import DAY_US
from pipeline.casework import suppressions
from pipeline.store import open_store
from tests.pipeline.casework.desks import GHOST, OTHER, WorkingDesk, an_event

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPES = [
    {"agent": GHOST}, {"agent": OTHER, "mode": "delegated"}, {"anomaly": "identity.shadow"},
    {"detector": "unregistered"}, {"role": "none"}, {"agent": GHOST, "anomaly": "tool.new"},
]  # fmt: skip
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "agent": st.sampled_from([GHOST, OTHER, "clerk-1"]),
            "day": st.integers(0, 3),
            "session": st.sampled_from(["s-1", "s-2", "s-3"]),
            "credential": st.sampled_from([{"id": "c-1"}, {"id": "c-2"}]),
        }
    ),
    max_size=4,
)


@given(
    before=EVENTS, during=EVENTS, after=EVENTS, later=EVENTS,
    scopes=st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2), expires=st.booleans(),
    down=st.booleans(),
)  # fmt: skip
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_k7_a_suppression_that_is_over_leaves_the_queue_that_would_have_been_without_it(
    pipeline: Any, before, during, after, later, scopes, expires, down
) -> None:
    pipeline.inventory.write_text("agent_id,role,owner\nclerk-1,clerk,team@example.com\n")
    of = pipeline.settings("-")
    parts = enumerate((before, during, after, later))
    batches = [list(_events(number, some)) for number, some in parts]
    with (
        open_store("sqlite::memory:", secret=pipeline.SECRET) as one,
        open_store("sqlite::memory:", secret=pipeline.SECRET) as other,
    ):
        plain, hidden = WorkingDesk(of, one), WorkingDesk(of, other)
        plain.judge(*batches[0])
        hidden.judge(*batches[0])
        made = [hidden.suppress(**scope) for scope in scopes]
        announced = {one["case_id"] for one in hidden.judge(*batches[1])}
        kept = {one["case_id"] for one in plain.judge(*batches[1])}
        assert announced <= kept
        event(f"hides {len(kept - announced)}")
        if expires:
            hidden.now_us += DAY_US
        else:
            for suppression in made:
                suppressions.end(hidden.person, suppression.id, "over")
        if down:
            hidden.restart()
        assert hidden.beat() == []
        assert hidden.ids("suppressed") == []
        assert _queue(hidden) == _queue(plain)
        for batch in batches[2:]:
            assert hidden.judge(*batch) == plain.judge(*batch)
            assert _queue(hidden) == _queue(plain)
        assert _trust(hidden) == _trust(plain)


def _events(batch: int, some: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(some):
        yield an_event(
            f"e-{batch}-{number}", one["agent"], number, day=one["day"] + 2 * batch,
            session=one["session"], credential=one["credential"],
        )  # fmt: skip


def _queue(desk: WorkingDesk) -> list[dict[str, Any]]:
    return desk.store.cases(limit=1_000)


def _trust(desk: WorkingDesk) -> list[Any]:
    return [state for _, state in desk.store.changes(0, 1_000)]
