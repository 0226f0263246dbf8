"""Build a worker from settings; only this module connects the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.configuration.derived import trust_policy_of
from pipeline.configuration.detectors import registered_detectors
from pipeline.configuration.promotion import in_effect
from pipeline.enrichment import intel, inventory
from pipeline.enrichment.enricher import Enricher
from pipeline.events.accepted_times import ahead_us_of
from pipeline.formats import format_named
from pipeline.processing.judging.observers import Observers
from pipeline.processing.judging.recent import Recent
from pipeline.processing.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.config import ModelConfig
    from models.detectors.detector import Detector
    from models.trust.policy import TrustPolicy
    from pipeline.enrichment.inventory import Inventory
    from pipeline.processing.judging.observers import Observer
    from pipeline.settings import Settings
    from pipeline.store.protocol import Store


class SharedResources(NamedTuple):
    """Read-only resources of workers: loaded once, shared by all shards.

    Attributes
    ----------
    config, policy
        Configuration and policy at load time; a later promotion takes effect at the next start.
    """

    enricher: Enricher
    registered: Inventory
    config: ModelConfig
    policy: TrustPolicy

    @classmethod
    def of(cls, settings: Settings, store: Store) -> SharedResources:
        """Load the resources of the settings, and the configuration promoted in the store."""
        return cls(
            Enricher(settings.corporate_networks, intel.load(settings.intel)),
            inventory.load(settings.inventory),
            in_effect(settings, store).config,
            trust_policy_of(settings, store.configs.promoted()),
        )


def build_worker(
    settings: Settings,
    store: Store,
    *,
    fmt: str | None = None,
    publish: bool | None = None,
    explain_all: bool = False,
    observer: Observer | None = None,
    reviewer: Observer | None = None,
    resources: SharedResources | None = None,
    without: frozenset[str] = frozenset(),
    detectors: Sequence[Detector] = (),
    recent: bool = False,
    assembles: bool = True,
) -> Worker:
    """Build the worker of a store.

    Parameters
    ----------
    fmt
        Format of the records; None: the format of the settings.
    publish
        Whether results are queued for a sink; None: if the settings have a sink.
    resources
        Resources that are already loaded.
    without
        Families, and parts of the content detector, that judgement leaves out.
    detectors
        Detectors beside those of the settings.
    recent
        Whether the latest events are kept for `GET /v1/events`.
    assembles
        Whether the worker assembles parts itself.
    """
    enricher, registered, config, policy = resources or SharedResources.of(settings, store)
    named, groups = registered_detectors(settings)
    if groups is not None:
        registered = registered.grouped(groups.role)
    return Worker(
        store,
        config,
        format_named(fmt or settings.format),
        enricher,
        registered,
        policy=policy,
        cache_agents=settings.cache_agents,
        packed_agents=settings.packed_agents,
        assembly_memory=settings.assembly_memory,
        ahead_us=ahead_us_of(settings),
        publish=settings.sink != "none" if publish is None else publish,
        explain_all=explain_all,
        kernel=settings.kernel,
        detectors=(*named, *detectors),
        observers=Observers(observer, reviewer),
        without=without,
        recent=_recent(settings) if recent else None,
        assembles=assembles,
    )


def _recent(settings: Settings) -> Recent:
    return Recent(settings.recent_events, settings.recent_events_s, content=settings.recent_content)
