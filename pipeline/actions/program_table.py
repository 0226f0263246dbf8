"""Read the table of programs: what each does, and which of its arguments are files or hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, convert, structs

from models.errors import ConfigError
from models.event import Operation  # noqa: TC001 - msgspec reads it
from pipeline.files.toml_file import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

SHIPPED = Path(__file__).parents[1] / "data" / "programs.toml"

Role = Literal[
    "text", "read", "write", "change", "delete", "host", "domain", "url", "source", "target",
    "data", "encoded", "script", "program", "package", "code", "keys", "template", "sql", "module",
    "patch", "bucket", "account", "address", "setting", "snippet", "sign", "alias", "glued",
    "pager", "bang", "library", "sent", "item", "prompt",
]  # fmt: skip
"""What an argument is: see the head of ``pipeline/data/programs.toml``."""


_HELP = frozenset({"--help", "--version", "-V", "-h"})

Input = Literal["code", "snippet", "sql", "patch", "arguments", "lines"]
"""What a program does with a text on standard input."""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One program, or one of its subcommands; the members are those of the TOML file."""

    names: str
    operation: Operation | None = None
    operands: tuple[Role, ...] = ()
    last: Role | None = None
    options: dict[str, Role] = {}
    pairs: dict[str, Role] = {}
    instead: str = ""
    raises: dict[Operation, str] = {}
    lowers: dict[Operation, str] = {}
    marks: dict[Operation, str] = {}
    calls: tuple[str, ...] = ()
    addresses: dict[str, Role] = {}
    input: Input | None = None
    public: str = ""
    changes: str = ""
    does: dict[Operation, str] = {}
    command: tuple[Rule, ...] = ()
    floor: Operation | None = None
    piped: Operation | None = None
    exec: str = ""
    alone: str = ""
    remote: bool = False
    long: bool = False
    plus: Role | None = None
    bundle: bool = False
    verbs: bool = False
    cases: tuple[Any, ...] = ()


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    program: tuple[Rule, ...] = ()
    variables: dict[str, Role] = {}


class Program(Struct, frozen=True):
    """A rule made ready for looking up.

    Attributes
    ----------
    rule
        The rule, with the members that a subcommand inherits from its program.
    options
        Option with a value -> what the value is.
    raises
        Option, or option with value (``-X POST``) -> operation.
    lowers
        Option -> operation of the program with it.
    marks
        Operation -> what is in a text that has it.
    pairs
        Name of a setting in lower case -> what its value is.
    addresses
        Kind of an address -> what the address is.
    alone
        Options with which, where there is nothing else, the program only prints.
    calls
        What a text of another language calls; the name of a group is the role of its text.
    public
        Programs of the entry whose output has nothing of this machine but files that they read.
    subcommands
        Words of a subcommand -> its program.
    prefixes
        First words of subcommands that have more.
    """

    rule: Rule
    options: dict[str, Role]
    raises: dict[str, Operation]
    lowers: dict[str, Operation]
    marks: tuple[tuple[Operation, re.Pattern[str]], ...]
    changes: frozenset[str]
    instead: frozenset[str]
    exec: frozenset[str]
    alone: frozenset[str]
    pairs: dict[str, Role]
    addresses: dict[str, Role]
    calls: tuple[re.Pattern[str], ...]
    public: frozenset[str]
    subcommands: dict[str, Program]
    prefixes: frozenset[str]


def load(path: Path = SHIPPED) -> dict[str, Program]:
    """Read a table of programs.

    Raises
    ------
    ConfigError
        The file cannot be read, or an entry is invalid.

    Examples
    --------
    >>> programs = load()
    >>> programs["git"].subcommands["push"].rule.operation
    'send'
    """
    try:
        table = convert(read_toml(path), _Table)
    except (OSError, ValueError) as error:
        raise ConfigError(f"table of programs {path} cannot be read: {error}") from error
    found: dict[str, Program] = {}
    for rule in table.program:
        if rule.operands == ("program",):  # assignments may be before the program
            rule = structs.replace(rule, pairs={**table.variables, **rule.pairs})
        program = _program(rule, {}, {})
        for name in rule.names.split():
            if name in found:
                raise ConfigError(f"{path}: program {name!r} has two entries")
            found[name] = program
    return found


def _program(
    rule: Rule, inherited: Mapping[str, Role], inherited_marks: Mapping[Operation, str]
) -> Program:
    options = {**inherited, **_by_word(rule.options)}
    subcommands = _subcommands(rule, options)
    words = [name.split() for name in subcommands]
    marks = {**inherited_marks, **rule.marks}
    return Program(
        rule=rule,
        options=options,
        raises=_by_option(rule.raises),
        lowers=_by_option(rule.lowers),
        marks=tuple((one, re.compile(text)) for one, text in marks.items()),
        changes=frozenset(rule.changes.split()),
        instead=frozenset(rule.instead.split()),
        exec=frozenset(rule.exec.split()),
        alone=_HELP.union(rule.alone.split()),
        pairs={word.lower(): role for word, role in _by_word(rule.pairs).items()},
        addresses=_by_word(rule.addresses),
        calls=tuple(map(re.compile, rule.calls)),
        public=frozenset(rule.public.split()),
        subcommands=subcommands,
        prefixes=frozenset(" ".join(one[:at]) for one in words for at in range(1, len(one))),
    )


def _subcommands(rule: Rule, options: Mapping[str, Role]) -> dict[str, Program]:
    found: dict[str, Program] = {}
    for operation, names in rule.does.items():
        plain = Rule(names="", operation=operation, operands=rule.operands,
                     long=rule.long, pairs=rule.pairs, calls=rule.calls)  # fmt: skip
        simple = _program(plain, options, rule.marks)
        found |= dict.fromkeys((name.replace(".", " ") for name in names.split()), simple)
    for one in rule.command:
        pairs, calls = rule.pairs | one.pairs, rule.calls + one.calls
        whole = structs.replace(one, long=rule.long, pairs=pairs, calls=calls)
        detailed = _program(whole, options, rule.marks)
        found |= dict.fromkeys((name.replace(".", " ") for name in one.names.split()), detailed)
    return found


def _by_word(values: Mapping[str, Role]) -> dict[str, Role]:
    return {word: role for words, role in values.items() for word in words.split()}


def _by_option(values: Mapping[Operation, str]) -> dict[str, Operation]:
    return {option.strip(): one for one, options in values.items() for option in options.split(",")}
