"""Findings of an audit, unchecked parts, and temporarily accepted findings."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

LONGEST_S = 60
"""Timeout of one tool in seconds, so that a hanging service does not block a build."""


@dataclass(frozen=True)
class Finding:
    """One finding: its ids (the first is displayed), the package, and a description."""

    ids: tuple[str, ...]
    package: str
    what: str

    def __str__(self) -> str:
        return f"{self.ids[0]}: {self.package}: {self.what}"


@dataclass
class Report:
    """Findings, and sentences about checked and unchecked parts."""

    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Accepted:
    """An accepted finding, with reason and last day."""

    reason: str
    expires: date


def read_accepted(path: Path) -> dict[str, Accepted]:
    """Read the file of accepted findings; an entry without reason or day raises an error."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("accepted", [])
    return {entry["id"]: Accepted(entry["reason"], entry["expires"]) for entry in entries}


def judged(
    findings: Sequence[Finding], accepted: dict[str, Accepted], today: date
) -> tuple[list[str], list[str]]:
    """Give the sentences of failing findings, and of accepted ones."""
    failing, excused = [], []
    for finding in findings:
        found = next((accepted[name] for name in finding.ids if name in accepted), None)
        if found is None:
            failing.append(str(finding))
        elif found.expires < today:
            failing.append(f"{finding} (accepted until {found.expires}, which has passed)")
        else:
            excused.append(f"{finding} (accepted until {found.expires}: {found.reason})")
    return failing, excused


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str] | None:
    """Run a tool; return None if it is missing or takes too long."""
    try:
        return subprocess.run(  # noqa: S603  # tools of our own environment, arguments of ours
            command, cwd=folder, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
