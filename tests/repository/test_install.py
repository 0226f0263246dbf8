"""The wheels in fresh environments, and what `pip install .` makes of the tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from contextlib import contextmanager
from email.parser import Parser
from gzip import decompress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text())["package"]["version"]
EVENTS = 300
# Not of the make or the environment that started the tests; compiled modules are kept.
UNWANTED = ("MAKEFLAGS", "MAKELEVEL", "PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")

# A kernel that was not compiled before takes minutes.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Wheels(NamedTuple):
    """What `make wheel` leaves in its folder."""

    folder: Path
    product: Path
    kernel: Path


def run(command: list[str | Path], folder: Path, **variables: str) -> str:
    """Run a program that must succeed, and give what it prints."""
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    done = subprocess.run(  # noqa: S603 - our own programs, and the tools of the lock
        command, cwd=folder, env=kept | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def metadata(wheel: Path) -> Message:
    """Give the METADATA of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def pins(wheel: Path) -> list[str]:
    """Give what a wheel asks for of the kernel."""
    wanted = metadata(wheel).get_all("Requires-Dist") or []
    return [each for each in wanted if each.startswith("habitus")]


def tags(wheel: Path) -> list[str]:
    """Give interpreter, ABI and platform of a wheel."""
    return wheel.stem.split("-")[2:]


def without_rust() -> str:
    """Give a search path on which there is no `cargo`."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(each for each in folders if shutil.which("cargo", path=each) is None)


@pytest.fixture(scope="module")
def wheels(rust: None, tmp_path_factory: pytest.TempPathFactory) -> Wheels:  # noqa: ARG001 - cargo
    """Give both wheels, as `make wheel` builds them."""
    folder = tmp_path_factory.mktemp("wheels")
    run(["make", "wheel", f"DIST={folder}"], ROOT)
    (product,) = folder.glob("habitus-*.whl")
    (kernel,) = folder.glob("habitus_native-*.whl")
    return Wheels(folder, product, kernel)


@pytest.fixture(scope="module")
def pure_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel that a machine without Rust builds, from the files of the image alone."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("pure")
    image = (ROOT / "deploy" / "Dockerfile").read_text().partition("AS build")[2]
    for names in re.findall(r"^COPY (?!--)(.+) \S+$", image, re.MULTILINE):
        for name in names.split():
            source, target = ROOT / name, tree / name
            target.parent.mkdir(exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out]
    run([*build, tree], tree, PATH=without_rust())
    (wheel,) = out.iterdir()
    return wheel


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give the judgements of some events by the Python of this tree."""
    program = Path(sys.executable).with_name("habitus")
    return judged(program, tmp_path_factory.mktemp("expected"), "python")


@contextmanager
def served(program: Path, folder: Path) -> Iterator[str]:
    """Serve the API on a free port, and give its URL once it listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    variables = {"HABITUS_LISTEN": address, "PATH": os.environ["PATH"]}
    with subprocess.Popen(  # noqa: S603 - our own program
        [program, "serve"], cwd=folder, env=variables, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            assert f"http://{address}/" in server.stderr.readline()
            yield f"http://{address}"
        finally:
            server.terminate()


def judged(program: Path, folder: Path, kernel: str) -> bytes:
    """Judge some events of the sample by an installed program, and give what it writes."""
    events = decompress((ROOT / "data" / "sample_events.jsonl.gz").read_bytes())
    (folder / "in.jsonl").write_bytes(b"".join(events.splitlines(keepends=True)[:EVENTS]))
    replay: list[str | Path] = [program, "replay", "in.jsonl", "--format", "native"]
    run([*replay, "--out", "out.jsonl", "--force"], folder, HABITUS_KERNEL=kernel)
    written = (folder / "out.jsonl").read_bytes()
    assert written.count(b"\n") == EVENTS
    return written


@pytest.fixture(scope="module")
def fresh(pure_wheel: Path, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the programs of a fresh environment with the pure wheel.

    A test may install another build of the product, if it leaves the pure one behind.
    """
    folder = tmp_path_factory.mktemp("fresh")
    run([tools / "uv", "venv", "--seed", "--python", sys.executable, "env"], folder)
    programs = folder / "env" / "bin"
    run([tools / "uv", "pip", "install", "--python", programs / "python", pure_wheel], folder)
    return programs


def test_product_is_pinned_to_the_kernel_and_has_its_tags(
    wheels: Wheels,
) -> None:
    assert metadata(wheels.product)["Version"] == VERSION
    assert metadata(wheels.kernel)["Version"] == VERSION
    assert pins(wheels.product) == [f"habitus-native=={VERSION}"]
    assert tags(wheels.product) == tags(wheels.kernel)
    assert tags(wheels.kernel)[:2] == ["cp311", "abi3"]


def test_a_build_without_rust_gives_a_pure_wheel_that_needs_no_kernel(pure_wheel: Path) -> None:
    assert pure_wheel.name == f"habitus-{VERSION}-py3-none-any.whl"
    assert pins(pure_wheel) == []


