"""Decisions about cases over HTTP: preview, save, conflict, undo and who decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from models.event import rfc3339
from models.trust.disposition import case_key
from models.units import DAY_US
from pipeline.credentials.entries import make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

CASE = f"C-{1:016x}"


@pytest.fixture
def installed(installed: Any) -> Any:
    """Give an installation with one case, over a store of each kind."""
    filled(installed)
    return installed


def filled(installed: Any) -> None:
    item = installed.item(case_key(installed.REFUNDS, "delegated", CASE))
    installed.put(installed.state(items=(item,)))
    installed.file(installed.case(1))


@pytest.fixture
def client(installed) -> Iterator[httpx.Client]:
    with installed.client() as ready:
        yield ready


def decide(client: httpx.Client, **more: Any) -> httpx.Response:
    preview = more.pop("preview", False)
    body = {"disposition": "benign", "reason": "a migration", "version": 1} | more
    path = f"/v1/cases/{CASE}/disposition" + ("?preview=true" if preview else "")
    return client.post(path, json={k: v for k, v in body.items() if v is not None})


@pytest.mark.parametrize(
    ("disposition", "closes", "gate"),
    [
        ("benign", [CASE], "open"),
        ("expected_change", [CASE], "open"),
        ("malicious", [CASE], "quarantined"),
        ("unclear", [], "open"),
    ],
)
def test_a_preview_says_what_saving_says_and_saves_nothing(
    client, installed, disposition, closes, gate
):
    preview = decide(client, disposition=disposition, preview=True)
    assert preview.status_code == 200, preview.text
    assert installed.store.audit.of("case", CASE) == []
    saved = decide(client, disposition=disposition)
    assert saved.json() == preview.json()
    effect = saved.json()
    assert (effect["closes"], effect["gate"]) == (closes, gate)
    before, after = effect["trust"]["before"]["score"], effect["trust"]["after"]["score"]
    assert {"malicious": after < before, "unclear": after == before}.get(
        disposition, after > before
    )
    (logged,) = installed.store.audit.of("case", CASE)
    assert (logged.disposition, logged.reason, logged.version) == (disposition, "a migration", 1)
    assert abs(logged.at_us - installed.now_us()) < DAY_US


def test_another_version_than_the_newest_is_refused_with_the_newest(client, installed):
    newest = installed.case(1, version=3, change="grew")
    installed.file(newest)
    answer = decide(client, version=1)
    assert answer.status_code == 409
    assert answer.json()["case"] == newest
    assert "read it again" in answer.json()["detail"]
    assert installed.store.audit.of("case", CASE) == []


def test_a_version_is_decided_once(client, installed):
    assert decide(client).status_code == 200
    answer = decide(client, disposition="malicious")
    assert answer.status_code == 409
    assert answer.json()["case"]["case_id"] == CASE
    assert len(installed.store.audit.of("case", CASE)) == 1


def test_a_decision_is_taken_back_only_where_there_is_one(client, installed):
    body = {"reason": "a mistake", "version": 1}
    refused = client.post(f"/v1/cases/{CASE}/undo", json=body)
    assert refused.status_code == 409
    assert "no decision" in refused.json()["detail"]
    installed.file(installed.case(1, version=2, disposition="malicious", status="closed"))
    answer = client.post(f"/v1/cases/{CASE}/undo", json=body | {"version": 2})
    assert answer.status_code == 200
    assert answer.json()["closes"] == []
    (logged,) = installed.store.audit.of("case", CASE)
    assert logged.disposition is None


def test_scope_and_end_of_an_expected_change_are_kept(client, installed):
    scope = {"agent": installed.REFUNDS, "anomaly": "resource.new"}
    until = rfc3339(installed.now_us() + DAY_US)
    answer = decide(client, disposition="expected_change", scope=scope, until=until)
    assert answer.status_code == 200, answer.text
    hides = {"days": 30, "count": 1, "complete": True, "cases": [CASE]}
    assert answer.json()["hides"] == hides
    (logged,) = installed.store.audit.of("case", CASE)
    assert (logged.scope.members(), logged.until) == (scope, until)
    (made,) = client.get("/v1/suppressions").json()["suppressions"]
    assert (made["scope"], made["until"], made["case_id"]) == (scope, until, CASE)


@pytest.mark.parametrize(
    "body",
    [
        {"disposition": "fine"},
        {"reason": ""},
        {"version": 0},
        {"scope": {"agent": "a"}, "until": "2026-02-01T00:00:00Z"},
        {"disposition": "expected_change", "scope": {"agent": "a"}},
        {"disposition": "expected_change", "scope": {}, "until": "2026-02-01T00:00:00Z"},
        {"disposition": "expected_change", "scope": {"a": "b"}, "until": "2026-02-01T00:00:00Z"},
        {"until": "2026-02-01T00:00:00"},
        {"disposition": "expected_change", "until": "soon"},
        {"bogus": 1},
        {"reason": "a\0"},
    ],
)
def test_a_wrong_body_is_refused(client, installed, body):
    answer = decide(client, **body)
    assert answer.status_code == 400, answer.text
    assert installed.store.audit.of("case", CASE) == []


def test_an_unknown_case_is_404(client):
    body = {"disposition": "benign", "reason": "why", "version": 1}
    assert client.post("/v1/cases/absent/disposition", json=body).status_code == 404


def test_decisions_need_their_own_scope_and_keep_who_decided(installation, tmp_path):
    filled(installation)
    keys = tmp_path / "keys.json"
    reader, writer = make_key("reader", ["anomaly:read"]), make_key("ops-7", ["anomaly:write"])
    keys.write_bytes(msgspec.json.encode([reader[1], writer[1]]))
    body = {"disposition": "benign", "reason": "why", "version": 1}
    path = f"/v1/cases/{CASE}/disposition"
    with installation.client(api_keys_file=keys) as client:
        assert client.post(path, json=body).status_code == 401
        for (key, _), status in ((reader, 403), (writer, 200)):
            answer = client.post(path, json=body, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == status, answer.text
    (logged,) = installation.store.audit.of("case", CASE)
    assert logged.by == "ops-7"
