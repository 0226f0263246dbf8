"""Add to a native event what its call does, where the emitter did not say so."""

from __future__ import annotations

import shlex
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from models.features.commands import COMMANDS
from pipeline.actions.agent_settings import mark
from pipeline.actions.command_line import CommandLine, gravest
from pipeline.actions.hosts import bare_url, url_in
from pipeline.actions.patches import changes_of
from pipeline.actions.shell import read_line
from pipeline.actions.sql import exceeds, statements_of
from pipeline.actions.tools import texts_of, tool_of
from pipeline.enrichment.operations import load as load_operations
from pipeline.formats.bounds import cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Operation
    from pipeline.actions.tools import Tool

ANYTHING = "*"
MAX_VALUES = 20
"""Most programs, files and destinations of one call."""
_LONGEST_ID, _LONGEST_VALUE = 2_048, 256
_MAX_REMEMBERED = 4_096
_URLS = "url uri"
_FILES = "file_path filepath filePath"
_NAMES = frozenset((*_URLS.split(), *_FILES.split(), "sql", *COMMANDS))
"""Arguments of a tool that is not in the table that say what it does."""


class Action(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one call does, as the members of a native event.

    Attributes
    ----------
    resource
        Id and type: ``file``, ``url``, ``host`` or ``table``.
    destination
        Host, with its port where the call has one.
    operations
        What its parts do, where it has several: the commands of a line.
    cut
        Whether a limit was reached, so that a part that was not read may do anything.
    attributes
        `programs`, `files_read`, `files_written`, `destinations`, and `unparsed` where a part of a
        command line, or SQL text, could not be parsed.
    """

    operation: Operation = "unknown"
    resource: tuple[str, str] | None = None
    destination: str | None = None
    operations: tuple[Operation, ...] = ()
    cut: bool = False
    attributes: dict[str, Any] = {}


_NOTHING = Action()


def enrich(event: dict[str, Any]) -> None:
    """Fill operation, resource, destination and attributes of an event in place.

    A member that the event has is kept, except for an operation ``unknown``.

    Examples
    --------
    >>> event = {"tool": "Bash", "arguments": {"command": "scp dump.sql ops@192.0.2.9:/tmp"}}
    >>> enrich(event)
    >>> event["operation"], event["resource"], event["network"]
    ('send', {'id': '192.0.2.9', 'type': 'host'}, {'destination': '192.0.2.9'})
    >>> event["attributes"]
    {'programs': ['scp'], 'files_read': ['dump.sql'], 'destinations': ['192.0.2.9']}
    """
    tool, arguments = event.get("tool"), event.get("arguments")
    if not isinstance(tool, str):
        return
    action = action_of(tool, arguments if isinstance(arguments, dict) else {})
    if action is _NOTHING:
        return
    if action.operation != "unknown" and event.get("operation") in (None, "unknown"):
        event["operation"] = action.operation
    if action.resource is not None and event.get("resource") is None:
        event["resource"] = {"id": action.resource[0], "type": action.resource[1]}
    if action.destination is not None:
        _add(event, "network", {"destination": action.destination})
    if action.attributes:
        # The lists of a remembered line belong to all its events.
        own = {key: value[:] if isinstance(value, list) else value
               for key, value in action.attributes.items()}  # fmt: skip
        _add(event, "attributes", own)
    if event.get("resource") or action.attributes:
        operation = event.get("operation")
        mark(event, _infer()(tool) if operation in (None, "unknown") else str(operation))


def _add(event: dict[str, Any], member: str, more: dict[str, Any]) -> None:
    """Add what an object of the event does not have; the object itself may be shared."""
    known = event.get(member)
    if known is None:
        event[member] = more
    elif isinstance(known, dict):
        present = {key: value for key, value in known.items() if value is not None}
        event[member] = known | more | present


def action_of(tool: str, arguments: dict[str, Any]) -> Action:
    """Give what a call does.

    >>> action_of("WebFetch", {"url": "https://docs.example.com/a?key=1"}).resource
    ('https://docs.example.com/a', 'url')
    """
    known = tool_of(tool)
    if known is None:
        return _of_unlisted(tool, arguments)
    if known.command:
        line = _line_of(arguments, known.command)
        return _of_line(line) if line else _only(known.operation)
    if known.patch and (text := texts_of(arguments, known.patch)):
        return _of_patch(text[0])
    if known.sql and (text := texts_of(arguments, known.sql)):
        return _of_sql(text[0])
    operation = known.operation_of(arguments)
    if known.moves:
        return _of_moves(known, arguments, operation)
    if known.url and (urls := texts_of(arguments, known.url)):
        return _of_urls(urls, operation)
    if known.path and (paths := texts_of(arguments, known.path)):
        return Action(operation=operation or "unknown", resource=(_id(paths[0]), "file"))
    return _only(operation)


@cache
def _infer() -> Callable[[str], Operation]:
    return load_operations()


def inferred(tool: str) -> Operation:
    """Infer an operation from the name of a tool.

    >>> inferred("slack.send_message")
    'send'
    """
    return _infer()(tool)


def operations_of(event: dict[str, Any]) -> frozenset[str]:
    """Give all that the call of an event may do, for rules; ``*`` where it may be anything.

    It has the operation that the event is judged by, those of the commands of a line, and
    ``unknown`` where a part could not be parsed. A call that a limit cut may do anything.

    >>> line = {"command": "rm a; curl -d @b https://example.com; echo 'no end"}
    >>> sorted(operations_of({"tool": "Bash", "arguments": line}))
    ['delete', 'read', 'send', 'unknown']
    >>> sorted(operations_of({"tool": "Bash", "arguments": {"command": "ls;" * 200 + "rm a"}}))
    ['*', 'execute', 'read', 'unknown']
    """
    judged = event | {"attributes": dict(event.get("attributes") or {})}
    enrich(judged)
    tool, arguments = str(event["tool"]), event.get("arguments")
    action = action_of(tool, arguments if isinstance(arguments, dict) else {})
    operation = judged.get("operation")
    found = {inferred(tool) if operation in (None, "unknown") else str(operation)}
    found.update(action.operations)
    if judged["attributes"].get("unparsed"):
        found.add("unknown")
    return frozenset(found | {ANYTHING} if action.cut else found)


def _only(operation: Operation | None) -> Action:
    return _NOTHING if operation is None else Action(operation=operation)


def _of_unlisted(tool: str, arguments: dict[str, Any]) -> Action:
    """Read a tool that is not in the table by the arguments whose names leave no doubt."""
    if _NAMES.isdisjoint(arguments):
        return _NOTHING
    if urls := [one for one in texts_of(arguments, _URLS) if "://" in one]:
        return _of_urls(urls, None)
    if paths := texts_of(arguments, _FILES):
        return Action(resource=(_id(paths[0]), "file"))
    if text := texts_of(arguments, "sql"):
        return _of_sql(text[0])
    if not COMMANDS.isdisjoint(arguments) and inferred(tool) == "execute":
        line = _line_of(arguments, " ".join(sorted(COMMANDS)))
        return _of_line(line) if line else _NOTHING
    return _NOTHING


def _line_of(arguments: dict[str, Any], names: str) -> str:
    """Give the command line of a call, whose words may be in a list."""
    for name in names.split():
        value = arguments.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, list) and value:
            return shlex.join([one for one in value if isinstance(one, str)])
    return ""


# ---------------------------------------------------------------------- kinds of arguments


def _of_line(line: str) -> Action:
    return _remembered(line) if len(line) <= _MAX_REMEMBERED else _of_commands(read_line(line))


@lru_cache(maxsize=_MAX_REMEMBERED)
def _remembered(line: str) -> Action:
    return _of_commands(read_line(line))


def _of_commands(line: CommandLine) -> Action:
    attributes = {
        "programs": _bounded([one.name for one in line.commands]),
        "files_read": _bounded(line.all_of("reads")),
        "files_written": _bounded(line.all_of("writes")),
        "destinations": _bounded(line.all_of("destinations")),
    }
    found: dict[str, Any] = {name: values for name, values in attributes.items() if values}
    if not line.complete:
        found["unparsed"] = True
    destinations = _of_gravest(line, "destinations")
    return Action(
        operation=line.operation,
        resource=_resource_of(line),
        destination=destinations[0] if destinations else None,
        operations=tuple(dict.fromkeys(one.operation for one in line.commands)),
        cut=line.cut,
        attributes=found,
    )


def _resource_of(line: CommandLine) -> tuple[str, str] | None:
    """Give what the gravest command acts on: a host it sends to, else a table, else a file."""
    members = [("writes", "file"), ("reads", "file")]
    if line.operation == "send":
        members.insert(0, ("destinations", "host"))
    command = line.gravest
    for member, kind in [("tables", "table"), *members]:
        values = getattr(command, member) if command is not None else ()
        if values:
            return _id(values[0]), kind
    return None


def _of_gravest(line: CommandLine, member: str) -> list[str]:
    command = line.gravest
    own = list(getattr(command, member)) if command is not None else []
    return own or line.all_of(member)


def _of_patch(text: str) -> Action:
    changes = changes_of(text)
    if not changes:
        return _NOTHING
    operations: list[Operation] = ["delete" if one.kind == "delete" else "write" for one in changes]
    operation = gravest(operations)
    first = next(one for one, does in zip(changes, operations, strict=True) if does == operation)
    written = _bounded([one.path for one in changes])
    return Action(
        operation=operation,
        resource=(_id(first.path), "file"),
        attributes={"files_written": written},
    )


def _of_sql(text: str) -> Action:
    operation, tables = statements_of(text)
    resource = (_id(tables[0]), "table") if tables else None
    if operation == "unknown":
        return Action(resource=resource, cut=exceeds(text), attributes={"unparsed": True})
    return Action(operation=operation, resource=resource)


def _of_urls(urls: list[str], operation: Operation | None) -> Action:
    return Action(
        operation=operation or "unknown",
        resource=(_id(bare_url(urls[0])), "url"),
        destination=url_in(urls[0]),
    )


def _of_moves(tool: Tool, arguments: dict[str, Any], operation: Operation | None) -> Action:
    paths = [path for name in tool.moves.split() for path in texts_of(arguments, name)]
    if not paths:
        return _only(operation)
    return Action(
        operation=operation or "unknown",
        resource=(_id(paths[-1]), "file"),
        attributes={"files_written": _bounded(paths)},
    )


def _id(text: str) -> str:
    return cut(text, _LONGEST_ID)


def _bounded(values: list[str]) -> list[str]:
    return [cut(one, _LONGEST_VALUE) for one in dict.fromkeys(values)][:MAX_VALUES]
