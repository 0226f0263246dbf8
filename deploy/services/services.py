"""Start, stop and show the real components that the tests use.

    python3 deploy/services/services.py up|down|status [kafka] [postgresql] [chromium] [promtool]

A component that cannot be had is said so, with the reason, and is no failure: its tests are
skipped by name (and fail where CI=true). Only the standard library is used, so that this runs
before anything is installed.
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
    """Do one action for the named components, all of them when none is named."""
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
    """Do one action for one component, and say how it went."""
    try:
        return str(getattr(COMPONENTS[name], action)())
    except (Absent, OSError, subprocess.TimeoutExpired) as reason:
        return f"ABSENT, {reason}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
