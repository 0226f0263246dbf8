"""An agent that claims another role: the story from the post over HTTP to every place it shows."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pipeline.commands.current_trust import CurrentTrust
from pipeline.configuration.derived import trust_policy_of
from pipeline.enrichment import inventory
from pipeline.formats import Native
from pipeline.processing import runner
from pipeline.settings import Settings
from pipeline.store import open_store
from scoring_api.app import create_app
from scoring_api.config import ApiConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.trust.state import TrustState

DESK, ROLE, OWNER = "support-desk-4", "support-desk", "desk@example.com"
CLAIM = {"role": "data-steward", "owner": "ceo"}
MISMATCH = "identity.mismatch"
MORNING = datetime(2026, 1, 5, 8, tzinfo=UTC)
INVENTORY = f"agent_id,role,owner,team\n{DESK},{ROLE},{OWNER},blue\nbare-1,,,\n"


class Story:
    """An installation: events are posted, judged by `habitus run`, and asked for over HTTP."""

    def __init__(self, folder: Path, kernel: str, inventory: str | None) -> None:
        self.folder, self._number = folder, 0
        path = folder / "inventory.csv"
        if inventory is not None:
            path.write_text(inventory)
        self.settings = Settings(
            source=f"file:{folder / 'none.jsonl'}",
            store=f"sqlite:{folder / 'habitus.db'}",
            sink=f"file:{folder / 'out'}",
            inventory=None if inventory is None else path,
            clock="event",
            kernel=kernel,
        )
        (folder / "none.jsonl").touch()

    def declare(self, text: str) -> None:
        """Start anew with another inventory."""
        path = self.folder / "inventory.csv"
        path.write_text(text)
        self.settings = self.settings.model_copy(update={"inventory": path})

    def event(self, agent: str = DESK, **more: Any) -> dict[str, Any]:
        """Give the next event of an agent, a second after the one before; `who` it says it is."""
        self._number += 1
        return {
            "id": f"e-{self._number}",
            "time": (MORNING + timedelta(seconds=self._number)).isoformat(),
            "agent": {"id": agent, **more.pop("who", {})},
            "tool": "mail.read",
            "session": f"s-{self._number // 10}",
            "mode": "delegated",
            **more,
        }

    def post(self, *events: dict[str, Any]) -> None:
        """Post events and let them be judged."""
        answer = self.ask("post", "/v1/actions", json=list(events))
        assert answer["rejected"] == 0
        runner.run(self.settings, drain=True, stop=threading.Event())

    def get(self, path: str, **params: str) -> Any:
        """Ask the API."""
        return self.ask("get", path, params=params)

    def states(self, agent: str = DESK) -> list[TrustState]:
        """Give what is stored of an agent, by mode."""
        with open_store(self.settings.store) as store:
            return store.states(agent)

    def published(self, topic: str) -> list[dict[str, Any]]:
        """Give the messages of a topic."""
        lines = (self.folder / "out" / f"{topic}.jsonl").read_bytes().splitlines()
        return [json.loads(line) for line in lines]

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Call a route of an API that has just started."""

        async def asked() -> Any:
            with open_store(self.settings.store) as store:
                config = ApiConfig(clock="event", poll_s=0.02)
                registered = inventory.load(self.settings.inventory)
                app = create_app(
                    store,
                    Native().read,
                    config,
                    trust_policy_of(self.settings),
                    settle=registered.settled,
                )
                transport = httpx.ASGITransport(app)
                async with (
                    app.api.router.lifespan_context(app.api),
                    httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
                ):
                    while (await client.get("/readyz")).status_code == 503:
                        await asyncio.sleep(0.02)
                    response = await getattr(client, method)(path, **more)
                    assert response.is_success, response.text
                    return response.json()

        return asyncio.run(asked())


@pytest.fixture(params=["auto", "python"])
def begin(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Story]:
    """Begin a story with an inventory, or with none."""
    return lambda inventory=INVENTORY: Story(tmp_path, request.param, inventory)


def names(page: dict[str, Any]) -> list[str]:
    return [row["agent_id"] for row in page["agents"]]


def test_posted_event_does_not_change_role_and_owner(begin):
    story = begin()
    story.post(*(story.event(who={"role": ROLE, "owner": OWNER}) for _ in range(5)))
    story.post(story.event(who=CLAIM))
    agent = story.get(f"/v1/agents/{DESK}")
    assert (agent["role"], agent["owner"], agent["registered"]) == (ROLE, OWNER, True)
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert (anomaly["anomaly"], anomaly["facet"], anomaly["severity"]) == (
        MISMATCH, "identity", "high",
    )  # fmt: skip
    assert anomaly["owner"] == OWNER
    assert anomaly["reasons"][0]["observed"] == (
        f"role 'data-steward' instead of {ROLE!r}, owner 'ceo' instead of {OWNER!r}"
    )
    assert all(anomaly["tags"].values())
    assert agent["top_reason"]["anomaly"] == MISMATCH
    assert story.published("agent.trust")[-1]["reasons"][0]["anomaly"] == MISMATCH
    assert names(story.get("/v1/agents", role="data-steward")) == []
    assert names(story.get("/v1/agents", owner="ceo")) == []
    assert names(story.get("/v1/agents", q="steward")) == []
    assert names(story.get("/v1/agents", role=ROLE, owner=OWNER)) == [DESK]


@pytest.mark.parametrize("agent", [{"team": "red"}, {}], ids=["of the agent", "attribute"])
def test_a_team_is_the_inventory_s_in_both_spellings(begin, agent):
    story = begin()
    attributes = {} if agent else {"team": "red"}
    story.post(story.event(who=agent, attributes=attributes), story.event(who={"team": "blue"}))
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert (anomaly["anomaly"], anomaly["severity"]) == (MISMATCH, "high")
    assert anomaly["reasons"][0]["observed"] == "team 'red' instead of 'blue'"


