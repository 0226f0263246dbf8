"""Roles with tools and tasks, read from the tables beside this file.

`tools.csv` has each tool with its operation and results; `tasks.csv` has each request with its
calls. In a list of calls, ``x?`` occurs every other time, ``x*`` one to three times, and
``x:key=slot`` replaces one argument.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Literal, cast

import msgspec
from msgspec import Struct

from lab.simulation.tables import Row, table
from models.event import Operation, Resource


class Tool(Struct, frozen=True):
    """One tool of one role.

    Attributes
    ----------
    arguments
        (key, slot) pairs; a slot with a leading ``=`` is a constant of the role's instructions.
    gives
        Slots whose values the result contains.
    destination
        External host of the tool, or None.
    records, bytes_in, bytes_out, milliseconds
        Typical size and duration of a call. `records` is None without a list; bytes are 0 if only
        the other direction is counted.
    release
        0: from the start; 1: from the deployment on.
    """

    name: str
    operation: Operation
    resource: Resource
    destination: str | None
    arguments: tuple[tuple[str, str], ...]
    gives: tuple[str, ...]
    records: int | None
    bytes_in: int
    bytes_out: int
    milliseconds: int
    release: int


class Call(Struct, frozen=True):
    """One step of a task."""

    tool: Tool
    optional: bool = False
    repeated: bool = False


class Task(Struct, frozen=True):
    """A task of a role: the request with slots in braces, and its calls."""

    name: str
    mode: Literal["delegated", "autonomous"]
    purpose: str
    calls: tuple[Call, ...]


class Role(Struct, frozen=True):
    """A role; `tasks` holds the delegated tasks, each repeated by its weight."""

    name: str
    tools: dict[str, Tool]
    tasks: tuple[Task, ...]
    nightly: tuple[Task, ...]
    scopes: tuple[str, ...]

    def task(self, name: str) -> Task:
        """Give a task by name; raise KeyError if the role has none."""
        for task in self.tasks + self.nightly:
            if task.name == name:
                return task
        raise KeyError(name)


def arguments(text: str) -> tuple[tuple[str, str], ...]:
    """Parse the arguments column.

    >>> arguments("vendor payee=account status:=open")
    (('vendor', 'vendor'), ('payee', 'account'), ('status', '=open'))
    """
    pairs = []
    for word in text.split():
        key, sep, slot = word.partition("=")
        pairs.append((key[:-1], "=" + slot) if key.endswith(":") else (key, slot if sep else key))
    return tuple(pairs)


def call(text: str, tools: dict[str, Tool]) -> Call:
    """Parse one call of a task, such as ``mail.send:to=employee_mail?``."""
    word = text.rstrip("?*")
    name, sep, change = word.partition(":")
    tool = tools[name]
    if sep:
        changed = dict(tool.arguments) | dict(arguments(change))
        tool = msgspec.structs.replace(tool, arguments=tuple(changed.items()))
    return Call(tool, text.endswith("?"), text.endswith("*"))


def _tool(row: Row) -> Tool:
    domain = row["resource"].partition("/")[0]
    resource = {"id": row["resource"], "domain": domain}
    return Tool(
        name=row["tool"],
        operation=cast("Operation", row["operation"]),
        resource=msgspec.convert(resource | {"sensitivity": row["sensitivity"]}, Resource),
        destination=row["destination"] or None,
        arguments=arguments(row["arguments"]),
        gives=tuple(row["gives"].split()),
        records=int(row["records"]) if row["records"] else None,
        bytes_in=int(row["bytes_in"] or 0),
        bytes_out=int(row["bytes_out"] or 0),
        milliseconds=int(row["milliseconds"]),
        release=int(row["release"]),
    )


def _task(row: Row, tools: dict[str, Tool]) -> Task:
    calls = tuple(call(text, tools) for text in row["calls"].split())
    mode = cast('Literal["delegated", "autonomous"]', row["mode"])
    return Task(row["task"], mode, row["purpose"], calls)


@cache
def roles() -> dict[str, Role]:
    """Give all roles by name.

    >>> sorted(roles())
    ['data-steward', 'invoice-clerk', 'support-desk', 'travel-desk']
    """
    tools: dict[str, dict[str, Tool]] = defaultdict(dict)
    for row in table("lab.simulation.sample.world", "tools.csv"):
        tools[row["role"]][row["tool"]] = _tool(row)
    day: dict[str, list[Task]] = defaultdict(list)
    night: dict[str, list[Task]] = defaultdict(list)
    for row in table("lab.simulation.sample.world", "tasks.csv"):
        task = _task(row, tools[row["role"]])
        (day if task.mode == "delegated" else night)[row["role"]] += [task] * int(row["weight"])
    return {
        name: Role(name, own, tuple(day[name]), tuple(night[name]), _scopes(own))
        for name, own in tools.items()
    }


def _scopes(tools: dict[str, Tool]) -> tuple[str, ...]:
    """Give the scopes of a role's credential: the domains of most of its tools."""
    domains = [tool.resource.domain or "" for tool in tools.values()]
    maximum = max(sorted(set(domains)), key=domains.count)
    return (maximum,)
