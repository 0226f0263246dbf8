"""Choice of the kernel: the compiled one if it is installed, else Python.

Both give the same numbers, bit for bit. The Python code is the reference, and it runs on machines
without the compiled package.
"""

from __future__ import annotations

from concurrent.futures import Future
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from threading import Event, Thread, current_thread, main_thread
from typing import Any

from models.errors import ConfigError

KERNELS = ("auto", "native", "python")

# Inside the wheel `habitus` after `pip install .`; the distribution habitus-native otherwise.
_MODULES = ("models.habitus_native", "habitus_native")


def native_kernel(choice: str) -> Any | None:
    """Give the compiled kernel under a choice, None where the Python one is to be used.

    Parameters
    ----------
    choice
        ``auto``: compiled where installed; ``native``: compiled or an error; ``python``: never.

    Raises
    ------
    ConfigError
        An unknown choice, ``native`` where it is not installed, or a compiled kernel that does
        not load or has another version than the product.

    Examples
    --------
    >>> native_kernel("python") is None
    True
    """
    if choice not in KERNELS:
        raise ConfigError(f"kernel is {choice!r}, expected one of {', '.join(KERNELS)}")
    if choice == "python":
        return None
    kernel = _installed()
    if kernel is None and choice == "native":
        raise ConfigError("kernel is 'native', but habitus-native is not installed")
    return kernel


@cache
def _installed() -> Any | None:
    kernel = _loaded() if current_thread() is main_thread() else _loaded_in_a_lasting_thread()
    if kernel is not None:
        _check_version(getattr(kernel, "__version__", "unknown"))
    return kernel


def _loaded() -> Any | None:
    return next(filter(None, map(_imported, _MODULES)), None)


def _loaded_in_a_lasting_thread() -> Any | None:
    """Load the kernel in a thread that never ends.

    The allocator of the kernel belongs to the thread that loads it. Once that thread has ended,
    the next one that allocates would crash the process.
    """
    found: Future[Any | None] = Future()

    def load() -> None:
        try:
            found.set_result(_loaded())
        except BaseException as error:  # noqa: BLE001  # raised where the kernel is asked for
            found.set_exception(error)
        Event().wait()

    Thread(target=load, name="habitus-kernel", daemon=True).start()
    return found.result()


def _imported(module: str) -> Any | None:
    try:
        return import_module(module)
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        raise ConfigError(
            f"the compiled kernel does not load: {error}; install habitus-native again, or "
            "uninstall it to run in Python"
        ) from error


def _check_version(found: str) -> None:
    """Refuse a kernel of another version: it would fail later, or judge otherwise."""
    try:
        product = version("habitus")
    except PackageNotFoundError:
        return  # run from a tree that is not installed: there is nothing to compare with
    if found != product:
        raise ConfigError(
            f"the compiled kernel has version {found}, expected {product} as habitus has: install "
            f"habitus-native=={product} (in a checkout: make native), or uninstall habitus-native "
            "to run in Python"
        )
