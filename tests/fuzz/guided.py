"""Let coverage guide the mutations: atheris keeps the inputs that reach new code.

It runs in a process of its own, as libFuzzer never returns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from random import Random

from tests.components import ROOT

LARGEST = 1 << 16
"""Largest input in bytes."""
_PACKAGES = ["pipeline.formats", "pipeline.assembling", "pipeline.actions"]


def run(inputs: int) -> int:
    """Start the process, and give its exit status; 2 where atheris is not installed."""
    if find_spec("atheris") is None:
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="habitus-fuzz-") as corpus:
        return subprocess.run(  # noqa: S603 - this module
            [sys.executable, "-m", "tests.fuzz.guided", f"-runs={inputs}", "-timeout=10",
             "-rss_limit_mb=4096", f"-max_len={LARGEST}", f"-artifact_prefix={corpus}/", corpus],
            cwd=ROOT, check=False,
        ).returncode  # fmt: skip


def main() -> None:
    """Fuzz with the arguments of libFuzzer; the last one is the folder of the corpus."""
    import atheris

    with atheris.instrument_imports(include=_PACKAGES):
        from tests.fuzz.checking import check
        from tests.fuzz.inputs import TARGETS
        from tests.fuzz.mutations import mutated
        from tests.fuzz.seeds import seeds

    def split(raw: bytes) -> tuple[str, list[bytes]]:
        return TARGETS[raw[0] % len(TARGETS)], raw[1:].split(b"\x1e")

    def one_input(raw: bytes) -> None:
        target, records = split(raw or b"\0")
        check(target, records)

    def mutate(raw: bytes, largest: int, seed: int) -> bytes:
        draw = Random(seed)  # noqa: S311 - no secret
        if draw.random() < 0.2:
            return bytes(atheris.Mutate(raw, largest))
        other = draw.choice(seeds())
        records = mutated(draw, (raw or b"\0")[1:].split(b"\x1e"), other.records)
        return ((raw or b"\0")[:1] + b"\x1e".join(records))[:largest]

    folder = Path(sys.argv[-1])
    for number, seed in enumerate(seeds()):
        content = bytes([TARGETS.index(seed.target)]) + b"\x1e".join(seed.records)
        (folder / f"{number:04}").write_bytes(content[:LARGEST])
    print(json.dumps({"seeds": len(seeds())}), file=sys.stderr)
    atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
