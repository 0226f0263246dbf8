"""Audit Python packages: vulnerabilities with pip-audit (PyPI, else OSV), licences by metadata."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING, Any

from findings import Finding, Report, run

if TYPE_CHECKING:
    from pathlib import Path

_PINNED = re.compile(r"^([a-z0-9][\w.-]*)==", re.MULTILINE)
_COPYLEFT = re.compile(r"(?<!L)GPL|Affero|(?<!Lesser )General Public License", re.IGNORECASE)
_LESSER = re.compile(r"LGPL|Lesser General Public License", re.IGNORECASE)


def audit_packages(locks: list[Path], tool: Path, osv_url: str | None, report: Report) -> None:
    """Check the pinned packages against advisories.

    Parameters
    ----------
    locks
        Files with pinned versions.
    tool
        Path of pip-audit.
    osv_url
        Another address of the OSV service; for tests.
    """
    services = [["-s", "osv", "--osv-url", osv_url]] if osv_url else [["-s", "pypi"], ["-s", "osv"]]
    for lock in locks:
        pinned = len(_PINNED.findall(lock.read_text(encoding="utf-8")))
        packages = f"vulnerabilities of {pinned} packages of {lock.name}"
        if not tool.exists():
            report.unchecked.append(f"{packages}: pip-audit is not installed")
            continue
        for service in services:
            found = _asked(lock, tool, service)
            if any("vulns" in one for one in found):
                break
        else:
            report.unchecked.append(f"{packages}: neither PyPI nor OSV gives advisories here")
            continue
        skipped = [one["name"] for one in found if "vulns" not in one]
        if skipped:
            few = ", ".join(skipped[:5]) + (", …" if len(skipped) > 5 else "")
            report.unchecked.append(f"vulnerabilities of {len(skipped)} of {lock.name}: {few}")
        report.checked.append(
            f"vulnerabilities of {len(found) - len(skipped)} packages of {lock.name}"
        )
        report.findings += [
            Finding((vuln["id"], *vuln.get("aliases", [])), f"{one['name']} {one['version']}",
                    f"fixed in {', '.join(vuln['fix_versions']) or 'no version'}")
            for one in found
            for vuln in one.get("vulns", [])
        ]  # fmt: skip


def _asked(lock: Path, tool: Path, service: list[str]) -> list[dict[str, Any]]:
    """Give pip-audit's result for each package; empty if the service is unavailable."""
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "10"]
    done = run([str(tool), "-r", str(lock), *options, "-f", "json", *service], lock.parent)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout if done else "")["dependencies"]
    except (ValueError, KeyError, TypeError):
        return []
    return found


def audit_licences(lock: Path, report: Report) -> None:
    """Check that no installed package of a lock is under the GPL or AGPL alone."""
    names = _PINNED.findall(lock.read_text(encoding="utf-8"))
    absent = 0
    for name in names:
        try:
            said = metadata(name)
        except PackageNotFoundError:  # a package for another platform
            absent += 1
            continue
        words = [said.get("License-Expression") or (said.get("License") or "").split("\n")[0]]
        words += [word for word in said.get_all("Classifier") or [] if "License ::" in word]
        if is_copyleft(words):
            report.findings.append(Finding((f"licence:{name}",), name, "GPL or AGPL"))
    report.checked.append(f"licences of {len(names) - absent} installed packages of {lock.name}")


def is_copyleft(words: list[str]) -> bool:
    """Return whether a licence is only GPL or AGPL; LGPL and alternatives are accepted.

    >>> is_copyleft(["GPL-3.0-only"]), is_copyleft(["LGPL-2.1-or-later"])
    (True, False)
    >>> is_copyleft(["MIT OR GPL-2.0-or-later"]), is_copyleft(["MIT"])
    (False, False)
    """
    said = [part for word in words for part in re.split(r"\bOR\b", word) if part.strip()]
    strict = [bool(_COPYLEFT.search(part)) and not _LESSER.search(part) for part in said]
    return bool(strict) and all(strict)
