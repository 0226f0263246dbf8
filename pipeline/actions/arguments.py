"""Interpret the words of one command by the table of programs."""

from __future__ import annotations

import re
from itertools import islice
from shlex import quote
from typing import TYPE_CHECKING, cast

from pipeline.actions.effect import Effect
from pipeline.actions.hosts import host_in, url_in
from pipeline.actions.streams.requests import of_remote, sends_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Operation
    from pipeline.actions.program_table import Program, Role

_MAX_SUBCOMMAND = 3
_MAX_VERBS = 5
_OPTION = re.compile(r"-.")
_LINES = ("code", "keys", "template")
_JOINED = (*_LINES, "setting")
"""Operands that take all words that follow."""
_GLUED = ("glued", "pager")
_RUNNING = frozenset({*_JOINED, "program", "package", "module", "library", "pager", "bang"})
"""Values of options that are executed."""
_STORES = {"bucket": "s3", "account": "az"}
_KEY = re.compile(r"Enter|KPEnter|C-[a-z]|Escape|Space")
_MAX_CALLS = 20
"""Most calls of one kind that are read in a text of another language."""
_URL = re.compile(r"\b(?:https?|wss?|ftps?|tcp|ssh)://[^\s'\"`<>()\\]{1,300}", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r"""["']([^"']{0,300})["']""")
_SOCKET = re.compile(r"(?:\[[^\]]{0,64}\]|[^:,]{0,253})(?::\d{1,5})?")
_SETTING = re.compile(r"\s*([\w.-]{1,80})\s*[=\s]\s*(.*)", re.DOTALL)
_RUNS = re.compile(r"\$\((?!…)|`")
"""A command within a text; one that has been read has a sign in its place."""
_ITEM = re.compile(r"[\w.\[\]-]{1,200}(?::=@?|=@?|@)(?!=)")
"""What adds to the body of a request of HTTPie; ``name==value`` and ``Name:value`` do not."""


