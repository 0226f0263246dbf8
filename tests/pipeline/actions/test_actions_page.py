"""The page about actions: its example is what the code gives."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pipeline.actions.command_line import GRAVITY
from pipeline.actions.enrich import enrich

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "actions.md").read_text()
BLOCKS = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_example_of_the_page_holds() -> None:
    event, expected = (json.loads(block) for block in BLOCKS)
    given = dict(event)
    enrich(event)
    assert {key: value for key, value in event.items() if key not in given} == expected


def test_page_names_the_operations_in_their_order() -> None:
    assert ", ".join(f"`{operation}`" for operation in GRAVITY) in PAGE.replace("\n", " ")
