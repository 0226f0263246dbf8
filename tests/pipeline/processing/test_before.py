"""A store of the judge before: what it keeps, what is learned again, and that this is said once."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from models.telemetry.last_seen import bucket_of
from models.trust.disposition import decide_trust
from models.trust.ledger import Item
from models.trust.levels import LevelState
from models.trust.state import TrustState
from models.units import DAY_US
from pipeline.commands.doctor.store_checks import check_baselines
from pipeline.processing.assembly import build_worker
from pipeline.processing.judging.before import RELEARNED
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import Commit, PipelineStatus, open_store

if TYPE_CHECKING:
    from pipeline.processing.worker import Worker
    from pipeline.store import Store

AGENT, SILENT = "invoice-clerk-00001", "invoice-clerk-00002"
FIRST_US, LAST_US = 1_790_000_000_000_000, 1_790_900_000_000_000
ANOMALY_ID = "an-0000000000000001"
ANOMALY: dict[str, Any] = {
    "id": ANOMALY_ID,
    "agent_id": AGENT,
    "time": "2026-09-30T08:00:00Z",
    "severity": "high",
    "anomaly": "tool.new",
    "status": "open",
    "rank": 9.5,
    "ground": 3.0,
    "together_p": 0.001,
    "events": [],
}
PROFILE = b"\x05" + bytes(40)


def trust(agent: str) -> TrustState:
    state = TrustState(
        agent_id=agent, mode="delegated", role="invoice-clerk", first_seen_us=FIRST_US,
        last_seen_us=LAST_US, events=700, level_state=LevelState(level="restricted"),
    )  # fmt: skip
    state.ledger.items["key"] = Item(
        "key", ANOMALY_ID, LAST_US, "high", "tool.new", "tools", first_us=FIRST_US
    )
    return state


def parts() -> list[tuple[str, bytes]]:
    """The shared state of before, each part by a few bytes of its layout."""
    hour = LAST_US // 3_600_000_000
    row = [AGENT, [hour - 200, hour, 9.0, 2, 1]]
    seen = msgspec.msgpack.encode([1, [row]])
    later = msgspec.msgpack.encode([1, [[SILENT, [hour - 300, hour - 2, 4.0, 2, 1]]]])
    other = bucket_of(SILENT)
    assert other != bucket_of(AGENT)
    rest = ("pending", "+0:pending", "sessions", "together", "group:\x1ffleet", "documents",
            "rates", "role:invoice-clerk", "+0:role:invoice-clerk", "traces", "adopting",
            "exchange", "detector:half_space_trees")  # fmt: skip
    return [
        ("peers", msgspec.msgpack.encode([3, LAST_US, LAST_US, FIRST_US])),
        (f"heard:{bucket_of(AGENT):02d}", seen),
        *((name, b"\x93\x01\x02\x03") for name in rest),
        (f"heard:{other:02d}", later),
    ]


@pytest.fixture
def before(store_url: str) -> str:
    """Give the URL of a store as the judge before left it."""
    with open_store(store_url) as store:
        store.commit(
            Commit(
                profiles=[(name, "delegated", PROFILE, trust(name)) for name in (AGENT, SILENT)],
                sessions=[(7, b"\x01\x02\x03"), (9, b"\x01\x04")],
                shared=parts(),
                anomalies=[dict(ANOMALY)],
                positions={"http": "12"},
                counters={"events": 1_400},
            )
        )
    return store_url


def an_event(number: int) -> RawRecord:
    time = f"2026-10-05T08:{number:02d}:00Z"
    value = {
        "id": f"e-{number}", "time": time, "agent": {"id": AGENT, "role": "invoice-clerk"},
        "mode": "delegated", "tool": "invoices.read", "session": "s-1",
    }  # fmt: skip
    return RawRecord(json.dumps(value).encode(), "t", number, 2_000_000_000_000_000)


def started(store: Store) -> Worker:
    return build_worker(Settings(), store, publish=False)


def judged(worker: Worker, *numbers: int) -> None:
    out = worker.judge([an_event(number) for number in numbers])
    worker.commit(out, {}, PipelineStatus())


def warnings(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [one for one in caplog.records if one.getMessage() == "baselines_learned_again"]


def test_trust_inventory_and_anomalies_stay_and_baselines_begin_again(
    before: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(before) as store:
        assert store.anomaly(ANOMALY_ID) == ANOMALY
        judged(started(store), 0, 1)
        (said,) = warnings(caplog)
        assert (said.levelno, said.detail) == (logging.WARNING, RELEARNED)
        assert store.anomalies() == [ANOMALY]
        (now,), (silent,) = store.states(AGENT), store.states(SILENT)
        assert (now.level_state.level, now.events, now.first_seen_us) == (
            "restricted",
            702,
            FIRST_US,
        )
        assert now.ledger.items["key"] == trust(AGENT).ledger.items["key"]
        assert silent == trust(SILENT)
        profile, _ = store.profiles([AGENT])[AGENT, "delegated"]
        assert profile != PROFILE
        assert store.profiles([SILENT])[SILENT, "delegated"][0] == PROFILE
        assert store.positions() == {"http": "12"}
        assert store.counters()["events"] == 1_402


def test_shared_state_and_sessions_of_before_are_dropped_but_for_last_activity(
    before: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(before) as store:
        worker = started(store)
        assert worker.engine.last_seen.known(SILENT) is not None
        judged(worker, 0)
        names, old = set(store.shared_names()), dict(parts())
        again = {"pending", "sessions", "documents", "rates"}  # names of both judges
        assert names.isdisjoint(old.keys() - again)
        assert not [name for name in again & names if store.shared()[name] == old[name]]
        assert {"head", "pending", f"last_seen:{bucket_of(SILENT):02d}"} <= names
        assert not {7, 9} & {key for key, _ in store.all_sessions()}
        second = started(store)  # reads what was written, and says nothing more
        assert len(warnings(caplog)) == 1
        assert second.engine.last_seen.known(SILENT) == worker.engine.last_seen.known(SILENT)
        judged(second, 1)
        assert store.states(AGENT)[0].events == 702


def test_a_start_that_ends_before_its_first_commit_changes_nothing(
    before: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(before) as store:
        rows = store.shared(), list(store.all_sessions())
        started(store).judge([an_event(0)])
        assert (store.shared(), list(store.all_sessions())) == rows
        judged(started(store), 0)
        assert len(warnings(caplog)) == 2


def test_doctor_says_what_will_be_learned_again(before: str) -> None:
    settings = Settings(store=before)
    said = check_baselines(settings)
    assert (said.state, said.found) == ("optional", RELEARNED)
    with open_store(before) as store:
        judged(started(store), 0)
    said = check_baselines(settings)
    assert (said.state, said.found) == ("ok", "of this judge")


def test_last_activity_of_before_is_read_as_it_was(before: str) -> None:
    with open_store(before) as store:
        worker = started(store)
        known = worker.engine.last_seen.known(AGENT)
        assert known is not None
        assert (known.last, known.reach) == (LAST_US // 3_600_000_000, 9.0)


def test_open_anomalies_of_before_become_cases_that_a_person_can_decide(before: str) -> None:
    with open_store(before) as store:
        store.commit(Commit(anomalies=[ANOMALY | {"id": "an-2", "status": "dismissed"}]))
        judged(started(store), 0)
        (case,) = store.cases()
        assert (case["case_id"], case["status"]) == ("C-0000000000000001", "open")
        assert (case["agent_id"], case["severity"]) == (AGENT, "high")
        assert store.agents_of_case(case["case_id"]) == [AGENT]
        state = store.states(AGENT)[0]
        assert decide_trust(state, case["case_id"], "benign")
        assert state.ledger.items["key"].status == "dismissed"
        assert decide_trust(state, case["case_id"], None)
        assert state.ledger.items["key"] == trust(AGENT).ledger.items["key"]
        judged(started(store), 1)
        assert store.cases() == [case]


def test_events_that_the_judge_before_has_seen_can_be_learned(before: str) -> None:
    with open_store(before) as store:
        key, day = started(store).engine.hasher.event_keys([(AGENT, "e-0")])[0], LAST_US // DAY_US
        store.commit(Commit(seen={day: {key: 1}}))
        worker = started(store)
        judged(worker, 0)
        assert worker.counters == {"events": 1}
        judged(worker, 0)
        assert worker.counters == {"events": 1, "rejected_duplicate_id": 1}
