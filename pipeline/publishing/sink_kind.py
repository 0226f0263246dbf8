"""What a registered sink says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.processing.stream_types import Sink
    from pipeline.sources.finding import Finding


class SinkKind(Struct, frozen=True, kw_only=True):
    """A kind of sink.

    Attributes
    ----------
    form
        Its URL, as messages show it; without a colon it is the whole URL.
    meaning
        Its URL and its parameters, for docs/settings.md.
    open
        Opens the sink of a URL, with the Kafka client.
    check
        Checks that results can be published, for `habitus doctor`; takes the same.
    """

    form: str
    meaning: str
    open: Callable[[str, str], Sink]
    check: Callable[[str, str], Finding]
