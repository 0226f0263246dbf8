"""What all measurements read: one stream of a made-up fleet, an inventory, lists of networks."""

from __future__ import annotations

import ipaddress
import json
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.sample import fleet_events
from pipeline.sample.staff import fleet_member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.meter import Job

SEED = 7
INTEL, INVENTORY = "intel", "inventory.csv"
CORPORATE = ("203.0.113.0/28",)

# Addresses set aside for benchmarks; cut up, they make lists as long as real ones.
_VPN = ipaddress.ip_network("198.18.0.0/16")
_TOR = ipaddress.ip_network("198.19.0.0/20")
_ROUTED = ipaddress.ip_network("198.18.0.0/15")


def write_inputs(job: Job) -> None:
    """Write the stream, the inventory and the lists into the job's folder."""
    with job.stream.open("wb") as out:
        for line in fleet_events(SEED, job.agents, limit=job.warm + job.events):
            out.write(line + b"\n")
    write_surroundings(job)


def write_surroundings(job: Job) -> None:
    """Write the inventory and the lists alone."""
    folder = Path(job.folder)
    members = [fleet_member(number) for number in range(job.agents)]
    rows = [f"{one.agent_id},{one.role_name},{one.owner}\n" for one in members]
    (folder / INVENTORY).write_text("agent_id,role,owner\n" + "".join(rows))
    _write_lists(folder / INTEL)


def read_lines(job: Job) -> list[bytes]:
    """Give all events of the stream as bytes."""
    return job.stream.read_bytes().splitlines()


def sizes(job: Job) -> list[int]:
    """Give the bytes of the stream up to and with each event."""
    with job.stream.open("rb") as lines:
        return list(accumulate(map(len, lines)))


def _write_lists(folder: Path) -> None:
    folder.mkdir()
    vpn = [str(net) for net in _VPN.subnets(new_prefix=28)]
    (folder / "vpn_ipv4.json").write_text(json.dumps({"kind": "vpn", "prefixes": vpn}))
    (folder / "torbulkexitlist").write_text("".join(f"{host}\n" for host in _TOR.hosts()))
    (folder / "asn-country-ipv4.csv").write_text(
        "".join(f"{first},{last},X{'ABC'[n % 3]}\n" for n, (first, last) in enumerate(_ranges()))
    )
    (folder / "asn-ipv4.csv").write_text(
        "".join(
            f"{first},{last},{64496 + n % 16},made up {n % 16}\n"
            for n, (first, last) in enumerate(_ranges())
        )
    )


def _ranges() -> Iterator[tuple[str, str]]:
    for net in _ROUTED.subnets(new_prefix=30):
        yield str(net[0]), str(net[-1])
