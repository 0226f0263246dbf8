"""Inputs of all measurements: one stream of a synthetic fleet, an inventory, network lists."""

from __future__ import annotations

import ipaddress
import json
from collections import defaultdict, deque
from itertools import accumulate, groupby
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from lab.simulation.sample import fleet_events
from lab.simulation.sample.world.staff import fleet_member
from models.event import Event, microseconds
from models.units import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from benchmarks.measuring.meter import Job

SEED = 7
INTEL, INVENTORY = "intel", "inventory.csv"
CORPORATE = ("203.0.113.0/28",)

_decode = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode

# Addresses reserved for benchmarks; split, they give lists as long as real ones.
_VPN = ipaddress.ip_network("198.18.0.0/16")
_TOR = ipaddress.ip_network("198.19.0.0/20")
_ROUTED = ipaddress.ip_network("198.18.0.0/15")


def write_inputs(job: Job) -> None:
    """Write the stream, the inventory and the lists into the job's folder."""
    lines = fleet_events(SEED, job.agents, limit=job.warm + job.events)
    with job.stream.open("wb") as out:
        for line in at_random(lines) if job.at_random else lines:
            out.write(line + b"\n")
    write_surroundings(job)


def at_random(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Shuffle the agents within each hour; the times of the hour's events stay.

    The order of each agent's events and the age of credentials stay. So a thousand agents act
    concurrently, as at tens of thousands of events a second.
    """
    random = Random(SEED)  # noqa: S311  # no secret
    for _, hour in groupby(map(_decode, lines), lambda one: microseconds(one.time) // HOUR_US):
        events = list(hour)
        own: dict[str, deque[Event]] = defaultdict(deque)
        for event in events:
            own[event.agent.id].append(event)
        turns = [event.agent.id for event in events]
        random.shuffle(turns)
        for event, agent_id in zip(events, turns, strict=True):
            yield _encode(_moved(own[agent_id].popleft(), event.time))


def _moved(event: Event, time: datetime) -> Event:
    by, credential = time - event.time, event.credential
    if credential is not None:
        issued, expires = credential.issued_at, credential.expires_at
        credential = replace(
            credential,
            issued_at=issued and issued + by,
            expires_at=expires and expires + by,
        )
    return replace(event, time=time, credential=credential)


def write_surroundings(job: Job) -> None:
    """Write only the inventory and the lists."""
    folder = Path(job.folder)
    members = [fleet_member(number) for number in range(job.agents)]
    rows = [f"{one.agent_id},{one.role_name},{one.owner}\n" for one in members]
    (folder / INVENTORY).write_text("agent_id,role,owner\n" + "".join(rows))
    _write_lists(folder / INTEL)


def read_lines(job: Job) -> list[bytes]:
    """Give all events of the stream as bytes."""
    return job.stream.read_bytes().splitlines()


def key_of(line: bytes) -> bytes:
    """Give the key of an event in a topic: the id of its agent.

    >>> key_of(b'{"id":"e-1","agent":{"id":"scribe","role":"clerk"}}')
    b'scribe'
    """
    return line.partition(b'"agent":{"id":"')[2].partition(b'"')[0]


def sizes(job: Job) -> list[int]:
    """Give the cumulative bytes of the stream by event."""
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
