"""An id that is used again hides nothing: the same content is a repeat, other content a finding."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pipeline.store import Commit, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
HEADERS = {"Content-Type": "application/json"}
BENIGN = {
    "id": "e-1",
    "time": "2026-01-05T08:00:00Z",
    "agent": {"id": "support-desk-4", "role": "support-desk"},
    "tool": "crm.read",
    "purpose": "Look up the order of Ines",
    "network": {"source_ip": "192.0.2.7", "egress": "direct"},
}
ATTACK = BENIGN | {
    "tool": "bank.pay",
    "arguments": {"to": "DE00 6666"},
    "argument_origins": {"to": [["DE00 6666", ["result:browse_webpage"]]]},
    "network": {"source_ip": "198.51.100.9", "egress": "tor"},
}


def posted(client: httpx.Client, *events: dict[str, Any]) -> list[str]:
    answer = client.post("/v1/actions", json=list(events))
    assert answer.status_code == 202
    body = answer.json()
    found = [result["status"] for result in body["results"]]
    for status in ("accepted", "duplicate", "conflict", "rejected"):
        assert body[status] == found.count(status)
    return found


def waiting(installation: Any) -> list[str]:
    return [json.loads(value)["tool"] for _, value, _ in installation.store.inbox_batch(0, 100)]


def test_event_that_waits_in_the_inbox_is_known(client, installation):
    assert posted(client, BENIGN) == ["accepted"]
    assert posted(client, BENIGN) == ["duplicate"]
    assert posted(client, ATTACK) == ["conflict"]
    assert posted(client, ATTACK, BENIGN) == ["duplicate", "duplicate"]
    assert waiting(installation) == ["crm.read", "bank.pay"]
    page = client.get("/metrics").text
    for status, count in (("accepted", 1), ("duplicate", 3), ("conflict", 1)):
        assert f'habitus_api_actions_total{{reason="",status="{status}"}} {count}.0' in page


def test_events_of_one_request_are_compared_in_their_order(client, installation):
    other_id, other_agent = BENIGN | {"id": "e-2"}, BENIGN | {"agent": {"id": "support-desk-5"}}
    sent = (BENIGN, ATTACK, {"id": "e-1"}, BENIGN, ATTACK, other_id, other_agent)
    assert posted(client, *sent) == [
        "accepted", "conflict", "rejected", "duplicate", "duplicate", "accepted", "accepted",
    ]  # fmt: skip
    assert waiting(installation) == ["crm.read", "bank.pay", "crm.read", "crm.read"]


def test_the_same_content_in_another_spelling_is_a_repeat(client):
    posted(client, BENIGN)
    other = json.dumps(dict(reversed(BENIGN.items())), indent=3).replace("Ines", "\\u0049nes")
    answer = client.post("/v1/actions", content=other, headers=HEADERS).json()
    assert [result["status"] for result in answer["results"]] == ["duplicate"]


def test_request_of_repeats_is_accepted(client):
    posted(client, BENIGN)
    answer = client.post("/v1/actions", json=BENIGN)
    assert (answer.status_code, answer.json()["duplicate"]) == (202, 1)


def test_event_accepted_by_another_process_is_known_to_all(client, installation):
    url = f"sqlite:{installation.store.path}"
    with open_store(url) as other:
        assert other.inbox([json.dumps(BENIGN).encode()]) == ["accepted"]
    assert posted(client, BENIGN, ATTACK) == ["duplicate", "conflict"]
    installation.store.commit(Commit(inbox_done=2))  # judged elsewhere, and forgotten since
    assert posted(client, BENIGN) == ["accepted"]


@contextmanager
def served(folder: Path) -> Iterator[httpx.Client]:
    """Serve and judge in a process of its own, which is killed at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    kept = {name: value for name, value in os.environ.items() if "HABITUS_" not in name}
    given = {"STORE": f"sqlite:{folder}/h.db", "LISTEN": address, "LOG_LEVEL": "warning"}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(  # our own code
            [sys.executable, "-m", "pipeline.cli", "serve"],
            cwd=folder,
            env=kept
            | {f"HABITUS_{name}": value for name, value in given.items()}
            | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=10) as client:
            until(lambda: client.get("/readyz").status_code == 200)
            yield client
    finally:
        process.kill()
        process.wait(10)


def until(holds: Any, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := holds():
                return found
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not come true in time")


@pytest.mark.slow
def test_an_attack_under_the_id_of_a_benign_event_is_judged_and_found(tmp_path):
    def judged(client: httpx.Client) -> float:
        page = client.get("/metrics").text.splitlines()
        lines = [line for line in page if line.startswith("habitus_pipeline_events_total")]
        return float(lines[0].rpartition(" ")[2]) if lines else 0

    now = {"time": datetime.now(UTC).isoformat()}
    benign, attack = BENIGN | now, ATTACK | now
    with served(tmp_path) as client:
        assert posted(client, benign) == ["accepted"]
        until(lambda: judged(client) == 1)
        assert posted(client, benign) == ["duplicate"]
        assert posted(client, attack) == ["conflict"]
    with served(tmp_path) as client:  # killed, and begun anew
        assert posted(client, attack, benign) == ["duplicate", "duplicate"]
        (found,) = until(lambda: client.get("/v1/anomalies").json()["anomalies"])
        until(lambda: judged(client) == 2)
        trust = client.get("/v1/agents/support-desk-4/trust").json()
    assert (found["anomaly"], found["severity"]) == ("telemetry.conflict", "high")
    assert (found["event_id"], found["tool"]) == ("e-1", "bank.pay")
    assert [reason["anomaly"] for reason in trust["reasons"]] == ["telemetry.conflict"]
