"""The key set of bearer tokens, from a file or a URL: refreshed; fails closed."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwk
from joserfc.errors import JoseError

from models.errors import ConfigError
from models.units import HOUR_US, SECOND_US
from pipeline.files.regular_file import read_regular
from pipeline.logs import STATE_CHANGE
from pipeline.plain_http import is_loopback
from scoring_api.authentication.bounded_read import BoundedRead
from scoring_api.clock import wall_us

log = logging.getLogger(__name__)

REFRESH_US = 600 * SECOND_US
# Requests with invented key ids must not each cause a fetch.
COOL_DOWN_US = 30 * SECOND_US
RETRY_US = 2 * SECOND_US
# Without a successful read for this long, the set may contain withdrawn keys.
TRUSTED_US = HOUR_US
# For the whole response: the library's timeout applies to single reads.
FETCH_S = 10.0
# A file is polled, so that its loss is detected within five seconds.
FILE_S = 2.0
FILE_US = SECOND_US // 2
CHECK_S = 1.0
MAX_BYTES = 256 * 1024


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuse redirects, which could leave https."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing."""


def parse_key_set(raw: bytes) -> list[Any]:
    """Parse the asymmetric signature keys of a key set; other keys are left out.

    >>> parse_key_set(b'{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}')
    []
    """
    document = json.loads(raw)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("expected an object with a list named keys")  # bad data
    keys = []
    for entry in entries:
        if entry.get("kty") not in ("RSA", "EC", "OKP") or entry.get("use", "sig") != "sig":
            continue
        try:
            keys.append(jwk.import_key(entry))
        except (JoseError, ValueError):
            log.warning("jwks_key_ignored", extra={"kty": entry.get("kty")})
    return keys


class KeySource:
    """Gives the key of a key id.

    Parameters
    ----------
    location
        Path of a file, or an https URL (http on loopback only).

    Attributes
    ----------
    generation
        Increases when the keys change; cached callers must then be verified again.
    """

    def __init__(self, location: str) -> None:
        parts = urlsplit(location)
        self._remote = parts.scheme in ("http", "https")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ConfigError("jwks must be an https URL or a file")
        self._location = location
        self._keys: list[Any] = []
        self._raw = b""
        self._fault = ""
        self._was_usable = True
        self._reader = BoundedRead(self._read)
        self._read_us = 0
        self._tried_us = 0
        self._lock = asyncio.Lock()
        self.generation = 0

    def examine(self) -> None:
        """Raise `ConfigError` if a file holds no key set; a URL may answer later."""
        if self._remote:
            return
        try:
            keys = parse_key_set(self._read())
        except (OSError, ValueError, AttributeError) as error:
            raise ConfigError(
                f"no key set can be read from the file that jwks names: {type(error).__name__}"
            ) from error
        if not keys:
            raise ConfigError("the file that jwks names holds no public signature key")

    @property
    def usable(self) -> bool:
        """Whether there is a key that was read within `TRUSTED_US`."""
        return bool(self._keys) and wall_us() <= self.trusted_until_us

    @property
    def trusted_until_us(self) -> int:
        """Time until which the keys are valid without another read, in microseconds."""
        return self._read_us + TRUSTED_US

    async def follow(self) -> None:
        """Reload the key set until cancelled."""
        while True:
            await self.check()
            await asyncio.sleep(CHECK_S)

    async def check(self) -> None:
        """Reload the key set: a file at each call, a URL if the last response is old."""
        now = wall_us()
        if not self._remote or not self._keys or now - self._read_us > REFRESH_US:
            await self._refresh(now)
        if self.usable != self._was_usable:
            self._was_usable = self.usable
            if self.usable:
                log.info("jwks_usable", extra={"keys": len(self._keys)})
            else:
                log.error(
                    "jwks_unusable", extra={"effect": "all tokens are refused", **STATE_CHANGE}
                )

    async def find(self, kid: str | None) -> Any | None:
        """Give the key `kid`, or the only key if a token has no key id; else None.

        A known key is returned at once; an unknown key id waits for a refresh.
        """
        key = self._pick(kid)
        if key is None:
            await self._refresh(wall_us())
            key = self._pick(kid)
        return key

    def _pick(self, kid: str | None) -> Any | None:
        if not self.usable:
            return None
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == kid), None)

    async def _refresh(self, now: int) -> None:
        async with self._lock:
            pause_us = FILE_US if not self._remote else COOL_DOWN_US if self._keys else RETRY_US
            if now - self._tried_us < pause_us:
                return
            self._tried_us = now
            try:
                raw = await self._reader.answer(within_s=FETCH_S if self._remote else FILE_S)
                if raw == self._raw and self._keys:
                    self._read_us, self._fault = now, ""
                    return
                keys = parse_key_set(raw)
                self._log_fault("" if keys else "it holds no public signature key")
            except Exception as error:  # noqa: BLE001  # any fault means no new keys
                self._log_fault(type(error).__name__)
                if self._remote:
                    return  # the keys stay valid until `trusted_until_us`
                raw, keys = b"", []
            self._keys, self._read_us = keys, now
            if raw != self._raw:
                self._raw = raw
                self.generation += 1

    def _log_fault(self, fault: str) -> None:
        """Log a fault of reading the key set, once; empty: no fault."""
        if fault and fault != self._fault:
            log.error("jwks_unreadable", extra={"fault": fault})
        self._fault = fault

    def _read(self) -> bytes:
        if not self._remote:
            return read_regular(Path(self._location), MAX_BYTES)
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            response = opener.open(self._location, timeout=5)
        except urllib.error.HTTPError as refused:
            refused.close()
            raise
        end, raw = monotonic() + FETCH_S, b""
        with response:
            while part := response.read1(MAX_BYTES + 1 - len(raw)):
                raw += part
                if monotonic() > end:
                    raise TimeoutError
        if len(raw) > MAX_BYTES:
            raise ValueError(f"the key set is longer than {MAX_BYTES} bytes")
        return raw
