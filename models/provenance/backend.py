"""The interface of the provenance detector to the engine, with a reference and a compiled version.

Both give the same numbers and the same bytes. They exchange sessions, scores and tables as bytes
only.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from models.codec.change_log import Journal
from models.codec.hashing import Hasher
from models.errors import StateError
from models.provenance import text
from models.provenance.argument_detector import ArgumentDetector
from models.provenance.deobfuscation import decoded_forms
from models.provenance.entity_binding import entity_names
from models.provenance.history.history_cleaning import clean_history
from models.provenance.history.learning import close, record_call
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
from models.provenance.knowledge import ProvenanceTables
from models.provenance.request import parse_value
from models.provenance.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.codec.change_log import Apply, Encode
    from models.event import Origins
    from models.provenance.argument_detector import CallScore

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Session).decode
_DOCUMENTS, _RATES, _ROLE = "documents", "rates", "role:"


class ProvenanceDetector(Protocol):
    """Score and learn the arguments of calls."""

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
        trusted_history: bool,
    ) -> Session:
        """Open a session and compare its request with the clusters; fields as in `Session`."""

    def score(self, session: Session, tool: str, origins: Origins | None) -> CallScore:
        """Score one call of an open session; state does not change."""

    def record_call(self, session: Session, call: CallScore) -> None:
        """Record one scored call in its session."""

    def close(self, session: Session) -> bool:
        """Learn a finished session; give False when it is skipped."""

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Give the changes since the last call, or all tables; new parts replace old ones."""

    def load(self, shared: Mapping[str, bytes]) -> None:
        """Replace all tables by the bytes of `dump`; raise `StateError` when they are invalid."""

    def dump_session(self, session: Session) -> bytes:
        """Give the bytes of an open session."""

    def load_session(self, blob: bytes) -> Session:
        """Read an open session; raise `StateError` when the bytes are invalid."""


class PythonDetector(ArgumentDetector):
    """The reference; it alone can leave out parts of the score.

    Examples
    --------
    >>> detector = PythonDetector(b"0123456789abcdef")
    >>> session = detector.open("a-1", "unknown", "clerk", "Pay Ines", 0, 0, 1, True, False)
    >>> detector.score(session, "bank.pay", None).score < detector.score(session, "rm", None).score
    True
    """

    def __init__(self, secret: bytes, without: frozenset[str] = frozenset()) -> None:
        super().__init__(Hasher(secret), ProvenanceTables(), without)
        self._journals: dict[str, Journal] = {}
        self._closed: set[str] = set()  # roles with changes to write

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
        trusted_history: bool,
    ) -> Session:
        """Open a session and compare its request with the clusters; fields as in `Session`."""
        session = Session(
            agent_id,
            mode,
            role,
            purpose,
            opened_us,
            opened_us,
            seen_us,
            ordinal,
            learning,
            trusted_history,
        )
        self.compare(session)
        return session

    def record_call(self, session: Session, call: CallScore) -> None:
        """Record one scored call in its session."""
        record_call(session, call)

    def close(self, session: Session) -> bool:
        """Learn a finished session; give False when it is skipped."""
        self._closed.add(session.role)
        learned = close(self, session)
        role = self.role(session.role)
        if len(role.early_sessions) == YOUNG:
            clean_history(self, session.role)
        return learned

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Give the changes since the last call, or all tables; new parts replace old ones."""
        tables, out = self.tables, []
        documents = tables.documents
        if whole or documents.changed:
            out.append(self._write(_DOCUMENTS, partial(write_documents, documents), whole=whole))
            documents.changed = False
            documents.frequencies.changed.clear()
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
        """Replace all tables by the bytes of `dump`; raise `StateError` when they are invalid."""
        self.use(ProvenanceTables())
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
        """Give the reader of the bytes under a name; None for a name of another part."""
        tables = self.tables
        if name == _DOCUMENTS:
            return partial(read_documents, tables.documents)
        if name == _RATES:
            return partial(read_rates, tables.rates)
        if name.startswith(_ROLE):
            return partial(read_role, self.role(name.removeprefix(_ROLE)))
        return None

    def dump_session(self, session: Session) -> bytes:
        """Give the bytes of an open session."""
        return _encode(session)

    def load_session(self, blob: bytes) -> Session:
        """Read an open session; raise `StateError` when the bytes are invalid."""
        try:
            return _decode(blob)
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"a session cannot be read: {error}") from error


def provenance_detector(
    secret: bytes, native: Any | None, without: frozenset[str] = frozenset()
) -> ProvenanceDetector:
    """Give the compiled kernel of the module `native`, or the reference without one.

    Parameters
    ----------
    without
        Parts of the score to leave out, from `models.provenance.knowledge.PARTS`. Only the
        reference supports this.
    """
    if native is None:
        return PythonDetector(secret, without)
    kernel = native.ProvenanceDetector(
        secret,
        text.stems,
        entity_names,
        text.long_words,
        text.normalise,
        parse_value,
        decoded_forms,
    )
    return cast("ProvenanceDetector", kernel)
