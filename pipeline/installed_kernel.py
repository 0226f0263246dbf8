"""The installed kernel; in a checkout it must be compiled from the sources there."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from models.kernel import native_kernel

_NATIVE = Path(__file__).resolve().parents[1] / "native"
_SOURCES = ("Cargo.lock", "Cargo.toml", "build.rs", "src")


def installed_kernel(choice: str) -> Any | None:
    """Give the compiled kernel for a choice (`models.kernel.native_kernel`), if it is current.

    Raises
    ------
    ConfigError
        As for `native_kernel`, or the kernel does not match the sources of this checkout.
    """
    kernel = native_kernel(choice)
    if kernel is not None and (_NATIVE / "Cargo.toml").is_file():
        _check_sources(kernel.__sources__)
    return kernel


@cache
def _check_sources(compiled: str) -> None:
    if compiled != digest_of(_NATIVE):
        raise ConfigError(
            "the compiled kernel does not match the sources in native/: run make native"
        )


def digest_of(native: Path) -> str:
    """Give the digest of the kernel's sources, computed as in `native/build.rs`."""
    paths = [native / name for name in _SOURCES]
    files = [file for place in paths for file in (place, *place.rglob("*")) if file.is_file()]
    digest = sha256()
    for name, file in sorted((file.relative_to(native).as_posix(), file) for file in files):
        content = file.read_bytes()
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()
