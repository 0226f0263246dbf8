"""CrewAI: ``from habitus.crewai import crew_listener``."""

from __future__ import annotations

from pipeline.recorder.frameworks.crewai import crew_listener

__all__ = ["crew_listener"]
