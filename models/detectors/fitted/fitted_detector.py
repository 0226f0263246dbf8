"""A detector that is fitted on history and stored in a file."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from models.detectors.detector import Detector

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self


class FittedDetector(Detector):
    """A detector with a stored form (`pipeline.files.fitted_models`).

    Attributes
    ----------
    KIND
        Kind of the model, as the header of the file names it.
    columns
        Names of the columns that it was fitted on, in their order.
    """

    KIND: ClassVar[str]
    columns: Sequence[str]

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Write the model for `from_bytes`, as JSON."""

    @classmethod
    @abstractmethod
    def from_bytes(cls, name: str, columns: Sequence[str], raw: bytes) -> Self:
        """Read what `to_bytes` wrote of a model with these columns.

        Raises
        ------
        ConfigError
            The bytes are damaged, or the model was fitted on other columns.
        """
