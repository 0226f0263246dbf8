"""Start, stop and show the real components that the tests use.

    python3 deploy/services/services.py up|down|status [kafka] [postgresql] [chromium] [promtool]
                                                       [opa] [collector] [litellm] [keycloak]
                                                       [spire]

The Collector, LiteLLM, Keycloak and SPIRE take minutes to fetch: without names they count only
where they were fetched.

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
import opa
import postgresql
import promtool
from identity import keycloak, spire
from place import Absent, alone
from telemetry import collector, litellm

COMPONENTS = {
    component.NAME: component
    for component in (
        kafka_broker, postgresql, browser, promtool, opa, collector, litellm, keycloak, spire,
    )
}  # fmt: skip
SLOW = (collector, litellm, keycloak, spire)
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
        for name in chosen.component or _by_default(chosen.action):
            print(f"{name}: {_one(name, chosen.action)}", flush=True)
    return 0


def _by_default(action: str) -> list[str]:
    """Name the components that are meant without names: what takes minutes starts if fetched."""
    known = COMPONENTS.items()
    return [name for name, one in known if action != "up" or one not in SLOW or one.cached()]


def _one(name: str, action: str) -> str:
    """Run one action for one component; return a description of the result."""
    try:
        return str(getattr(COMPONENTS[name], action)())
    except (Absent, OSError, subprocess.TimeoutExpired) as reason:
        return f"ABSENT, {reason}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
