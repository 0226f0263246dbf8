"""Wait for the first event of an agent that was just connected."""

from __future__ import annotations

import os
import time
import urllib.request
from urllib.parse import urlencode

import msgspec

from pipeline.connecting.connector import TOKEN
from pipeline.plain_http import check_carrier

WAIT_S, TIMEOUT_S = 0.5, 5.0
_MOST_BYTES, _MOST_PAGES = 16 << 20, 20


class _Agent(msgspec.Struct):
    agent_id: str
    last_seen: str | None = None


class _Page(msgspec.Struct):
    agents: list[_Agent]
    next_cursor: str | None = None


class Arrivals:
    """The agents of a kind, as the API lists them.

    Parameters
    ----------
    api
        Address of the API; its key is in the variable ``HABITUS_TOKEN``.
    kind
        First part of the ids of its agents; empty for any agent.

    Raises
    ------
    ConfigError
        The key would be sent over plain http to another machine.
    """

    def __init__(self, api: str, kind: str) -> None:
        self._api, self._kind = api, kind
        self._token = os.environ.get(TOKEN) or ""
        if self._token:
            check_carrier(api, TOKEN)
        self._before = self._seen()

    def wait(self, seconds: float) -> str | None:
        """Give the agent of the first event that was not there at the start; None if none came."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self._seen()
            if found is not None:
                known = self._before or {}
                for name, seen in found.items():
                    if seen != known.get(name):
                        return name
            time.sleep(WAIT_S)
        return None

    def _seen(self) -> dict[str, str | None] | None:
        """Give each agent with the time of its last event; None without an answer."""
        found: dict[str, str | None] = {}
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            asked = {"limit": "500"} | ({"q": self._kind} if self._kind else {})
            page = self._page(asked | ({"cursor": cursor} if cursor else {}))
            if page is None:
                return None
            found |= {one.agent_id: one.last_seen for one in page.agents if self._is_one(one)}
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def _is_one(self, agent: _Agent) -> bool:
        return not self._kind or agent.agent_id.partition("/")[0] == self._kind

    def _page(self, asked: dict[str, str]) -> _Page | None:
        url = f"{self._api}/v1/agents?{urlencode(asked)}"
        request = urllib.request.Request(url)  # noqa: S310 - http(s) alone
        if self._token:  # not to where a redirect leads
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return msgspec.json.decode(answer.read(_MOST_BYTES), type=_Page)
        except (OSError, msgspec.MsgspecError):
            return None
