"""The example of docs/integrations/mcp.md is what comes out, and its options exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import typer

from pipeline.assembling.assembler import Assembler
from pipeline.cli import app
from pipeline.formats.gateways.mcp import Mcp

PAGE = (Path(__file__).parents[4] / "docs" / "integrations" / "mcp.md").read_text()


def block(kind: str, place: int = 0) -> str:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)[place]


def test_example_of_the_page_is_the_output() -> None:
    wire, assembler = Mcp(), Assembler(0)
    found = [
        msgspec.json.decode(event)
        for line in block("json", -2).splitlines()
        for event in assembler.take(wire.decode(line.encode()), ordered=True, arrived_us=1)
    ]
    assert found == [json.loads(line) for line in block("json", -1).splitlines()]


def test_options_of_the_page_exist() -> None:
    command = typer.main.get_command(app).commands["tap"]  # type: ignore[attr-defined]
    known = {name for option in command.params for name in option.opts}
    named = set(re.findall(r"`(--[a-z]+)", PAGE)) - {"--format"}
    assert {"--out", "--api", "--kafka", "--enforce"} <= named
    assert named <= known
