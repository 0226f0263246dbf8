"""Give what a command line does; nothing is executed.

The operation of a line is the gravest of its commands (`pipeline.actions.command_line.GRAVITY`).
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from msgspec import structs

from pipeline.actions.arguments import Arguments
from pipeline.actions.command_line import Command, CommandLine, gravest
from pipeline.actions.effect import Effect
from pipeline.actions.program_table import load
from pipeline.actions.shell_syntax import MAX_COMMANDS, Invocation, parse
from pipeline.actions.sql import statements_of
from pipeline.enrichment.operations import load as load_operations

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Operation
    from pipeline.actions.program_table import Program

MAX_DEPTH = 8
"""Most levels of command lines within command lines."""
MAX_TEXT = 64 << 10
"""Most characters that all lines of one line have together."""
_MAX_CACHED = 4_096
"""Longest line that is remembered, in characters."""
_PLACEHOLDER = "…"
"""What is in place of a command within the text of another line; it has been read before."""
_STANDARD_FOLDERS = ("/bin/", "/sbin/", "/usr/", "/opt/", "/snap/", "/nix/")


def read_line(line: str) -> CommandLine:
    """Give the commands of a line; equal lines are parsed once, unless they are long.

    Examples
    --------
    >>> found = read_line("cd src && sudo rm -rf build; curl -d @a.json https://api.example.com/v1")
    >>> [(one.name, one.operation) for one in found.commands]
    [('cd', 'read'), ('rm', 'delete'), ('curl', 'send')]
    >>> found.operation, found.all_of("reads"), found.all_of("destinations")
    ('delete', ['a.json'], ['api.example.com'])
    >>> read_line("echo 'no end").complete
    False
    """
    return _cached(line) if len(line) <= _MAX_CACHED else _read(line)


def _read(line: str) -> CommandLine:
    reader = _LineReader()
    reader.text(line, 0, "read", False)
    return CommandLine(commands=tuple(reader.found), complete=reader.complete)


_cached = lru_cache(maxsize=4_096)(_read)


@cache
def _programs() -> dict[str, Program]:
    return load()


@cache
def _infer() -> Callable[[str], Operation]:
    return load_operations()


class _LineReader:
    """Collects the commands of a line and of the lines within its arguments."""

    def __init__(self) -> None:
        self.found: list[Command] = []
        self.complete = True
        self._room = MAX_TEXT

    def text(self, line: str, depth: int, floor: Operation, remote: bool) -> None:
        """Read the text of a line.

        Parameters
        ----------
        floor
            Operation that every command has at least, as those of ``sudo``.
        remote
            Whether it runs on another machine, so that its files are not here.
        """
        self._room -= len(line)
        if depth > MAX_DEPTH or self._room < 0:
            self.complete = False
            return
        invocations, complete = parse(line)
        self.complete = self.complete and complete
        for one in invocations:
            self._command(one, depth, floor, remote)

    def _command(self, one: Invocation, depth: int, floor: Operation, remote: bool) -> None:
        if depth > MAX_DEPTH or len(self.found) >= MAX_COMMANDS:
            self.complete = False
            return
        path = one.words[0] if one.words else ""
        if path == _PLACEHOLDER:
            return
        name = path.rpartition("/")[2] or path
        is_installed = "/" not in path or path.startswith(_STANDARD_FOLDERS)
        program = _programs().get(name) if is_installed else None
        effect, subcommand = Effect(), ""
        if program is None:
            _of_unlisted(path, one.words, effect)
        else:
            arguments = Arguments(name, program, one.words[1:], _infer())
            arguments.read()
            effect, subcommand = arguments.effect, arguments.subcommand
            self._of_input(one, program, effect)
        if program is None or program.rule.floor is None or not effect.nested:
            _of_redirections(one, effect)
            self._add(name, subcommand, effect, floor, remote)
        elif effect.reads or effect.writes or effect.destinations:
            effect.base = "read"  # that of its command is another
            self._add(name, subcommand, effect, floor, remote)
        if program is not None and effect.nested:
            least = gravest([floor, program.rule.floor or "read"])
            is_remote = remote or _is_remote(program, subcommand)
            self._nested(one if program.rule.floor else None, effect, depth, least, is_remote)

    def _of_input(self, one: Invocation, program: Program, effect: Effect) -> None:
        """Read what comes on standard input: a pipe, or a text in the line."""
        rule = program.rule
        if (one.piped or one.text is not None) and rule.piped is not None:
            effect.operations.append(rule.piped)
        if one.text and "code" in program.options.values() and not effect.reads:
            effect.nested.append(one.text)
        elif one.text and "patch" in rule.operands:
            effect.patch(one.text)
        elif one.text and "sql" in program.options.values():
            effect.statements.append(one.text)

    def _nested(
        self, outer: Invocation | None, effect: Effect, depth: int, floor: Operation, remote: bool
    ) -> None:
        """Read the commands within arguments; that of a wrapper has the wrapper's redirections."""
        for inner in effect.nested:
            if isinstance(inner, str):
                self.text(inner, depth + 1, floor, remote)
            elif inner:
                one = Invocation(words=inner)
                if outer is not None:
                    one = structs.replace(outer, words=inner)
                self._command(one, depth + 1, floor, remote)

    def _add(
        self, name: str, subcommand: str, effect: Effect, floor: Operation, remote: bool
    ) -> None:
        operations, tables = [effect.base], list[str]()
        if effect.statements:
            operations = []
            for text in effect.statements:
                operation, found = statements_of(text)
                operations.append("execute" if operation == "unknown" else operation)
                tables += found
        self.found.append(
            Command(
                program=name[:_LONGEST],
                subcommand=subcommand[:_LONGEST],
                operation=gravest([*operations, *effect.operations, floor]),
                reads=() if remote else _once(effect.reads),
                writes=() if remote else _once(effect.writes),
                destinations=_once(effect.destinations),
                tables=_once(tables),
            )
        )


_LONGEST = 120


def _once(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _is_remote(program: Program, subcommand: str) -> bool:
    known = program.subcommands.get(subcommand, program)
    return known.rule.remote


def _of_unlisted(path: str, words: list[str], effect: Effect) -> None:
    """Read a program that is not in the table: a script given by its path is executed."""
    if not words:
        effect.base = "read"
    elif "/" in path and "$" not in path:
        effect.base = "execute"
        effect.file(path, effect.reads)


def _of_redirections(one: Invocation, effect: Effect) -> None:
    for path in one.reads:
        effect.file(path, effect.reads)
    before = len(effect.writes)
    for path in one.writes:
        effect.file(path, effect.writes)
    if len(effect.writes) > before:
        effect.operations.append("write")
