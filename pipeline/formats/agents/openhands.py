"""OpenHands: trajectories and event streams, as files.

A file is a JSON array of events, an object with a ``history`` or ``trajectory``, or such objects
one a line. Events name no session, so a record is a whole file. Both generations are read: actions
and observations with a ``cause``, and ``ActionEvent`` and ``ObservationEvent`` of the agent SDK.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from models.errors import MalformedEvent
from pipeline.formats.conversation import content_text
from pipeline.formats.members import arguments, inner, kind_of, name, text, texts, time_us
from pipeline.formats.part import Part
from pipeline.formats.reasons import REFUSALS, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "openhands"
_CALLS = frozenset({
    "run", "run_ipython", "read", "write", "edit", "browse", "browse_interactive", "delegate",
    "call_tool_mcp", "mcp", "task_tracking",
})  # fmt: skip
_NO_ARGUMENTS = frozenset({
    "thought", "blocking", "hidden", "confirmation_state", "security_risk", "is_static",
    "kernel_init_code", "impl_source", "kind", "include_extra",
})  # fmt: skip
_NO_CALLS = frozenset({"finish", "think"})


class OpenHands:
    """Reader of trajectories.

    Examples
    --------
    >>> events = (
    ...     b'[{"id":1,"source":"agent","action":"run","args":{"command":"ls"}},'
    ...     b'{"id":2,"cause":1,"observation":"run","content":"a.py","extras":{}}]'
    ... )
    >>> [(part.kind, part.text) for part in OpenHands().decode(events)]
    [('about', None), ('call', None), ('result', 'a.py'), ('end', None)]
    """

    ordered = True
    whole_file = True
    supports = frozenset({"arguments", "results", "request"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one file."""
        runs = _runs(value)
        return (part for run in runs for part in _of_run(run))


def _runs(value: bytes) -> list[dict[str, Any]]:
    """Give the runs of a file, each with its events as ``history``."""
    try:
        whole = msgspec.json.decode(value)
    except REFUSALS as error:
        try:
            whole = msgspec.json.Decoder().decode_lines(value)
        except REFUSALS:
            raise malformed(error, value) from None
    if isinstance(whole, dict) and not _is_event(whole):
        whole = [whole]
    elif isinstance(whole, dict):
        whole = [{"history": [whole]}]
    if not isinstance(whole, list):
        raise MalformedEvent("wrong_type", f"expected `array`, got `{kind_of(whole)}` at $")
    rows = [one for one in whole if isinstance(one, dict)]
    if any(_is_event(one) for one in rows):
        return [{"history": rows}]
    return rows


def _is_event(row: dict[str, Any]) -> bool:
    return any(isinstance(row.get(key), str) for key in ("action", "observation", "kind"))


def _of_run(run: dict[str, Any]) -> Iterator[Part]:
    given = run.get("history")
    given = run.get("trajectory") if given is None else given
    events = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if not events:
        return
    session = text(run.get("instance_id")) or _name_of(events[0])
    key = f"{NAME}/{session}"
    yield Part(kind="about", session=key, event={"agent": {"kind": NAME}, "session": name(session)})
    for event in events:
        if "kind" in event:
            yield from _of_sdk(event, key, time_us(event.get("timestamp")))
        elif "action" in event:
            yield from _of_action(event, session, key, time_us(event.get("timestamp")))
        elif "observation" in event:
            yield from _of_observation(event, session, key, time_us(event.get("timestamp")))
    yield Part(kind="end", session=key)


def _name_of(first: dict[str, Any]) -> str:
    """Name a session after its first event, which stays when the file grows."""
    known = [first.get("id"), first.get("timestamp"), texts(first.get("args"))]
    return blake2b(msgspec.json.encode(known), digest_size=8).hexdigest()


# ---------------------------------------------------------------------- actions and observations


