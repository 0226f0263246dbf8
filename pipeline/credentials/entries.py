"""The credential file: callers of the API, and the agents that they may report.

The file is TOML (``[[key]]`` tables) or JSON (a list of the same objects). It holds hashes of API
keys, never keys. A key is long and random, so one round of SHA-256 is enough. ``habitus keys``
edits the file; `scoring_api.authentication.credential_store` reloads it.

    [[key]]
    id = "gateway"
    sha256 = "…64 hex digits…"          # printf %s "$KEY" | sha256sum
    scopes = ["actions:write"]
    expires = 2027-01-01T00:00:00Z      # optional
    agents = ["support-*"]              # optional; default: all agents

    [[key]]
    id = "shop-workloads"               # for tokens, which hold scopes and expiry
    subject = "spiffe://example.com/ns/shop/**"
    agents = ["{subject}"]              # each only its own agent

    [[key]]
    id = "shop-certificates"            # for client certificates, with their scopes
    certificate = "spiffe://example.com/ns/shop/**"
    scopes = ["actions:write"]
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import re
import secrets
import stat
import tomllib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from models.errors import ConfigError
from models.event import microseconds
from pipeline.credentials.agent_patterns import AgentPattern, Binding
from pipeline.files.regular_file import read_regular
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PREFIXES = ("hbt_", "habitus_")
SCOPES = ("trust:read", "anomaly:read", "anomaly:write", "actions:write", "signals:write", "admin")
SUBJECT = "{subject}"
FILE = "the credential file (HABITUS_API_KEYS_FILE)"
"""Name of the file in messages; its path is hidden, as a key may be set there by mistake."""

_IDENTIFIERS = ("sha256", "subject", "certificate")
_LARGEST = 4 * 1024 * 1024
_ID = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}")
Time = Annotated[datetime, Meta(tz=True)]


class CredentialEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of the file, identified by exactly one of `sha256`, `subject` and `certificate`.

    Parameters
    ----------
    id
        Name for people, logs and `habitus keys`; unique.
    sha256
        Digest of an API key.
    subject
        Pattern of the subjects (``sub``) of bearer tokens.
    certificate
        Pattern of the names in client certificates.
    scopes
        Scopes of an API key or a certificate; a token has its own.
    expires, revoked
        Times from which on the credential is refused.
    agents
        Patterns of the agents it may report; None: all, empty: none.
    """

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    subject: str | None = None
    certificate: str | None = None
    scopes: tuple[str, ...] = ()
    expires: Time | None = None
    revoked: Time | None = None
    agents: tuple[str, ...] | None = None

    def ended(self, now_us: int) -> str | None:
        """Return ``revoked``, ``expired``, or None for a valid entry."""
        if self.revoked is not None and microseconds(self.revoked) <= now_us:
            return "revoked"
        if self.expires is not None and microseconds(self.expires) <= now_us:
            return "expired"
        return None

    def ends_us(self) -> list[int]:
        """Give the expiry and revocation times of the entry, in microseconds."""
        return [microseconds(at) for at in (self.expires, self.revoked) if at is not None]


class _Tables(Struct, forbid_unknown_fields=True):
    key: list[CredentialEntry] = []


@dataclass(frozen=True, slots=True)
class Credentials:
    """The parsed credential file.

    Examples
    --------
    >>> secret, entry = make_key("gateway", ["actions:write"], agents=["support-*"])
    >>> found = Credentials.of([entry])
    >>> found.key(secret) == entry, found.key("hbt_other")
    (True, None)
    """

    entries: tuple[CredentialEntry, ...]
    bindings: dict[str, Binding]
    subjects: tuple[tuple[AgentPattern, CredentialEntry], ...]
    certificates: tuple[tuple[AgentPattern, CredentialEntry], ...] = ()

    @classmethod
    def of(cls, entries: Iterable[CredentialEntry]) -> Credentials:
        """Check entries; raise `ConfigError` with the entry's id, never with a hash."""
        listed = tuple(entries)
        if not listed:
            raise ConfigError(f"{FILE} holds no credential; create one with habitus keys add")
        for entry in listed:
            _check(entry)
        if len({entry.id for entry in listed}) < len(listed):
            raise ConfigError(f"{FILE} uses an id twice")
        hashes = [entry.sha256 for entry in listed if entry.sha256 is not None]
        if len(set(hashes)) < len(hashes):
            raise ConfigError(f"{FILE} holds the hash of one key twice")
        try:
            return cls(
                listed,
                {
                    entry.id: Binding.of(text for text in entry.agents if text != SUBJECT)
                    for entry in listed
                    if entry.agents is not None
                },
                tuple(
                    (AgentPattern.parse(entry.subject), entry)
                    for entry in listed
                    if entry.subject is not None
                ),
                tuple(
                    (AgentPattern.parse(entry.certificate), entry)
                    for entry in listed
                    if entry.certificate is not None
                ),
            )
        except ValueError as error:
            raise ConfigError(f"{FILE}: {error}") from None

    def key(self, presented: str) -> CredentialEntry | None:
        """Give the entry of a presented key, valid or not; None if there is none.

        All entries are compared in constant time, so timing reveals nothing.
        """
        digest = hashlib.sha256(presented.encode()).hexdigest()
        found = None
        for entry in self.entries:
            if entry.sha256 is not None and hmac.compare_digest(entry.sha256, digest):
                found = entry
        return found

    def of_subject(self, subject: str) -> list[CredentialEntry]:
        """Give the entries whose pattern matches the subject of a token."""
        return [entry for pattern, entry in self.subjects if pattern.matches(subject)]

    def of_certificate(self, subject: str) -> list[CredentialEntry]:
        """Give the entries whose pattern matches the name in a client certificate."""
        return [entry for pattern, entry in self.certificates if pattern.matches(subject)]

    def binding_of(self, subject: str) -> Binding | None:
        """Give the agents that a token of this subject may report; None: all.

        If any entry has a subject, a token without a matching entry may report no agent.
        """
        if not self.subjects:
            return None
        return self.union(self.of_subject(subject), subject)

    def union(self, covering: Iterable[CredentialEntry], subject: str) -> Binding | None:
        """Give the agents that any of these entries allows a subject to report; None: all."""
        covering = list(covering)
        if any(entry.agents is None for entry in covering):
            return None
        own = any(SUBJECT in (entry.agents or ()) for entry in covering)
        patterns = [one for entry in covering for one in self.bindings[entry.id].patterns]
        return Binding(tuple(patterns), frozenset([subject] if own else []))


