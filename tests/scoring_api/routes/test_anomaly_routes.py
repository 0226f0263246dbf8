"""What is unusual, and paging through it."""

from __future__ import annotations

import pytest

from pipeline.store.batch import Commit
from scoring_api.lists import cursors


@pytest.fixture
def found(installation):
    installation.find(
        *(installation.anomaly(n) for n in range(5)),
        installation.anomaly(7, agent_id="b", severity="low"),
        installation.anomaly(8, anomaly="tool.new"),
    )
    with installation.client() as client:
        yield client


def ids(client, **question):
    return [a["id"] for a in client.get("/v1/anomalies", params=question).json()["anomalies"]]


def test_anomalies_come_newest_first_with_their_reasons(found, installation):
    page = found.get("/v1/anomalies").json()
    assert [a["id"] for a in page["anomalies"]][:2] == ["anomaly-8", "anomaly-7"]
    assert page["anomalies"][-1] == installation.anomaly(0)
    assert page["next_cursor"] is None


def test_anomalies_are_chosen_by_agent_severity_kind_and_time(found):
    assert ids(found, agent="b") == ["anomaly-7"]
    assert ids(found, severity="low") == ["anomaly-7"]
    assert ids(found, kind="tool.new") == ["anomaly-8"]
    assert ids(found, since="2026-01-05T08:07:00Z") == ["anomaly-8", "anomaly-7"]
    assert ids(found, since="2026-01-05T10:07:00+02:00") == ["anomaly-8", "anomaly-7"]
    assert found.get("/v1/anomalies", params={"since": "2026-01-05T08:07:00"}).status_code == 400


def test_several_severities_and_types_and_an_end_of_time_choose_too(found):
    assert ids(found, severity=["low", "critical"]) == ["anomaly-7"]
    assert ids(found, kind=["tool.new", "resource.new"], severity="low") == ["anomaly-7"]
    assert ids(found, until="2026-01-05T08:02:00Z") == ["anomaly-1", "anomaly-0"]
    assert ids(found, since="2026-01-05T08:01:00Z", until="2026-01-05T08:02:00Z") == ["anomaly-1"]
    assert found.get("/v1/anomalies", params={"severity": ["low", "grave"]}).status_code == 400
    assert found.get("/v1/anomalies", params={"sort": "agent"}).status_code == 400


def test_orders_are_by_time_by_severity_and_by_rank(found, installation):
    installation.find(
        installation.anomaly(20, severity="critical", rank=1.0),
        installation.anomaly(21, severity="critical", rank=50.0, status="dismissed"),
    )
    assert ids(found, order="asc", limit=2) == ["anomaly-0", "anomaly-1"]
    by_severity = ids(found, sort="severity")
    assert by_severity[:2] == ["anomaly-20", "anomaly-8"]
    assert by_severity[-2:] == ["anomaly-7", "anomaly-21"]
    assert ids(found, sort="rank")[:2] == ["anomaly-21", "anomaly-8"]
    assert ids(found, sort="rank", order="asc")[0] == "anomaly-20"


def walk(client, key, **question):
    """Follow the cursors of a page one way to the end; give the ids of each page."""
    pages = []
    while True:
        page = client.get("/v1/anomalies", params=question).json()
        pages.append([a["id"] for a in page["anomalies"]])
        if page[key] is None:
            return pages, page
        question = {"limit": question["limit"], "cursor": page[key]}


@pytest.mark.parametrize("sort", ["time", "severity", "rank"])
@pytest.mark.parametrize("order", ["desc", "asc"])
def test_pages_are_walked_on_and_back_without_gap_or_repeat(found, sort, order):
    on, last = walk(found, "next_cursor", limit=2, sort=sort, order=order)
    assert [one for page in on for one in page] == ids(found, sort=sort, order=order)
    back, first = walk(found, "previous_cursor", limit=2, cursor=last["previous_cursor"])
    assert back[::-1] == on[:-1]
    assert first["next_cursor"] is not None


def test_new_anomalies_do_not_shift_pages(found, installation):
    question = {"limit": 3}
    first = found.get("/v1/anomalies", params=question).json()
    cursor = {**question, "cursor": first["next_cursor"]}
    before = found.get("/v1/anomalies", params=cursor).json()
    installation.find(installation.anomaly(30), installation.anomaly(31, severity="critical"))
    assert found.get("/v1/anomalies", params=cursor).json() == before
    # The first page has moved on: the last of it is worth another look, and moves no page either.
    installation.find(installation.anomaly(4, time="2026-01-06T08:00:00.000000Z"))
    assert found.get("/v1/anomalies", params=cursor).json() == before


FLOOD = [f"ghost-{n}" for n in range(60)]


def test_type_can_be_left_out_and_the_cursor_keeps_the_filter(found, installation):
    installation.find(
        *(installation.anomaly(10, id=one, anomaly="identity.shadow", rank=99.0) for one in FLOOD)
    )
    assert all(one in FLOOD for one in ids(found, sort="severity"))
    kept = ids(found, sort="severity", not_kind=["identity.shadow", "cascade"])
    assert kept == [f"anomaly-{n}" for n in (8, 4, 3, 2, 1, 0, 7)]
    pages, last = walk(found, "next_cursor", limit=2, sort="severity", not_kind="identity.shadow")
    assert [one for page in pages for one in page] == kept
    back, _ = walk(found, "previous_cursor", limit=2, cursor=last["previous_cursor"])
    assert back[::-1] == pages[:-1]
    described = found.get("/openapi.json").json()["paths"]["/v1/anomalies"]["get"]["parameters"]
    assert "leave out" in next(one for one in described if one["name"] == "not_kind")["description"]


