"""Requests of this receiver to a transmitter: bounded in time and size, and authenticated."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from pipeline.plain_http import is_safe
from pipeline.signals.transmitters import secret_of

if TYPE_CHECKING:
    from pipeline.signals.transmitters import Transmitter

TIMEOUT_S = 20.0
MAX_ANSWER = 4 * 1024 * 1024
_EARLY_S = 30.0
_SHORTEST_S = 5.0


class TransmitterError(Exception):
    """A transmitter cannot be asked now, or refuses.

    Parameters
    ----------
    status
        HTTP status of the answer; 0 without one.
    """

    def __init__(self, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.status = status


class Requests:
    """Talks to one transmitter; its token is kept until shortly before its end.

    Parameters
    ----------
    transmitter
        Whom to ask.
    """

    def __init__(self, transmitter: Transmitter) -> None:
        self._of = transmitter
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_S, follow_redirects=False, limits=httpx.Limits(max_connections=2)
        )
        self._token, self._token_until = "", 0.0

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def json(self, method: str, url: str, body: Any = None) -> Any:
        """Send a JSON request with the credential of this receiver; give the decoded answer.

        Returns
        -------
        Any
            The answer; None for an empty one.

        Raises
        ------
        TransmitterError
            No answer, one that is no JSON, or a status that is no success.
        """
        if not is_safe(url):
            raise TransmitterError("a URL of the transmitter is neither https nor on loopback")
        headers = {"Accept": "application/json"}
        if self._of.has_credential:
            headers["Authorization"] = f"Bearer {await self._bearer()}"
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        status, raw = await self._send(method, url, headers, content)
        if status == httpx.codes.UNAUTHORIZED:
            self._token = ""
        return _decoded(status, raw)

    async def _bearer(self) -> str:
        one = self._of
        if one.token_file is not None:
            return secret_of(one.token_file)
        if self._token and monotonic() < self._token_until:
            return self._token
        form = {"grant_type": "client_credentials"}
        request = httpx.Request(
            "POST", one.token_url or "", data=form, headers={"Accept": "application/json"}
        )
        secret = secret_of(one.client_secret_file or "")
        signed = next(httpx.BasicAuth(one.client_id or "", secret).auth_flow(request))
        content, headers = signed.read(), dict(signed.headers)
        answer = _decoded(*await self._send("POST", one.token_url or "", headers, content))
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise TransmitterError("the token endpoint gave no access_token")
        lasts = answer.get("expires_in")
        known = isinstance(lasts, int | float) and not isinstance(lasts, bool)
        self._token_until = monotonic() + max(lasts - _EARLY_S if known else 0.0, _SHORTEST_S)
        self._token = token
        return token

    async def _send(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, bytes]:
        raw, end = b"", monotonic() + TIMEOUT_S
        try:
            async with self._client.stream(method, url, headers=headers, content=content) as answer:
                async for part in answer.aiter_bytes():
                    raw += part
                    if len(raw) > MAX_ANSWER or monotonic() > end:
                        raise TransmitterError("an answer of the transmitter is too long")
                return answer.status_code, raw
        except httpx.HTTPError as error:
            raise TransmitterError(
                f"the transmitter does not answer: {type(error).__name__}"
            ) from None


def _decoded(status: int, raw: bytes) -> Any:
    if not httpx.codes.is_success(status):
        raise TransmitterError(f"the transmitter answers with status {status}", status)
    try:
        return msgspec.json.decode(raw) if raw.strip() else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise TransmitterError("an answer of the transmitter is no JSON", status) from None
