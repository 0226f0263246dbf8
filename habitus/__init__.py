"""What an agent imports: ``from habitus import Recorder``."""

from __future__ import annotations

from pipeline.recorder import AsyncRecorder, Recorder, Session

__all__ = ["AsyncRecorder", "Recorder", "Session"]
