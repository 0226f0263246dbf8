"""Native events out of what the parts of a call say."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from models.event import rfc3339
from pipeline.actions.enrich import enrich
from pipeline.actions.secrets import may_have_credentials
from pipeline.assembling.secrets.hiding import hidden
from pipeline.formats.bounds import KEPT_BYTES, cut, fit

if TYPE_CHECKING:
    from pipeline.assembling.secrets.seen_secrets import SeenSecret

_LONGEST_ID, _LONGEST_NAME = 128, 256
_MARKS = ("kind", "account")
"""Members of an agent that a source gives and an event does not have."""
_SHORT = 16
_UNIQUE = 16
"""Length from which a call id is unique by itself, in characters."""
_MARK = 17
"""Length of the mark of a session in an id, in characters."""
_encode = msgspec.json.Encoder().encode


def native_line(
    event: dict[str, Any], call_id: str, time_us: int, reporter: str = "", session: str = ""
) -> bytes:
    """Write a native event of a session that has read no credential."""
    return encoded(native_event(event, call_id, time_us, reporter, session), [], 0)


def native_event(
    event: dict[str, Any],
    call_id: str,
    time_us: int,
    reporter: str = "",
    session: str = "",
    *,
    of_session: bool = False,
) -> dict[str, Any]:
    """Make a native event; names that are too long are cut, and a call id becomes a digest.

    An agent that has a kind and no id is one of its kind for each credential: that of the event,
    else that of the reporter. A short call id may
    occur in many sessions, so its event has the session in its id. So has one that is only
    `of_session`, as another session may report the same call. A trace is a session where the
    emitter has no other one.
    """
    longest = _LONGEST_ID - _MARK if of_session else _LONGEST_ID
    name = call_id if len(call_id) <= longest else f"sha-{digest_of(call_id):016x}"
    if session and (of_session or len(name) < _UNIQUE):
        name = f"{name}@{digest_of(session):016x}"
    line = {"id": name, "time": rfc3339(time_us)} | event
    line["tool"] = cut(str(line["tool"]), _LONGEST_NAME)
    line["agent"] = _named(line.get("agent") or {}, _credential_of(line) or reporter)
    _part_human(line)
    enrich(line)
    if not line.get("session") and line.get("trace_id"):
        line["session"] = line["trace_id"]
    if "mode" not in line and line.get("human"):
        line["mode"] = "delegated"
    line["attributes"] = {"call_id": cut(call_id, _LONGEST_NAME)} | (line.get("attributes") or {})
    return line


def encoded(line: dict[str, Any], known: list[SeenSecret], salt: int) -> bytes:
    """Encode a native event; credentials become their kinds, and long arguments are cut.

    Parameters
    ----------
    known
        Credentials that the session has read.
    salt
        Of their checksums.
    """
    written = _encode(line)
    arguments = line.get("arguments")
    if len(written) > KEPT_BYTES and isinstance(arguments, dict):
        shorter = fit(arguments)  # the arguments of a short event fit
        if shorter is not arguments:
            line["arguments"] = shorter
            written = _encode(line)
    if known or may_have_credentials(written):
        return _encode(hidden(line, known, salt))
    return written


def _part_human(line: dict[str, Any]) -> None:
    """Leave out a human that is the agent itself, and a mode that says no more than that.

    >>> line = {"agent": {"id": "bot"}, "human": {"id": "bot"}, "mode": "delegated"}
    >>> _part_human(line)
    >>> line
    {'agent': {'id': 'bot'}}

    A human may come with the agent that acts for them, where an emitter names the human instead.

    >>> line = {"agent": {"id": "5"}, "human": {"id": "5", "agent": "71"}, "mode": "delegated"}
    >>> _part_human(line)
    >>> line
    {'agent': {'id': '71'}, 'human': {'id': '5'}, 'mode': 'delegated'}
    """
    human, agent_id = line.get("human") or {}, line["agent"]["id"]
    if "agent" in human:
        human = line["human"] = dict(human)
        agent = human.pop("agent")
        if human["id"] == agent_id != agent:
            line["agent"] = line["agent"] | {"id": agent}
            return
    if human.get("id") != agent_id:
        return
    del line["human"]
    if not any(name != agent_id for name in line.get("delegation") or ()):
        line.pop("mode", None)


def _credential_of(line: dict[str, Any]) -> str:
    """Give a short name of the credential of an event; empty without one.

    >>> _credential_of({"credential": {"id": "sha256:0123456789abcdef0123"}}), _credential_of({})
    ('key-456789abcdef0123', '')
    """
    found = (line.get("credential") or {}).get("id")
    return f"key-{found[-_SHORT:]}" if isinstance(found, str) and found else ""


def _named(agent: dict[str, Any], holder: str) -> dict[str, Any]:
    """Give an agent its id; `holder` is the credential by which it is known, or empty.

    >>> _named({"kind": "claude-code"}, "laptop-7"), _named({"kind": "claude-code"}, "")
    ({'id': 'claude-code/laptop-7'}, {'id': 'claude-code'})
    >>> _named({}, "gateway"), _named({"id": "billing-7"}, "gateway")
    ({'id': 'unattributed/gateway'}, {'id': 'billing-7'})
    """
    named = {key: value for key, value in agent.items() if key not in _MARKS}
    if not named.get("id"):
        kind = agent.get("kind") or "unattributed"
        named["id"] = f"{kind}/{holder}" if holder else kind
    named["id"] = cut(str(named["id"]), _LONGEST_NAME)
    return named


@lru_cache(maxsize=16_384)
def digest_of(name: str) -> int:
    """Give 63 bits for a name; the parts of a call ask for the same one several times."""
    raw = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "little") >> 1
