"""The order, the pages and the choice of cases."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.store import CASE_COLUMNS, Commit, SqliteStore, Store, case_place_of, open_store


def a_case(number: int, **more: Any) -> dict[str, Any]:
    return {
        "case_id": f"C-{number:02}",
        "agent_id": "a",
        "last": f"2026-01-05T08:{number // 2:02}:00.000000Z",
        "severity": "high",
        "status": "open",
        "return_period_days": 8.0,
        **more,
    }


def mixed() -> list[dict[str, Any]]:
    severities = ["critical", "high", "medium", "low"]
    return [
        a_case(
            n,
            severity=severities[n % 4],
            status="closed" if n % 5 == 2 else "open",
            return_period_days=[None, 0.2, 140.0][n % 3],
        )
        for n in range(40)
    ]


@pytest.mark.parametrize("sort", ["severity", "last"])
def test_each_order_is_the_same_in_both_directions_and_page_by_page(
    store: Store, sort: Any
) -> None:
    given = mixed()
    store.commit(Commit(cases=given))
    whole = [case_place_of(found, sort) for found in store.cases(sort=sort, limit=100)]
    assert whole == sorted((case_place_of(one, sort) for one in given), reverse=True)
    for ascending in (False, True):
        got: list[Any] = []
        while page := store.cases(
            sort=sort, ascending=ascending, after=got[-1] if got else None, limit=7
        ):
            got += [case_place_of(found, sort) for found in page]
        assert got == whole[:: -1 if ascending else 1]


def test_queue_is_ordered_by_severity_then_return_period_and_closed_cases_are_last(
    store: Store,
) -> None:
    store.commit(
        Commit(
            cases=[
                a_case(1, severity="critical", status="closed"),
                a_case(2, severity="low", return_period_days=900.0),
                a_case(3, return_period_days=2.5),
                a_case(4, return_period_days=140.0),
                a_case(5, return_period_days=0.3),
            ]
        )
    )
    assert [one["case_id"] for one in store.cases()] == ["C-04", "C-03", "C-05", "C-02", "C-01"]


def test_each_order_is_read_from_an_index(store: Store) -> None:
    store.commit(Commit(cases=mixed()))
    for columns in CASE_COLUMNS.values():
        order = ", ".join(f"{column} desc" for column in columns)
        query = f"select blob from cases order by {order} limit 3"  # noqa: S608  # ours alone
        if isinstance(store, SqliteStore):
            plan = " ".join(str(row) for row in store._api.rows(f"explain query plan {query}"))
        else:
            with store._api.transaction():
                store._api.run("set local enable_seqscan = off")
                plan = " ".join(str(row) for row in store._api.rows(f"explain {query}"))
        assert "cases_" in plan
        assert "sort" not in plan.lower().replace("b-tree for order", "sort")


def test_cases_are_chosen_by_agent_severity_and_status(store: Store) -> None:
    cases = [a_case(0), a_case(2, severity="low"), a_case(4, status="closed")]
    agents = [("C-00", "a"), ("C-02", "a"), ("C-04", "a"), ("C-04", "b"), ("C-04", "b")]
    store.commit(Commit(cases=cases, case_agents=agents))

    def ids(**chosen: Any) -> list[str]:
        return [found["case_id"] for found in store.cases(sort="last", **chosen)]

    assert ids() == ids(agent_id="a") == ["C-04", "C-02", "C-00"]
    assert ids(agent_id="b") == ["C-04"]
    assert ids(agent_id="nobody") == ids(severity=[]) == []
    assert ids(severity="low") == ["C-02"]
    assert ids(severity=["low", "high"], status="open") == ["C-02", "C-00"]
    assert ids(status="closed") == ["C-04"]


def test_case_is_chosen_by_the_type_of_any_finding_that_it_ever_had(store: Store) -> None:
    def found(*types: str) -> dict[str, Any]:
        return {"findings": [{"anomaly": one} for one in types]}

    store.commit(Commit(cases=[a_case(0, **found("tool.new", "secret.leak")), a_case(2)]))
    store.commit(Commit(cases=[a_case(2, **found("config.change"))]))

    def ids(**chosen: Any) -> list[str]:
        return [one["case_id"] for one in store.cases(sort="last", **chosen)]

    assert ids(kind="secret.leak") == ids(kind="tool.new") == ["C-00"]
    assert ids(kind=["secret.leak", "config.change"]) == ["C-02", "C-00"]
    assert ids(kind="telemetry.gap") == ids(kind=[]) == []
    assert ids(kind="secret.leak", severity="low") == []


def test_a_case_written_again_is_one_case(store: Store) -> None:
    store.commit(Commit(cases=[a_case(1)]))
    newer = a_case(1, status="closed", return_period_days=9.5)
    store.commit(Commit(cases=[newer]))
    assert store.case("C-01") == newer
    assert len(store.cases()) == 1
    assert store.case("C-02") is None
    assert store.case_ids("C-0", 5) == ["C-01"]
    assert store.case_ids("an-", 5) == []


def test_a_case_is_kept_and_read_by_another_process(store_url: str) -> None:
    with open_store(store_url) as store:
        store.commit(Commit(cases=[a_case(1)], case_agents=[("C-01", "a")]))
    with open_store(store_url, read_only=True) as store:
        assert store.cases(agent_id="a") == [a_case(1)]
