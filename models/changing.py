"""Announced changes of an agent: a deployment, or another owner. Taken in, not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.assessment import Assessment
from models.watch.sizes import unsettle

if TYPE_CHECKING:
    from models.config import ModelConfig
    from models.event import Event
    from models.subject import Subject
    from models.watch.watcher import Watcher

_MOST_ADDED = 16


def take_change(
    event: Event, subject: Subject, watcher: Watcher, config: ModelConfig, time_us: int
) -> Assessment:
    """Take in a deployment or a change of owner: announced, so not judged.

    A deployment begins relearning: the agent's counts weigh less, and its anchor is taken anew.
    """
    facts = subject.profile.facts
    if event.kind == "deployment":
        facts.announced = event.agent.version
        watcher.deployed()
        if event.agent.version is not None and event.agent.version not in facts.versions:
            facts.versions.append(event.agent.version)
        facts.learn_until = max(facts.learn_until, facts.opened + config.relearning_sessions)
        subject.profile.habits.scale(config.relearning_factor)
        unsettle(facts.watch, config.relearning_factor)
        facts.watch.anchored = -1
        facts.watch.added = [*facts.watch.added, *_added(event)][-_MOST_ADDED:]
        facts.watch.definitions.clear()
    subject.trust.state = subject.profile.state()  # type: ignore[assignment]
    return Assessment(event.id, facts.agent_id, facts.mode, event.session or "", time_us)


def _added(event: Event) -> list[str]:
    """Give the tools that a deployment says it brings: ``adds_tool`` or ``adds_tools``."""
    attributes = event.attributes or {}
    named: list[object] = []
    for key in ("adds_tool", "adds_tools"):
        value = attributes.get(key)
        named += [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [name for name in named if isinstance(name, str)][:_MOST_ADDED]
