"""``habitus keys`` beside a running ``habitus serve``: what it takes, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]
START_S = 60
WITHIN_S = 5
TRUST = "/v1/agents/support-4/trust"


class Machine:
    """A folder with a credential file and the command line over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        kept = {name: v for name, v in os.environ.items() if not name.startswith("HABITUS_")}
        self.environment = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "HABITUS_STORE": f"sqlite:{folder}/h.db",
            "HABITUS_API_KEYS_FILE": "keys.toml",
            "HABITUS_LISTEN": f"127.0.0.1:{self.port}",
        }
        self.command = [sys.executable, "-m", "pipeline.cli"]

    def run(self, *arguments):
        return subprocess.run(  # noqa: S603  # our own code
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=True,
        ).stdout.strip()

    @contextlib.contextmanager
    def served(self):
        """Serve; give a client and the file of the log."""
        log = self.folder / "log"
        with log.open("w") as out:
            process = subprocess.Popen(  # noqa: S603  # our own code
                [*self.command, "serve"], cwd=self.folder, env=self.environment, stderr=out
            )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10) as client:
                eventually(lambda: client.get("/readyz").status_code == 200, START_S)
                yield client, log
        finally:
            process.terminate()
            process.wait(START_S)


def eventually(holds, seconds):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.TransportError):
            if holds():
                return
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


def events(log):
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    return [json.loads(line) for line in lines]


def key(secret):
    return {"X-API-Key": secret}


@pytest.mark.slow
def test_a_credential_file_that_goes_and_comes_back_under_a_running_server(tmp_path):
    machine = Machine(tmp_path)
    operator = machine.run("keys", "add", "ops", "--scope", "admin")
    producer = machine.run(
        "keys", "add", "support", "--scope", "actions:write", "--agent", "support-*"
    )
    path = tmp_path / "keys.toml"
    with machine.served() as (client, log):

        def status(secret):
            return client.get(TRUST, headers=key(secret)).status_code

        assert status(operator) == 200
        good = path.read_bytes()
        for spoil in (path.unlink, lambda: path.write_bytes(b"")):
            spoil()
            eventually(lambda: status(operator) == 503, WITHIN_S)
            assert client.get("/readyz").status_code == 503
            path.write_bytes(good)
            eventually(lambda: status(operator) == 200, WITHIN_S)
        said = [line["event"] for line in events(log)]
        assert said.count("credentials_unusable") == said.count("credentials_usable_again") == 2

        # The agent whose binding is checked is the one that is judged, whichever comes first.
        head = '{"id":"e-%d","time":"2026-01-05T08:00:00Z","tool":"t",'
        body = [
            head % 1 + '"agent":{"id":"victim"},"agent":{"id":"support-4"}}',
            head % 2 + '"agent":{"id":"support-4"},"agent":{"id":"victim"}}',
            head % 3 + '"agent":{"id":"support-5"}}',
        ]
        answer = client.post(
            "/v1/actions",
            content=f"[{','.join(body)}]",
            headers={**key(producer), "Content-Type": "application/json"},
        )
        assert [one["reason"] for one in answer.json()["results"]] == [None, "not_permitted", None]

        def agents():
            return {
                one["agent_id"]
                for one in client.get("/v1/agents", headers=key(operator)).json()["agents"]
            }

        eventually(lambda: "support-5" in agents(), START_S)
        assert agents() == {"support-4", "support-5"}

        machine.run("keys", "revoke", "ops")
        eventually(lambda: status(operator) == 401, WITHIN_S)
        assert status(producer) == 403

        lines = [line for line in events(log) if line["event"] == "authentication_failed"]
        revoked = [line for line in lines if line["reason"] == "revoked_key"]
        assert {**revoked[0], "time": "", "level": ""} == {
            "time": "", "level": "", "event": "authentication_failed", "client": "127.0.0.1",
            "reason": "revoked_key", "needs": "trust:read", "key_id": "ops",
        }  # fmt: skip
        lacking = [line for line in events(log) if line["event"] == "scope_refused"]
        assert [(one["subject"], one["needs"]) for one in lacking] == [("support", "trust:read")]
        refused = [client.get(TRUST, headers=key(f"hbt_{n}")).status_code for n in range(30)]
        assert refused[-1] == 429
        other = machine.run("keys", "add", "new", "--scope", "trust:read")
        eventually(lambda: status(other) == 200, WITHIN_S)
        names = re.findall(r"^# TYPE (\S+)", client.get("/metrics").text, re.MULTILINE)
        assert len(names) == len(set(names)), "two parts of the API use one name of a metric"
        assert "habitus_api_credentials_refused_total" in names
        assert operator not in log.read_text()
        assert other not in log.read_text()
