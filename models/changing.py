"""Announced changes of an agent: a deployment, or another owner. Taken in, not judged."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models.assessment import Assessment
from models.features import FEATURES
from models.watch.measure import ASTRAY, SHIFTING
from models.watch.sizes import unsettle

if TYPE_CHECKING:
    from models.config import ModelConfig
    from models.event import Event
    from models.habits import Surprise
    from models.profile import Facts
    from models.subject import Subject
    from models.watch.watcher import Watcher

TOOL = 0  # place among `FEATURES`
_MOST_ADDED = 16
_NONE_BROUGHT = ""  # among the tools that deployments of an agent bring: this one brings none
_STAYING = {metric: bits for metric, bits in SHIFTING.items() if metric != ASTRAY}


def take_change(
    event: Event, subject: Subject, watcher: Watcher, config: ModelConfig, time_us: int
) -> Assessment:
    """Take in a deployment or a change of owner: announced, so not judged.

    A deployment begins relearning: the agent's counts weigh less, and its anchor is taken anew.
    Where others said which tools they bring, one that says nothing brings none.
    """
    facts = subject.profile.facts
    if event.kind == "deployment":
        facts.announced = event.agent.version
        added = _added(event)
        watcher.deployed(naming=bool(added))
        if not added and watcher.traces.names_tools:
            added = [_NONE_BROUGHT]
        if event.agent.version is not None and event.agent.version not in facts.versions:
            facts.versions.append(event.agent.version)
        facts.learn_until = max(facts.learn_until, facts.opened + config.relearning_sessions)
        subject.profile.habits.scale(config.relearning_factor)
        unsettle(facts.watch, config.relearning_factor)
        facts.watch.anchored = -1
        facts.watch.added = [*facts.watch.added, *added][-_MOST_ADDED:]
        facts.watch.definitions.clear()
    subject.trust.state = subject.profile.state()  # type: ignore[assignment]
    return Assessment(event.id, facts.agent_id, facts.mode, event.session or "", time_us)


def steady_bits(tool: str, subject: Subject, categories: Surprise) -> float | None:
    """Give the rarity of what a new version leaves as it is, in bits.

    Where deployments say which tools they bring, another tool is none of them, unless the peers
    know it: then it may be one of the tasks that they have.

    Returns
    -------
    float or None
        None for a tool that was announced: what it touches is new with it.
    """
    added = subject.profile.facts.watch.added
    if tool in added:
        return None
    index, bits, value, _ = next(iter(categories.found), (-1, 0.0, 0, 0))
    if not added or index != TOOL or categories.again >> TOOL & 1:
        return categories.steady
    assert subject.view is not None  # noqa: S101 - judge has set it
    view = subject.view.view
    strange = -log2(view.probability(TOOL, value, -1, 1.0 / FEATURES[TOOL].universe))
    excess = min(bits, strange) - subject.profile.habits.usual[TOOL]
    return max(categories.steady, view.weighted(TOOL, excess))


def shifting(facts: Facts) -> dict[int, float]:
    """Give the metrics that a new version may change for good, and by how many bits meanwhile.

    Where deployments say which tools they bring, what the others are asked for stays as it is.
    """
    return _STAYING if facts.watch.added else SHIFTING


def _added(event: Event) -> list[str]:
    """Give the tools that a deployment says it brings: ``adds_tool`` or ``adds_tools``."""
    attributes = event.attributes or {}
    named: list[object] = []
    for key in ("adds_tool", "adds_tools"):
        value = attributes.get(key)
        named += [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [name for name in named if isinstance(name, str)][:_MOST_ADDED]
