"""Poll transmitters (RFC 8936): a token is acknowledged after it was stored."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from models.errors import HabitusError
from pipeline.logs import STATE_CHANGE
from pipeline.signals.requests import Requests, TransmitterError
from scoring_api.signals.receiver import Receiver
from scoring_api.signals.verification import KeysUnavailable, SetError, Verifier

log = logging.getLogger(__name__)

MAX_EVENTS = 100
"""Tokens of one answer that are asked for."""
LONGEST_PAUSE_S = 60.0


class Poller:
    """Polls one transmitter until it is cancelled.

    What was stored is acknowledged with the next poll. After a crash in between, the transmitter
    sends it again, and the worker recognises it. So nothing is lost, and nothing counts twice.

    Parameters
    ----------
    receiver
        Takes the tokens.
    verifier
        Of the transmitter.
    """

    def __init__(self, receiver: Receiver, verifier: Verifier) -> None:
        self._receiver = receiver
        self._verifier = verifier
        self._of = verifier.transmitter
        self._requests = Requests(self._of)
        self._stored: dict[str, None] = {}
        self._refused: dict[str, dict[str, str]] = {}
        self._fault = ""

    async def run(self) -> None:
        """Poll; pause where nothing comes, longer after faults."""
        pause_s = self._of.interval_s
        try:
            while True:
                try:
                    again = await self.poll()
                    self._note("")
                    pause_s = 0.0 if again else self._of.interval_s
                except (TransmitterError, KeysUnavailable, HabitusError) as error:
                    self._note(str(error) or type(error).__name__)
                    pause_s = min(max(2 * pause_s, 1.0), LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)
        finally:
            await self._requests.close()

    async def poll(self) -> bool:
        """Acknowledge what is stored, fetch and store more; return whether to poll at once again.

        Raises
        ------
        TransmitterError
            The transmitter does not answer as it should.
        KeysUnavailable, HabitusError
            Keys or store cannot be used now. What was stored before is acknowledged later.
        """
        stored, refused = list(self._stored), dict(self._refused)
        body: dict[str, Any] = {"maxEvents": MAX_EVENTS, "returnImmediately": True, "ack": stored}
        if refused:
            body["setErrs"] = refused
        answer = await self._requests.json("POST", self._of.endpoint or "", body)
        for jti in stored:
            self._stored.pop(jti, None)
        for jti in refused:
            self._refused.pop(jti, None)
        sets = answer.get("sets") if isinstance(answer, dict) else None
        if not isinstance(sets, dict):
            raise TransmitterError("an answer of the transmitter has no sets")
        for jti, token in list(sets.items())[: 2 * MAX_EVENTS]:
            await self._take(jti, token)
        return bool(self._stored or self._refused)

    async def _take(self, jti: str, token: Any) -> None:
        raw = token.encode("utf-8", "replace") if isinstance(token, str) else b""
        try:
            await self._receiver.take(self._verifier, raw, jti)
        except SetError as error:
            self._refused[jti] = dict(error.body)
        else:
            self._stored[jti] = None

    def _note(self, fault: str) -> None:
        """Log a fault, and its end, once."""
        name = {"transmitter": self._of.name}
        if fault and fault != self._fault:
            log.error("ssf_poll_failed", extra={**name, "fault": fault, **STATE_CHANGE})
        elif self._fault and not fault:
            log.info("ssf_poll_works", extra={**name, **STATE_CHANGE})
        self._fault = fault
