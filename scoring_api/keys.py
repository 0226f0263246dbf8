"""API keys of small installations: a file of hashes, never of keys.

A key is random and long, so one round of SHA-256 is enough: there is no dictionary to try. The
file is JSON (a list) or TOML (``[[key]]`` tables); it is read again when it changes.

    [[key]]
    id = "gateway"
    sha256 = "…64 hex digits…"          # printf %s "$KEY" | sha256sum
    scopes = ["trust:read"]
    expires = "2027-01-01T00:00:00Z"    # optional

``python -m scoring_api.keys ID SCOPE…`` makes a key and prints it with its entry.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from models.errors import ConfigError
from models.event import microseconds
from pipeline.toml_file import read_toml

PREFIXES = ("hbt_", "habitus_")
SCOPES = frozenset({"trust:read", "anomaly:read", "anomaly:write", "actions:write", "admin"})


class ApiKey(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the file."""

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    scopes: list[str]
    expires: Annotated[datetime, Meta(tz=True)] | None = None


def load_keys(path: Path) -> list[ApiKey]:
    """Read the key file; raises `ConfigError` that names the fault and never a hash."""
    try:
        toml = path.suffix.lower() == ".toml"
        data = read_toml(path).get("key", []) if toml else msgspec.json.decode(path.read_bytes())
        keys = msgspec.convert(data, list[ApiKey])
    except OSError as error:
        raise ConfigError(f"API key file {path} cannot be read: {error.strerror}") from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise ConfigError(f"API key file {path} is not a list of keys: {error}") from None
    for key in keys:
        unknown = sorted(set(key.scopes) - SCOPES)
        if unknown:
            raise ConfigError(
                f"API key {key.id!r} has unknown scopes {', '.join(unknown)}, "
                f"expected some of: {', '.join(sorted(SCOPES))}"
            )
    if len({key.id for key in keys}) < len(keys):
        raise ConfigError(f"API key file {path} uses an id twice")
    return keys


def find(keys: list[ApiKey], presented: str, now_us: int) -> ApiKey | None:
    """Give the entry of a presented key, None when there is none or it has expired.

    Every entry is compared, each in constant time, so the answer's timing says nothing.
    """
    digest = hashlib.sha256(presented.encode()).hexdigest()
    found = None
    for key in keys:
        if hmac.compare_digest(key.sha256, digest):
            found = key
    if found is not None and found.expires is not None and microseconds(found.expires) <= now_us:
        return None
    return found


def make_key(key_id: str, scopes: list[str]) -> tuple[str, ApiKey]:
    """Make a new key: the secret, shown once, and the entry for the file.

    >>> secret, entry = make_key("gateway", ["trust:read"])
    >>> secret.startswith("hbt_"), find([entry], secret, now_us=0) == entry
    (True, True)
    """
    secret = PREFIXES[0] + secrets.token_urlsafe(32)
    return secret, ApiKey(key_id, hashlib.sha256(secret.encode()).hexdigest(), scopes)


def _main(arguments: list[str]) -> int:
    if len(arguments) < 2 or not set(arguments[1:]) <= SCOPES:
        sys.stderr.write(
            f"error: expected ID SCOPE…, with scopes out of: {', '.join(sorted(SCOPES))}\n"
        )
        return 2
    secret, entry = make_key(arguments[0], arguments[1:])
    sys.stdout.write(f"key:   {secret}\nentry: {msgspec.json.encode(entry).decode()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
