"""Models are fitted on a history, and used in the stream (lab.fitting)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.exploration import Explored
from lab.fitting import History, tool_shares
from lab.simulation.sample import fleet_events
from models.detectors.fitted.columns import COLUMNS
from models.detectors.fitted.isolation_forest import fit_forest
from models.detectors.fitted.peer_groups import group_agents
from pipeline.files.fitted_models import save_fitted
from pipeline.settings import Settings


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("offline") / "events.jsonl"
    path.write_bytes(b"\n".join(fleet_events(7, 8, limit=1_500)) + b"\n")
    return str(path)


def without_roles(recording: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in Path(recording).read_text().splitlines()]
    for line in lines:
        line["agent"].pop("role", None)
    return lines


def test_agents_of_a_role_are_one_group_although_no_role_is_given(recording: str) -> None:
    shares = tool_shares([recording], fmt="native")
    groups = group_agents(shares)
    roles: dict[str, set[str | None]] = {}
    for agent in shares.agents:
        roles.setdefault(agent.rsplit("-", 1)[0], set()).add(groups.role(agent))
    assert all(len(found) == 1 for found in roles.values())
    assert groups.silhouette > 0.3
    assert groups.role("nobody") is None


def test_groups_replace_undeclared_roles(recording: str, tmp_path: Path) -> None:
    lines = without_roles(recording)
    bare = tmp_path / "bare.jsonl"
    bare.write_text("".join(json.dumps(line) + "\n" for line in lines))
    save_fitted(group_agents(tool_shares([str(bare)], fmt="native")), tmp_path / "models")
    settings = Settings(offline_models=tmp_path / "models", clock="event")
    explored = Explored([str(bare)], fmt="native", settings=settings)
    assert explored.events.role.str.startswith("like:").all()
    declared = Explored([recording], fmt="native", settings=settings)
    assert not declared.events.role.str.startswith("like:").any()


def test_a_forest_judges_like_a_built_in_detector(recording: str, tmp_path: Path) -> None:
    plain = Settings(clock="event")
    history = History([recording], fmt="native", settings=plain)
    assert history.matrix.shape == (len(history.agents), len(COLUMNS))
    assert np.isfinite(history.matrix).all()
    assert (history.matrix.std(axis=0) > 0).sum() > len(COLUMNS) // 2
    save_fitted(fit_forest(history.matrix, trees=20), tmp_path)
    with_it = Explored(
        [recording], fmt="native", settings=plain.model_copy(update={"offline_models": tmp_path})
    )
    said = [r for rs in with_it.events.reasons for r in rs if r["feature"] == "isolation_forest"]
    assert said
    assert "Numbers that are unusual together" in said[0]["why"]
