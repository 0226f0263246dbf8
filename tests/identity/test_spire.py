"""A real SPIRE: its audit log, its entries and the tokens of two workloads name the same agents."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.identity.realm import claims_of
from tests.identity.spire import NODE, Spire

if TYPE_CHECKING:
    from pathlib import Path

    from tests.identity.conftest import Command

pytestmark = [pytest.mark.spire, pytest.mark.slow, pytest.mark.timeout(600)]
PATHS = ("/agent/mail-bot", "/agent/pay-bot")
STRANGER = "/agent/stranger"


@pytest.mark.parametrize(
    ("log_format", "uids"),
    [
        pytest.param("JSON", (61_001, 61_002), id="two users, JSON log"),
        pytest.param("text", (os.geteuid(), os.geteuid()), id="two programs of one user, text log"),
    ],
)
def test_log_entries_and_tokens_of_two_workloads_name_the_same_agents(
    spire_programs: Path, habitus: Command, log_format: str, uids: tuple[int, int]
) -> None:
    if os.geteuid() not in {0, *uids}:
        pytest.skip("only root starts workloads of two users")
    with Spire(spire_programs, log_format) as spire:
        workloads = [spire.register(path, uid) for path, uid in zip(PATHS, uids, strict=True)]
        tokens = [claims_of(spire.token_of(one, "payments", "mail")) for one in workloads]
        refused = spire.fetch(spire.workload(STRANGER, uids[0]), "payments")
        spire.attest_again()
        entries, lines = spire.entries(), spire.audit_lines()
    names = [one.spiffe_id for one in workloads]
    of_tokens = habitus.decoded(
        "oauth", *({"time": one["iat"], "tool": "pay", "claims": one} for one in tokens)
    )
    of_log = habitus.decoded("spire", *lines)
    issued = [one for one in of_log if one["tool"] == "svid.v1.SVID/NewJWTSVID"]
    assert [one["agent"]["id"] for one in of_tokens] == names
    assert [one["agent"]["id"] for one in issued] == names
    for one in (*of_tokens, *issued):
        assert one["mode"] == "autonomous"
        assert one["resource"] == {"id": "payments", "type": "audience"}
    assert {tuple(one["credential"]["scopes"]) for one in issued} == {("aud:payments", "aud:mail")}
    assert len({one["credential"]["id"] for one in (*of_tokens, *issued)}) == 4
    certified = {one["agent"]["id"] for one in of_log if one["tool"].endswith("BatchNewX509SVID")}
    assert certified == {NODE, *names}
    registered = [one for one in of_log if one["tool"].endswith("BatchCreateEntry")]
    assert [one["resource"]["id"] for one in registered] == names
    assert {one["agent"]["id"] for one in registered} == {f"spire-server/uid:{os.geteuid()}"}
    assert not [one for one in (*of_tokens, *of_log) if "human" in one]

    assert refused.returncode
    assert "no identity issued" in refused.stderr
    assert STRANGER not in str(of_log)
    failed = [one for one in of_log if one.get("outcome") == "error"]
    assert {one["attributes"]["status_code"] for one in failed} == {"InvalidArgument"}
    assert {one["agent"]["id"] for one in failed} == {"spire-server/unauthenticated"}

    (habitus.folder / "entries.json").write_text(entries)
    habitus("inventory", "import", "spire", "entries.json", "--out", "agents.yaml", "--yes")
    imported = yaml.safe_load((habitus.folder / "agents.yaml").read_text())["agents"]
    assert {one["agent_id"] for one in imported} == set(names)
    selectors = {one["agent_id"]: one["selectors"] for one in imported}
    for workload in workloads:
        named = f"unix:path:{workload.program}; unix:uid:{workload.uid}"
        assert selectors[workload.spiffe_id] == named
