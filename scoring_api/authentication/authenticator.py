"""Authenticate callers by API key, bearer token or client certificate; loopback needs none.

The digest of a verified credential is cached for a few minutes. So the trust route verifies a
signature once and not at each request.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from models.units import SECOND_US
from pipeline.credentials.entries import PREFIXES, Credentials
from scoring_api.authentication.certificate_entries import (
    ClientCertificate,
    NamedCaller,
    certificate_in,
    principal_of_entries,
)
from scoring_api.authentication.credential_store import CredentialStore
from scoring_api.authentication.jwks import KeySource
from scoring_api.authentication.principal import LOCAL, Principal, Refused, unusable
from scoring_api.authentication.refusals import Refusals
from scoring_api.authentication.tokens import names_of, principal_of
from scoring_api.clock import wall_us
from scoring_api.config import ApiConfig
from scoring_api.problems import ProblemError, Scope
from scoring_api.requests.clients import client_of
from scoring_api.status.metrics import Metrics

REMEMBER_US = 300 * SECOND_US
MAX_REMEMBERED = 10_000
MAX_TOKEN = 16 * 1024
# Together with the read timeout (`credential_store.READ_S`), changes take effect within five
# seconds.
CHECK_S = 1.0

_NO_FILE = "the credential file cannot be used now, so all callers are refused; see the log"
_NO_KEY_SET = "the key set of the token issuer cannot be used now; see the log"
_NO_KEY = "no such API key, or it has expired or been revoked"
_NO_CERTIFICATE = "no entry matches the certificate, or it has expired or been revoked"

Headers = Iterable[tuple[bytes, bytes]]


def credential(headers: Headers) -> bytes | None:
    """Give the presented credential: the bearer credential, else the API key header."""
    key = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return token.strip() if scheme.lower() == b"bearer" else b""
        if name == b"x-api-key":
            key = value.strip()
    return key


class Authenticator:
    """Authenticate the headers of a request as a `Principal`.

    Parameters
    ----------
    config
        Names the credential stores. Without any, every caller is `LOCAL`, and the loopback guard in
        front admits callers.
    """

    def __init__(self, config: ApiConfig, metrics: Metrics | None = None) -> None:
        self._config = config
        self._metrics = metrics or Metrics()
        self.refusals = Refusals(self._metrics)
        self._file = CredentialStore(config.api_keys_file) if config.api_keys_file else None
        self._source = KeySource(config.jwks) if config.jwks is not None else None
        self._verified_under = self._generations()
        self._remembered: dict[bytes, tuple[Principal, int]] = {}
        self._named: dict[str, NamedCaller] = {}
        self.open = not config.has_credentials

    @property
    def fault(self) -> str | None:
        """Reason why no caller can be authenticated now, or None."""
        if self._file is not None:
            return _NO_FILE if self._file.current is None else None
        if self._source is not None and not self._source.usable:
            return _NO_KEY_SET
        return None

    async def follow(self) -> None:
        """Reload the credential file and the key set until cancelled."""
        await asyncio.gather(
            *(
                self._follow(name, one)
                for name, one in (("file", self._file), ("jwks", self._source))
                if one
            )
        )

    async def _follow(self, name: str, store: CredentialStore | KeySource) -> None:
        while True:
            await store.check()
            self._forget_changed()
            self._metrics.credentials_usable.labels(name).set(store.usable)
            await asyncio.sleep(CHECK_S)

    def remembered(self, headers: Headers) -> Principal | None:
        """Give a cached caller without waiting; None: call `authenticate`."""
        if self.open:
            return LOCAL
        presented = credential(headers)
        if not presented:
            return None
        held = self._remembered.get(hashlib.sha256(presented).digest())
        if held is None or held[1] <= wall_us():
            return None
        return held[0]

    async def authorise(self, scope: Scope, needed: str) -> Principal:
        """Authenticate the caller of a request that needs a scope.

        Raises
        ------
        ProblemError
            401 without any part of the credential, 403 without the scope, 429 after too many
            failures of the address, 503 while no credential can be checked.
        """
        try:
            principal = await self.authenticate(scope["headers"], certificate_in(scope))
        except Refused as refused:
            raise self.refusals.failed(client_of(scope), refused, needed) from None
        if not principal.may(needed):
            self.refusals.forbidden(client_of(scope), principal, needed)
            challenge = f'Bearer realm="habitus", error="insufficient_scope", scope="{needed}"'
            raise ProblemError(
                403, f"the scope {needed} is needed", {"WWW-Authenticate": challenge}
            )
        return principal

    async def authenticate(
        self, headers: Headers, certificate: ClientCertificate | None = None
    ) -> Principal:
        """Authenticate a caller by its credential; raise `Refused`, or 503.

        A key or token in the request takes precedence over the certificate of its connection.
        """
        known = self.remembered(headers)
        if known is not None:
            return known
        presented = credential(headers)
        if presented is None:
            if certificate is not None:
                return self._by_certificate(certificate, wall_us())
            raise Refused("missing", "a bearer token or an API key is needed")
        if not presented or len(presented) > MAX_TOKEN:
            raise Refused("malformed", "it is not a bearer token or an API key")
        try:
            text = presented.decode("ascii")
        except UnicodeDecodeError:
            raise Refused("malformed", "it is not ASCII") from None
        now = wall_us()
        self._held()
        is_key = text.startswith(PREFIXES) or text.count(".") != 2
        principal, until = self._by_key(text, now) if is_key else await self._by_token(text, now)
        self._remember(presented, principal, min(until, now + REMEMBER_US))
        return principal

    def _generations(self) -> tuple[int, ...]:
        return tuple(one.generation for one in (self._file, self._source) if one is not None)

    def _forget_changed(self) -> None:
        """Clear the cached callers after a credential store changed."""
        if self._generations() != self._verified_under:
            self._verified_under = self._generations()
            self._remembered.clear()
            self._named.clear()

    def _held(self) -> Credentials | None:
        """Give the credentials of the file; None if none is set; raise 503 while it is unusable."""
        if self._file is None:
            return None
        if self._file.current is None:
            raise unusable(_NO_FILE)
        return self._file.current

    def _remember(self, presented: bytes, principal: Principal, until: int) -> None:
        if len(self._remembered) >= MAX_REMEMBERED:
            # Evict the oldest entry, which costs only one more verification.
            del self._remembered[next(iter(self._remembered))]
        self._remembered[hashlib.sha256(presented).digest()] = principal, until

    def _by_key(self, text: str, now: int) -> tuple[Principal, int]:
        held = self._held()
        key = held.key(text) if held is not None else None
        if held is None or key is None:
            raise Refused("unknown_key", _NO_KEY)
        if ended := key.ended(now):
            raise Refused(f"{ended}_key", _NO_KEY, {"key_id": key.id})
        bound = held.bindings.get(key.id)
        principal = Principal(key.id, frozenset(key.scopes), () if bound is None else (bound,))
        return principal, min([now + REMEMBER_US, *key.ends_us()])

    def _by_certificate(self, certificate: ClientCertificate, now: int) -> Principal:
        """Give the caller of a verified certificate; evaluated at each request."""
        subject, held = certificate.subject, self._held()
        if certificate.until_us <= now:
            raise Refused("expired_certificate", "the certificate has expired")
        if subject is None:
            raise Refused("certificate_name", "the certificate has no unambiguous name")
        found = self._named.get(subject)
        if found is None:
            covering = held.of_certificate(subject) if held is not None else []
            if held is None or not covering:
                raise Refused("unknown_certificate", _NO_CERTIFICATE, {"subject": subject})
            found = principal_of_entries(held, covering, subject)
            if len(self._named) >= MAX_REMEMBERED:
                del self._named[next(iter(self._named))]
            self._named[subject] = found
        principal, entries = found
        for entry in entries:
            if ended := entry.ended(now):
                raise Refused(f"{ended}_certificate", _NO_CERTIFICATE, {"key_id": entry.id})
        return principal

    async def _by_token(self, text: str, now: int) -> tuple[Principal, int]:
        if self._source is None:
            raise Refused("unknown_key", _NO_KEY)
        try:
            signed = jws.extract_compact(text.encode())
            header = signed.headers()
        except (JoseError, ValueError):
            raise Refused("malformed", "it is not a signed token") from None
        try:
            return await self._by_signed(text, header, self._source, now)
        except Refused as refused:
            refused.known = {**names_of(header, signed.payload), **refused.known}
            raise

    async def _by_signed(
        self, text: str, header: dict[str, Any], source: KeySource, now: int
    ) -> tuple[Principal, int]:
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._config.algorithms:
            raise Refused("token_algorithm", "its algorithm is not one of those pinned")
        key = await source.find(kid if isinstance(kid, str) else None)
        self._forget_changed()
        if not source.usable:
            raise unusable(_NO_KEY_SET)
        if key is None:
            raise Refused("token_key", "its key is not in the key set")
        try:
            claims = jwt.decode(text, key, algorithms=[str(algorithm)]).claims
        except (JoseError, ValueError):
            raise Refused("token_signature", "its signature is invalid") from None
        principal, until = principal_of(claims, self._config, now, self._held())
        return principal, min(until, source.trusted_until_us)
