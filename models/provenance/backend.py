"""What the engine asks of content, and the two that can do it: this package, or the compiled one.

Both give the same numbers and the same bytes; sessions, contents and tables of one are nothing
to the other, except as bytes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from models.codec.change_log import Journal
from models.codec.hashing import Hasher
from models.errors import StateError
from models.provenance import text
from models.provenance.argument_detector import ContentDetector
from models.provenance.deobfuscation import forms_of
from models.provenance.entity_binding import names_of
from models.provenance.history.history_cleaning import look_again
from models.provenance.history.learning import close, note
from models.provenance.history.request_clusters import YOUNG
from models.provenance.history.stored_tables import (
    read_documents,
    read_rates,
    read_role,
    write_documents,
    write_rates,
    write_role,
    written_role,
)
from models.provenance.knowledge import ContentTables
from models.provenance.request import parse_value
from models.provenance.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.codec.change_log import Apply, Encode
    from models.event import Origins
    from models.provenance.argument_detector import Content

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Session).decode
_DOCUMENTS, _RATES, _ROLE = "documents", "rates", "role:"


class ContentKernel(Protocol):
    """Judges and learns what calls carry."""

    def open(
        self,
        agent_id: str,
        mode: str,
        role: str,
        purpose: str,
        opened_us: int,
        seen_us: int,
        ordinal: int,
        learning: bool,
        vouched: bool,
    ) -> Session:
        """Start a session and compare its request with those known; `Session` says what each is."""

    def score(self, session: Session, tool: str, origins: Origins | None) -> Content:
        """Judge one call of an open session; changes nothing."""

    def note(self, session: Session, content: Content) -> None:
        """Add one judged call to what its session has carried."""

    def close(self, session: Session) -> bool:
        """Learn a finished session; False when it was skipped."""

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write what changed since the last call, or everything; what is new replaces the old."""

    def load(self, shared: Mapping[str, bytes]) -> None:
        """Forget everything and read what the calls of `dump` wrote; `StateError` if it cannot."""

    def dump_session(self, session: Session) -> bytes:
        """Write an open session."""

    def load_session(self, blob: bytes) -> Session:
        """Read an open session; `StateError` if it cannot."""


class PythonContent(ContentDetector):
    """The reference, and the only one that can leave parts of the score out.

    Examples
    --------
    >>> content = PythonContent(b"0123456789abcdef")
    >>> session = content.open("a-1", "unknown", "clerk", "Pay Ines", 0, 0, 1, True, False)
    >>> content.score(session, "bank.pay", None).score < content.score(session, "rm", None).score
    True
    """

    def __init__(self, secret: bytes, without: frozenset[str] = frozenset()) -> None:
        super().__init__(Hasher(secret), ContentTables(), without)
        self._journals: dict[str, Journal] = {}
        self._closed: set[str] = set()  # roles with something to write

    def open(
        self,
        agent_id: str,
        mode: str,
        role: str,
        purpose: str,
        opened_us: int,
        seen_us: int,
        ordinal: int,
        learning: bool,
        vouched: bool,
    ) -> Session:
        """Start a session and compare its request with those known; `Session` says what each is."""
        session = Session(
            agent_id, mode, role, purpose, opened_us, opened_us, seen_us, ordinal, learning, vouched
        )
        self.compare(session)
        return session

    def note(self, session: Session, content: Content) -> None:
        """Add one judged call to what its session has carried."""
        note(session, content)

    def close(self, session: Session) -> bool:
        """Learn a finished session; False when it was skipped."""
        self._closed.add(session.role)
        learned = close(self, session)
        role = self.role(session.role)
        if len(role.first) == YOUNG:
            look_again(self, session.role)
        return learned

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write what changed since the last call, or everything; what is new replaces the old."""
        tables, out = self.tables, []
        documents = tables.documents
        if whole or documents.changed:
            out.append(self._write(_DOCUMENTS, partial(write_documents, documents), whole=whole))
            documents.changed = False
            documents.holding.changed.clear()
        if whole or tables.rates.changed:
            out.append(self._write(_RATES, partial(write_rates, tables.rates), whole=whole))
            tables.rates.changed.clear()
        for name in sorted(tables.roles if whole else self._closed):
            role = tables.roles[name]
            if role.touched or (whole and role.next_id > 1):
                out.append(self._write(_ROLE + name, partial(write_role, role), whole=whole))
                written_role(role)
        self._closed.clear()
        return out

    def _write(self, name: str, encode: Encode, *, whole: bool) -> tuple[str, bytes]:
        journal = self._journals.setdefault(name, Journal())
        return journal.write(name, encode, whole=whole)

    def load(self, shared: Mapping[str, bytes]) -> None:
        """Forget everything and read what the calls of `dump` wrote; `StateError` if it cannot."""
        self.use(ContentTables())
        self._journals.clear()
        self._closed.clear()
        for name in sorted(shared):
            apply = self._apply(name)
            if apply is None:
                continue
            journal = self._journals[name] = Journal()
            try:
                journal.read(name, shared, apply)
            except (msgspec.MsgspecError, ValueError) as error:
                raise StateError(f"{name.partition(':')[0]} cannot be read: {error}") from error

    def _apply(self, name: str) -> Apply | None:
        """Give what takes in the bytes under a name; None when the name is not of content."""
        tables = self.tables
        if name == _DOCUMENTS:
            return partial(read_documents, tables.documents)
        if name == _RATES:
            return partial(read_rates, tables.rates)
        if name.startswith(_ROLE):
            return partial(read_role, self.role(name.removeprefix(_ROLE)))
        return None

    def dump_session(self, session: Session) -> bytes:
        """Write an open session."""
        return _encode(session)

    def load_session(self, blob: bytes) -> Session:
        """Read an open session; `StateError` if it cannot."""
        try:
            return _decode(blob)
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"a session cannot be read: {error}") from error


def content_kernel(
    secret: bytes, native: Any | None, without: frozenset[str] = frozenset()
) -> ContentKernel:
    """Give the compiled kernel of the module `native`, or the reference without one.

    Parameters
    ----------
    without
        Parts of the score to leave out, of `models.provenance.knowledge.PARTS`: only without
        `native`.
    """
    if native is None:
        return PythonContent(secret, without)
    kernel = native.ContentKernel(
        secret, text.stems, names_of, text.long_words, text.normalise, parse_value, forms_of
    )
    return cast("ContentKernel", kernel)
