"""Model parameters in a TOML file: read with all faults listed, write, and compare."""

from __future__ import annotations

import difflib
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from models.config import RETIRED, ModelConfig
from models.errors import ConfigError
from pipeline.configuration.retired import retired_among, warn_of_retired
from pipeline.files.named_output import write
from pipeline.files.toml_file import read_toml
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from pathlib import Path

_OWN = "alerts_per_day"
_TABLE = "model"
_NOTE = "reason"
_TOP = (_OWN, _NOTE, _TABLE)


def read_config(path: Path) -> tuple[ModelConfig, str]:
    """Read a model configuration and its reason.

    The file has the names of ``habitus.toml``: ``alerts_per_day``, a table ``[model]`` with the
    other parameters, and a sentence ``reason``. Missing parameters have their default; retired ones
    are ignored with a warning.

    Returns
    -------
    ModelConfig
    The validated configuration.
    str
        The reason; empty if missing.

    Raises
    ------
    ConfigError
        The file has faults; the message lists all.
    """
    values = _loaded(path)
    if not values:
        raise ConfigError(f"{path} is empty; write a line [{_TABLE}] for the defaults")
    own = values.get(_TABLE, {})
    if not isinstance(own, dict):
        raise ConfigError(f"{path}: model must be a table, expected a line [model]")
    warn_of_retired(str(path), retired_among(own))
    own = {name: value for name, value in own.items() if name not in RETIRED}
    reason = values.get(_NOTE, "")
    known = [name for name in _defaults() if name != _OWN]
    above = [name for name in values if name not in _TOP]
    faults = [f"{name} belongs into [model], not above it" for name in above if name in known]
    faults += [_unknown(name, _TOP) for name in above if name not in known]
    faults += [f"{_OWN} belongs above [model], not into it"] if _OWN in own else []
    faults += [_unknown(name, known) for name in own if name not in known and name != _OWN]
    if not isinstance(reason, str):
        faults.append("reason must be text")
    given = {name: value for name, value in own.items() if name in known}
    if _OWN in values:
        given[_OWN] = values[_OWN]
    faults += [fault for name, value in given.items() if (fault := fault_of(name, value))]
    if faults:
        raise ConfigError("; ".join(f"{path}: {fault}" for fault in faults))
    try:
        return msgspec.convert(given, ModelConfig, strict=False).validate(), reason.strip()
    except (msgspec.ValidationError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from None


def write_config(path: Path, config: ModelConfig, *, reason: str = "") -> None:
    """Write non-default parameters to a file for ``habitus config promote``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name) / "tuned.toml"
    >>> write_config(file, ModelConfig(idle_minutes=20), reason="shorter sessions")
    >>> print(file.read_text().strip())
    reason = "shorter sessions"
    <BLANKLINE>
    [model]
    idle_minutes = 20
    >>> read_config(file)[0] == ModelConfig(idle_minutes=20)
    True
    >>> folder.cleanup()
    """
    changed = {name: new for name, _, new in differences(ModelConfig(), config.validate())}
    lines = [f"{_NOTE} = {_quoted(reason)}"] if reason else []
    if _OWN in changed:
        lines.append(f"{_OWN} = {changed.pop(_OWN)!r}")
    lines += ["", f"[{_TABLE}]", *(f"{name} = {value!r}" for name, value in changed.items())]
    write(path, ("\n".join(lines).lstrip("\n") + "\n").encode())


def differences(before: ModelConfig, after: ModelConfig) -> list[tuple[str, Any, Any]]:
    """Give (parameter, before, after) where two configurations differ.

    >>> differences(ModelConfig(), ModelConfig(idle_minutes=30))
    [('idle_minutes', 60, 30)]
    """
    old, new = before.numbers(), after.numbers()
    return [(name, old[name], new[name]) for name in old if old[name] != new[name]]


def fault_of(name: str, value: Any) -> str | None:
    """Describe the fault of a single parameter value, or give None.

    >>> fault_of("held_days", 1.5), fault_of("held_days", "abc"), fault_of("held_days", 4)
    ('held_days must be a whole number, got 1.5', "held_days must be a number, got 'abc'", None)
    """
    whole = isinstance(_defaults()[name], int)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"{name} must be a number, got {quoted(value)}"
    if not isfinite(value):
        return f"{name} must be a finite number, got {value}"
    if value < 0:
        return f"{name} must not be negative, got {value}"
    if whole and value != int(value):
        return f"{name} must be a whole number, got {value}"
    return None


def _loaded(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file at {str(path)!r}") from None
    except OSError as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error}") from error


def _defaults() -> dict[str, float]:
    return ModelConfig().numbers()


def _unknown(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown parameter {name!r}" + (f", did you mean {near[0]}?" if near else "")


def _quoted(text: str) -> str:
    # A JSON string of printable text is a TOML string.
    return msgspec.json.encode(" ".join(text.split())).decode()
