"""Write the bundled sample, or a fleet of any size, from the command line.

python -m lab.simulation.sample --seed 7 --out data/
python -m lab.simulation.sample --fleet 1000 --events 200000 --out FILE
"""

from __future__ import annotations

import argparse
import gzip
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lab.simulation.sample.bundle import write
from lab.simulation.sample.fleet import fleet_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHUNK = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, write the files, and print them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.simulation.sample", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="equal seeds give equal bytes")
    parser.add_argument("--out", type=Path, required=True, help="folder, or file with --fleet")
    parser.add_argument("--fleet", type=_positive, help="agents of a plain benign fleet")
    parser.add_argument("--events", type=_positive, default=200_000, help="events of the fleet")
    options = parser.parse_args(arguments)
    if options.fleet is None:
        for path in write(options.seed, options.out):
            sys.stdout.write(f"{path} {path.stat().st_size} bytes\n")
        return 0
    lines = fleet_events(options.seed, options.fleet, limit=options.events)
    count = write_lines(lines, options.out)
    sys.stdout.write(f"{options.out} {count} events\n")
    return 0


def write_lines(lines: Iterator[bytes], path: Path) -> int:
    """Write lines to a file, compressed if its name ends in .gz; return their number."""
    count = 0
    with path.open("wb") as raw:
        packed = path.suffix == ".gz"
        out = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if packed else raw
        while chunk := list(islice(lines, CHUNK)):
            out.write(b"\n".join(chunk) + b"\n")
            count += len(chunk)
        if packed:
            out.close()
    return count


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


if __name__ == "__main__":
    raise SystemExit(main())
