"""The order, the pages and the choice of anomalies."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.store import COLUMNS, Commit, SqliteStore, Store, place_of


def an_anomaly(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"an-{number}",
        "agent_id": "a",
        "time": f"2026-01-05T08:{number // 2:02}:00.000000Z",
        "anomaly": "resource.new",
        "severity": "high",
        "rank": 1.5,
        "status": "open",
        **more,
    }


def test_anomalies_are_paged_newest_first_without_gap_or_repeat(store: Store) -> None:
    # Two of each share their instant.
    store.commit(Commit(anomalies=[an_anomaly(n) for n in range(9)]))
    got: list[str] = []
    after = None
    while page := store.anomalies(after=after, limit=2):
        got += [found["id"] for found in page]
        after = place_of(page[-1], "time")
    assert got == [f"an-{n}" for n in (8, 7, 6, 5, 4, 3, 2, 1, 0)]


def a_finding(number: int, last: str | None = None) -> dict[str, Any]:
    """Give a finding of one event, or of events up to a last one."""
    first = f"2026-01-05T08:{number:02}:00.000000Z"
    return an_anomaly(number, first_time=first, time=last or first)


@pytest.mark.parametrize("sort", ["time", "severity", "rank"])
def test_a_finding_that_grows_between_two_pages_is_on_a_later_page(store: Store, sort: Any) -> None:
    store.commit(Commit(anomalies=[a_finding(n) for n in range(20)]))
    page = store.anomalies(sort=sort, limit=5)
    store.commit(Commit(anomalies=[a_finding(2, "2026-01-05T09:00:00.000000Z")]))
    got = []
    while page:
        got += [found["id"] for found in page]
        page = store.anomalies(sort=sort, limit=5, after=place_of(page[-1], sort))
    assert got == [f"an-{n}" for n in reversed(range(20))]


def test_a_time_chooses_every_finding_with_first_or_last_event_on_both_sides(store: Store) -> None:
    late = a_finding(30, "2026-01-05T08:05:00.000000Z")
    store.commit(Commit(anomalies=[a_finding(10, "2026-01-05T09:00:00.000000Z"), late]))
    start = 1_767_600_000_000_000

    def ids(since: int, until: int) -> list[str]:
        found = store.anomalies(
            since_us=start + since * 60_000_000, until_us=start + until * 60_000_000
        )
        return [one["id"] for one in found]

    assert ids(0, 5) == []
    assert ids(10, 11) == ids(15, 16) == ids(30, 31) == ["an-30", "an-10"]
    assert ids(5, 6) == ["an-30"]
    assert ids(60, 61) == ["an-10"]
    assert ids(61, 90) == []


@pytest.mark.parametrize("sort", ["time", "severity", "rank"])
def test_each_order_is_the_same_in_both_directions_and_page_by_page(
    store: Store, sort: Any
) -> None:
    severities = ["critical", "high", "medium", "low"]
    statuses = ["open", "open", "dismissed", "confirmed", "open"]
    given = [
        an_anomaly(
            n, severity=severities[n % 4], status=statuses[n % 5], rank=[None, 0.1, 7.3][n % 3]
        )
        for n in range(40)
    ]
    store.commit(Commit(anomalies=given))
    whole = [place_of(found, sort) for found in store.anomalies(sort=sort, limit=100)]
    assert whole == sorted((place_of(one, sort) for one in given), reverse=True)
    for ascending in (False, True):
        got: list[Any] = []
        while page := store.anomalies(
            sort=sort, ascending=ascending, after=got[-1] if got else None, limit=7
        ):
            got += [place_of(found, sort) for found in page]
        assert got == whole[:: -1 if ascending else 1]


def test_each_order_is_read_from_an_index(store: Store) -> None:
    store.commit(Commit(anomalies=[an_anomaly(n) for n in range(100)]))
    for sort in ("time", "severity", "rank"):
        columns = COLUMNS[sort]
        order = ", ".join(f"{column} desc" for column in columns)
        query = f"select blob from anomalies order by {order} limit 3"  # noqa: S608  # ours alone
        if isinstance(store, SqliteStore):
            plan = " ".join(str(row) for row in store._api.rows(f"explain query plan {query}"))
        else:
            with store._api.transaction():
                store._api.run("set local enable_seqscan = off")
                plan = " ".join(str(row) for row in store._api.rows(f"explain {query}"))
        assert "anomalies_" in plan
        assert "sort" not in plan.lower().replace("b-tree for order", "sort")


def test_anomalies_are_chosen_by_agent_severity_kind_and_time(store: Store) -> None:
    store.commit(
        Commit(
            anomalies=[
                an_anomaly(0),
                an_anomaly(2, agent_id="b"),
                an_anomaly(4, severity="low"),
                an_anomaly(6, anomaly="tool.new"),
            ]
        )
    )

    def ids(**chosen: Any) -> list[str]:
        return [found["id"] for found in store.anomalies(**chosen)]

    assert ids(agent_id="b") == ["an-2"]
    assert ids(severity="low") == ["an-4"]
    assert ids(kind="tool.new") == ["an-6"]
    assert ids(since_us=1_767_600_120_000_000) == ["an-6", "an-4"]
    assert ids(until_us=1_767_600_120_000_000) == ["an-2", "an-0"]
    assert ids(severity=["low", "high"], kind=["tool.new", "other"]) == ["an-6"]
    assert ids(severity=["low", "medium"]) == ["an-4"]
    assert ids(kind=[]) == []
    assert ids(not_kind=["tool.new", "other"]) == ["an-4", "an-2", "an-0"]
    assert ids(not_kind="resource.new") == ["an-6"]
    assert ids(not_kind=[]) == ids()
    assert ids(kind=["tool.new", "resource.new"], not_kind="resource.new") == ["an-6"]
    assert ids(agent_id="a", severity="high", kind="resource.new") == ["an-0"]


def test_an_anomaly_written_again_is_one_anomaly(store: Store) -> None:
    store.commit(Commit(anomalies=[an_anomaly(1)]))
    store.commit(Commit(anomalies=[an_anomaly(1, status="dismissed", severity="low")]))
    assert store.anomaly("an-1") == an_anomaly(1, status="dismissed", severity="low")
    assert len(store.anomalies()) == 1
    assert store.anomaly("an-2") is None
