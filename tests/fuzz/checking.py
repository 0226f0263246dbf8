"""Read one input as the pipeline does, and hold what must be true of it.

Records go through decoder, assembler and the check of the contract. Text goes to the parsers of
`pipeline.actions`. What is refused has a reason; any other error is a failure.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec

from models.errors import REJECT_REASONS, MalformedEvent
from pipeline.actions.command_line import GRAVITY
from pipeline.actions.enrich import action_of, enrich
from pipeline.actions.patches import MAX_FILES, changes_of
from pipeline.actions.shell import read_line
from pipeline.actions.sql import MAX_TABLES, statements_of
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.formats import FORMATS, Native
from pipeline.processing.stream_types import RawRecord
from tests.components import ROOT
from tests.fuzz.seeds import CALL

if TYPE_CHECKING:
    from collections.abc import Sequence

ARRIVED_US = 1_791_187_200_000_000  # 2026-10-05T08:00:00Z
_READER = Native()
_SCHEMA = ROOT / "data" / "schema" / "event-v1.schema.json"


class Unexplained(AssertionError):
    """A record was refused for no reason, or an event that was accepted breaks its schema."""


def check(target: str, records: Sequence[bytes], *, thorough: bool = False) -> Counter[str]:
    """Read the records of a target; count events, and refusals by reason.

    Parameters
    ----------
    thorough
        Whether the assembler is stored and loaded before each record, as after a crash, and events
        are checked against the published schema.

    Raises
    ------
    Exception
        Anything that the pipeline raises, except for a refusal with a reason.
    """
    if target in FORMATS:
        return _check_records(target, records, thorough=thorough)
    text = b"\n".join(records).decode("utf-8", "replace")
    if target == "shell":
        _that(read_line(text).operation in GRAVITY, "an operation that does not exist")
    elif target == "sql":
        operation, tables = statements_of(text)
        _that(operation in GRAVITY and len(tables) <= MAX_TABLES, "too much is read from SQL")
    elif target == "patch":
        _that(len(changes_of(text)) <= MAX_FILES, "too many files are read from a patch")
    else:
        return _check_call(text)
    return Counter(texts=1)


def _check_call(text: str) -> Counter[str]:
    """Add to an event what its call does; the text is the target `CALL`."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return Counter({f"{CALL}_no_json": 1})
    if not isinstance(event, dict):
        return Counter({f"{CALL}_no_object": 1})
    tool, arguments = event.get("tool"), event.get("arguments")
    if isinstance(tool, str) and isinstance(arguments, dict):
        _that(action_of(tool, arguments).operation in GRAVITY, "an operation that does not exist")
    enrich(event)
    return Counter(calls=1)


def _check_records(name: str, values: Sequence[bytes], *, thorough: bool) -> Counter[str]:
    count: Counter[str] = Counter()

    def refuse(record: RawRecord, error: MalformedEvent) -> None:
        _explained(error, record.value)
        count[f"refused_{error.reason}"] += 1

    assembler, wire = Assembler(7), FORMATS[name]
    lines: list[RawRecord] = []
    shared: dict[str, bytes] = {}
    for at, value in enumerate(values):
        if thorough:
            assembler = _stored(assembler, shared)
        record = RawRecord(value, "fuzz", at, ARRIVED_US + at)
        lines += native_records([record], wire, assembler, refuse)
    lines += native_records([], wire, assembler, refuse, whole=True)
    for line in lines:
        try:
            event, _ = _READER.read(line.value)
        except MalformedEvent as error:
            _explained(error, line.value)
            count[f"refused_{error.reason}"] += 1
            continue
        count["events"] += 1
        if thorough:
            _follows_schema(event)
    return count or Counter(nothing=1)


def _stored(assembler: Assembler, shared: dict[str, bytes]) -> Assembler:
    """Store the state of an assembler, and give one that has loaded it."""
    rows, gone = assembler.dump()
    shared.update(rows)
    for name in gone:
        shared.pop(name, None)
    loaded = Assembler(7)
    loaded.load(shared)
    return loaded


def _explained(error: MalformedEvent, value: bytes) -> None:
    _that(error.reason in REJECT_REASONS, f"the reason {error.reason!r} does not exist")
    _that(len(error.detail) > 8, "a refusal has no detail")
    _that(len(error.detail) < 1_000 or len(value) < 1_000, "a detail has a whole record")


def _follows_schema(event: Any) -> None:
    try:
        _validator().validate(msgspec.json.decode(msgspec.json.encode(event)))
    except jsonschema.ValidationError as error:
        raise Unexplained(
            f"an event that was accepted breaks its schema: {error.message}"
        ) from None


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(_SCHEMA.read_text("utf-8")))


def _that(holds: bool, what: str) -> None:
    if not holds:
        raise Unexplained(what)
