"""The counters of a session, declared as data: how many, how much, how many different."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from models.features.family import Family
from models.features.fields import number_of

if TYPE_CHECKING:
    from models.event import Event
    from models.features.fields import Fields

CHANGES = frozenset({"write", "send", "pay", "delete", "admin", "execute"})
SENSITIVE = frozenset({"confidential", "restricted"})
_DESTROYS = re.compile(r"delete|remove|drop|destroy|purge|terminate|void|revoke|wipe|cancel")
_SECRET = re.compile(r"secret|vault|credential|passw|token|api.?key|private.?key")
_LISTS = re.compile(r"list|describe|enumerat|scan|search|find|discover")
_SETTINGS = re.compile(r"(?:^|[/._-])agents?(?:/[^/]+)?[/._-](?:settings|config)")
_MEMORY = re.compile(r"(?:^|[/._:-])memor(?:y|ies)(?:$|[/._:-])")
HASTE = ((2.0, 8.0), (10.0, 1.0))
"""An approval given in under so many seconds counts so much."""
TOKENS = ("total_tokens", "tokens", "output_tokens")
PRICES = ("cost", "cost_usd")
MAX_TEXT = 500


class Counter(Struct, frozen=True):
    """One counter of a session.

    Attributes
    ----------
    family
        Family that its rarity belongs to.
    of
        What an event adds: a number of `measured`, or ``new:FEATURE`` for its new values.
    distinct
        Field whose different values are counted instead.
    peak
        Whether the session's amount is the largest of its events instead of their sum.
    """

    name: str
    family: str
    words: str
    of: str = ""
    distinct: str = ""
    peak: bool = False


COUNTERS: tuple[Counter, ...] = (
    Counter("calls", "breadth", "calls", "call"),
    Counter("resources", "breadth", "resources", distinct="resource"),
    Counter("new_resources", "breadth", "resources new to the agent", "new:resource"),
    Counter("new_steps", "breadth", "new orders of tools", "new:step"),
    Counter("new_results", "breadth", "new values out of results", "new:value"),
    Counter("domains", "width", "domains of data", distinct="domain"),
    Counter("containers", "width", "folders, hosts and schemas", distinct="container"),
    Counter("tools", "width", "tools", distinct="tool"),
    Counter("sensitive", "width", "calls on sensitive data", "sensitive"),
    Counter("bytes_out", "size", "bytes sent", "bytes_out"),
    Counter("bytes_in", "size", "bytes received", "bytes_in"),
    Counter("records", "size", "records", "records"),
    Counter("denied", "refused", "denied calls", "denied"),
    Counter("errors", "refused", "failed calls", "failed"),
    Counter("deleted", "force", "deletions", "deleted"),
    Counter("changes", "force", "changing calls", "changing"),
    Counter("repeats", "loop", "repetitions of one call", "repeated"),
    Counter("tokens", "cost", "tokens", "tokens"),
    Counter("price", "cost", "price", "price"),
    Counter("duration", "cost", "milliseconds", "duration"),
    Counter("secrets", "secret", "calls on secrets", "secret"),
    Counter("lists", "sweep", "listing calls", "listing"),
    Counter("hasty", "approval", "approvals that nobody can have read", "hasty"),
    Counter("settings", "settings", "changes of agents' settings", "settings"),
    Counter("remembered", "memory", "changes of a memory", "remembered"),
    Counter("sole_days", "beacon", "days of a destination that nobody else uses", "sole_days",
            peak=True),
    Counter("silence", "gap", "quarter hours since the delegating agent reported", "silence",
            peak=True),
)  # fmt: skip

# A large session is long, wide, repetitive and costly at once: one story each.
_STORIES = {
    "width": "breadth", "loop": "breadth", "sweep": "breadth", "cost": "size", "beacon": "work",
}  # fmt: skip
COUNTER_FAMILIES: dict[str, Family] = {
    name: Family(name, _STORIES.get(name, name))
    for name in dict.fromkeys(counter.family for counter in COUNTERS)
}


def measured(event: Event, fields: Fields) -> dict[str, float]:
    """Give what an event adds to counters; nothing where it adds nothing.

    A denied call and a failed call are two things.
    """
    found: dict[str, float] = {"call": 1.0}
    volume = event.volume
    if volume is not None:
        for name in ("bytes_out", "bytes_in", "records"):
            _add(found, name, getattr(volume, name))
    _add(found, "duration", event.duration_ms)
    attributes: dict[str, Any] = event.attributes or {}
    for name, keys in (("tokens", TOKENS), ("price", PRICES)):
        _add(found, name, next((attributes[key] for key in keys if key in attributes), None))
    if event.outcome == "denied":
        found["denied"] = 1.0
    if event.outcome == "error":
        found["failed"] = 1.0
    if event.operation in CHANGES:
        found["changing"] = 1.0
    if event.operation == "delete" or _matches(_DESTROYS, event.tool):
        found["deleted"] = 1.0
    if fields.single.get("sensitivity") in SENSITIVE:
        found["sensitive"] = 1.0
    if _matches(_LISTS, event.tool):
        found["listing"] = 1.0
    if event.operation in CHANGES:
        target = f"{event.tool}/{fields.single.get('resource', '')}"
        if _matches(_MEMORY, target):
            found["remembered"] = 1.0
        if _matches(_SETTINGS, target.replace(f"/{event.agent.id}/", "/agent/")):
            found["settings"] = 1.0
    seconds = attributes.get("approval_seconds")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
        _add(found, "hasty", next((counts for under, counts in HASTE if seconds < under), 0.0))
    if _is_secret(event, fields):
        found["secret"] = 1.0
    return found


def _add(found: dict[str, float], name: str, value: Any) -> None:
    number = number_of(value)
    if number is not None:
        found[name] = number


def _is_secret(event: Event, fields: Fields) -> bool:
    single = fields.single
    if _matches(_SECRET, event.tool):
        return True
    if any(_matches(_SECRET, single.get(name, "")) for name in ("resource", "resource_type")):
        return True
    values = (one["value"] for one in fields.records.get("argument", ()))
    return any(_matches(_SECRET, value) for value in values)


@lru_cache(maxsize=50_000)
def _matches(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.search(text[:MAX_TEXT].lower()) is not None
