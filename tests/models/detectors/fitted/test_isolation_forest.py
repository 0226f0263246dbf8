"""The forest scores as scikit-learn does, and refuses what it must not follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import pytest
from sklearn.ensemble import IsolationForest, RandomForestRegressor
from sklearn.tree._tree import Tree
from skops.io import dumps, loads

from models.detectors.fitted.columns import COLUMNS, row_of
from models.detectors.fitted.isolation_forest import FittedForest, fit_forest
from models.detectors.panel import Panel
from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = np.random.default_rng(7).normal(size=(600, len(COLUMNS)))
OTHERS = np.random.default_rng(8).normal(scale=2.0, size=(50, len(COLUMNS)))


@pytest.fixture(scope="module")
def opinion() -> FittedForest:
    return fit_forest(ROWS, trees=24)


def read(body: dict[str, Any], columns: tuple[str, ...] = COLUMNS) -> FittedForest:
    return FittedForest.from_bytes("forest", columns, msgspec.json.encode(body))


def body_of(opinion: FittedForest) -> dict[str, Any]:
    body = msgspec.json.decode(opinion.to_bytes())
    assert isinstance(body, dict)
    return body


def test_scores_are_those_of_scikit_learn_to_the_last_digit(opinion: FittedForest) -> None:
    forest = IsolationForest(n_estimators=24, max_samples=256, random_state=7).fit(ROWS)
    mine = [opinion.score(row.tolist()) for row in OTHERS]
    assert mine == (-forest.score_samples(OTHERS)).tolist()


def test_stored_forest_gives_the_same_scores_and_version(
    opinion: FittedForest,
) -> None:
    again = FittedForest.from_bytes(opinion.name, COLUMNS, opinion.to_bytes())
    assert (again.name, again.version) == (opinion.name, opinion.version)
    assert again.reference == opinion.reference
    for row in OTHERS.tolist():
        assert again.score(row) == opinion.score(row)


def test_version_depends_only_on_the_history(opinion: FittedForest) -> None:
    assert fit_forest(ROWS, trees=24).version == opinion.version
    assert fit_forest(ROWS[:500], trees=24).version != opinion.version


def test_a_score_is_ranked_among_those_of_the_history_from_the_start(
    opinion: FittedForest,
) -> None:
    (window,) = Panel([opinion]).windows
    rare, typical = opinion.score([6.0] * len(COLUMNS)), opinion.score([0.0] * len(COLUMNS))
    assert window.bits("clerk", rare) > 8
    assert window.bits("clerk", typical) < 1


def test_an_event_is_scored_by_its_numbers(opinion: FittedForest) -> None:
    x = {"time": 1_767_600_000.0, "bytes_out": 7.0, "operation": "pay", "session_calls": 3.0}
    assert opinion.score_one(x) == opinion.score(row_of(x))


def test_a_row_of_another_shape_is_refused(opinion: FittedForest) -> None:
    with pytest.raises(ConfigError, match="fitted on 16 columns, got 3"):
        opinion.score([0.0] * 3)
    with pytest.raises(ConfigError, match="expected 16 columns"):
        fit_forest(ROWS[:, :4])
    with pytest.raises(ConfigError, match="at least 200 rows"):
        fit_forest(ROWS[:50])
    with pytest.raises(ConfigError, match="row 3 has others"):
        fit_forest(np.where(np.arange(len(ROWS))[:, None] == 3, np.nan, ROWS))


def test_a_forest_of_other_columns_is_refused_by_name(opinion: FittedForest) -> None:
    with pytest.raises(ConfigError, match=r"17 columns .*moon.* has 16 .*; fit it again"):
        read(body_of(opinion), (*COLUMNS, "moon"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sklearn": "1.5.0"}, r"fitted by scikit-learn '1\.5\.0', this is .*; fit it again"),
        ({"sklearn": None}, "forest is no isolation forest: .*; fit it again"),
        ({"reference": []}, "forest has no scores of its history; fit it again"),
        ({"forest": "////"}, r"of forest cannot be read \(BadZipFile\); fit it again"),
        ({"forest": ""}, r"of forest cannot be read \(BadZipFile\); fit it again"),
    ],
)
def test_a_damaged_body_is_refused_in_one_line(
    opinion: FittedForest, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        read(body_of(opinion) | change)
    assert "\n" not in str(refused.value)


def test_half_a_forest_is_refused(opinion: FittedForest) -> None:
    body = body_of(opinion)
    forest = msgspec.convert(body["forest"], bytes)
    for size in (len(forest) // 2, len(forest) - 1):
        with pytest.raises(ConfigError, match=r"cannot be read \(BadZipFile\)"):
            read(body | {"forest": msgspec.to_builtins(forest[:size])})


class Runs:
    """Runs code when it is read."""

    ran: ClassVar[list[str]] = []

    def __getstate__(self) -> dict[str, str]:
        return {"word": "code"}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.ran.append(state["word"])


def test_code_in_a_model_file_does_not_run() -> None:
    loads(dumps(Runs()), trusted=[Runs])
    assert Runs.ran == ["code"]
    forest = IsolationForest(n_estimators=3, random_state=7).fit(ROWS)
    forest.estimator_ = Runs()
    assert "(UntrustedTypesFoundException)" in refused(Runs())
    assert "(UntrustedTypesFoundException)" in refused(forest)
    assert Runs.ran == ["code"]


def _loop(nodes: Any) -> None:
    nodes["left_child"][0] = 0


def _far(nodes: Any) -> None:
    nodes["right_child"][0] = 10**9


def _column(nodes: Any) -> None:
    nodes["feature"][0] = 10**9


@pytest.mark.parametrize("change", [_loop, _far, _column])
def test_tree_with_an_index_out_of_bounds_is_refused(change: Callable[[Any], None]) -> None:
    forest = IsolationForest(n_estimators=3, random_state=7).fit(ROWS)
    state = forest.estimators_[1].tree_.__getstate__()
    state["nodes"] = state["nodes"].copy()
    change(state["nodes"])
    tree = Tree(len(COLUMNS), np.array([1], dtype=np.intp), 1)
    tree.__setstate__(state)
    forest.estimators_[1].tree_ = tree
    assert refused(forest) == "the forest of forest cannot be read (ValueError); fit it again"


def test_a_forest_of_another_kind_is_refused() -> None:
    other = RandomForestRegressor(n_estimators=2, max_depth=2).fit(ROWS, ROWS[:, 0])
    assert "(ValueError)" in refused(other)
    some = IsolationForest(n_estimators=2, max_features=3, random_state=7).fit(ROWS)
    assert "(ValueError)" in refused(some)


def refused(forest: object) -> str:
    body = body_of(fit_forest(ROWS, trees=2))
    with pytest.raises(ConfigError) as error:
        read(body | {"forest": msgspec.to_builtins(dumps(forest))})
    return str(error.value)
