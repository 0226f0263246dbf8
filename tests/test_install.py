"""The wheels in fresh environments, and what `pip install .` makes of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from gzip import decompress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).resolve().parents[1]
VERSION = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text())["package"]["version"]
EVENTS = 300

# A kernel that was not compiled before takes minutes.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Wheels(NamedTuple):
    """What `make wheel` leaves in its folder."""

    folder: Path
    product: Path
    kernel: Path


def run(command: list[str | Path], folder: Path, **variables: str) -> str:
    """Run a program that must succeed, and give what it prints."""
    unwanted = ("MAKEFLAGS", "MAKELEVEL", "PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
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


def judged(program: Path, folder: Path, kernel: str) -> bytes:
    """Judge some events of the sample by an installed program, and give what it writes."""
    events = decompress((ROOT / "data" / "sample_events.jsonl.gz").read_bytes())
    (folder / "in.jsonl").write_bytes(b"".join(events.splitlines(keepends=True)[:EVENTS]))
    replay: list[str | Path] = [program, "replay", "in.jsonl", "--format", "native"]
    run([*replay, "--out", "out.jsonl", "--force"], folder, HABITUS_KERNEL=kernel)
    written = (folder / "out.jsonl").read_bytes()
    assert written.count(b"\n") == EVENTS
    return written


def environment(tools: Path, folder: Path, *wanted: str | Path) -> Path:
    """Make a fresh environment with packages, and give the folder of its programs."""
    run([tools / "uv", "venv", "--seed", "--python", sys.executable, "fresh"], folder)
    programs = folder / "fresh" / "bin"
    run([tools / "uv", "pip", "install", "--python", programs / "python", *wanted], folder)
    return programs


def test_the_product_is_pinned_to_the_kernel_and_fits_where_the_kernel_fits(
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


def test_uvloop_is_asked_for_only_where_it_exists(pure_wheel: Path) -> None:
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


def test_without_the_kernel_s_wheel_python_judges_alike(
    pure_wheel: Path, tools: Path, tmp_path: Path, expected: bytes
) -> None:
    programs = environment(tools, tmp_path, pure_wheel)
    program = programs / "habitus"
    assert run([program, "--version"], tmp_path) == f"habitus {VERSION}, kernel python\n"
    assert judged(program, tmp_path, "auto") == expected
    checks_an_installation(program, tmp_path)
    # uvloop is not everywhere: the API is served without it as well.
    run([tools / "uv", "pip", "uninstall", "--python", programs / "python", "uvloop"], tmp_path)
    serving = "from uvicorn import Config; print(Config('', loop='auto').get_loop_factory())"
    assert "uvloop" not in run([programs / "python", "-c", serving], tmp_path)


def checks_an_installation(program: Path, folder: Path) -> None:
    """Use what the commands need beside code: tables, schemas, the simulator's lists."""
    assert '"ok": true' in run([program, "doctor", "--json"], folder, HABITUS_LISTEN="127.0.0.1:0")
    run([program, "simulate", "fleet.jsonl", "--agents", "3", "--days", "2"], folder)
    wanted: list[str | Path] = [program, "evaluate", "fleet.jsonl", "--format", "native", "--cold"]
    wanted += ["--truth", "fleet.jsonl.truth.jsonl"]
    assert "event_auroc" in run([*wanted, "--json"], folder)
    done = subprocess.run(  # noqa: S603 - our own program
        [*wanted, "--html", "page.html"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "the extra plots: pip install 'habitus[plots]'" in done.stderr


def test_pip_install_of_the_tree_compiles_the_kernel_where_rust_is_found(
    wheels: Wheels, tools: Path, tmp_path: Path
) -> None:
    """The dependencies come from the wheels by uv, which is quicker; the tree comes by pip."""
    programs = environment(tools, tmp_path, f"--find-links={wheels.folder}", wheels.product)
    python = programs / "python"
    names = ["habitus", "habitus-native"]
    run([tools / "uv", "pip", "uninstall", "--python", python, *names], tmp_path)
    install: list[str | Path] = [python, "-m", "pip", "install"]

    run([*install, "."], ROOT)
    said = run([programs / "habitus", "--version"], tmp_path)
    assert said == f"habitus {VERSION}, kernel native {VERSION}\n"
    assert "habitus-native" not in run([*install[:3], "list"], tmp_path)

    again: list[str | Path] = [tools / "uv", "pip", "install", "--python", python]
    run([*again, "--reinstall", "--no-deps", "."], ROOT, PATH=without_rust())
    said = run([programs / "habitus", "--version"], tmp_path)
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
