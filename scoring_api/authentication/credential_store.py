"""The credential file of a running API: reloaded on changes; fails closed if unusable."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from models.errors import ConfigError
from pipeline.credentials.entries import Credentials, is_toml, parse_credentials, read_bytes
from pipeline.logs import STATE_CHANGE
from scoring_api.authentication.bounded_read import BoundedRead

log = logging.getLogger(__name__)

READ_S = 2.0


class CredentialStore:
    """The current content of the credential file.

    Parameters
    ----------
    path
        The file; must be valid at the start.

    Attributes
    ----------
    current
        The credentials; None while the file is missing, unreadable, empty or invalid.
    generation
        Increases when `current` changes; cached callers must then be verified again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest, self.current = self._read(b"")
        self.generation = 0
        self._reader = BoundedRead(self._read)

    @property
    def usable(self) -> bool:
        """Whether the file can be used."""
        return self.current is not None

    async def check(self) -> None:
        """Reload the file; a read longer than `READ_S` counts as unreadable."""
        known = b"" if self.current is None else self._digest
        try:
            digest, found = await self._reader.answer(known, within_s=READ_S)
        except Exception as error:  # noqa: BLE001  # any fault must refuse all callers
            ours = isinstance(error, ConfigError | TimeoutError)
            self._close(str(error) if ours else type(error).__name__)
            return
        if found is None:
            return
        if self.current is None:
            log.info("credentials_usable_again", extra={"entries": len(found.entries)})
        self.current, self._digest = found, digest
        self.generation += 1

    def _close(self, fault: str) -> None:
        if self.current is not None:
            self.current = None
            self.generation += 1
            fields = {"fault": fault, "effect": "every credential is refused"}
            log.error("credentials_unusable", extra={**fields, **STATE_CHANGE})

    def _read(self, known: bytes) -> tuple[bytes, Credentials | None]:
        """Give the digest and content of the file; None as content if the digest is `known`."""
        raw = read_bytes(self._path)
        digest = hashlib.sha256(raw).digest()
        if digest == known:
            return digest, None
        return digest, parse_credentials(raw, toml=is_toml(self._path))
