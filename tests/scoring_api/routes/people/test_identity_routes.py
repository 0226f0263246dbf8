"""Identities over HTTP: proposals, merges and splits, and look-ups by an alias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from models.trust.levels import LevelState
from pipeline.credentials.entries import make_key
from pipeline.identity.alias import Alias
from pipeline.store import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

SVID = "spiffe://example.org/bot"
QUERY = {"agents": [SVID, "bot-7", "nobody"]}


def confirmed(value: str = SVID, agent_id: str = "bot-7", **more: Any) -> Alias:
    given: dict[str, Any] = {"kind": "spiffe-id", "state": "confirmed", "version": 1, "since_us": 1}
    return Alias(value=value, agent_id=agent_id, **given | more)


@pytest.fixture
def installed(installed: Any) -> Any:
    """Give an installation with an agent and an identifier, over a store of each kind."""
    installed.put(
        installed.state("bot-7", level_state=LevelState(level="watch")),
        installed.state(SVID, level_state=LevelState(level="trusted")),
    )
    return installed


@pytest.fixture
def client(installed) -> Iterator[httpx.Client]:
    with installed.client() as ready:
        yield ready


def ask(client: httpx.Client, what: str, **body: Any) -> httpx.Response:
    return client.post(f"/v1/identities/{what}", json={"reason": "one workload"} | body)


def test_merge_is_an_entry_of_the_log_that_the_worker_applies(client, installed):
    body = {"alias": SVID, "agent_id": "bot-7", "kind": "spiffe-id"}
    first = ask(client, "merge?preview=true", **body)
    assert first.status_code == 200, first.text
    assert (first.json()["done"], installed.store.audit.all_of("identity")) == (False, [])
    assert ask(client, "merge", **body).json()["done"]
    (entry,) = installed.store.audit.of("identity", SVID)
    assert (entry.action, entry.target, entry.by) == ("merge", "bot-7", "loopback")
    (listed,) = client.get("/v1/audit?action=merge").json()["entries"]
    assert (listed["object"], listed["target"], listed["after"]) == (SVID, "bot-7", 1)
    assert ask(client, "merge", **body).status_code == 409  # it waits for the worker
    assert client.get(f"/v1/agents/{SVID}/trust").json()["agent_id"] == SVID


def test_look_ups_by_an_alias_answer_for_its_agent(installed):
    installed.store.commit(Commit(aliases=[confirmed()]))
    with installed.client() as client:
        for path in (f"/v1/agents/{SVID}/trust", f"/v1/agent/trust?id={SVID}"):
            assert client.get(path).json()["agent_id"] == "bot-7"
        answers = client.post("/v1/trust/query", json=QUERY).json()["answers"]
        assert [one["agent_id"] for one in answers] == ["bot-7", "bot-7", "nobody"]


def test_look_ups_follow_a_merge_and_a_split_of_a_running_worker(client, installed, until):
    path = f"/v1/agents/{SVID}/trust"
    assert client.get(path).json()["agent_id"] == SVID
    installed.store.commit(Commit(aliases=[confirmed()]))
    until(lambda: client.get(path).json()["agent_id"] == "bot-7")
    installed.store.commit(Commit(aliases=[confirmed(state="split", version=2)]))
    until(lambda: client.get(path).json()["agent_id"] == SVID)


def test_alias_of_an_agent_that_has_not_acted_keeps_its_own_answer(installed, until):
    installed.put(installed.state("shut", level_state=LevelState(gate="quarantined")))
    installed.store.commit(Commit(aliases=[confirmed("shut", "to-come")]))
    with installed.client() as client:
        for _ in range(2):
            answer = client.get("/v1/agents/shut/trust").json()
            assert (answer["agent_id"], answer["gate"]) == ("shut", "quarantined")
        installed.put(installed.state("to-come", level_state=LevelState(gate="quarantined")))
        until(lambda: client.get("/v1/agents/shut/trust").json()["agent_id"] == "to-come")


def test_both_histories_stay_and_name_each_other(client, installed):
    assert ask(client, "merge", alias=SVID, agent_id="bot-7").json()["done"]
    installed.store.commit(Commit(aliases=[confirmed()]))
    agent = client.get("/v1/agents/bot-7").json()
    (alias,) = agent["aliases"]
    assert (alias["alias"], alias["since"], agent["joined"]) == (
        SVID, "1970-01-01T00:00:00.000001Z", None,
    )  # fmt: skip
    former = client.get(f"/v1/agents/{SVID}").json()
    assert (former["agent_id"], former["aliases"]) == (SVID, [])
    assert former["joined"]["agent_id"] == "bot-7"
    for name in (SVID, "bot-7"):
        history = client.get(f"/v1/agents/{name}/history").json()
        assert history["agent_id"] == name
        assert [(one["change"], one["alias"]) for one in history["identities"]] == [("merge", SVID)]


def test_proposals_are_listed_page_by_page_and_refused(client, installed):
    proposed = [confirmed(f"c-{n}", "bot-7", state="proposed", version=0) for n in range(3)]
    installed.store.aliases.propose(proposed)
    page = client.get("/v1/identities?state=proposed&limit=2").json()
    assert [one["alias"] for one in page["identities"]] == ["c-0", "c-1"]
    rest = client.get(f"/v1/identities?limit=2&cursor={page['next_cursor']}").json()
    assert ([one["alias"] for one in rest["identities"]], rest["next_cursor"]) == (["c-2"], None)
    assert ask(client, "refuse", alias="c-0", agent_id="bot-7").json()["action"] == "refuse_alias"
    assert ask(client, "refuse", alias="c-0", agent_id="other").status_code == 409
    assert len(client.get("/v1/identities?agent=c-1").json()["identities"]) == 1


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("merge", {"alias": SVID, "agent_id": SVID}, 400),
        ("merge", {"alias": SVID, "agent_id": "nobody"}, 404),
        ("merge", {"alias": "a\0b", "agent_id": "bot-7"}, 400),
        ("merge", {"alias": SVID}, 400),
        ("merge", {"alias": SVID, "agent_id": "bot-7", "kind": "person"}, 400),
        ("split", {"alias": SVID}, 404),
        ("refuse", {"alias": SVID, "agent_id": "bot-7"}, 404),
    ],
)
def test_wrong_request_is_a_problem_and_saves_nothing(client, installed, what, body, status):
    assert ask(client, what, **body).status_code == status
    assert installed.store.audit.all_of("identity") == []


def test_decision_needs_admin_and_a_list_needs_trust(installed, tmp_path):
    made = {name: make_key(name, [scope]) for name, scope in (
        ("pdp", "trust:read"), ("analyst", "anomaly:write"), ("boss", "admin"))}  # fmt: skip
    path = tmp_path / "keys.json"
    path.write_bytes(msgspec.json.encode([entry for _, entry in made.values()]))
    with installed.client(api_keys_file=path) as client:
        found = {}
        for name, (secret, _) in made.items():
            client.headers["X-API-Key"] = secret
            merged = ask(client, "merge?preview=true", alias=SVID, agent_id="bot-7")
            found[name] = (client.get("/v1/identities").status_code, merged.status_code)
    assert found == {"pdp": (200, 403), "analyst": (403, 403), "boss": (200, 200)}
