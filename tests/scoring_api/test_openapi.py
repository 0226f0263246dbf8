"""The description of the API is true."""

from __future__ import annotations

import msgspec
import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.specs.openapi import checks as openapi_checks

from models.answer import Answer, Facets, Obligation, Reason, Recovery
from scoring_api import schemas

PAIRS = [
    (Answer, schemas.Trust),
    (Facets, schemas.Facets),
    (Obligation, schemas.Obligation),
    (Reason, schemas.Reason),
    (Recovery, schemas.Recovery),
]


@pytest.mark.parametrize(("core", "wire"), PAIRS, ids=lambda kind: kind.__name__)
def test_the_answer_has_the_keys_of_its_description_in_order(core, wire):
    assert [f.encode_name for f in msgspec.structs.fields(core)] == list(wire.model_fields)


def test_the_trust_route_is_described_with_its_questions_and_answers(client):
    api = client.get("/openapi.json").json()
    route = api["paths"]["/v1/agents/{agent_id}/trust"]["get"]
    assert {p["name"] for p in route["parameters"]} >= {"agent_id", "mode", "operation"}
    assert set(route["responses"]) >= {"200", "304", "400", "401", "403", "503"}
    assert [path for path, verbs in api["paths"].items() if "422" in str(verbs)] == ["/v1/actions"]
    assert {"HTTPBearer": []} in route["security"]
    assert {"APIKeyHeader": []} in route["security"]


@pytest.fixture(scope="module")
def described(module_installation):
    installation = module_installation
    installation.put(
        installation.state("a", items=(installation.item(),)),
        installation.state("a", mode="autonomous", days=2, state="learning"),
    )
    installation.find(*(installation.anomaly(n, agent_id="a") for n in range(3)))
    with installation.client() as client:
        yield schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")


# Not among them: that data the schema calls wrong is refused. An event that is none is rejected by
# itself, within an answer that is 202.
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]


def test_no_request_breaks_the_api_and_answers_are_as_described(described):
    tried = []
    for found in described.get_all_operations():
        operation = found.ok()

        @settings(max_examples=20, deadline=None, derandomize=True, database=None)
        @given(case=operation.as_strategy())
        def attempt(case):
            case.call_and_validate(checks=CHECKS)

        attempt()
        tried.append(operation.label)
    assert "GET /v1/agents/{agent_id}/trust" in tried
    assert "POST /v1/actions" in tried
