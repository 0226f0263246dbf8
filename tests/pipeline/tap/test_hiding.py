"""Records of a tap hide credentials, and still show that one which was read is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.assembling.assembler import Assembler
from pipeline.formats.gateways.mcp import Mcp
from pipeline.tap.recording.hiding import Hiding
from pipeline.tap.recording.record import DOWN, UP
from pipeline.tap.recording.targets import FileTarget
from pipeline.tap.recording.transcript import Place, Transcript

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "gl" + "pat-" + "Ab3dEf6hIj9kLm2nOp5q"
LEAK = "gitlab_token out of vault.read to mail.send"
HERE = Place("s", "s")


def call(number: int, tool: str, **arguments: str) -> bytes:
    params = {"name": tool, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return json.dumps(message).encode()


def answer(number: int, text: str) -> bytes:
    result = {"content": [{"type": "text", "text": text}]}
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode()


def test_leak_is_found_in_records_that_have_marks(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    target, transcript = Hiding(FileTarget(path)), Transcript("vault", agent="bot")
    messages = (
        (UP, call(1, "vault.read", path="a")),
        (DOWN, answer(1, json.dumps({"note": "n", "key": TOKEN}))),
        (UP, call(2, "mail.send", body=f"the key: {TOKEN}")),
        (DOWN, answer(2, "sent")),
    )
    for at, (direction, message) in enumerate(messages, 1):
        target.send(target.prepared(transcript.lines(direction, message, at * 1_000_000, HERE)))
    written = path.read_bytes().splitlines()
    assert not any(TOKEN.encode() in one for one in written)
    assembler, read = Assembler(7), Mcp()
    made = [assembler.take(read.decode(one), ordered=True, arrived_us=0) for one in written]
    events = [json.loads(one) for some in [*made, assembler.due(whole=True)] for one in some]
    (sent,) = [one for one in events if one["tool"] == "mail.send"]
    assert sent["attributes"]["leaked_secret"] == LEAK
    assert sent["arguments"] == {"body": "the key: ***gitlab_token***"}


def test_marks_of_two_processes_differ(tmp_path: Path) -> None:
    lines = Transcript("vault").lines(UP, call(1, "pay", key=TOKEN), 1, HERE)
    first, second = (Hiding(FileTarget(tmp_path / "a")) for _ in range(2))
    assert first.prepared(lines)[0].data != second.prepared(lines)[0].data
