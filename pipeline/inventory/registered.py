"""One registered agent, and how a row of the inventory is read."""

from __future__ import annotations

from datetime import date
from sys import intern
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from models.baseline.allowed import Allowed
from models.errors import ConfigError
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LONGEST_ID = 256
LISTS = ("allowed_tools", "allowed_scopes", "peers", "aliases")
"""Columns that hold several values."""
IMPORTED = "imported"
"""Column with source and time of each imported value; only `pipeline.inventory` reads it."""
_MOST = 1_000
_LONGEST = 512
_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
"""Shared by all agents without further columns: there may be a million."""


class Registered(Struct, frozen=True):
    """One registered agent.

    Attributes
    ----------
    more
        Further columns.
    sponsor
        Person who answers for the agent beside its owner.
    review_date
        Day by which a person reviews the entry.
    tools, scopes
        What it may use; None where all are allowed.
    peers
        Agents that it may hand work to.
    aliases
        Other names of the agent, as ``KIND:VALUE``.
    """

    agent_id: str
    role: str | None
    owner: str | None
    more: Mapping[str, str]
    sponsor: str | None = None
    review_date: date | None = None
    tools: Allowed | None = None
    scopes: Allowed | None = None
    peers: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def registered(path: Path, line: int, entry: dict[str, Any]) -> Registered:
    """Read an entry.

    Parameters
    ----------
    path, line
        File and line of the entry, for errors.

    Raises
    ------
    ConfigError
        A value is wrong; the message names file, line, column and expectation.
    """
    where = f"{path}, line {line}"
    lists = {name: _list(where, name, entry.get(name)) for name in LISTS if name in entry}
    row: dict[str, str] = {}
    for name, value in entry.items():
        if name in lists or name == IMPORTED or value is None:
            continue
        if isinstance(value, dict | list):
            raise ConfigError(f"{where}: {name!r} must be one value")
        row[name] = str(value).strip()
    agent_id = row.pop("agent_id", "")
    if not agent_id or len(agent_id) > LONGEST_ID:
        raise ConfigError(
            f"{where}: agent_id must have 1 to {LONGEST_ID} characters, got {len(agent_id)}"
        )
    role, owner = intern(row.pop("role", "")), intern(row.pop("owner", ""))
    sponsor, review = intern(row.pop("sponsor", "")), row.pop("review_date", "")
    return Registered(
        agent_id, role or None, owner or None, dict(row) if row else _NOTHING_MORE,
        sponsor=sponsor or None,
        review_date=_day(where, review) if review else None,
        tools=_allowed(lists.get("allowed_tools")),
        scopes=_allowed(lists.get("allowed_scopes")),
        peers=lists.get("peers") or (),
        aliases=_aliases(where, lists.get("aliases") or ()),
    )  # fmt: skip


def words(value: str) -> list[str]:
    """Give the values of a list in one cell, which semicolons separate.

    >>> words("crm.read; mail.send;")
    ['crm.read', 'mail.send']
    """
    return [one for part in value.split(";") if (one := part.strip())]


def _list(where: str, name: str, value: Any) -> tuple[str, ...] | None:
    """Read a list; None where the column is empty. A list without values allows nothing."""
    if value is None or value == "":
        return None
    given = words(value) if isinstance(value, str) else value
    if not isinstance(given, list) or len(given) > _MOST:
        raise ConfigError(
            f"{where}: {name!r} must be a list of at most {_MOST} texts, got {quoted(value)}"
        )
    for one in given:
        if not isinstance(one, str) or not one.strip() or len(one) > _LONGEST:
            raise ConfigError(
                f"{where}: {name!r} must hold texts of 1 to {_LONGEST} characters, "
                f"got {quoted(one)}"
            )
    return tuple(intern(one.strip()) for one in given)


def _allowed(names: tuple[str, ...] | None) -> Allowed | None:
    return None if names is None else Allowed.of(names)


def _aliases(where: str, given: tuple[str, ...]) -> tuple[str, ...]:
    for one in given:
        kind, colon, value = one.partition(":")
        if not (kind and colon and value):
            raise ConfigError(f"{where}: an alias must be KIND:VALUE, got {quoted(one)}")
    return given


def _day(where: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ConfigError(
            f"{where}: review_date must be a day such as 2027-01-31, got {quoted(value)}"
        ) from None