def test_uvloop_is_required_only_on_supported_platforms(pure_wheel: Path) -> None:
    from packaging.requirements import Requirement

    wanted = map(Requirement, metadata(pure_wheel).get_all("Requires-Dist") or [])
    (uvloop,) = (each for each in wanted if each.name == "uvloop")
    assert uvloop.marker is not None
    here = {"sys_platform": "linux", "platform_python_implementation": "CPython"}
    assert uvloop.marker.evaluate(here)
    assert not uvloop.marker.evaluate(here | {"sys_platform": "win32"})
    assert not uvloop.marker.evaluate(here | {"platform_python_implementation": "PyPy"})


def test_pipx_installs_the_wheels_and_both_kernels_judge_alike(
    wheels: Wheels, tools: Path, tmp_path: Path, expected: bytes
) -> None:
    run(
        [tools / "pipx", "install", f"--pip-args=--find-links {wheels.folder}", wheels.product],
        tmp_path,
        PIPX_HOME=str(tmp_path / "home"),
        PIPX_BIN_DIR=str(tmp_path / "bin"),
        PIPX_MAN_DIR=str(tmp_path / "man"),
        PIPX_DEFAULT_PYTHON=sys.executable,
        PATH=f"{tools}{os.pathsep}{os.environ['PATH']}",
    )
    program = tmp_path / "bin" / "habitus"
    said = run([program, "--version"], tmp_path)
    assert said == f"habitus {VERSION}, kernel native {VERSION}\n"
    assert judged(program, tmp_path, "native") == expected
    assert judged(program, tmp_path, "python") == expected


def test_uvx_runs_the_wheels(wheels: Wheels, tools: Path, tmp_path: Path) -> None:
    command = [tools / "uvx", "--isolated", "--python", sys.executable]
    command += ["--find-links", wheels.folder, "--from", wheels.product, "habitus"]
    said = run([*command, "--version"], tmp_path)
    assert said == f"habitus {VERSION}, kernel native {VERSION}\n"


def test_python_judges_alike_without_the_wheel_of_the_kernel(
    fresh: Path, tmp_path: Path, expected: bytes
) -> None:
    program = fresh / "habitus"
    assert run([program, "--version"], tmp_path) == f"habitus {VERSION}, kernel python\n"
    assert judged(program, tmp_path, "auto") == expected


def test_an_installed_command_finds_its_tables_and_names_a_missing_extra(
    fresh: Path, tmp_path: Path
) -> None:
    program = fresh / "habitus"
    doctor = run([program, "doctor", "--json"], tmp_path, HABITUS_LISTEN="127.0.0.1:0")
    assert json.loads(doctor)["ok"]
    run([program, "simulate", "fleet.jsonl", "--agents", "3", "--days", "2"], tmp_path)
    wanted: list[str | Path] = [program, "evaluate", "fleet.jsonl", "--format", "native", "--cold"]
    wanted += ["--truth", "fleet.jsonl.truth.jsonl"]
    assert "event_auroc" in run([*wanted, "--json"], tmp_path)
    done = subprocess.run(  # noqa: S603 - our own program
        [*wanted, "--html", "page.html"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "the extra plots: pip install 'habitus[plots]'" in done.stderr


def test_the_api_is_served_without_uvloop(fresh: Path, tools: Path, tmp_path: Path) -> None:
    python = fresh / "python"
    run([tools / "uv", "pip", "uninstall", "--python", python, "uvloop"], tmp_path)
    with served(fresh / "habitus", tmp_path) as url:
        assert httpx.get(f"{url}/livez", timeout=60).status_code == 200
        page = httpx.get(f"{url}/", timeout=60, follow_redirects=True)
    assert page.text.startswith("<!doctype html>")


@pytest.mark.usefixtures("rust")
def test_pip_install_of_the_tree_compiles_the_kernel_where_rust_is_found(
    fresh: Path, tools: Path, tmp_path: Path
) -> None:
    """The dependencies are there already; what pip builds and installs is the tree."""
    install: list[str | Path] = [fresh / "python", "-m", "pip", "install"]
    run([*install, "--force-reinstall", "--no-deps", "."], ROOT)
    said = run([fresh / "habitus", "--version"], tmp_path)
    assert said == f"habitus {VERSION}, kernel native {VERSION}\n"

    again: list[str | Path] = [tools / "uv", "pip", "install", "--python", fresh / "python"]
    run([*again, "--reinstall", "--no-deps", "."], ROOT, PATH=without_rust())
    said = run([fresh / "habitus", "--version"], tmp_path)
    assert said == f"habitus {VERSION}, kernel python\n"


def test_the_kernel_to_pin_must_be_a_wheel_of_this_version(tmp_path: Path) -> None:
    other = tmp_path / "habitus_native-0.0.1-cp311-abi3-linux_x86_64.whl"
    other.touch()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [*build, str(ROOT)],
        env={**os.environ, "HABITUS_BUILD_KERNEL": str(other)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"expected auto, none, or a wheel of habitus-native {VERSION}" in (
        done.stdout + done.stderr
    )
