"""A listener on CrewAI's event bus: each use of a tool becomes an event.

It needs the package ``crewai``, from version 1 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.recorder.sending.items import Bused
from pipeline.recorder.sessions import beside

if TYPE_CHECKING:
    from crewai.events import BaseEventListener

    from pipeline.recorder.recording import Recording

_MODELS = {"agent", "agent_info", "from_agent", "from_task", "task", "tools"}
"""Members that hold keys of models and of tools."""


def crew_listener(recorder: Recording) -> BaseEventListener:
    """Hand the events of all crews of this process to a recorder.

    The agent is its role, and the session is the task, or the agent where it works without one.
    The description of a task is its request.
    What a session of the recorder says counts for these calls too.

    Parameters
    ----------
    recorder
        A `Recorder` or an `AsyncRecorder`.

    Raises
    ------
    ImportError
        CrewAI is not installed.
    """
    from crewai import events

    kinds = (
        events.TaskStartedEvent,
        events.TaskCompletedEvent,
        events.TaskFailedEvent,
        events.LiteAgentExecutionStartedEvent,
        events.LiteAgentExecutionCompletedEvent,
        events.LiteAgentExecutionErrorEvent,
        events.ToolUsageStartedEvent,
        events.ToolUsageFinishedEvent,
        events.ToolUsageErrorEvent,
        events.ToolValidateInputErrorEvent,
    )

    class Listener(events.BaseEventListener):  # type: ignore[misc]  # crewai is no dependency
        """Subscribes to the bus."""

        def setup_listeners(self, crewai_event_bus: Any) -> None:
            """Subscribe; CrewAI calls this."""
            for kind in kinds:
                crewai_event_bus.on(kind)(take)

    def take(source: Any, event: Any) -> None:  # noqa: ARG001  # the shape of a handler
        try:
            recorder.offer(Bused(_record_of(event), beside(recorder)[0]))
        except Exception as error:  # noqa: BLE001  # a fault of recording is none of the crew
            recorder.failed(error)

    return Listener()


def _record_of(event: Any) -> dict[str, Any]:
    """Give an event as JSON has it, with the description of its task."""
    record: dict[str, Any] = event.to_json(exclude=_MODELS)
    task = getattr(event, "task", None)
    if task is not None:
        record |= {"task_id": str(task.id), "task": {"description": task.description}}
    alone = getattr(event, "agent_info", None)
    if alone is not None:
        record["agent_id"] = str(alone.get("id"))
    return record
