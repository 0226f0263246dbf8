"""The bundled sample: a dozen agents over three weeks, and its files."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import msgspec

from lab.simulation.sample.conduct import day_visits
from lab.simulation.sample.incidents import incidents
from lab.simulation.sample.novelties import amend, conditions, deployments, found
from lab.simulation.sample.session_generator import play
from lab.simulation.sample.truth import Truth
from lab.simulation.sample.world.hours import day_us
from lab.simulation.sample.world.staff import staff
from lab.simulation.sample.world.values import source
from lab.simulation.tables import inventory_csv
from models.event import Event, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.simulation.sample.session_generator import SessionSpec
    from lab.simulation.sample.world.staff import Member

DAYS = 21
CORPORATE_NETWORKS = ["203.0.113.0/28"]
VPN_PREFIXES = ["198.18.44.0/24", "198.18.61.0/25", "198.18.200.8/30", "198.19.7.0/24"]


def sample(seed: int = 7) -> tuple[list[Event], Truth]:
    """Generate the bundled sample.

    Parameters
    ----------
    seed
        Equal seeds give equal events; days, agents, novelties and incidents are the same for all.

    Returns
    -------
    events, truth
        Events in order of time, and the ground truth.
    """
    members = staff()
    specs = _visits(seed, members)
    amend(specs, {member.agent_id: member for member in members})
    events = deployments(members)
    bad = []
    for played, truth in incidents(seed, specs):
        events += played
        bad.append(truth)
    for spec in specs:
        events += play(spec, source(seed, spec.session))
    events.sort(key=lambda event: (event.time, event.id))
    return events, Truth(
        seed=seed,
        start=rfc3339(day_us(0)),
        end=rfc3339(day_us(DAYS)),
        events=len(events),
        corporate_networks=CORPORATE_NETWORKS,
        incidents=bad,
        novelties=found(events),
    )


def _visits(seed: int, members: Sequence[Member]) -> list[SessionSpec]:
    specs: list[SessionSpec] = []
    for day in range(DAYS):
        for member in members:
            today = conditions(member, day)
            if today is not None:
                specs += day_visits(seed, member, day, today)
    return specs


def files(seed: int = 7) -> dict[str, bytes]:
    """Give the content of the sample's files by path under `data/`."""
    events, truth = sample(seed)
    vpn = {
        "source": "made up for the bundled sample; addresses reserved for tests",
        "commit": f"sample-{seed}",
        "licence": "Apache-2.0",
        "kind": "vpn",
        "prefixes": VPN_PREFIXES,
    }
    return {
        "sample_events.jsonl.gz": packed(msgspec.json.Encoder().encode_lines(events)),
        "sample_truth.json": _pretty(truth),
        "sample_inventory.csv": inventory_csv(
            (m.agent_id, m.role_name, m.owner, m.model) for m in staff()
        ),
        "intel/vpn_ipv4.json": _pretty(vpn),
    }


def packed(content: bytes) -> bytes:
    """Compress without file name and time, so that equal content gives equal bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=9) as out:
        out.write(content)
    return buffer.getvalue()


def write(seed: int, folder: Path) -> list[Path]:
    """Write the sample's files into a folder; return their paths."""
    paths = []
    for name, content in files(seed).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        paths.append(path)
    return paths


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
