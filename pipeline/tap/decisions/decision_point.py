"""Ask an AuthZEN decision point: ``POST URL/access/v1/evaluation``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from pipeline.formats.members import inner, text
from pipeline.plain_http import check_carrier
from pipeline.tap.decisions.verdict import Verdict
from pipeline.tap.variables import ENFORCE_TOKEN

if TYPE_CHECKING:
    from pipeline.tap.decisions.verdict import Ask, AskLater

EVALUATION = "/access/v1/evaluation"
TIMEOUT_S = 2.0
_OK = 200

_UNREACHED = Verdict(None, "the decision point cannot be reached")
_NO_DECISION = Verdict(None, "the answer of the decision point is no AuthZEN decision")


class DecisionPoint:
    """One decision point.

    Parameters
    ----------
    url
        Its base, or the whole URL of its evaluation.
    token
        Sent as a bearer token; None: none is sent.

    Raises
    ------
    ConfigError
        A token would be sent over plain http to another machine.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        base = url.rstrip("/")
        self._url = base if base.endswith(EVALUATION) else base + EVALUATION
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            check_carrier(self._url, ENFORCE_TOKEN)
            self._headers["Authorization"] = f"Bearer {token}"

    def asking(self) -> Ask:
        """Give a function that asks and waits."""
        client = httpx.Client(headers=self._headers, timeout=TIMEOUT_S)

        def ask(question: dict[str, Any]) -> Verdict:
            try:
                return verdict_of(client.post(self._url, content=msgspec.json.encode(question)))
            except (httpx.HTTPError, httpx.InvalidURL):
                return _UNREACHED

        return ask

    def asking_later(self) -> AskLater:
        """Give a coroutine function that asks."""
        client = httpx.AsyncClient(headers=self._headers, timeout=TIMEOUT_S)

        async def ask(question: dict[str, Any]) -> Verdict:
            content = msgspec.json.encode(question)
            try:
                return verdict_of(await client.post(self._url, content=content))
            except (httpx.HTTPError, httpx.InvalidURL):
                return _UNREACHED

        return ask


def verdict_of(answer: httpx.Response) -> Verdict:
    """Read an answer; all but a decision is none.

    >>> verdict_of(httpx.Response(200, json={"decision": True})).allowed
    True
    >>> verdict_of(httpx.Response(500, text="down"))
    Verdict(allowed=None, reason='the decision point answers 500')
    """
    if answer.status_code != _OK:
        return Verdict(None, f"the decision point answers {answer.status_code}")
    try:
        found = inner(msgspec.json.decode(answer.content))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _NO_DECISION
    decision, reason = found.get("decision"), inner(found.get("context")).get("reason_user")
    if not isinstance(decision, bool):
        return _NO_DECISION
    said = next((one for one in inner(reason).values() if text(one)), "")
    return Verdict(decision, str(said)[:500])
