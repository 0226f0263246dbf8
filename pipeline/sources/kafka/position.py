"""A position in a partition: an offset and the topic's id, as a new topic may reuse the name."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """Position of the next record of a partition.

    Attributes
    ----------
    offset
        Offset of the next record.
    topic_id
        Topic id from the broker; empty if the broker has none or it was not noted.

    Examples
    --------
    >>> Position.of("9000@7322d86e-a1bb-4ed3-9746-9bebfa465e6c").offset
    9000
    >>> str(Position(40, "7322d86e")), str(Position.of("40")), Position.of(None)
    ('40@7322d86e', '40', Position(offset=0, topic_id=''))
    """

    offset: int
    topic_id: str = ""

    @classmethod
    def of(cls, stored: str | None) -> Position:
        """Parse a stored position; None gives the beginning of any topic."""
        offset, _, topic_id = (stored or "0").partition("@")
        return cls(int(offset), topic_id)

    def __str__(self) -> str:
        """Format the position for the store."""
        return f"{self.offset}@{self.topic_id}" if self.topic_id else str(self.offset)

    def of_another(self, topic_id: str) -> bool:
        """Return whether this position is certainly of another topic than `topic_id`.

        >>> [Position(7, mine).of_another("b") for mine in ("a", "b", "")]
        [True, False, False]
        """
        return bool(self.topic_id and topic_id and self.topic_id != topic_id)

    def offset_in(self, topic_id: str) -> int:
        """Give the offset in this topic; 0 if the topic was re-created.

        >>> Position(7, "a").offset_in("a"), Position(7, "a").offset_in("b")
        (7, 0)
        """
        return 0 if self.of_another(topic_id) else self.offset
