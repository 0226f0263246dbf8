"""Who may ask: bearer tokens against a key set, or hashed API keys; loopback when neither is set.

A verified credential is remembered by its digest for a few minutes, so that the trust route
verifies a signature once and not fifty thousand times a second.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable

from joserfc import jws, jwt
from joserfc.errors import JoseError

from models.errors import ConfigError
from models.trust_policy import SECOND_US
from pipeline.credentials import PREFIXES, Credentials, read_credentials
from scoring_api.clock import wall_us
from scoring_api.config import ApiConfig
from scoring_api.jwks import KeySource
from scoring_api.principal import LOCAL, Principal, Refused
from scoring_api.tokens import principal_of

log = logging.getLogger(__name__)

REMEMBER_US = 300 * SECOND_US
MAX_REMEMBERED = 10_000
MAX_TOKEN = 16 * 1024
KEYS_CHECK_US = 5 * SECOND_US

_NO_KEY = "no such API key, or it has expired or been revoked"

Headers = Iterable[tuple[bytes, bytes]]


def credential(headers: Headers) -> bytes | None:
    """Find what the caller presents: the bearer credential, else the API key header."""
    key = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return token.strip() if scheme.lower() == b"bearer" else b""
        if name == b"x-api-key":
            key = value.strip()
    return key


class Authenticator:
    """Turn the headers of a request into a `Principal`.

    Parameters
    ----------
    config
        Which credential stores there are; with none, every caller is `LOCAL` and the loopback
        guard in front decides who is a caller at all.
    """

    def __init__(self, config: ApiConfig) -> None:
        self._config = config
        self._credentials: Credentials | None = None
        self._keys_stamp: tuple[int, int] | None = None
        self._keys_checked_us = 0
        self._source = KeySource(config.jwks) if config.jwks is not None else None
        self._generation = 0
        self._remembered: dict[bytes, tuple[Principal, int]] = {}
        if config.api_keys_file is not None:
            self._credentials = read_credentials(config.api_keys_file)
            self._keys_stamp = self._stamp()
        self.open = not config.has_credentials

    def remembered(self, headers: Headers) -> Principal | None:
        """Recognise a caller without waiting; None means `authenticate` has to look."""
        if self.open:
            return LOCAL
        presented = credential(headers)
        if not presented:
            return None
        held = self._remembered.get(hashlib.sha256(presented).digest())
        if held is None or held[1] <= wall_us():
            return None
        return held[0]

    async def authenticate(self, headers: Headers) -> Principal:
        """Recognise a caller; raises a 401 `ProblemError` that names no part of the credential."""
        known = self.remembered(headers)
        if known is not None:
            return known
        presented = credential(headers)
        if presented is None:
            raise Refused("missing", "a bearer token or an API key is needed")
        if not presented or len(presented) > MAX_TOKEN:
            raise Refused("malformed", "it is not a bearer token or an API key")
        try:
            text = presented.decode("ascii")
        except UnicodeDecodeError:
            raise Refused("malformed", "it is not ASCII") from None
        now = wall_us()
        is_key = text.startswith(PREFIXES) or text.count(".") != 2
        principal, until = self._by_key(text, now) if is_key else await self._by_token(text, now)
        self._remember(presented, principal, min(until, now + REMEMBER_US))
        return principal

    def reload(self) -> None:
        """Read the key file again when it changed; a broken file keeps the last good one."""
        now = wall_us()
        if self._config.api_keys_file is None or now - self._keys_checked_us < KEYS_CHECK_US:
            return
        self._keys_checked_us = now
        stamp = self._stamp()
        if stamp == self._keys_stamp:
            return
        self._keys_stamp = stamp
        try:
            self._credentials = read_credentials(self._config.api_keys_file)
        except ConfigError as error:
            log.error("api_keys_unreadable", extra={"fault": str(error)})
            return
        self._remembered.clear()

    def _stamp(self) -> tuple[int, int] | None:
        assert self._config.api_keys_file is not None  # noqa: S101  # callers checked
        try:
            found = self._config.api_keys_file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _remember(self, presented: bytes, principal: Principal, until: int) -> None:
        if len(self._remembered) >= MAX_REMEMBERED:
            # The oldest entry goes; being forgotten only costs a verification.
            del self._remembered[next(iter(self._remembered))]
        self._remembered[hashlib.sha256(presented).digest()] = principal, until

    def _by_key(self, text: str, now: int) -> tuple[Principal, int]:
        held = self._credentials
        key = held.key(text) if held is not None else None
        if held is None or key is None:
            raise Refused("unknown_key", _NO_KEY)
        if ended := key.ended(now):
            raise Refused(f"{ended}_key", _NO_KEY, {"key_id": key.id})
        bound = held.bindings.get(key.id)
        principal = Principal(key.id, frozenset(key.scopes), () if bound is None else (bound,))
        return principal, min([now + REMEMBER_US, *key.ends_us()])

    async def _by_token(self, text: str, now: int) -> tuple[Principal, int]:
        if self._source is None:
            raise Refused("unknown_key", _NO_KEY)
        try:
            header = jws.extract_compact(text.encode()).headers()
        except (JoseError, ValueError):
            raise Refused("malformed", "it is not a signed token") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._config.algorithms:
            raise Refused("token_algorithm", "its algorithm is not one of those pinned")
        key = await self._source.find(kid if isinstance(kid, str) else None)
        if self._source.generation != self._generation:
            # Another key set: what an old key vouched for has to be verified again.
            self._generation = self._source.generation
            self._remembered.clear()
        if key is None:
            raise Refused("token_key", "its key is not in the key set")
        try:
            claims = jwt.decode(text, key, algorithms=[str(algorithm)]).claims
        except (JoseError, ValueError):
            raise Refused("token_signature", "its signature does not hold") from None
        return principal_of(claims, self._config, now, self._credentials)
