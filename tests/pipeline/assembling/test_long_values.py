"""Long arguments and results: below a second through a hook and through the recorder."""

from __future__ import annotations

import base64
import json
import random
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from pipeline.assembling.assembler import Assembler
from pipeline.assembling.origins import MAX_VALUES, origins_of
from pipeline.assembling.state.corpus import Corpus
from pipeline.formats.agents.claude_code import ClaudeCode
from pipeline.recorder.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

CHARACTERS = 1_000_000
MOST_S = 2.0
"""About five times what it takes on one core."""
DRAW = random.Random(1)  # noqa: S311  # no secret
VALUES = {
    "word": "a" * CHARACTERS,
    "dotted": "a." * (CHARACTERS // 2),
    "brackets": "(" * CHARACTERS,
    "digits": "7" * CHARACTERS,
    "spaces": " " * CHARACTERS,
    "pairs": "a=" * (CHARACTERS // 2),
    "folders": "a/" * (CHARACTERS // 2),
    "base64": base64.b64encode(DRAW.randbytes(CHARACTERS * 3 // 4)).decode(),
}


def body(name: str, **more: object) -> bytes:
    return msgspec.json.encode({"hook_event_name": name, "session_id": "s", **more})


@pytest.mark.parametrize("text", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize(("tool", "key"), [("Bash", "command"), ("crm.find", "query")])
def test_long_value_in_a_hook(tool: str, key: str, text: str) -> None:
    reader, assembler = ClaudeCode(), Assembler(7)
    call = {"tool_name": tool, "tool_use_id": "toolu_1", "tool_input": {key: text}}
    records = [
        body("UserPromptSubmit", prompt="find it"),
        body("PreToolUse", **call),
        body("PostToolUse", **call, tool_response={"stdout": text}),
    ]
    began = time.process_time()
    made = [
        line
        for record in records
        for line in assembler.take(reader.decode(record), ordered=True, arrived_us=1)
    ]
    assert time.process_time() - began < MOST_S
    assert [json.loads(line)["tool"] for line in made] == [tool]


@pytest.mark.parametrize("text", VALUES.values(), ids=VALUES)
def test_long_value_in_the_recorder(text: str, tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    began = time.process_time()
    with Recorder("bot", to=f"file:{out}") as recorder:

        @recorder.tool
        def find(query: str) -> str:
            return query

        with recorder.session("find it"):
            find(text)
        assert recorder.flush(60)
    assert time.process_time() - began < 2 * MOST_S  # the first one imports
    assert len(out.read_bytes().splitlines()) == 1


def test_list_of_many_values_is_read_up_to_its_bound() -> None:
    corpus = Corpus(0)
    corpus.add("request", "sum them up")
    numbers = [str(number) for number in range(CHARACTERS)]
    began = time.process_time()
    found = origins_of({"numbers": numbers}, corpus)
    assert time.process_time() - began < MOST_S / 10
    assert [one for one, _ in found["numbers"]] == numbers[:MAX_VALUES]
