"""A recorder for one's own agent; users import it from ``habitus``.

It needs the standard library and msgspec. Its thread imports the rest, with the first call.
"""

from __future__ import annotations

from pipeline.recorder.recorder import AsyncRecorder, Recorder
from pipeline.recorder.sessions import Session

__all__ = ["AsyncRecorder", "Recorder", "Session"]
