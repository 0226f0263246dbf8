"""A detector for tests: the first use of a tool by an agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from models.detectors.detector import Detector
from models.result import Reason

if TYPE_CHECKING:
    from models.detectors.detector import Act


class NewTool(Detector):
    """First use of a tool by an agent."""

    name = "new_tool"

    def __init__(self) -> None:
        self.known: set[str] = set()

    def judge(self, act: Act) -> Reason | None:
        key = f"{act.facts.agent_id}|{act.event.tool}"
        if key in self.known:
            return None
        return Reason(f"opinion:{self.name}", 6.0, act.event.tool, [], "First use of this tool.")

    def learn(self, act: Act) -> None:
        self.known.add(f"{act.facts.agent_id}|{act.event.tool}")

    def dump(self) -> bytes:
        return json.dumps(sorted(self.known)).encode()

    def load(self, raw: bytes) -> None:
        self.known = set(json.loads(raw))
