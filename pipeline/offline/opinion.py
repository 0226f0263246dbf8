"""A second opinion: scikit-learn's isolation forest, fitted on history, asked event by event.

Kept as plain numbers, the trees themselves, and not as a pickle (which runs code when it is read)
or an archive of objects (which wants the same version of scikit-learn): a file can hold a wrong
forest, and nothing else. Walking the trees here gives scikit-learn's scores and takes a hundredth
of the time of its own call for a single row, which costs milliseconds.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from math import log2
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np
from msgspec import Struct
from sklearn.ensemble import IsolationForest

from models.errors import ConfigError
from models.result import Reason
from pipeline.detectors.detector import Detector
from pipeline.offline.kept import VERSION_DIGITS, digest_of, keep, kept
from pipeline.offline.signs import SIGNS, signs_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from pipeline.detectors.detector import Act

_LEAST_ROWS = 200
_REFERENCE = 2_000
_SEED = 7
_SINGLE = struct.Struct("<f")
_EULER = 0.5772156649015329
_Tree = tuple[list[int], list[int], list[int], list[float], list[float]]


class _Body(Struct, frozen=True):
    """Trees as (left, right, column, threshold, length at a leaf), and scores of the history.

    Attributes
    ----------
    norm
        Mean path length that a score of 0.5 stands for.
    reference
        Scores of the history, ascending, thinned.
    """

    trees: list[_Tree]
    norm: float
    reference: list[float]


class SecondOpinion(Detector):
    """How easily an event is told apart from the history it was fitted on.

    Sees odd combinations of a few numbers (`pipeline.offline.signs`): when, how much, how strange
    to the product. Blind to who, which tool and which resource; and to everything that changed
    since it was fitted, which it calls odd.

    Attributes
    ----------
    columns
        What it was fitted on, in order: has to be `SIGNS`.
    """

    KIND: ClassVar[str] = "isolation_forest"

    def __init__(self, name: str, version: str, columns: Sequence[str], body: _Body) -> None:
        _check_shape(name, columns, body)
        self.name, self.version, self.columns = name, version, tuple(columns)
        self._body = body

    def score(self, row: Sequence[float]) -> float:
        """Give the score of one row, 0 to 1; about 0.5 is usual, higher is odder.

        Raises
        ------
        ConfigError
            The row has another number of columns.
        """
        if len(row) != len(self.columns):
            raise ConfigError(
                f"{self.name} was fitted on {len(self.columns)} columns, got {len(row)}"
            )
        x = [_SINGLE.unpack(_SINGLE.pack(value))[0] for value in row]  # as scikit-learn does
        whole = 0.0
        for left, right, column, threshold, length in self._body.trees:
            node = 0
            while left[node] >= 0:
                node = left[node] if x[column[node]] <= threshold[node] else right[node]
            whole += length[node]
        return float(2.0 ** (-whole / (len(self._body.trees) * self._body.norm)))

    def bits(self, score: float) -> float:
        """Give how rare a score is in the history, in bits: ``-log2`` of the share as high."""
        reference = self._body.reference
        above = len(reference) - bisect_left(reference, score)
        return -log2((above + 1) / (len(reference) + 1))

    def judge(self, act: Act) -> Reason | None:
        """Say how odd the event's numbers are, where at most 5 % of the history were as odd."""
        score = self.score(signs_of(act))
        bits = self.bits(score)
        if bits < -log2(0.05):
            return None
        reference = self._body.reference
        usual = reference[int(0.95 * (len(reference) - 1))]
        why = (
            f"Second opinion {self.name} ({self.version}): {100 * 2**-bits:.1f} % of the history "
            "had numbers as odd as these taken together; it moves no score."
        )
        expected = [(f"up to {usual:.3f}", 0.95)]
        return Reason(f"opinion:{self.name}", bits, f"{score:.3f}", expected, why)

    def save(self, folder: Path | str) -> Path:
        """Write the model into a folder of offline models; give the file."""
        return keep(folder, self.KIND, self.name, list(self.columns), self._body)

    @classmethod
    def read(cls, path: Path) -> SecondOpinion:
        """Read a model from its file.

        Raises
        ------
        ConfigError
            It is damaged, of another format, or was fitted on other columns than `SIGNS`.
        """
        header, raw = kept(path, cls.KIND)
        try:
            body = msgspec.json.decode(raw, type=_Body)
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path.name} holds no isolation forest: {error}") from error
        return cls(header.name, header.version, header.features, body)


