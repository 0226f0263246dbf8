"""Change JSON with comments in place: what is not changed stays as it is, to the letter."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import tree_sitter_json
from tree_sitter import Language, Parser

if TYPE_CHECKING:
    from tree_sitter import Node

_INDENT = re.compile(rb"\n([ \t]+)\S")


class Edit(NamedTuple):
    """Bytes from `start` to `end` become others."""

    start: int
    end: int
    text: bytes


def read(text: str) -> Any:
    """Read JSON; comments are allowed, commas at an end are not.

    Raises
    ------
    ValueError
        It is no JSON.

    Examples
    --------
    >>> read('{"a": 1} // one')
    {'a': 1}
    """
    return _value(_root(text.encode()))


def edited(text: str, after: Any) -> str:
    """Give a text whose value is `after`, as near to a text as it can be.

    Raises
    ------
    ValueError
        The text is no JSON.

    Examples
    --------
    >>> edited('{"a": 1, /* two */ "b": 2}', {"b": 2, "c": [3]})
    '{ /* two */ "b": 2, "c": [3]}'
    """
    source = text.encode()
    unit = (_INDENT.search(source) or [b"", b"  "])[1]
    editor = _Editor(source, unit, b"\r\n" if b"\r\n" in source else b"\n")
    editor.change(_root(source), after)
    for edit in sorted(editor.edits, reverse=True):
        source = source[: edit.start] + edit.text + source[edit.end :]
    return source.decode()


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_json.language()))


def _root(source: bytes) -> Node:
    document = _parser().parse(source).root_node
    values = _elements(document)
    if document.has_error or len(values) != 1:
        raise json.JSONDecodeError("it is no JSON", source.decode(), _fault_at(document))
    return values[0]


def _fault_at(document: Node) -> int:
    """Give where the syntax is broken first, in characters."""
    node = document
    while not (node.is_missing or node.is_error):
        inner = next((one for one in node.children if one.has_error or one.is_missing), None)
        if inner is None:
            break
        node = inner
    return len((document.text or b"")[: node.start_byte].decode("utf-8", "ignore"))


def _elements(node: Node) -> list[Node]:
    """Give the members of an object, the items of an array, or the value of a document."""
    return [one for one in node.named_children if one.type != "comment"]


def _parts(pair: Node) -> tuple[str, Node]:
    key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
    if key is None or value is None or key.text is None:
        raise ValueError("it is no JSON")
    return str(json.loads(key.text)), value


def _value(node: Node) -> Any:
    if node.type == "object":
        return {key: _value(value) for key, value in map(_parts, _elements(node))}
    if node.type == "array":
        return [_value(one) for one in _elements(node)]
    return json.loads(node.text or b"")


class _Editor:
    """Collects the edits that turn one value into another."""

    def __init__(self, source: bytes, unit: bytes, newline: bytes) -> None:
        self._source, self._unit, self._newline = source, unit, newline
        self.edits: list[Edit] = []

    def change(self, node: Node, after: Any) -> None:
        """Turn the value of a node into another one."""
        if node.type == "object" and isinstance(after, dict):
            self._members(node, after)
        elif node.type == "array" and isinstance(after, list):
            self._items(node, after)
        elif _value(node) != after:
            self._replace(node, after)

    def _replace(self, node: Node, after: Any) -> None:
        text = self._written(after, self._indent_at(node.start_byte))
        self.edits.append(Edit(node.start_byte, node.end_byte, text))

    def _members(self, node: Node, after: dict[str, Any]) -> None:
        pairs = {_parts(pair)[0]: pair for pair in _elements(node)}
        kept = [pair for key, pair in pairs.items() if key in after]
        for key, pair in pairs.items():
            if key in after:
                self.change(_parts(pair)[1], after[key])
        self._remove(node, [pair for key, pair in pairs.items() if key not in after])
        more = [(json.dumps(key, ensure_ascii=False).encode() + b": ", value)
                for key, value in after.items() if key not in pairs]  # fmt: skip
        self._append(node, kept, more)

    def _items(self, node: Node, after: list[Any]) -> None:
        nodes = _elements(node)
        old, new = ([json.dumps(one, sort_keys=True) for one in values]
                    for values in (map(_value, nodes), after))  # fmt: skip
        removed: list[Node] = []
        more: list[tuple[bytes, Any]] = []
        for _, i1, i2, j1, j2 in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
            if old[i1:i2] == new[j1:j2]:
                continue
            if i2 - i1 == j2 - j1:
                for one, value in zip(nodes[i1:i2], after[j1:j2], strict=True):
                    self.change(one, value)
            elif j1 == j2:
                removed += nodes[i1:i2]
            elif i1 == i2 == len(nodes):
                more += [(b"", value) for value in after[j1:j2]]
            else:
                self._replace(node, after)
                return
        self._remove(node, removed)
        self._append(node, [one for one in nodes if one not in removed], more)

    def _remove(self, node: Node, removed: list[Node]) -> None:
        """Remove elements, each with one comma, and with its line where it is alone there."""
        starts = {one.start_byte for one in removed}
        last = max((one.start_byte for one in _elements(node) if one.start_byte not in starts),
                   default=-1)  # fmt: skip
        children = node.children
        for at, one in enumerate(children):
            if one.start_byte not in starts or not one.is_named:
                continue
            start = self._line_start(one.start_byte)
            self.edits.append(Edit(start, one.end_byte, b""))
            around = children[at + 1 :] if one.start_byte < last else reversed(children[:at])
            comma = next((other for other in around if other.type == ","), None)
            if comma is not None:
                self.edits.append(Edit(comma.start_byte, comma.end_byte, b""))

    def _append(self, node: Node, kept: list[Node], more: list[tuple[bytes, Any]]) -> None:
        if not more:
            return
        own = self._indent_at(node.start_byte)
        first = kept[0] if kept else None
        inline = first is not None and b"\n" not in self._source[node.start_byte : first.start_byte]
        indent = own + self._unit if first is None or inline else self._indent_at(first.start_byte)
        before = b" " if inline else self._newline + indent
        texts = [head + self._written(value, own if inline else indent, inline=inline)
                 for head, value in more]  # fmt: skip
        added = (b"," + before).join(texts)
        if kept:
            self.edits.append(Edit(kept[-1].end_byte, kept[-1].end_byte, b"," + before + added))
            return
        after = b"" if b"\n" in self._source[node.start_byte : node.end_byte] else (
            self._newline + own
        )  # fmt: skip
        at = node.start_byte + 1
        self.edits.append(Edit(at, at, before + added + after))

    def _written(self, value: Any, indent: bytes, *, inline: bool = False) -> bytes:
        width = None if inline else self._unit.decode()
        text = json.dumps(value, ensure_ascii=False, indent=width)
        return text.encode().replace(b"\n", self._newline + indent)

    def _indent_at(self, place: int) -> bytes:
        """Give the white space at the beginning of the line of a place."""
        line = self._source[self._source.rfind(b"\n", 0, place) + 1 : place]
        return line[: len(line) - len(line.lstrip(b" \t"))]

    def _line_start(self, place: int) -> int:
        """Give the end of the line before, where only white space comes before a place."""
        begin = self._source.rfind(b"\n", 0, place)
        if begin < 0 or self._source[begin:place].strip():
            return place
        return begin - 1 if self._source[begin - 1 : begin] == b"\r" else begin
