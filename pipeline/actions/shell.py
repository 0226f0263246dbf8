"""Give what a command line does; nothing is executed.

The operation of a line is the gravest of its commands (`pipeline.actions.command_line.GRAVITY`).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pipeline.actions.arguments import Arguments
from pipeline.actions.command_line import Command, CommandLine, gravest
from pipeline.actions.effect import Effect
from pipeline.actions.program_table import load
from pipeline.actions.shell_syntax import MAX_COMMANDS, parse
from pipeline.actions.sql import exceeds, statements_of
from pipeline.actions.streams.invocation import MAX_WORD, SUBSTITUTED, Invocation, Output, Pipe
from pipeline.actions.streams.literal_output import input_of, is_empty, text_of, words_of
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
_MAX_REVEALING = 8
"""Most pipes and substitutions in a row that are followed for what they reveal."""
_PLACEHOLDER = "…"
"""What is in place of a command within the text of another line; it has been read before."""
_PATTERN = frozenset("*?[")
"""Signs of a pattern that the shell replaces by the paths it finds, so any program may be run."""
_VERSION = re.compile(r"-?\d+(?:\.\d+)*$|\.exe$")
"""What a name of an interpreter or a compiler has after it, as `node18` and `gcc-12`."""
_STANDARD_FOLDERS = ("/bin/", "/sbin/", "/usr/", "/opt/", "/snap/", "/nix/", "/lib/", "/lib64/")


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
    reader.text(line, _Surroundings())
    commands, whole = tuple(reader.found), reader.complete and not reader.cut
    return CommandLine(commands=commands, complete=whole, cut=reader.cut)


_cached = lru_cache(maxsize=4_096)(_read)


@cache
def _programs() -> dict[str, Program]:
    return load()


@cache
def _infer() -> Callable[[str], Operation]:
    return load_operations()


class _Surroundings(NamedTuple):
    """What commands within other commands have from these.

    Attributes
    ----------
    depth
        Number of the lines and wrappers around it.
    floor
        Operation that every command has at least, as those of ``sudo``.
    remote
        Whether it runs on another machine, so that its files are not here.
    text, stdin
        Standard input of the command around it.
    arguments
        Values of ``$0``, ``$1``, ….
    """

    depth: int = 0
    floor: Operation = "read"
    remote: bool = False
    text: str | None = None
    stdin: Pipe | None = None
    arguments: tuple[str, ...] = ()


class _LineReader:
    """Collects the commands of a line and of the lines within its arguments."""

    def __init__(self) -> None:
        self.found: list[Command] = []
        self.complete, self.cut = True, False
        self._room = MAX_TEXT

    def text(self, line: str, around: _Surroundings) -> None:
        """Read the text of a line."""
        self._room -= len(line)
        if around.depth > MAX_DEPTH or self._room < 0:
            self.cut = True
            return
        parsed = parse(line, around.arguments)
        self.complete = self.complete and parsed.complete
        self.cut = self.cut or parsed.cut
        for one in parsed.commands:
            if one.text is None and one.stdin is None:
                one.text, one.stdin = around.text, around.stdin
            self._command(one, around)
        for one in parsed.assignments:
            if _is_run(one):
                self._command(one, around)

    def _command(self, one: Invocation, around: _Surroundings) -> None:
        if around.depth > MAX_DEPTH or len(self.found) >= MAX_COMMANDS:
            self.cut = True
            return
        words = words_of(one)
        self.cut = self.cut or any(len(word) > MAX_WORD for word in words)
        path = words[0] if words else ""
        if path == _PLACEHOLDER:
            return
        name, program = _program_of(path)
        effect, subcommand, is_read = Effect(), "", False
        if program is None:
            _of_unlisted(path, words, effect)
        else:
            revealing = frozenset(out.marker for out in one.outputs if _reveals(out.pipe))
            lists = frozenset(one.lists)
            arguments = Arguments(name, program, words[1:], _infer(), revealing, lists)
            arguments.read()
            effect, subcommand = arguments.effect, arguments.subcommand
            is_read = _of_input(one, program, arguments)
        self.cut = self.cut or one.cut or any(pipe.cut for pipe in _pipes(one))
        if program is None or program.rule.floor is None or not effect.nested:
            _of_redirections(one, effect)
            self._add(name, subcommand, effect, around)
        elif effect.reads or effect.writes or effect.destinations:
            effect.base = "read"  # that of its command is another
            self._add(name, subcommand, effect, around)
        if program is not None and effect.nested:
            inside = around._replace(
                depth=around.depth + 1,
                floor=gravest([around.floor, program.rule.floor or "read"]),
                remote=around.remote or _is_remote(program, subcommand),
                text=None if is_read else one.text,
                stdin=None if is_read else one.stdin,
                arguments=effect.arguments,
            )
            self._nested(one, program, effect, inside)

    def _nested(
        self, outer: Invocation, program: Program, effect: Effect, inside: _Surroundings
    ) -> None:
        """Read the commands within arguments; that of a wrapper has the wrapper's redirections."""
        for inner in effect.nested:
            if isinstance(inner, str):
                self.text(inner, inside)
            elif inner:
                one = Invocation(words=inner, text=inside.text, stdin=inside.stdin)
                one.outputs, one.lists = _outputs_within(inner, outer), outer.lists
                if program.rule.floor:
                    one.reads, one.writes = outer.reads, outer.writes
                self._command(one, inside)

    def _add(self, name: str, subcommand: str, effect: Effect, around: _Surroundings) -> None:
        operations, tables = [effect.base], list[str]()
        if effect.statements:
            operations = []
            for text in effect.statements:
                operation, found = statements_of(text)
                if operation == "unknown":
                    self.complete = False
                    self.cut = self.cut or exceeds(text)
                operations.append("execute" if operation == "unknown" else operation)
                tables += found
        self.found.append(
            Command(
                program=name[:_LONGEST],
                subcommand=subcommand[:_LONGEST],
                operation=gravest([*operations, *effect.operations, around.floor]),
                reads=() if around.remote else _once(effect.reads),
                writes=() if around.remote else _once(effect.writes),
                destinations=_once(effect.destinations),
                tables=_once(tables),
            )
        )


