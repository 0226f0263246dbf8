"""Build hook of the wheel ``habitus``: the compiled kernel inside it, or pinned, or neither.

The variable ``HABITUS_BUILD_KERNEL`` decides:

``auto`` (default)
    Where ``cargo`` is found, compile the kernel and put it into this wheel, beside the modules
    of ``models/``. This is what ``pip install .`` does.
``none``
    Pure Python.
a wheel of ``habitus-native``
    Depend on exactly its version. This wheel gets the tags of that wheel, so a machine that
    cannot use the kernel never takes a wheel that needs it. This is what ``make wheel`` does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_VARIABLE = "HABITUS_BUILD_KERNEL"
_NAME = "habitus_native"
_MATURIN = "maturin>=1.9,<2"
_WITHOUT = f"to install without the compiled kernel, set {_VARIABLE}=none"


class KernelHook(BuildHookInterface[Any]):
    """Adds the compiled kernel to the wheel, or the dependency on it."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Give what the build needs beside hatchling: maturin, where it compiles."""
        return [_MATURIN] if _choice() == "auto" and shutil.which("cargo") else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Change the wheel before it is written; an editable one stays pure Python."""
        choice = _choice()
        if version != "standard" or choice == "none":
            return
        if choice != "auto":
            build_data["dependencies"].append(self._pin(Path(choice)))
            build_data["tag"] = _tag(Path(choice))
        elif shutil.which("cargo"):
            folder = Path(tempfile.mkdtemp(prefix="habitus-kernel-"))
            wheel = self._compiled(folder)
            extension = _extension(wheel)
            build_data["force_include"][extension] = f"models/{Path(extension).name}"
            build_data["pure_python"] = False
            build_data["tag"] = _tag(wheel)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled: it is in the wheel now."""
        del version, artifact_path
        for source, place in build_data["force_include"].items():
            if place.startswith(f"models/{_NAME}"):
                shutil.rmtree(Path(source).parent)

    def _pin(self, wheel: Path) -> str:
        name, version = wheel.name.split("-")[:2]
        own = self.metadata.version
        if (name, version) != (_NAME, own) or not wheel.is_file():
            raise ValueError(
                f"{_VARIABLE} is {str(wheel)!r}, expected auto, none, "
                f"or a wheel of habitus-native {own}"
            )
        return f"habitus-native=={own}"

    def _compiled(self, folder: Path) -> Path:
        """Compile the kernel as its own wheel does, into a folder."""
        maturin = shutil.which("maturin", path=_programs())
        if maturin is None:
            raise RuntimeError(f"maturin is not installed ({_MATURIN}); {_WITHOUT}")
        manifest = Path(self.root, "native", "Cargo.toml")
        # The base interpreter: with that of a short-lived environment nothing could be reused.
        python = Path(sys.executable).resolve()
        command = [maturin, "build", "--release", "--locked", "--manifest-path", manifest]
        command += ["--interpreter", python, "--out", folder]
        done = subprocess.run(command, check=False)  # noqa: S603 - found above
        if done.returncode:
            raise RuntimeError(f"the kernel does not compile, see above; {_WITHOUT}")
        (wheel,) = folder.glob(f"{_NAME}-*.whl")
        return wheel


def _choice() -> str:
    return os.environ.get(_VARIABLE) or "auto"


def _programs() -> str:
    """Give where programs are looked for: beside this interpreter first."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _tag(wheel: Path) -> str:
    return "-".join(wheel.stem.split("-")[-3:])


def _extension(wheel: Path) -> str:
    """Take the compiled module out of its wheel, and give its path."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith((".so", ".pyd")))
        file = wheel.parent / Path(name).name
        file.write_bytes(archive.read(name))
    return str(file)