def test_a_claim_repeated_is_one_finding_and_teaches_nothing(begin):
    story = begin()
    right = {"role": ROLE, "owner": OWNER}
    story.post(*(story.event(who=right) for _ in range(30)))
    (before,) = story.states()
    story.post(*(story.event(who=CLAIM, tool="vault.export") for _ in range(250)))
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert anomaly["anomaly"] == MISMATCH
    assert anomaly["count"] >= 25, "each session says it once"
    (after,) = story.states()
    assert after.events == before.events + 250
    assert after.ledger.days == before.ledger.days, "no event of them is a clean one"
    assert len(after.ledger.items) == 1


def test_claims_that_change_with_each_event_are_few_findings(begin):
    story = begin()
    story.post(*(story.event(who={"role": f"role-{number}"}) for number in range(50)))
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert anomaly["anomaly"] == MISMATCH


def test_an_announced_change_never_overrides_the_inventory(begin):
    story = begin()
    story.post(story.event(), story.event(mode="autonomous"))
    story.post(story.event(kind="owner_change", who=CLAIM), story.event())
    assert {(state.role, state.owner) for state in story.states()} == {(ROLE, OWNER)}
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert (anomaly["anomaly"], anomaly["count"]) == (MISMATCH, 1)


def test_first_claim_counts_for_an_inventory_row_without_role_and_owner(begin):
    story = begin()
    story.post(story.event("bare-1", who=CLAIM), story.event("bare-1", who={"owner": "cfo"}))
    agent = story.get("/v1/agents/bare-1")
    assert (agent["role"], agent["owner"], agent["registered"]) == ("data-steward", "ceo", True)
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert anomaly["reasons"][0]["observed"] == "owner 'cfo' instead of 'ceo'"


def test_shadow_agent_has_no_role_despite_its_claims(begin):
    story = begin()
    story.post(*(story.event("stranger", who=CLAIM) for _ in range(3)), story.event("stranger"))
    agent = story.get("/v1/agents/stranger")
    assert (agent["role"], agent["owner"], agent["registered"]) == (None, None, False)
    assert agent["claims"] == CLAIM
    assert names(story.get("/v1/agents", role="data-steward")) == []
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert anomaly["anomaly"] == "identity.shadow"
    assert "stranger is not in the inventory" in anomaly["reasons"][0]["why"]


def test_first_claimed_role_stays_in_every_mode_without_an_inventory(begin):
    story = begin(None)
    first = {"role": ROLE, "owner": OWNER}
    story.post(story.event(), story.event(who=first), story.event(mode="autonomous"))
    story.post(story.event(mode="autonomous", who=CLAIM), story.event(who={"role": ROLE}))
    agent = story.get(f"/v1/agents/{DESK}")
    assert (agent["role"], agent["owner"], agent["registered"]) == (ROLE, OWNER, None)
    assert {(state.role, state.owner) for state in story.states()} == {(ROLE, OWNER)}
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert (anomaly["anomaly"], anomaly["mode"]) == (MISMATCH, "autonomous")
    assert story.get("/v1/agents")["agents"][0]["registered"] is None


def test_first_claimed_role_counts_in_an_older_mode(begin):
    story = begin(None)
    story.post(story.event(mode="autonomous"), story.event(), story.event(who={"role": ROLE}))
    assert [state.role for state in story.states()] == [ROLE, ROLE]
    story.post(story.event(mode="autonomous", who=CLAIM))
    assert [(state.role, state.owner) for state in story.states()] == [(ROLE, "ceo")] * 2


@pytest.mark.parametrize("kind", ["deployment", "owner_change"])
def test_announced_change_applies_to_every_mode_without_a_finding(begin, kind):
    story = begin(None)
    first = {"role": ROLE, "owner": OWNER}
    story.post(story.event(who=first), story.event(mode="autonomous", who=first))
    story.post(story.event(kind=kind, mode="unknown", who=CLAIM), story.event(who=CLAIM))
    assert {(state.role, state.owner) for state in story.states()} == {("data-steward", "ceo")}
    assert story.get("/v1/anomalies")["anomalies"] == []
    story.post(story.event(who=first))
    (anomaly,) = story.get("/v1/anomalies")["anomalies"]
    assert anomaly["anomaly"] == MISMATCH


def test_no_agent_may_claim_a_group_that_was_fitted_on_behaviour(begin):
    story = begin(None)
    story.post(story.event(who={"role": "like:mail.read"}))
    assert story.states()[0].role is None
    assert story.get("/v1/anomalies")["anomalies"][0]["anomaly"] == MISMATCH


def test_an_inventory_that_changed_counts_before_its_agents_act_again(begin):
    story = begin(None)
    story.post(story.event(who=CLAIM), story.event("gone-1", who={"role": "finance"}))
    story.declare(f"agent_id,role,owner\n{DESK},{ROLE},{OWNER}\n")
    agent, gone = story.get(f"/v1/agents/{DESK}"), story.get("/v1/agents/gone-1")
    assert (agent["role"], agent["owner"], agent["registered"]) == (ROLE, OWNER, True)
    assert (gone["role"], gone["owner"], gone["registered"]) == (None, None, False)
    assert names(story.get("/v1/agents", role="data-steward")) == []
    assert names(story.get("/v1/agents", role=ROLE)) == [DESK]
    with open_store(story.settings.store) as store:
        rows = {row["agent_id"]: row for row in CurrentTrust(store, story.settings).rows()}
    assert (rows[DESK]["role"], rows[DESK]["registered"]) == (ROLE, True)
    assert (rows["gone-1"]["role"], rows["gone-1"]["registered"]) == (None, False)
