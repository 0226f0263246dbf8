"""A second opinion: scikit-learn's isolation forest, fitted on history.

A file keeps the forest as skops writes it: types by name out of a fixed list, and arrays. A pickle
would run code when it is read. scikit-learn follows the indices of a tree without a check of their
bounds, so `_check` examines them first.
"""

from __future__ import annotations

import zipfile
from bisect import bisect_left
from hashlib import sha256
from math import log2
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
from models.result import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from models.detectors.detector import Act

_MIN_ROWS = 200
_REFERENCE = 2_000
_SEED = 7
_MAX_SHARE = 0.05
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


class SecondOpinion(FittedDetector):
    """How easily an event is separated from the history that the forest was fitted on.

    Sees unusual combinations of a few numbers (`models.detectors.fitted.columns`): when, how much,
    how surprising to the product. Blind to who, which tool and which resource; everything that
    changed since the forest was fitted is unusual to it.

    Parameters
    ----------
    forest
        Fitted on rows of `COLUMNS`.
    reference
        Scores of the history, ascending.
    """

    KIND: ClassVar[str] = "isolation_forest"

    def __init__(self, name: str, forest: IsolationForest, reference: Sequence[float]) -> None:
        self.name, self.columns = name, COLUMNS
        self._forest, self._reference = forest, list(reference)
        content = sha256(msgspec.json.encode([COLUMNS, sklearn.__version__, self._reference]))
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

    def bits(self, score: float) -> float:
        """Give how rare a score is in the history, in bits: ``-log2`` of the share as high."""
        above = len(self._reference) - bisect_left(self._reference, score)
        return -log2((above + 1) / (len(self._reference) + 1))

    def judge(self, act: Act) -> Reason | None:
        """Give a reason where at most 5 % of the history had numbers as unusual as the event's."""
        score = self.score(row_of(act))
        bits = self.bits(score)
        if bits < -log2(_MAX_SHARE):
            return None
        typical = self._reference[int((1 - _MAX_SHARE) * (len(self._reference) - 1))]
        why = (
            f"Second opinion {self.name} ({self.version}): {100 * 2**-bits:.1f} % of the history "
            "had numbers as unusual as these taken together; it moves no score."
        )
        expected = [(f"up to {typical:.3f}", 1 - _MAX_SHARE)]
        return Reason(f"opinion:{self.name}", bits, f"{score:.3f}", expected, why)

    def to_bytes(self) -> bytes:
        """Write the forest for `from_bytes`."""
        forest = dumps(self._forest, compression=zipfile.ZIP_DEFLATED)
        return msgspec.json.encode(_Body(sklearn.__version__, forest, self._reference))

    @classmethod
    def from_bytes(cls, name: str, columns: Sequence[str], raw: bytes) -> SecondOpinion:
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


def fit_opinion(
    matrix: npt.NDArray[np.float64],
    *,
    name: str = "isolation_forest",
    trees: int = 64,
    rows_a_tree: int = 256,
) -> SecondOpinion:
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
    >>> opinion = fit_opinion(rows, trees=20)
    >>> opinion.score([0.0] * len(COLUMNS)) < 0.5 < opinion.score([9.0] * len(COLUMNS))
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
    return SecondOpinion(name, forest, scores[thin].tolist())


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
