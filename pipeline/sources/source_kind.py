"""What a registered source says of itself."""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003  # a struct reads its annotations
from pathlib import Path  # noqa: TC003  # a struct reads its annotations
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from msgspec import Struct

from pipeline.processing.stream_types import MAX_VALUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.processing.stream_types import Source
    from pipeline.sources.finding import Finding
    from pipeline.store.batch import FeedKind


class Options(Struct, frozen=True, kw_only=True):
    """Options of every source.

    Attributes
    ----------
    batch_size
        Largest number of records in a batch.
    clock_us
        Returns the current time in microseconds since 1970.
    drain
        End after the records that were present at the start.
    batch_ms
        Target time of a batch in milliseconds, for sources that measure it; 0: no bound.
    kafka_client
        Kafka client, one of `CLIENTS` in `pipeline.sources.kafka.clients.registry`.
    skip
        Resolved paths of our own outputs; a folder or a pattern does not include them.
    whole_files
        Whether a file is one record, as the format of the records says.
    longest
        Largest record in bytes, as the format of the records says; a longer one is cut.
    """

    batch_size: int
    clock_us: Callable[[], int]
    drain: bool = False
    batch_ms: int = 0
    kafka_client: str = "kafka-python"
    skip: frozenset[Path] = frozenset()
    whole_files: bool = False
    longest: int = MAX_VALUE


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))


class SourceKind(Struct, frozen=True, kw_only=True):
    """A kind of source.

    Attributes
    ----------
    form
        Its URL, as messages show it.
    meaning
        Its URL and its parameters, for docs/settings.md.
    open
        Opens the source of a URL.
    name
        Gives the name of a source, by which the store knows its last event.
    check
        Checks that a source is there, for `habitus doctor`; takes its URL and the Kafka client.
    check_positions
        Checks that a source still holds the records after stored positions. None: a source of
        this kind keeps its records.
    query
        Gives the parameters of a URL.
    feed
        Whether a source with these parameters is live, where no ``feed`` says so.
    """

    form: str
    meaning: str
    open: Callable[[str, Options], Source]
    name: Callable[[str], str]
    check: Callable[[str, str], Finding]
    check_positions: Callable[[str, str, Mapping[str, str]], Finding] | None = None
    query: Callable[[str], dict[str, str]] = _query
    feed: Callable[[dict[str, str]], FeedKind] = lambda _: "batch"