def fit_opinion(
    matrix: npt.NDArray[np.float64],
    *,
    name: str = "isolation_forest",
    trees: int = 64,
    rows_a_tree: int = 256,
) -> SecondOpinion:
    """Fit a forest on the numbers of a history (`pipeline.offline.history.History`).

    Parameters
    ----------
    matrix
        One row an event, one column each of `SIGNS`.

    Raises
    ------
    ConfigError
        There are other columns, too few rows, or something else than finite numbers.

    Examples
    --------
    >>> rows = np.random.default_rng(7).normal(size=(500, len(SIGNS)))
    >>> opinion = fit_opinion(rows, trees=20)
    >>> opinion.score([0.0] * len(SIGNS)) < 0.5 < opinion.score([9.0] * len(SIGNS))
    True
    """
    if np.ndim(matrix) != 2 or matrix.shape[1] != len(SIGNS):
        raise ConfigError(
            f"expected {len(SIGNS)} columns, got an array of shape {np.shape(matrix)}"
        )
    if len(matrix) < _LEAST_ROWS:
        raise ConfigError(f"a forest needs at least {_LEAST_ROWS} rows, got {len(matrix)}")
    odd = ~np.isfinite(matrix).all(axis=1)
    if odd.any():
        raise ConfigError(f"expected finite numbers, and row {int(odd.argmax())} has others")
    forest = IsolationForest(
        n_estimators=trees, max_samples=min(rows_a_tree, len(matrix)), random_state=_SEED
    ).fit(matrix)
    scores = np.sort(-forest.score_samples(matrix))
    thin = np.unique(np.linspace(0, len(scores) - 1, _REFERENCE).astype(int))
    body = _Body(
        [_tree(estimator.tree_) for estimator in forest.estimators_],
        _mean_length(float(forest.max_samples_)),
        scores[thin].tolist(),
    )
    digest = digest_of(SecondOpinion.KIND, name, list(SIGNS), msgspec.json.encode(body))
    return SecondOpinion(name, digest[:VERSION_DIGITS], SIGNS, body)


def _tree(tree: object) -> _Tree:
    """Take the arrays of scikit-learn's tree, with the path length that each leaf stands for."""
    left, right = tree.children_left.tolist(), tree.children_right.tolist()  # type: ignore[attr-defined]  # no types
    sizes = tree.n_node_samples.tolist()  # type: ignore[attr-defined]  # no types
    length = [0.0] * len(left)
    waiting = [(0, 0)]
    while waiting:
        node, depth = waiting.pop()
        if left[node] < 0:
            length[node] = depth + _mean_length(float(sizes[node]))
        else:
            waiting += [(left[node], depth + 1), (right[node], depth + 1)]
    return left, right, tree.feature.tolist(), tree.threshold.tolist(), length  # type: ignore[attr-defined]  # no types


def _mean_length(rows: float) -> float:
    """Mean path length of an unsuccessful search among so many rows (Liu et al. 2008)."""
    if rows <= 1:
        return 0.0
    if rows <= 2:
        return 1.0
    return float(2.0 * (np.log(rows - 1.0) + _EULER) - 2.0 * (rows - 1.0) / rows)


def _check_shape(name: str, columns: Sequence[str], body: _Body) -> None:
    if tuple(columns) != SIGNS:
        raise ConfigError(
            f"{name} was fitted on {len(columns)} columns ({', '.join(columns)}), this version "
            f"has {len(SIGNS)} ({', '.join(SIGNS)}); fit it again"
        )
    for number, tree in enumerate(body.trees, 1):
        left, right, column, threshold, length = tree
        size = len(left)
        # A child after its parent: walking down always ends.
        inner = [k for k in range(size) if left[k] >= 0]
        if (
            not size
            or {len(right), len(column), len(threshold), len(length)} != {size}
            or any(not (k < left[k] < size and k < right[k] < size) for k in inner)
            or any(not 0 <= column[k] < len(columns) for k in inner)
        ):
            raise ConfigError(f"tree {number} of {name} is malformed; fit it again")
    if not body.trees or body.norm <= 0 or not body.reference:
        raise ConfigError(f"{name} holds no forest; fit it again")
