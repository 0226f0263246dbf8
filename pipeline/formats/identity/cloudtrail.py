"""AWS CloudTrail: delivered files, EventBridge events, and single records.

A call is one event per ``eventID``, or per ``sharedEventID`` where two accounts log it. A session
inherits the caller, the human and the end of its credential from the STS record that issued it.
Sources: the CloudTrail user guide, Bedrock AgentCore Gateway data events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.enrichment.operations import load
from pipeline.formats.bounded_event import bounded, instant_text, ip_of
from pipeline.formats.identity.aws_principals import (
    account_of,
    agent_of,
    aws_time_us,
    human_of,
    is_person,
    is_session_key,
    issued_by,
    key_of,
)
from pipeline.formats.identity.claims import event_of_claims
from pipeline.formats.json_records import object_in, parts_in
from pipeline.formats.members import inner, number, text
from pipeline.formats.part import Part
from pipeline.formats.secrets import digest, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from models.event import Operation

SESSION = "cloudtrail"
_NO_KEY = "-"
_DENIALS = (
    "AccessDenied", "Unauthorized", "Forbidden", "NotAuthorized", "AuthFailure",
    "AuthorizationError", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch",
    "UnrecognizedClient", "MissingAuthenticationToken",
)  # fmt: skip
_CLIENT = "Client."
"""Begins the error codes of some services."""
_OTHER_KINDS = {"AwsCloudTrailInsight"}
_RESOURCES = (
    "roleArn", "secretId", "agentRuntimeArn", "functionName", "tableName", "keyId", "modelId",
    "topicArn", "queueUrl", "policyArn", "userName", "roleName", "instanceId", "name",
)  # fmt: skip


class CloudTrail:
    """Reader of CloudTrail records.

    Examples
    --------
    >>> record = (
    ...     b'{"eventID":"e1","eventTime":"2026-01-05T08:00:00Z","eventName":"GetObject",'
    ...     b'"eventSource":"s3.amazonaws.com","readOnly":true,"userIdentity":{"type":'
    ...     b'"AssumedRole","arn":"arn:aws:sts::1:assumed-role/InvoiceBot/run-17"}}'
    ... )
    >>> call, result = CloudTrail().decode(record)
    >>> call.event["agent"]["id"], call.event["tool"], result.event["outcome"]
    ('arn:aws:iam::1:role/InvoiceBot', 's3:GetObject', 'ok')
    """

    ordered = False
    whole_file = False
    supports = frozenset({"arguments", "human", "network"})

    def __init__(self, infer: Callable[[str], Operation] | None = None) -> None:
        self._infer = infer or load()

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one file, event or record."""
        return parts_in(value, self._parts, ("Records",))

    def _parts(self, given: dict[str, Any]) -> Iterator[Part]:
        record = inner(given.get("detail")) or given
        source, name = text(record.get("eventSource")), text(record.get("eventName"))
        agent = agent_of(record)
        if source is None or name is None or text(record.get("eventType")) in _OTHER_KINDS:
            return
        at_us, key = aws_time_us(record.get("eventTime")), key_of(record)
        issued = issued_by(record)
        if issued is not None and issued[0] != key:
            span, facts = issued
            yield Part(kind="span", session=SESSION, span=span, parent=key or _NO_KEY,
                       time_us=at_us, event=bounded_facts(facts))  # fmt: skip
        tool = f"{source.partition('.')[0]}:{name}"
        event = _event(record, agent) | {"tool": tool, "operation": self._operation(record, tool)}
        if not _add_agentcore(event, record) and is_person(record):
            return  # what humans do themselves is no event of an agent
        call = text(record.get("sharedEventID")) or text(record.get("eventID"))
        call = without_secrets(call) if call else digest(repr(sorted(map(repr, record.items()))))
        # The record of the resource's account names the caller less well: the other one is first.
        if "sharedEventID" in record and _is_of_another_account(record):
            at_us += 1
        parent = key or _NO_KEY
        yield Part(kind="call", session=SESSION, call=call, parent=parent, time_us=at_us,
                   event=bounded(event))  # fmt: skip
        yield Part(kind="result", session=SESSION, call=call, parent=parent, time_us=at_us,
                   event={"outcome": _outcome(record)})  # fmt: skip

    def _operation(self, record: dict[str, Any], tool: str) -> Operation:
        inferred, read_only = self._infer(tool), record.get("readOnly")
        if read_only is True:
            return "read"
        return "write" if read_only is False and inferred in ("read", "unknown") else inferred