def read_credentials(path: Path) -> Credentials:
    """Read the file; raise `ConfigError` with the fault, without path or hash."""
    return parse_credentials(read_bytes(path), toml=is_toml(path))


def is_toml(path: Path) -> bool:
    """Return whether the file is TOML by its name; otherwise it is JSON."""
    return path.suffix.lower() == ".toml"


def readable_by_others(path: Path) -> bool:
    """Return whether users other than owner and group may read the file."""
    return bool(path.stat().st_mode & stat.S_IROTH)


def read_bytes(path: Path) -> bytes:
    """Read the bytes of the file; raise `ConfigError` on failure."""
    try:
        return read_regular(path, _LARGEST)
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
        raise ConfigError(f"{FILE} cannot be read: {fault}") from None
    except ValueError as error:
        raise ConfigError(f"{FILE} cannot be read: {error}") from None


def parse_credentials(raw: bytes, *, toml: bool) -> Credentials:
    """Parse and check the file; raise `ConfigError` on a fault."""
    return Credentials.of(decode_entries(raw, toml=toml) if raw.strip() else [])


def decode_entries(raw: bytes, *, toml: bool) -> list[CredentialEntry]:
    """Parse the entries of the file without further checks; raise `ConfigError` on a fault."""
    try:
        if toml:
            return msgspec.convert(tomllib.loads(raw.decode("utf-8-sig")), _Tables).key
        return msgspec.json.decode(raw, type=list[CredentialEntry])
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise ConfigError(f"{FILE} is not a list of keys: {error}") from None


def _check(entry: CredentialEntry) -> None:
    name = f"credential {quoted(entry.id)}"
    if not _ID.fullmatch(entry.id) or not entry.id.isprintable():
        raise ConfigError(f"{name}: an id has no white space and no control characters")
    if sum(getattr(entry, one) is not None for one in _IDENTIFIERS) != 1:
        raise ConfigError(f"{name} must have one of: {', '.join(_IDENTIFIERS)}")
    check_scopes(entry.scopes, name)
    if entry.sha256 is not None:
        if SUBJECT in (entry.agents or ()):
            raise ConfigError(
                f"{name}: {SUBJECT} is the name in a token or certificate; a key has none"
            )
    elif entry.subject is not None and entry.scopes:
        raise ConfigError(f"{name} must have no scopes: a token has its own")


def check_scopes(scopes: Iterable[str], name: str) -> None:
    """Raise `ConfigError` for an unknown scope, with the closest known one."""
    for scope in scopes:
        if scope not in SCOPES:
            near = difflib.get_close_matches(scope, SCOPES, n=1)
            meant = f", did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"{name} has the unknown scope {quoted(scope)}{meant or ','} "
                f"expected some of: {', '.join(SCOPES)}"
            )


def make_key(
    key_id: str,
    scopes: Iterable[str],
    *,
    expires: datetime | None = None,
    agents: Iterable[str] | None = None,
) -> tuple[str, CredentialEntry]:
    """Make a new key: the secret, shown once, and the entry for the file.

    >>> secret, entry = make_key("gateway", ["trust:read"])
    >>> secret.startswith("hbt_"), len(entry.sha256)
    (True, 64)
    """
    secret = PREFIXES[0] + secrets.token_urlsafe(32)
    bound = None if agents is None else tuple(agents)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    entry = CredentialEntry(
        key_id, sha256=digest, scopes=tuple(scopes), expires=expires, agents=bound
    )
    return secret, entry
