"""The command line ``habitus``.

Errors are one line on stderr. Exit code 2 is wrong use, 1 is any other error.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from models.errors import ConfigError, HabitusError
from pipeline.configuration.loading import load_settings
from pipeline.files.named_output import fault_of
from pipeline.installed_kernel import installed_kernel
from pipeline.text.quoted import quoted
from pipeline.text.visible import visible

if TYPE_CHECKING:
    from types import FrameType

_HELP = (
    "Behavioural baselines and trust scores for AI agents. Settings come from HABITUS_… variables "
    "and habitus.toml; habitus config shows them, habitus doctor checks them."
)
# Loaded by name: the product does not depend on the lab. In the order of the help.
_GROUPS = (
    "pipeline.commands.running",
    "lab.commands.demo",
    "pipeline.commands.offline",
    "pipeline.commands.decode",
    "pipeline.commands.scan",
    "pipeline.commands.connect",
    "pipeline.commands.inventory.importing",
    "pipeline.commands.tap",
    "lab.commands.evaluate",
    "lab.commands.simulate",
    "pipeline.commands.cases",
    "pipeline.commands.casework.decide",
    "pipeline.commands.casework.suppressions",
    "pipeline.commands.show",
    "pipeline.commands.casework.gates",
    "pipeline.commands.casework.identity",
    "pipeline.commands.casework.audit",
    "pipeline.commands.config",
    "pipeline.commands.installation",
    "pipeline.commands.keys",
    "pipeline.commands.identity.ssf",
)
# Typer has its own copy of click: this is the base class of its usage errors.
_Usage: type[Any] = typer.BadParameter.__mro__[1]


class Habitus(typer.Typer):
    """The application; calling it runs the command line and ends the process."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, print an error in one line, and exit with the code of the contract."""
        signal.signal(signal.SIGTERM, _ended)  # like Ctrl-C: half-written files are removed
        try:
            code = super().__call__(*args, standalone_mode=False, **kwargs)
        except _Usage as error:
            _print_error(f"{_described(error)} (see habitus --help)", lower=True)
            code = 2
        except ConfigError as error:
            _print_error(str(error))
            code = 2
        except BrokenPipeError:
            # The reader closed the pipe, as head does; the interpreter must not flush into it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except HabitusError as error:
            _print_error(str(error))
            code = 1
        except OSError as error:
            _print_error(fault_of(error))
            code = 1
        except (KeyboardInterrupt, typer.Abort):
            _print_error("interrupted")
            code = 1
        sys.exit(code if isinstance(code, int) else 0)


def _version(asked: bool) -> None:
    """Print the version and the kernel."""
    if asked:
        print(f"habitus {version('habitus')}, {_kernel()}")
        raise typer.Exit


def _kernel() -> str:
    """Describe the kernel of the settings; wrong settings are reported, not raised."""
    try:
        native = installed_kernel(load_settings().kernel)
    except ConfigError as error:
        return f"kernel unknown: {error}"
    return "kernel python" if native is None else f"kernel native {native.__version__}"


def _described(error: typer.BadParameter) -> str:
    """Describe a usage error, with the refused value of an option."""
    described, why = error.format_message().rstrip("."), error.__cause__
    if not isinstance(why, ValidationError):
        return described
    fault = why.errors(include_url=False)[0]
    if fault["type"] == "value_error":  # already contains the value
        return described.replace("Value error, ", "", 1)
    return f"{described}, got {quoted(fault['input'])}"


def _ended(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _print_error(text: str, *, lower: bool = False) -> None:
    line = visible(" ".join(text.split()))
    print(f"error: {line[:1].lower() + line[1:] if lower else line}", file=sys.stderr)


app = Habitus(
    name="habitus",
    help=_HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _habitus(
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Print the version and the kernel in use.",
        ),
    ] = False,
) -> None:
    """Judge what agents do."""
    # Hashes and digests always use the compiled kernel, so a wrong kernel stops every command.
    installed_kernel("auto")


# The tap starts with every MCP server of a client, so it loads no other command.
_TAP = "pipeline.commands.tap"
for _group in (_TAP,) if sys.argv[1:2] == ["tap"] else _GROUPS:
    import_module(_group).register(app)

if __name__ == "__main__":
    app()
