"""Wire formats: from the bytes of a record to native events.

A record of a `Format` is one event. A record of a `PartFormat` has parts, which
`pipeline.assembling` joins. A new format is one file here and one line in `FORMATS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard, cast, runtime_checkable

from models.errors import ConfigError, MalformedEvent
from pipeline.configuration.hook_rules import DENIED
from pipeline.formats.agentlog import AgentLog, Labels
from pipeline.formats.agents.claude_code import ClaudeCode
from pipeline.formats.agents.codex import Codex
from pipeline.formats.agents.copilot_cli import CopilotCli
from pipeline.formats.agents.denied_hooks import DeniedHooks
from pipeline.formats.agents.gemini_cli import GeminiCli
from pipeline.formats.agents.inspect_log import Inspect
from pipeline.formats.agents.openhands import OpenHands
from pipeline.formats.agents.swe_agent import SweAgent
from pipeline.formats.frameworks.crewai import CrewAI
from pipeline.formats.frameworks.google_adk import GoogleAdk
from pipeline.formats.frameworks.langfuse import Langfuse
from pipeline.formats.frameworks.langsmith import LangSmith
from pipeline.formats.frameworks.openai_agents import OpenAIAgents
from pipeline.formats.gateways.a2a import A2A
from pipeline.formats.gateways.agentgateway import AgentGateway
from pipeline.formats.gateways.agt import AgentGovernance
from pipeline.formats.gateways.envoy_ai import EnvoyAIGateway
from pipeline.formats.gateways.litellm import LiteLLM
from pipeline.formats.gateways.mcp import Mcp
from pipeline.formats.gateways.mcp_audit import McpAudit
from pipeline.formats.identity.auth0 import Auth0
from pipeline.formats.identity.cloudtrail import CloudTrail
from pipeline.formats.identity.entra import Entra
from pipeline.formats.identity.github_audit import GitHubAudit
from pipeline.formats.identity.gitlab import GitLab
from pipeline.formats.identity.keycloak import Keycloak
from pipeline.formats.identity.oauth import OAuth
from pipeline.formats.identity.spire import Spire
from pipeline.formats.identity.ssf import Ssf
from pipeline.formats.native import Native
from pipeline.formats.otlp.reader import OTLP, OTLP_PROTO_LOGS, OTLP_PROTO_TRACES
from pipeline.processing.stream_types import MAX_PAYLOAD, MAX_VALUE, MAX_WHOLE
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.event import Event
    from pipeline.formats.part import Part
    from pipeline.processing.stream_types import RawRecord

__all__ = [
    "FORMATS",
    "AgentLog",
    "AnyFormat",
    "Format",
    "Labels",
    "Native",
    "PartFormat",
    "check_length",
    "event_format",
    "event_of",
    "format_named",
    "has_parts",
    "longest_of",
    "native_reader",
    "read_event",
    "reported_format",
    "whole_files",
]


class Format(Protocol):
    """Interface of a wire format whose records are events."""

    def normalise(self, value: bytes) -> Event:
        """Make an event from one record; raise `MalformedEvent` if that is impossible."""


@runtime_checkable
class PartFormat(Protocol):
    """Interface of a wire format whose records are parts of events.

    Attributes
    ----------
    ordered
        Whether parts come in the order of time; spans do not.
    supports
        What the emitter can report: ``arguments``, ``results``, ``request``, ``human``,
        ``network``, ``tokens``.
    whole_file
        Whether a record is a whole file, not a line.
    """

    ordered: bool
    supports: frozenset[str]
    whole_file: bool

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one record; raise `MalformedEvent` if that is impossible."""


AnyFormat = Format | PartFormat

FORMATS: dict[str, AnyFormat] = {
    "a2a": A2A(),
    "agentgateway": AgentGateway(),
    "agentlog": AgentLog(),
    "agt": AgentGovernance(),
    "auth0": Auth0(),
    "claude-code": ClaudeCode(),
    "cloudtrail": CloudTrail(),
    "codex": Codex(),
    "copilot-cli": CopilotCli(),
    "crewai": CrewAI(),
    "entra": Entra(),
    "envoy-ai-gateway": EnvoyAIGateway(),
    "gemini-cli": GeminiCli(),
    "github-audit": GitHubAudit(),
    "gitlab": GitLab(),
    "google-adk": GoogleAdk(),
    "inspect": Inspect(),
    "keycloak": Keycloak(),
    "langfuse": Langfuse(),
    "langsmith": LangSmith(),
    "litellm": LiteLLM(),
    "mcp-audit": McpAudit(),
    "mcp": Mcp(),
    "native": Native(),
    "oauth": OAuth(),
    "openai-agents": OpenAIAgents(),
    "openhands": OpenHands(),
    "spire": Spire(),
    "ssf": Ssf(),
    "swe-agent": SweAgent(),
    "otlp": OTLP,
    "otlp-proto-logs": OTLP_PROTO_LOGS,
    "otlp-proto-traces": OTLP_PROTO_TRACES,
}

