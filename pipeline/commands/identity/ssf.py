"""``habitus ssf``: streams of security events at identity providers."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

import tomlkit
import typer

from models.errors import ConfigError, HabitusError
from pipeline.commands.terminal import note, print_json
from pipeline.configuration.loading import load_settings
from pipeline.signals.requests import TransmitterError
from pipeline.signals.streams import Streams
from pipeline.signals.transmitters import Transmitter, read_transmitters, secret_of
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Coroutine

ssf = typer.Typer(name="ssf", help="Streams of security events (SSF) at identity providers.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the transmitter.")]


@ssf.command()
def create(
    name: Name,
    issuer: Annotated[str, typer.Option(help="Issuer of the transmitter, a URL.")],
    *,
    token_file: Annotated[Path | None, typer.Option(help="File with a token.")] = None,
    token_url: Annotated[str | None, typer.Option(help="Token endpoint for the client.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Client of this receiver.")] = None,
    client_secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret of the client.")
    ] = None,
    push: Annotated[
        str | None, typer.Option(help="URL of /v1/ssf/events; without it, Habitus polls.")
    ] = None,
    push_key_file: Annotated[
        Path | None, typer.Option(help="File with the API key that the transmitter sends.")
    ] = None,
) -> None:
    """Make a stream, and print the table for HABITUS_SSF_TRANSMITTERS."""
    one = Transmitter(
        name=name, issuer=issuer, audience="unknown", jwks="unknown",
        token_file=_path(token_file), token_url=token_url, client_id=client_id,
        client_secret_file=_path(client_secret_file),
    )  # fmt: skip
    header = None if push_key_file is None else f"Bearer {secret_of(str(push_key_file))}"

    async def work() -> tuple[dict[str, Any], Any]:
        async with Streams(one) as streams:
            return await streams.metadata(), await streams.make(push, header)

    metadata, stream = _done(work())
    print(_table(one, metadata, stream, pushes=push is not None), end="")


@ssf.command()
def show(name: Name) -> None:
    """Print the streams of this receiver, JSON."""

    async def work() -> Any:
        async with Streams(_named(name)) as streams:
            return await streams.streams()

    print_json(_done(work()))


@ssf.command()
def verify(
    name: Name, stream_id: Annotated[str, typer.Argument(help="Stream; `show` names it.")]
) -> None:
    """Ask for a verification event, which `habitus serve` counts and logs."""

    async def work() -> str:
        async with Streams(_named(name)) as streams:
            return await streams.verify(stream_id)

    _done(work())
    note("asked; see ssf_stream in the log of habitus serve")


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def _named(name: str) -> Transmitter:
    known = read_transmitters(load_settings().ssf_transmitters)
    found = next((one for one in known if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in known) or "none: set HABITUS_SSF_TRANSMITTERS"
        raise ConfigError(f"unknown transmitter {quoted(name)}, expected one of: {names}")
    return found


def _done(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except TransmitterError as error:
        raise HabitusError(str(error)) from None


def _table(one: Transmitter, metadata: dict[str, Any], stream: Any, *, pushes: bool) -> str:
    """Write the table of a transmitter with the stream that it has made."""
    if not isinstance(stream, dict):
        raise HabitusError("the transmitter did not describe the stream")
    audience, delivery = stream.get("aud"), stream.get("delivery")
    table: dict[str, Any] = {
        "name": one.name,
        "issuer": one.issuer,
        "audience": audience[0] if isinstance(audience, list) and audience else audience,
        "jwks": metadata.get("jwks_uri"),
        "delivery": "push" if pushes else "poll",
    }
    if not pushes and isinstance(delivery, dict):
        table["endpoint"] = delivery.get("endpoint_url")
        for member in ("token_file", "token_url", "client_id", "client_secret_file"):
            table[member] = getattr(one, member)
    document = tomlkit.document()
    tables = tomlkit.aot()
    tables.append(tomlkit.item({name: said for name, said in table.items() if said is not None}))
    document["transmitter"] = tables
    return tomlkit.dumps(document)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(ssf)
