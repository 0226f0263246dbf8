"""The description of the API is true: ids, types, errors and examples are what is sent."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from models.event import Mode, Operation, rfc3339
from models.trust.levels import Gate, LevelState
from models.trust.policy import Level, Severity
from models.trust.response import Answer, Facets, Obligation, Reason, Recovery, State
from models.units import DAY_US
from pipeline.casework.in_force import suppressions_in
from pipeline.credentials.entries import make_key
from pipeline.events.schema import PATH, event_parts
from pipeline.identity.alias import Alias
from pipeline.publishing import messages
from pipeline.store import Commit
from scoring_api.schemas import anomalies, cases, trust, values

PAIRS = [
    (Answer, trust.Trust),
    (Facets, trust.Facets),
    (Obligation, trust.Obligation),
    (Reason, trust.Reason),
    (Recovery, trust.Recovery),
    (messages.Anomaly, anomalies.Anomaly),
    (messages.Reason, anomalies.AnomalyReason),
    (messages.Bits, anomalies.Surprise),
    (messages.Position, anomalies.EventPosition),
    (messages.Change, anomalies.ScoreChange),
    (messages.Agents, anomalies.AnomalyAgents),
    (messages.Case, cases.Case),
    (messages.Signal, cases.CaseSignal),
    (messages.CaseEvents, cases.CaseEvents),
    (messages.Score, cases.CaseScore),
    (messages.ScoreOfCase, cases.CaseTrust),
    (messages.CaseDecision, cases.CaseDecision),
]

# The API would refuse a value that only the core has, or send it undescribed.
VALUES = [
    (Mode, values.ModeName),
    (Operation, values.OperationName),
    (Severity, values.SeverityName),
    (Level, values.LevelName),
    (State, values.StateName),
    (Gate, values.GateName),
]

# Clients are generated from these: renaming one breaks them.
OPERATIONS = {
    "getAgentTrust": "get /v1/agents/{agent_id}/trust",
    "queryTrust": "post /v1/trust/query",
    "listAgents": "get /v1/agents",
    "getAgent": "get /v1/agents/{agent_id}",
    "getAgentEvidence": "get /v1/agents/{agent_id}/evidence",
    "getAgentHistory": "get /v1/agents/{agent_id}/history",
    "getAgentByQuery": "get /v1/agent",
    "getAgentEvidenceByQuery": "get /v1/agent/evidence",
    "getAgentHistoryByQuery": "get /v1/agent/history",
    "getAgentTrustByQuery": "get /v1/agent/trust",
    "listAnomalies": "get /v1/anomalies",
    "listEvents": "get /v1/events",
    "getAnomaly": "get /v1/anomalies/{anomaly_id}",
    "listCases": "get /v1/cases",
    "getCase": "get /v1/cases/{case_id}",
    "decideCase": "post /v1/cases/{case_id}/disposition",
    "undoCase": "post /v1/cases/{case_id}/undo",
    "commentCase": "post /v1/cases/{case_id}/comments",
    "listSuppressions": "get /v1/suppressions",
    "createSuppression": "post /v1/suppressions",
    "endSuppression": "post /v1/suppressions/{suppression_id}/end",
    "quarantineAgent": "post /v1/agents/{agent_id}/quarantine",
    "releaseAgent": "post /v1/agents/{agent_id}/release",
    "quarantineAgentByQuery": "post /v1/agent/quarantine",
    "releaseAgentByQuery": "post /v1/agent/release",
    "listIdentities": "get /v1/identities",
    "mergeIdentity": "post /v1/identities/merge",
    "splitIdentity": "post /v1/identities/split",
    "refuseIdentity": "post /v1/identities/refuse",
    "listAudit": "get /v1/audit",
    "postActions": "post /v1/actions",
    "postClaudeCodeHook": "post /v1/hooks/claude-code",
    "postCopilotCliHook": "post /v1/hooks/copilot-cli",
    "postGeminiCliHook": "post /v1/hooks/gemini-cli",
    "postTraces": "post /v1/traces",
    "postLogs": "post /v1/logs",
    "postLitellm": "post /v1/litellm",
    "postOpenaiTraces": "post /v1/openai-traces",
    "postSecurityEvent": "post /v1/ssf/events",
    "getEventSchema": "get /v1/schema/event.json",
    "getLivez": "get /livez",
    "getReadyz": "get /readyz",
    "getMetrics": "get /metrics",
}
ANY_ROUTE = {"400", "403", "408", "414", "421", "429", "431", "503"}
OPEN = {"getEventSchema", "getLivez", "getReadyz"}


@pytest.fixture(scope="module")
def api(module_installation) -> dict[str, Any]:
    schema: dict[str, Any] = module_installation.app().api.openapi()
    return schema


def operations(api: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    found = {
        operation["operationId"]: (f"{verb} {path}", operation)
        for path, verbs in api["paths"].items()
        for verb, operation in verbs.items()
    }
    assert len(found) > 10
    return found


@pytest.mark.parametrize(("core", "wire"), PAIRS, ids=lambda kind: kind.__name__)
def test_an_answer_has_the_keys_of_its_description_in_order(core, wire):
    fields = msgspec.structs.fields(core)
    todo = "describe the same keys, in the same order, in scoring_api/schemas/"
    assert [field.encode_name for field in fields] == list(wire.model_fields), todo
    required = [field.encode_name for field in fields if field.required]
    described = [name for name, field in wire.model_fields.items() if field.is_required()]
    assert set(required) <= set(described)


@pytest.mark.parametrize(("core", "wire"), VALUES)
def test_description_has_the_values_of_the_core(core, wire):
    assert sorted(get_args(wire)) == sorted(get_args(core)), (
        "change it in scoring_api/schemas/values.py"
    )


STATUS_ROUTES = {"postTraces", "postLogs"}
"""Routes of OTLP, whose refusals have the form that exporters read."""
SET_ROUTE = "postSecurityEvent"
"""The route of RFC 8935: accepted without a body, and refused in a form of its own."""


def test_operations_have_stable_ids(api):
    found = {name: call for name, (call, _) in operations(api).items()}
    assert found == OPERATIONS, "clients know the ids: add a new one, and rename none"


def test_every_operation_has_a_summary_a_description_and_described_answers(api):
    for name, (_, operation) in operations(api).items():
        assert operation["summary"], name
        assert operation["description"], name
        expected = ANY_ROUTE | (set() if name in OPEN else {"401"})
        assert expected <= set(operation["responses"]), name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            if status == "304" or (name, status) == (SET_ROUTE, "202"):
                continue
            kinds = dict(answer["content"])
            of_others = name in STATUS_ROUTES and status[0] in "45"
            if of_others or (name, status) == (SET_ROUTE, "400"):
                assert kinds.pop("application/json")["schema"], (name, status)
            ((kind, content),) = kinds.items()
            assert content["schema"], (name, status)
            assert (kind == "application/problem+json") is (status[0] in "45"), (name, status)


def test_every_reference_leads_somewhere(api):
    text = json.dumps(api)
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names == names & set(api["components"]["schemas"])
    assert names >= {"Event", "EventBatch", "Agent", "Problem", "RejectedActions", "Trust"}


def test_the_trust_route_is_described_with_its_questions_and_answers(api):
    _, route = operations(api)["getAgentTrust"]
    assert {p["name"] for p in route["parameters"]} >= {"agent_id", "mode", "operation"}
    assert set(route["responses"]) >= {"200", "304", "400", "401", "403", "503"}
    assert {"HTTPBearer": []} in route["security"]
    assert {"APIKeyHeader": []} in route["security"]


def test_422_is_described_where_every_event_may_be_rejected_and_nowhere_else(api):
    having = [name for name, (_, one) in operations(api).items() if "422" in one["responses"]]
    assert having == ["postActions"]


def test_events_are_described_whole_from_their_types(api):
    parts = api["components"]["schemas"]
    for name, schema in event_parts("#/components/schemas/{name}").items():
        assert parts[name] == schema
    _, route = operations(api)["postActions"]
    content = route["requestBody"]["content"]["application/json"]
    kinds = content["schema"]["anyOf"]
    assert kinds[0] == {"$ref": "#/components/schemas/Event"}
    assert set(parts["Event"]["properties"]) >= {"resource", "network", "volume", "credential"}
    assert set(content["examples"]) == {"event", "batch", "array"}


def test_examples_of_events_are_accepted(api, client):
    _, route = operations(api)["postActions"]
    content = route["requestBody"]["content"]["application/json"]
    assert content["examples"]
    for name, example in content["examples"].items():
        jsonschema.validate(example["value"], {**api, **content["schema"]})
        answer = client.post("/v1/actions", json=example["value"])
        assert answer.status_code == 202, name
        assert answer.json()["warnings"] == []


def test_the_schema_of_events_is_served_without_a_credential_and_may_be_kept(
    installation, tmp_path
):
    keys = tmp_path / "keys.json"
    keys.write_bytes(msgspec.json.encode([make_key("client", ["admin"])[1]]))
    with installation.client(api_keys_file=keys) as client:
        assert client.get("/v1/agents").status_code == 401
        answer = client.get("/v1/schema/event.json")
        assert answer.status_code == 200
        assert answer.content == PATH.read_bytes()
        assert answer.headers["content-type"] == "application/schema+json"
        assert answer.headers["cache-control"] == "public, max-age=3600"
        again = client.get(
            "/v1/schema/event.json", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        other = client.get("/v1/schema/event.json", headers={"If-None-Match": '"other"'})
        assert other.status_code == 200


def closed(schema: Any) -> Any:
    """Give a schema that allows only the properties that it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: closed(part) for name, part in schema.items()}
    if "properties" in plain and plain.get("type") == "object":
        plain["additionalProperties"] = False
    return plain


