"""A real SPIRE: its audit log and the tokens of two workloads name the same agents."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.identity.realm import claims_of
from tests.identity.spire import Spire

if TYPE_CHECKING:
    from pathlib import Path

    from tests.identity.conftest import Command

pytestmark = [pytest.mark.spire, pytest.mark.slow, pytest.mark.timeout(600)]
PATHS = {"/agent/mail-bot": 61_001, "/agent/pay-bot": 61_002}


def test_log_and_tokens_of_two_workloads_name_the_same_agents(
    spire_programs: Path, habitus: Command
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root starts workloads of two users")
    with Spire(spire_programs) as spire:
        names = {spire.register(path, uid): uid for path, uid in PATHS.items()}
        tokens = [claims_of(spire.token_of(uid, "payments")) for uid in names.values()]
        lines = spire.audit_lines()
    of_tokens = habitus.decoded(
        "oauth", *({"time": one["iat"], "tool": "pay", "claims": one} for one in tokens)
    )
    of_log = habitus.decoded("spire", *lines)
    issued = [one for one in of_log if one["tool"] == "svid.v1.SVID/NewJWTSVID"]
    assert [one["agent"]["id"] for one in of_tokens] == list(names)
    assert [one["agent"]["id"] for one in issued] == list(names)
    assert {one["mode"] for one in (*of_tokens, *issued)} == {"autonomous"}
    assert {one["resource"]["id"] for one in issued} == {"payments"}
    assert not [one for one in (*of_tokens, *issued) if "human" in one]
