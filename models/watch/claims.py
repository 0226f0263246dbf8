"""What an event's attributes say of tools, other agents and approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.result import Reason
from models.watch.haste import add, within_hour
from models.watch.scene import finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.codec.hashing import Hasher
    from models.event import Event
    from models.result import Finding
    from models.watch.scene import Scene

_MAX_DEFINITIONS = 256  # of tools, and as many digests that were seen
_HASTE = ((2.0, 8), (10.0, 1))
"""An approval given in under so many seconds counts so much."""
_MAX_HASTE = 40  # within an hour: five that nobody can have read, forty that hardly anybody has


def definition(scene: Scene) -> Finding | None:
    """Find a tool whose definition (``attributes.tool_digest``) is another than before.

    A new version of the agent is no leave for that, as its tools are others' work, unless its
    deployment names the tool (`renew`).
    """
    attributes = scene.event.attributes
    digest = attributes.get("tool_digest") if attributes else None
    if not isinstance(digest, str):
        return None
    known, tool = scene.profile.facts.watch.definitions, scene.event.tool
    of_tool, with_digest = _marks(scene.hasher, tool, digest)
    renewed = of_tool in known and with_digest not in known
    _note(known, of_tool, with_digest)
    if not renewed or scene.profile.state() == "learning":
        return None
    why = f"The definition of {tool} is another than before, and nothing announced it."
    way, expected = f"definition {tool} {digest}", [("as before", 1.0)]
    return finding("tool.definition_changed", "definition", digest[:64], expected, why, way=way)


def renew(known: list[int], tools: Iterable[str], hasher: Hasher) -> None:
    """Let tools that a deployment names have another definition, once.

    >>> from models.codec.hashing import Hasher
    >>> hasher, known = Hasher(b"0123456789abcdef"), []
    >>> _note(known, *_marks(hasher, "mail.read", "old"))
    >>> renew(known, ["mail.read"], hasher), len(known)
    (None, 1)
    """
    for mark in map(hasher.once, tools):
        if mark in known:
            known.remove(mark)


def _marks(hasher: Hasher, tool: str, digest: str) -> tuple[int, int]:
    """Give the mark of a tool, and the mark of the tool with one definition."""
    of_tool = hasher.once(tool)
    return of_tool, mix(of_tool, hasher.once(digest))


def _note(known: list[int], of_tool: int, with_digest: int) -> None:
    """Note both marks as the newest; of too many marks, the oldest go."""
    for mark in (of_tool, with_digest):
        if mark in known:
            known.remove(mark)
        known.append(mark)
    del known[: -2 * _MAX_DEFINITIONS]


def unverified(scene: Scene) -> Finding | None:
    """Find work with an agent whose card is not verified (``attributes.peer_verified``)."""
    attributes = scene.event.attributes
    if not attributes or attributes.get("peer_verified") is not False:
        return None
    network = scene.event.network
    peer = network.destination if network is not None and network.destination else "unknown"
    why = f"The other agent at {peer} could not prove who it is."
    way = f"unverified {peer}"
    return finding("peer.unverified", "peer", peer[:128], [("verified", 1.0)], why, way=way)


def hasty(scene: Scene) -> Finding | None:
    """Find approvals given too fast or too many in an hour (``attributes.approval_seconds``)."""
    seconds = _approval_seconds(scene.event)
    if seconds is None:
        return None
    haste = next((counts for under, counts in _HASTE if seconds < under), 0)
    watch = scene.profile.facts.watch
    watch.hasty = add(watch.hasty, haste)
    if not haste or within_hour(watch.hasty) < _MAX_HASTE:
        return None
    why = (
        "More approvals were given within an hour than anybody can have read, the last one in "
        f"{seconds:.1f} s."
    )
    return finding("approval.pattern", "approval", f"{seconds:.1f} s", [("read first", 1.0)], why)


def too_fast(event: Event) -> Reason | None:
    """Say that an event's approval was given faster than anybody can read, where it was."""
    seconds, minimum = _approval_seconds(event), _HASTE[0][0]
    if seconds is None or seconds >= minimum:
        return None
    why = f"An approval was given in {seconds:.1f} s, which is faster than anybody can read."
    return Reason("approval", 0.0, f"{seconds:.1f} s", [("read first", 1.0)], why)


def _approval_seconds(event: Event) -> float | None:
    seconds = event.attributes.get("approval_seconds") if event.attributes else None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        return None
    return seconds
