"""Quarantine and release, comments and the audit log over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import pytest

from pipeline.credentials.entries import make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

CASE = f"C-{1:016x}"


@pytest.fixture
def installed(installed: Any) -> Any:
    """Give an installation with one agent and one case, over a store of each kind."""
    filled(installed)
    return installed


def filled(installed: Any) -> None:
    installed.put(installed.state(), installed.state("odd/.."))
    installed.file(installed.case(1))


@pytest.fixture
def client(installed) -> Iterator[httpx.Client]:
    with installed.client() as ready:
        yield ready


def ask(client: httpx.Client, path: str, **more: Any) -> httpx.Response:
    return client.post(path, json={"reason": "a key leaked"} | more)


def test_two_steps_quarantine_an_agent_and_two_release_it(client, installed):
    agent = quote(installed.REFUNDS, safe="")
    path = f"/v1/agents/{agent}/quarantine"
    first = ask(client, path)
    assert first.status_code == 200, first.text
    answer = first.json()
    assert (answer["done"], answer["before"]["gate"], answer["after"]["gate"]) == (
        False,
        "open",
        "quarantined",
    )
    assert installed.store.audit.of("gate", installed.REFUNDS) == []
    assert not ask(client, path + "?preview=true", confirm=answer["confirm"]).json()["done"]
    done = ask(client, path, confirm=answer["confirm"]).json()
    assert (done["done"], done["confirm"], done["confirm_until"]) == (True, None, None)
    (entry,) = installed.store.audit.of("gate", installed.REFUNDS)
    assert (entry.action, entry.by, entry.reason) == ("quarantine", "loopback", "a key leaked")
    assert ask(client, path, confirm=answer["confirm"]).status_code == 409
    plain = f"/v1/agents/{installed.REFUNDS}/release"
    confirm = ask(client, plain).json()["confirm"]
    assert ask(client, plain, confirm=confirm).json()["after"]["gate"] == "open"


def test_an_agent_that_no_path_can_name_is_quarantined_by_query(client, installed):
    for action in ("quarantine", "release"):
        path = f"/v1/agent/{action}?id=odd%2F.."
        confirm = ask(client, path).json()["confirm"]
        assert ask(client, path, confirm=confirm).json()["done"]
    found = installed.store.audit.of("gate", "odd/..")
    assert [one.action for one in found] == ["quarantine", "release"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/agents/nobody/release", {}, 404),
        ("/v1/agents/a%00b/quarantine", {}, 404),
        ("/v1/agent/release?id=a%00b", {}, 404),
        ("/v1/agent/release?id=odd%2F..", {}, 409),
        ("/v1/agent/quarantine?id=odd%2F..", {"confirm": "0.0"}, 409),
        ("/v1/agent/quarantine?id=odd%2F..", {"confirm": "é"}, 409),
        ("/v1/agent/quarantine?id=odd%2F..", {"confirm": "0" * 129}, 400),
        ("/v1/agent/quarantine?id=odd%2F..", {"reason": ""}, 400),
        ("/v1/agent/quarantine?id=odd%2F..", {"sure": True}, 400),
        ("/v1/agent/quarantine", {}, 400),
        ("/v1/cases/absent/comments", {"reason": None, "text": "x"}, 404),
        (f"/v1/cases/{CASE}/comments", {"reason": None, "text": ""}, 400),
        (f"/v1/cases/{CASE}/comments", {"reason": None, "text": "x" * 2001}, 400),
        (f"/v1/cases/{CASE}/comments", {"reason": None, "text": "a\0"}, 400),
    ],
)
def test_a_wrong_request_is_refused_and_writes_nothing(client, installed, path, body, status):
    sent = {k: v for k, v in ({"reason": "why"} | body).items() if v is not None}
    answer = client.post(path, json=sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert installed.store.audit.page() == []


def test_comments_are_listed_in_the_case(client):
    for text in ("who owns this?", "the owner <b>says</b> ☕"):
        answer = client.post(f"/v1/cases/{CASE}/comments", json={"text": text})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["by"], answer.json()["text"]) == ("loopback", text)
    case = client.get(f"/v1/cases/{CASE}").json()
    assert case["comments"] == 2
    assert [one["text"] for one in case["discussion"]] == [
        "who owns this?",
        "the owner <b>says</b> ☕",
    ]


def test_every_write_is_in_the_audit_log_with_its_versions(client):
    decision = {"disposition": "unclear", "reason": "asked", "version": 1}
    client.post(f"/v1/cases/{CASE}/disposition", json=decision)
    client.post(f"/v1/cases/{CASE}/comments", json={"text": "hello"})
    path = "/v1/agent/quarantine?id=odd%2F.."
    ask(client, path, confirm=ask(client, path).json()["confirm"])
    log = client.get("/v1/audit").json()
    assert [
        (one["action"], one["object"], one["before"], one["after"]) for one in log["entries"]
    ] == [
        ("quarantine", "odd/..", 0, 1),
        ("comment", CASE, 0, 1),
        ("disposition", CASE, 1, 2),
    ]
    assert {one["by"] for one in log["entries"]} == {"loopback"}
    assert log["next_cursor"] is None
    chosen = client.get("/v1/audit", params={"action": "comment", "object": CASE}).json()["entries"]
    assert [one["reason"] for one in chosen] == ["hello"]
    seen, cursor = [], None
    for _ in range(3):
        more = {"cursor": cursor} if cursor else {}
        page = client.get("/v1/audit", params={"limit": 1} | more).json()
        seen += page["entries"]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (log["entries"], None)
    for wrong in ("?cursor=x", "?cursor=LTE", "?action=delete", "?objct=a", "?limit=501"):
        assert client.get(f"/v1/audit{wrong}").status_code == 400, wrong


def test_each_write_needs_its_scope_and_the_log_needs_admin(installation, tmp_path):
    filled(installation)
    keys = tmp_path / "keys.json"
    made = [make_key(name, [name]) for name in ("anomaly:read", "anomaly:write", "admin")]
    keys.write_bytes(msgspec.json.encode([entry for _, entry in made]))
    write = f"/v1/agents/{installation.REFUNDS}/quarantine"
    with installation.client(api_keys_file=keys) as client:
        for (key, _), writing, reading in zip(made, (403, 200, 200), (403, 403, 200), strict=True):
            client.headers["Authorization"] = f"Bearer {key}"
            assert ask(client, write).status_code == writing
            comment = client.post(f"/v1/cases/{CASE}/comments", json={"text": "x"})
            assert comment.status_code == writing
            assert client.get("/v1/audit").status_code == reading
        del client.headers["Authorization"]
        assert ask(client, write).status_code == client.get("/v1/audit").status_code == 401
        client.headers["Authorization"] = f"Bearer {made[2][0]}"
        log = client.get("/v1/audit").json()["entries"]
        assert [one["by"] for one in log] == ["admin", "anomaly:write"]


def test_the_store_refuses_to_change_or_delete_the_log(client, installed):
    client.post(f"/v1/cases/{CASE}/comments", json={"text": "x"})
    for statement in ("update audit set agent_id = 'b'", "delete from audit"):
        with pytest.raises(Exception, match="cannot be used"):
            installed.store._work.run(statement)
    assert len(installed.store.audit.page()) == 1


def test_a_changed_row_of_the_log_is_detected(client, installed):
    client.post(f"/v1/cases/{CASE}/comments", json={"text": "x"})
    work = installed.store._work
    if installed.store.path.startswith("postgresql"):
        work.run("alter table audit disable trigger all")
    else:
        work.run("drop trigger audit_no_update")
    work.run("update audit set version = 7")
    answer = client.get("/v1/audit")
    assert answer.status_code == 503
