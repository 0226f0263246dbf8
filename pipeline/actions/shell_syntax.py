"""Split a command line of bash into its simple commands; nothing is executed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from pipeline.actions.shell_tree import tree_of

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_COMMANDS = 100
MAX_NODES = 5_000
"""Most nodes of a syntax tree that are visited."""
MAX_WORD = 4_096
"""Most characters of a word; the rest is left out."""
_SUBSTITUTED = "$(…)"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r"\\([$`\"\\\n])")
_ANSI = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|[0-7]{1,3}|.)", re.DOTALL)
_ANSI_NAMES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f"}
_SURROGATES = range(0xD800, 0xE000)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_WRITING = (">", ">>", "&>", "&>>", ">|", ">&", "<>")
_REDIRECTS = frozenset({"file_redirect", "herestring_redirect"})
_SUBSTITUTIONS = frozenset({"command_substitution", "process_substitution"})
_NO_VALUE = frozenset({"heredoc_start", "heredoc_end", "comment"})


class Invocation(Struct):
    """One simple command as written.

    Attributes
    ----------
    words
        Program and arguments without their quotes. ``$(…)`` is in place of an inner command.
    reads, writes
        Targets of redirections.
    text
        Text on standard input, of a here-document or a here-string.
    piped
        Whether standard input comes from another command.
    """

    words: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    text: str | None = None
    piped: bool = False


def parse(line: str) -> tuple[list[Invocation], bool]:
    """Give the simple commands of a line, and whether all of it was parsed.

    >>> found, complete = parse("cat < a.txt | tee 'b c' > $(date).log")
    >>> [one.words for one in found], complete
    ([['cat'], ['tee', 'b c'], ['date']], True)
    """
    root = tree_of(line)
    if root is None:
        return [], False
    reader = _Reader(line.encode("utf-8", "replace"))
    reader.read(root)
    return reader.found, reader.complete and not root.has_error


class _Reader:
    """Walks one syntax tree in the order of the text."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._nodes = 0
        self._known: dict[str, str] = {}
        self._functions: set[str] = set()
        # A node, whether it reads a pipe, and -1; or a statement whose redirections are to be read,
        # and the number of commands before it.
        self._waiting: list[tuple[Node, bool, int]] = []
        self.found: list[Invocation] = []
        self.complete = True

    def read(self, root: Node) -> None:
        """Collect the commands below a node."""
        self._later([root])
        while self._waiting:
            node, piped, before = self._waiting.pop()
            if not self._counts() or len(self.found) >= MAX_COMMANDS:
                self.complete = False
                return
            if before >= 0:
                self._redirect_last(node, before)
            else:
                self._visit(node, piped)

    def _counts(self) -> bool:
        self._nodes += 1
        return self._nodes <= MAX_NODES

    def _visit(self, node: Node, piped: bool) -> None:
        kind = node.type
        if kind == "command":
            self._command(node, piped)
        elif kind == "redirected_statement":
            self._redirected(node, piped)
        elif kind == "variable_assignment":
            self._assignment(node)
        elif kind == "function_definition":
            name = node.child_by_field_name("name")
            if name is not None:
                self._functions.add(self._raw(name))
            self._later(node.named_children, piped)
        elif kind == "pipeline":
            children = node.named_children
            self._later(children[1:], True)
            self._later(children[:1], piped)
        else:
            self._later(node.named_children, piped)

    def _later(self, nodes: list[Node], piped: bool = False) -> None:
        self._waiting += [(one, piped, -1) for one in reversed(nodes)]

    # ------------------------------------------------------------------ commands

    def _command(self, node: Node, piped: bool) -> Invocation:
        one = Invocation(piped=piped)
        inner: list[Node] = []
        for child in node.named_children:
            if child.type == "variable_assignment":
                inner += child.named_children[1:]
            elif child.type in _REDIRECTS:
                self._redirect(child, one, inner)
            else:
                value = self._value(child, inner)
                one.words += value.split() if _is_split(child) else [value]
        self._add(one)
        self._later(inner)
        return one

    def _add(self, one: Invocation) -> None:
        is_function = bool(one.words) and one.words[0] in self._functions
        if (one.words or one.writes or one.reads) and not is_function:
            self.found.append(one)

    def _redirected(self, node: Node, piped: bool) -> None:
        """Read a statement with redirections; these belong to its last command."""
        body = node.child_by_field_name("body")
        if body is not None and body.type == "command":
            self._redirect_all(node, self._command(body, piped))
            return
        self._waiting.append((node, piped, len(self.found)))
        if body is not None:
            self._later([body], piped)

    def _redirect_last(self, node: Node, before: int) -> None:
        """Read the redirections of a statement whose commands have been read."""
        target = self.found[-1] if len(self.found) > before else Invocation()
        self._redirect_all(node, target)
        if not target.words:
            self._add(target)

    def _redirect_all(self, node: Node, target: Invocation) -> None:
        inner: list[Node] = []
        for child in node.named_children:
            if child.type == "heredoc_redirect":
                self._heredoc(child, target, inner)
            elif child.type in _REDIRECTS:
                self._redirect(child, target, inner)
        self._later(inner)

    def _heredoc(self, node: Node, one: Invocation, inner: list[Node]) -> None:
        for child in node.named_children:
            if child.type == "heredoc_body":
                one.text = self._raw(child)
                inner += child.named_children
            elif child.type == "file_redirect":
                self._redirect(child, one, inner)
            elif child.type in ("pipeline", "command", "list", "redirected_statement", "subshell"):
                self._later([child], child.type == "pipeline")
            elif child.type not in _NO_VALUE:
                one.words.append(self._value(child, inner))

    def _redirect(self, node: Node, one: Invocation, inner: list[Node]) -> None:
        if node.type == "herestring_redirect":
            for child in node.named_children:
                one.text = self._value(child, inner)
            return
        operators = {child.type for child in node.children if not child.is_named}
        for child in node.children_by_field_name("destination"):
            target = self._value(child, inner)
            if operators & {">&", "<&"} and re.fullmatch(r"\d+|-", target):
                continue
            if target.startswith(("<(", ">(")):
                continue
            if not operators.isdisjoint(_WRITING):
                one.writes.append(target)
            else:
                one.reads.append(target)

    def _assignment(self, node: Node) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        inner: list[Node] = []
        if name is not None and value is not None:
            text = self._value(value, inner)
            if "$" not in text and value.type != "array":
                self._known[self._raw(name)] = text
            else:
                self._known.pop(self._raw(name), None)
            inner += name.named_children  # an index, as in `x[$(…)]=1`
        self._later(inner)

    # ------------------------------------------------------------------ words

    def _raw(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _value(self, node: Node, inner: list[Node]) -> str:
        """Give a word without its quotes; inner commands are added to `inner`."""
        parts: list[str] = []
        waiting: list[Node | str] = [node]
        while waiting:
            one = waiting.pop()
            if isinstance(one, str):
                parts.append(one)
            elif self._counts():
                self._part(one, parts, waiting, inner)
        return "".join(parts)[:MAX_WORD]

    def _part(
        self, node: Node, parts: list[str], waiting: list[Node | str], inner: list[Node]
    ) -> None:
        kind = node.type
        if kind in ("concatenation", "command_name", "translated_string"):
            waiting += reversed(node.named_children)
        elif kind == "string":
            waiting += reversed(self._quoted(node))
        elif kind in _SUBSTITUTIONS:
            parts.append(_SUBSTITUTED)
            inner.append(node)
        elif kind == "raw_string":
            parts.append(self._raw(node)[1:-1])
        elif kind == "ansi_c_string":
            parts.append(_ANSI.sub(_plain, self._raw(node)[2:-1]))
        elif kind in ("simple_expansion", "expansion"):
            found = _VARIABLE.fullmatch(self._raw(node))
            raw = self._raw(node)
            parts.append(self._known.get(found[1], raw) if found else raw)
            inner += node.named_children
            self._hidden(node, raw)
        elif kind == "word":
            raw = self._raw(node)
            parts.append(_ESCAPED.sub(_escaped, raw) if "\\" in raw else raw)
        else:
            parts.append(self._raw(node))
            inner += node.named_children

    def _hidden(self, node: Node, raw: str) -> None:
        """Mark the line where a command in ``${x:=`…`}`` is text in the syntax tree."""
        kinds = {child.type for child in node.named_children}
        if ("`" in raw or "$(" in raw) and kinds.isdisjoint(_SUBSTITUTIONS | {"string"}):
            self.complete = False

    def _quoted(self, node: Node) -> list[Node | str]:
        """Give the parts between double quotes, the text between inner nodes included."""
        found: list[Node | str] = []
        at, end = node.start_byte + 1, node.end_byte - 1
        for child in node.named_children:
            if child.type == "string_content":
                continue
            found += [self._text(at, child.start_byte), child]
            at = child.end_byte
        found.append(self._text(at, end))
        return found

    def _text(self, start: int, end: int) -> str:
        text = self._source[start:end].decode("utf-8", "replace")
        return _ESCAPED_IN_QUOTES.sub(_escaped, text) if "\\" in text else text


def _is_split(node: Node) -> bool:
    """Check for a variable without quotes, whose value the shell splits into words."""
    only = node.named_children[0] if node.type == "command_name" else node
    return only.type in ("simple_expansion", "expansion")


def _escaped(found: re.Match[str]) -> str:
    """Give the character after a backslash; a line break after it is left out."""
    return "" if found[1] == "\n" else found[1]


def _plain(found: re.Match[str]) -> str:
    r"""Give the character of an escape in ``$'…'``."""
    code = found[1]
    if code in _ANSI_NAMES:
        return _ANSI_NAMES[code]
    if len(code) > 1 and code[0] in "xu":
        point = int(code[1:], 16)
        return "\ufffd" if point in _SURROGATES else chr(point)
    return chr(int(code, 8) & 0xFF) if code[0] in "01234567" else code
