"""What the repository promises about itself: commands, licence, lock, and no strange addresses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
TOOLS_LOCK = (ROOT / "requirements-tools.lock").read_text()
CARGO_LOCK = "native/Cargo.lock"

# Folders of one machine: what stands after them is somebody's.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|Users|work)/[\w.-]+")
# Put together, so that this file does not hold what it looks for.
REGISTRIES = [
    ".".join(words)
    for words in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("proxy", "golang", "org"),
        ("maven", "apache", "org/maven2"),
        ("repo1", "maven", "org"),
        ("crates", "io"),
        ("deb", "debian", "org"),
    )
]


def tracked() -> list[str]:
    """Name of each file that is, or is about to be, in the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [name for name in listed.split("\0") if name]


def tracked_texts() -> list[tuple[str, str]]:
    """Name and text of each of these files that is a text."""
    texts = []
    for name in tracked():
        try:
            texts.append((name, (ROOT / name).read_text(encoding="utf-8")))
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # data, or a file that was just deleted
    return texts


def make(target: str) -> str:
    """What `make TARGET` prints."""
    if shutil.which("make") is None:
        pytest.skip("make is not here")
    # Not a part of the make that may have started these tests.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(  # noqa: S603 - a target of our own Makefile
        ["make", target],  # noqa: S607 - wherever make is
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_readme_shows_the_two_commands_that_do_everything() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


def test_make_help_lists_every_target() -> None:
    declared = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert declared is not None
    targets = set(declared[1].replace("\\\n", " ").split())
    todo = "name a target in .PHONY, and describe it behind ##"
    assert targets == set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)), todo
    assert targets == set(re.findall(r"^  make ([a-z-]+) ", make("help"), re.MULTILINE)), todo


def test_make_alone_gives_the_help() -> None:
    assert ".DEFAULT_GOAL := help" in MAKEFILE


def test_ci_runs_the_tests_last() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in script
    assert script.rstrip().splitlines()[-1] == "make test"


def test_hooks_call_make() -> None:
    entries = re.findall(r"^ +entry: (.+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.M)
    assert entries
    assert all(entry.startswith("make ") for entry in entries)


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = [(name, hit) for name, text in tracked_texts() for hit in MACHINE_PATH.findall(text)]
    assert found == []


def test_no_file_names_a_package_registry() -> None:
    # Cargo writes one canonical source into its lock, whichever mirror it uses.
    texts = [(name, text) for name, text in tracked_texts() if name != CARGO_LOCK]
    found = [(name, host) for name, text in texts for host in REGISTRIES if host in text]
    assert found == []


def test_the_lock_of_the_kernel_is_tracked_and_pins_every_crate_by_checksum() -> None:
    lock = dict(tracked_texts())[CARGO_LOCK]
    crates = {crate["name"]: crate for crate in tomllib.loads(lock)["package"]}
    wanted = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text())["dependencies"]
    for name, asked in wanted.items():
        version = asked if isinstance(asked, str) else asked["version"]
        assert crates[name]["version"] == version.removeprefix("="), name
    own = crates.pop("habitus-native")
    assert "source" not in own
    assert all(len(crate["checksum"]) == 64 for crate in crates.values())
    assert len({crate["source"] for crate in crates.values()}) == 1


def test_the_version_of_both_distributions_is_in_one_place() -> None:
    version = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text())["package"]["version"]
    kernel = tomllib.loads((ROOT / "native" / "pyproject.toml").read_text())
    for project in (PROJECT["project"], kernel["project"]):
        assert "version" not in project
        assert "version" in project["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "native/Cargo.toml"
    lock = tomllib.loads((ROOT / CARGO_LOCK).read_text())
    assert [each["version"] for each in lock["package"] if each["name"] == "habitus-native"] == [
        version
    ]
    image = (ROOT / "deploy" / "kubernetes" / "kustomization.yaml").read_text()
    assert re.findall(r'newTag: "(.+)"', image) == [version]
    released = re.findall(r"^## \[(\d.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[:1] == [version]


def test_the_changelog_says_each_change_once() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    counted = Counter(line for line in lines if line and not line.startswith("### "))
    assert [line for line, times in counted.items() if times > 1] == []


def test_every_build_of_the_kernel_uses_its_lock() -> None:
    files = (ROOT / "Makefile", ROOT / ".ci" / "run", ROOT / "deploy" / "Dockerfile")
    lines = "\n".join(file.read_text() for file in files).replace("\\\n", " ").splitlines()
    building = re.compile(r"maturin build|cargo (?:test|clippy|build|metadata)")
    calls = [line for line in lines if building.search(line)]
    assert len(calls) >= 4
    assert [line for line in calls if "--locked" not in line] == []


@pytest.mark.parametrize("lock", [LOCK, TOOLS_LOCK], ids=["product", "tools"])
def test_a_lock_pins_and_hashes_everything_and_names_no_address(lock: str) -> None:
    assert "://" not in lock
    assert "--index-url" not in lock
    entries = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("group", ["dev", "tools"])
def test_the_locks_hold_every_dependency(group: str) -> None:
    lock = TOOLS_LOCK if group == "tools" else LOCK
    locked = {name.lower() for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    wanted = list(PROJECT["dependency-groups"][group])
    wanted += PROJECT["project"]["dependencies"] if group == "dev" else []
    names = {re.split(r"[^\w.-]", entry)[0].lower() for entry in wanted}
    assert names - locked == set(), "run make lock"


def test_the_licence_is_apache_2() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert PROJECT["project"]["license"] == "Apache-2.0"


def services(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program behind `make services`."""
    return subprocess.run(  # noqa: S603 - our own interpreter and file
        [sys.executable, ROOT / "deploy" / "services" / "services.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_status_of_services_names_every_component() -> None:
    shown = services("status")
    assert shown.returncode == 0, shown.stderr
    named = [line.split(":")[0] for line in shown.stdout.splitlines()]
    assert named == [
        "kafka", "postgresql", "chromium", "promtool", "opa", "collector", "litellm", "keycloak",
        "spire",
    ]  # fmt: skip


def test_an_unknown_service_is_wrong_use() -> None:
    shown = services("status", "zookeeper")
    assert shown.returncode == 2
    assert (
        "unknown component 'zookeeper', expected one of: kafka, postgresql, chromium"
        in shown.stderr
    )


def test_repository_has_files_and_no_links() -> None:
    """A link leads to a folder of one machine, or out of the project."""
    assert not [name for name in tracked() if (ROOT / name).is_symlink()]
