"""Interface of a Kafka client for the source: one member of a consumer group, on one topic.

A client is chosen by name. It uses partition numbers, gives `RawRecord` objects, and raises these
errors:

MemberFault        the client cannot continue
  Passing            a transient fault
        NoAnswer           the broker did not answer in time
  OutOfRange         the broker holds no record at the position
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pipeline.processing.stream_types import RawRecord

    Change = Literal["assigned", "revoked"]
    Moved = Callable[[Change, list[int]], None]

ANSWER_MS = 10_000
# If leaving the group takes longer, the session timeout frees its partitions, as after a kill.
CLOSE_MS = 5_000
# The client's own thread sends heartbeats, however long a batch takes. With the clients' defaults,
# the partitions of a killed worker stay unread for 45 s.
SESSION_MS, HEARTBEAT_MS = 15_000, 1_000


class MemberFault(Exception):
    """The client cannot continue.

    Parameters
    ----------
    name
        Error name of the client.
    detail
        Further message of the client.

    Examples
    --------
    >>> print(MemberFault("TopicAuthorizationFailedError", "agent.actions"))
    TopicAuthorizationFailedError: agent.actions
    """

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name


class TransientFault(MemberFault):
    """A transient fault: the client recovers without help."""


class NoAnswer(TransientFault):
    """The broker did not answer in time."""


class OutOfRange(MemberFault):
    """The broker holds no record at the client's position.

    Parameters
    ----------
    offsets
        The position by partition.
    """

    def __init__(self, offsets: Mapping[int, int]) -> None:
        super().__init__("OffsetOutOfRange", str(dict(offsets)))
        self.offsets = dict(offsets)


class Member(Protocol):
    """One member of a consumer group, over one topic.

    All methods may raise `MemberFault`. Requests to the broker time out after ten seconds, or after
    `wait_ms`.
    """

    def partitions(self) -> list[int]:
        """Give the partitions of the topic; none if it does not exist."""

    def join(self, moved: Moved) -> None:
        """Become a member of the group.

        `moved` is called with "assigned" and partitions that came (halted as by `halt`), or with
        "revoked" and partitions that were revoked or lost. The call may run on a thread of the
        client.
        """

    def poll(self, maximum: int, wait_ms: int) -> dict[int, Sequence[RawRecord]]:
        """Give available records, in order of each partition; wait only if there are none."""

    def assignment(self) -> set[int]:
        """Give the partitions assigned to this member."""

    def halt(self, partitions: Iterable[int]) -> None:
        """Hand out no records of these partitions until `seek` and `resume`."""

    def seek(self, partition: int, offset: int) -> None:
        """Continue at an offset, and discard records fetched before."""

    def pause(self, partitions: Iterable[int]) -> None:
        """Hand out no records of these partitions, and keep them assigned."""

    def resume(self, partitions: Iterable[int]) -> None:
        """Hand out records again."""

    def paused(self) -> set[int]:
        """Give the paused and halted partitions."""

    def position(self, partition: int) -> int:
        """Give the offset of the next record."""

    def first(self, partitions: Sequence[int]) -> dict[int, int]:
        """Ask the broker for the first offsets held."""

    def end(self, partitions: Sequence[int], wait_ms: int = ANSWER_MS) -> dict[int, int]:
        """Ask the broker for the offsets after the last readable record."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the group's offsets, without waiting; a failure is logged."""

    def highwater(self, partition: int) -> int:
        """Give the end of a partition as of the last fetch, 0 before the first."""

    def close(self) -> None:
        """Leave the group; wait at most five seconds for the broker."""


def key_of(topic: str, partition: int) -> str:
    """Give the position key of a partition.

    >>> key_of("agent.actions", 3)
    'kafka:agent.actions:3'
    """
    return f"kafka:{topic}:{partition}"
