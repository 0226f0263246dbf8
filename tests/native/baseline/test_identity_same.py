"""Who an agent is: both kernels take, and refuse, the same claims."""

from __future__ import annotations

import json
from typing import Any

from lab.simulation.sample import fleet_events
from tests.native.both import needs_native
from tests.native.loop.test_fast_path_same import same

pytestmark = needs_native

EVENTS = 1_800
ROWS = ("{id},{role},desk,blue", "{id},{role},,", "{id},,desk,blue", "{id},{role},ops,", "{id},,,")


def claiming(every: int) -> list[bytes]:
    """A fleet in which every so many events claim something, in two modes, or announce it."""
    lines = []
    for at, line in enumerate(fleet_events(11, 6, limit=EVENTS)):
        event = json.loads(line)
        agent = event["agent"]
        if at < EVENTS // 3:  # first without a role
            del agent["role"]
        if at % 11 == 0:
            event["mode"] = "unknown"
        if at % every == 0:
            event |= claim(at // every, agent)
        lines.append(json.dumps(event).encode())
    return lines


def claim(number: int, agent: dict[str, Any]) -> dict[str, Any]:
    """Let an agent claim one thing or another; give what changes of its event."""
    which = number % 10
    agent |= (
        {"role": "data-steward"}, {"owner": "ceo"}, {"team": "red"}, {"role": ""},
        {"owner": "desk"}, {"role": "like:x"}, {"role": "steward"},
        {"owner": "ops", "role": "steward"}, {}, {},
    )[which]  # fmt: skip
    if which in (6, 7):
        return {"kind": ("deployment", "owner_change")[which - 6]}
    if which > 7:
        return {
            "attributes": {
                ("team", "agent.team")[which - 8]: ("red", "bl\u00fce")[number // 10 % 2]
            }
        }
    return {}


def findings(found: dict[str, Any], anomaly: str) -> int:
    messages = [json.loads(line) for line in found["agent.anomalies.jsonl"]]
    return len({one["id"] for one in messages if one["anomaly"] == anomaly})


def test_claims_without_an_inventory_leave_the_same_state(tmp_path):
    found, quiet = same(tmp_path, claiming(30))
    assert findings(found, "identity.mismatch") > 5
    assert quiet > EVENTS // 3


def test_claims_against_an_inventory_leave_the_same_state(tmp_path):
    lines = claiming(30)
    agents = sorted({json.loads(line)["agent"]["id"] for line in lines})
    known = zip(agents[:-1], ROWS, strict=True)
    rows = [row.format(id=one, role=one.rsplit("-", 1)[0]) for one, row in known]
    inventory = tmp_path / "inventory.csv"
    inventory.write_text("\n".join(["agent_id,role,owner,team", *rows]) + "\n")
    found, quiet = same(tmp_path, lines, inventory=inventory)
    assert findings(found, "identity.mismatch") > 5
    assert findings(found, "identity.shadow")
    assert quiet > EVENTS // 3


def test_kernel_judges_events_with_correct_role_and_team(tmp_path):
    lines, agents = [], set()
    for line in fleet_events(11, 6, limit=EVENTS):
        event = json.loads(line)
        event["agent"]["owner"], event["attributes"] = "desk", {"team": "blue"}
        agents.add(event["agent"]["id"])
        lines.append(json.dumps(event).encode())
    inventory = tmp_path / "inventory.csv"
    rows = [f"{one},{one.rsplit('-', 1)[0]},desk,blue\n" for one in sorted(agents)]
    inventory.write_text("agent_id,role,owner,team\n" + "".join(rows))
    found, quiet = same(tmp_path, lines, inventory=inventory)
    assert not findings(found, "identity.mismatch")
    (tmp_path / "bare").mkdir()
    _, bare = same(tmp_path / "bare", [_bare(line) for line in lines])
    assert quiet == bare


def _bare(line: bytes) -> bytes:
    """Leave out what an event claims but for its role."""
    event = json.loads(line)
    del event["attributes"], event["agent"]["owner"]
    return json.dumps(event).encode()
