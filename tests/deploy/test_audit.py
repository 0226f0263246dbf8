"""`make audit` fails on what is known to be bad, and says what it could not check."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import tomllib
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
AUDIT = ROOT / "deploy" / "audit" / "audit.py"
NOWHERE = "http://127.0.0.1:9/v1/query"
UNREACHABLE = "https://advisories.example.invalid/db"
ADVISORY = """```toml
[advisory]
id = "RUSTSEC-2026-9999"
package = "memchr"
date = "2026-01-01"
[versions]
patched = []
```

# A made-up fault
It is not there.
"""


def audit(tmp_path: Path, tools: Path, *args: str, accepted: str = "") -> tuple[int, str]:
    (tmp_path / "accepted.toml").write_text(accepted)
    lock = tmp_path / "requirements.lock"
    if not lock.exists():
        lock.write_text("jinja2==3.1.2\nmsgspec==0.20.0\n")
    done = subprocess.run(  # noqa: S603  # our own script
        [
            sys.executable, str(AUDIT), "--accepted", str(tmp_path / "accepted.toml"),
            "--lock", str(lock), "--tools", str(tools), "--osv-url", NOWHERE, *args,
        ],
        capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout


def accept(name: str, days: int = 30) -> str:
    day = (datetime.now(UTC) + timedelta(days=days)).date()
    return f'[[accepted]]\nid = "{name}"\nreason = "not called"\nexpires = {day}\n'


@pytest.fixture
def crates(tools: Path) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not here")
    return tools


@pytest.fixture
def advisories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give rules with a database of advisories of this machine, which names one crate."""
    database = tmp_path / "advisory-db"
    folder = database / "crates" / "memchr"
    folder.mkdir(parents=True)
    (folder / "RUSTSEC-2026-9999.md").write_text(ADVISORY)
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "advisory"],
    ):
        subprocess.run(["git", *command], cwd=database, check=True)  # noqa: S603, S607 - git
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{database}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", UNREACHABLE)
    return rules_with_database(tmp_path)


def rules_with_database(tmp_path: Path) -> Path:
    own = f'[advisories]\ndb-urls = ["{UNREACHABLE}"]\ndb-path = "{tmp_path / "kept"}"\n'
    rules = (ROOT / "native" / "deny.toml").read_text()
    (tmp_path / "deny.toml").write_text(rules.replace("[advisories]\n", own))
    return tmp_path / "deny.toml"


class Osv(BaseHTTPRequestHandler):
    """A service that knows one fault of one package."""

    def do_POST(self) -> None:  # the library's name
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = {
            "id": "GHSA-made-up",
            "aliases": ["CVE-2026-0001"],
            "summary": "a made-up fault",
            "affected": [
                {
                    "package": {"name": "jinja2", "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "3.1.6"}]}],
                }
            ],
        }
        found = {"vulns": [fault]} if asked["package"]["name"] == "jinja2" else {}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def osv() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def test_unavailable_service_is_named_and_does_not_fail(tmp_path, crates):
    code, out = audit(tmp_path, crates, "--deny", str(rules_with_database(tmp_path)))
    assert code == 0, out
    assert "audit: checked: licences, duplicates and sources of 50 crates" in out
    assert "not checked: vulnerabilities of 50 crates: the RustSec advisory database" in out
    assert "not checked: vulnerabilities of 2 packages of requirements.lock: neither PyPI" in out


def test_tools_that_are_absent_are_named(tmp_path):
    code, out = audit(tmp_path, tmp_path / "no-tools")
    assert code == 0
    assert "pip-audit is not installed" in out
    assert "cargo-deny is not installed" in out or "cargo is not installed" in out


def test_a_crate_with_a_known_vulnerability_fails_until_it_is_accepted(
    tmp_path, crates, advisories
):
    code, out = audit(tmp_path, crates, "--deny", str(advisories))
    assert code == 1, out
    assert "audit: error: RUSTSEC-2026-9999: memchr: A made-up fault" in out
    assert "audit: checked: vulnerabilities of 50 crates" in out
    excused = accept("RUSTSEC-2026-9999")
    code, out = audit(tmp_path, crates, "--deny", str(advisories), accepted=excused)
    assert code == 0, out
    assert "audit: accepted: RUSTSEC-2026-9999" in out
    expired = accept("RUSTSEC-2026-9999", days=-1)
    code, out = audit(tmp_path, crates, "--deny", str(advisories), accepted=expired)
    assert code == 1
    assert "which has passed" in out


def test_rules_that_cannot_be_read_fail(tmp_path, crates):
    (tmp_path / "deny.toml").write_text('[licenses]\nalow = ["MIT"]\n')
    code, out = audit(tmp_path, crates, "--deny", str(tmp_path / "deny.toml"))
    assert code == 1
    assert "audit: error: rules:deny.toml" in out


def test_a_crate_under_another_licence_fails(tmp_path, crates):
    rules = (ROOT / "native" / "deny.toml").read_text().replace('"Unicode-3.0"', '"Zlib"')
    (tmp_path / "deny.toml").write_text(rules)
    code, out = audit(tmp_path, crates, "--deny", str(tmp_path / "deny.toml"))
    assert code == 1
    assert "audit: error: licence:unicode-ident: unicode-ident:" in out


def test_a_package_with_a_known_vulnerability_fails_until_it_is_accepted(tmp_path, tools, osv):
    code, out = audit(tmp_path, tools, "--osv-url", osv)
    assert code == 1, out
    assert "audit: error: CVE-2026-0001: jinja2 3.1.2: fixed in 3.1.6" in out
    assert "audit: checked: vulnerabilities of 2 packages of requirements.lock" in out
    code, out = audit(tmp_path, tools, "--osv-url", osv, accepted=accept("GHSA-made-up"))
    assert code == 0, out


def test_a_package_under_the_gpl_fails(tmp_path, monkeypatch):
    for name, licence in {"strict": "GPL-3.0-only", "lesser": "LGPL-3.0-only"}.items():
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        words = (
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
        )
        (folder / "METADATA").write_text(words)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "requirements.lock").write_text("lesser==1.0\nstrict==1.0\n")
    code, out = audit(tmp_path, tmp_path / "no-tools")
    assert code == 1
    assert "audit: error: licence:strict: strict: GPL or AGPL" in out
    assert "licence:lesser" not in out


def test_examples_of_licences_hold():
    file = AUDIT.with_name("python_packages.py")
    command = [sys.executable, "-m", "doctest", str(file)]
    subprocess.run(command, check=True, cwd=file.parent)  # noqa: S603  # our own script


def test_every_accepted_finding_has_a_reason_and_a_day():
    entries = tomllib.loads((AUDIT.with_name("accepted.toml")).read_text()).get("accepted", [])
    assert [one for one in entries if one.keys() != {"id", "reason", "expires"}] == []
    assert [one for one in entries if not one["reason"]] == []


def test_ci_runs_the_audit():
    assert "audit" in (ROOT / ".ci" / "run").read_text()
