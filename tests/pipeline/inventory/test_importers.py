"""Each importer reads what its source really writes, and gives agents the ids of their events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import ConfigError
from pipeline.inventory.importing import KINDS, read
from pipeline.inventory.importing.documents import Document
from tests.pipeline.formats.decoding import events_of
from tests.pipeline.inventory.sources import CARD, CLIENTS, ENTRIES, GRAPH, document

TRACES = Path(__file__).parents[1] / "formats" / "frameworks" / "openai_agents.jsonl"


def agents(kind: str, *given: Document, every: bool = False) -> dict[str, Any]:
    return read(kind, given, every=every).agents


def test_graph_page_gives_owner_sponsor_scopes_and_application():
    found = agents("entra", document("agents.json", GRAPH))
    assert found["27a3cf14-5bdc-4814-bb13-8f1740ca9a4f"] == {
        "name": "Invoice bot",
        "owner": "ana@example.com",
        "sponsor": "Finance sponsors",
        "allowed_scopes": ["Mail.Send", "User.Read"],
        "blueprint": "65415bb1-9267-4313-bbf5-ae259732ee12",
        "enabled": "false",
        "aliases": ["entra-app:5d0e0000-0000-0000-0000-000000000001"],
    }


def test_service_principals_of_other_applications_are_left_out():
    given = document("all.json", GRAPH)
    gathered = read("entra", [given])
    assert len(gathered.agents) == 1
    assert gathered.left_out == 2
    assert gathered.notes == ["there are more pages: @odata.nextLink"]
    assert len(agents("entra", given, every=True)) == 3


def test_page_of_agent_identities_needs_no_type_on_each_object():
    one = {"id": "sp-9", "displayName": "x"}
    context = "https://graph.example.com/$metadata#servicePrincipals/microsoft.graph.agentIdentity"
    found = agents("entra", document("a.json", {"@odata.context": context, "value": [one]}))
    assert list(found) == ["sp-9"]
    blueprints = context + "BlueprintPrincipal"
    page = document("a.json", {"@odata.context": blueprints, "value": [one]})
    assert agents("entra", page) == {}


def test_agent_card_gives_addresses_skills_and_unverified_signatures():
    found = agents("a2a", document("card.json", CARD))
    assert found["GeoSpatial Route Planner Agent"] == {
        "aliases": [
            "a2a-card:https://georoute-agent.example.com/a2a/v1",
            "a2a-card:https://georoute-agent.example.com/a2a/grpc",
        ],
        "signatures": "1, not verified",
        "card_version": "1.2.0",
        "provider": "Example Geo Services Inc.",
        "skills": ["route-optimizer-traffic", "custom-map-generator"],
        "security_schemes": ["google"],
    }


def test_card_of_version_0_3_has_its_address_at_the_top():
    card = {"name": "old", "url": "https://old.example.com/a2a", "protocolVersion": "0.3.0"}
    found = agents("a2a", document("card.json", card))
    assert found["old"] == {
        "aliases": ["a2a-card:https://old.example.com/a2a"],
        "signatures": "none",
    }


def test_spire_entries_of_one_workload_are_one_agent():
    gathered = read("spire", [document("entries.json", ENTRIES)])
    assert gathered.agents == {
        "spiffe://example.org/agent/invoice-bot": {
            "selectors": ["unix:uid:1001", "k8s:sa:invoice-bot"],
            "hint": "internal",
            "entry_expires": "2027-01-01T00:00:00Z",
        }
    }
    assert gathered.left_out == 3  # a node, its name by a join token, and a downstream server


def test_spire_names_agents_as_their_audit_events_do(shared_dir):
    audit = (shared_dir / "fixtures" / "spire" / "server-audit.log").read_bytes()
    log = b"\n".join(
        line for line in audit.splitlines() if b"NewJWTSVID" in line and b"status=success" in line
    )
    named = {event["agent"]["id"] for event in events_of("spire", log)}
    assert named
    for one in named:
        domain, _, path = one.removeprefix("spiffe://").partition("/")
        entry = {"spiffe_id": {"trust_domain": domain, "path": f"/{path}"}}
        assert list(agents("spire", document("e.json", {"entries": [entry]}))) == [one]


def test_keycloak_client_with_a_service_account_is_an_agent():
    gathered = read("keycloak", [document("clients.json", CLIENTS)])
    assert gathered.agents == {
        "invoice-bot": {
            "aliases": ["oauth-client:invoice-bot"],
            "name": "Invoice bot",
            "owner": "ana@example.com",
            "review_date": "2027-03-31",
            "allowed_scopes": ["basic", "mail.send", "openid"],
        }
    }
    assert gathered.left_out == 2
    assert "s3cret" not in str(gathered)


def test_realm_export_and_client_list_say_the_same():
    export = document("realm.json", {"realm": "agents", "users": [], "clients": CLIENTS})
    assert agents("keycloak", export) == agents("keycloak", document("clients.json", CLIENTS))
    assert set(agents("keycloak", export, every=True)) == {"invoice-bot", "portal"}


def test_traces_give_declared_tools_and_handoffs_of_the_agents_of_their_events():
    raw = TRACES.read_bytes()
    found = agents("openai-agents", Document(TRACES.name, raw))
    assert found["Clerk"] == {"allowed_tools": ["read_invoice"], "peers": ["Payer"]}
    assert found["Payer"] == {"allowed_tools": ["pay"]}
    for event in events_of("openai-agents", raw):
        assert event["tool"] in found[event["agent"]["id"]]["allowed_tools"]


def test_tools_of_several_spans_of_an_agent_add_up():
    spans = [span("Clerk", ["a"]), span("Clerk", ["b"]), span("Idle", [])]
    found = agents("openai-agents", document("t.json", {"data": spans}))
    assert found == {"Clerk": {"allowed_tools": ["a", "b"]}, "Idle": {"allowed_tools": []}}


def span(name: str, tools: list[str]) -> dict[str, Any]:
    return {"object": "trace.span", "span_data": {"type": "agent", "name": name, "tools": tools}}


def test_csv_and_yaml_say_the_same():
    csv = b"agent_id,owner,allowed_tools,team\na,ana@example.com,crm.read; mail.*,blue\nb,,,\n"
    yaml = (
        b"- {agent_id: a, owner: ana@example.com, allowed_tools: [crm.read, mail.*], team: blue}\n"
        b"- {agent_id: b}\n"
    )
    found = agents("csv", Document("a.csv", csv))
    assert found == agents("yaml", Document("a.yaml", yaml))
    assert found["a"]["allowed_tools"] == ["crm.read", "mail.*"]


def test_two_documents_come_together():
    first = document("1.json", {"entries": [{"spiffe_id": {"trust_domain": "t", "path": "/a"}}]})
    second = document("2.json", {"entries": [{"spiffe_id": {"trust_domain": "t", "path": "/b"}}]})
    gathered = read("spire", [first, second])
    assert gathered.sources == {"spiffe://t/a": "1.json", "spiffe://t/b": "2.json"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("csv", "yaml")])
def test_json_lines_are_read_like_a_list(kind):
    source = {"entra": GRAPH, "a2a": CARD, "spire": ENTRIES, "keycloak": {"clients": CLIENTS}}
    page = source.get(kind) or json.loads(TRACES.read_text())
    line = json.dumps(page).encode()
    once = read(kind, [Document("a.json", line)])
    assert once.agents == read(kind, [Document("a.jsonl", line + b"\n" + line + b"\n")]).agents


def test_entries_of_one_client_that_differ_are_an_error():
    clients = [CLIENTS[0], CLIENTS[0] | {"name": "Another bot"}]
    with pytest.raises(ConfigError, match=r"c\.json, entry 2: an earlier entry .* another name"):
        agents("keycloak", document("c.json", clients))
