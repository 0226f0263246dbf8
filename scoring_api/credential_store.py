"""The credential file while the API runs: followed, and failing closed when it cannot be used."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models.errors import ConfigError
from pipeline.credentials import Credentials, is_toml, parse_credentials, read_bytes

log = logging.getLogger(__name__)

READ_S = 2.0


class CredentialStore:
    """What the credential file says now.

    Parameters
    ----------
    path
        The file; it must be good at the start.

    Attributes
    ----------
    current
        The credentials in it; None while the file is missing, unreadable, empty or broken.
    generation
        Rises whenever `current` changes: what was verified before has to be verified again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest, self.current = self._read(b"")
        self.generation = 0
        self._reading: asyncio.Future[tuple[bytes, Credentials | None]] | None = None
        # Its own: a busy API must not look like a file that gives no answer.
        self._thread = ThreadPoolExecutor(1, "habitus-credentials")

    @property
    def usable(self) -> bool:
        """False while the file cannot be used."""
        return self.current is not None

    async def check(self) -> None:
        """Read the file again; after `READ_S` a file that gives no answer counts as unreadable."""
        known = b"" if self.current is None else self._digest
        loop = asyncio.get_running_loop()
        task = self._reading or loop.run_in_executor(self._thread, self._read, known)
        for _again in range(
            2
        ):  # a loop that was busy meanwhile sees the first time run out, and no answer
            done, _ = await asyncio.wait({task}, timeout=READ_S / 2)
            if done:
                break
        self._reading = None if done else task
        try:
            if not done:
                raise ConfigError(f"no answer within {READ_S:.0f} s")
            digest, found = task.result()
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody may be let in by it
            self._close(str(error) if isinstance(error, ConfigError) else type(error).__name__)
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
            log.error("credentials_unusable", extra={"fault": fault, "effect": "nobody is let in"})

    def _read(self, known: bytes) -> tuple[bytes, Credentials | None]:
        """Give the digest of the file and what it says; None where the digest is `known`."""
        raw = read_bytes(self._path)
        digest = hashlib.sha256(raw).digest()
        if digest == known:
            return digest, None
        return digest, parse_credentials(raw, toml=is_toml(self._path))
