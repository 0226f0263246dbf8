"""A plugin of pytest: what a run leaves for the night, and which tests run while no other does."""

from __future__ import annotations

import fcntl
import os
import tempfile
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

if TYPE_CHECKING:
    from collections.abc import Generator

# The folder that all workers of one run share.
FOLDER = "HABITUS_TEST_RUN"
NIGHTLY = "HABITUS_NIGHTLY"
# What a test waits for, as its markers say.
COMPONENTS = ("broker", "postgresql", "browser")
# Inputs that a property is tried on, where it says no number of its own.
BY_DAY, BY_NIGHT = 25, 100


class Turns:
    """Gives each test the machine: beside tests of other workers, or alone.

    Every test holds the lock `room`: a test that is marked `alone` exclusively, any other shared.
    A test that waits for `room` holds `door`, so that no later test overtakes it.
    """

    def __init__(self, folder: Path) -> None:
        self._door = (folder / "door").open("wb")
        self._room = (folder / "room").open("wb")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Wait for a turn, before the time limit of the test starts."""
        alone = item.get_closest_marker("alone") is not None
        fcntl.flock(self._door, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self._door, fcntl.LOCK_UN)
        try:
            return (yield)
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)


def pytest_configure(config: pytest.Config) -> None:
    """Let the tests of this run take turns."""
    if hasattr(config, "workerinput"):
        # Readline exports the size of the terminal to the processes that pytest starts.
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)
    else:  # the process that starts the workers, or runs all tests
        folder = tempfile.TemporaryDirectory(prefix="habitus-tests-")
        config.add_cleanup(folder.cleanup)
        os.environ[FOLDER] = folder.name
    config.pluginmanager.register(Turns(Path(os.environ[FOLDER])))
    for name, examples in (("day", BY_DAY), ("night", BY_NIGHT)):
        # Time says how busy the machine is, not whether a property holds: pytest-timeout bounds it.
        settings.register_profile(
            name,
            max_examples=examples,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
    settings.load_profile("night" if _is_night(config) else "day")


def _is_night(config: pytest.Config) -> bool:
    return os.environ.get(NIGHTLY) == "true" or "nightly" in config.option.markexpr


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what nobody asked for, and start with the files that take longest."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker("drawn")
    if not _is_night(config):
        night = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=night)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]
    items[:] = _by_file(items)


def _by_file(items: list[pytest.Item]) -> list[pytest.Item]:
    """Put slow files first, and a file that waits for components beside one that computes."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slowest = sorted(files.values(), key=lambda tests: -_marked(tests, "slow"))
    waiting = [tests for tests in slowest if _marked(tests, *COMPONENTS)]
    computing = [tests for tests in slowest if not _marked(tests, *COMPONENTS)]
    pairs = zip_longest(waiting, computing, fillvalue=())
    return [item for pair in pairs for tests in pair for item in tests]


def _marked(tests: list[pytest.Item], *names: str) -> int:
    return sum(any(item.get_closest_marker(name) for name in names) for item in tests)
