"""The output of a replay: a line for each judgement, and the rejected lines beside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from pipeline.files.named_output import create
from pipeline.publishing.outputs import replay_line
from pipeline.publishing.rejected import TOPIC, rejected_line

if TYPE_CHECKING:
    from contextlib import ExitStack

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Result
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.batch import Commit

_REJECTED = ".rejected.jsonl"


def outputs(out: str) -> list[Path]:
    """Give the files that a replay writes; none for standard output."""
    names = () if out == "-" else (out, _rejected_path(out))
    return [Path(name) for name in names if name is not None]


def _rejected_path(out: str) -> str | None:
    """Give the file of rejected lines; None for standard output, a pipe or a device."""
    path = Path(out)
    is_file = out != "-" and (path.is_file() or not path.exists())
    return f"{out}{_REJECTED}" if is_file else None


class ReplayLines:
    """Writes judgements and rejected lines."""

    def __init__(self, stack: ExitStack, out: str) -> None:
        self.muted = False
        self.events = self.alerts = self.refused = 0
        self.policy: Any = None
        self.rejected_out = _rejected_path(out)
        self._stack = stack
        self._out: BinaryIO = sys.stdout.buffer
        self._rejected: BinaryIO | None = None
        if out != "-":
            self._out = stack.enter_context(create(out))
        if self.rejected_out is not None:
            Path(self.rejected_out).unlink(missing_ok=True)  # left by an earlier replay
        stack.callback(self._out.flush)

    def observe(
        self, record: RawRecord, event: Event, result: Result, agent_state: AgentState
    ) -> None:
        """Write one judgement."""
        del record, event
        if self.muted:
            return
        self.events += 1
        self.alerts += result.alert
        line = replay_line(result, agent_state, self.policy)
        self._out.write(msgspec.json.encode(line) + b"\n")

    def rejected(self, out: Commit) -> None:
        """Write the rejected records of a batch."""
        for message in out.outbox:
            if message.topic != TOPIC:
                continue
            self.refused += 1
            if self.rejected_out is not None:
                if self._rejected is None:
                    self._rejected = self._stack.enter_context(create(self.rejected_out))
                self._rejected.write(rejected_line(message) + b"\n")
