"""``habitus inventory``: imports into the file of registered agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import ConfigError
from models.event import rfc3339
from pipeline.commands.inventory.outcome import import_object, show_import
from pipeline.commands.terminal import AsJson, note, now_us, print_json
from pipeline.configuration.loading import load_settings
from pipeline.identity.proposing import in_inventory
from pipeline.inventory.rows import is_yaml
from pipeline.settings import ImportSettings
from pipeline.store import open_store
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.identity.alias import Alias
    from pipeline.settings import Settings

inventory = typer.Typer(
    name="inventory", help="The registered agents: import them from where they are managed."
)
_DEFAULT = "inventory.yaml"
_READABLE = 0o644


@inventory.callback()
def _group() -> None:
    """Keep the name of the only command."""


@inventory.command("import")
def import_agents(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="entra, a2a, spire, keycloak, openai-agents, csv or yaml."
        ),
    ],
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE|URL…", help="Files, https addresses, or - for stdin."),
    ],
    out: Annotated[
        str | None,
        typer.Option(help=f"Inventory, YAML; default: HABITUS_INVENTORY, else {_DEFAULT}."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also entries that nothing marks as agents.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace kept values that differ from imported ones.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the difference and write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write without a question.")] = False,
    as_json: AsJson = False,
) -> None:
    """Merge agents into the inventory: shows the difference, then asks.

    What a person wrote stays. Values that differ are shown as conflicts. Identifiers of one agent
    are proposed as aliases, which habitus identity confirms.
    """
    from pipeline.inventory.document import InventoryDocument  # ruamel.yaml is needed here alone
    from pipeline.inventory.importing import importer_named, read
    from pipeline.inventory.importing.fetching import document
    from pipeline.inventory.merging import Merge
    from pipeline.inventory.reading import agents_of

    if (as_json or "-" in files) and not (yes or preview):
        option = "--json" if as_json else "standard input"
        raise ConfigError(f"{option} needs --yes or --preview: nobody can answer a question")
    settings = load_settings(kind=ImportSettings)
    importer, path = importer_named(kind), _path(out, settings)
    documents = [document(place, importer.url_path) for place in files]
    gathered = read(kind, documents, every=every)
    before = _text(path)
    inventory_document = InventoryDocument(path, before)
    at = rfc3339(now_us())[:19] + "Z"
    merged = Merge(inventory_document, importer, kind, at, replace=replace).apply(gathered)
    is_changed = bool(merged.added or merged.changed)
    after = inventory_document.text() if is_changed else before
    registered = agents_of(path, after)  # never write a file that a start would refuse
    named = [registered[one] for one in gathered.agents if one in registered]
    aliases = list(in_inventory(named, lambda one: f"{kind} {gathered.sources[one]}"))
    if not as_json:
        show_import(path, before, after, merged, gathered)
    written = is_changed and not preview and (yes or typer.confirm("write this?", err=True))
    if written:
        _write(path, before, after)
    is_refused = is_changed and not preview and not written
    proposed = 0 if preview or is_refused else _propose(aliases, settings)
    if as_json:
        print_json(import_object(path, merged, gathered, written=written, proposed=proposed))
    elif is_refused:
        raise typer.Abort
    elif written:
        note(f"written: {path}; habitus run and serve read it again by themselves")
    if proposed and not as_json:
        note(f"{proposed} new aliases are proposed; habitus identity list --state proposed")


def _propose(aliases: Sequence[Alias], settings: Settings) -> int:
    """Save proposals that a person decides about; give how many are new."""
    if not aliases:
        return 0
    with open_store(settings.store) as store:
        return store.aliases.propose(aliases)


def _path(out: str | None, settings: Settings) -> Path:
    """Give the inventory to merge into."""
    path = Path(out) if out is not None else settings.inventory or Path(_DEFAULT)
    if not is_yaml(path):
        raise ConfigError(
            f"an import needs an inventory in YAML, got {quoted(str(path), LONGEST_PATH)}; "
            f"--out {_DEFAULT} names one, and habitus inventory import csv takes this one in"
        )
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"inventory {path} cannot be read: {error}") from None


def _write(path: Path, before: str, after: str) -> None:
    """Replace the file, unless somebody changed it since it was read."""
    from pipeline.files.atomic import replace_file

    if _text(path) != before:
        raise ConfigError(f"{path} was changed meanwhile; nothing is written, so import again")
    try:
        replace_file(path, after.encode(), _READABLE)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}"
        ) from None


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(inventory)
