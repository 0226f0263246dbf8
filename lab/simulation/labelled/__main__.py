"""Write the made-up labelled log: ``python -m lab.simulation.labelled --out FILE [--seed 7]``."""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import msgspec

from lab.simulation.labelled.log import labelled_log


def main() -> None:
    """Parse the command line and write the file, compressed if its name ends in .gz."""
    parser = argparse.ArgumentParser(prog="python -m lab.simulation.labelled", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="equal seeds give equal bytes")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    raw = log_bytes(chosen.seed)
    packed = chosen.out.suffix == ".gz"
    chosen.out.write_bytes(gzip.compress(raw, mtime=0) if packed else raw)


def log_bytes(seed: int) -> bytes:
    """Give the log as JSON lines."""
    encode = msgspec.json.Encoder().encode
    return b"".join(encode(line) + b"\n" for line in labelled_log(seed))


if __name__ == "__main__":
    main()
