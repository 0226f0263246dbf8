"""Suppressions over HTTP: preview, save, list, end, and what is refused."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from models.event import microseconds, rfc3339
from models.units import DAY_US
from pipeline.credentials.entries import make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

OTHER = "spiffe://example.com/ns/shop/sa/other"


@pytest.fixture
def client(installed) -> Iterator[httpx.Client]:
    with installed.client() as ready:
        yield ready


def suppress(client: httpx.Client, installed: Any, **more: Any) -> httpx.Response:
    preview = more.pop("preview", False)
    body = {
        "scope": {"agent": installed.REFUNDS},
        "reason": "month end",
        "until": rfc3339(installed.now_us() + DAY_US),
    } | more
    path = "/v1/suppressions" + ("?preview=true" if preview else "")
    return client.post(path, json={k: v for k, v in body.items() if v is not None})


def days_ago(newest: str, days: int) -> str:
    return rfc3339(microseconds(datetime.fromisoformat(newest)) - days * DAY_US)


def test_a_preview_counts_the_cases_of_the_last_30_days_and_saves_nothing(client, installed):
    newest = installed.case(1)
    last = newest["last"]
    installed.file(
        newest,
        installed.case(2, last=days_ago(last, 29), status="closed"),
        installed.case(3, last=days_ago(last, 31)),
        installed.case(4, agent_id=OTHER, agents=[OTHER], last=days_ago(last, 1)),
        installed.case(5, agents=[installed.REFUNDS, OTHER], agent_count=2),
    )
    answer = suppress(client, installed, preview=True)
    assert answer.status_code == 200, answer.text
    ids = [newest["case_id"], f"C-{2:016x}"]
    hidden = {"days": 30, "count": 2, "complete": True, "cases": ids}
    assert answer.json() == {"suppression": None, "would_have_hidden": hidden}
    assert client.get("/v1/suppressions").json() == {"suppressions": [], "next_cursor": None}
    saved = suppress(client, installed)
    assert saved.json()["would_have_hidden"] == hidden


def test_a_suppression_is_listed_until_it_is_ended_once(client, installed):
    made = suppress(client, installed).json()["suppression"]
    assert made["state"] == "active"
    assert (made["by"], made["reason"], made["hidden"]) == ("loopback", "month end", 0)
    assert client.get("/v1/suppressions?state=active").json()["suppressions"] == [made]
    path = f"/v1/suppressions/{made['id']}/end"
    ended = client.post(path, json={"reason": "it is over"})
    assert ended.status_code == 200, ended.text
    assert ended.json()["state"] == "ended"
    assert ended.json()["ended"]["reason"] == "it is over"
    again = client.post(path, json={"reason": "it is over"})
    assert again.status_code == 409
    assert client.get("/v1/suppressions?state=active").json()["suppressions"] == []
    assert client.get("/v1/suppressions?state=ended").json()["suppressions"] == [ended.json()]
    assert client.post("/v1/suppressions/S-no/end", json={"reason": "x"}).status_code == 404


def test_pages_hold_every_suppression_once(client, installed):
    made = [suppress(client, installed).json()["suppression"]["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = client.get(
            "/v1/suppressions", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [one["id"] for one in page["suppressions"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert seen == made[::-1]


@pytest.mark.parametrize(
    "body",
    [
        {"scope": {}},
        {"scope": {"mode": "unknown"}},
        {"scope": {"agent": ""}},
        {"scope": {"agent": "a" * 257}},
        {"scope": {"anomaly": "no.such"}},
        {"scope": {"tool": "t"}},
        {"scope": None},
        {"reason": ""},
        {"reason": "a" * 2001},
        {"until": None},
        {"until": "2026-02-01T00:00:00"},
        {"until": "2020-01-01T00:00:00Z"},
        {"until": "2120-01-01T00:00:00Z"},
        {"bogus": 1},
    ],
)
def test_a_wrong_body_is_refused(client, installed, body):
    answer = suppress(client, installed, **body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert installed.store.audit.all_of("suppression") == []


def test_suppressions_need_their_scope_and_keep_who_made_them(installation, tmp_path):
    keys = tmp_path / "keys.json"
    reader, writer = make_key("reader", ["anomaly:read"]), make_key("ops-7", ["anomaly:write"])
    keys.write_bytes(msgspec.json.encode([reader[1], writer[1]]))
    with installation.client(api_keys_file=keys) as client:
        assert suppress(client, installation).status_code == 401
        client.headers["Authorization"] = f"Bearer {reader[0]}"
        assert suppress(client, installation).status_code == 403
        assert client.get("/v1/suppressions").status_code == 200
        client.headers["Authorization"] = f"Bearer {writer[0]}"
        assert suppress(client, installation).json()["suppression"]["by"] == "ops-7"
