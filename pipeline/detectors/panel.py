"""All detectors of a stream: asked in turn, and their state kept with everything else."""

from __future__ import annotations

import logging
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING

import msgspec

from models.errors import ConfigError, StateError
from models.result import Reason
from pipeline.detectors.detector import Act

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.baseline.agent_state import Subject
    from models.event import Event
    from models.result import Assessment
    from pipeline.detectors.detector import Detector

PREFIX = "detector:"
MOST_REASONS = 5

_log = logging.getLogger(__name__)
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
        self._failed: set[str] = set()
        names = [detector.name for detector in detectors]
        if not all(names):
            raise ConfigError(f"a detector needs a name of its own, got {names}")
        if len(set(names)) < len(names):
            raise ConfigError(f"detectors need different names, got {names}")

    def consider(self, event: Event, assessment: Assessment, subject: Subject) -> list[str]:
        """Add the opinions on an event to its reasons, then let it be learned if it was learned.

        The product's first reason stays the first, and there are five at most. A detector that
        fails says nothing of the event: a second opinion must not stop the first.

        Returns
        -------
        list[str]
            Names of those that failed.
        """
        failed: list[str] = []
        if not self.detectors:
            return failed
        act = Act(event, assessment, subject.profile.facts)
        if assessment.reasons:
            asked = [self._ask(one, partial(_opinion, one), act, failed) for one in self.detectors]
            said = [opinion for opinion in asked if opinion is not None]
            own = assessment.reasons[: max(1, MOST_REASONS - len(said))]
            assessment.reasons = own + said if said else assessment.reasons
        if assessment.learned:
            for one in self.detectors:
                self._ask(one, one.learn, act, failed)
        return failed

    def _ask(
        self, detector: Detector, ask: Callable[[Act], Reason | None], act: Act, failed: list[str]
    ) -> Reason | None:
        try:
            return ask(act)
        except Exception as error:  # noqa: BLE001  # it is not our code
            failed.append(detector.name)
            self._note(detector, error, event_id=act.event.id)
            return None

    def _note(self, detector: Detector, error: Exception, **more: str) -> None:
        """Log that a detector failed, once: it may fail on every event."""
        if detector.name not in self._failed:
            self._failed.add(detector.name)
            detail = {"detector": detector.name, "error": type(error).__name__, **more}
            _log.warning("detector_failed", extra=detail)

    def dump(self) -> list[tuple[str, bytes]]:
        """Write the state of those that have any and changed since the last call.

        Of one that fails to, what was written before is kept.
        """
        rows = []
        for detector in self.detectors:
            try:
                raw = bytes(memoryview(detector.dump()))
            except Exception as error:  # noqa: BLE001  # it is not our code
                self._note(detector, error)
                continue
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
            try:
                version, raw = _decode(blob)
            except msgspec.MsgspecError as error:
                raise StateError(
                    f"state of detector {detector.name!r} cannot be read: {error}"
                ) from error
            if version != detector.version:
                raise StateError(
                    f"state of detector {detector.name!r} was written by version {version}, this "
                    f"is {detector.version}; give the new one another name to start it afresh"
                )
            try:
                detector.load(raw)
            except Exception as error:  # it is not our code
                raise StateError(
                    f"state of detector {detector.name!r} cannot be read: {error}"
                ) from error
            self._written[detector.name] = raw


def _opinion(detector: Detector, act: Act) -> Reason | None:
    """Ask for an opinion; `TypeError` or `ValueError` where it is none."""
    said = detector.judge(act)
    if said is not None and not isinstance(said, Reason):
        raise TypeError(f"expected a Reason or None, got {type(said).__name__}")
    if said is not None and not (isfinite(said.bits) and said.bits >= 0):
        raise ValueError(f"bits must be 0 or more, got {said.bits}")
    return said
