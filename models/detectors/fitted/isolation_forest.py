"""scikit-learn's isolation forest, fitted on history.

A file keeps the forest as skops writes it: types by name out of a fixed list, and arrays. A pickle
would run code when it is read. scikit-learn follows the indices of a tree without a check of their
bounds, so `_check` examines them first.
"""

from __future__ import annotations

import zipfile
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import sklearn
from msgspec import Struct
from sklearn.ensemble import IsolationForest
from sklearn.tree import ExtraTreeRegressor
from skops.io import dumps, loads

from models.detectors.fitted.columns import COLUMNS, row_of
from models.detectors.fitted.fitted_detector import FittedDetector
from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


_MIN_ROWS = 200
_REFERENCE = 2_000
_SEED = 7
_VERSION_DIGITS = 12
# Types beyond those that skops trusts by default: estimators of scikit-learn, and arrays of numpy.
_TRUSTED = ["sklearn.tree._tree.Tree"]


class _Body(Struct, frozen=True):
    """A forest in a file.

    Attributes
    ----------
    sklearn
        Version of scikit-learn that fitted the forest.
    forest
        The forest, as skops writes it.
    reference
        Scores of the history, ascending, thinned.
    """

    sklearn: str
    forest: bytes
    reference: list[float]


class FittedForest(FittedDetector):
    """How easily an event is separated from the history that the forest was fitted on.

    Sees unusual combinations of a few numbers (`models.detectors.fitted.columns`): when, how much,
    how much before in its session. Blind to who, which tool and which resource; everything that
    changed since the forest was fitted is unusual to it.

    Parameters
    ----------
    forest
        Fitted on rows of `COLUMNS`.
    reference
        Scores of the history, ascending: past scores begin with them.
    """

    KIND: ClassVar[str] = "isolation_forest"
    title = "Numbers that are unusual together"

    def __init__(self, name: str, forest: IsolationForest, reference: Sequence[float]) -> None:
        self.name, self.columns = name, COLUMNS
        self._forest, self.reference = forest, list(reference)
        content = sha256(msgspec.json.encode([COLUMNS, sklearn.__version__, self.reference]))
        for one in forest.estimators_:
            content.update(one.tree_.threshold.tobytes())
        self.version = content.hexdigest()[:_VERSION_DIGITS]

    def score(self, row: Sequence[float]) -> float:
        """Give the score of one row, 0 to 1; about 0.5 is typical, higher is more unusual.

        Raises
        ------
        ConfigError
            The row has another number of columns.
        """
        if len(row) != len(COLUMNS):
            raise ConfigError(f"{self.name} was fitted on {len(COLUMNS)} columns, got {len(row)}")
        return float(-self._forest.score_samples(np.array([row]))[0])

    def score_one(self, x: dict[str, Any]) -> float:
        """Score an event by its numbers."""
        return self.score(row_of(x))

    def to_bytes(self) -> bytes:
        """Write the forest for `from_bytes`."""
        forest = dumps(self._forest, compression=zipfile.ZIP_DEFLATED)
        return msgspec.json.encode(_Body(sklearn.__version__, forest, self.reference))

    @classmethod
    def from_bytes(cls, name: str, columns: Sequence[str], raw: bytes) -> FittedForest:
        """Read what `to_bytes` wrote of a forest with these columns.

        Raises
        ------
        ConfigError
            It is damaged, or was fitted on other columns or by another scikit-learn.
        """
        if tuple(columns) != COLUMNS:
            raise ConfigError(
                f"{name} was fitted on {len(columns)} columns ({', '.join(columns)}), this version "
                f"has {len(COLUMNS)} ({', '.join(COLUMNS)}); fit it again"
            )
        try:
            body = msgspec.json.decode(raw, type=_Body)
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{name} is no isolation forest: {error}; fit it again") from error
        if body.sklearn != sklearn.__version__:
            raise ConfigError(
                f"{name} was fitted by scikit-learn {body.sklearn[:20]!r}, this is "
                f"{sklearn.__version__}; fit it again"
            )
        try:
            forest = loads(body.forest, trusted=_TRUSTED)
            _check(forest)
        except Exception as error:  # damage raises any error
            raise ConfigError(
                f"the forest of {name} cannot be read ({type(error).__name__}); fit it again"
            ) from error
        if not body.reference:
            raise ConfigError(f"{name} has no scores of its history; fit it again")
        return cls(name, forest, body.reference)


def fit_forest(
    matrix: npt.NDArray[np.float64],
    *,
    name: str = "isolation_forest",
    trees: int = 64,
    rows_a_tree: int = 256,
) -> FittedForest:
    """Fit a forest on the numbers of a history (`lab.fitting.History`).

    Parameters
    ----------
    matrix
        One row an event, one column each of `COLUMNS`.

    Raises
    ------
    ConfigError
        There are other columns, too few rows, or something else than finite numbers.

    Examples
    --------
    >>> rows = np.random.default_rng(7).normal(size=(500, len(COLUMNS)))
    >>> fitted = fit_forest(rows, trees=20)
    >>> fitted.score([0.0] * len(COLUMNS)) < 0.5 < fitted.score([9.0] * len(COLUMNS))
    True
    """
    if np.ndim(matrix) != 2 or matrix.shape[1] != len(COLUMNS):
        raise ConfigError(
            f"expected {len(COLUMNS)} columns, got an array of shape {np.shape(matrix)}"
        )
    if len(matrix) < _MIN_ROWS:
        raise ConfigError(f"a forest needs at least {_MIN_ROWS} rows, got {len(matrix)}")
    infinite = ~np.isfinite(matrix).all(axis=1)
    if infinite.any():
        raise ConfigError(f"expected finite numbers, and row {int(infinite.argmax())} has others")
    forest = IsolationForest(
        n_estimators=trees, max_samples=min(rows_a_tree, len(matrix)), random_state=_SEED
    ).fit(matrix)
    scores = np.sort(-forest.score_samples(matrix))
    thin = np.unique(np.linspace(0, len(scores) - 1, _REFERENCE).astype(int))
    return FittedForest(name, forest, scores[thin].tolist())


def _check(forest: Any) -> None:
    """Refuse what scikit-learn would follow out of bounds, or for ever: `ValueError`."""
    every = np.arange(len(COLUMNS))
    if type(forest) is not IsolationForest or not forest.estimators_:
        raise ValueError("expected an isolation forest with trees")
    for one, columns in zip(forest.estimators_, forest.estimators_features_, strict=True):
        if type(one) is not ExtraTreeRegressor or not np.array_equal(columns, every):
            raise ValueError("expected trees that see every column")
        tree = one.tree_
        if not 0 < tree.node_count == tree.capacity:
            raise ValueError("expected as many nodes as are counted")
        inner = np.flatnonzero(tree.children_left != -1)
        column = tree.feature[inner]
        for child in (tree.children_left[inner], tree.children_right[inner]):
            if not ((inner < child) & (child < tree.node_count)).all():
                raise ValueError("expected children after their parent")
        if not ((column >= 0) & (column < len(COLUMNS))).all():
            raise ValueError("expected columns that exist")
