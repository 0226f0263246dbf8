"""A detector for tests: the first use of a tool by an agent."""

from __future__ import annotations

import json
from typing import Any

from models.detectors.detector import Detector


class NewTool(Detector):
    """First use of a tool by an agent."""

    name, title = "new_tool", "A tool that the agent has not used"

    def __init__(self) -> None:
        self.known: set[str] = set()

    def score_one(self, x: dict[str, Any]) -> float | None:
        return float(f"{x['agent']}|{x['tool']}" not in self.known)

    def learn_one(self, x: dict[str, Any]) -> None:
        self.known.add(f"{x['agent']}|{x['tool']}")

    def explain_one(self, x: dict[str, Any]) -> str:
        return f"First use of {x['tool']}."

    def dump(self) -> bytes:
        return json.dumps(sorted(self.known)).encode()

    def load(self, raw: bytes) -> None:
        self.known = set(json.loads(raw))
