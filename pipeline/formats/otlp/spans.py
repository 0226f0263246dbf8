"""The parts of spans.

The parts of a trace are one session of the assembler, which finds the agent of a call: the call's
own, else the nearest one above it, else the name of the service. A trace that has nothing of an
agent in a payload gives its spans only, which open no session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounds import cut
from pipeline.formats.members import text
from pipeline.formats.otlp import names
from pipeline.formats.otlp.calls import agent_of, call_parts, is_denial, process_of, tool_of
from pipeline.formats.otlp.emitters import claude_code
from pipeline.formats.otlp.messages import messages_of
from pipeline.formats.otlp.model_calls import parts_of_model, reports_calls
from pipeline.formats.otlp.names import address, first
from pipeline.formats.otlp.payload import SERVER, Unusable
from pipeline.formats.otlp.roles import role_of
from pipeline.formats.otlp.span_events import with_details
from pipeline.formats.part import Part
from pipeline.formats.usage import tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.formats.otlp.payload import Attributes, Span

_SERVICE = "service.name"
_IN_COMMON = frozenset((*names.SESSION, *names.HUMAN, "metadata"))
_SERVICE_US, _ROOT_US = 1, 2
"""Times of what services say: those of MCP servers first, the root's last, all before the calls."""


def session_of(trace: str) -> str:
    """Give the assembler's name of a trace."""
    return f"otlp/{trace}"


def parts_of_spans(spans: Sequence[Span], unusable: list[Unusable]) -> list[Part]:
    """Give the parts of the spans of a payload; what cannot be used is added to `unusable`."""
    reading = _Reading(unusable)
    for span in spans:
        role = role_of(span)
        if role == "claude":
            reading.parts += claude_code.parts_of_span(span)
        elif role:
            reading.take(span, role)
        else:
            reading.pass_by(span)
    return reading.finish()


class _Reading:
    """What is known of one payload while its spans are read."""

    def __init__(self, unusable: list[Unusable]) -> None:
        self.parts: list[Part] = []
        self.spans: list[Part] = []
        self.roots: dict[str, Span] = {}
        self._unusable = unusable
        self._facts: dict[str, dict[str, Any]] = {}
        self._servers: dict[str, dict[str, Any]] = {}
        self._services: dict[str, dict[str, Any]] = {}
        self._said: set[tuple[str, str, str, str]] = set()
        self._models: list[Span] = []
        self._with_calls: set[str] = set()
        self._usage: dict[tuple[str, str], tuple[Span, int]] = {}

    def pass_by(self, span: Span) -> None:
        """Take a span that is only between others."""
        if not span.parent:
            self.roots[span.trace] = span
        session = session_of(span.trace)
        self.spans.append(Part(kind="span", session=session, span=span.span, parent=span.parent))

    def take(self, span: Span, role: str) -> None:
        """Take a span that says something of an agent."""
        session = session_of(span.trace)
        root = not span.parent
        if root:
            self.roots[span.trace] = span
        self._about(span)
        if span.events:
            span.attributes = with_details(span)
        attributes = span.attributes
        if role == "call":
            tool = tool_of(span)
            if tool is not None:
                self._call(span, tool, session)
                return
            detail = "expected a name of the tool at `gen_ai.tool.name`"
            self._unusable.append(Unusable(span.index, "missing_key", detail))
        elif role == "guardrail":
            if is_denial(attributes):
                tool = first(attributes, names.TOOL)
                if tool is not None:  # a call that never came to be has no span of its own
                    self._call(span, tool, session)
                    return
                self.parts.append(
                    Part(
                        kind="result", session=session, span=span.span, parent=span.parent,
                        time_us=span.end_us, event={"outcome": "denied"},
                    )
                )  # fmt: skip
        else:
            self._messages(span, session, root=root)
        reports = role == "model" and reports_calls(span)
        if reports:
            self._models.append(span)
        if role == "model":
            used = tokens_of(attributes, names.TOKENS)
            if used:
                self._usage[span.trace, span.span] = (span, used)
        event = _of_agent(span) if role == "agent" else {}
        self.spans.append(
            Part(
                kind="span", session=session, span=span.span, parent=span.parent, event=event,
                via="message" if reports else "",
            )
        )  # fmt: skip

    def _call(self, span: Span, tool: str, session: str) -> None:
        call, result, own = call_parts(span, tool, session)
        self.parts += (call, result)
        self.spans.append(own)
        self._with_calls.add(span.trace)

    def _messages(self, span: Span, session: str, *, root: bool) -> None:
        for role, said in messages_of(span, root=root):
            key = (span.trace, span.parent, role, said)
            if key in self._said:
                continue
            self._said.add(key)
            self.parts.append(
                Part(
                    kind="request" if role == "user" else "system",
                    session=session,
                    time_us=span.start_us,
                    span=span.span,
                    text=said,
                )
            )

    def _about(self, span: Span) -> None:
        facts = self._facts.get(span.trace)
        attributes = span.attributes
        if facts is None:
            facts = self._facts[span.trace] = {"trace_id": span.trace}
        of_server = span.kind == SERVER and "mcp.method.name" in attributes and span.parent
        services = self._servers if of_server else self._services
        if span.trace not in services:
            services[span.trace] = service_of(span.resource)
        if attributes.keys().isdisjoint(_IN_COMMON) and "enduser.id" not in span.resource:
            return  # nearly all spans
        if "a2a.method.name" not in attributes:
            session = first(attributes, names.SESSION)
            if session is not None:
                facts["session"] = cut(session, 256)
        if "human" not in facts:
            human = human_of(span)
            if human:
                facts["human"] = human

    def finish(self) -> list[Part]:
        """Give all parts: spans last, so that they find their session."""
        about: list[Part] = []
        for trace, facts in self._facts.items():
            session, root = session_of(trace), self.roots.get(trace)
            about.append(Part(kind="about", session=session, event=facts))
            services = (
                (0, self._servers.get(trace)),
                (_SERVICE_US, self._services.get(trace)),
                (_ROOT_US, service_of(root.resource) if root is not None else None),
            )
            said: dict[str, Any] | None = None
            for at_us, service in services:
                if service and service != said:
                    said = service
                    event = {"agent": service}
                    about.append(Part(kind="about", session=session, time_us=at_us, event=event))
        for span in self._models:
            if span.trace not in self._with_calls:
                self.parts += parts_of_model(span, session_of(span.trace))
        return about + self.parts + list(self._used()) + self.spans

    def _used(self) -> Iterator[Part]:
        """Give the tokens of model calls; of one that two instrumentations report, once."""
        until_us: dict[tuple[str, str], int] = {}
        for span, used in sorted(self._usage.values(), key=lambda one: one[0].start_us):
            if (span.trace, span.parent) in self._usage:
                continue
            answer = first(span.attributes, ("gen_ai.response.id",))
            if answer is not None:
                key = (span.trace, answer)
                if span.start_us < until_us.get(key, 0):
                    continue  # beside it, as the client and an instrumentation report the call
                until_us[key] = span.end_us
            yield Part(
                kind="usage", session=session_of(span.trace), size=used,
                time_us=span.end_us or span.start_us,
            )  # fmt: skip


