"""Take security event tokens: verify, store durably, and say what happened."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from pipeline.signals.transmitters import Transmitter
from scoring_api.signals.verification import SetError, Verifier, issuer_of, parsed
from scoring_api.status.metrics import Metrics

log = logging.getLogger(__name__)

FORMAT = "ssf"
MAX_KNOWN = 10_000
"""Most tokens that are recognised here; the worker recognises those of 30 days."""
_MANAGEMENT = ("/verification", "/stream-updated")

Report = Callable[[str, str, bytes], Awaitable[None]]
"""Stores the claims of a token durably: format, name of the transmitter, claims."""


class Receiver:
    """Takes the tokens of the trusted transmitters.

    Parameters
    ----------
    transmitters
        Who is trusted.
    report
        Raises `models.errors.HabitusError` while the store accepts nothing.
    metrics
        Counts tokens by transmitter and fate.
    """

    def __init__(
        self, transmitters: Sequence[Transmitter], report: Report, metrics: Metrics
    ) -> None:
        self._verifiers = [Verifier(one) for one in transmitters]
        self._report = report
        self._metrics = metrics
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def verifiers(self) -> Sequence[Verifier]:
        """The verifier of each transmitter."""
        return self._verifiers

    async def pushed(self, token: bytes) -> None:
        """Take a token that a transmitter posted.

        Raises
        ------
        SetError
            It is refused.
        KeysUnavailable, HabitusError
            Keys or store cannot be used now: nothing was stored.
        """
        try:
            verifier = self._pushing(issuer_of(parsed(token)))
        except SetError as error:
            self._refused("", error)
            raise
        await self.take(verifier, token)

    async def take(self, verifier: Verifier, token: bytes, jti: str | None = None) -> None:
        """Take a token of one transmitter, as `pushed` does.

        Parameters
        ----------
        jti
            Id under which it was delivered; None for no other than its own.
        """
        name = verifier.transmitter.name
        try:
            found = await verifier.verify(parsed(token), token)
            if jti is not None and jti != found.jti:
                raise SetError("invalid_request", "jti is not the one of the delivery")
        except SetError as error:
            self._refused(name, error)
            raise
        known = (name, found.jti)
        if known in self._known:
            self._count(name, "repeated")
            return
        if all(kind.endswith(_MANAGEMENT) for kind in found.kinds):
            words = sorted({kind.rpartition("/")[2] for kind in found.kinds})
            log.info("ssf_stream", extra={"transmitter": name, "event": ", ".join(words)})
            self._count(name, "stream")
        else:
            await self._report(FORMAT, name, found.payload)
            self._count(name, "accepted")
        self._known[known] = None
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def _pushing(self, issuer: str) -> Verifier:
        """Give the verifier of an issuer that pushes."""
        found = [one for one in self._verifiers if one.transmitter.issuer == issuer]
        if not found:
            raise SetError("invalid_issuer", "no trusted transmitter has this issuer")
        pushing = [one for one in found if one.transmitter.delivery == "push"]
        if not pushing:
            raise SetError("access_denied", "this transmitter is polled, and may not push")
        return pushing[0]

    def _refused(self, name: str, error: SetError) -> None:
        self._count(name, error.err)
        log.warning("ssf_refused", extra={"transmitter": name, **error.body})

    def _count(self, name: str, status: str) -> None:
        self._metrics.security_events.labels(name, status).inc()
