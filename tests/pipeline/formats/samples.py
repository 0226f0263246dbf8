"""One or more made-up records of each gateway and identity source."""

from __future__ import annotations

import json
from typing import Any

AT = "2026-01-05T08:00:00Z"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ROLE = "arn:aws:iam::123456789012:role/InvoiceBot"


def cloudtrail_record(**more: Any) -> dict[str, Any]:
    """Give a record of a role's session."""
    return {
        "eventVersion": "1.11", "eventID": "b9c3d881-1e77-426c-abd3-5ca20d903380",
        "eventTime": AT, "eventName": "GetObject",
        "eventSource": "s3.amazonaws.com", "readOnly": True, "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.7", "eventType": "AwsApiCall", "userAgent": "Boto3/1.44",
        "requestParameters": {"bucketName": "invoices", "key": "2026/1.pdf"},
        "responseElements": None,
        "userIdentity": {
            "type": "AssumedRole", "accountId": "123456789012",
            "accessKeyId": "ASIAEXAMPLE00000001",
            "arn": "arn:aws:sts::123456789012:assumed-role/InvoiceBot/run-17",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": ROLE, "userName": "InvoiceBot"},
                "attributes": {"creationDate": "20260105T075500Z", "mfaAuthenticated": "false"},
            },
        },
    } | more  # fmt: skip


def assumption(caller: str, key: str, role: str, **more: Any) -> dict[str, Any]:
    """Give an ``AssumeRole`` record that issues a key."""
    return cloudtrail_record(
        eventName="AssumeRole", eventSource="sts.amazonaws.com", readOnly=True,
        requestParameters={"roleArn": role, "roleSessionName": "run-17"} | more.pop("asked", {}),
        responseElements={"credentials": {
            "accessKeyId": key, "expiration": "Jan 5, 2026, 9:00:00 AM", "sessionToken": "s3cr3t"}},
        userIdentity={"type": "AssumedRole", "accessKeyId": more.pop("with_key", "ASIACALLER"),
                      "sessionContext": {"sessionIssuer": {"arn": caller}}},
    ) | {"eventID": f"6e882b9d-2af8-4c67-b91f-{key.lower()}"} | more  # fmt: skip


MCP_AUDIT = {
    "ts": AT, "direction": "client_to_server", "transport": "http",
    "server": {"name": "payments", "url": "https://mcp.example.com/mcp"},
    "protocol_version": "2026-07-28", "method": "tools/call", "name": "send_payment",
    "jsonrpc_id": "1", "session_id": None,
    "client_info": {"name": "orders-agent", "version": "1.4.2"},
    "args_sha256": "9f86d081", "args_bytes": 214, "result_bytes": 880, "is_error": False,
    "error_code": None, "http_status": 200, "duration_ms": 182,
    "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "src_ip": "203.0.113.9",
    "token": {"iss": "https://idp.example.com", "sub": "alice@example.com",
              "client_id": "orders-agent", "act": {"sub": "invoice-bot"},
              "aud": "https://mcp.example.com", "scope": "payments:write", "jti": "token-1",
              "iat": 1764000000, "exp": 1764003600},
}  # fmt: skip

MCP_ROW = {
    "id": "row-1", "trace_id": "t-1", "call_type": "call_mcp_tool", "status": "success",
    "startTime": 1767600000.0, "endTime": 1767600000.25, "response_cost": 0.002,
    "model": "MCP: send", "request_tags": ["team-a"], "requester_ip_address": "192.0.2.7",
    "metadata": {
        "user_api_key_hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "user_api_key_alias": "mail-bot", "user_api_key_user_email": "ines@example.com",
        "mcp_tool_call_metadata": {
            "name": "send", "arguments": {"to": "a@example.com"}, "mcp_server_name": "mail",
            "namespaced_tool_name": "mail/send", "mcp_session_id": "m-1",
            "result": {"content": [{"type": "text", "text": "sent"}], "isError": False}}},
}  # fmt: skip


