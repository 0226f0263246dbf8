"""``python -m chaos``: one run with terminal output; exit 1 if results differ."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import msgspec

from chaos.run import Plan, run
from chaos.servers import Servers


def main(arguments: list[str]) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    for name, value in msgspec.structs.asdict(Plan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--logs", type=Path, help="keep the workers' logs in this folder")
    given = vars(parser.parse_args(arguments))
    logs = given.pop("logs")
    servers = Servers(
        os.environ.get("HABITUS_TEST_KAFKA"), os.environ.get("HABITUS_TEST_POSTGRESQL")
    )
    with tempfile.TemporaryDirectory(prefix="habitus-chaos-") as folder:
        if logs is not None:
            logs.mkdir(parents=True, exist_ok=True)
        outcome = run(Plan(**given), logs or Path(folder), servers)
    print(
        f"{outcome.kills} kills, {outcome.sleeps} sleepers; {outcome.records} records, "
        f"{outcome.events} events counted once ({outcome.in_time} of them meanwhile), "
        f"{outcome.rejected} rejected; {outcome.contributions} contributions between shards; "
        f"{outcome.published} messages published, {outcome.repeats} of them repeats"
    )
    for difference in outcome.differences:
        print(f"DIFFERENT {difference}")
    print("different" if outcome.differences else "the same, byte for byte")
    return bool(outcome.differences)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
