"""Announced changes of an agent: a deployment, or another owner. Taken in, not judged."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models.features.extraction import FEATURES, TOOL
from models.result import Result
from models.watch.claims import renew
from models.watch.measure import ASTRAY, SHIFTING
from models.watch.sizes import unsettle

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.baseline.frequency_model import Surprise
    from models.baseline.profile import Facts
    from models.codec.hashing import Hasher
    from models.config import ModelConfig
    from models.event import Event
    from models.features.feature_slots import FeatureSlot
    from models.provenance.argument_detector import CallScore
    from models.watch.watcher import Watcher

FEW_USES = 16 << 12
"""As often, in units of 1/4096, is a tool used before it is one like others."""

_MAX_ADDED = 16
_NONE_BROUGHT = ""  # among the tools that deployments of an agent bring: this one brings none
_STAYING = {metric: bits for metric, bits in SHIFTING.items() if metric != ASTRAY}


def take_change(
    event: Event,
    agent_state: AgentState,
    watcher: Watcher,
    config: ModelConfig,
    time_us: int,
    slot: FeatureSlot,
    hasher: Hasher,
) -> Result:
    """Take in a deployment or a change of owner: announced, so not judged.

    A deployment begins relearning: the agent's counts weigh less, and its anchor is taken anew.
    Where others said which tools they bring, one that says nothing brings what they said of the
    same release, else of others of the role, as far as it is new to the agent; else none.

    Parameters
    ----------
    slot
        Where the agent's tools are counted.
    hasher
        Gives the marks under which definitions of tools are remembered.
    """
    facts = agent_state.profile.facts
    if event.kind == "deployment":
        facts.announced = event.agent.version
        release = _release(event, facts)
        named = _added(event)
        watcher.deployed(release, named)
        told = named or watcher.traces.brought(release)
        renew(facts.watch.definitions, told, hasher)
        added = told or _skipped(agent_state, watcher, slot)
        if not added and watcher.traces.names_tools:
            added = [_NONE_BROUGHT]
        if event.agent.version is not None and event.agent.version not in facts.versions:
            facts.versions.append(event.agent.version)
        facts.learn_until = max(facts.learn_until, facts.opened + config.relearning_sessions)
        agent_state.profile.frequency_model.scale(config.relearning_factor)
        unsettle(facts.watch, config.relearning_factor)
        facts.watch.anchored = -1
        facts.watch.added = [*facts.watch.added, *added][-_MAX_ADDED:]
    agent_state.trust.state = agent_state.profile.state()  # type: ignore[assignment]
    return Result(event.id, facts.agent_id, facts.mode, event.session or "", time_us)


def begin_as(event: Event, facts: Facts, watcher: Watcher) -> None:
    """Let an agent that is new know what deployments of others said that its version brings."""
    facts.watch.added = watcher.traces.brought(_release(event, facts))


def changing(facts: Facts, state: str) -> bool:
    """Whether an agent learns anew what a deployment has changed."""
    return state == "relearning" or (state == "learning" and facts.announced is not None)


def brought(tool: str, agent_state: AgentState, slot: FeatureSlot) -> bool:
    """Whether a tool is new with a deployment that has said so.

    What was announced stays so until it has been used a few times: that is when the work calls for
    it, which may be weeks later.

    Parameters
    ----------
    slot
        Where the agent's tools are counted.
    """
    profile = agent_state.profile
    if tool not in profile.facts.watch.added:
        return False
    uses = profile.baseline.count_of(slot, tool)
    return changing(profile.facts, profile.state()) or uses < FEW_USES


def excused(content: CallScore) -> float:
    """Give the content bits of a tool that is new with a deployment: those of the value it takes.

    New with it are what it is used for and the ways on which values come to it; that nobody named
    a value is as odd as ever.
    """
    tainted = content.tainted
    if tainted is None or not tainted.bits:
        return 0.0
    value = tainted.bits * tainted.value_bits / (tainted.value_bits + tainted.flow_bits)
    return content.score * value / (tainted.bits + (content.intent or 0.0))


def steady_bits(
    tool: str, agent_state: AgentState, categories: Surprise, strange: float
) -> float | None:
    """Give the rarity of what a new version leaves as it is, in bits.

    Where deployments say which tools they bring, another tool is none of them, unless the peers
    know it: then it may be one of the tasks that they have.

    Parameters
    ----------
    strange
        `unannounced` of the tool.

    Returns
    -------
    float or None
        None for a tool that was announced: what it touches is new with it, for as long as all is
        learned anew.
    """
    added = agent_state.profile.facts.watch.added
    if tool in added:
        return None if agent_state.profile.state() != "active" else categories.steady
    assert agent_state.view is not None  # noqa: S101 - judge has set it
    return max(categories.steady, agent_state.view.view.weighted(TOOL, strange))


def unannounced(tool: str, agent_state: AgentState, categories: Surprise) -> float:
    """Give by how many bits a tool is odd that is none of those deployments said they bring.

    Returns
    -------
    float
        0 where they say nothing, or the tool went as far in this session before.
    """
    added = agent_state.profile.facts.watch.added
    index, bits, value, _ = next(iter(categories.found), (-1, 0.0, 0, 0))
    if not added or tool in added or index != TOOL or categories.repeated >> TOOL & 1:
        return 0.0
    assert agent_state.view is not None  # noqa: S101 - judge has set it
    view = agent_state.view.view
    strange = -log2(view.probability(TOOL, value, -1, 1.0 / FEATURES[TOOL].universe))
    return min(bits, strange) - agent_state.profile.frequency_model.typical_bits[TOOL]


def shifting(facts: Facts) -> dict[int, float]:
    """Give the metrics that a new version may change for good, and by how many bits meanwhile.

    Where deployments say which tools they bring, what the others are asked for stays as it is.
    """
    return _STAYING if facts.watch.added else SHIFTING


def _release(event: Event, facts: Facts) -> str:
    """Name what a deployment rolls out: a version of the agents of a role; empty where unknown."""
    version = event.agent.version
    return f"{facts.role}\x1f{version}" if facts.role and version is not None else ""


def _skipped(agent_state: AgentState, watcher: Watcher, slot: FeatureSlot) -> list[str]:
    """Give the tools that other releases of the role brought and the agent hardly knows."""
    profile = agent_state.profile
    ever = watcher.traces.ever_brought(profile.facts.role) if profile.facts.role else []
    return [tool for tool in ever if profile.baseline.count_of(slot, tool) < FEW_USES]


def _added(event: Event) -> list[str]:
    """Give the tools that a deployment says it brings: ``adds_tool`` or ``adds_tools``."""
    attributes = event.attributes or {}
    named: list[object] = []
    for key in ("adds_tool", "adds_tools"):
        value = attributes.get(key)
        named += [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [name for name in named if isinstance(name, str)][:_MAX_ADDED]