_DENIED: dict[str, AnyFormat] = {
    f"{name}{DENIED}": DeniedHooks(cast("PartFormat", FORMATS[name]))
    for name in ("claude-code", "copilot-cli", "gemini-cli")
}
"""Hooks that the server answered by ``deny``; only the server names them."""

_HAS_PARTS: dict[type, bool] = {}
"""For each class of formats; the check of a protocol takes 10 µs."""


def format_named(name: str) -> AnyFormat:
    """Look up a format.

    >>> format_named("nativ")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: unknown format 'nativ', expected one of: ...native...
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise ConfigError(
            f"unknown format {quoted(name)}, expected one of: {', '.join(sorted(FORMATS))}"
        ) from None


def reported_format(name: str) -> AnyFormat:
    """Look up the format of a payload that the server took, with what the server answered.

    >>> type(reported_format("gemini-cli:denied")).__name__
    'DeniedHooks'
    """
    return _DENIED.get(name) or format_named(name)


def event_format(name: str) -> Format:
    """Look up a format whose records are events.

    >>> event_format("claude-code")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: records of format 'claude-code' are parts of events, ...
    """
    wire = format_named(name)
    if has_parts(wire):
        raise ConfigError(
            f"records of format {quoted(name)} are parts of events, expected a format of whole "
            "events; habitus decode makes native ones"
        )
    return cast("Format", wire)


def event_of(record: RawRecord, wire: Format) -> Event:
    """Make an event from a record of whole events; raise `MalformedEvent` as its format does."""
    check_length(record)
    return wire.normalise(record.value)


def read_event(record: RawRecord, wire: Native) -> tuple[Event, tuple[str, ...]]:
    """Make an event from a native record, and list its unknown members.

    Raises
    ------
    MalformedEvent
        The record is too long or a tombstone, or `wire` refuses it.
    """
    check_length(record)
    return wire.read(record.value)


def check_length(record: RawRecord, longest: int = MAX_VALUE) -> None:
    """Raise `MalformedEvent` for a record that was cut because it exceeds `longest` bytes."""
    if record.full_length:
        raise MalformedEvent(
            "too_long", f"record is {record.full_length} bytes, expected at most {longest}"
        )


def has_parts(wire: AnyFormat) -> TypeGuard[PartFormat]:
    """Return whether the records of a format are parts of events; cheap for each record.

    >>> has_parts(FORMATS["codex"]), has_parts(FORMATS["native"])
    (True, False)
    """
    kind = type(wire)
    found = _HAS_PARTS.get(kind)
    if found is None:
        found = _HAS_PARTS[kind] = isinstance(wire, PartFormat)
    return found


def longest_of(wire: AnyFormat) -> int:
    """Give the largest record of a format, in bytes.

    >>> longest_of(FORMATS["native"]), longest_of(FORMATS["otlp"]), longest_of(FORMATS["inspect"])
    (1048576, 16777216, 67108864)
    """
    if whole_files(wire):
        return MAX_WHOLE
    return MAX_PAYLOAD if has_parts(wire) else MAX_VALUE


def whole_files(wire: AnyFormat) -> bool:
    """Return whether a record of a format is a whole file.

    >>> whole_files(FORMATS["inspect"]), whole_files(FORMATS["native"])
    (True, False)
    """
    return has_parts(wire) and wire.whole_file


def native_reader(wire: AnyFormat) -> Native | None:
    """Give the reader of native records; None for a format of other records.

    Its bytes are compared as they came. A class that derives from `Native` reads other records,
    unless it says ``native_records = True`` itself.

    >>> native_reader(FORMATS["native"]) is FORMATS["native"], native_reader(FORMATS["agentlog"])
    (True, None)
    """
    if isinstance(wire, Native) and vars(type(wire)).get("native_records", False):
        return wire
    return None
