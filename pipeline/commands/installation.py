"""Commands for the installation: checks of the settings, and the IP lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from models.errors import ConfigError, HabitusError
from pipeline.commands.doctor import checks
from pipeline.commands.doctor.format_checks import check_format
from pipeline.commands.terminal import AsJson, console, note, now_us, print_json
from pipeline.configuration.loading import load_settings
from pipeline.files.overwrite_check import refuse_folder
from pipeline.settings import Settings, variable
from pipeline.text.quoted import plain

if TYPE_CHECKING:
    from pipeline.sources.kafka.address import Address

intel = typer.Typer(
    name="intel",
    help="Lists of addresses: VPN, Tor, proxies, hosting; fetch them, and show their age.",
)
_OLD_DAYS = 30


def doctor(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="With --format: files whose records are examined instead."),
    ] = None,
    fmt: Annotated[
        str | None, typer.Option("--format", help="Say what the records of files contain.")
    ] = None,
    create_topics: Annotated[
        bool, typer.Option("--create-topics", help="Create the missing Kafka topics.")
    ] = False,
    partitions: Annotated[
        int | None,
        typer.Option(min=1, help="Partitions of created topics; default: that of the broker."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that everything Habitus needs is present and reachable; exit 1 otherwise.

    With --format and files: what their records contain, and which switch of the emitter adds more.
    """
    settings = load_settings()
    if (fmt is None) != (not files):
        raise ConfigError("--format needs files, and files need --format")
    if create_topics:
        _make_topics(settings, partitions, quiet=as_json)
    if fmt is not None and files:
        found = check_format(files, fmt)
    else:
        found = checks.examine(settings, now_us())
    missing = [check.name for check in found if check.state == "missing"]
    if as_json:
        print_json({"ok": not missing, "checks": found})
    else:
        table = Table("what", "state", "found", "what to do")
        for check in found:
            style = {"ok": "green", "missing": "bold red"}.get(check.state, "yellow")
            table.add_row(
                check.name, f"[{style}]{check.state}[/]", plain(check.found), plain(check.todo)
            )
        console().print(table)
    if missing:
        raise HabitusError(f"missing: {', '.join(missing)}")


def _make_topics(settings: Settings, partitions: int | None, *, quiet: bool) -> None:
    from pipeline.sources.kafka.topics import create_topics

    brokers = _brokers(settings)
    if not brokers:
        raise ConfigError("--create-topics needs a source or sink of the form kafka://HOST:PORT")
    for address, actions in brokers:
        made_now = create_topics(address, actions=actions, partitions=partitions or -1)
        for topic, made in made_now.items():
            if not quiet:
                note(f"topic {topic}: {'created' if made else 'already there'}")


def _brokers(settings: Settings) -> list[tuple[Address, str]]:
    """Give the distinct brokers of source and sink, with the source topic."""
    from pipeline.sources.kafka.address import broker_alone, parse
    from pipeline.sources.kafka.topics import ACTIONS

    urls = ((settings.source, True), (settings.sink, False))
    named = [parse(url, topic=topic) for url, topic in urls if url.startswith("kafka:")]
    alone = [broker_alone(one) for one in named]
    actions = next((one.topic for one in named if one.topic), ACTIONS)
    return [(one, actions) for at, one in enumerate(alone) if one not in alone[:at]]


def _folder(settings: Settings, folder_option: str | None) -> Path:
    folder = Path(folder_option) if folder_option else settings.intel
    if folder is None:
        raise ConfigError("no folder of IP lists: set HABITUS_INTEL, or give --folder")
    return folder


Folder = Annotated[str | None, typer.Option(help="Folder of lists; default: HABITUS_INTEL.")]


@intel.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of lists; default: the recommended ones.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Download lists, with checksum, version and licence; a failure keeps the old list."""
    from pipeline.enrichment.intel_fetch import fetch as fetched
    from pipeline.enrichment.intel_fetch import list_sources

    place = _folder(load_settings(), folder)
    refuse_folder("--folder" if folder else variable("intel"), place)
    known = {source.name: source for source in list_sources()}
    wanted = names or [name for name, source in known.items() if source.default]
    if unknown := [name for name in wanted if name not in known]:
        raise ConfigError(f"unknown list {unknown[0]!r}, expected one of: {', '.join(known)}")
    failed = []
    for source in (known[name] for name in wanted):
        try:
            loaded = fetched(source.url, place, source.name, source.sha256, licence=source.licence)
        except HabitusError as error:
            failed.append(str(error))
            continue
        note(
            f"{loaded.name}: {loaded.entries} entries, version {loaded.version}, "
            f"licence {loaded.licence}"
        )
    if failed:
        raise HabitusError("; ".join(failed))


@intel.command()
def status(folder: Folder = None, as_json: AsJson = False) -> None:
    """Show the lists in use: kind, size, version, licence and age."""
    from pipeline.enrichment.intel import intel_status

    settings = load_settings()
    rows = intel_status(_folder(settings, folder), now_us())
    if as_json:
        print_json({"lists": rows})
        return
    table = Table("list", "kind", "entries", "version", "licence", "age", "bad lines")
    for row in rows:
        style = "yellow" if row.age_days > _OLD_DAYS else ""
        table.add_row(
            row.name,
            row.kind,
            str(row.entries),
            row.version,
            row.licence,
            f"[{style}]{row.age_days} days[/]" if style else f"{row.age_days} days",
            str(row.bad_lines),
        )
    console().print(table)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(doctor)
    app.add_typer(intel)
