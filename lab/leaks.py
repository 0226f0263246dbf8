"""Plant small leaks in a made-up recording: searches that send something, which they never do."""

from __future__ import annotations

import gzip
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from models.event import Event, microseconds
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lab.examples import Example

LEAK = "search that sends"
"""Type of these attacks in the truth file."""
_SENT = (1_000, 4_000)
"""Bytes that such a search sends: as an ordinary mail does."""


def with_leaks(example: Example, folder: Path, *, leaks: int = 40, seed: int = 7) -> Example:
    """Give a made-up recording in which some searches after the history send a little.

    The agent, the tool, the resource and the session are ordinary, and so is what the whole session
    sends.

    Parameters
    ----------
    leaks
        Number of searches that send something.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lab.examples import made_up
    >>> with tempfile.TemporaryDirectory() as name:
    ...     example = made_up(Path(name), agents=2, days=3, quiet_days=1, attacks=())
    ...     with_leaks(example, Path(name), leaks=3).about[-30:]
    ', 3 searches that send planted'
    """
    (recording,) = example.files
    lines = _lines(recording)
    first_us = min(_time_us(line) for line in lines)
    begin_us = first_us + example.history_days * DAY_US
    attacked = {name for case in _lines(f"{example.truth}") for name in case["event_ids"]}
    searches = [
        line
        for line in lines
        if line["tool"].endswith("search")
        and _time_us(line) >= begin_us
        and line["id"] not in attacked
    ]
    chance = Random(seed)  # noqa: S311  # made-up data
    chosen = chance.sample(searches, min(leaks, len(searches)))
    for line in chosen:
        line["volume"] = line.get("volume", {}) | {"bytes_out": chance.randint(*_SENT)}
    cases = [
        {"id": f"leak-{number}", "kind": "attack", "type": LEAK, "event_ids": [line["id"]],
         "agent_id": line["agent"]["id"]}
        for number, line in enumerate(chosen)
    ]  # fmt: skip
    out, truth = folder / "with-leaks.jsonl.gz", folder / "with-leaks.truth.jsonl.gz"
    _write(out, lines)
    _write(truth, [*_lines(f"{example.truth}"), *cases])
    return replace(
        example,
        files=[str(out)],
        truth=str(truth),
        about=f"{example.about}, {len(chosen)} searches that send planted",
    )


def _lines(path: str) -> list[Any]:
    read = msgspec.json.decode
    if path.endswith(".gz"):
        with gzip.open(path) as file:
            return [read(line) for line in file]
    with open(path, "rb") as plain:  # noqa: PTH123  # as gzip.open
        return [read(line) for line in plain]


def _write(path: Path, lines: Iterable[Any]) -> None:
    with gzip.open(path, "wb") as file:
        file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)


def _time_us(line: Any) -> int:
    return microseconds(msgspec.convert(line, Event, strict=False).time)
