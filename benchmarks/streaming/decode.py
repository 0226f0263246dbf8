"""Decoding only, from memory: Python's `json`, and the native format of Habitus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.measuring.meter import Meter
from benchmarks.streaming.inputs import read_lines
from pipeline.formats import Native

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measuring.meter import Job, Result

_STEP = 1_000


def decode_json(job: Job) -> Result:
    """Read with `json.loads`: parsed, without checks."""
    return _decode("decode-json", job, json.loads)


def decode_native(job: Job) -> Result:
    """Read the native format: parsed, checked against the contract, made an event."""
    return _decode("decode-native", job, Native().normalise)


def _decode(name: str, job: Job, one: Callable[[bytes], object]) -> Result:
    lines = read_lines(job)
    meter = Meter()
    meter.start(None, name)
    for start in range(0, len(lines), _STEP):
        part = lines[start : start + _STEP]
        for line in part:
            one(line)
        meter.advance(len(part))
    meter.stop()
    return meter.result(name, job)
