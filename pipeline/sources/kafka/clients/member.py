"""What the source wants of a Kafka client: to be one member of a group, on one topic.

A client is chosen by name. Its partitions are the numbers of the topic's, its records are ours
already, and its errors are these:

MemberFault        the client cannot go on
  Passing            it will by itself
    NoAnswer           nobody answered in time
  OutOfRange         the broker holds no record there
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pipeline.processing.stream_types import RawRecord

    Change = Literal["assigned", "revoked"]
    Moved = Callable[[Change, list[int]], None]

ANSWER_MS = 10_000
# A place that could not be given back in time is freed as after a kill, by the session's end.
CLOSE_MS = 5_000
# Heartbeats are sent from the client's own thread, however long a batch takes; the defaults of the
# clients leave the partitions of a killed worker unread for 45 s.
SESSION_MS, HEARTBEAT_MS = 15_000, 1_000


class MemberFault(Exception):
    """The client cannot go on.

    Parameters
    ----------
    name
        The client's own word for it.
    detail
        What it says beside.

    Examples
    --------
    >>> print(MemberFault("TopicAuthorizationFailedError", "agent.actions"))
    TopicAuthorizationFailedError: agent.actions
    """

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name


class Passing(MemberFault):
    """The client cannot go on now, and will by itself."""


class NoAnswer(Passing):
    """Nobody answered in time."""


class OutOfRange(MemberFault):
    """The broker holds no record where the client wanted to go on.

    Parameters
    ----------
    offsets
        By partition, where that was.
    """

    def __init__(self, offsets: Mapping[int, int]) -> None:
        super().__init__("OffsetOutOfRange", str(dict(offsets)))
        self.offsets = dict(offsets)


class Member(Protocol):
    """One member of a consumer group, over one topic.

    All methods may raise `MemberFault`; those that ask the broker wait for ten seconds, or as told.
    """

    def partitions(self) -> list[int]:
        """Give the partitions of the topic; none where it does not exist."""

    def join(self, moved: Moved) -> None:
        """Become a member of the group.

        `moved` is called with what came ("assigned", halted as by `halt`) and what went
        ("revoked", also what was lost), perhaps on a thread of the client.
        """

    def poll(self, most: int, wait_ms: int) -> dict[int, Sequence[RawRecord]]:
        """Give what there is, in the order of each partition; wait only while there is nothing."""

    def assignment(self) -> set[int]:
        """Give the partitions that are this member's."""

    def halt(self, partitions: Iterable[int]) -> None:
        """Hand out nothing of partitions until each was sought and resumed."""

    def seek(self, partition: int, offset: int) -> None:
        """Go on at an offset; whatever was fetched before is forgotten."""

    def pause(self, partitions: Iterable[int]) -> None:
        """Hand out nothing of partitions, and keep them."""

    def resume(self, partitions: Iterable[int]) -> None:
        """Hand out again what follows."""

    def paused(self) -> set[int]:
        """Give what is paused or halted."""

    def position(self, partition: int) -> int:
        """Give the offset from where this member goes on."""

    def first(self, partitions: Sequence[int]) -> dict[int, int]:
        """Ask for the first offsets held."""

    def end(self, partitions: Sequence[int], wait_ms: int = ANSWER_MS) -> dict[int, int]:
        """Ask for the offsets after the last readable record."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Tell the group's offsets, without waiting; a failure is logged."""

    def highwater(self, partition: int) -> int:
        """Give the end of a partition as of the last fetch, 0 before the first."""

    def close(self) -> None:
        """Leave the group; wait for the broker for five seconds at most."""


def key_of(topic: str, partition: int) -> str:
    """Give the position key of a partition.

    >>> key_of("agent.actions", 3)
    'kafka:agent.actions:3'
    """
    return f"kafka:{topic}:{partition}"
