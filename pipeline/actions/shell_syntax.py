"""Split a command line of bash into its simple commands; nothing is executed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pipeline.actions.shell_tree import tree_of
from pipeline.actions.streams.context import Context, Step
from pipeline.actions.streams.escapes import without_escapes
from pipeline.actions.streams.invocation import (
    MAX_WORD,
    MAX_WORDS,
    SUBSTITUTED,
    Invocation,
    Output,
    Pipe,
)
from pipeline.actions.streams.words import (
    READING,
    Inner,
    Word,
    escaped,
    is_indexed,
    is_list,
    is_optional,
    is_split,
    made_of,
    name_in,
    part_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_COMMANDS = 100
MAX_NODES = 5_000
"""Most nodes of a syntax tree that are visited."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r"\\([$`\"\\\n])")
_VARIABLE = re.compile(r"\$\{?(\w+|[@*])\}?")
_LONGEST_NUMBER = 4
_ALL_ARGUMENTS = frozenset({'"$@"', "$@", '"${@}"', "${@}", "$*", "${*}"})
_WRITING = (">", ">>", "&>", "&>>", ">|", ">&", "<>")
_REDIRECTS = frozenset({"file_redirect", "herestring_redirect"})
_SUBSTITUTIONS = frozenset({"command_substitution", "process_substitution"})
_QUOTED = frozenset({"raw_string", "ansi_c_string", "string"})
_NO_VALUE = frozenset({"heredoc_start", "heredoc_end", "comment"})


class Parsed(NamedTuple):
    """Simple commands of a line.

    Attributes
    ----------
    commands
        The commands, in the order of the text.
    complete, cut
        Whether all of it was parsed, and whether a limit was reached.
    assignments
        Assignments of variables as ``export NAME=VALUE``, in the order of the text.
    """

    commands: list[Invocation]
    complete: bool
    cut: bool
    assignments: list[Invocation]


def parse(line: str, arguments: tuple[str, ...] = ()) -> Parsed:
    """Give the simple commands of a line.

    Parameters
    ----------
    line
        The text.
    arguments
        Values of ``$0``, ``$1``, … in it.

    Examples
    --------
    >>> found = parse("cat < a.txt | tee 'b c' > $(date).log")
    >>> [one.words for one in found.commands], found.complete, found.cut
    ([['cat'], ['tee', 'b c'], ['date']], True, False)
    """
    root = tree_of(line)
    if root is None:
        return Parsed([], complete=False, cut=True, assignments=[])
    reader = _Reader(line.encode("utf-8", "replace"))
    reader.read(root, Context(arguments=arguments))
    whole = reader.complete and not reader.cut and not root.has_error
    return Parsed(reader.found, complete=whole, cut=reader.cut, assignments=reader.assignments)


class _Reader:
    """Walks one syntax tree in the order of the text."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._nodes = 0
        self._room = MAX_WORDS
        self._context = Context()
        self._known: dict[str, str | Pipe] = {}
        self._several: set[str] = set()
        self._functions: dict[str, Node] = {}
        self._uncalled: dict[int, Node] = {}
        self._waiting: list[Step] = []
        self.found: list[Invocation] = []
        self.assignments: list[Invocation] = []
        self.complete = True
        self.cut = False

    def read(self, root: Node, context: Context) -> None:
        """Collect the commands below a node, then those of functions that it does not call."""
        self._later([root], context)
        while self._waiting or self._uncalled:
            if not self._waiting:
                self._later([self._uncalled.pop(next(iter(self._uncalled)))], context)
            step = self._waiting.pop()
            if not self._counts():
                return
            if len(self.found) >= MAX_COMMANDS:
                self.cut = True
                return
            self._context = step.context
            if step.before >= 0:
                self._redirect_last(step.node, step.before)
            else:
                self._visit(step.node)

    def _counts(self) -> bool:
        self._nodes += 1
        self.cut = self.cut or self._nodes > MAX_NODES
        return self._nodes <= MAX_NODES

    def _visit(self, node: Node) -> None:
        kind = node.type
        if kind == "command":
            self._command(node)
        elif kind == "redirected_statement":
            self._redirected(node)
        elif kind in _REDIRECTS:  # as in `$(<file)`
            target = Invocation()
            self._redirect(node, target)
            is_known = node.parent is None or node.parent.type != "ERROR"
            target.replaces = target.replaces and is_known  # else its command may write
            self._add(target)
        elif kind == "variable_assignment":
            self._assignment(node)
        elif kind == "function_definition":
            self._function(node)
        elif kind == "pipeline":
            self._pipeline(node)
        elif kind == "for_statement":
            self._loop(node)
        else:
            if kind in _QUOTED:
                self._evaluated(node)
            self._later(node.named_children)

    def _evaluated(self, node: Node) -> None:
        """Read a text in quotes that bash evaluates if it is, or has, an index with a command."""
        raw = self._raw(node)
        if "$(" in raw or "`" in raw:
            is_index = node.parent is not None and node.parent.type == "subscript"
            text = raw if is_index else self._word(node).text
            if is_indexed(text):
                self._add(Invocation(words=["let", text]))

    def _loop(self, node: Node) -> None:
        """Read a loop: its variable may have what any of the values has."""
        name, values = node.child_by_field_name("variable"), node.children_by_field_name("value")
        body, whole, steps = node.child_by_field_name("body"), Word([], [], [], []), list[Step]()
        for value in values:
            word = self._word(value)
            whole.inner.extend(word.inner)
            whole.parts.append(word.text)
            steps += self._steps(word, None)
        key = self._raw(name) if name is not None else ""
        self._known.pop(key, None)
        if whole.inner:
            self._known[key] = made_of(whole)
        if any(text.startswith("-") for text in whole.parts):
            self._several.add(key)
        self._later([body] if body is not None else [])
        self._waiting += reversed(steps)

    def _later(self, nodes: list[Node], context: Context | None = None) -> None:
        self._waiting += [Step(one, context or self._context) for one in reversed(nodes)]

    def _pipeline(self, node: Node) -> None:
        steps, context = list[Step](), self._context
        stdin, last = context.stdin, len(node.named_children) - 1
        for at, child in enumerate(node.named_children):
            out = Pipe() if at < last else context.out
            steps.append(Step(child, context._replace(stdin=stdin, out=out)))
            stdin = out
        self._waiting += reversed(steps)

    # ------------------------------------------------------------------ functions

    def _function(self, node: Node) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            self._functions[self._raw(name)] = body
            self._uncalled[body.id] = body
        self._later([one for one in node.named_children if one not in (name, body)])

    def _call(self, one: Invocation) -> None:
        """Read the body of a function with the arguments of its call."""
        name, context = one.words[0], self._context
        if name not in context.active:
            body = self._functions[name]
            self._uncalled.pop(body.id, None)
            inside = context._replace(arguments=tuple(one.words), active=context.active | {name})
            self._later([body], inside)

    # ------------------------------------------------------------------ commands

    def _command(self, node: Node) -> Invocation:
        one = Invocation(stdin=self._context.stdin)
        inner: list[Step] = []
        for child in node.named_children:
            if child.type == "variable_assignment":
                inner += self._assigned(child)
            elif child.type in _REDIRECTS:
                self._redirect(child, one)
            elif self._context.arguments and self._raw(child) in _ALL_ARGUMENTS:
                one.words += self._context.arguments[1:]
            else:
                word, split = self._word(child), is_split(child)
                for found in word.inner:
                    self._output(one, found, split)
                words = word.text.split() if split else [word.text]
                if word.lists or (child.type == "concatenation" and is_optional(self._raw(child))):
                    one.lists += words
                one.words += words
                inner += self._steps(word, one)
        if one.words and one.words[0] in self._functions:
            self._call(one)
            one.words, one.outputs = [], []
        else:
            self._add(one)
        if one.words and one.words[0] in READING:
            names = one.words[1:] or ["REPLY"]
            self._known.update(dict.fromkeys(names, Pipe(writers=[one])))
        self._waiting += reversed(inner)
        return one

    def _output(self, one: Invocation, found: Inner, split: bool) -> None:
        if found.sign != ">":
            output = Output(len(one.words), found.marker, found.pipe, split, found.sign == "<")
            one.outputs.append(output)

    def _steps(self, word: Word, one: Invocation | None) -> list[Step]:
        """Give the commands within a word as steps."""
        context = self._context
        steps = [Step(node, context) for node in word.nodes]
        for found in word.inner:
            if found.node is None:
                continue
            if found.sign == ">":
                found.pipe.writers += [one] if one is not None else []
                steps.append(Step(found.node, context._replace(stdin=found.pipe)))
            else:
                steps.append(Step(found.node, context._replace(out=found.pipe)))
        return steps

    def _add(self, one: Invocation) -> None:
        if one.words or one.writes or one.reads:
            self.found.append(one)
            if self._context.out is not None:
                self._context.out.writers.append(one)

    def _redirected(self, node: Node) -> None:
        """Read a statement with redirections; these belong to its last command."""
        body = node.child_by_field_name("body")
        if body is not None and body.type == "command":
            self._redirect_all(node, self._command(body))
            return
        self._waiting.append(Step(node, self._context, len(self.found)))
        if body is not None:
            given = self._given(node)
            self._later([body], self._context._replace(stdin=given) if given else None)

    def _given(self, node: Node) -> Pipe | None:
        """Give a file or text that all commands of a statement have as standard input."""
        one, waiting = Invocation(words=["cat"]), len(self._waiting)
        for child in node.named_children:
            if child.type == "herestring_redirect" or (
                child.type == "file_redirect" and any(part.type == "<" for part in child.children)
            ):
                self._redirect(child, one)
        del self._waiting[waiting:]  # the commands within are read with the last command
        return Pipe(writers=[one]) if one.reads or one.text is not None or one.stdin else None

    def _redirect_last(self, node: Node, before: int) -> None:
        """Read the redirections of a statement whose commands have been read."""
        target = self.found[-1] if len(self.found) > before else Invocation()
        replaces = target.replaces or len(self.found) <= before
        self._redirect_all(node, target)
        target.replaces = target.replaces and replaces  # others may write to it, too

    def _redirect_all(self, node: Node, target: Invocation) -> None:
        for child in node.named_children:
            if child.type == "heredoc_redirect":
                self._heredoc(child, target)
            elif child.type in _REDIRECTS:
                self._redirect(child, target)
        if not any(target is one for one in self.found[-1:]):
            self._add(target)

    def _heredoc(self, node: Node, one: Invocation) -> None:
        for child in node.named_children:
            if child.type == "heredoc_body":
                one.text = self._raw(child)
                self._later(child.named_children)
            elif child.type == "file_redirect":
                self._redirect(child, one)
            elif child.type == "pipeline":
                self._later([child], self._context._replace(stdin=Pipe(writers=[one])))
            elif child.type in ("command", "list", "redirected_statement", "subshell"):
                self._later([child])
            elif child.type not in _NO_VALUE:
                word = self._word(child)
                one.words.append(word.text)
                self._waiting += reversed(self._steps(word, one))

    def _redirect(self, node: Node, one: Invocation) -> None:
        if node.type == "herestring_redirect":
            for child in node.named_children:
                word = self._word(child)
                one.text = word.text
                self._take_output(word, one)
            return
        operators = {child.type for child in node.children if not child.is_named}
        for at, child in enumerate(node.children_by_field_name("destination")):
            word = self._word(child)
            if at and self._source[child.end_byte : child.end_byte + 1] in (b">", b"<"):
                continue  # a descriptor
            if at:  # an argument after a redirection, as in `echo >&2 text`
                for found in word.inner:
                    self._output(one, found, split=False)
                one.words.append(word.text)
                self._waiting += reversed(self._steps(word, one))
                continue
            if operators & {">&", "<&"} and re.fullmatch(r"\d+|-", word.text):
                continue
            if not operators.isdisjoint(_WRITING):
                one.writes.append(word.text)
                one.replaces = one.replaces or operators.isdisjoint((">>", "&>>", "<>"))
                self._waiting += reversed(self._steps(word, one))
            else:
                one.reads.append(word.text)
                self._take_output(word, one)

    def _take_output(self, word: Word, one: Invocation) -> None:
        """Make the output of a word the input of a command, as in ``sh < <(…)``."""
        if len(word.inner) == 1 and word.text == word.inner[0].marker:
            one.stdin, one.text = word.inner[0].pipe, None
        self._waiting += reversed(self._steps(word, None))

    def _assignment(self, node: Node) -> None:
        """Read an assignment that later words of the line see."""
        self._waiting += reversed(self._assigned(node, known=self._known))

    def _assigned(self, node: Node, known: dict[str, str | Pipe] | None = None) -> list[Step]:
        """Read an assignment, and give the commands within it as steps."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return []
        word, key = self._word(value), self._raw(name)
        if known is not None:
            known.pop(key, None)
            if "$" not in word.text and value.type != "array":
                known[key] = word.text
            elif len(word.inner) == 1 and word.text == word.inner[0].marker:
                known[key] = word.inner[0].pipe
            elif word.inner:
                known[key] = made_of(word)
            if value.type == "array":
                self._several.add(key)
        if len(self.assignments) < MAX_COMMANDS:
            one = Invocation(words=["export"])
            for found in word.inner:
                self._output(one, found, split=False)
            one.words.append(f"{key}={word.text}")
            self.assignments.append(one)
        word.nodes.extend(name.named_children)  # an index, as in `x[$(…)]=1`
        return self._steps(word, None)

    # ------------------------------------------------------------------ words

    def _raw(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _word(self, node: Node) -> Word:
        """Give a word without its quotes."""
        word = Word([], [], [], [])
        waiting: list[Node | str] = [node]
        length = known = 0
        while waiting and length <= MAX_WORD:
            one = waiting.pop()
            if isinstance(one, str):
                word.parts.append(one)
            elif self._counts():
                self._part(one, word, waiting)
            length += sum(map(len, word.parts[known:]))
            known = len(word.parts)
        self._room -= length
        if length > MAX_WORD or self._room < 0:
            self.cut = True
        if self._room < 0:
            word.parts.clear()
        return word

    def _part(self, node: Node, word: Word, waiting: list[Node | str]) -> None:
        kind, parts = node.type, word.parts
        if kind in ("concatenation", "command_name", "translated_string", "array"):
            waiting += reversed(node.named_children)
        elif kind == "string":
            waiting += reversed(self._quoted(node))
        elif kind in _SUBSTITUTIONS:
            parts.append(SUBSTITUTED)
            sign = chr(self._source[node.start_byte])
            sign = sign if sign in "<>" else "$"
            word.inner.append(Inner(SUBSTITUTED, Pipe(), node, sign))
        elif kind == "raw_string":
            parts.append(self._raw(node)[1:-1])
        elif kind == "ansi_c_string":
            parts.append(without_escapes(self._raw(node)[2:-1]))
        elif kind in ("simple_expansion", "expansion"):
            self._expansion(node, word)
        elif kind == "word":
            raw = self._raw(node)
            parts.append(_ESCAPED.sub(escaped, raw) if "\\" in raw else raw)
        else:
            parts.append(self._raw(node))
            word.nodes.extend(node.named_children)

    def _expansion(self, node: Node, word: Word) -> None:
        """Read a variable: its value where the line says it."""
        raw = self._raw(node)
        found = _VARIABLE.fullmatch(raw)
        value = self._value(found[1]) if found else self._known.get(name_in(raw))
        if isinstance(value, Pipe):
            word.inner.append(Inner(raw, value if found else part_of(value), None, "$"))
        elif not found:
            value = None
        if value is None or isinstance(value, Pipe):
            several, name = self._several, found[1] if found else ""
            if name in several or name in ("@", "*") or (not found and is_list(raw, several)):
                word.lists.append(raw)
        word.parts.append(value if isinstance(value, str) else raw)
        word.nodes.extend(node.named_children)
        self._hidden(node, raw)

    def _value(self, name: str) -> str | Pipe | None:
        """Give the value of a variable, or of an argument of the function that is read."""
        given = self._context.arguments
        if given and name in ("@", "*"):
            return " ".join(given[1:])
        if given and name.isdecimal() and len(name) < _LONGEST_NUMBER:
            return given[int(name)] if int(name) < len(given) else ""
        return self._known.get(name)

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
        return _ESCAPED_IN_QUOTES.sub(escaped, text) if "\\" in text else text