def service_of(resource: Attributes) -> dict[str, Any]:
    """Give the service as an agent; empty where it has no name.

    >>> service_of({"service.name": "orders", "service.version": "1.4"})
    {'id': 'orders', 'version': '1.4'}
    """
    name = first(resource, (_SERVICE,))
    if name is None or name.startswith("unknown_service"):
        return {}
    return {"id": cut(name, 256)} | process_of(resource)


def human_of(span: Span) -> dict[str, Any]:
    """Give the person that a span names; empty where it names none, or an agent."""
    attributes = span.attributes
    found = first(attributes, names.HUMAN) or first(span.resource, ("enduser.id",))
    if found is None and "openinference.span.kind" in attributes:
        found = names.metadata_of(attributes, "user_id")
    if found is None:
        return {}
    agents = (*names.AGENT_ID, *names.AGENT_NAME, *names.CALLER, "microsoft.agent.user.id")
    if found in (attributes.get(name) for name in agents):
        return {}
    return {"id": cut(found, 256)}


def _of_agent(span: Span) -> dict[str, Any]:
    """Give what an agent's span says of all below it."""
    attributes = span.attributes
    agent = agent_of(attributes, span.resource)
    if not agent and "a2a.method.name" not in attributes:
        name = first(attributes, ("traceloop.entity.name",))
        if name is None and "openinference.span.kind" in attributes:
            name = text(span.name)
        agent = {"id": cut(name, 256)} | process_of(span.resource) if name else {}
    if not agent and "a2a.method.name" in attributes:
        agent = service_of(span.resource)
    event: dict[str, Any] = {"agent": agent} if agent else {}
    human = human_of(span)
    if human:
        event["human"] = human
    caller = first(attributes, names.CALLER)
    if caller is not None and caller != agent.get("id"):
        event["delegation"] = [cut(caller, 256)]
    source = address(first(attributes, names.CLIENT_ADDRESS))
    if source is not None:
        event["network"] = {"source_ip": source}
    session = first(attributes, names.SESSION)
    if session is not None and "a2a.method.name" not in attributes:
        event["session"] = cut(session, 256)
    blueprint = first(attributes, names.BLUEPRINT)
    if blueprint is not None:
        event["attributes"] = {"blueprint": cut(blueprint, 256)}
    return event
