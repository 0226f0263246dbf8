"""Audit the kernel's crates: licences, duplicates and sources offline.

RustSec provides the vulnerabilities.
"""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from typing import TYPE_CHECKING, Any

from findings import Finding, Report, run

if TYPE_CHECKING:
    from pathlib import Path

_RULES = "licences, duplicates and sources"
_ADVISORIES = "vulnerabilities"
_BAD_RULES = re.compile("failed to (?:parse|validate|deserialize) config")


def audit_crates(native: Path, config: Path, deny: Path, report: Report) -> None:
    """Check the crates pinned in `native/Cargo.lock`.

    Parameters
    ----------
    native
        Folder of the kernel.
    config
        Rules of cargo-deny.
    deny
        Path of cargo-deny.
    """
    lock = tomllib.loads((native / "Cargo.lock").read_text(encoding="utf-8"))
    crates = f"{len(lock['package']) - 1} crates"
    if shutil.which("cargo") is None:
        report.unchecked.append(f"{_RULES} and {_ADVISORIES} of {crates}: cargo is not installed")
        return
    base = [str(deny), "--locked", "--format", "json", "--config", str(config)]
    # The first check needs no advisories, but fetches crates that no build has fetched yet.
    checks = {_RULES: ["licenses", "bans", "sources"], _ADVISORIES: ["advisories"]}
    for what, names in checks.items():
        done = run([*base, "check", *names], native)
        lines = [] if done is None else list(map(_line, done.stderr.splitlines()))
        if not any(line.get("type") == "summary" for line in lines):
            said = " ".join(str(line.get("fields", {}).get("message", "")) for line in lines)
            if _BAD_RULES.search(said):
                finding = Finding((f"rules:{config.name}",), config.name, "cargo-deny refuses it")
                report.findings.append(finding)
            report.unchecked.append(f"{what} of {crates}: {_why_not(said, deny)}")
            continue
        report.checked.append(f"{what} of {crates}")
        report.findings += [_finding(line["fields"]) for line in lines if _is_finding(line)]


def _line(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_finding(line: dict[str, Any]) -> bool:
    return line.get("type") == "diagnostic" and line["fields"]["severity"] == "error"


def _finding(fields: dict[str, Any]) -> Finding:
    krates = [graph["Krate"]["name"] for graph in fields.get("graphs", []) if "Krate" in graph]
    package = krates[0] if krates else "crates"
    advisory = fields.get("advisory")
    if advisory:
        return Finding((advisory["id"], *advisory.get("aliases", [])), package, advisory["title"])
    kind = "licence" if fields.get("code") == "rejected" else fields.get("code", "rule")
    return Finding((f"{kind}:{package}",), package, fields["message"])


def _why_not(said: str, deny: Path) -> str:
    if not deny.exists():
        return "cargo-deny is not installed (make audit installs it)"
    if "fetch advisory database" in said:
        return "the RustSec advisory database cannot be fetched"
    return "cargo-deny did not end its check"
