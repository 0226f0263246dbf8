"""A client generated from the served description type-checks, and makes real calls."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from pipeline.credentials.entries import make_key

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
from datetime import UTC, datetime

from habitus_client import AuthenticatedClient
from habitus_client.api.actions import post_actions
from habitus_client.api.trust import get_agent_trust, query_trust
from habitus_client.models import (
    ActionResults,
    Agent,
    Event,
    EventBatch,
    EventMode,
    RejectedActions,
    Resource,
    Trust,
    TrustAnswers,
    TrustQuery,
)

client = AuthenticatedClient(sys.argv[1], sys.argv[2])
trust = get_agent_trust.sync("spiffe://example.com/ns/shop/sa/refunds", client=client)
assert isinstance(trust, Trust), trust
assert (trust.agent_id, trust.state.value) == ("spiffe://example.com/ns/shop/sa/refunds", "active")
many = query_trust.sync(client=client, body=TrustQuery(agents=[trust.agent_id, "nobody"]))
assert isinstance(many, TrustAnswers), many
assert [one.state.value for one in many.answers] == ["active", "unknown"]
event = Event(
    id="e-1",
    time=datetime(2026, 1, 5, 8, tzinfo=UTC),
    agent=Agent(id="a"),
    tool="mail.send",
    mode=EventMode.DELEGATED,
    resource=Resource(id="orders/1"),
)
event["resorce"] = {"id": "r"}
taken = post_actions.sync(client=client, body=EventBatch(events=[event]))
assert isinstance(taken, ActionResults), taken
assert (taken.accepted, taken.warnings[0].suggestion) == (1, "resource")
refused = post_actions.sync(client=client, body=[Event("", event.time, event.agent, "t")])
assert isinstance(refused, RejectedActions), refused
assert (refused.status, refused.results[0].reason) == (422, "bad_value")
"""
# The generator knows few content types; a token is bytes to it.
CONFIG = """
post_hooks: []
content_type_overrides:
  application/secevent+jwt: application/octet-stream
"""


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(  # noqa: S603  # tools of our own environments
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.slow
def test_a_generated_client_type_checks_and_is_answered(installation, tmp_path, tools):
    key, entry = make_key("client", ["trust:read", "actions:write"])
    keys = tmp_path / "keys.json"
    keys.write_bytes(msgspec.json.encode([entry]))
    installation.put(installation.state())
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "program.py").write_text(PROGRAM)
    with installation.client(key=key, api_keys_file=keys) as client:
        (tmp_path / "openapi.json").write_bytes(client.get("/openapi.json").content)
        run(
            tmp_path, str(tools / "openapi-python-client"), "generate", "--path", "openapi.json",
            "--meta", "none", "--output-path", "habitus_client", "--config", "config.yaml",
            "--fail-on-warning",
        )  # fmt: skip
        mypy = (sys.executable, "-m", "mypy", "--strict", "--config-file", "")
        run(tmp_path, *mypy, "habitus_client", "program.py")
        run(tmp_path, sys.executable, "program.py", str(client.base_url), key)
    kept = [value for _, value, _ in installation.store.inbox_batch(0, 10)]
    assert len(kept) == 1
    assert b'"resorce"' in kept[0]