_LONGEST = 120


def _once(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _program_of(path: str) -> tuple[str, Program | None]:
    """Give the name of a program and its entry; a script in a folder of its own has none."""
    name = path.rpartition("/")[2] or path
    is_installed = "/" not in path or path.startswith(_STANDARD_FOLDERS)
    if not is_installed:
        return name, None
    found = _programs().get(name)
    if found is None:
        found = _programs().get(_VERSION.sub("", name))
        found = found if found is not None and found.rule.operation == "execute" else None
    return name, found


def _is_run(assignment: Invocation) -> bool:
    """Check for a variable of the environment that runs or loads what it names."""
    exported = _programs()["export"]
    return assignment.words[1].partition("=")[0].lower() in exported.pairs


def _pipes(one: Invocation) -> list[Pipe]:
    """Give where a command gets texts from."""
    found = [output.pipe for output in one.outputs]
    return found if one.stdin is None else [*found, one.stdin]


def _outputs_within(words: list[str], outer: Invocation) -> list[Output]:
    """Give the outputs that a command within another has in its words, but those put in place."""
    unknown = [out for out in outer.outputs if text_of(out.pipe) is None]
    return [
        Output(at, out.marker, out.pipe)
        for out in unknown
        for at, word in enumerate(words)
        if out.marker in word
    ]


def _of_input(one: Invocation, program: Program, arguments: Arguments) -> bool:
    """Read what comes on standard input: a pipe, or a text in the line.

    Returns
    -------
    bool
        Whether the program itself reads it, and not the commands within its arguments.
    """
    rule, effect = program.rule, arguments.effect
    if (one.stdin is not None or one.text is not None or one.reads) and rule.piped is not None:
        effect.operations.append(rule.piped)
    if rule.input is None:
        return False
    if rule.input == "arguments" or (rule.input == "lines" and effect.nested):
        _of_arguments(one, effect)
        return True
    if effect.nested or (effect.reads and "script" in rule.operands):
        return False
    if rule.input == "lines" and input_of(one) is None:
        is_given = one.stdin is not None or one.reads or effect.reads
        effect.operations += ["execute"] if is_given else []
    files = [text for out in one.outputs if out.file and (text := text_of(out.pipe)) is not None]
    for text in [*files, *([] if (given := input_of(one)) is None else [given])]:
        if rule.input in ("code", "lines"):
            effect.nested.append(text)
        elif rule.input == "patch":
            effect.patch(text)
        elif rule.input == "sql":
            effect.statements.append(text)
        else:
            arguments.snippet(text)
    return True


def _of_arguments(one: Invocation, effect: Effect) -> None:
    """Give the words on standard input of ``xargs`` to its command; ``$(…)`` for content."""
    text, inner = input_of(one), effect.nested[0] if effect.nested else []
    is_content = text is None and _has_content(one, effect)
    if isinstance(inner, str):  # of `parallel`
        effect.nested[0] = inner.replace("{}", SUBSTITUTED) if is_content else inner
        return
    if is_content and effect.sign:
        text = SUBSTITUTED
        one.outputs.append(Output(0, SUBSTITUTED, Pipe(is_revealing=True)))
    if text is None:
        return
    if not effect.sign:
        inner.extend(text.split())
    else:
        longest = MAX_WORD + 1  # a longer word counts as cut
        inner[:] = [word.replace(effect.sign, text.strip())[:longest] for word in inner]


def _has_content(one: Invocation, effect: Effect) -> bool:
    """Check for a file on standard input, or output that has content of this machine."""
    is_given = one.stdin is not None and _reveals(one.stdin)
    return bool(one.reads or effect.reads or is_given or "$(" in (one.text or ""))


def _reveals(pipe: Pipe, depth: int = 0) -> bool:
    """Check for output that may have content of this machine, as ``$(cat key.pem | base64)``."""
    if depth > _MAX_REVEALING:
        return True
    if pipe.is_revealing is None:
        pipe.is_revealing = True  # of one that reads itself
        pipe.is_revealing = any(_is_revealing(one, depth) for one in pipe.writers)
    return pipe.is_revealing


def _is_revealing(one: Invocation, depth: int) -> bool:
    words = words_of(one)
    name, program = _program_of(words[0]) if words else ("", None)
    if words and (program is None or name not in program.public):
        return True
    effect = Effect()
    if program is not None:
        arguments = Arguments(name, program, words[1:], _infer())
        arguments.read()
        effect = arguments.effect
    if one.reads or effect.reads or effect.nested or "$(" in (one.text or ""):
        return True
    if one.stdin is not None and _reveals(one.stdin, depth + 1):
        return True
    return any(_reveals(out.pipe, depth + 1) for out in one.outputs)


def _is_remote(program: Program, subcommand: str) -> bool:
    known = program.subcommands.get(subcommand, program)
    return known.rule.remote


def _of_unlisted(path: str, words: list[str], effect: Effect) -> None:
    """Read a program that is not in the table: a script given by its path is executed."""
    if not words:
        effect.base = "read"
    elif "/" in path and "$" not in path and not _PATTERN.intersection(path):
        effect.base = "execute"
        effect.file(path, effect.reads)


def _of_redirections(one: Invocation, effect: Effect) -> None:
    for path in one.reads:
        effect.file(path, effect.reads)
    before = len(effect.writes)
    for path in one.writes:
        effect.write(path)
    is_file = any(not path.startswith("/dev/") for path in effect.writes[before:])
    if one.replaces and is_file and is_empty(one):
        effect.operations.append("delete")