def _of_action(event: dict[str, Any], session: str, key: str, at_us: int) -> Iterator[Part]:
    action, given = text(event.get("action")), inner(event.get("args"))
    if action == "message" and event.get("source") == "user":
        yield Part(kind="request", session=key, time_us=at_us, text=text(given.get("content")))
    elif action == "system":
        agent = {"kind": NAME, "version": name(given.get("openhands_version"))}
        yield Part(kind="about", session=key, event={"agent": agent})
        yield Part(kind="system", session=key, time_us=at_us, text=text(given.get("content")))
    elif action in _CALLS and event.get("source") == "agent":
        metadata = inner(event.get("tool_call_metadata"))
        tool = name(metadata.get("function_name")) or str(action)
        if action == "call_tool_mcp":
            tool, given = name(given.get("name")) or tool, inner(given.get("arguments"))
        call = text(metadata.get("tool_call_id")) or _place(session, event.get("id"))
        model = name(inner(metadata.get("model_response")).get("model"))
        if call is not None:
            made: dict[str, Any] = {"tool": tool, "arguments": arguments(_kept(given))}
            if model:
                made["agent"] = {"kind": NAME, "model": model}
            yield Part(kind="call", session=key, call=call, time_us=at_us, event=made)


def _of_observation(event: dict[str, Any], session: str, key: str, at_us: int) -> Iterator[Part]:
    metadata, extras = inner(event.get("tool_call_metadata")), inner(event.get("extras"))
    call = text(metadata.get("tool_call_id")) or _place(session, event.get("cause"))
    if call is None:
        return
    observation = event.get("observation")
    code = inner(extras.get("metadata")).get("exit_code", extras.get("exit_code"))
    outcome = "ok"
    if observation == "user_rejected":
        outcome = "denied"
    elif observation == "error" or (isinstance(code, int) and code not in (0, -1)):
        outcome = "error"
    said = texts(event.get("content"))
    yield Part(
        kind="result", session=key, call=call, time_us=at_us, event={"outcome": outcome}, text=said
    )


def _place(session: str, number: Any) -> str | None:
    """Name a call after its action, whose number is unique in the session."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        return None
    return f"{session}:{number}"


def _kept(given: dict[str, Any]) -> dict[str, Any]:
    return {
        what: said for what, said in given.items() if said is not None and what not in _NO_ARGUMENTS
    }


# ---------------------------------------------------------------------- events of the agent SDK


def _of_sdk(event: dict[str, Any], key: str, at_us: int) -> Iterator[Part]:
    kind, call = event.get("kind"), text(event.get("tool_call_id"))
    if kind == "MessageEvent" and event.get("source") == "user":
        asked = text(content_text(inner(event.get("llm_message")).get("content")))
        yield Part(kind="request", session=key, time_us=at_us, text=asked)
    elif kind == "SystemPromptEvent":
        said = text(content_text(event.get("system_prompt")))
        yield Part(kind="system", session=key, time_us=at_us, text=said)
    elif call is None:
        return
    elif kind == "ActionEvent":
        tool = name(event.get("tool_name"))
        given = inner(event.get("tool_call")).get("arguments")
        given = _kept(arguments(inner(event.get("action")) if given is None else given))
        if tool is not None and tool not in _NO_CALLS:
            made = {"tool": tool, "arguments": given}
            yield Part(kind="call", session=key, call=call, time_us=at_us, event=made)
    elif kind in ("ObservationEvent", "UserRejectObservation", "AgentErrorEvent"):
        seen = inner(event.get("observation"))
        outcome = {"UserRejectObservation": "denied", "AgentErrorEvent": "error"}.get(kind, "ok")
        code = seen.get("exit_code")
        if seen.get("is_error") is True or (isinstance(code, int) and code not in (0, -1)):
            outcome = "error"
        given = seen.get("content", seen.get("output"))
        said = content_text(given) or texts(event.get("error") if given is None else given)
        yield Part(
            kind="result", session=key, call=call, time_us=at_us, event={"outcome": outcome},
            text=said,
        )  # fmt: skip
