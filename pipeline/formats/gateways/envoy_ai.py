"""Envoy AI Gateway: the JSON access log with MCP and model metadata.

The operator chooses the names of the members; these are the ones of the gateway's page on access
logs, with dots or underscores. Requests without MCP or model metadata give no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import instant_us, ip_of, whole
from pipeline.formats.gateways.http_outcomes import is_housekeeping, milliseconds_of, outcome_of
from pipeline.formats.identity.claims import event_of_claims
from pipeline.formats.json_records import object_in, parts_in
from pipeline.formats.members import number, text
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

NAME = "envoy-ai-gateway"
_NOTHING = {"-", ""}
_AGENTS = (
    "agent_id",
    "x_agent_id",
    "agent",
    "gen_ai_agent_id",
    "gen_ai_agent_name",
    "x_agent_name",
)
_HUMANS = ("user_id", "x_user_id", "enduser_id", "x_end_user")
_CLAIMS = ("sub", "azp", "client_id", "iss", "jti", "scope", "exp", "iat")
_LARGEST = 1 << 62


class EnvoyAIGateway:
    """Reader of Envoy AI Gateway's access log.

    Examples
    --------
    >>> line = (
    ...     b'{"start_time":"2026-01-05T08:00:00.000Z","mcp_method":"tools/call",'
    ...     b'"mcp_tool_name":"search","mcp_backend":"context7","x-agent-id":"docs-bot",'
    ...     b'"response_code":200,"duration":653,"x-request-id":"r1"}'
    ... )
    >>> (part,) = EnvoyAIGateway().decode(line)
    >>> part.call, part.event["agent"]["id"], part.event["tool"], part.event["outcome"]
    ('r1', 'docs-bot', 'search', 'ok')
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "human", "network", "tokens"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the event of each entry."""
        return parts_in(value, lambda one: _parts(_plain(one), one))


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """Give the members with underscores, without those that Envoy writes for nothing."""
    return {
        key.lower().lstrip(":").replace("-", "_").replace(".", "_"): one
        for key, one in entry.items()
        if not (isinstance(one, str) and one in _NOTHING)
    }


def _parts(entry: dict[str, Any], given: dict[str, Any]) -> Iterator[Part]:
    method = text(entry.get("mcp_method")) or text(entry.get("mcp_method_name"))
    model = text(entry.get("genai_model_name")) or text(entry.get("gen_ai_request_model"))
    named = text(entry.get("mcp_tool_name")) or text(entry.get("gen_ai_tool_name"))
    tool = named or text(entry.get("mcp_resource_uri")) or method or (model and "llm.chat")
    if tool is None or (method is not None and is_housekeeping(method)):
        return
    flags = text(entry.get("response_code_details")) or ""
    failed = text(entry.get("upstream_transport_failure_reason"))
    refused = "rbac_access_denied" in flags or flags.startswith(("jwt_auth", "ext_authz_denied"))
    arguments = entry.get("mcp_tool_arguments") or entry.get("gen_ai_tool_call_arguments")
    event = _who(entry) | {
        "session": text(entry.get("mcp_session_id")),
        "trace_id": _trace(entry),
        "tool": tool,
        "arguments": object_in(arguments),
        "resource": {
            "id": text(entry.get("mcp_backend")) or text(entry.get("genai_backend_name")),
            "type": "mcp_server" if method else "model",
        },
        "network": {
            "source_ip": ip_of(entry.get("downstream_remote_address")),
            "destination": text(entry.get("upstream_host")),
        },
        "volume": {
            "bytes_in": _count(entry.get("bytes_sent")),
            "bytes_out": _count(entry.get("bytes_received")),
        },
        "outcome": "denied"
        if refused
        else outcome_of(entry.get("response_code"), failed=failed is not None),
        "duration_ms": milliseconds_of(entry.get("duration")),
    }
    event["agent"] |= {"model": model}
    event["attributes"] |= {
        "method": method,
        "route": text(entry.get("route_name")),
        "tokens": _count(entry.get("genai_tokens_total")),
        "mcp_request_id": text(entry.get("mcp_request_id")),
        "user_agent": text(entry.get("user_agent")),
        "response_code_details": flags or None,
    }
    call = text(entry.get("x_request_id")) or digest(repr(sorted(map(repr, given.items()))))
    yield whole(call, instant_us(entry.get("start_time") or entry.get("timestamp")), event)


def _who(entry: dict[str, Any]) -> dict[str, Any]:
    """Give the identities of the headers and claims that the operator logs."""
    claims = {name: entry[f"jwt_{name}"] for name in _CLAIMS if f"jwt_{name}" in entry}
    agent = next((name for key in _AGENTS if (name := text(entry.get(key)))), None)
    human = next((name for key in _HUMANS if (name := text(entry.get(key)))), None)
    if agent:
        claims = {"client_id": agent} | claims
    if human:
        claims.setdefault("sub", human)
    event = event_of_claims(claims)
    found = {key: event.get(key) for key in ("agent", "human", "mode", "delegation", "credential")}
    attributes: dict[str, Any] = {"issuer": text(claims.get("iss"))}
    if not event["agent"]["id"] or (agent is None and not claims):
        place = text(entry.get("route_name")) or text(entry.get("upstream_cluster"))
        found["agent"] = {"kind": f"{NAME}/{place}" if place else NAME}
        attributes["agent_from"] = "route"
    return found | {"attributes": attributes}


def _trace(entry: dict[str, Any]) -> str | None:
    parent = (text(entry.get("traceparent")) or "").split("-")
    return text(entry.get("trace_id")) or (parent[1] if len(parent) > 2 else None)


def _count(value: Any) -> int | None:
    found = number(value)
    return None if found is None or found > _LARGEST else int(found)
