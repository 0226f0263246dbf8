"""Check vulnerabilities and licences of all locked dependencies: ``make audit``.

It fails on a finding that is not accepted. A check that a missing service or tool prevents is
reported in one sentence and does not fail.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from crates import audit_crates
from findings import Report, judged, read_accepted
from python_packages import audit_licences, audit_packages

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv" / "tools" / "bin"


def main() -> int:
    """Run all checks; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accepted", type=Path, default=Path(__file__).with_name("accepted.toml"))
    parser.add_argument("--deny", type=Path, default=ROOT / "native" / "deny.toml")
    parser.add_argument("--lock", type=Path, action="append", help="in place of both locks")
    parser.add_argument("--tools", type=Path, default=TOOLS, help="folder of the tools")
    parser.add_argument("--osv-url", help="another address of the OSV service")
    given = parser.parse_args()
    locks = given.lock or [ROOT / "requirements.lock", ROOT / "requirements-tools.lock"]
    accepted = read_accepted(given.accepted)
    report = Report()
    audit_crates(ROOT / "native", given.deny.resolve(), given.tools / "cargo-deny", report)
    audit_packages(
        [lock.resolve() for lock in locks], given.tools / "pip-audit", given.osv_url, report
    )
    audit_licences(locks[0], report)
    failing, excused = judged(report.findings, accepted, datetime.now(UTC).date())
    for kind, sentences in (
        ("checked", report.checked),
        ("not checked", report.unchecked),
        ("accepted", excused),
        ("error", failing),
    ):
        for sentence in sentences:
            print(f"audit: {kind}: {sentence}")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
