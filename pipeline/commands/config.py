"""Commands for the configuration: the one in effect, differences of a file, and promotions."""

from __future__ import annotations

import contextlib
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.table import Table

from models.errors import ConfigError, NoStore
from models.event import rfc3339
from pipeline.commands.terminal import AsJson, console, note, now_us, print_json
from pipeline.configuration.config_file import differences, read_config
from pipeline.configuration.derived import shown
from pipeline.configuration.loading import load_settings
from pipeline.configuration.promotion import InEffect, in_effect, signed_off
from pipeline.configuration.promotion import promote as promoted
from pipeline.configuration.setting_types import MODEL_PARAMETERS
from pipeline.settings import Settings, variable
from pipeline.store import is_made, open_store
from pipeline.text.quoted import plain

if TYPE_CHECKING:
    from pipeline.store.configs import Promotion

config = typer.Typer(name="config", invoke_without_command=True)
File = Annotated[Path, typer.Argument(help="TOML: alerts_per_day, reason, and a table \\[model].")]


@config.callback()
def settings_in_effect(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the settings in effect, passwords masked; promote a model configuration."""
    if ctx.invoked_subcommand is not None:
        return
    settings = load_settings()
    values, found = shown(settings), _found(settings)[0]
    model = found.config
    if as_json:
        print_json({**values, "model": model, "config_version": model.version})
        return
    table = Table("variable", "value", "meaning")
    for name, field in Settings.model_fields.items():
        if name != "model":
            value = values[name]
            if name == "alerts_per_day":
                value = model.alerts_per_day
            text = ", ".join(value) if isinstance(value, list) else "" if value is None else value
            table.add_row(variable(name), plain(text), field.description)
    for name, value in msgspec.to_builtins(model).items():
        if name in MODEL_PARAMETERS:
            table.add_row(variable(f"model__{name}"), str(value), "")
    console().print(table)
    note(f"model configuration {model.version}, {_origin(found)}")


@config.command()
def show(as_json: AsJson = False) -> None:
    """Show the model parameters in effect, and all promotions in the store."""
    found, promotions = _found(load_settings())
    if as_json:
        print_json(
            {
                "config_version": found.config.version,
                "base": found.base,
                "overridden": found.overridden,
                "parameters": found.config,
                "promotions": [_promotion_row(one) for one in promotions],
            }
        )
        return
    changed = Table("parameter", "default", "in effect", "by")
    defaults = type(found.config)()
    for name, before, value in differences(defaults, found.config):
        who = "settings" if name in found.overridden else found.base
        changed.add_row(name, str(before), str(value), who)
    if changed.row_count:
        console().print(changed)
    note(f"model configuration {found.config.version}, {_origin(found)}")
    if promotions:
        history = Table("no.", "version", "promoted", "by", "reason")
        for one in promotions:
            row = (str(one.number), one.version, rfc3339(one.at_us), plain(one.by))
            history.add_row(*row, plain(one.reason))
        console().print(history)


@config.command()
def diff(file: File, as_json: AsJson = False) -> None:
    """Show the changes that promoting a file would make to the parameters in effect."""
    found, _ = _found(load_settings())
    candidate, reason = read_config(file)
    rows = differences(found.config, candidate)
    kept = [name for name in found.overridden if name in {row[0] for row in rows}]
    if as_json:
        print_json(
            {
                "from": found.config.version,
                "to": candidate.version,
                "reason": reason,
                "changes": {name: {"from": a, "to": b} for name, a, b in rows},
                "overridden": kept,
            }
        )
        return
    table = Table("parameter", f"now ({found.config.version})", f"file ({candidate.version})")
    for name, before, after in rows:
        table.add_row(name, str(before), str(after))
    if rows:
        console().print(table)
    else:
        note(f"no difference: {found.config.version} is in effect already")
    _warn(kept)


@config.command()
def promote(
    file: File,
    by: Annotated[str | None, typer.Option(help="Who approves it; default: your login.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why; default: the line reason of the file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Promote a tuned configuration: habitus run uses it from its next start.

    It is added to the register in the store. Earlier judgements keep their scores and version.
    """
    settings = load_settings()
    by = _login() if by is None else by
    signed_off(file, by=by, reason=reason)  # checked before a store is created
    with open_store(settings.store) as store:
        made, new = promoted(store, file, by=by, reason=reason, at_us=now_us())
        found = in_effect(settings, store)
    if as_json:
        print_json({"new": new, "in_effect": found.config.version, **_promotion_row(made)})
        return
    if not new:
        note(f"{made.version} is promoted already: no. {made.number}, by {made.by}")
        return
    reason = " ".join(made.reason.split())
    note(f"promoted {made.version} as no. {made.number}, by {made.by}: {reason}")
    if found.base == "file":
        note(f"but {variable('parameters')} names a file, and that is used instead")
    _warn([name for name, *_ in differences(made.config, found.config) if name in found.overridden])


def _found(settings: Settings) -> tuple[InEffect, list[Promotion]]:
    """Read the promotions of an existing store, without creating one."""
    if not is_made(settings.store):
        return in_effect(settings, None), []
    try:
        store = open_store(settings.store, read_only=True)
    except NoStore:
        return in_effect(settings, None), []
    except ConfigError as error:  # an unavailable server
        note(f"promotions cannot be read: {error}")
        return in_effect(settings, None), []
    with contextlib.closing(store):
        return in_effect(settings, store), store.configs.all()


def _origin(found: InEffect) -> str:
    reason = {"defaults": "the defaults", "file": f"from the file in {variable('parameters')}"}
    if found.base == "promoted" and found.promotion is not None:
        reason["promoted"] = f"promotion no. {found.promotion.number} by {found.promotion.by}"
    over = f", settings over it: {', '.join(found.overridden)}" if found.overridden else ""
    return reason[found.base] + over


def _promotion_row(one: Promotion) -> dict[str, Any]:
    return {
        "number": one.number,
        "version": one.version,
        "by": one.by,
        "at": rfc3339(one.at_us),
        "reason": one.reason,
        "parameters": one.parameters,
    }


def _warn(names: list[str]) -> None:
    if names:
        note(f"set by a variable or habitus.toml, which takes precedence: {', '.join(names)}")


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""  # unknown: --by is required


def register(app: typer.Typer) -> None:
    """Add this command and its subcommands."""
    app.add_typer(config)
