"""The file of trusted transmitters of security event tokens.

    [[transmitter]]
    name = "keycloak"
    issuer = "https://idp.example.com/realms/acme"
    audience = "https://habitus.example.com"
    jwks = "https://idp.example.com/realms/acme/protocol/openid-connect/certs"
    delivery = "poll"                       # or push
    endpoint = "https://idp.example.com/realms/acme/ssf/poll"
    token_url = "https://idp.example.com/realms/acme/protocol/openid-connect/token"
    client_id = "habitus"
    client_secret_file = "habitus.secret"   # beside this file, unless it is absolute

Secrets are in files of their own.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from models.errors import ConfigError
from pipeline.files.regular_file import read_regular
from pipeline.plain_http import is_safe
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signature algorithms that a transmitter may have; no symmetric ones."""
_LARGEST = 256 * 1024
_LARGEST_SECRET = 8 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
Text = Annotated[str, Meta(min_length=1, max_length=2048)]


class Transmitter(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A trusted transmitter.

    Attributes
    ----------
    name
        A word for logs, metrics and `habitus ssf`.
    issuer
        Equal to ``iss`` of its tokens, and where its metadata are found.
    audience
        Contained in ``aud`` of its tokens.
    jwks
        Its key set: a URL or a file.
    algorithms
        Pinned signature algorithms.
    delivery
        ``push``: it posts to ``/v1/ssf/events``. ``poll``: `habitus serve` fetches.
    endpoint
        Where to poll.
    token_file, token_url, client_id, client_secret_file
        The credential of this receiver: a token, or a client of the token endpoint.
    interval_s
        Pause between two polls that bring nothing, seconds.
    max_age_h
        Hours after which a token is too old.
    """

    name: str
    issuer: Text
    audience: Text
    jwks: Text
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    delivery: Literal["push", "poll"] = "push"
    endpoint: str | None = None
    token_file: str | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret_file: str | None = None
    interval_s: Annotated[float, Meta(ge=0.2, le=3600)] = 10.0
    max_age_h: Annotated[float, Meta(gt=0, le=24 * 365)] = 24.0 * 7

    @property
    def has_credential(self) -> bool:
        """Whether this receiver has a credential at the transmitter."""
        return self.token_file is not None or self.token_url is not None


class _Tables(Struct, forbid_unknown_fields=True):
    transmitter: list[Transmitter] = []


def read_transmitters(path: Path | None) -> tuple[Transmitter, ...]:
    """Read the file; none without one. Paths in it are made absolute.

    Raises
    ------
    ConfigError
        The file cannot be read, or something in it is wrong: all faults at once.
    """
    if path is None:
        return ()
    try:
        tables = tomllib.loads(read_regular(path, _LARGEST).decode("utf-8-sig"))
        found = msgspec.convert(tables, _Tables).transmitter
    except OSError as error:
        raise _wrong(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise _wrong(f"is no list of transmitters: {error}") from None
    folder = path.resolve().parent
    found = [_with_paths(one, folder) for one in found]
    faults = [f"{quoted(one.name)}: {fault}" for one in found for fault in _faults(one)]
    names = [one.name for one in found]
    faults += [f"{quoted(one)} is there twice" for one in sorted({*names}) if names.count(one) > 1]
    if not found:
        faults.append("it has no [[transmitter]]")
    if faults:
        raise _wrong("is wrong: " + "; ".join(faults))
    return tuple(found)


def secret_of(path: str) -> str:
    """Read a secret; raise `ConfigError` without any part of it."""
    from pathlib import Path

    try:
        found = read_regular(Path(path), _LARGEST_SECRET).decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the secret of a transmitter cannot be read: {type(error).__name__}"
        ) from None
    if not found or not found.isprintable():
        raise ConfigError("the secret of a transmitter must be one line of text")
    return found


def _wrong(what: str) -> ConfigError:
    return ConfigError(f"the file of transmitters (HABITUS_SSF_TRANSMITTERS) {what}")


def _with_paths(one: Transmitter, folder: Path) -> Transmitter:
    def whole(path: str | None) -> str | None:
        return None if path is None else str(folder / path)

    jwks = one.jwks if "://" in one.jwks else whole(one.jwks)
    return msgspec.structs.replace(
        one,
        jwks=jwks,
        token_file=whole(one.token_file),
        client_secret_file=whole(one.client_secret_file),
    )


def _faults(one: Transmitter) -> Iterator[str]:
    if not _NAME.fullmatch(one.name):
        yield "a name has small letters, digits and hyphens, at most 64"
    for member in ("issuer", "endpoint", "token_url", "jwks"):
        url = getattr(one, member)
        if url is not None and (member != "jwks" or "://" in url) and not is_safe(url):
            yield f"{member} must be an https URL, or http on loopback"
    if one.delivery == "poll" and one.endpoint is None:
        yield "endpoint must be set for delivery poll"
    unknown = sorted({*one.algorithms} - {*ALGORITHMS})
    if unknown or not one.algorithms:
        yield f"algorithms must be some of {', '.join(ALGORITHMS)}"
    if one.delivery == "poll" and not one.has_credential:
        yield "token_file or token_url must be set for delivery poll"
    yield from _credential_faults(one)


def _credential_faults(one: Transmitter) -> Iterator[str]:
    client = (one.token_url, one.client_id, one.client_secret_file)
    if any(client) and not all(client):
        yield "token_url, client_id and client_secret_file belong together"
    if any(client) and one.token_file is not None:
        yield "token_file and token_url exclude each other"
    for path in (one.token_file, one.client_secret_file):
        if path is not None:
            try:
                secret_of(path)
            except ConfigError as error:
                yield str(error)
