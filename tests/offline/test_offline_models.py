"""Models fitted on history: groups, a forest, and what is refused when they are loaded."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from lab.exploration import Explored
from lab.simulation.sample import fleet_events
from models.errors import ConfigError
from pipeline.commands.doctor.checks import examine
from pipeline.offline import (
    SIGNS,
    PeerGroups,
    SecondOpinion,
    fit_opinion,
    group_agents,
    load_offline,
    tool_shares,
)
from pipeline.offline.grouping import shares_of
from pipeline.offline.history import History
from pipeline.processing.runner import run
from pipeline.settings import Settings
from pipeline.sharding.loop import run_sharded

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.commands.doctor.checks import Check

ROWS = np.random.default_rng(7).normal(size=(600, len(SIGNS)))


@pytest.fixture(scope="module")
def opinion() -> SecondOpinion:
    return fit_opinion(ROWS, trees=24)


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


def test_the_forest_scores_as_scikit_learn_does(opinion: SecondOpinion) -> None:
    forest = IsolationForest(n_estimators=24, max_samples=256, random_state=7).fit(ROWS)
    others = np.random.default_rng(8).normal(scale=2.0, size=(50, len(SIGNS)))
    mine = [opinion.score(row.tolist()) for row in others]
    assert mine == pytest.approx((-forest.score_samples(others)).tolist(), abs=1e-12)


def test_a_kept_forest_gives_the_same_scores_and_version(
    opinion: SecondOpinion, tmp_path: Path
) -> None:
    opinion.save(tmp_path)
    groups, (loaded,) = load_offline(tmp_path)
    assert groups is None
    assert (loaded.name, loaded.version) == (opinion.name, opinion.version)
    assert loaded.score([0.3] * len(SIGNS)) == opinion.score([0.3] * len(SIGNS))


def test_bits_say_how_rare_a_score_is(opinion: SecondOpinion) -> None:
    odd, usual = opinion.score([6.0] * len(SIGNS)), opinion.score([0.0] * len(SIGNS))
    assert opinion.bits(odd) > 8
    assert opinion.bits(usual) < 1


def test_a_row_of_another_shape_is_refused(opinion: SecondOpinion) -> None:
    with pytest.raises(ConfigError, match="fitted on 15 columns, got 3"):
        opinion.score([0.0] * 3)
    with pytest.raises(ConfigError, match="expected 15 columns"):
        fit_opinion(ROWS[:, :4])
    with pytest.raises(ConfigError, match="at least 200 rows"):
        fit_opinion(ROWS[:50])
    with pytest.raises(ConfigError, match="row 3 has others"):
        fit_opinion(np.where(np.arange(len(ROWS))[:, None] == 3, np.nan, ROWS))


def _other_columns(file: dict[str, Any]) -> None:
    file["header"]["features"][0] = "moon"


def _other_format(file: dict[str, Any]) -> None:
    file["header"]["format"] = 2


def _other_kind(file: dict[str, Any]) -> None:
    file["header"]["kind"] = "oracle"


def _other_numbers(file: dict[str, Any]) -> None:
    file["body"]["norm"] = 3.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_columns, "does not match its digest"),
        (_other_format, "is of format 2, this is 1; fit it again"),
        (_other_kind, "kind 'oracle', expected"),
        (_other_numbers, "does not match its digest"),
    ],
)
def test_a_changed_file_is_refused_in_words(
    opinion: SecondOpinion, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    path = opinion.save(tmp_path)
    file = json.loads(path.read_text())
    change(file)
    path.write_text(json.dumps(file, separators=(",", ":")))
    with pytest.raises(ConfigError, match=said):
        load_offline(tmp_path)


def detectors_in(folder: Path) -> Check:
    checks = examine(Settings(offline_models=folder, store="sqlite::memory:"), at_us=0)
    return next(check for check in checks if check.name == "detectors")


def test_a_folder_without_a_model_is_refused_by_worker_and_doctor(tmp_path: Path) -> None:
    (tmp_path / "forest.json").write_text("{}")
    said = r"no model in '.*', expected files \*\.model\.json; leave HABITUS_OFFLINE_MODELS empty"
    source = f"file:{tmp_path}"
    alone = Settings(source=source, offline_models=tmp_path, store="sqlite::memory:")
    shared = alone.model_copy(update={"store": "postgresql://db.example.com/habitus"})
    with pytest.raises(ConfigError, match=said):
        run(alone, drain=True, stop=threading.Event())
    with pytest.raises(ConfigError, match=said):  # before it looks for a server
        run_sharded(shared, drain=True, progress=None, stop=threading.Event())
    check = detectors_in(tmp_path)
    assert check.state == "missing"
    assert re.match(said, check.found)


def test_doctor_loads_them_and_says_what_is_wrong(opinion: SecondOpinion, tmp_path: Path) -> None:
    def detectors() -> Check:
        return detectors_in(tmp_path)

    path = opinion.save(tmp_path)
    good = detectors()
    assert (good.state, good.found) == ("ok", opinion.name)
    path.write_text(path.read_text().replace("1", "2"))
    bad = detectors()
    assert bad.state == "missing"
    assert path.name in bad.found


def test_a_forest_of_other_columns_is_refused_by_name(
    opinion: SecondOpinion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opinion.save(tmp_path)
    monkeypatch.setattr("pipeline.offline.opinion.SIGNS", (*SIGNS, "moon"))
    with pytest.raises(ConfigError, match=r"15 columns .* this version has 16 .*moon.*fit it"):
        load_offline(tmp_path)


def test_a_tree_that_would_walk_for_ever_is_refused(opinion: SecondOpinion) -> None:
    body = opinion._body
    left = list(body.trees[0][0])
    left[0] = 0
    trees = [(left, *body.trees[0][1:]), *body.trees[1:]]
    looped = type(body)(trees, body.norm, body.reference)
    with pytest.raises(ConfigError, match="tree 1 of loop is malformed"):
        SecondOpinion("loop", "1", SIGNS, looped)


@pytest.mark.parametrize("text", [b"", b"{}", b"\x80\x04\x95pickle", b"[1]"])
def test_what_is_no_model_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.model.json").write_bytes(text)
    with pytest.raises(ConfigError, match=r"x\.model\.json is no fitted model"):
        load_offline(tmp_path)


def test_agents_of_a_role_come_into_one_group_without_being_told_the_role(recording: str) -> None:
    shares = tool_shares([recording], fmt="native")
    groups = group_agents(shares)
    roles: dict[str, set[str | None]] = {}
    for agent in shares.agents:
        roles.setdefault(agent.rsplit("-", 1)[0], set()).add(groups.role(agent))
    assert all(len(found) == 1 for found in roles.values())
    assert groups.silhouette > 0.3
    assert groups.role("nobody") is None


def test_groups_do_not_depend_on_the_order_of_agents() -> None:
    counts = {f"post-{n}": Counter({"mail.read": 30 + n, "files.read": 3}) for n in range(4)}
    counts |= {f"bank-{n}": Counter({"bank.pay": 30 + n}) for n in range(4)}
    forward = group_agents(shares_of(counts))
    backward = group_agents(shares_of(dict(reversed(counts.items()))))
    assert forward.of == backward.of
    assert forward.nearest({"bank.pay": 5}) == forward.role("bank-0")


def test_two_agents_have_no_groups() -> None:
    with pytest.raises(ConfigError, match="at least 3 agents"):
        group_agents(shares_of({"a": Counter(x=30), "b": Counter(y=30)}))


def test_groups_stand_in_for_roles_that_nobody_declared(recording: str, tmp_path: Path) -> None:
    lines = without_roles(recording)
    bare = tmp_path / "bare.jsonl"
    bare.write_text("".join(json.dumps(line) + "\n" for line in lines))
    group_agents(tool_shares([str(bare)], fmt="native")).save(tmp_path / "models")
    settings = Settings(offline_models=tmp_path / "models", clock="event")
    explored = Explored([str(bare)], fmt="native", settings=settings)
    assert explored.events.role.str.startswith("like:").all()
    declared = Explored([recording], fmt="native", settings=settings)
    assert not declared.events.role.str.startswith("like:").any()


def test_the_forest_adds_a_reason_and_moves_no_number(recording: str, tmp_path: Path) -> None:
    plain = Settings(clock="event")
    history = History([recording], fmt="native", settings=plain)
    assert history.matrix.shape == (len(history.agents), len(SIGNS))
    assert np.isfinite(history.matrix).all()
    fit_opinion(history.matrix, trees=20).save(tmp_path)
    beside = plain.model_copy(update={"offline_models": tmp_path})
    without, with_it = (Explored([recording], fmt="native", settings=s) for s in (plain, beside))
    columns = ["p", "rank", "alert", "learned", "trust", "s_sum", "reason"]
    assert without.events[columns].equals(with_it.events[columns])
    said = [r for rs in with_it.events.reasons for r in rs if r["feature"].startswith("opinion:")]
    assert 0 < len(said) < 0.2 * len(with_it.events)
    assert "it moves no score" in said[0]["why"]


def test_two_tables_of_groups_are_one_too_many(tmp_path: Path) -> None:
    groups = PeerGroups(["a"], {}, {"like:a": [1.0]}, 0.5)
    groups.save(tmp_path, "one")
    groups.save(tmp_path, "two")
    with pytest.raises(ConfigError, match="2 tables of peer groups"):
        load_offline(tmp_path)


def test_groups_of_another_shape_are_refused(tmp_path: Path) -> None:
    PeerGroups(["a", "b"], {}, {"like:a": [1.0]}, 0.5).save(tmp_path)
    with pytest.raises(ConfigError, match="has 1 columns, its header names 2 tools"):
        load_offline(tmp_path)