def test_answers_have_no_member_that_is_not_described(api, installation):
    installation.put(
        installation.state("a", items=(installation.item(),)),
        installation.state("a", mode="autonomous", days=2, state="learning"),
        installation.state("shut", level_state=LevelState(gate="quarantined")),
    )
    installation.find(installation.anomaly(1, agent_id="a"))
    installation.file(
        installation.case(1), installation.case(2, version=2, disposition="malicious")
    )
    alias = Alias(value="old", agent_id="a", kind="spiffe-id", state="confirmed", version=1)
    installation.store.commit(Commit(aliases=[alias]))
    installation.store.aliases.propose([Alias(value="c", agent_id="a", kind="agent")])
    bad = {"id": "e-1", "resorce": 1}
    good = {**bad, "time": "2026-01-05T08:00:00Z", "agent": {"id": "a"}, "tool": "t"}
    calls: dict[str, tuple[str, Any]] = {
        "getAgentTrust": ("/v1/agents/a/trust", None),
        "queryTrust": ("/v1/trust/query", {"agents": ["a", "nobody"]}),
        "listAgents": ("/v1/agents", None),
        "getAgent": ("/v1/agents/a", None),
        "getAgentEvidence": ("/v1/agents/a/evidence", None),
        "getAgentHistory": ("/v1/agents/a/history", None),
        "getAgentByQuery": ("/v1/agent?id=a", None),
        "getAgentEvidenceByQuery": ("/v1/agent/evidence?id=a", None),
        "getAgentHistoryByQuery": ("/v1/agent/history?id=a", None),
        "getAgentTrustByQuery": ("/v1/agent/trust?id=a", None),
        "listAnomalies": ("/v1/anomalies", None),
        "listEvents": ("/v1/events", None),
        "getAnomaly": ("/v1/anomalies/anomaly-1", None),
        "listCases": ("/v1/cases", None),
        "getCase": ("/v1/cases/C-0000000000000001", None),
        "decideCase": (
            "/v1/cases/C-0000000000000001/disposition",
            {"disposition": "benign", "reason": "a migration", "version": 1},
        ),
        "undoCase": (
            "/v1/cases/C-0000000000000002/undo?preview=true",
            {"reason": "a mistake", "version": 2},
        ),
        "commentCase": ("/v1/cases/C-0000000000000001/comments", {"text": "who owns this?"}),
        "createSuppression": (
            "/v1/suppressions",
            {
                "scope": {"agent": "a"},
                "reason": "a pilot",
                "until": rfc3339(installation.now_us() + DAY_US),
            },
        ),
        "listSuppressions": ("/v1/suppressions", None),
        "endSuppression": ("", {"reason": "it is over"}),
        "quarantineAgent": ("/v1/agents/a/quarantine", {"reason": "a key leaked"}),
        "quarantineAgentByQuery": ("/v1/agent/quarantine?id=a", {"reason": "a key leaked"}),
        "releaseAgent": ("/v1/agents/shut/release", {"reason": "the key is changed"}),
        "releaseAgentByQuery": ("/v1/agent/release?id=shut", {"reason": "the key is changed"}),
        "listIdentities": ("/v1/identities", None),
        "mergeIdentity": (
            "/v1/identities/merge",
            {"alias": "b", "agent_id": "a", "reason": "one workload"},
        ),
        "splitIdentity": ("/v1/identities/split", {"alias": "old", "reason": "two workloads"}),
        "refuseIdentity": (
            "/v1/identities/refuse",
            {"alias": "c", "agent_id": "a", "reason": "another workload"},
        ),
        "listAudit": ("/v1/audit", None),
        "postActions": ("/v1/actions", [good, bad]),
        "postClaudeCodeHook": ("/v1/hooks/claude-code", {"hook_event_name": "Stop"}),
        "postCopilotCliHook": ("/v1/hooks/copilot-cli", {"sessionId": "s", "prompt": "hello"}),
        "postGeminiCliHook": ("/v1/hooks/gemini-cli", {"hook_event_name": "AfterTool"}),
        "postTraces": ("/v1/traces", {"resourceSpans": []}),
        "postLogs": ("/v1/logs", {"resourceLogs": []}),
        "postLitellm": ("/v1/litellm", [{"id": "r", "call_type": "x"}, {}]),
        "postOpenaiTraces": ("/v1/openai-traces", {"data": [{"object": "trace", "id": "t"}]}),
        "getLivez": ("/livez", None),
        "getReadyz": ("/readyz", None),
    }
    expected = set(OPERATIONS) - {"getEventSchema", "getMetrics", SET_ROUTE}
    assert set(calls) == expected, "add an example of its request to calls"
    parts = closed(api["components"])
    with installation.client() as client:
        for name, (known, body) in calls.items():
            made = suppressions_in(installation.store.audit.all_of("suppression"))
            path = known or f"/v1/suppressions/{next(iter(made), '')}/end"
            answer = client.get(path) if body is None else client.post(path, json=body)
            described = operations(api)[name][1]["responses"][str(answer.status_code)]
            schema = described["content"][answer.headers["content-type"]]["schema"]
            assert answer.is_success, name
            jsonschema.validate(answer.json(), {"components": parts, **schema})
        rejected = client.post("/v1/actions", json=bad)
        schema = operations(api)["postActions"][1]["responses"]["422"]["content"]
        jsonschema.validate(
            rejected.json(), {"components": parts, **schema["application/problem+json"]["schema"]}
        )


def test_the_page_of_integrations_names_the_routes_that_receive(api: dict[str, Any]) -> None:
    page = (PATH.parents[2] / "docs" / "integrations.md").read_text()
    named = set(re.findall(r"/v1/[a-z/-]+", page))
    assert named <= api["paths"].keys()
    assert {path for path in api["paths"] if path.startswith("/v1/hooks/")} <= named
