"""All detectors of a stream: asked in turn, and their state kept with everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from models.errors import ConfigError, StateError
from pipeline.detectors.detector import Act

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.assessment import Assessment
    from models.event import Event
    from models.subject import Subject
    from pipeline.detectors.detector import Detector

PREFIX = "detector:"
MOST_REASONS = 5
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, bytes]).decode


class Panel:
    """Asks detectors and keeps their state.

    Parameters
    ----------
    detectors
        In the order in which they speak; names must differ.
    """

    def __init__(self, detectors: Sequence[Detector] = ()) -> None:
        self.detectors = list(detectors)
        self._written: dict[str, bytes] = {}
        names = [detector.name for detector in detectors]
        for name in names:
            if not name or names.count(name) > 1:
                raise ConfigError(f"detectors need different names, got {names}")

    def consider(self, event: Event, assessment: Assessment, subject: Subject) -> None:
        """Add the opinions on an event to its reasons, then let it be learned if it was learned.

        The product's first reason stays the first, and there are five at most.
        """
        if not self.detectors:
            return
        act = Act(event, assessment, subject.profile.facts)
        if assessment.reasons:
            said = [o for d in self.detectors if (o := d.judge(act)) is not None]
            own = assessment.reasons[: max(1, MOST_REASONS - len(said))]
            assessment.reasons = own + said if said else assessment.reasons
        if assessment.learned:
            for detector in self.detectors:
                detector.learn(act)

    def dump(self) -> list[tuple[str, bytes]]:
        """Write the state of those that have any and changed since the last call."""
        rows = []
        for detector in self.detectors:
            raw = detector.dump()
            if raw and self._written.get(detector.name) != raw:
                self._written[detector.name] = raw
                rows.append((PREFIX + detector.name, _encode((detector.version, raw))))
        return rows

    def load(self, shared: Mapping[str, bytes]) -> None:
        """Read what `dump` wrote.

        Raises
        ------
        StateError
            It was written by another version of a detector, or cannot be read.
        """
        for detector in self.detectors:
            blob = shared.get(PREFIX + detector.name)
            if blob is None:
                continue
            version, raw = _decode(blob)
            if version != detector.version:
                raise StateError(
                    f"state of detector {detector.name!r} was written by version {version}, this "
                    f"is {detector.version}; give the new one another name to start it afresh"
                )
            try:
                detector.load(raw)
            except ValueError as error:
                raise StateError(
                    f"state of detector {detector.name!r} cannot be read: {error}"
                ) from error
            self._written[detector.name] = raw