def _is_of_another_account(record: dict[str, Any]) -> bool:
    return inner(record.get("userIdentity")).get("type") == "AWSAccount"


def bounded_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Leave out empty facts of a session; the id of its credential is in the calls."""
    credential = {key: one for key, one in facts["credential"].items() if one is not None}
    return bounded({**facts, "credential": None}) | (
        {"credential": credential} if credential else {}
    )


def _event(record: dict[str, Any], agent: str | None) -> dict[str, Any]:
    identity, key, human = inner(record.get("userIdentity")), key_of(record), human_of(record)
    context = inner(inner(identity.get("sessionContext")).get("attributes"))
    address = text(record.get("sourceIPAddress"))
    asked = object_in(record.get("requestParameters"))
    temporary = is_session_key(record)
    session = text(asked.get("runtimeSessionId")) or (key if temporary else None)
    attributes: dict[str, Any] = {
        "region": text(record.get("awsRegion")),
        "account": text(record.get("recipientAccountId")),
        "error_code": text(record.get("errorCode")),
        "user_agent": text(record.get("userAgent")),
        "identity_type": text(identity.get("type")),
        "invoked_by": text(identity.get("invokedBy")),
        "source_service": address if _is_service(address) else None,
        "mfa": {"true": True, "false": False}.get(text(context.get("mfaAuthenticated")) or ""),
    }
    if text(identity.get("accessKeyId")):
        attributes["key_kind"] = "session" if temporary else "static"
    return {
        "agent": {
            "id": agent,
            "kind": account_of(record),
            "instance": key if temporary else None,
        },
        "human": {"id": human},
        "mode": "delegated" if human else None,
        "session": session,
        "arguments": asked,
        "resource": _resource(record, asked),
        "network": {"source_ip": ip_of(address)},
        "credential": {
            "id": key,
            "issued_at": instant_text(aws_time_us(context.get("creationDate"))),
        },
        "attributes": attributes,
    }


def _is_service(address: str | None) -> bool:
    """Return whether a source address is the name of a service, as ``AWS Internal``."""
    return bool(address) and ip_of(address) is None and any(map(str.isalpha, address or ""))


def _resource(record: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    listed = record.get("resources")
    for one in map(inner, listed if isinstance(listed, list) else []):
        name = text(one.get("ARN"))
        if name:
            return {"id": name, "type": text(one.get("type"))}
    bucket, key = text(asked.get("bucketName")), text(asked.get("key"))
    if bucket:
        return {"id": f"s3://{bucket}/{key or ''}", "type": "s3"}
    found = next((name for one in _RESOURCES if (name := text(asked.get(one)))), None)
    service = (text(record.get("eventSource")) or "").partition(".")[0]
    return {"id": found, "type": service}


def _outcome(record: dict[str, Any]) -> str:
    code, made = text(record.get("errorCode")), object_in(record.get("responseElements"))
    if code is not None or text(record.get("errorMessage")):
        return "denied" if (code or "").removeprefix(_CLIENT).startswith(_DENIALS) else "error"
    if made.get("ConsoleLogin") == "Failure":
        return "denied"
    body = object_in(made.get("body"))
    if number(made.get("statusCode")) in (401, 403):
        return "denied"
    if inner(body.get("error")) or inner(body.get("result")).get("isError") is True:
        return "error"
    return "ok"


def _add_agentcore(event: dict[str, Any], record: dict[str, Any]) -> bool:
    """Take agent, human and tool of an AgentCore Gateway event from its token and its body.

    Returns
    -------
    bool
        Whether a token names the agent.
    """
    more = object_in(record.get("additionalEventData"))
    claims = object_in(more.get("jwt.claims")) or object_in(inner(more.get("jwt")).get("claims"))
    if claims:
        mode = event["mode"]
        said = bounded(event_of_claims(claims))
        said["attributes"] = event["attributes"] | said.get("attributes", {})
        event |= {key: one for key, one in said.items() if key != "network"}
        event["mode"] = said.get("mode", mode)
    body = object_in(object_in(record.get("requestParameters")).get("body"))
    if record.get("eventName") != "InvokeGateway" or not body:
        return bool(claims)
    asked, method = inner(body.get("params")), text(body.get("method"))
    named = text(asked.get("name")) if method == "tools/call" else None
    event["tool"] = named or method or event["tool"]
    event["operation"] = None
    arguments = asked.get("arguments")
    event["arguments"] = arguments if isinstance(arguments, dict) else None
    event["attributes"] |= {"target": text(more.get("targetId")), "method": method}
    return bool(claims)
