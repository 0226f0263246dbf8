"""Labelled logs of agent runs, the format of the benchmark files: one tool call per line.

The labels are for `habitus evaluate` alone; `AgentLog.normalise` never reads them.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from models.errors import MalformedEvent
from models.event import Agent, Count, Event, Id256, Instant, Network, Origins, Volume, Word
from pipeline.enrichment.operations import load
from pipeline.formats.bounds import cut, fit
from pipeline.formats.reasons import REFUSALS, malformed
from pipeline.processing.stream_types import MAX_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Operation, Outcome

LONGEST_PURPOSE = 2000
_OUTCOMES: dict[str | None, Outcome] = {"success": "ok", "ok": "ok", "error": "error"}
_DENIALS = ("AccessDenied", "Client.UnauthorizedOperation", "UnauthorizedOperation")


class _Context(Struct):
    source_ip: str | None = None
    region: Word | None = None
    error_code: Word | None = None


class _Line(Struct, kw_only=True):
    agent_id: Id256
    session_id: Annotated[str, Meta(min_length=1, max_length=116)]
    step: Annotated[int, Meta(ge=0, le=10**9)]
    time: Instant
    tool: Id256
    agent_role: Word | None = None
    variant: Word | None = None
    arguments: dict[str, Any] | None = None
    argument_origins: Origins | None = None
    purpose: str | None = None
    status: Word | None = None
    result_bytes: Count | None = None
    context: _Context | None = None


class Labels(Struct, frozen=True):
    """Ground truth of an event.

    Attributes
    ----------
    phase
        ``"baseline"`` (history) or ``"eval"``.
    session_label
        ``"benign"``, ``"attacked_failed"`` or ``"attacked_succeeded"``.
    event_label
        1: the event serves the injected goal; 0: it does not; None: unknown.
    attack_id, task_id, source
        Injected goal, task of the user, and file of the run.
    """

    phase: str | None = None
    session_label: str | None = None
    event_label: int | None = None
    attack_id: str | None = None
    task_id: str | None = None
    source: str | None = None


class AgentLog:
    """Reader of labelled benchmark lines.

    Parameters
    ----------
    infer
        Maps a tool to its operation; the shipped table by default.

    Examples
    --------
    >>> line = (
    ...     b'{"agent_id":"lab/shop/a","session_id":"s-1","step":0,"time":"2026-01-05T08:00:00Z",'
    ...     b'"tool":"view_cart","status":"success","result_bytes":41,"event_label":0}'
    ... )
    >>> event = AgentLog().normalise(line)
    >>> event.id, event.outcome, event.operation, event.volume.bytes_in, event.attributes
    ('s-1:0', 'ok', 'read', 41, None)
    >>> AgentLog().labels(line).event_label
    0
    """

    def __init__(self, infer: Callable[[str], Operation] | None = None) -> None:
        self._infer = infer or load()
        self._line = msgspec.json.Decoder(_Line).decode
        self._labels = msgspec.json.Decoder(Labels).decode

    def normalise(self, value: bytes) -> Event:
        """Make an event from one line, without its labels.

        Raises
        ------
        MalformedEvent
            With a reason of `models.errors.REJECT_REASONS`.
        """
        if len(value) > MAX_VALUE:
            raise MalformedEvent(
                "too_long", f"record is {len(value)} bytes, expected at most {MAX_VALUE}"
            )
        try:
            line = self._line(value)
        except REFUSALS as error:
            raise malformed(error, value) from None
        context = line.context or _Context()
        return Event(
            id=f"{line.session_id}:{line.step}",
            time=line.time,
            agent=Agent(id=line.agent_id, role=line.agent_role, version=line.variant),
            tool=line.tool,
            session=line.session_id,
            purpose=None if line.purpose is None else cut(line.purpose, LONGEST_PURPOSE),
            operation=self._infer(line.tool),
            arguments=None if line.arguments is None else fit(line.arguments),
            argument_origins=line.argument_origins,
            network=_network(context),
            volume=None if line.result_bytes is None else Volume(bytes_in=line.result_bytes),
            outcome=_outcome(line.status, context),
        )

    def labels(self, value: bytes) -> Labels:
        """Read the labels of a line; missing labels are None."""
        try:
            return self._labels(value)
        except REFUSALS as error:
            raise malformed(error, value) from None


def _network(context: _Context) -> Network | None:
    # Cloud logs have a service name ("ec2.amazonaws.com") here when a service acted by itself.
    try:
        ipaddress.ip_address(context.source_ip or "")
    except ValueError:
        return None
    return Network(source_ip=context.source_ip)


def _outcome(status: str | None, context: _Context) -> Outcome | None:
    if context.error_code is not None and context.error_code.startswith(_DENIALS):
        return "denied"
    return _OUTCOMES.get(status)
