"""The command line: ``habitus``. Errors are one line on stderr; exit 2 is wrong use, 1 the rest."""

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
from pipeline.files.named_output import fault_of
from pipeline.installed_kernel import installed_kernel
from pipeline.settings import load_settings
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
    "lab.commands.evaluate",
    "lab.commands.simulate",
    "pipeline.commands.look",
    "pipeline.commands.config",
    "pipeline.commands.installation",
    "pipeline.commands.keys",
)
# Typer carries its own copy of click: this is the base of everything a caller can do wrong.
_Usage: type[Any] = typer.BadParameter.__mro__[1]


class Habitus(typer.Typer):
    """The application; calling it runs the command line and ends the process."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, say what went wrong in one line, and exit with the code of the contract."""
        signal.signal(signal.SIGTERM, _ended)  # as Ctrl-C: what is half written goes away
        try:
            code = super().__call__(*args, standalone_mode=False, **kwargs)
        except _Usage as error:
            _say(f"{_told(error)} (see habitus --help)", lower=True)
            code = 2
        except ConfigError as error:
            _say(str(error))
            code = 2
        except BrokenPipeError:
            # The reader went away, as head does; the interpreter must not flush into the pipe.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except HabitusError as error:
            _say(str(error))
            code = 1
        except OSError as error:
            _say(fault_of(error))
            code = 1
        except (KeyboardInterrupt, typer.Abort):
            _say("interrupted")
            code = 1
        sys.exit(code if isinstance(code, int) else 0)


def _version(asked: bool) -> None:
    """Print which version this is, with the kernel that judges."""
    if asked:
        print(f"habitus {version('habitus')}, {_kernel()}")
        raise typer.Exit


def _kernel() -> str:
    """Name the kernel that the settings choose; a person may ask because these are wrong."""
    try:
        native = installed_kernel(load_settings().kernel)
    except ConfigError as error:
        return f"kernel unknown: {error}"
    return "kernel python" if native is None else f"kernel native {native.__version__}"


def _told(error: typer.BadParameter) -> str:
    """Say what a command line has wrong, with the value that an option did not take."""
    told, why = error.format_message().rstrip("."), error.__cause__
    if not isinstance(why, ValidationError):
        return told
    fault = why.errors(include_url=False)[0]
    if fault["type"] == "value_error":  # names the value itself
        return told.replace("Value error, ", "", 1)
    return f"{told}, got {quoted(fault['input'])}"


def _ended(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _say(text: str, *, lower: bool = False) -> None:
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
    # Hashes and seals are compiled whatever the setting: a wrong kernel stops every command.
    installed_kernel("auto")


for _group in _GROUPS:
    import_module(_group).register(app)

if __name__ == "__main__":
    app()