def test_cursor_keeps_every_filter_and_the_request_may_override(found):
    chosen = {"kind": "resource.new", "severity": ["high"], "agent": "a",
              "since": "2026-01-05T08:01:00Z", "until": "2026-01-05T08:05:00Z"}  # fmt: skip
    chosen["agent"] = found.get("/v1/anomalies/anomaly-1").json()["agent_id"]
    whole = ids(found, **chosen)
    assert len(whole) == 4
    pages, _ = walk(found, "next_cursor", limit=1, **chosen)
    assert [one for page in pages for one in page] == whole
    cursor = found.get("/v1/anomalies", params={**chosen, "limit": 1}).json()["next_cursor"]
    assert ids(found, cursor=cursor, since="2026-01-05T08:03:00Z") == ["anomaly-3"]


def test_filters_that_no_cursor_can_carry_are_refused(found):
    kinds = ["resource.new", *["tool.definition_changed"] * 63]
    page = found.get("/v1/anomalies", params={"kind": kinds, "limit": 1}).json()
    assert len(ids(found, cursor=page["next_cursor"], limit=9)) == 5
    others = ["tool.definition_changed"] * 64
    asked = {"kind": kinds, "not_kind": others, "limit": 1}
    refused = found.get("/v1/anomalies", params=asked)
    assert refused.status_code == 400
    assert "name fewer types" in refused.json()["detail"]


def test_an_anomaly_that_grows_is_on_a_later_page_and_in_every_window_it_spans(found, installation):
    first = found.get("/v1/anomalies", params={"limit": 3}).json()
    grown = {"first_time": "2026-01-05T08:01:00.000000Z", "time": "2026-01-05T09:00:00.000000Z"}
    installation.find(installation.anomaly(1, **grown))
    question = {"limit": 3, "cursor": first["next_cursor"]}
    pages, _ = walk(found, "next_cursor", **question)
    assert [one for page in pages for one in page] == [f"anomaly-{n}" for n in (3, 2, 1, 0)]
    assert "anomaly-1" in ids(found, until="2026-01-05T08:02:00Z")
    window = {"since": "2026-01-05T08:30:00Z", "until": "2026-01-05T08:31:00Z"}
    assert ids(found, **window) == ["anomaly-1"]


@pytest.mark.parametrize(
    "turn",
    [
        ["time", False, None, False],
        ["time", False, [1], False],
        ["time", False, ["a", "an-1"], False],
        ["time", False, [1, 2], False],
        ["time", False, [2**70, "an-1"], False],
        ["time", False, [1, "an\0"], False],
        ["severity", False, [1, "an-1"], False],
        ["agent", False, [1, "an-1"], False],
        ["time", False, [1, "an-1"], False, ["a\0"]],
        ["time", False, [1, "an-1"], False, [None, None, None, ["a\0"]]],
        ["time", False, [1, "an-1"], False, [None, ["grave"]]],
        ["time", False, [1, "an-1"], False, [None, None, None, None, 2**63]],
        "anomaly-3",
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(found, turn):
    response = found.get("/v1/anomalies", params={"cursor": cursors.give(turn)})
    assert response.status_code == 400, response.text


def test_a_cursor_of_another_order_is_refused(found):
    cursor = found.get("/v1/anomalies", params={"limit": 2}).json()["next_cursor"]
    for other in ({"sort": "rank"}, {"order": "asc"}):
        response = found.get("/v1/anomalies", params={"cursor": cursor, **other})
        assert response.status_code == 400
        assert "another order" in response.json()["detail"]
    same = {"cursor": cursor, "sort": "time", "order": "desc"}
    assert found.get("/v1/anomalies", params=same).status_code == 200


def test_one_anomaly_is_found_by_its_id(found, installation):
    assert found.get("/v1/anomalies/anomaly-3").json() == installation.anomaly(3)
    assert found.get("/v1/anomalies/absent").status_code == 404


def test_an_anomaly_of_several_agents_lists_them_where_it_is_opened(installation):
    several = {"count": 1_200, "first": ["ghost-7"], "operations": {"ghost-7": "pay"}, "shared": {}}
    members = [(f"name-{n}", "anomaly-9", f"ghost-{n:04}") for n in range(1_200)]
    found = installation.anomaly(9, agents=several)
    installation.store.commit(Commit(anomalies=[found], members=members))
    with installation.client() as client:
        assert client.get("/v1/anomalies").json()["anomalies"] == [found]
        opened = client.get("/v1/anomalies/anomaly-9").json()
    assert opened["agents"] == several | {"members": [f"ghost-{n:04}" for n in range(1_000)]}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"kind": "tool.nwe"}, "did you mean tool.new?"),
        ({"kind": ["tool.new", "bogus"]}, "expected one of: approval.pattern, "),
        ({"not_kind": "identity.shadw"}, "did you mean identity.shadow?"),
        ({"severty": "high"}, "unknown query parameter, did you mean severity?"),
        ({"x": "1"}, "unknown query parameter, expected one of: agent, cursor, "),
    ],
)
def test_unknown_types_and_parameters_are_refused_with_the_nearest_name(found, question, said):
    answer = found.get("/v1/anomalies", params=question)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/v1/anomalies/anomaly-8", "/v1/agents", "/v1/agents/b/trust", "/v1/agents/b/evidence"]
)
def test_no_route_for_reading_ignores_a_parameter(found, path):
    answer = found.get(path, params={"bogus": "1"})
    assert answer.status_code == 400
    assert "unknown query parameter" in answer.json()["detail"]
