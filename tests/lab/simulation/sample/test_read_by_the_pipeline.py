"""The sample goes through the same format, lists and inventory as production."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.json import encode

from pipeline.enrichment import intel, inventory
from pipeline.enrichment.enricher import Enricher
from pipeline.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulation.sample.truth import Truth
    from models.event import Event

DATA = Path(__file__).parents[4] / "data"


def test_native_format_reads_back_the_written_events(
    sample_of: Callable[[int], tuple[list[Event], Truth]],
) -> None:
    content = gzip.decompress((DATA / "sample_events.jsonl.gz").read_bytes())
    read = [FORMATS["native"].normalise(line) for line in content.splitlines()]
    # The reader's classes are stricter ones, so their bytes are compared.
    assert [encode(event) for event in read] == [encode(event) for event in sample_of(7)[0]]


def test_lists_distinguish_vpn_and_corporate_egress(
    sample_of: Callable[[int], tuple[list[Event], Truth]],
) -> None:
    events, truth = sample_of(7)
    enricher = Enricher(truth.corporate_networks, intel.load(DATA / "intel"))
    vpn = next(i for i in truth.incidents if i.incident == "vpn_egress")
    actual = {e.id: enricher.origin(e.network).egress for e in events if e.network}
    assert [i for i, egress in actual.items() if egress == "vpn"] == vpn.event_ids
    assert set(actual.values()) == {"direct", "corporate", "vpn"}
    hop = next(n for n in truth.novelties if n.kind == "corporate_vpn")
    assert {actual[i] for i in hop.event_ids} == {"corporate"}


def test_inventory_lists_every_agent_except_the_shadow_agent(
    sample_of: Callable[[int], tuple[list[Event], Truth]],
) -> None:
    events, truth = sample_of(7)
    known = inventory.load(DATA / "sample_inventory.csv")
    shadow = next(i for i in truth.incidents if i.incident == "shadow_agent")
    strangers = {e.agent.id for e in events if not known.declared(e.agent.id).registered}
    assert strangers == {shadow.agent_id}
    assert all(known.declared(e.agent.id).role == e.agent.role for e in events if e.agent.role)
