"""Records for a file or a topic, whose credentials are hidden before they are written."""

from __future__ import annotations

import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING

from pipeline.assembling.secrets.raw_text import hidden_bytes
from pipeline.tap.recording.record import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.tap.recording.targets import Target

_KEY_BYTES = 32


class Hiding:
    """A target whose records have marks for credentials.

    A credential has the same mark whenever this process writes it. So a reader of the records still
    sees that a call sends what another call has read.

    Parameters
    ----------
    target
        Takes the records.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._key = secrets.token_bytes(_KEY_BYTES)
        self.name = target.name

    def send(self, lines: Sequence[Line]) -> None:
        """Take prepared records."""
        self._target.send(lines)

    def prepared(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Hide the credentials of records."""
        hidden = [Line(one.agent, hidden_bytes(one.data, self._mark)) for one in lines]
        return self._target.prepared(hidden)

    def ended(self) -> Sequence[Line]:
        """Give what follows from the end of all sessions."""
        return self._target.ended()

    def close(self) -> None:
        """Close the target."""
        self._target.close()

    def _mark(self, kind: str, secret: str) -> str:
        raw = secret.encode("utf-8", "surrogatepass")
        return f"***{kind}#{blake2b(raw, key=self._key, digest_size=8).hexdigest()}***"