def model_row(at: float, messages: list[Any], response: Any, **more: Any) -> dict[str, Any]:
    """Give a row of a model request."""
    return {
        "id": f"row-{at}", "trace_id": "t-1", "call_type": "acompletion", "status": "success",
        "startTime": at, "endTime": at + 1, "model": "gpt-5", "total_tokens": 40,
        "messages": messages, "response": response, "end_user": "ines",
        "metadata": {"user_api_key_alias": "mail-bot"},
    } | more  # fmt: skip


def asks_for(call: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """Give an answer of a model that asks for a call."""
    function = {"name": tool, "arguments": json.dumps(arguments)}
    return {"choices": [{"message": {"tool_calls": [{"id": call, "function": function}]}}]}


AGENTGATEWAY = (
    "2025-07-10T18:10:46.547567Z info request gateway=bind/3000 listener=listener0 route=route0 "
    "endpoint=localhost:9999 src.addr=[::1]:59257 http.method=POST http.host=localhost "
    "http.path=/ http.version=HTTP/1.1 http.status=200 a2a.method=message/stream duration=3ms"
)
AGENTGATEWAY_MCP = (
    "2026-01-05T08:00:00.857219Z\tinfo\trequest gateway=g/gw listener=http route=g/mcp "
    "src.addr=192.0.2.7:56158 http.method=POST http.path=/mcp http.status=200 jwt.sub=alice "
    "jwt.act.sub=mail-bot protocol=mcp mcp.method.name=tools/call mcp.target=everything "
    'mcp.tool.arguments="{\\"to\\":\\"a@example.com\\"}" gen_ai.tool.name=echo '
    f"mcp.session.id=s-1 trace.id={TRACE} span.id=f7f30629c29d9089 duration=69ms"
)
ENVOY = {
    "bytes_received": 165, "bytes_sent": 10255, "downstream_remote_address": "192.0.2.7:58124",
    "duration": 653, "genai_model_name": None, "mcp_backend": "context7",
    "mcp_method": "tools/call", "mcp_tool_name": "get-docs", "mcp_request_id": "3",
    "mcp_session_id": "s-1", "method": "POST", "response_code": 200, "x-agent-id": "docs-bot",
    "x-user-id": "ines", "start_time": "2026-01-05T08:00:00.430Z",
    "upstream_host": "192.0.2.66:443", "user-agent": "Go-http-client/1.1",
    "x-request-id": "cf2c0454", "route_name": "mcp-route",
}  # fmt: skip


def rpc(session: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Give an envelope with a JSON-RPC message."""
    return {"ts": AT, "session": session, "message": {"jsonrpc": "2.0"} | body} | more


A2A_REQUEST = rpc(
    "conn-1",
    {"id": 1, "method": "SendMessage", "params": {"message": {
        "messageId": "m-1", "contextId": "ctx-7", "role": "ROLE_USER",
        "parts": [{"text": "pay invoice 42"}], "referenceTaskIds": ["t-0"]}}},
    token={"sub": "alice", "act": {"sub": "orders-bot"}},
    server={"name": "billing-agent", "url": "https://billing.example.com/a2a"},
)  # fmt: skip
A2A_RESPONSE = rpc("conn-1", {"id": 1, "result": {"task": {
    "id": "t-3", "contextId": "ctx-7", "status": {"state": "TASK_STATE_COMPLETED"},
    "artifacts": [{"parts": [{"text": "paid"}]}]}}})  # fmt: skip

AGT_ENTRY = {
    "entry_id": "audit_1", "timestamp": AT, "event_type": "tool_blocked",
    "agent_did": "did:mesh:mail-bot", "action": "send_mail", "arguments_hash": "9f86",
    "resource": "mail", "outcome": "denied", "policy_decision": "deny", "matched_rule": "no-mail",
    "trace_id": TRACE, "session_id": "s-1", "approver_did": "did:mesh:ines",
}  # fmt: skip

ENTRA = {
    "id": "0c1f", "createdDateTime": AT, "appId": "5d0e", "servicePrincipalId": "27a3cf14",
    "servicePrincipalName": "invoice-bot", "userId": None, "ipAddress": "203.0.113.9",
    "autonomousSystemNumber": 9009, "location": {"countryOrRegion": "RO"},
    "resourceDisplayName": "Microsoft Graph", "status": {"errorCode": 0},
    "clientCredentialType": "federatedIdentityCredential", "uniqueTokenIdentifier": "Zx1",
    "signInEventTypes": ["servicePrincipal"],
    "agent": {"@odata.type": "#microsoft.graph.agentic.agentSignIn", "parentAppId": "9b7c",
              "agentType": "agenticAppInstance", "agentSubjectType": "notAgentic",
              "agentSubjectParentId": None},
}  # fmt: skip
ENTRA_RISK = {
    "id": "r-1", "identityId": "27a3cf14", "displayName": "invoice-bot", "blueprintId": "9b7c",
    "activityDateTime": "2026-01-04T22:00:00Z", "detectedDateTime": AT,
    "riskEventType": "unfamiliarResourceAccess", "riskLevel": "high", "riskState": "atRisk",
    "detectionTimingType": "offline", "riskEvidence": "resource never used before",
}  # fmt: skip

GITLAB_AUDIT = {
    "id": "1", "author_id": 71, "author_name": "ai-flow-acme", "entity_id": 29,
    "entity_type": "Project", "entity_path": "grp/proj", "created_at": "2026-01-05T08:00:00.662Z",
    "event_type": "repository_git_operation", "target_type": "Project", "target_details": "proj",
    "ip_address": "192.0.2.7", "correlation_id": "c-1",
    "details": {"author_name": "ai-flow-acme", "author_class": "User",
                "custom_message": {"protocol": "http", "action": "git-receive-pack"}},
}  # fmt: skip
GITLAB_LOG = {
    "time": "2026-01-05T08:00:00.700Z", "correlation_id": "c-1", "method": "POST", "status": 200,
    "duration_s": 0.25, "meta.user": "ai-flow-acme", "meta.scoped_user": "ines",
    "meta.scoped_user_id": 123, "meta.remote_ip": "192.0.2.7",
    "meta.caller_id": "ProjectsController",
}  # fmt: skip

KEYCLOAK = {
    "time": 1767600000000, "type": "TOKEN_EXCHANGE", "realmId": "r", "realmName": "acme",
    "clientId": "invoice-bot", "userId": "u-7", "sessionId": "s-1", "ipAddress": "192.0.2.7",
    "error": None, "details": {
        "token_id": "onltrt:bbe5", "scope": "openid payments", "username": "ines",
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": "payments",
        "access_token_expiration_time": "300"},
}  # fmt: skip
GITHUB = {
    "@timestamp": 1767600000000, "_document_id": "d-1", "action": "pull_request.create",
    "actor": "Copilot", "actor_is_agent": True, "agent_session_id": "012345a6", "user": "octocat",
    "repo": "acme/shop", "org": "acme",
    "hashed_token": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
    "token_scopes": "repo read:org", "actor_ip": "192.0.2.7", "programmatic_access_type": "app",
}  # fmt: skip
AUTH0 = {"log_id": "9002", "data": {
    "date": "2026-01-05T08:00:00.000Z", "type": "success_on_behalf_of_token_exchange",
    "client_id": "c-1", "client_name": "Mail", "user_id": "auth0|7", "agent_id": "agt_1",
    "external_agent_id": "mail-bot", "ip": "192.0.2.7", "audience": "https://api.example.com",
    "scope": ["mail:send"], "tenant_name": "acme"}}  # fmt: skip
SECURITY_EVENT = {
    "iss": "https://idp.example.com", "jti": "j-set-1", "iat": 1767600000, "aud": "habitus",
    "sub_id": {
        "format": "complex",
        "user": {"format": "iss_sub", "iss": "https://idp.example.com", "sub": "u-7"},
        "session": {"format": "opaque", "id": "s-1"}},
    "events": {
        "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {
            "event_timestamp": 1767600000, "initiating_entity": "admin",
            "reason_admin": {"en": "stolen"}}},
}  # fmt: skip
CLAIMS = {
    "time": AT, "tool": "mail.send", "source_ip": "192.0.2.7",
    "claims": {"iss": "https://idp.example.com", "sub": "user-456", "azp": "s6BhdRkqt3",
               "aud": "https://mail.example.com", "scope": "read:email write:calendar",
               "iat": 1767600000, "exp": 1767603600, "jti": "j-1",
               "act": {"sub": "actor-finance-v1", "act": {"sub": "hub"}}},
}  # fmt: skip
TRANSACTION = {
    "iat": 1767600000, "aud": "trust-domain.example", "exp": 1767600300, "txn": "97053963-771d",
    "sub": "d084sdrt", "req_wl": "apigateway.trust-domain.example", "scope": "trade.stocks",
    "rctx": {"req_ip": "192.0.2.72"}, "tctx": {"action": "BUY", "ticker": "MSFT"},
}  # fmt: skip
SPIRE = (
    'time="2026-01-05T08:00:00Z" level=info msg="API accessed" audience=payments '
    'authorized_as=agent caller_addr="192.0.2.7:55370" '
    'caller_id="spiffe://example.org/spire/agent/node-1" entry_id=e-1 method=NewJWTSVID '
    'request_id=r-1 service=svid.v1.SVID spiffe_id="spiffe://example.org/agent/invoice-bot" '
    "status=success subsystem_name=api ttl=300 type=audit"
)

_OBJECTS: dict[str, list[Any]] = {
    "a2a": [A2A_REQUEST, A2A_RESPONSE],
    "agt": [AGT_ENTRY, {
        "specversion": "1.0", "id": "ce-1", "type": "ai.agentmesh.tool.invoked", "time": AT,
        "source": "agentmesh", "data": {"agent_did": "did:mesh:a", "tool": "read",
                                          "decision": "allow"}}],
    "auth0": [AUTH0],
    "cloudtrail": [
        assumption("arn:aws:iam::123456789012:role/Hub", "ASIAEXAMPLE00000001", ROLE),
        cloudtrail_record()],
    "entra": [ENTRA, ENTRA_RISK],
    "envoy-ai-gateway": [ENVOY],
    "github-audit": [GITHUB],
    "gitlab": [GITLAB_LOG, GITLAB_AUDIT],
    "keycloak": [KEYCLOAK],
    "litellm": [
        MCP_ROW,
        model_row(1767600001.0, [{"role": "user", "content": "mail Ines"}],
                  asks_for("call-1", "send", to="ines@example.com")),
        model_row(1767600003.0, [{"role": "assistant"}, {
            "role": "tool", "tool_call_id": "call-1", "content": "sent"}], {"choices": []})],
    "mcp-audit": [
        MCP_AUDIT,
        rpc("s-1", {"id": 0, "method": "initialize", "params": {"clientInfo": {"name": "shop"}}}),
        rpc("s-1", {"id": 1, "method": "tools/call", "params": {
            "name": "pay", "arguments": {"amount": 4}}}),
        rpc("s-1", {"id": 1, "result": {"content": [{"type": "text", "text": "paid"}]}})],
    "oauth": [CLAIMS, TRANSACTION],
    "ssf": [SECURITY_EVENT],
}  # fmt: skip
SAMPLES: dict[str, list[bytes]] = {
    name: [json.dumps(one).encode() for one in records] for name, records in _OBJECTS.items()
} | {
    "agentgateway": [AGENTGATEWAY.encode(), AGENTGATEWAY_MCP.encode()],
    "spire": [SPIRE.encode()],
}
