"""A compiled kernel that does not fit is refused in one line, by every command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from models.errors import ConfigError
from models.kernel import native_kernel
from pipeline import installed_kernel

NATIVE = Path(__file__).resolve().parents[2] / "native"


def habitus(modules: Path, *arguments: str, kernel: str = "auto") -> tuple[int, str, str]:
    """Run a command where the modules of a folder come first."""
    program = Path(sys.executable).with_name("habitus")
    environment = {**os.environ, "PYTHONPATH": str(modules), "HABITUS_KERNEL": kernel}
    done = subprocess.run(  # noqa: S603 - our own program
        [program, *arguments],
        cwd=modules,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("kernel", ["auto", "native", "python"])
def test_a_command_with_a_kernel_of_another_version_ends_with_one_line(
    tmp_path: Path, kernel: str
) -> None:
    (tmp_path / "habitus_native.py").write_text('__version__ = "0.0.1"\n')
    code, out, err = habitus(tmp_path, "agents", kernel=kernel)
    assert (code, out) == (2, "")
    assert err == (
        f"error: the compiled kernel has version 0.0.1, expected {version('habitus')} as habitus "
        f"has: install habitus-native=={version('habitus')} (in a checkout: make native), or "
        "uninstall habitus-native to run in Python\n"
    )


def test_version_is_printed_with_the_fault_of_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "habitus_native.py").write_text('__version__ = "0.0.1"\n')
    code, out, _ = habitus(tmp_path, "--version")
    assert code == 0
    assert out.startswith(f"habitus {version('habitus')}, kernel unknown: the compiled kernel has")


@pytest.mark.parametrize(("kernel", "state"), [("native", "ok"), ("python", "optional")])
def test_doctor_names_the_kernel(tmp_path: Path, kernel: str, state: str) -> None:
    if native_kernel("auto") is None and kernel == "native":
        pytest.skip("the compiled kernel is not installed")
    _, out, _ = habitus(tmp_path, "doctor", "--json", kernel=kernel)
    (check,) = (check for check in json.loads(out)["checks"] if check["name"] == "kernel")
    assert check["state"] == state
    assert check["found"].startswith(kernel)


def test_a_kernel_of_other_sources_is_refused_in_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "habitus_native.py").write_text(
        f'__version__ = "{version("habitus")}"\n__sources__ = "0"\n'
    )
    code, _, err = habitus(tmp_path, "agents")
    assert code == 2
    assert err == (
        "error: the compiled kernel does not match the sources in native/: run make native\n"
    )


def test_the_compiler_and_the_product_compute_the_same_digest_of_the_sources() -> None:
    kernel = native_kernel("auto")
    if kernel is None:
        pytest.skip("the compiled kernel is not installed")
    assert kernel.__sources__ == installed_kernel.digest_of(NATIVE)


@pytest.mark.parametrize("changed", ["src/lib.rs", "src/new.rs", "Cargo.toml"])
def test_any_changed_source_changes_the_digest(tmp_path: Path, changed: str) -> None:
    tree = tmp_path / "native"
    shutil.copytree(NATIVE, tree, ignore=shutil.ignore_patterns("target"))
    before = installed_kernel.digest_of(tree)
    assert before == installed_kernel.digest_of(NATIVE)
    with (tree / changed).open("a") as file:
        file.write("\n")
    assert installed_kernel.digest_of(tree) != before


def test_outside_a_checkout_the_version_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kernel:
        __sources__ = "0"

    monkeypatch.setattr(installed_kernel, "native_kernel", lambda _: Kernel)
    with pytest.raises(ConfigError, match="run make native"):
        installed_kernel.installed_kernel("auto")
    monkeypatch.setattr(installed_kernel, "_NATIVE", tmp_path)
    assert installed_kernel.installed_kernel("auto") is Kernel
