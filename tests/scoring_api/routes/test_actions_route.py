"""Events over HTTP: each judged by itself, the good ones kept before the answer."""

from __future__ import annotations

import json

import pytest

from pipeline.store import Commit

HEADERS = {"Content-Type": "application/json"}


def event(number: int = 1, **more):
    return {
        "id": f"e-{number}",
        "time": "2026-01-05T08:00:00Z",
        "agent": {"id": "a"},
        "tool": "mail.send",
        **more,
    }


def kept(installation):
    return [json.loads(value) for _, value, _ in installation.store.inbox_batch(0, 10_000)]


@pytest.mark.parametrize(
    "wrapped", [lambda e: e[0], lambda e: e[:1], lambda e: {"events": e[:1]}, lambda e: {**e[0]}]
)
def test_event_in_any_wrapping_is_stored(client, installation, wrapped):
    response = client.post("/v1/actions", json=wrapped([event()]))
    assert response.status_code == 202
    assert response.json() == {
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "rejected": 0,
        "results": [
            {"index": 0, "id": "e-1", "status": "accepted", "reason": None, "detail": None}
        ],
        "warnings": [],
    }
    assert kept(installation) == [event()]


def test_bytes_of_an_event_are_stored_unchanged(client, installation):
    raw = json.dumps(event(), indent=3).encode()
    client.post("/v1/actions", content=b"  " + raw + b"\n", headers=HEADERS)
    assert [value for _, value, _ in installation.store.inbox_batch(0, 10)] == [raw]


def test_a_bad_event_is_rejected_with_its_reason_and_the_others_are_kept(client, installation):
    bad = [
        {"id": "no-tool", "time": "2026-01-05T08:00:00Z", "agent": {"id": "a"}},
        event(3, mode="secret-text"),
        "secret-text",
        17,
        None,
        [],
    ]
    response = client.post("/v1/actions", json=[event(1), *bad, event(2)])
    assert response.status_code == 202
    answer = response.json()
    assert (answer["accepted"], answer["rejected"]) == (2, 6)
    assert [r["status"] for r in answer["results"]] == ["accepted", *["rejected"] * 6, "accepted"]
    assert answer["results"][1]["id"] == "no-tool"
    assert answer["results"][1]["reason"] == "missing_key"
    assert answer["results"][3]["id"] is None
    assert kept(installation) == [event(1), event(2)]
    page = client.get("/metrics").text
    assert 'habitus_api_actions_total{reason="",status="accepted"} 2.0' in page
    assert 'habitus_api_actions_total{reason="missing_key",status="rejected"} 1.0' in page


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1,", b"17", b'"text"', b"null", b"\xff\xfe", b"[" * 5000, b'{"events":1}'],
)
def test_only_a_body_that_cannot_be_read_as_a_whole_is_400(client, installation, body):
    response = client.post("/v1/actions", content=body, headers=HEADERS)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert kept(installation) == []


NESTED = b'{"id":"n","arguments":' + b"[" * 3_000 + b"]" * 3_000 + b"}"


@pytest.mark.parametrize(
    "bad",
    [rb'{"id":"n","purpose":"\ud800"}', NESTED, b'{"id":"\xff"}', b'{"id":nope}', b'{"a":"\x01"}'],
    ids=["surrogate", "nested", "utf-8", "word", "control"],
)
@pytest.mark.parametrize("wrapped", [b"[%s , %s]", b'{"note":[1],\n"events" : [ %s,%s ] }'])
def test_an_event_that_no_decoder_reads_is_rejected_alone(client, installation, bad, wrapped):
    good = json.dumps(event(1, purpose='a "]}, \\ [{')).encode()
    response = client.post("/v1/actions", content=wrapped % (bad, good), headers=HEADERS)
    assert response.status_code == 202, response.text
    assert [r["status"] for r in response.json()["results"]] == ["rejected", "accepted"]
    assert [value for _, value, _ in installation.store.inbox_batch(0, 10)] == [good]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id":"\\ud800"},]',
        b'[{"id":"\\ud800"}',
        b'[{"id":"\\ud800"}}, {}]',
        b'[{"id":"\\ud800"]]',
        b'[{"id":"\\ud800"}] {}',
        b'[{"id":"\\ud800"}, nope]',
        b'["\\ud800]',
        b'{"events":[{"id":"\\ud800"}],}',
        b'{"id":"\\ud800"}',
        b'{"events":{"id":"\\ud800"}}',
        b'[{"id":"\\ud800"},[' + b'"",' * 600_000 + b'""]]',
        b'{"events":["\\ud800"]' + b',"":1' * 1_000 + b"}",
    ],
)
def test_a_body_that_cannot_be_split_is_400(client, installation, body):
    response = client.post("/v1/actions", content=body, headers=HEADERS)
    assert response.status_code == 400
    assert kept(installation) == []


def test_a_batch_with_an_unreadable_event_has_no_more_events_than_others(client):
    items = [b'{"id":"\xff"}', *[b"1"] * 1_000]
    response = client.post("/v1/actions", content=b"[%s]" % b",".join(items), headers=HEADERS)
    assert response.status_code == 413


