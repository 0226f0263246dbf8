"""Roles, and the world of a role in a region: partners, resources, habits."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, cast

import msgspec
from msgspec import Struct

from lab.simulation.fleet.world.draw import mix, unit, word
from lab.simulation.fleet.world.words import ATTRIBUTES, ENTITIES, ITEMS
from lab.simulation.sample.world.roles import Role, Task, Tool, arguments, call, roles
from lab.simulation.sample.world.values import entity
from lab.simulation.tables import table
from models.event import Operation, Resource, Sensitivity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

POOL, CATALOGUE, HABITS = 48, 40, 6
"""Numbers of partners of a kind, resources of a tool, and habits, in one world."""

_LEVELS: tuple[Sensitivity, ...] = ("public", "internal", "confidential", "restricted")
MONTHLY = frozenset({"invoice-clerk", "people-partner", "data-steward"})
"""Roles whose work peaks when the month ends."""

_ORDER = (
    ("support-desk", 1.6), ("invoice-clerk", 1.3), ("code-builder", 1.5), ("data-steward", 1.0),
    ("cloud-operator", 1.1), ("sales-scout", 1.1), ("travel-desk", 0.8), ("people-partner", 0.7),
    ("threat-analyst", 0.7), ("model-trainer", 0.6),
)  # fmt: skip


class World(Struct, frozen=True):
    """Shared surroundings of the agents of one role in one region.

    Attributes
    ----------
    pools
        Partners by kind, most frequent first; each is a dict of slots.
    resources
        Resources by tool, most frequent first.
    habits
        Lists of delegated tasks, each task repeated by its weight.
    """

    role: Role
    region: int
    pools: dict[str, list[dict[str, str]]]
    resources: dict[str, list[Resource]]
    habits: list[list[Task]]


def _tool(
    name: str,
    operation: Operation,
    resource: str,
    sensitivity: str,
    args: str = "",
    *,
    destination: str | None = None,
    records: int | None = None,
    sizes: tuple[int, int] = (900, 600),
) -> Tool:
    place = {"id": resource, "domain": resource.partition("/")[0], "sensitivity": sensitivity}
    return Tool(
        name=name,
        operation=operation,
        resource=msgspec.convert(place, Resource),
        destination=destination,
        arguments=arguments(args),
        gives=(),
        records=records,
        bytes_in=sizes[0],
        bytes_out=sizes[1],
        milliseconds=240,
        release=0,
    )


RECALL = _tool("memory.recall", "read", "memory/notes", "internal", "topic:=work", sizes=(1800, 0))
SAVE = _tool("memory.save", "write", "memory/notes", "internal", "note=~note", sizes=(0, 700))
ASK = _tool("agents.ask", "send", "agents/directory", "internal", "subject=~note")
"""Tools of every role: an own memory, and other agents to ask."""

STRANGE = {
    tool.name: tool
    for tool in (
        _tool("dns.update", "admin", "network/zones", "confidential", "zone:=corp.example.com"),
        _tool("camera.snapshot", "read", "building/cameras", "restricted", sizes=(90_000, 0)),
        _tool("wallet.sign", "pay", "treasury/wallets", "restricted", "amount:=950"),
        _tool("code.interpret", "execute", "sandbox/scratch", "internal", "code:=import socket"),
        _tool("records.purge", "delete", "archive/records", "confidential", sizes=(0, 120)),
        _tool("vault.reveal", "read", "vault/root-keys", "restricted", records=1),
        _tool("agent.settings", "admin", "agents/settings", "restricted", "logging:=off"),
        _tool("directory.enumerate", "read", "directory/accounts", "confidential", records=60),
    )
}
"""Tools that no role has."""


@cache
def all_roles() -> dict[str, Role]:
    """Give the roles of the sample and further ones, in the order of their use in small fleets.

    >>> list(all_roles())[:2], len(all_roles())
    (['support-desk', 'invoice-clerk'], 10)
    """
    tools: dict[str, dict[str, Tool]] = defaultdict(dict)
    for row in table("lab.simulation.fleet.world", "tools.csv"):
        tools[row["role"]][row["tool"]] = msgspec.structs.replace(
            _tool(
                row["tool"],
                cast("Operation", row["operation"]),
                row["resource"],
                row["sensitivity"],
                row["arguments"],
                destination=row["destination"] or None,
                records=int(row["records"]) if row["records"] else None,
                sizes=(int(row["bytes_in"] or 0), int(row["bytes_out"] or 0)),
            ),
            gives=tuple(row["gives"].split()),
            milliseconds=int(row["milliseconds"]),
            release=int(row["release"]),
        )
    day: dict[str, list[Task]] = defaultdict(list)
    night: dict[str, list[Task]] = defaultdict(list)
    for row in table("lab.simulation.fleet.world", "tasks.csv"):
        calls = tuple(call(text, tools[row["role"]]) for text in row["calls"].split())
        mode = cast('Literal["delegated", "autonomous"]', row["mode"])
        task = Task(row["task"], mode, row["purpose"], calls)
        (day if mode == "delegated" else night)[row["role"]] += [task] * int(row["weight"])
    further = {
        name: Role(name, own, tuple(day[name]), tuple(night[name]), (name.partition("-")[0],))
        for name, own in tools.items()
    }
    known = roles() | further
    return {name: _social(known[name]) for name, _ in _ORDER}


def weights(count: int) -> list[float]:
    """Give the shares of the first `count` roles in a fleet."""
    return [weight for _, weight in _ORDER[:count]]


def _social(role: Role) -> Role:
    """Add the tools of every role; tasks use them occasionally (see `session`)."""
    return msgspec.structs.replace(
        role, tools=role.tools | {tool.name: tool for tool in (RECALL, SAVE, ASK)}
    )


@cache
def world(name: str, region: int) -> World:
    """Make the world of a role in a region."""
    role = all_roles()[name]
    key = mix(word(name), region)
    return World(
        role,
        region,
        {kind: _pool(kind, key) for kind in ENTITIES},
        {tool.name: list(_resources(tool, key)) for tool in role.tools.values()},
        [_habit(role, mix(key, n)) for n in range(HABITS)],
    )


def _pool(kind: str, key: int) -> list[dict[str, str]]:
    names = ENTITIES[kind]
    if all(" " in name for name in names):
        firsts = [name.split()[0] for name in names]
        lasts = [name.split()[-1] for name in names]
        names = tuple(dict.fromkeys(f"{a} {b}" for b in lasts for a in firsts if a != b))
    chosen = sorted(names, key=lambda name: unit(key, word(kind), word(name)))[:POOL]
    return [entity(kind, name, ATTRIBUTES) for name in chosen]


def _resources(tool: Tool, key: int) -> Iterator[Resource]:
    base = tool.resource
    own = mix(key, word(base.id))
    for item in sorted(ITEMS, key=lambda item: unit(own, word(item)))[:CATALOGUE]:
        level = _LEVELS.index(base.sensitivity or "internal")
        if level in (0, 1) and unit(own, word(item), 1) < 0.12:
            level += 1
        yield Resource(
            id=f"{base.id}/{item}",
            type="collection",
            domain=base.domain,
            sensitivity=_LEVELS[level],
        )


def _habit(role: Role, key: int) -> list[Task]:
    """Choose tasks of the role: multiply each weight by one to four, and drop rare tasks."""
    chosen: list[Task] = []
    for place, task in enumerate(role.tasks):
        chosen += [task] * int(4 * unit(key, word(task.name), place // 64))
    return chosen or list(role.tasks)
