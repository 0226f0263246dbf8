"""Mutated inputs of all formats are read or refused, and failures are noticed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec

import pytest

from models.errors import MalformedEvent
from pipeline.formats import FORMATS
from tests.fuzz import child, parent
from tests.fuzz.checking import check
from tests.fuzz.inputs import TARGETS, Input, input_of
from tests.fuzz.limits import Effect, Guard
from tests.fuzz.parent import Range, run
from tests.fuzz.seeds import seeds

INPUTS = 3_000
_GUARD = Guard()
_WRITES_PLACE = """
import pathlib, sys
pathlib.Path(sys.argv[4]).write_bytes(int(sys.argv[2]).to_bytes(8, "little"))
"""


@pytest.mark.slow
def test_mutated_inputs_are_read_or_refused_with_a_reason() -> None:
    found = run(Range(49, 0, INPUTS))
    assert found.failures == []
    assert found.count["inputs"] == INPUTS
    assert found.count["events"] > INPUTS / 2
    assert sum(n for name, n in found.count.items() if name.startswith("refused_")) > INPUTS / 10


@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: seed.target)
def test_every_seed_is_read(seed) -> None:
    count = check(seed.target, seed.records, thorough=True)
    assert count["events"] or seed.target not in FORMATS or seed.target == "mcp" or count


def test_every_format_has_inputs_that_give_events() -> None:
    found = {seed.target for seed in seeds() if check(seed.target, seed.records)["events"]}
    assert FORMATS.keys() <= found


def test_equal_numbers_give_equal_inputs() -> None:
    assert input_of(3, 17) == input_of(3, 17)
    assert {input_of(0, number).target for number in range(len(TARGETS))} == set(TARGETS)
    assert input_of(0, 17).records != input_of(1, 17).records


# ---------------------------------------------------------------------- failures are noticed


def failure(monkeypatch: pytest.MonkeyPatch, act) -> str | None:
    monkeypatch.setattr(child, "check", lambda *_, **__: act())
    return child.failure_of(Input("native", [b"{}"], False), _GUARD, Counter())[0]


def test_error_beside_a_refusal_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def act() -> Counter[str]:
        raise KeyError("tool")

    why = failure(monkeypatch, act)
    assert why is not None
    assert why.startswith("KeyError: 'tool' (")
    assert failure(monkeypatch, Counter) is None


@pytest.mark.parametrize(
    "act",
    [
        lambda: os.system("true"),  # noqa: S605, S607
        lambda: subprocess.run(["true"], check=False),  # noqa: S607
        lambda: open("fuzz-effect", "w"),  # noqa: PTH123, SIM115
        lambda: os.remove("fuzz-effect"),  # noqa: PTH107
    ],
)
def test_effect_on_the_machine_is_a_failure(monkeypatch: pytest.MonkeyPatch, act) -> None:
    why = failure(monkeypatch, act)
    assert why is not None
    assert why.startswith(f"{Effect.__name__}: an input caused ")


def test_refusal_without_a_known_reason_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def normalise(self, value: bytes) -> None:
            raise MalformedEvent("odd", f"{len(value)} bytes are refused")

    monkeypatch.setitem(FORMATS, "native-2", Silent())
    with pytest.raises(AssertionError, match="the reason 'odd' does not exist"):
        check("native-2", [b"{}"])


def test_crash_is_found_and_the_inputs_after_it_are_read() -> None:
    crash = f"{_WRITES_PLACE}import os; os.abort()"
    found = run(Range(0, 5, 7), command=(sys.executable, "-c", crash))
    assert [(one.number, one.why) for one in found.failures] == [(5, "crash: -6"), (6, "crash: -6")]
    assert found.count["inputs"] == 2


def test_hang_is_found_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "HANG_S", 0.3)
    loop = f"{_WRITES_PLACE}while True: pass"
    found = run(Range(0, 5, 6), command=(sys.executable, "-c", loop))
    assert [(one.number, one.why[:4]) for one in found.failures] == [(5, "hang")]


def test_input_that_waits_is_found_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "STILL_S", 1.0)
    wait = f"{_WRITES_PLACE}import time; time.sleep(600)"
    found = run(Range(0, 5, 6), command=(sys.executable, "-c", wait))
    assert [(one.number, one.why[:4]) for one in found.failures] == [(5, "hang")]


def test_allocation_beyond_the_limit_is_a_failure() -> None:
    code = (
        "from collections import Counter; from tests.fuzz import child, limits;"
        "limits.limit_memory(); child.check = lambda *_, **__: bytearray(2 * limits.MEMORY_BYTES);"
        "print(child.failure_of(child.Input('native', [], False), limits.Guard(), Counter())[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.startswith("MemoryError")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed")
def test_coverage_guides_a_short_run() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--guided", "--inputs", "800"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr[-2_000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs is not None
    assert int(runs[1]) >= 800
