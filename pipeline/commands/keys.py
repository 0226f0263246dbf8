"""``habitus keys``: API keys with scopes, expiry and the agents that they may report."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table

from models.errors import ConfigError
from models.event import EPOCH, Instant, microseconds
from pipeline.commands.terminal import AsJson, console, note, now_us, print_json
from pipeline.configuration.loading import load_settings
from pipeline.credentials.agent_patterns import Binding
from pipeline.credentials.edits import add_entry, entries_of, revoke_entry
from pipeline.credentials.entries import (
    SCOPES,
    CredentialEntry,
    check_scopes,
    make_key,
    read_bytes,
    readable_by_others,
)
from pipeline.settings import variable
from pipeline.text.quoted import plain, quoted

if TYPE_CHECKING:
    from pathlib import Path

keys = typer.Typer(
    name="keys",
    help="API keys in the file that HABITUS_API_KEYS_FILE names: add, list, revoke.",
)
_SPAN = re.compile(r"(\d{1,5})([dh])")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1)}
KeyId = Annotated[str, typer.Argument(metavar="ID", help="Name of the key, for people and logs.")]


class Shown(msgspec.Struct, frozen=True):
    """An entry for display, without its hash."""

    id: str
    kind: str
    state: str
    scopes: tuple[str, ...]
    expires: datetime | None
    revoked: datetime | None
    subject: str | None
    certificate: str | None
    agents: tuple[str, ...] | None


@keys.command()
def add(
    key_id: KeyId,
    scope: Annotated[list[str], typer.Option(help=f"Permission: {', '.join(SCOPES)}.")],
    expires: Annotated[
        str | None,
        typer.Option(metavar="90d|DATE", help="Expiry: days (90d), hours (12h) or a date."),
    ] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Agents that it may report, such as support-* or spiffe://example.com/ns/shop/*; "
            "default: all agents.",
        ),
    ] = None,
) -> None:
    """Add a key and print it once; the file keeps only its hash."""
    path = _path()
    check_scopes(scope, f"credential {quoted(key_id)}")
    if agent and not {"actions:write", "admin"} & set(scope):
        raise ConfigError("--agent needs the scope actions:write: other scopes report no agents")
    try:
        Binding.of(agent or [])
    except ValueError as error:
        raise ConfigError(str(error)) from None
    ends = None if expires is None else _end(expires, now_us())
    secret, entry = make_key(key_id, dict.fromkeys(scope), expires=ends, agents=agent or None)
    add_entry(path, entry)
    sys.stdout.write(f"{secret}\n")
    note("the key is shown only now; the API accepts it within five seconds")
    if readable_by_others(path):
        note("other users of this machine can read the credential file; chmod 600 prevents it")


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the credentials: id, scopes, expiry and agents, never a key or its hash."""
    path, now = _path(), now_us()
    shown = [_shown(entry, now) for entry in entries_of(path, read_bytes(path))]
    if as_json:
        print_json({"keys": shown})
        return
    table = Table("id", "state", "scopes", "expires", "agents")
    for one in shown:
        table.add_row(
            plain(one.id),
            f"[{'green' if one.state == 'active' else 'red'}]{one.state}[/]",
            "of the token" if one.subject else plain(", ".join(one.scopes)),
            "by the token" if one.subject else _date(one.expires),
            plain(_agents(one)),
        )
    console().print(table)


@keys.command()
def revoke(key_id: KeyId) -> None:
    """Revoke a key; the API refuses it within five seconds, and logs its use."""
    now = EPOCH + timedelta(seconds=now_us() // 1_000_000)
    if revoke_entry(_path(), key_id, now):
        note(f"{quoted(key_id)} is revoked; the API refuses it within five seconds")
    else:
        note(f"{quoted(key_id)} was revoked before")


def _path() -> Path:
    path = load_settings().api_keys_file
    if path is None:
        name = variable("api_keys_file")
        raise ConfigError(f"{name} names no credential file, such as {name}=habitus-keys.toml")
    return path


def _end(text: str, at_us: int) -> datetime:
    """Parse the expiry of a key: a duration, a date (its start in UTC), or an RFC 3339 time."""
    span = _SPAN.fullmatch(text)
    try:
        if span:
            end = EPOCH + timedelta(seconds=at_us // 1_000_000) + int(span[1]) * _UNITS[span[2]]
        elif len(text) == len("2027-01-01"):
            end = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        else:
            end = msgspec.convert(text, Instant)
    except (ValueError, OverflowError, msgspec.ValidationError):
        raise ConfigError(
            "--expires must be a span such as 90d or 12h, a date such as 2027-01-01, or an "
            f"RFC 3339 time, got {quoted(text)}"
        ) from None
    if microseconds(end) <= at_us:
        raise ConfigError(f"--expires must be in the future, got {quoted(text)}")
    return end


def _kind(entry: CredentialEntry) -> str:
    if entry.subject is not None:
        return "token"
    return "key" if entry.certificate is None else "certificate"


def _shown(entry: CredentialEntry, at_us: int) -> Shown:
    return Shown(
        id=entry.id,
        kind=_kind(entry),
        state=entry.ended(at_us) or "active",
        scopes=entry.scopes,
        expires=entry.expires,
        revoked=entry.revoked,
        subject=entry.subject,
        certificate=entry.certificate,
        agents=entry.agents,
    )


def _date(at: datetime | None) -> str:
    return "never" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _agents(one: Shown) -> str:
    if not one.subject and not {"actions:write", "admin"} & set(one.scopes):
        return "reports none"
    named = "all" if one.agents is None else ", ".join(one.agents) or "none"
    if one.certificate:
        return f"{named} (certificates of {one.certificate})"
    return f"{named} (tokens of {one.subject})" if one.subject else named


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(keys)
