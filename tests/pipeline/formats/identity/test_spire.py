from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.formats.decoding import assembled, event_of, events_of
from tests.pipeline.formats.samples import SPIRE

if TYPE_CHECKING:
    from pathlib import Path


def test_issued_svid_is_an_event_of_its_workload() -> None:
    event = event_of("spire", SPIRE)
    assert event["agent"] == {"id": "spiffe://example.org/agent/invoice-bot"}
    assert event["mode"] == "autonomous"
    assert event["tool"] == "svid.v1.SVID/NewJWTSVID"
    assert event["resource"] == {"id": "payments", "type": "audience"}
    assert event["network"] == {"source_ip": "192.0.2.7"}
    assert event["credential"]["expires_at"] == "2026-01-05T08:05:00Z"
    assert event["credential"]["scopes"] == ["aud:payments"]
    assert event["attributes"]["caller_id"] == "spiffe://example.org/spire/agent/node-1"


def test_json_log_gives_the_same_event() -> None:
    line = {
        "time": "2026-01-05T08:00:00Z", "type": "audit", "method": "NewJWTSVID",
        "service": "svid.v1.SVID", "request_id": "r-1", "entry_id": "e-1", "status": "success",
        "audience": "payments", "ttl": 300, "authorized_as": "agent", "level": "info",
        "caller_addr": "192.0.2.7:55370", "caller_id": "spiffe://example.org/spire/agent/node-1",
        "spiffe_id": "spiffe://example.org/agent/invoice-bot",
    }  # fmt: skip
    assert event_of("spire", line) == event_of("spire", SPIRE)


def test_line_without_an_audit_gives_no_event() -> None:
    assert events_of("spire", 'time="2026-01-05T08:00:00Z" level=info msg="Starting"') == []


@pytest.mark.parametrize(
    ("code", "outcome"), [("PermissionDenied", "denied"), ("InvalidArgument", "error")]
)
def test_refused_request_is_denied(code: str, outcome: str) -> None:
    line = SPIRE.replace("status=success", f"status=error status_code={code}")
    assert event_of("spire", line)["outcome"] == outcome


@pytest.mark.parametrize(
    ("code", "name", "outcome"),
    [(7, "PermissionDenied", "denied"), (16, "Unauthenticated", "denied"),
     (5, "NotFound", "error"), (99, "99", "error")],
)  # fmt: skip
def test_json_log_has_the_number_of_a_code(code: int, name: str, outcome: str) -> None:
    line = {
        "time": "2026-01-05T08:00:00Z", "type": "audit", "method": "AttestAgent",
        "service": "agent.v1.Agent", "request_id": "r-1", "status": "error", "status_code": code,
    }  # fmt: skip
    event = event_of("spire", line)
    assert (event["outcome"], event["attributes"]["status_code"]) == (outcome, name)


def test_audiences_of_a_token_are_separate() -> None:
    event = event_of("spire", SPIRE.replace("audience=payments", 'audience="payments,mail"'))
    assert event["resource"] == {"id": "payments", "type": "audience"}
    assert event["credential"]["scopes"] == ["aud:payments", "aud:mail"]


@pytest.mark.shared
def test_recorded_log_gives_an_event_a_line(shared_dir: Path) -> None:
    raw = (shared_dir / "fixtures" / "spire" / "server-audit.log").read_bytes()
    events = events_of("spire", *raw.splitlines())
    assert len(events) == len(raw.splitlines()) == 39
    assert len({one["id"] for one in events}) == 39
    assert events == events_of("spire", raw)


@pytest.mark.shared
def test_recorded_rogue_svids_are_minted_by_a_local_user(shared_dir: Path) -> None:
    raw = (shared_dir / "fixtures" / "spire" / "server-audit.log").read_bytes()
    minted = [one for one in events_of("spire", raw) if "rogue" in one["agent"]["id"]]
    assert [one["tool"] for one in minted] == [
        "svid.v1.SVID/MintJWTSVID", "svid.v1.SVID/MintX509SVID",
    ]  # fmt: skip
    assert {one["attributes"]["caller_uid"] for one in minted} == {"0"}
    assert minted[1]["credential"]["expires_at"] == "2026-11-24T15:38:43Z"


@pytest.mark.shared
def test_recorded_failures_are_errors_without_a_caller(shared_dir: Path) -> None:
    raw = (shared_dir / "fixtures" / "spire" / "server-audit.log").read_bytes()
    failed = [one for one in events_of("spire", raw) if one.get("outcome") == "error"]
    assert len(failed) == 2
    assert {one["agent"]["id"] for one in failed} == {"spire-server/unauthenticated"}
    assert json.dumps(failed).count("already been used") == 2
    assert len(assembled("spire", raw)[0]) == 39


def test_line_that_a_container_runtime_wraps_is_read() -> None:
    line = {"time": "2026-01-05T08:00:00Z", "type": "audit", "method": "NewJWTSVID",
            "service": "svid.v1.SVID", "spiffe_id": "spiffe://example.org/bot",
            "audience": "payments", "status": "success", "request_id": "r-9"}  # fmt: skip
    wrapped = {"log": json.dumps(line) + "\n", "stream": "stdout", "time": "2026-01-05T08:00:01Z"}
    assert event_of("spire", wrapped) == event_of("spire", line)
