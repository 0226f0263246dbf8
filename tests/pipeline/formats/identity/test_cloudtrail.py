from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.formats.secrets import digest
from tests.pipeline.formats.decoding import assembled, event_of, events_of
from tests.pipeline.formats.samples import AT, ROLE, assumption, cloudtrail_record

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ASIAEXAMPLE00000001"
HUB = "arn:aws:iam::123456789012:role/Hub"
GATE = "arn:aws:iam::123456789012:role/Gate"


def agentcore(claims: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return cloudtrail_record(
        eventSource="bedrock-agentcore.amazonaws.com", eventName="InvokeGateway", readOnly=False,
        userIdentity={"type": "AWSAccount", "principalId": "", "accountId": "anonymous"},
        requestParameters={"body": {"jsonrpc": "2.0", "method": "tools/call", "id": 1, "params": {
            "name": "Payments___send", "arguments": "REDACTED"}}},
        responseElements={"statusCode": 200, "body": {"result": {"isError": False}}},
        additionalEventData={"targetId": "T1"} | ({"jwt": {"claims": claims}} if claims else {}),
        resources=[{"ARN": "arn:aws:bedrock-agentcore:eu-west-1:1:gateway/g",
                    "type": "AWS::BedrockAgentCore::Gateway"}],
    ) | more  # fmt: skip


def test_agent_is_the_role_and_the_instance_is_the_key() -> None:
    event = event_of("cloudtrail", cloudtrail_record())
    assert event["agent"] == {"id": ROLE, "instance": digest(KEY)}
    assert event["tool"] == "s3:GetObject"
    assert event["operation"] == "read"
    assert event["resource"] == {"id": "s3://invoices/2026/1.pdf", "type": "s3"}
    assert event["credential"] == {"id": digest(KEY), "issued_at": "2026-01-05T07:55:00Z"}
    assert event["attributes"]["key_kind"] == "session"
    assert event["attributes"]["mfa"] is False
    assert "mode" not in event


def test_file_event_and_single_record_give_the_same_event() -> None:
    record = cloudtrail_record()
    single = event_of("cloudtrail", record)
    assert event_of("cloudtrail", {"Records": [record]}) == single
    assert event_of("cloudtrail", [record]) == single
    bridged = {"detail-type": "AWS API Call via CloudTrail", "detail": record}
    assert event_of("cloudtrail", bridged) == single


def test_session_is_the_one_of_sts_and_a_long_lived_key_names_none() -> None:
    first, second, static = cloudtrail_record(), cloudtrail_record(), cloudtrail_record()
    second["userIdentity"]["accessKeyId"] = "ASIAEXAMPLE00000002"
    static["userIdentity"] = {"type": "IAMUser", "accessKeyId": "AKIAEXAMPLE", "arn": "arn:u"}
    sessions = [event_of("cloudtrail", one).get("session") for one in (first, second, static)]
    assert sessions == [digest(KEY), digest("ASIAEXAMPLE00000002"), None]  # a pause ends the last


def test_session_inherits_caller_and_end_of_its_credential() -> None:
    used = event_of("cloudtrail", [assumption(HUB, KEY, ROLE), cloudtrail_record()][1])
    assert "delegation" not in used
    events = events_of("cloudtrail", assumption(HUB, KEY, ROLE), cloudtrail_record())
    (used,) = [one for one in events if one["tool"] == "s3:GetObject"]
    assert used["delegation"] == [HUB]
    assert used["credential"]["expires_at"] == "2026-01-05T09:00:00Z"


def test_chain_of_roles_is_the_delegation_newest_first() -> None:
    chain = [
        assumption(GATE, "ASIAHUB", HUB, asked={"sourceIdentity": "alice"}, eventTime=AT),
        assumption(HUB, KEY, ROLE, with_key="ASIAHUB", eventTime="2026-01-05T08:00:01Z"),
        cloudtrail_record(eventTime="2026-01-05T08:00:02Z"),
    ]
    used = events_of("cloudtrail", *chain)[-1]
    assert used["agent"]["id"] == ROLE
    assert used["delegation"] == [HUB, GATE]
    assert used["human"] == {"id": "alice"}
    assert used["mode"] == "delegated"


def test_order_of_arrival_does_not_matter() -> None:
    first, second = assumption(HUB, KEY, ROLE), cloudtrail_record(eventTime="2026-01-05T08:01:00Z")
    assert events_of("cloudtrail", second, first) == events_of("cloudtrail", first, second)


def test_record_that_arrives_twice_is_one_event() -> None:
    record = json.dumps(cloudtrail_record()).encode()
    lines, count = assembled("cloudtrail", record, record)
    assert len(lines) == 1
    assert count["parts_repeated"] >= 1


def test_call_between_accounts_is_one_event_of_the_caller() -> None:
    other = cloudtrail_record(
        eventID="e-2", sharedEventID="5ca20d903380-shared",
        userIdentity={"type": "AWSAccount", "principalId": "AROA:run", "accountId": "1"},
    )  # fmt: skip
    mine = cloudtrail_record(sharedEventID="5ca20d903380-shared")
    for records in ((mine, other), (other, mine)):
        event = event_of("cloudtrail", *records)
        assert event["agent"]["id"] == ROLE
        assert event["id"] == "5ca20d903380-shared"


@pytest.mark.parametrize("place", ["context", "attributes", "identity"])
def test_source_identity_is_the_human(place: str) -> None:
    record = cloudtrail_record()
    identity = record["userIdentity"]
    target = {
        "context": identity["sessionContext"],
        "attributes": identity["sessionContext"]["attributes"],
        "identity": identity,
    }[place]
    target["sourceIdentity"] = "alice"
    event = event_of("cloudtrail", record)
    assert event["human"] == {"id": "alice"}
    assert event["mode"] == "delegated"


def test_identity_center_user_is_the_human_behind_a_role() -> None:
    record = cloudtrail_record()
    record["userIdentity"]["onBehalfOf"] = {"userId": "user-7", "identityStoreArn": "arn:aws:x"}
    event = event_of("cloudtrail", record)
    assert (event["agent"]["id"], event["human"]["id"]) == (ROLE, "user-7")


def test_saml_user_is_the_human_and_the_role_the_agent() -> None:
    record = cloudtrail_record(
        eventName="AssumeRoleWithSAML", eventSource="sts.amazonaws.com",
        userIdentity={"type": "SAMLUser", "userName": "alice", "principalId": "p"},
        requestParameters={"roleArn": ROLE, "sAMLAssertionID": "_a"},
    )  # fmt: skip
    event = event_of("cloudtrail", record)
    assert (event["agent"]["id"], event["human"]["id"]) == (ROLE, "alice")


def test_web_identity_is_a_workload_in_the_delegation() -> None:
    made = assumption(HUB, KEY, ROLE)
    made["userIdentity"] = {"type": "WebIdentityUser", "userName": "repo:acme/shop:ref:main"}
    used = events_of("cloudtrail", made, cloudtrail_record())[-1]
    assert used["delegation"] == ["repo:acme/shop:ref:main"]
    assert "human" not in used


@pytest.mark.parametrize(
    ("address", "kept", "service"),
    [
        ("192.0.2.7", "192.0.2.7", None),
        ("::ffff:192.0.2.7", "192.0.2.7", None),
        ("cloudformation.amazonaws.com", None, "cloudformation.amazonaws.com"),
        ("AWS Internal", None, "AWS Internal"),
        ("035.249.253.232", None, None),
    ],
)
def test_service_name_is_not_an_address(
    address: str, kept: str | None, service: str | None
) -> None:
    event = event_of("cloudtrail", cloudtrail_record(sourceIPAddress=address))
    assert event.get("network", {}).get("source_ip") == kept
    assert event["attributes"].get("source_service") == service


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({}, "ok"),
        ({"errorCode": "AccessDenied"}, "denied"),
        ({"errorCode": "Client.UnauthorizedOperation"}, "denied"),
        ({"errorCode": "Client.AuthFailure"}, "denied"),
        ({"errorCode": "ExpiredToken"}, "denied"),
        ({"errorCode": "AuthorizationErrorException"}, "denied"),
        ({"errorCode": "ThrottlingException"}, "error"),
        ({"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}}, "denied"),
    ],
)
def test_outcome_is_read_from_the_error_code(more: dict[str, Any], outcome: str) -> None:
    assert event_of("cloudtrail", cloudtrail_record(**more))["outcome"] == outcome


@pytest.mark.parametrize("value", [None, "text", '{"bucketName":"b"}', 7, []])
def test_parameters_may_be_null_or_text(value: Any) -> None:
    event = event_of(
        "cloudtrail", cloudtrail_record(requestParameters=value, responseElements=value)
    )
    assert event["tool"] == "s3:GetObject"


def test_write_that_its_name_hides_is_a_write() -> None:
    event = event_of(
        "cloudtrail", cloudtrail_record(eventName="GetFederationToken", readOnly=False)
    )
    assert event["operation"] == "write"


def test_static_key_is_visible() -> None:
    record = cloudtrail_record(userIdentity={
        "type": "IAMUser", "arn": "arn:aws:iam::1:user/bot",
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE"})  # fmt: skip
    event = event_of("cloudtrail", record)
    assert event["attributes"]["key_kind"] == "static"
    assert event["agent"] == {"id": "arn:aws:iam::1:user/bot"}
    assert "AKIA" not in json.dumps(event)


def test_agent_of_a_gateway_call_is_in_the_token() -> None:
    claims = {
        "sub": "alice",
        "client_id": "shop-bot",
        "scope": "pay",
        "jti": "j",
        "exp": 1767603600,
    }
    event = event_of("cloudtrail", agentcore(claims))
    assert event["agent"] == {"id": "shop-bot"}
    assert event["human"] == {"id": "alice"}
    assert event["mode"] == "delegated"
    assert event["tool"] == "Payments___send"
    assert event["credential"]["id"] == digest("j")
    assert event["credential"]["scopes"] == ["pay"]
    assert event["resource"]["type"] == "AWS::BedrockAgentCore::Gateway"
    assert "arguments" not in event
    assert event["time"] == AT


def test_gateway_call_with_client_credentials_is_autonomous() -> None:
    event = event_of("cloudtrail", agentcore({"sub": "shop-bot", "client_id": "shop-bot"}))
    assert event["mode"] == "autonomous"
    assert "human" not in event


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ({"statusCode": 200, "body": {"result": {"isError": True}}}, "error"),
        ({"statusCode": 403}, "denied"),
        ({"statusCode": 200, "body": {"error": {"code": -32601}}}, "error"),
    ],
)
def test_gateway_call_has_the_outcome_of_its_answer(response: dict[str, Any], outcome: str) -> None:
    event = event_of("cloudtrail", agentcore({"sub": "a"}, responseElements=response))
    assert event["outcome"] == outcome


def test_runtime_call_names_session_and_human() -> None:
    event = event_of(
        "cloudtrail",
        cloudtrail_record(
            eventName="InvokeAgentRuntime", eventSource="bedrock-agentcore.amazonaws.com",
            requestParameters={"agentRuntimeArn": "arn:aws:r", "runtimeSessionId": "s-9",
                               "runtimeUserId": "ines"},
        ),
    )  # fmt: skip
    assert (event["session"], event["human"]["id"]) == ("s-9", "ines")
    assert event["resource"]["id"] == "arn:aws:r"


def test_insight_and_other_objects_give_no_event() -> None:
    assert events_of("cloudtrail", cloudtrail_record(eventType="AwsCloudTrailInsight")) == []
    assert events_of("cloudtrail", {"detail": {"state": "running"}}) == []
    assert events_of("cloudtrail", {"Records": []}) == []


@pytest.mark.shared
def test_recorded_records_give_one_event_each(shared_dir: Path) -> None:
    files = sorted((shared_dir / "fixtures" / "cloudtrail").glob("*.json"))
    assert files
    for file in files:
        raw = file.read_bytes()
        records = json.loads(raw)
        events = events_of("cloudtrail", raw)
        assert {one["id"] for one in events} == {one["eventID"] for one in records}
        assert b"ASIA" not in b"".join(assembled("cloudtrail", raw)[0])
        delivered = gzip.decompress(gzip.compress(json.dumps({"Records": records}).encode()))
        assert events_of("cloudtrail", delivered) == events


@pytest.mark.shared
def test_recorded_federation_token_ends_where_its_issuer_says(shared_dir: Path) -> None:
    file = shared_dir / "fixtures" / "cloudtrail" / "aws.persistence.sts-federation-token.json"
    used = events_of("cloudtrail", file.read_bytes())[-1]
    assert used["credential"]["expires_at"] == "2024-11-30T20:43:17Z"
    assert used["agent"]["id"].endswith(":user/stratus-red-team-user-federation-user")
    assert "delegation" not in used


def test_record_without_an_identity_is_one_of_its_account() -> None:
    record = cloudtrail_record(userIdentity=None, recipientAccountId="123456789012")
    assert event_of("cloudtrail", record)["agent"]["id"] == "aws:123456789012"


PERSON = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b2c3d/ines@example.com"
PERMISSION_SET = (
    "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
    "AWSReservedSSO_Admin_0a1b2c3d"
)


@pytest.mark.parametrize(
    "identity",
    [
        {"type": "Root", "arn": "arn:aws:iam::123456789012:root", "principalId": "123456789012"},
        {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "user-7"}, "credentialId": "c"},
        {"type": "AssumedRole", "arn": PERSON},
        {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": PERMISSION_SET}}},
    ],
)
def test_record_of_a_person_gives_no_event(identity: dict[str, Any]) -> None:
    assert events_of("cloudtrail", cloudtrail_record(userIdentity=identity)) == []


def test_iam_user_is_a_credential_and_counts_as_an_agent() -> None:
    user = "arn:aws:iam::123456789012:user/ci"
    record = cloudtrail_record(userIdentity={"type": "IAMUser", "arn": user})
    assert event_of("cloudtrail", record)["agent"]["id"] == user


def test_person_who_assumes_a_role_is_the_human_of_its_session() -> None:
    assumed = assumption(HUB, KEY, ROLE)
    assumed["userIdentity"] = {"type": "AssumedRole", "accessKeyId": "ASIASSO", "arn": PERSON}
    event = event_of("cloudtrail", assumed, cloudtrail_record())
    assert (event["agent"]["id"], event["human"]["id"]) == (ROLE, "ines@example.com")
    assert event["mode"] == "delegated"
    assert "delegation" not in event


def test_gateway_call_of_a_person_has_the_agent_of_its_token() -> None:
    claims = {"sub": "ana", "azp": "bot", "iat": 1767599900}
    record = agentcore(claims, userIdentity={"type": "AssumedRole", "arn": PERSON})
    assert event_of("cloudtrail", record)["agent"]["id"] == "bot"
