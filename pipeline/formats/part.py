"""What one record of an emitter says: about a session, a span, or one half of a call."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Kind = Literal[
    "event", "call", "result", "request", "system", "about", "span", "usage", "end", "refused"
]


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of an event, as `pipeline.assembling.assembler.Assembler` joins them.

    Attributes
    ----------
    kind
        ``call`` and ``result`` are the halves of a call. ``request`` is what a person asked for,
        ``system`` the system prompt. ``about`` and ``span`` say what holds for a session, and for
        the calls below a span. ``usage`` counts tokens, which belong to the next call. ``end``
        ends a session. ``event`` is a whole event. ``refused`` is an object of a record that
        cannot be read, beside others that can: `match` is the reason, and `text` the details.
    session
        Groups the parts of one conversation or trace, the same in every format of an emitter.
    call
        The emitter's id of the call, the same in every format of an emitter. A ``span`` with one is
        that call, and its `event` gives the tool: calls below with the same tool are the same call.
    match
        What both halves of a call share, for an emitter that gives calls no id. The result belongs
        to the oldest waiting call with the same text.
    named
        Whether `call` comes from the emitter; otherwise it is made of the ids of the span.
    via
        ``hook`` for what a hook of the agent reports, ``log`` for a ``call`` of its telemetry
        or transcript under the same id; empty where no hook could report it. ``model`` for both
        halves of a call that only the messages of a model report: none where spans are calls.
        ``message`` for such halves in log records, with the span of the model call as `parent`.
        They count where that ``span`` has ``message``, too: it says that its messages are calls.
    time_us
        Event time, microseconds since 1970; 0 where the record has none.
    span, parent
        Id of the span and of the one above; a ``request`` below two agents comes from an agent.
    event
        Members of the native event that the record gives; nested members are joined. An agent
        without an id of its own has a ``kind``, and is one of it for each reporter.
    text
        Content: the request, the system prompt, or the result. It is not kept.
    size
        Bytes of the result; None takes those of `text`. Tokens of a ``usage``.

    Examples
    --------
    >>> Part(kind="request", session="s-1", text="Refund order 1041").event
    {}
    """

    kind: Kind
    session: str = ""
    call: str = ""
    match: str = ""
    named: bool = True
    via: Literal["", "hook", "log", "model", "message"] = ""
    time_us: int = 0
    span: str = ""
    parent: str = ""
    event: dict[str, Any] = {}
    text: str | None = None
    size: int | None = None
