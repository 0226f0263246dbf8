"""Load the settings: variables override the file, and all faults are reported at once."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import ValidationError
from pydantic_settings import SettingsError

from models.errors import ConfigError
from pipeline.configuration.retired import retired_among, warn_of_retired
from pipeline.configuration.setting_types import unknown_setting
from pipeline.files.toml_file import read_toml
from pipeline.plain_http import ALLOWING
from pipeline.settings import DEFAULT_FILE, FILE_VARIABLE, PREFIX, Settings, is_hidden, variable
from pipeline.tap.variables import API_TOKEN, ENFORCE_TOKEN, RECORD_TO
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Prefixes of variables for the tests, and credentials of the tap; not settings.
_OTHERS = ("HABITUS_TEST_", "HABITUS_NIGHTLY", ALLOWING, API_TOKEN, ENFORCE_TOKEN, RECORD_TO)


def load_settings(file: Path | None = None, kind: type[Settings] = Settings) -> Settings:
    """Read the settings, and report all faults at once.

    Parameters
    ----------
    file
        Configuration file; by default that of ``HABITUS_CONFIG``, else ``habitus.toml`` if it
        exists.
    kind
        Settings with other bounds, for a command that makes what a setting names.

    Raises
    ------
    ConfigError
        The settings have faults; one sentence each, with the value. Values of URLs and secrets are
        never included.
    """
    values, faults = _from_file(file)
    _warn_of_retired(values)
    faults += _unknown_variables()
    try:
        settings = kind(**values)
    except ValidationError as error:
        faults += [
            _sentence(fault)
            for fault in error.errors(include_url=False)
            if fault["type"] != "default_factory_not_called"  # it follows another setting's fault
        ]
    except SettingsError:  # only `model` is parsed as JSON
        faults.append(_no_parameters())
    if faults:
        raise ConfigError("; ".join(faults))
    return settings


def _from_file(file: Path | None) -> tuple[dict[str, Any], list[str]]:
    named = file or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
    path = named or Path(DEFAULT_FILE)
    try:
        values = read_toml(path)
    except FileNotFoundError:
        return {}, [f"there is no configuration file at {str(path)!r}"] if named else []
    except OSError as error:
        return {}, [f"cannot read {str(path)!r}: {error.strerror}"]
    except ValueError as error:
        return {}, [f"cannot read {str(path)!r}: {error}"]
    known = Settings.model_fields
    faults = [f"{path}: {unknown_setting(name, known)}" for name in values if name not in known]
    return {name: value for name, value in values.items() if name in known}, faults


def _warn_of_retired(values: dict[str, Any]) -> None:
    """Warn of retired model parameters in the file, and in variables."""
    prefix = variable("model__")
    for name in sorted(os.environ):
        if name.upper().startswith(prefix):
            warn_of_retired(name, retired_among([name.upper().removeprefix(prefix).lower()]))
        elif name.upper() == variable("model"):
            with contextlib.suppress(msgspec.MsgspecError):  # `Settings` reports its faults
                given = msgspec.json.decode(os.environ[name], type=dict[str, Any])
                warn_of_retired(name, retired_among(given))
    own = values.get("model")
    if isinstance(own, dict):
        warn_of_retired("[model] of the configuration file", retired_among(own))


def _unknown_variables() -> list[str]:
    known = {variable(name) for name in Settings.model_fields} | {FILE_VARIABLE}
    return [
        unknown_setting(name, known)
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX)
        and not name.upper().startswith((*_OTHERS, f"{PREFIX}MODEL__"))
        and name.upper() not in known
    ]


def _no_parameters() -> str:
    name = variable("model")
    given = next((value for key, value in os.environ.items() if key.upper() == name), "")
    return f"{name}: must be parameters as JSON, or one in {name}__… each, got {quoted(given)}"


def _sentence(fault: ErrorDetails) -> str:
    place = [str(part) for part in fault["loc"][:2]]
    said = fault["msg"].removeprefix("Value error, ")
    # Our own messages (value_error) already contain the value if it may be shown.
    own = fault["type"] == "value_error"
    got = "" if own or is_hidden(place[0]) else f", got {quoted(fault['input'])}"
    return f"{variable('__'.join(place))}: {said[:1].lower()}{said[1:]}{got}"
