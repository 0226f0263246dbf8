"""Mutate the examples of all formats, and read them: ``make fuzz ARGS="--inputs 200000"``.

A million inputs take about 20 minutes of one core. The exit status is 1 where an input crashes or
hangs the process, takes too long or too much memory, has an effect, or is refused for no reason.
"""

from __future__ import annotations

import argparse
import sys

from tests.fuzz import guided
from tests.fuzz.inputs import input_of
from tests.fuzz.parent import Range, run


def main() -> int:
    """Run, and print what was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--run", type=int, default=0, help="another number gives other inputs")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--show", type=int, metavar="N", help="print the records of one input")
    parser.add_argument(
        "--guided", action="store_true", help="let coverage guide the mutations (atheris)"
    )
    chosen = parser.parse_args()
    if chosen.show is not None:
        one = input_of(chosen.run, chosen.show)
        print(one.target, *one.records, sep="\n")
        return 0
    if chosen.guided:
        return guided.run(chosen.inputs)
    found = run(Range(chosen.run, chosen.first, chosen.first + chosen.inputs), sys.stderr)
    for failure in found.failures:
        print(f"input {failure.number} of {failure.target}: {failure.why}")
    for name, count in sorted(found.count.items()):
        print(f"{name:<24}{count:>12,}")
    print(f"{found.count['inputs']:,} inputs, {len(found.failures)} failures")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
