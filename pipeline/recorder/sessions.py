"""The session in which a tool is called: who asked, for what, and on whose behalf."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.clock import clock_us
from pipeline.recorder.sending.items import Asked, Began, Closed

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from pipeline.recorder.sending.buffer import Buffer
    from pipeline.recorder.sending.feed import Feed

MAX_DELEGATION = 16
_BESIDE = ("session", "human", "mode", "task")


class _Entered(NamedTuple):
    session: Session
    outer: _Entered | None


_ENTERED: ContextVar[_Entered | None] = ContextVar("habitus_session", default=None)


def current(owner: Feed) -> Session | None:
    """Give the innermost session of a recorder that this context has entered."""
    entered = _ENTERED.get()
    while entered is not None and entered.session.owner is not owner:
        entered = entered.outer
    return None if entered is None else entered.session


def beside(owner: Feed) -> tuple[dict[str, Any], str | None]:
    """Give what the current session says of calls that a framework reports, and the request."""
    session = current(owner)
    if session is None:
        return {}, None
    facts = {key: session.facts[key] for key in _BESIDE if key in session.facts}
    return facts, session.opened.request


class Opened:
    """What a session shares with those inside it; the lock of the buffer guards it.

    Attributes
    ----------
    remembered
        Whether the session continues after its last call, as its id is the caller's.
    entered, calls
        Number of contexts that are in the session, and of its calls that have not ended.
    by
        The buffer that has its beginning; a process that was forked has another one.
    """

    def __init__(self, request: str | None, system: str | None, *, remembered: bool) -> None:
        self.request, self.system, self.remembered = request, system, remembered
        self.entered = self.calls = 0
        self.by: Buffer | None = None

    def close_if_over(self, key: str, buffer: Buffer) -> None:
        """End a session that nobody is in; a later call opens it again."""
        over = self.entered <= 0 and self.calls <= 0 and self.by is buffer
        if over and not self.remembered:
            self.by = None
            buffer.follow(Closed(key))


class Session:
    """A session; ``with`` enters it, in several threads and tasks if need be.

    `Recording.session` makes it. Tasks of asyncio inherit it. A thread does not: it enters the
    session itself.

    Attributes
    ----------
    id
        Id of the session in its events.
    facts
        Members of its events.
    """

    def __init__(self, owner: Feed, session_id: str, facts: dict[str, Any], opened: Opened) -> None:
        self.owner, self.id, self.facts, self.opened = owner, session_id, facts, opened
        self.key = f"recorder/{session_id}"

    def __enter__(self) -> Self:
        with self.owner.buffer.lock:
            self.opened.entered += 1
        _ENTERED.set(_Entered(self, _ENTERED.get()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        entered = _ENTERED.get()
        if entered is not None and entered.session is self:
            _ENTERED.set(entered.outer)
        buffer = self.owner.buffer
        with buffer.lock:
            self.opened.entered -= 1
            self.opened.close_if_over(self.key, buffer)

    def ask(self, request: str) -> None:
        """Add another request of the person, such as the next turn of a chat."""
        text, buffer = str(request), self.owner.buffer
        with buffer.lock:
            self.opened.request = text
            if self.opened.by is buffer and buffer.has_room(len(text)):
                buffer.follow(Asked(self.key, clock_us(), text))

    def begin(self, buffer: Buffer, call: str, arguments: bytes, event: dict[str, Any]) -> bool:
        """Offer the start of a call; the first one opens the session."""
        opened = self.opened
        with buffer.lock:
            opens = opened.by is not buffer
            texts = (opened.request, opened.system) if opens else None
            event = {**self.facts, **event}
            began = Began(self.key, call, clock_us(), arguments, event, texts)
            if not buffer.begin(began):
                return False
            if opens:
                opened.by, opened.calls = buffer, 0
            opened.calls += 1
            return True

    def ended(self, buffer: Buffer) -> None:
        """Count the end of a call."""
        with buffer.lock:
            self.opened.calls -= 1
            self.opened.close_if_over(self.key, buffer)


def nested(outer: Session, agent: str | None) -> dict[str, Any]:
    """Give the facts of a session inside another one; another agent acts for the outer one."""
    facts = dict(outer.facts)
    before = facts["agent"]["id"]
    if agent is not None and agent != before:
        facts["delegation"] = [before, *facts.get("delegation", ())][:MAX_DELEGATION]
        facts["agent"] = {"id": agent}
    return facts