def test_request_with_only_rejected_events_is_422_with_a_result_each(client, installation):
    bad = [event(1, mode="secret-text"), {"id": "no-tool"}, 17]
    response = client.post("/v1/actions", json=bad)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    answer = response.json()
    assert (
        answer.items()
        >= {
            "type": "about:blank",
            "status": 422,
            "detail": "every event was rejected (3), expected at least one that can be accepted",
        }.items()
    )
    assert [(r["index"], r["id"], r["status"], r["reason"]) for r in answer["results"]] == [
        (0, "e-1", "rejected", "bad_value"),
        (1, "no-tool", "rejected", "missing_key"),
        (2, None, "rejected", "wrong_type"),
    ]
    assert "secret-text" not in response.text
    assert kept(installation) == []
    page = client.get("/metrics").text
    assert 'habitus_api_actions_total{reason="bad_value",status="rejected"} 1.0' in page


def test_object_that_is_not_an_event_is_422(client):
    response = client.post("/v1/actions", json={"id": "x"})
    assert response.status_code == 422
    assert [r["id"] for r in response.json()["results"]] == ["x"]


def test_a_request_without_events_is_202_with_no_results(client):
    response = client.post("/v1/actions", json=[])
    assert response.status_code == 202
    assert response.json()["results"] == []


def test_the_answer_to_events_that_are_all_rejected_is_described(client):
    answers = client.get("/openapi.json").json()["paths"]["/v1/actions"]["post"]["responses"]
    (schema,) = (c["schema"] for c in answers["422"]["content"].values())
    assert "application/problem+json" in answers["422"]["content"]
    assert "RejectedActions" in str(schema)


def test_a_batch_of_more_than_a_thousand_is_refused_whole(client, installation):
    assert client.post("/v1/actions", json=[event(n) for n in range(1001)]).status_code == 413
    assert kept(installation) == []
    full = client.post("/v1/actions", json=[event(n) for n in range(1000)])
    assert full.json()["accepted"] == 1000


def test_an_event_that_is_too_large_is_rejected_and_the_next_is_kept(installation):
    with installation.client(max_event=2000) as client:
        large = event(1, attributes={"x": "y" * 2000})
        answer = client.post("/v1/actions", json=[large, event(2)]).json()
    assert [r["reason"] for r in answer["results"]] == ["too_long", None]
    assert answer["results"][0]["id"] == "e-1"


def test_another_content_type_is_refused(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        response = client.post(
            "/v1/actions", content=json.dumps(event()), headers={"Content-Type": kind}
        )
        assert response.status_code == 415
    charset = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/v1/actions", content=json.dumps(event()), headers=charset).is_success


def test_unavailable_store_is_503(client, installation):
    installation.store.close()
    response = client.post("/v1/actions", json=event())
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"


def test_misspelt_member_is_a_warning_with_count_and_suggestion(client, installation):
    sent = [
        event(1, resorce={"id": "secret-value"}),
        event(2, resorce={"id": "r"}, agent={"id": "a", "teem": "red"}),
        event(3, attributes={"resorce": 1}),
        {"id": "no-event", "resorce": 1},
    ]
    response = client.post("/v1/actions", json=sent)
    assert response.status_code == 202
    assert response.json()["warnings"] == [
        {"member": "resorce", "count": 2, "suggestion": "resource"},
        {"member": "agent.teem", "count": 1, "suggestion": None},
    ]
    assert "secret-value" not in response.text
    assert kept(installation) == sent[:3]


def test_warnings_are_bounded_in_number_and_length(client):
    names = [f"n{number}" for number in range(2000)] + ["x" * 5000, "\u202ename", "a b"]
    sent = [event(1, **dict.fromkeys(names, 1)), event(2, **{f"m{n}": 1 for n in range(30)})]
    response = client.post("/v1/actions", json=sent)
    warnings = response.json()["warnings"]
    assert len(warnings) == 21
    assert warnings[-1] == {"member": "(other)", "count": 2, "suggestion": None}
    assert {warning["count"] for warning in warnings[:-1]} == {1}
    assert len(response.content) < 3000


def test_metrics_name_the_unknown_members_that_the_worker_counted(client, installation, until):
    installation.store.commit(Commit(counters={"unknown_member_resorce": 7}))
    installation.say()
    line = 'habitus_pipeline_unknown_members_total{member="resorce"} 7.0'
    until(lambda: line in client.get("/metrics").text)


def test_credentials_of_an_event_are_hidden_before_it_is_stored(client, installation):
    token = "gl" + "pat-" + "Ab3dEf6hIj9kLm2nOp5q"
    sent = event(arguments={"command": f"deploy --key {token}", "password": "hunter2"})
    for status in ("accepted", "duplicate"):
        answer = client.post("/v1/actions", json=sent)
        assert answer.json()["results"][0]["status"] == status
    arguments = {"command": "deploy --key ***gitlab_token***", "password": "***named_secret***"}
    assert kept(installation) == [event(arguments=arguments)]
