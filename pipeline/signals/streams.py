"""The stream of this receiver at a transmitter (SSF 1.0): found, made, verified."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from models.errors import ConfigError
from pipeline.signals.requests import Requests, TransmitterError

if TYPE_CHECKING:
    from pipeline.signals.transmitters import Transmitter

POLL, PUSH = "urn:ietf:rfc:8936", "urn:ietf:rfc:8935"
_WELL_KNOWN = "/.well-known/ssf-configuration"
_TYPES = "https://schemas.openid.net/secevent/"
EVENTS = (
    *(
        f"{_TYPES}caep/event-type/{name}"
        for name in (
            "session-revoked", "credential-change", "token-claims-change",
            "assurance-level-change", "device-compliance-change", "risk-level-change",
        )
    ),
    *(
        f"{_TYPES}risc/event-type/{name}"
        for name in ("account-disabled", "account-purged", "credential-compromise")
    ),
)  # fmt: skip
"""Types that a new stream asks for; a transmitter delivers those that it has."""


def metadata_urls(issuer: str) -> list[str]:
    """Give where the metadata of an issuer may be: by the standard, and as OpenID Connect has it.

    >>> metadata_urls("https://idp.example.com/realms/acme")[0]
    'https://idp.example.com/.well-known/ssf-configuration/realms/acme'
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    inserted = urlunsplit((parts.scheme, parts.netloc, _WELL_KNOWN + path, "", ""))
    appended = urlunsplit((parts.scheme, parts.netloc, path + _WELL_KNOWN, "", ""))
    return [inserted] if inserted == appended else [inserted, appended]


class Streams:
    """Asks a transmitter about the stream of this receiver.

    Parameters
    ----------
    transmitter
        Whom to ask, with a credential.
    """

    def __init__(self, transmitter: Transmitter) -> None:
        self._of = transmitter
        self._requests = Requests(transmitter)

    async def __aenter__(self) -> Streams:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._requests.close()

    async def metadata(self) -> dict[str, Any]:
        """Give the metadata of the transmitter; raise `ConfigError` for those of another one."""
        found, last = None, TransmitterError("no metadata")
        for url in metadata_urls(self._of.issuer):
            try:
                found = await self._requests.json("GET", url)
                break
            except TransmitterError as error:
                last = error
        if found is None:
            raise last
        if not isinstance(found, dict) or found.get("issuer") != self._of.issuer:
            raise ConfigError("the metadata of the transmitter name another issuer")
        return found

    async def make(self, push_url: str | None = None, header: str | None = None) -> Any:
        """Make the stream; give its configuration.

        Parameters
        ----------
        push_url
            Where the transmitter pushes; None to poll.
        header
            What it sends as ``Authorization``.
        """
        delivery: dict[str, str] = {"method": POLL}
        if push_url is not None:
            delivery = {"method": PUSH, "endpoint_url": push_url}
            if header is not None:
                delivery["authorization_header"] = header
        body = {"delivery": delivery, "events_requested": EVENTS, "description": "Habitus"}
        return await self._requests.json("POST", await self._place("configuration_endpoint"), body)

    async def streams(self) -> Any:
        """Give the configuration of the streams of this receiver."""
        return await self._requests.json("GET", await self._place("configuration_endpoint"))

    async def verify(self, stream_id: str) -> str:
        """Ask for a verification event; give the state that it must have."""
        state = secrets.token_urlsafe(12)
        body = {"stream_id": stream_id, "state": state}
        await self._requests.json("POST", await self._place("verification_endpoint"), body)
        return state

    async def _place(self, name: str) -> str:
        found = (await self.metadata()).get(name)
        if not isinstance(found, str):
            raise TransmitterError(f"the transmitter has no {name}")
        return found
