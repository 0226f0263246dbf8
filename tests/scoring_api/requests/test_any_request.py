"""Generated requests, valid and not, of every kind of caller: nothing fails, answers are described.

Without a credential store on loopback; with one: without a key, with a bad key, and with a key of
each scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from pipeline.credentials.entries import SCOPES, make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

# What each operation wants; the others want nothing.
NEEDS = {
    "getAgentTrust": "trust:read",
    "queryTrust": "trust:read",
    "listAgents": "trust:read",
    "getAgent": "trust:read",
    "getAgentEvidence": "trust:read",
    "getAgentHistory": "trust:read",
    "listAnomalies": "anomaly:read",
    "getAnomaly": "anomaly:read",
    "listCases": "anomaly:read",
    "getCase": "anomaly:read",
    "decideCase": "anomaly:write",
    "undoCase": "anomaly:write",
    "commentCase": "anomaly:write",
    "listSuppressions": "anomaly:read",
    "createSuppression": "anomaly:write",
    "endSuppression": "anomaly:write",
    "quarantineAgent": "anomaly:write",
    "releaseAgent": "anomaly:write",
    "quarantineAgentByQuery": "anomaly:write",
    "releaseAgentByQuery": "anomaly:write",
    "listIdentities": "trust:read",
    "mergeIdentity": "admin",
    "splitIdentity": "admin",
    "refuseIdentity": "admin",
    "listAudit": "admin",
    "postActions": "actions:write",
    "postSecurityEvent": "signals:write",
}
schemathesis.serializer.alias("application/secevent+jwt", "application/octet-stream")
CALLERS = ["without a credential store", "without a key", "with a bad key", *SCOPES]
# Requests to one operation, by day and by night; a third of them where they are refused.
DRAWS = [6, pytest.param(60, marks=[pytest.mark.nightly, pytest.mark.timeout(1_800)])]

# Not `ignored_auth`: it knows no 429. The callers here are its cases, and no other answers pass.
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.missing_required_header,
    openapi_checks.unsupported_method,
    openapi_checks.allow_header_conformance,
    openapi_checks.use_after_free,
    openapi_checks.ensure_resource_availability,
]
# A cursor is one that the route gave. An event may be ahead of time, and 1.0 is no integer of it.
# An identifier is never its own alias. Only an expected change has a scope and an end. A scope
# names more than a mode, and ends in time. A record of an exporter is one that its format can use.
UNDESCRIBED = {
    "listAgents", "listAnomalies", "listCases", "listSuppressions", "listAudit",
    "listIdentities", "mergeIdentity", "decideCase", "createSuppression", "postActions",
    "postTraces", "postLogs", "postLitellm", "postOpenaiTraces",
}  # fmt: skip
# An event that is none is rejected by itself, and null means the same as no member.
LENIENT = {"postActions", "postTraces", "postLogs"}


def fill(installation: Any) -> None:
    installation.put(
        installation.state("a", items=(installation.item(),)),
        installation.state("a", mode="autonomous", days=2, state="learning"),
    )
    installation.find(*(installation.anomaly(n, agent_id="a") for n in range(3)))


def described_by(client: Any) -> Any:
    found = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")
    rejection = found.config.checks.negative_data_rejection
    rejection.expected_statuses = [*rejection.expected_statuses, "414", "431"]
    return found


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[Any, dict[str, str]]:
    made = {scope: make_key(scope.replace(":", "-"), [scope]) for scope in SCOPES}
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.write_bytes(msgspec.json.encode([entry for _, entry in made.values()]))
    return path, {scope: secret for scope, (secret, _) in made.items()}


@pytest.fixture(scope="module")
def guarded(module_installation, keys) -> Iterator[Any]:
    fill(module_installation)
    with module_installation.client(api_keys_file=keys[0]) as client:
        yield described_by(client)


@pytest.fixture(scope="module")
def unguarded(module_installation) -> Iterator[Any]:
    fill(module_installation)
    with module_installation.client() as client:
        yield described_by(client)


def may(caller: str, wanted: str | None) -> bool:
    return wanted is None or caller in (CALLERS[0], wanted, "admin")


def checks_of(name: str, *, permitted: bool) -> list[Any]:
    checks = list(CHECKS)
    if permitted and name not in UNDESCRIBED:
        checks.append(openapi_checks.positive_data_acceptance)
    if permitted and name not in LENIENT:
        checks.append(openapi_checks.negative_data_rejection)
    return checks


def send_requests(
    operation: Any, headers: dict[str, str], maximum: int, *, permitted: bool
) -> None:
    name = operation.definition.raw["operationId"]
    checks = checks_of(name, permitted=permitted)

    @settings(
        max_examples=maximum if permitted else maximum // 3,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests_of(operation))
    def attempt(case: Any) -> None:
        response = case.call(headers=headers)
        case.validate_response(response, checks=checks)
        assert permitted or response.status_code in (401, 403, 414, 429), response.text

    attempt()


@pytest.mark.parametrize("maximum", DRAWS)
@pytest.mark.parametrize("caller", CALLERS)
def test_no_request_breaks_the_api_and_answers_are_as_described(
    caller, maximum, guarded, unguarded, keys
):
    described = unguarded if caller == CALLERS[0] else guarded
    shown = {"with a bad key": "bad-key", **keys[1]}.get(caller)
    headers = {} if shown is None else {"Authorization": f"Bearer {shown}"}
    tried = set()
    for found in described.get_all_operations():
        operation = found.ok()
        name = operation.definition.raw["operationId"]
        send_requests(operation, headers, maximum, permitted=may(caller, NEEDS.get(name)))
        tried.add(name)
    assert tried >= {*NEEDS, "getLivez", "getReadyz", "getMetrics", "getEventSchema"}


def requests_of(operation: Any) -> Any:
    valid = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not (operation.body or operation.query or operation.path_parameters):
        return valid
    return st.one_of(valid, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
