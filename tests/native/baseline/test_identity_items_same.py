"""Identity findings of agents in several modes: the kernel leaves the reference's state."""

from __future__ import annotations

import json

from lab.simulation.sample import fleet_events
from tests.native.both import needs_native
from tests.native.loop.test_fast_path_same import same

pytestmark = needs_native


def test_identity_findings_of_one_mode_change_all_modes_alike(tmp_path):
    lines = list(fleet_events(11, 8, limit=3_000))
    for at, line in enumerate(lines):
        event = json.loads(line)
        event["mode"] = ("delegated", "autonomous", "unknown")[at // 3 % 3]
        if at > 1_000 and at % 200 == 0:
            event["credential"] = {"id": "c", "expires_at": "2020-01-01T00:00:00Z"}
        lines[at] = json.dumps(event).encode()
    found, quiet = same(tmp_path, lines, batch=300)
    assert quiet > 700
    anomalies = [json.loads(line) for line in found["agent.anomalies.jsonl"]]
    assert len({one["agent_id"] for one in anomalies if one["anomaly"] == "cred.lifetime"}) >= 4
