"""All registered detectors of a stream: each is a series like the built-in ones.

A detector that fails on an event says nothing of it. The failure is noted for the caller.
"""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from models.baseline.session import Subject
from models.calibration.day_maxima import BIN_BITS
from models.calibration.detector_window import DetectorWindow, read_window, window_bytes
from models.calibration.series import COMBINATION, SERIES, Series
from models.codec.stable_id import stable_id
from models.errors import ConfigError, StateError
from models.features.event_dict import event_dict
from models.features.families import FAMILIES
from models.features.family import Family

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.detectors.detector import Detector
    from models.detectors.moment import Moment
    from models.event import Event
    from models.features.fields import Fields

PREFIX = "detector:"
MAX_TEXT = 300
DAYS = "days of "
"""Name before that of a detector: the series of the agent-days on which it scored any event."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, bytes, bytes]).decode


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


class Opinions(NamedTuple):
    """What the detectors say of one event.

    Attributes
    ----------
    x
        The event as they see it.
    scores
        Score of each detector; None where it says nothing.
    """

    x: dict[str, Any]
    scores: list[float | None]


class Verdict(NamedTuple):
    """Bits of one detector for an event.

    Attributes
    ----------
    series, exposure
        Numbers of its series, and of the agent-days on which it scored any event.
    subject
        What the bits are about, where they are the most of the session.
    """

    series: int
    exposure: int
    bits: float
    subject: Subject | None


class Panel:
    """The registered detectors, the past scores of each, and their state.

    Parameters
    ----------
    detectors
        Their names must differ from each other and from those of built-in detectors.

    Attributes
    ----------
    families, series
        One family and one series for each detector.
    exposures
        Numbers under which the agent-days of each detector are counted.

    Raises
    ------
    ConfigError
        A name is missing, taken, or clashes in stored state.
    """

    def __init__(self, detectors: Sequence[Detector] = ()) -> None:
        self.detectors = list(detectors)
        self.families = {one.name: _family(one) for one in detectors}
        self.series = tuple(
            Series(one.name, one.name, exposure=stable_id(DAYS + one.name)) for one in detectors
        )
        self.exposures = frozenset(one.exposure for one in self.series)
        self.windows = [_window(one) for one in detectors]
        self._failures: list[Failure] = []
        self._written: dict[str, bytes] = {}
        _check([one.name for one in detectors])

    def check_anomalies(self, known: Mapping[str, object]) -> None:
        """Refuse a detector with an anomaly type that is in no catalogue.

        Raises
        ------
        ConfigError
            It is not among those of the catalogue.
        """
        for one in self.detectors:
            if one.anomaly not in known:
                raise ConfigError(
                    f"detector {one.name!r} declares the anomaly type {one.anomaly!r}, expected "
                    f"one of: {', '.join(sorted(known))}"
                )

    def take_failures(self) -> list[Failure]:
        """Give the failures since the last call."""
        failures, self._failures = self._failures, []
        return failures

    # ------------------------------------------------------------------ events

    def score(self, at: Moment, event: Event) -> Opinions | None:
        """Raise the bits of a session by what the detectors say of an event."""
        if not self.detectors:
            return None
        role, session = at.profile.role, at.session
        found, verdicts = self.ask(
            event, at.fields, role, at.time_us, session.amounts, session.bits
        )
        for one in verdicts:
            at.open_day.maxima[one.exposure] = BIN_BITS
            at.raise_bits(one.series, one.bits, one.subject)
        return found

    def ask(
        self,
        event: Event,
        fields: Fields,
        role: str,
        time_us: int,
        amounts: Mapping[int, float],
        known: Mapping[int, float],
    ) -> tuple[Opinions, list[Verdict]]:
        """Give what the detectors say of an event, and the bits of those that score it.

        Parameters
        ----------
        amounts
            Counter -> amount of the session.
        known
            Series -> bits of the session; more than these get a subject.
        """
        x = event_dict(event, fields, role, time_us, amounts)
        found, verdicts = Opinions(x, []), []
        for one, series, window in zip(self.detectors, self.series, self.windows, strict=True):
            score = self._ask(one, x)
            found.scores.append(score)
            if score is None:
                continue
            bits, subject = window.bits(role, score), None
            if bits > known.get(series.id, 0.0):
                text = self._explain(one, x)
                subject = Subject(bits, 0, one.name, 0, text, f"{score:.4g}")
            verdicts.append(Verdict(series.id, series.exposure, bits, subject))
        return found, verdicts

    def learn(self, opinions: Opinions | None, role: str) -> None:
        """Let the detectors learn an event, and count their scores of it."""
        if opinions is None:
            return
        rows = zip(self.detectors, self.windows, opinions.scores, strict=True)
        for one, window, score in rows:
            if score is not None:
                window.add(role, score)
            try:
                one.learn_one(dict(opinions.x))
            except Exception as error:  # noqa: BLE001  # it is not our code
                self._fail(one, error, opinions.x["id"])

    def _ask(self, one: Detector, x: dict[str, Any]) -> float | None:
        try:
            score = one.score_one(dict(x))
            if score is None:
                return None
            if not isinstance(score, Real):
                raise TypeError(f"expected a number or None, got {type(score).__name__}")
            if not isfinite(score):
                raise ValueError(f"a score must be finite, got {score}")
            return float(score)
        except Exception as error:  # noqa: BLE001  # it is not our code
            self._fail(one, error, x["id"])
            return None

    def _explain(self, one: Detector, x: dict[str, Any]) -> str:
        try:
            return str(one.explain_one(dict(x)))[:MAX_TEXT]
        except Exception as error:  # noqa: BLE001  # it is not our code
            self._fail(one, error, x["id"])
            return ""

    def _fail(self, one: Detector, error: Exception, event_id: str | None = None) -> None:
        self._failures.append(Failure(one.name, type(error).__name__, event_id))

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write the state of detectors that changed since the last call; of all with `whole`.

        If a detector fails, its last written state stays.
        """
        rows = []
        for one, window in zip(self.detectors, self.windows, strict=True):
            try:
                state = bytes(memoryview(one.dump()))
            except Exception as error:  # noqa: BLE001  # it is not our code
                self._fail(one, error)
                continue
            raw = _encode((one.version, state, window_bytes(window)))
            if whole or self._written.get(one.name) != raw:
                self._written[one.name] = raw
                rows.append((PREFIX + one.name, raw))
        return rows

    def load(self, shared: Mapping[str, bytes]) -> None:
        """Read what `dump` wrote; call only with bytes whose keyed digest holds.

        Raises
        ------
        StateError
            It was written by another version of a detector, or cannot be read.
        """
        for place, one in enumerate(self.detectors):
            raw = shared.get(PREFIX + one.name)
            if raw is None:
                continue
            try:
                version, state, window = _decode(raw)
                self.windows[place] = read_window(window)
            except (msgspec.MsgspecError, ValueError) as error:
                raise StateError(
                    f"state of detector {one.name!r} cannot be read: {error}"
                ) from error
            if version != one.version:
                raise StateError(
                    f"state of detector {one.name!r} was written by version {version}, this is "
                    f"{one.version}; give the new one another name to start it afresh"
                )
            try:
                if state:
                    one.load(state)
            except Exception as error:  # it is not our code
                raise StateError(
                    f"state of detector {one.name!r} cannot be read: {error}"
                ) from error
            self._written[one.name] = raw


def _family(one: Detector) -> Family:
    title = one.title or f"{one.name} finds the event unusual"
    return Family(one.name, one.name, one.anomaly, title)


def _window(one: Detector) -> DetectorWindow:
    window = DetectorWindow()
    for score in one.reference:
        window.add_reference(score)
    return window


def _check(names: Sequence[str]) -> None:
    """Refuse names that are missing, taken, or have the number of another series."""
    if not all(names):
        raise ConfigError(f"a detector needs a name of its own, got {names}")
    if len(set(names)) < len(names):
        raise ConfigError(f"detectors need different names, got {names}")
    built_in = {*FAMILIES, *(one.name for one in SERIES), COMBINATION.name}
    taken = {stable_id(name): name for name in sorted(built_in)}
    for name in names:
        if name in built_in:
            raise ConfigError(f"detector {name!r} has the name of a built-in one; give it another")
        for stored in (name, DAYS + name):
            other = taken.setdefault(stable_id(stored), stored)
            if other != stored:
                raise ConfigError(
                    f"detector {name!r} has the number of {other!r} in stored state; give it "
                    "another name"
                )
