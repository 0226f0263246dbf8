"""Fleets by other hands, judged by what a person sees: ``python -m benchmarks.fleets FOLDER``.

The folder has a program for each fleet, ``fleet_NAME.py generate``, and the scorer of cases,
``score_cases.py``. Each seed is generated, replayed with the default budget, and scored.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, quantiles
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.findings import Findings, add_save, show
from lab.measurement import Goal, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

_DRAWS = 2_000
# Figures of the scorer, with their headings.
FIGURES = {
    "false_cases_per_day": "false cases a day",
    "recall": "recall",
    "recall_in_own_case": "in own case",
    "recall_in_own_case_at_1": "in own case at 1 false a day",
    "recall_in_own_case_at_3": "in own case at 3 false a day",
    "precision_by_case": "precision by case",
}
# Goals by fleet and figure: false cases at most, the others at least.
GOALS = {
    "b": {
        "false_cases_per_day": 5.0,
        "recall": 0.88,
        "recall_in_own_case": 0.78,
        "recall_in_own_case_at_1": 0.6,
        "recall_in_own_case_at_3": 0.75,
    },
    "c": {
        "false_cases_per_day": 6.0,
        "recall": 0.6,
        "recall_in_own_case": 0.5,
        "recall_in_own_case_at_1": 0.25,
        "recall_in_own_case_at_3": 0.45,
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all seeds of all fleets; goals missed are no failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleets", description=__doc__)
    parser.add_argument("folder", type=Path, help="programs of the fleets, and score_cases.py")
    parser.add_argument("--fleets", default="b,c", help="names, with commas")
    parser.add_argument("--first", type=int, default=101, metavar="SEED", help="first seed")
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds")
    add_save(parser)
    asked = parser.parse_args(arguments)
    names = asked.fleets.split(",")
    seeds = range(asked.first, asked.first + asked.seeds)
    found = {name: [_measured(asked.folder, name, seed) for seed in seeds] for name in names}
    show(findings(found, asked.first), "Fleets by other hands", "benchmarks.fleets", asked.save)
    return 0


def findings(found: dict[str, list[dict[str, Any]]], first: int) -> Findings:
    """Give the mean of each figure over the seeds, with its interval."""
    tables, goals = [], []
    for name, seeds in found.items():
        rows = [
            [f"{name}: {heading}", *_interval([float(one[key] or 0.0) for one in seeds])]
            for key, heading in FIGURES.items()
        ]
        tables.append(
            Table(
                sentence=f"Fleet {name}, {len(seeds)} seeds from {first} on: mean over the seeds, "
                "and its bootstrap interval of 95 % with seeds drawn again.",
                columns=["figure", "mean", "from", "to"],
                rows=rows,
            )
        )
        # A figure is met where its interval holds the goal.
        for key, bound in GOALS.get(name, {}).items():
            row, few = f"{name}: {FIGURES[key]}", key == "false_cases_per_day"
            goals.append(
                Goal(figure=f"{row}, low end of its interval", row=row, column="from", most=bound)
                if few
                else Goal(
                    figure=f"{row}, high end of its interval", row=row, column="to", least=bound
                )
            )
    return Findings(tables, goals)


def _interval(values: Sequence[float]) -> list[str]:
    """Give mean and bootstrap interval of values.

    >>> _interval([1.0, 1.0, 1.0])
    ['1.000', '1.000', '1.000']
    """
    draw = random.Random(0)  # noqa: S311 - a bootstrap
    means = [mean(draw.choices(values, k=len(values))) for _ in range(_DRAWS)]
    cuts = quantiles(means, n=40)
    return [f"{one:.3f}" for one in (mean(values), cuts[0], cuts[-1])]


def _measured(programs: Path, name: str, seed: int) -> dict[str, Any]:
    print(f"fleet {name}, seed {seed}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="habitus-fleet-") as folder:
        here = Path(folder)
        generator = programs.resolve() / f"fleet_{name}.py"
        _run([str(generator), "generate", "--out", folder, "--seed", str(seed)])
        egress = json.loads((here / "meta.json").read_text()).get("corporate_addresses") or []
        environment = {
            "HABITUS_INVENTORY": str(here / "inventory.csv"),
            "HABITUS_CORPORATE_NETWORKS": ",".join(egress),
        }
        lists = programs.resolve().parent / "fixtures" / "ip-intel"
        if lists.is_dir():
            environment["HABITUS_INTEL"] = str(lists)
        command = ["-m", "pipeline.cli", "replay", str(here / "events.jsonl"), "--format", "native"]
        _run([*command, "--out", str(here / "judged.jsonl")], environment)
        scorer = str(programs.resolve() / "score_cases.py")
        out = _run([scorer, folder, str(here / "judged.jsonl"), "--json"])
        scored: dict[str, Any] = json.loads(out)
        return scored


def _run(arguments: Sequence[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - programs that the caller names
        [sys.executable, *arguments], env=os.environ | (environment or {}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{arguments[0]} failed: {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
