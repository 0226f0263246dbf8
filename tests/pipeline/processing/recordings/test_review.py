"""What `habitus learn` says of a past that is vouched for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pytest

from models.errors import ConfigError, HabitusError
from models.result import Reason, Result
from models.trust.policy import DEFAULT_POLICY
from pipeline.processing.recordings.learn import learn
from pipeline.processing.recordings.review import MAX, Review

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.event import Event
    from pipeline.processing.stream_types import RawRecord

EVENTS = 3_000
QUICK = {"learning_sessions": 3}


def with_an_odd_act(lines: list[bytes], inventory: str) -> list[bytes]:
    """Add a call of the busiest registered agent that no habit leads to."""
    events: list[dict[str, Any]] = [json.loads(line) for line in lines]
    known = [one for one in events if one["agent"]["id"] in inventory and "mode" in one]
    ((busiest, mode), _) = Counter((o["agent"]["id"], o["mode"]) for o in known).most_common(1)[0]
    usual = next(o for o in known if (o["agent"]["id"], o["mode"]) == (busiest, mode))
    usual.pop("credential", None)
    odd = usual | {
        "id": "odd",
        "time": events[-1]["time"],
        "session": "odd",
        "tool": "vault.export",
    }
    odd["resource"] = {"id": "vault/keys", "sensitivity": "restricted"}
    return [*lines, json.dumps(odd).encode()]


@pytest.fixture
def past(pipeline):
    """A past with an act that would have alerted."""
    lines = with_an_odd_act(pipeline.events(EVENTS), pipeline.inventory.read_text())
    return pipeline.file(lines, "past.jsonl")


def test_events_that_would_have_alerted_are_learned_and_reported(pipeline, past):
    settings = pipeline.settings(past, alerts_per_day=50, model=QUICK)
    out = pipeline.folder / "review.jsonl"
    learned = learn([str(past)], fmt="native", settings=settings, review=str(out))
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert learned.review.acts == len(lines) < EVENTS / 2
    assert learned.review.agents == len({line["agent_id"] for line in lines})
    assert {line["alert"] for line in lines} == {False}
    assert {line["learned"] for line in lines} == {True}
    assert all(line["anomaly"] and line["reasons"] for line in lines)
    (odd,) = [line for line in lines if line["event_id"] == "odd"]
    assert 0.0 < odd["p"] < 0.5, "p is a share of the few agent-days of this past"
    assert odd["reasons"][0]["observed"] in ("vault/keys", "vault.export", "vault restricted")


def command(pipeline, past, out: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "pipeline.cli", "learn", str(past), "--review", out],
        env=pipeline.environment(pipeline.settings(past)), cwd=pipeline.folder,
        capture_output=True, timeout=60, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_command_shows_top_anomalies_and_names_the_file_of_all(pipeline, past):
    done = command(pipeline, past, "review.jsonl")
    acts = len((pipeline.folder / "review.jsonl").read_bytes().splitlines())
    assert f"{acts} events of " in done.stderr
    assert "would have alerted and are learned; all of them are in 'review.jsonl'" in done.stderr
    assert "identity.shadow" in done.stdout


def test_dash_means_standard_output_for_lines(pipeline, past):
    done = command(pipeline, past, "-")
    acts = [json.loads(line) for line in done.stdout.splitlines()]
    assert f"{len(acts)} events of " in done.stderr
    assert {"event_id", "anomaly", "reasons"} <= acts[0].keys()
    assert not (pipeline.folder / "-").exists()


def test_review_never_overwrites_its_history(pipeline, past):
    before = past.read_bytes()
    with pytest.raises(ConfigError, match=r"--review '.*' is also an input and would be lost"):
        learn([str(past)], fmt="native", settings=pipeline.settings(past), review=str(past))
    assert past.read_bytes() == before


@pytest.mark.parametrize("there", [False, True])
def test_review_never_overwrites_a_store(pipeline, past, there):
    store = pipeline.folder / "new.db"
    settings = pipeline.settings(past, store=f"sqlite:{store}")
    if there:
        learn([str(past)], fmt="native", settings=settings)
    before = store.read_bytes() if there else None
    with pytest.raises(
        ConfigError, match=r"--review '.*new\.db' is a file of this .* \(the store\)"
    ):
        learn([str(past)], fmt="native", settings=settings, review=str(store))
    assert (store.read_bytes() if store.exists() else None) == before


def test_earlier_review_stays_if_nothing_is_learned(pipeline, past):
    settings, out = pipeline.settings(past), pipeline.folder / "review.jsonl"
    learn([str(past)], fmt="native", settings=settings, review=str(out))
    before = out.read_bytes()
    assert before
    with pytest.raises(HabitusError, match=r"nothing was learned as native: all .* were rejected"):
        learn([str(past)], fmt="native", settings=settings, review=str(out))
    assert out.read_bytes() == before


def test_review_file_is_empty_if_no_event_would_have_alerted(pipeline):
    file, out = pipeline.file(pipeline.events(30)[:20], "calm.jsonl"), pipeline.folder / "r.jsonl"
    calm = [json.loads(line) for line in file.read_bytes().splitlines()]
    known = [json.dumps(one).encode() for one in calm if one["agent"]["id"] != pipeline.SHADOW]
    out.write_bytes(b"of an earlier past")
    settings = pipeline.settings(pipeline.file(known, "calm.jsonl"))
    learned = learn([str(file)], fmt="native", settings=settings, review=str(out))
    assert learned.review.acts == 0
    assert out.read_bytes() == b""


def act(number: int, rank: float, **more: Any) -> Result:
    reasons = [Reason("tool", rank, "x", [], f"why {rank}")]
    given = {"key": f"k-{number}", "severity": "high", "anomaly": "tool.new", "change": "opened"}
    return Result(
        f"e-{number}", "a", "unknown", "s", number, rank=rank, reasons=reasons, **given | more
    )


def review_of(*acts: Result) -> Review:
    found = Review(DEFAULT_POLICY)
    for one in acts:
        found.observe(cast("RawRecord", None), cast("Event", None), one, cast("AgentState", None))
    return found


def test_anomaly_is_shown_by_its_highest_event_and_the_highest_first():
    found = review_of(act(1, 5.0), act(2, 7.0), act(1, 9.0), act(1, 6.0))
    assert [(one.rank, one.why) for one in found.worst(10)] == [(9.0, "why 9.0"), (7.0, "why 7.0")]
    assert (found.acts, found.agents) == (4, 1)


def test_note_without_a_case_is_not_in_the_review():
    assert review_of(act(1, 5.0, severity="low", change=None)).acts == 0
    assert review_of(act(1, 5.0, severity="low")).acts == 1


def test_highest_of_many_anomalies_are_kept_and_all_are_counted():
    found = review_of(*(act(n, float(n % 5_003)) for n in range(5_003)))
    kept = [one.rank for one in found.worst(5_003)]
    assert found.acts == 5_003
    assert MAX <= len(kept) <= 2 * MAX
    assert kept[:MAX] == [float(n) for n in range(5_002, 5_002 - MAX, -1)]
