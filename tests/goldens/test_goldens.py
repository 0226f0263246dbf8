"""The judgement of every event of four logs, as the committed files have it, by both kernels.

``python tests/goldens/test_goldens.py`` judges all logs anew, or those that it is given, and writes
their files. A change of judgement is a change of these files: it belongs in a commit that says why.
"""

from __future__ import annotations

import gzip
import os
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lab.simulation.fleet import SimulationConfig
from lab.simulation.fleet.stream import simulate
from lab.simulation.labelled.__main__ import log_bytes
from lab.simulation.sample.fleet import fleet_events
from models.kernel import native_kernel
from models.trust.policy import TrustPolicy
from models.trust.response import trust_answer
from pipeline.formats import format_named
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.judge import REPLAY_SECRET, judge_all, learn_history
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.result import Result
    from pipeline.store.protocol import Store

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "data"
LATER_US = 4_000_000_000_000_000
KERNELS = ["python", *(["native"] if native_kernel("auto") or os.environ.get("CI") else [])]
SAMPLE = {
    "inventory": DATA / "sample_inventory.csv",
    "intel": DATA / "intel",
    "corporate_networks": ("203.0.113.0/28",),
}
FLEET_EVENTS = 4000
BY_NATIVE_ALONE = ("sample", "python" if len(KERNELS) > 1 else "")


def sample() -> Iterator[bytes]:
    """Give the bundled sample."""
    yield from gzip.decompress((DATA / "sample_events.jsonl.gz").read_bytes()).splitlines()


def plain_fleet() -> Iterator[bytes]:
    """Give some days of a fleet of the sample's simulator."""
    yield from fleet_events(11, 12, limit=FLEET_EVENTS)


def attacked_fleet() -> Iterator[bytes]:
    """Give the beginning of a fleet with attacks and benign news."""
    config = SimulationConfig(
        agents=12,
        days=24,
        seed=11,
        attacked=1.0,
        novelties_per_week=0.5,
        quiet_days=8,
        activity=0.4,
    )
    yield from islice(simulate(config), FLEET_EVENTS)


def labelled() -> Iterator[bytes]:
    """Give the bundled labelled log."""
    yield from gzip.decompress((DATA / "labelled_log.jsonl.gz").read_bytes()).splitlines()


LOGS = {
    "sample": (sample, "native", SAMPLE),
    "plain_fleet": (plain_fleet, "native", {}),
    "attacked_fleet": (attacked_fleet, "native", {}),
    "labelled": (labelled, "agentlog", {}),
}


def judged(name: str, kernel: str) -> list[bytes]:
    """Judge a log; give one line an event, with all digits."""
    log, fmt, more = LOGS[name]
    records = [RawRecord(line, name, at, LATER_US) for at, line in enumerate(log())]
    past = [one for one in records if fmt == "agentlog" and b'"phase":"baseline"' in one.value]
    rest = [one for one in records if fmt != "agentlog" or b'"phase":"baseline"' not in one.value]
    found: list[bytes] = []

    def observe(_record: RawRecord, _event: Any, out: Result, _subject: Any) -> None:
        line = [out.event_id, out.session_p, out.rank]
        found.append(msgspec.json.encode(line if out.anomaly is None else line + anomaly_of(out)))

    settings = Settings(kernel=kernel, clock="event", **more)
    with open_store("sqlite::memory:", secret=REPLAY_SECRET) as store:
        worker = build_worker(settings, store, publish=False, observer=observe)
        worker.wire = format_named(fmt)
        if past:
            learn_history(worker, past)
        judge_all(worker, rest)
        assert len(found) == len(records)
        return found + [msgspec.json.encode(line) for line in trust_in(store)]


def anomaly_of(out: Result) -> list[Any]:
    """Give what a judgement says of an anomaly, without its sentences; of a message also why."""
    found = [out.anomaly, out.case_id, out.severity, out.learned, out.trust_after]
    if out.change is not None:
        found += [out.p, out.alert, out.change, out.trust_before]
        found += [[reason.feature, reason.bits, reason.observed] for reason in out.reasons]
    return found


def trust_in(store: Store) -> list[list[Any]]:
    """Give the trust in every mode of every agent, as of the last event."""
    states = [state for _, state in store.changes(0, 10_000)]
    policy = TrustPolicy()
    at_us = max(state.last_seen_us for state in states)
    lines = []
    for state in sorted(states, key=lambda one: (one.agent_id, one.mode)):
        answer = trust_answer([state], state.agent_id, at_us, at_us, policy)
        facets = msgspec.to_builtins(answer.facets)
        lines.append([state.agent_id, state.mode, state.events, answer.score, answer.level, facets])
    return lines


def file_of(name: str) -> Path:
    """Give the file of a log's judgements."""
    return HERE / f"{name}.jsonl.gz"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kernel"),
    # The reference takes half a minute for the sample; the smaller logs compare it.
    [(name, kernel) for name in LOGS for kernel in KERNELS if (name, kernel) != BY_NATIVE_ALONE],
)
def test_every_judgement_is_the_committed_one(name: str, kernel: str) -> None:
    expected = gzip.decompress(file_of(name).read_bytes()).splitlines()
    found = judged(name, kernel)
    assert len(found) == len(expected)
    differing = [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]
    assert not differing, (len(differing), differing[0])


def test_the_bundled_labelled_log_is_made_by_its_generator() -> None:
    assert gzip.decompress((DATA / "labelled_log.jsonl.gz").read_bytes()) == log_bytes(7)


def main(names: list[str]) -> None:
    """Judge the named logs by the reference, or all, and write their files."""
    for name in names or LOGS:
        lines = judged(name, "python")
        file_of(name).write_bytes(gzip.compress(b"\n".join(lines) + b"\n", mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:])
