"""All detectors of a stream: asked in turn, and their state kept with everything else."""

from __future__ import annotations

from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from models.detectors.detector import Act
from models.errors import ConfigError, StateError
from models.result import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.baseline.agent_state import AgentState
    from models.detectors.detector import Detector
    from models.event import Event
    from models.result import Result

PREFIX = "detector:"
MAX_REASONS = 5

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, bytes]).decode


class Failure(NamedTuple):
    """A detector that failed.

    Attributes
    ----------
    detector
        Its name.
    error
        Type of the exception. The message may hold arguments of an event.
    event_id
        Event that it was asked about; None when it wrote its state.
    """

    detector: str
    error: str
    event_id: str | None = None


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
        if not all(names):
            raise ConfigError(f"a detector needs a name of its own, got {names}")
        if len(set(names)) < len(names):
            raise ConfigError(f"detectors need different names, got {names}")

    def consider(self, event: Event, result: Result, agent_state: AgentState) -> list[Failure]:
        """Add the opinions on an event to its reasons, then let it be learned if it was learned.

        The product's first reason stays the first, and there are five at most. A detector that
        fails says nothing of the event: a second opinion must not stop the first.
        """
        failures: list[Failure] = []
        if not self.detectors:
            return failures
        act = Act(event, result, agent_state.profile.facts)
        if result.reasons:
            asked = [_ask(one, partial(_opinion, one), act, failures) for one in self.detectors]
            opinions = [opinion for opinion in asked if opinion is not None]
            own = result.reasons[: max(1, MAX_REASONS - len(opinions))]
            result.reasons = own + opinions if opinions else result.reasons
        if result.learned:
            for one in self.detectors:
                _ask(one, one.learn, act, failures)
        return failures

    def dump(self) -> tuple[list[tuple[str, bytes]], list[Failure]]:
        """Write the state of those that have any and changed since the last call.

        If one fails, its last written state stays.
        """
        rows, failures = [], []
        for detector in self.detectors:
            try:
                raw = bytes(memoryview(detector.dump()))
            except Exception as error:  # noqa: BLE001  # it is not our code
                failures.append(Failure(detector.name, type(error).__name__))
                continue
            if raw and self._written.get(detector.name) != raw:
                self._written[detector.name] = raw
                rows.append((PREFIX + detector.name, _encode((detector.version, raw))))
        return rows, failures

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


def _ask(
    detector: Detector, ask: Callable[[Act], Reason | None], act: Act, failures: list[Failure]
) -> Reason | None:
    try:
        return ask(act)
    except Exception as error:  # noqa: BLE001  # it is not our code
        failures.append(Failure(detector.name, type(error).__name__, act.event.id))
        return None


def _opinion(detector: Detector, act: Act) -> Reason | None:
    """Ask for an opinion; `TypeError` or `ValueError` where it is none."""
    opinion = detector.judge(act)
    if opinion is not None and not isinstance(opinion, Reason):
        raise TypeError(f"expected a Reason or None, got {type(opinion).__name__}")
    if opinion is not None and not (isfinite(opinion.bits) and opinion.bits >= 0):
        raise ValueError(f"bits must be 0 or more, got {opinion.bits}")
    return opinion
