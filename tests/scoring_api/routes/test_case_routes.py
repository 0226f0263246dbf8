"""Cases over HTTP: order, pages, filters and one case, over both kinds of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pipeline.credentials.entries import make_key
from scoring_api.lists import cursors

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx


@pytest.fixture
def found(installed) -> Iterator[httpx.Client]:
    installed.file(
        *(installed.case(n) for n in range(4)),
        installed.case(4, severity="critical"),
        installed.case(5, severity="low", agents=[installed.REFUNDS, "b"], agent_count=2),
        installed.case(6, severity="critical", status="closed", change="closed"),
    )
    with installed.client() as client:
        yield client


def numbers(client: httpx.Client, **asked: Any) -> list[int]:
    answer = client.get("/v1/cases", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return [int(one["case_id"][2:], 16) for one in answer.json()["cases"]]


def test_queue_begins_with_the_most_severe_and_rarest_and_ends_with_closed_cases(found):
    assert numbers(found) == [4, 3, 2, 1, 0, 5, 6]
    assert numbers(found, order="asc") == [6, 5, 0, 1, 2, 3, 4]
    assert numbers(found, sort="last") == [6, 5, 4, 3, 2, 1, 0]


def test_cases_are_chosen_by_agent_severity_and_status(found):
    assert numbers(found, agent="b") == [5]
    assert numbers(found, agent="nobody") == []
    assert numbers(found, severity=["critical", "low"]) == [4, 5, 6]
    assert numbers(found, status="closed") == [6]
    assert numbers(found, severity="critical", status="open") == [4]


def test_cases_are_found_by_the_type_of_any_finding(installed):
    def found(*types: str) -> dict[str, Any]:
        rest = {"detector": "d", "subject": "s", "bits": 12.0, "why": "It was seen."}
        return {"findings": [{"anomaly": one} | rest for one in types]}

    installed.file(
        installed.case(0, **found("tool.new", "secret.leak", "config.change")),
        installed.case(1, **found("secret.leak")),
        installed.case(2, **found("tool.new")),
    )
    with installed.client() as client:
        assert numbers(client, kind="secret.leak") == [1, 0]
        assert numbers(client, kind=["config.change", "telemetry.gap"]) == [0]
        assert numbers(client, kind="telemetry.gap") == []
        first = client.get("/v1/cases", params={"kind": "tool.new", "limit": 1}).json()
        assert [one["anomaly"] for one in first["cases"][0]["findings"]] == ["tool.new"]
        assert numbers(client, cursor=first["next_cursor"]) == [0]


@pytest.mark.parametrize("sort", ["severity", "last"])
def test_pages_are_walked_in_both_directions_without_gap_or_repeat(found, sort):
    whole = numbers(found, sort=sort)
    pages, cursor = [], None
    while True:
        asked = {"limit": 3} | ({"sort": sort} if cursor is None else {"cursor": cursor})
        pages.append(found.get("/v1/cases", params=asked).json())
        cursor = pages[-1]["next_cursor"]
        if cursor is None:
            break
    got = [int(one["case_id"][2:], 16) for page in pages for one in page["cases"]]
    assert got == whole
    back = {"limit": 3, "cursor": pages[1]["previous_cursor"]}
    assert found.get("/v1/cases", params=back).json()["cases"] == pages[0]["cases"]


def test_a_cursor_keeps_its_filters(found):
    first = found.get("/v1/cases", params={"severity": "high", "limit": 2}).json()
    assert numbers(found, cursor=first["next_cursor"], limit=9) == [1, 0]
    assert numbers(found, cursor=first["next_cursor"], severity="low") == [5]


@pytest.mark.parametrize(
    "turn",
    [
        ["last", False, None, False],
        ["last", False, ["a", "C-1"], False],
        ["last", False, [1, "C\0"], False],
        ["severity", False, [1, "C-1"], False],
        ["time", False, [1, "C-1"], False],
        ["last", False, [1, "C-1"], False, [None, ["grave"]]],
        ["last", False, [1, "C-1"], False, [None, None, "lost"]],
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(found, turn):
    answer = found.get("/v1/cases", params={"cursor": cursors.give(turn)})
    assert answer.status_code == 400, answer.text


def test_a_cursor_of_another_order_is_refused(found):
    cursor = found.get("/v1/cases", params={"limit": 2}).json()["next_cursor"]
    for other in ({"sort": "last"}, {"order": "asc"}):
        answer = found.get("/v1/cases", params={"cursor": cursor, **other})
        assert answer.status_code == 400
        assert "another order" in answer.json()["detail"]


def test_one_case_is_found_by_its_id(found, installed):
    case = installed.case(3)
    (signal,) = case["signals"]
    of_signal = {name: signal[name] for name in ("anomaly", "detector", "subject", "bits")}
    findings = [of_signal | {"why": signal["reasons"][0]["why"]}]
    assert found.get("/v1/cases/C-0000000000000003").json() == case | {
        "discussion": [],
        "findings": findings,
    }
    assert found.get("/v1/cases/absent").status_code == 404
    assert found.get("/v1/cases/a%00b").status_code in (400, 404)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"severty": "high"}, "did you mean severity?"),
        ({"status": "lost"}, "status"),
        ({"kind": "secret.leek"}, "did you mean secret.leak?"),
        ({"sort": "rank"}, "sort"),
        ({"limit": 0}, "limit"),
    ],
)
def test_wrong_parameters_are_refused_by_name(found, question, said):
    answer = found.get("/v1/cases", params=question)
    assert answer.status_code == 400
    assert said in answer.text


def test_cases_need_the_scope_of_anomalies(installation, tmp_path):
    keys = tmp_path / "keys.json"
    reader, trusted = make_key("reader", ["anomaly:read"]), make_key("pdp", ["trust:read"])
    keys.write_bytes(msgspec.json.encode([reader[1], trusted[1]]))
    installation.file(installation.case(1))
    with installation.client(api_keys_file=keys) as client:
        for path in ("/v1/cases", "/v1/cases/C-0000000000000001"):
            assert client.get(path).status_code == 401
            for (key, _), status in ((reader, 200), (trusted, 403)):
                answer = client.get(path, headers={"Authorization": f"Bearer {key}"})
                assert answer.status_code == status
