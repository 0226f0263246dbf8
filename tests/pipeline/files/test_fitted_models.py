"""Files of fitted models: what is read, and what is refused (pipeline.files.fitted_models)."""

from __future__ import annotations

import json
import re
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import sklearn

from models.detectors.fitted.columns import COLUMNS, row_of
from models.detectors.fitted.fitted_detector import FittedDetector
from models.detectors.fitted.isolation_forest import FittedForest, fit_forest
from models.detectors.fitted.peer_groups import PeerGroups
from models.errors import ConfigError
from pipeline.commands.doctor.checks import examine
from pipeline.configuration.detectors import registered_detectors
from pipeline.files import fitted_models
from pipeline.files.fitted_models import MAX_BYTES, load_fitted, save_fitted
from pipeline.processing.runner import run
from pipeline.settings import Settings
from pipeline.sharding.loop import run_sharded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pipeline.commands.doctor.check import Check

ROWS = np.random.default_rng(7).normal(size=(600, len(COLUMNS)))


@pytest.fixture(scope="module")
def opinion() -> FittedForest:
    return fit_forest(ROWS, trees=24)


def test_a_kept_forest_gives_the_same_scores_and_version(
    opinion: FittedForest, tmp_path: Path
) -> None:
    save_fitted(opinion, tmp_path)
    groups, (loaded,) = load_fitted(tmp_path)
    assert groups is None
    assert (loaded.name, loaded.version) == (opinion.name, opinion.version)
    assert loaded.score([0.3] * len(COLUMNS)) == opinion.score([0.3] * len(COLUMNS))


class LongestCall(FittedDetector):
    """A kind of model that only this file knows: the longest call of a history."""

    KIND = "longest_call"

    def __init__(self, name: str, maximum: float) -> None:
        self.name, self.columns, self.maximum = name, COLUMNS, maximum

    def score_one(self, x: dict[str, Any]) -> float:
        return row_of(x)[COLUMNS.index("duration")] / self.maximum

    def to_bytes(self) -> bytes:
        return json.dumps(self.maximum).encode()

    @classmethod
    def from_bytes(cls, name: str, columns: Sequence[str], raw: bytes) -> LongestCall:
        assert tuple(columns) == COLUMNS
        return cls(name, json.loads(raw))


def test_model_of_another_registered_kind_is_loaded(
    opinion: FittedForest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fitted_models._KINDS, LongestCall.KIND, LongestCall)
    for model in (opinion, LongestCall("long", 3.5)):
        save_fitted(model, tmp_path)
    detectors, groups = registered_detectors(Settings(offline_models=tmp_path))
    assert [one.name for one in detectors] == [opinion.name, "long"]
    assert (cast("LongestCall", detectors[1]).maximum, groups) == (3.5, None)


def _other_columns(file: dict[str, Any]) -> None:
    file["header"]["features"][0] = "moon"


def _other_format(file: dict[str, Any]) -> None:
    file["header"]["format"] = 2


def _other_kind(file: dict[str, Any]) -> None:
    file["header"]["kind"] = "oracle"


def _other_numbers(file: dict[str, Any]) -> None:
    file["body"]["reference"][0] = 3.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_columns, "does not match its digest"),
        (_other_format, "is of format 2, this is 1; fit it again"),
        (_other_kind, "kind 'oracle', expected"),
        (_other_numbers, "does not match its digest"),
    ],
)
def test_changed_file_is_refused_with_a_message(
    opinion: FittedForest, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    path = save_fitted(opinion, tmp_path)
    file = json.loads(path.read_text())
    change(file)
    path.write_text(json.dumps(file, separators=(",", ":")))
    with pytest.raises(ConfigError, match=said):
        load_fitted(tmp_path)


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


def test_doctor_loads_models_and_reports_faults(opinion: FittedForest, tmp_path: Path) -> None:
    def detectors() -> Check:
        return detectors_in(tmp_path)

    path = save_fitted(opinion, tmp_path)
    good = detectors()
    assert (good.state, good.found) == ("ok", opinion.name)
    path.write_text(path.read_text().replace("1", "2"))
    bad = detectors()
    assert bad.state == "missing"
    assert path.name in bad.found


def test_a_forest_of_another_release_is_refused(opinion: FittedForest, tmp_path: Path) -> None:
    body = opinion.to_bytes().replace(sklearn.__version__.encode(), b"1.5.0", 1)
    old = SimpleNamespace(KIND=opinion.KIND, name="old", columns=COLUMNS, to_bytes=lambda: body)
    save_fitted(cast("FittedForest", old), tmp_path)
    said = r"^old\.model\.json: old was fitted by scikit-learn '1\.5\.0', .*; fit it again$"
    with pytest.raises(ConfigError, match=said):
        load_fitted(tmp_path)


def test_a_file_beyond_the_bound_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "x.model.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ConfigError, match=f"expected {MAX_BYTES} at most"):
        load_fitted(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{}", b"\x80\x04\x95pickle", b"[1]"])
def test_file_without_a_model_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.model.json").write_bytes(text)
    with pytest.raises(ConfigError, match=r"x\.model\.json is no fitted model"):
        load_fitted(tmp_path)


def test_two_tables_of_groups_are_one_too_many(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_fitted(PeerGroups(["a"], {}, {"like:a": [1.0]}, 0.5, name), tmp_path)
    with pytest.raises(ConfigError, match="2 tables of peer groups"):
        load_fitted(tmp_path)
