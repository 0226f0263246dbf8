"""The description of the API is true."""

from __future__ import annotations

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

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
    assert "422" not in str(api["paths"])
    assert {"HTTPBearer": []} in route["security"]
    assert {"APIKeyHeader": []} in route["security"]


@pytest.fixture
def described(installation):
    installation.put(
        installation.state("a", items=(installation.item(),)),
        installation.state("a", mode="autonomous", days=2, state="learning"),
    )
    installation.find(*(installation.anomaly(n, agent_id="a") for n in range(3)))
    with installation.served(installation.app()) as url:
        yield schemathesis.openapi.from_url(f"{url}/openapi.json", wait_for_schema=5)


CHECKS = (
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.load_all_checks,
)


@pytest.mark.slow
def test_no_request_breaks_the_api_and_answers_are_as_described(described):
    for found in described.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        )
        @(
            schemathesis.pytest.given(case=operation.as_strategy())
            if False
            else operation_given(operation)
        )
        def one(case):
            case.call_and_validate()

        one()
