"""agentgateway: the access log, as text lines or JSON.

MCP, A2A and model requests are events; other requests give no part. Sources: the gateway's log
fields, and lines of its examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import instant_us, ip_of, whole
from pipeline.formats.gateways.http_outcomes import is_housekeeping, milliseconds_of, outcome_of
from pipeline.formats.identity.claims import event_of_claims
from pipeline.formats.json_records import object_in, parts_in
from pipeline.formats.log_lines import pairs_of, text_of
from pipeline.formats.members import text
from pipeline.formats.secrets import digest
from pipeline.formats.usage import tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

NAME = "agentgateway"
_DEEPEST = 5
_REFUSALS = {"JwtAuth", "Authorization", "ExternalAuth", "ExtAuth", "ApiKeyAuth", "BasicAuth"}
_TOKENS = (("gen_ai.usage.input_tokens",), ("gen_ai.usage.output_tokens",))
_KEPT = ("gateway", "listener", "route", "protocol", "mcp.method.name", "mcp.target", "reason",
         "error", "gen_ai.provider.name", "http.host")  # fmt: skip


class AgentGateway:
    """Reader of agentgateway's access log.

    Examples
    --------
    >>> line = (
    ...     b"2026-01-05T08:00:00Z info request gateway=g route=r src.addr=192.0.2.7:59257 "
    ...     b"http.status=200 jwt.sub=mail-bot mcp.method.name=tools/call "
    ...     b"gen_ai.tool.name=send duration=3ms"
    ... )
    >>> (part,) = AgentGateway().decode(line)
    >>> part.event["agent"]["id"], part.event["tool"], part.event["duration_ms"]
    ('mail-bot', 'send', 3.0)
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "human", "network", "tokens"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the event of each line."""
        if value.lstrip()[:1] in (b"{", b"["):
            return parts_in(value, lambda one: _parts(_flat(one)))
        lines = map(_of_line, text_of(value).splitlines())
        return [part for one in lines for part in _parts(one)]


def _of_line(line: str) -> dict[str, Any]:
    """Read ``TIME LEVEL request PAIRS``; the time may be missing, and a prefix may precede."""
    words = line.split(None, 5)
    if "request" not in words[:5]:
        return {}
    at = words.index("request")
    written = next((word for word in words[:at] if instant_us(word)), "")
    return {"time": written, "line": line} | dict(pairs_of(line))


def _flat(record: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Join the names of nested members by dots."""
    found: dict[str, Any] = {}
    for key, one in record.items():
        name = f"{prefix}{key}"
        if isinstance(one, dict) and depth < _DEEPEST and not key.endswith("arguments"):
            found |= _flat(one, f"{name}.", depth + 1)
        else:
            found[name] = one
    return found


def _parts(line: dict[str, Any]) -> Iterator[Part]:
    method = text(line.get("mcp.method.name")) or text(line.get("mcp.method"))
    a2a, model = text(line.get("a2a.method")), text(line.get("gen_ai.request.model"))
    named = text(line.get("gen_ai.tool.name")) or text(line.get("mcp.tool.name"))
    tool = named or text(line.get("mcp.resource.uri")) or method or a2a
    if tool is None and model:
        tool = f"llm.{text(line.get('gen_ai.operation.name')) or 'chat'}"
    if tool is None or (method is not None and is_housekeeping(method)):
        return
    status, reason = line.get("http.status"), text(line.get("reason"))
    failed = text(line.get("error")) or text(line.get("mcp.error.code"))
    outcome = "denied" if reason in _REFUSALS else outcome_of(status, failed=failed is not None)
    tokens = tokens_of(line, _TOKENS)
    target = text(line.get("mcp.target")) or (text(line.get("endpoint")) if a2a else None)
    event = _who(line) | {
        "session": text(line.get("mcp.session.id")) or text(line.get("a2a.context.id")),
        "trace_id": text(line.get("trace.id")),
        "tool": tool,
        "operation": "send" if a2a in ("message/stream", "message/send") else None,
        "arguments": object_in(line.get("mcp.tool.arguments") or line.get("arguments")),
        "resource": {"id": target, "type": "agent" if a2a else "mcp_server"},
        "network": {
            "source_ip": ip_of(line.get("src.addr")),
            "destination": text(line.get("endpoint")),
        },
        "outcome": outcome,
        "duration_ms": milliseconds_of(line.get("duration")),
    }
    event["agent"] |= {"model": model}
    event["attributes"] |= {key: text(line.get(key)) for key in _KEPT}
    event["attributes"] |= {"tokens": tokens or None}
    trace, span = text(line.get("trace.id")), text(line.get("span.id"))
    call = f"{trace}/{span}" if trace and span else digest(repr(sorted(map(repr, line.items()))))
    yield whole(call, instant_us(line.get("time") or line.get("timestamp")), event)


def _who(line: dict[str, Any]) -> dict[str, Any]:
    """Give the identity of the token and of the mTLS peer, which is the workload."""
    claims = {key.removeprefix("jwt."): one for key, one in line.items() if key.startswith("jwt.")}
    act = {key.removeprefix("act."): one for key, one in claims.items() if key.startswith("act.")}
    if act:
        claims["act"] = act
    peer = text(line.get("src.identity"))
    if peer:
        claims.setdefault("client_id", peer)
    event = event_of_claims(claims)
    found = {key: event.get(key) for key in ("agent", "human", "mode", "delegation", "credential")}
    attributes: dict[str, Any] = {"issuer": text(claims.get("iss")), "peer": peer}
    if not event["agent"]["id"]:
        place = text(line.get("route")) or text(line.get("listener")) or text(line.get("gateway"))
        found["agent"] = {"kind": f"{NAME}/{place}" if place else NAME}
        attributes["agent_from"] = "route"
    return found | {"attributes": attributes}
