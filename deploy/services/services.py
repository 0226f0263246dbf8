"""Start, stop and show the real components that the tests use.

    python3 deploy/services/services.py up|down|status [kafka] [postgresql] [chromium] [promtool]

HABITUS_TEST_SERVICES names a folder for servers of their own, beside those of the repository.

An unavailable component is reported with the reason and is no failure: its tests are skipped by
name (and fail if CI=true). Only the standard library is used, so this runs before any installation.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import browser
import kafka_broker
import postgresql
import promtool
from place import Absent, alone

COMPONENTS = {
    component.NAME: component for component in (kafka_broker, postgresql, browser, promtool)
}
ACTIONS = ("up", "down", "status")


def main(arguments: list[str]) -> int:
    """Run one action for the named components; without names, for all."""
    parser = argparse.ArgumentParser(prog="services.py", description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("component", nargs="*", help=f"default: {' '.join(COMPONENTS)}")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.component) - set(COMPONENTS))
    if unknown:
        parser.error(f"unknown component {unknown[0]!r}, expected one of: {', '.join(COMPONENTS)}")
    with alone():
        for name in chosen.component or COMPONENTS:
            print(f"{name}: {_one(name, chosen.action)}", flush=True)
    return 0


def _one(name: str, action: str) -> str:
    """Run one action for one component; return a description of the result."""
    try:
        return str(getattr(COMPONENTS[name], action)())
    except (Absent, OSError, subprocess.TimeoutExpired) as reason:
        return f"ABSENT, {reason}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