class Arguments:
    """Reads the arguments of one command, from left to right.

    Parameters
    ----------
    program
        Its entry in the table.
    words
        The words after the program.
    infer
        Gives the operation of a tool by its name, for programs with ``verbs``.
    revealing
        What is in the words in place of output that has content of this machine.
    lists
        Words in place of several that the line does not say.

    Attributes
    ----------
    effect
        What the command does.
    subcommand
        Words of the subcommand.
    """

    def __init__(
        self,
        name: str,
        program: Program,
        words: list[str],
        infer: Callable[[str], Operation],
        revealing: frozenset[str] = frozenset(),
        lists: frozenset[str] = frozenset(),
    ) -> None:
        self._name, self._words, self._at = name, words, 0
        self._infer, self._revealing, self._lists = infer, revealing, lists
        self._top = self._rule = program
        self._operands: list[str] = []
        self._verbs: list[str] = []
        self._changes = False
        self._lowered: Operation | None = None
        self._lead_given = False
        self._done = False
        self.effect = Effect()
        self.subcommand = ""

    def read(self) -> None:
        """Read all words."""
        if self._top.rule.bundle and self._words and not self._words[0].startswith("-"):
            self._words = ["-" + self._words[0], *self._words[1:]]
        literal = False
        while self._at < len(self._words) and not self._done:
            word = self._words[self._at]
            self._at += 1
            if word == "--" and not literal:
                literal = True
                self._raise(word)
            elif word.startswith("+") and self._top.rule.plus and not literal:
                self._take(word[1:], self._top.rule.plus)
            elif literal or not _OPTION.match(word):
                self._operand(word)
            else:
                self._option(word)
        self._finish()

    # ------------------------------------------------------------------ options

    def _option(self, word: str) -> None:
        rule = self._rule
        if word in rule.exec:
            self._exec()
            return
        name, equals, value = word.partition("=")
        if name in rule.options and equals:
            self._valued(name, value)
        elif word in rule.options:
            self._valued(word, "" if rule.options[word] in _GLUED else self._next())
        elif word.startswith("--") or rule.rule.long:
            self._flag(name)
        else:
            self._cluster(word)

    def _cluster(self, word: str) -> None:
        """Read short options in one word, such as ``-rf`` or ``-ofile``."""
        for at, letter in enumerate(word[1:], 2):
            option = "-" + letter
            if option in self._rule.options:
                is_glued = self._rule.options[option] in _GLUED
                self._valued(option, word[at:] if is_glued else word[at:] or self._next())
                return
            self._flag(option)

    def _flag(self, option: str) -> None:
        self._raise(option)
        if option in self._rule.changes:
            self._changes = True
        self._lowered = self._rule.lowers.get(option, self._lowered)

    def _valued(self, option: str, value: str) -> None:
        self._flag(option)
        self._raise(f"{option} {value.upper()}" if len(value) < 10 else "")
        if option in self._rule.instead:
            self._lead_given = True
        self._take(value, self._rule.options[option])

    def _raise(self, option: str) -> None:
        operation = self._rule.raises.get(option)
        if operation is not None:
            self.effect.operations.append(operation)

    def _next(self) -> str:
        self._at += 1
        return self._words[self._at - 1] if self._at <= len(self._words) else ""

    def _exec(self) -> None:
        """Read the command of ``find -exec`` up to its semicolon."""
        words: list[str] = []
        while self._at < len(self._words) and self._words[self._at] not in (";", "+"):
            words.append(self._next())
        self._at += 1
        self.effect.nested.append(words)

    # ------------------------------------------------------------------ operands

    def _operand(self, word: str) -> None:
        rule = self._rule
        key, equals, value = word.partition("=")
        if equals and key.lower() in rule.pairs:
            self._take(value, rule.pairs[key.lower()])
            return
        if self._subcommand(word) or (not word and self._changes and not self._operands):
            return  # BSD's `sed -i ''` has its suffix in a word of its own
        if self._top.rule.verbs and self._rule is self._top and self.subcommand:
            # The beginning of a longer subcommand that did not follow.
            self._verbs, self.subcommand = self.subcommand.split(), ""
            self._operands = list(self._verbs)
        if self._top.rule.verbs and len(self._operands) == len(self._verbs) < _MAX_VERBS:
            self._verbs.append(word)
        roles = rule.rule.operands
        at = len(self._operands) + (1 if self._lead_given else 0)
        role = roles[min(at, len(roles) - 1)] if roles else "text"
        if role == "program":
            if "=" in word and rule.rule.operands == ("program",) and word[:1] not in "/.":
                return  # an assignment before the program, as of `env`
            self.effect.nested.append([word, *self._words[self._at :]])
            self._done = True
        elif role in _JOINED and at >= len(roles) - 1:
            self._line([word, *self._words[self._at :]], role)
            self._done = True
        elif role == "package":
            self._package(word)
        else:
            self._raise(word)
            self._operands.append(word)
            self._done = role == "script"

    def _line(self, words: list[str], role: Role) -> None:
        """Take the text of a command line that is in several words."""
        if role == "keys":
            words = [word for word in words if not _KEY.fullmatch(word)]
        if role == "setting":
            self._setting(" ".join(words))
            return
        if role != "template" or ":::" not in words:
            self.effect.nested.append(" ".join(words))
            return
        at = words.index(":::")
        given = [word for word in words[at:] if word != ":::"]
        if at == 0:  # each argument is a command line
            self.effect.nested.append("\n".join(given))
            return
        line, values = " ".join(words[:at]), " ".join(map(quote, given))
        line = line.replace("{}", values) if "{}" in line else f"{line} {values}"
        self.effect.nested.append(line)

    def _package(self, word: str) -> None:
        """Take a program that is fetched from a registry and run: ``@scope/name@1.2``."""
        place = url_in(word)
        if place is not None:
            self.effect.destinations.append(place)
        name = word.rpartition("/")[2]
        name = name[:1] + name[1:].partition("@")[0]
        self.effect.nested.append([name.partition("==")[0], *self._words[self._at :]])
        self._done = True

    def _subcommand(self, word: str) -> bool:
        """Read a word of the subcommand; the longest one in the table counts."""
        if self._operands or self._verbs or not self._top.subcommands:
            return False
        if self.subcommand.count(" ") >= _MAX_SUBCOMMAND - 1:
            return False
        longer = f"{self.subcommand} {word}".lstrip()
        found = self._top.subcommands.get(longer)
        if found is None and longer not in self._top.prefixes:
            return False
        if found is not None:
            self._rule = found
        self.subcommand = longer
        return True

    def _finish(self) -> None:
        rule = self._rule.rule
        roles = rule.operands
        shift = 1 if self._lead_given else 0
        for at, word in enumerate(self._operands, shift):
            role: Role = roles[min(at, len(roles) - 1)] if roles else "text"
            if rule.last is not None and at > shift and at == len(self._operands) - 1 + shift:
                role = rule.last
            self._take(word, role)
        if self.effect.is_emptied and self.effect.writes and not self.effect.reads:
            self.effect.operations.append("delete")
        if self._lead_given and self.effect.nested:
            self.effect.arguments = tuple(self._operands)
        self.effect.base = self._base()
        if self._lists and self._may_be_graver():
            self.effect.operations.append("unknown")

    def _may_be_graver(self) -> bool:
        """Check for a list where options may be, of a program that executes or raises with one."""
        words = self._words[: self._at]
        before = words[: words.index("--")] if "--" in words else words
        if self._lists.isdisjoint(before):
            return False
        rule = self._rule
        is_running = rule.exec or not _RUNNING.isdisjoint(rule.rule.options.values())
        grave = [option for option, one in rule.raises.items() if one not in ("read", "write")]
        return bool(is_running) or any(option.startswith("-") for option in grave)

    def _base(self) -> Operation:
        """Give the operation of program and subcommand, which options raise."""
        rule = self._rule.rule
        if self._words and self._rule.alone.issuperset(self._words):
            return "read"
        if self._lowered is not None:
            return self._lowered
        if rule.operation is not None:
            return rule.operation
        if self._verbs:
            return self._by_verbs()
        return self._top.rule.operation or "unknown"

    def _by_verbs(self) -> Operation:
        """Give the operation of the first verb, as of ``compute instances delete``.

        A write to something that is administered, such as ``role assignment create``, is `admin`.
        """
        verbs = self._verbs
        for at in (*range(1, len(verbs)), 0):
            service = verbs[at - 1] if at else self._name
            operation = self._infer(f"{service}:{verbs[at]}")
            if operation == "unknown":
                continue
            self.subcommand = " ".join(verbs[: at + 1])
            if operation == "write" and "admin" in map(self._infer, verbs[:at]):
                return "admin"
            return operation
        return self._top.rule.operation or "unknown"

    # ------------------------------------------------------------------ values

    def _take(self, value: str, role: Role) -> None:
        """Take the value of an option or an operand."""
        effect = self.effect
        if role in ("text", "snippet"):
            self.snippet(value, role == "snippet")
        elif role in ("read", "script"):
            self._done = self._done or role == "script"
            effect.file(value, effect.reads)
            if self._changes:
                effect.file(value, effect.writes)
                effect.operations.append("write")
        elif role in ("write", "delete"):
            effect.write(value, role)
        elif role == "change":
            effect.file(value, effect.reads)
            effect.file(value, effect.writes)
        elif role in _STORES:
            effect.destinations.append(f"{_STORES[role]}://{value}")
        elif role == "address":
            self._address(value)
        elif role == "setting":
            self._setting(value)
        elif role == "sign":
            effect.sign = value
        elif role == "patch":
            effect.patch(value)
        elif role == "sql":
            effect.statements.append(value)
        elif role in _LINES or (role == "pager" and value):
            effect.nested.append(value)
        elif role == "prompt":
            quoted = value.replace('"', '\\"')
            effect.nested += [f': "{quoted}"'] if _RUNS.search(value) else []
        elif role == "bang":
            effect.nested += [value[1:]] if value.startswith("!") else []
        elif role == "library":
            if effect.file(value, effect.reads):
                effect.operations.append("execute")
        elif role == "alias":
            effect.nested.append(value.partition("=")[2])
        elif role in ("program", "package"):
            effect.nested.append([value])
        elif role == "module":
            effect.nested.append([value, *self._words[self._at :]])
            self._done = True
        elif role in ("data", "encoded"):
            name, at, path = value.partition("@")
            if at and (not name or name.endswith("=") or (role == "encoded" and "=" not in name)):
                effect.file(path.partition(";")[0], effect.reads)
        elif role in ("sent", "item"):
            self._sent(value, role)
        elif role not in _GLUED:
            self._place(value, role)

    def snippet(self, value: str, urls: bool = True) -> None:
        """Take a text of another language: what it calls, and its URLs if there may be any."""
        effect = self.effect
        effect.operations += [one for one, mark in self._rule.marks if mark.search(value)]
        for pattern in self._rule.calls:
            for found in islice(pattern.finditer(value), _MAX_CALLS):
                self._called(found.groupdict(""))
        if urls:
            found_hosts = map(host_in, islice(_URL.findall(value), _MAX_CALLS))
            effect.destinations += [host for host in found_hosts if host is not None]

    def _called(self, groups: dict[str, str]) -> None:
        """Take what a call of a snippet has."""
        for name, text in groups.items():
            role, port = name.partition("_")[0], groups.get("port", "")
            if not text or role == "port":
                continue
            text = _ESCAPED.sub(r"\1", text)
            if role == "list":
                self.effect.nested.append(_QUOTED.findall(text))
            elif role == "host" and port:
                self._take(f"{text}:{port}", "host")
            else:
                self._take(text, cast("Role", role))

    def _address(self, value: str) -> None:
        """Take an address of socat, ``TCP4:example.com:443,fork``."""
        kind, _, rest = value.partition(":")
        role = self._rule.addresses.get(kind.lower(), "text")
        if role == "host":
            found = _SOCKET.match(rest)
            rest = found[0] if found else ""
        self._take(rest if role == "host" else rest.partition(",")[0], role)

    def _setting(self, value: str) -> None:
        """Take ``NAME=VALUE`` or ``NAME VALUE``, as after ``ssh -o`` and ``git -c``."""
        found = _SETTING.match(value)
        name = found[1].lower() if found else ""
        first, last = name.partition(".")[0], name.rpartition(".")[2]
        keys = (name, f"{first}.*", f"*.{last}")
        role = next((self._rule.pairs[key] for key in keys if key in self._rule.pairs), None)
        self.snippet(value, False)
        if found and role is not None:
            self._take(found[2], role)

    def _sent(self, value: str, role: Role) -> None:
        """Take a text that the host gets beside the URL."""
        name, at, path = value.partition("@")
        is_item = role == "item" and _ITEM.match(value) is not None
        is_file = bool(at) and (is_item or not name)
        if is_file:
            self.effect.file(path.partition(";")[0], self.effect.reads)
        if is_item or is_file or any(marker in value for marker in self._revealing):
            self.effect.operations.append("send")

    def _place(self, value: str, role: Role) -> None:
        """Take a host, a URL, or a path that may be remote."""
        self.snippet(value, False)
        is_host = role in ("host", "domain")
        remote = value if is_host else of_remote(value)
        if sends_output(remote, self._revealing):
            self.effect.operations.append("send")
        if role == "domain" and "." not in value:
            return
        host = host_in(value) if is_host else url_in(value)
        if host is not None:
            self.effect.destinations.append(host)
            if role == "target":
                self.effect.operations.append("send")
        elif role == "source":
            self.effect.file(value, self.effect.reads)
        elif role == "target":
            self.effect.write(value)
