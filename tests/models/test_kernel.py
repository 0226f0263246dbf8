"""Which compiled kernel is taken, and which is refused with a sentence."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from models import kernel
from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Give a function that says which modules can be imported; a value may be an error."""

    def installed(**modules: Any) -> None:
        named = {name.replace("__", "."): found for name, found in modules.items()}

        def import_module(name: str) -> Any:
            found = named.get(name, ModuleNotFoundError(name))
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(kernel, "import_module", import_module)
        kernel._installed.cache_clear()

    yield installed
    kernel._installed.cache_clear()


def of_version(number: str) -> Any:
    return SimpleNamespace(__version__=number)


def test_auto_is_python_and_native_an_error_without_compiled_kernel(
    install: Callable[..., None],
) -> None:
    install()
    assert kernel.native_kernel("auto") is None
    with pytest.raises(ConfigError, match="habitus-native is not installed"):
        kernel.native_kernel("native")


def test_kernel_of_the_same_version_is_used(install: Callable[..., None]) -> None:
    current = of_version(version("habitus"))
    install(habitus_native=current)
    assert kernel.native_kernel("auto") is current
    assert kernel.native_kernel("native") is current
    assert kernel.native_kernel("python") is None


def test_kernel_inside_the_wheel_precedes_a_separate_one(
    install: Callable[..., None],
) -> None:
    inside = of_version(version("habitus"))
    install(models__habitus_native=inside, habitus_native=of_version("0.0.1"))
    assert kernel.native_kernel("auto") is inside


@pytest.mark.parametrize(
    ("found", "named"), [(of_version("0.0.1"), "0.0.1"), (SimpleNamespace(), "unknown")]
)
@pytest.mark.parametrize("choice", ["auto", "native"])
def test_kernel_of_another_version_is_refused(
    install: Callable[..., None], found: Any, named: str, choice: str
) -> None:
    install(habitus_native=found)
    with pytest.raises(ConfigError) as refused:
        kernel.native_kernel(choice)
    said = str(refused.value)
    assert f"has version {named}, expected {version('habitus')}" in said
    assert f"install habitus-native=={version('habitus')}" in said
    assert "\n" not in said


def test_a_kernel_that_does_not_load_is_refused(install: Callable[..., None]) -> None:
    install(habitus_native=ImportError("GLIBC_2.34 not found"))
    with pytest.raises(ConfigError, match=r"does not load: GLIBC_2\.34 not found; install"):
        kernel.native_kernel("auto")


_THREADS = """
import threading
from models.kernel import native_kernel

def work():
    kernel = native_kernel("native")
    for text in ("a", "a" * 1_000_000, "a." * 500_000):
        kernel.word_sums(text, 7)

for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print("done")
"""


@pytest.mark.skipif(kernel.native_kernel("auto") is None, reason="needs the compiled kernel")
def test_thread_that_loads_the_kernel_may_end_before_another_one_uses_it() -> None:
    ran = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", _THREADS], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "done\n")


def test_error_of_a_kernel_is_raised_in_the_thread_that_asks(install: Callable[..., None]) -> None:
    install(habitus_native=ImportError("no symbol"))
    found: list[str] = []

    def ask() -> None:
        try:
            kernel.native_kernel("auto")
        except ConfigError as error:
            found.append(str(error))

    thread = Thread(target=ask)
    thread.start()
    thread.join()
    assert [one.partition(":")[0] for one in found] == ["the compiled kernel does not load"]
