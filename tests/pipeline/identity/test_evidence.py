"""Proposals that events and the inventory make; none is applied by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.casework.identities import merge
from pipeline.identity.evidence import BUCKETS, MOST_IN_BUCKET
from pipeline.store import open_store
from tests.pipeline.casework.desks import WorkingDesk, an_event

if TYPE_CHECKING:
    from collections.abc import Iterator

SVID = "spiffe://example.org/bot"


@pytest.fixture
def desk(pipeline: Any) -> Iterator[WorkingDesk]:
    pipeline.inventory.write_text(
        "agent_id,role,owner,aliases\nbot-7,clerk,team@example.com,oauth-client:c-7;entra-app:e-7\n"
    )
    url = f"sqlite:{pipeline.folder}/desk.db"
    open_store(url, secret=pipeline.SECRET).close()
    settings = pipeline.settings("-").model_copy(update={"store": url})
    with open_store(url) as store:
        yield WorkingDesk(settings, store)


def pairs(desk: WorkingDesk, source: str = "") -> list[tuple[str, str, str]]:
    return [
        (one.value, one.agent_id, one.kind)
        for one in desk.store.aliases.page(state="proposed", limit=500)
        if one.source != "inventory" and source in one.source
    ]


def test_inventory_proposes_its_aliases_once(desk):
    desk.beat()
    desk.restart()
    desk.beat()
    found = desk.store.aliases.page(agent_id="bot-7")
    assert [(one.value, one.kind, one.state) for one in found] == [
        ("c-7", "oauth-client", "proposed"),
        ("e-7", "entra-app", "proposed"),
    ]
    desk.judge(an_event("e-1", "c-7"))
    assert [state.agent_id for state in desk.store.states("c-7")] == ["c-7"]


def test_credential_of_two_agents_proposes_one_for_the_other(desk):
    desk.judge(an_event("e-1", "a"))
    desk.restart()
    desk.judge(an_event("e-2", "b", 1))
    assert pairs(desk) == [("b", "a", "agent")]
    desk.judge(an_event("e-3", "c", 2), an_event("e-4", "d", 3))
    assert pairs(desk) == [("b", "a", "agent")]  # a credential of three agents is shared


@pytest.mark.parametrize("first", ["bot", SVID])
def test_identifier_in_attributes_is_an_alias_of_the_agent_that_names_it(desk, first):
    named = an_event("e-1", "bot", attributes={"spiffe_id": SVID}, credential=None)
    itself = an_event("e-2", SVID, 1, credential=None)
    desk.judge(*((named, itself) if first == "bot" else (itself, named)))
    kind = "agent" if first == "bot" else "spiffe-id"
    assert pairs(desk) == [(SVID, "bot", kind)]


@pytest.mark.parametrize(
    ("attribute", "kind"), [("service_principal", "entra-agent"), ("app_id", "entra-app")]
)
def test_token_and_sign_in_of_an_entra_application_are_proposed_as_one(desk, attribute, kind):
    itself = an_event("e-1", "27a3", credential=None)
    named = an_event("e-2", "5d0e", 1, attributes={attribute: "27a3"}, credential=None)
    desk.judge(itself, named)
    assert pairs(desk) == [("27a3", "5d0e", kind)]


def test_identifier_of_attributes_alone_proposes_nothing(desk):
    desk.judge(an_event("e-1", "bot", attributes={"client_id": "c-9"}, credential=None))
    assert pairs(desk) == []


def test_merged_agents_are_not_proposed_again(desk):
    desk.judge(an_event("e-1", "a"))
    desk.judge(an_event("e-2", "b", 1, credential={"id": "c-2"}))
    merge(desk.person, "b", "a", "same")
    desk.beat()
    desk.judge(an_event("e-3", "b", 2, mode="autonomous"), an_event("e-4", "a", 3, mode="unknown"))
    assert pairs(desk) == []


def test_remembered_identifiers_are_bounded(desk):
    evidence = desk.worker._evidence
    for number in range(BUCKETS * MOST_IN_BUCKET * 2):
        evidence._note(f"identifier-{number}", f"agent-{number}")
    sizes = [len(bucket) for bucket in evidence._buckets.values()]
    assert (len(sizes), max(sizes)) == (BUCKETS, MOST_IN_BUCKET)
