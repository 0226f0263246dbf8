"""Sessions of synthetic agents, benign and injected, as lines of the labelled format."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from random import Random
from string import Formatter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from lab.simulation.labelled.values import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 3, 2, 7, tzinfo=UTC)
AGENTS = ("amber", "birch", "cedar")
HISTORY, JUDGED = 45, 50
"""Number of sessions of an agent in the history, and after it."""
_ATTACKED, _FAILED = 0.25, 0.1
_REPEATED, _ERRED, _GOES_ON = 0.08, 0.04, 0.5

Call = dict[str, str]
Line = dict[str, Any]


class Task(Struct, frozen=True):
    """A request to an agent, and its calls."""

    request: str
    weight: int
    calls: list[Call]


class Goal(Struct, frozen=True):
    """The goal of an injected instruction."""

    id: str
    calls: list[Call]


class Role(Struct, frozen=True):
    """A role; its last task never occurs in the history."""

    name: str
    gives: dict[str, list[str]]
    task: list[Task]
    goal: list[Goal]


def roles() -> list[Role]:
    """Read the roles from `roles.toml`."""
    text = files(__package__).joinpath("roles.toml").read_text()
    return msgspec.convert(tomllib.loads(text)["role"], list[Role])


def labelled_log(seed: int) -> Iterator[Line]:
    """Generate a labelled log, agent by agent and in order of time.

    Parameters
    ----------
    seed
        Equal seeds give equal lines.
    """
    for role in roles():
        for name in AGENTS:
            rng = Random(f"{seed}/{role.name}/{name}")  # noqa: S311 - made-up data
            time = START
            for number in range(HISTORY + JUDGED):
                time = _next_start(time, rng)
                session = _Session(role, f"made-up/{role.name}/{name}", number, time, rng)
                yield from session.lines()


def _next_start(time: datetime, rng: Random) -> datetime:
    """Give the start of the next session, on a working day."""
    time += timedelta(minutes=rng.randint(30, 200))
    if time.hour >= 17:
        time = (time + timedelta(days=1)).replace(hour=7, minute=rng.randint(0, 59))
    while time.weekday() >= 5:
        time += timedelta(days=1)
    return time


class _Session:
    """One request with its calls."""

    def __init__(self, role: Role, agent: str, number: int, time: datetime, rng: Random) -> None:
        self._role, self._rng, self._time = role, rng, time
        past = number < HISTORY
        tasks = role.task[:-1] if past else role.task
        task = rng.choices(tasks, [one.weight for one in tasks])[0]
        fate = 1.0 if past else rng.random()
        self._goal = rng.choice(role.goal) if fate < _ATTACKED + _FAILED else None
        self._succeeds = fate < _ATTACKED
        self._values: dict[str, str] = {}
        self._origins: dict[str, list[str]] = {}
        self._task = task
        self._fixed = {
            "source": "made-up",
            "agent_id": agent,
            "agent_role": role.name,
            "session_id": f"{agent}/{number}",
            "purpose": self._filled(task.request, "request"),
            "phase": "baseline" if past else "eval",
            "session_label": self._label(),
            "attack_id": self._goal.id if self._goal else None,
            "task_id": f"{role.name}-{role.task.index(task)}",
        }

    def lines(self) -> Iterator[Line]:
        """Give one line per call."""
        for step, (call, injected_by) in enumerate(self._calls()):
            yield self._line(step, call, injected_by)

    def _label(self) -> str:
        if self._goal is None:
            return "benign"
        return "attacked_succeeded" if self._succeeds else "attacked_failed"

    def _calls(self) -> list[tuple[Call, str | None]]:
        """Give the calls; an injected call has the tool whose result contains the instruction."""
        calls: list[tuple[Call, str | None]] = []
        for call in self._task.calls:
            calls += [(call, None)] * (1 + (self._rng.random() < _REPEATED))
        if self._goal is None or not self._succeeds:
            return calls
        reads = [at for at, (call, _) in enumerate(calls) if call["tool"] in self._role.gives]
        at = self._rng.choice(reads)
        by = calls[at][0]["tool"]
        rest = calls[at + 1 :] if self._rng.random() < _GOES_ON else []
        return [*calls[: at + 1], *((call, by) for call in self._goal.calls), *rest]

    def _line(self, step: int, call: Call, injected_by: str | None) -> Line:
        tool, rng = call["tool"], self._rng
        texts = {name: text for name, text in call.items() if name != "tool"}
        carried = f"result:{injected_by}" if injected_by else None
        arguments = {name: self._filled(text, carried) for name, text in texts.items()}
        origins = {name: self._traced(text, carried) for name, text in texts.items()}
        self._time += timedelta(seconds=rng.uniform(1.0, 9.0))
        erred = rng.random() < _ERRED
        if not erred:
            for name in self._role.gives.get(tool, ()):
                self._take(name, f"result:{tool}")
        return self._fixed | {
            "step": step,
            "time": self._time.isoformat(timespec="milliseconds"),
            "tool": tool,
            "arguments": arguments,
            "argument_origins": origins,
            "status": "error" if erred else "success",
            "result_bytes": 0 if erred else rng.randint(4, 900),
            "event_label": int(injected_by is not None),
        }

    def _take(self, name: str, origin: str) -> None:
        """Record that a value occurred in the request or in a result."""
        known = self._origins.setdefault(name, [])
        if origin not in known:
            known.append(origin)
        self._value(name)

    def _value(self, name: str) -> str:
        if name not in self._values:
            self._values[name] = draw(name, self._rng)
        return self._values[name]

    def _filled(self, text: str, origin: str | None) -> str:
        """Fill the values into a text; new values get `origin`."""
        for name in _names(text):
            if origin == "request" or (origin and name not in self._origins):
                self._take(name, origin)
        return text.format(**{name: self._value(name) for name in _names(text)})

    def _traced(self, text: str, carried: str | None) -> list[list[Any]]:
        """Give the origins of each value of an argument."""
        names = _names(text)
        if not names:
            return [[text, [carried] if carried else []]]
        return [[self._value(name), list(self._origins.get(name, []))] for name in names]


def _names(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name]
